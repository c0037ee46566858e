//! What organizers, the office and operators ask, with the scope `admin`.

pub mod coupons;
pub mod events;
pub mod operations;
pub mod orders;
pub mod payments;
pub mod payouts;
pub mod points;
pub mod settlements;
pub mod webhooks;

use crate::edge::router::Route;

pub fn routes() -> Vec<Route> {
    let nouns = [
        events::routes::routes(),
        coupons::routes::routes(),
        points::routes::routes(),
        orders::routes(),
        operations::routes::routes(),
        payments::routes(),
        payouts::routes(),
        settlements::routes::routes(),
        webhooks::routes::routes(),
    ];
    nouns.into_iter().flatten().collect()
}
