//! The public and the admin API, by noun: its routes, what is asked, what is answered, the handlers.
//!
//! The tables of routes are the one source of the router and of the OpenAPI documents.

pub mod admin;
pub mod coupons;
pub mod events;
pub mod field_faults;
pub mod holds;
pub mod lookup;
pub mod me;
pub mod money;
pub mod notices;
pub mod ops;
pub mod orders;
pub mod page;
pub mod pages;
pub mod passes;
pub mod queue;
pub mod quotes;
pub mod refunds;
pub mod room;
pub mod seats;
pub mod webhooks;

use super::router::{Listener, Route};

/// The routes that a listener serves.
pub fn on(listener: Listener, admin_public: bool) -> Vec<Route> {
    table().into_iter().filter(|route| route.is_on(listener, admin_public)).collect()
}

/// Every route of every listener.
pub fn table() -> Vec<Route> {
    let nouns = [
        queue::routes::routes(),
        room::routes::routes(),
        passes::routes(),
        events::routes::routes(),
        seats::routes::routes(),
        holds::routes::routes(),
        quotes::routes::routes(),
        coupons::routes::routes(),
        orders::routes::routes(),
        refunds::routes::routes(),
        me::routes::routes(),
        webhooks::routes(),
        admin::routes(),
        pages::routes(),
        ops::routes(),
    ];
    nouns.into_iter().flatten().collect()
}
