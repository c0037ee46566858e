//! The routes of `me`.

use crate::edge::api::coupons::view::CouponView;
use crate::edge::api::me::points::{MoveView, PointsView};
use crate::edge::api::me::ticket::OwnTicketView;
use crate::edge::api::orders::view::OrderView;
use crate::edge::router::{Route, get};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/me/coupons", "list_my_coupons", "Coupons of the user", super::coupons)
            .user()
            .about(
                "All coupons of the user, used and expired ones too, by campaign and number. A coupon that was just \
                 claimed is in the list when the ledger has it, a moment later.",
            )
            .paged()
            .answers_page::<CouponView>(),
        get("/v1/me/orders", "list_my_orders", "Orders of the user, newest first", super::orders)
            .user()
            .about("Orders as the ledger has them. An order that was just placed is in the list a moment later.")
            .paged()
            .answers_page::<OrderView>(),
        get("/v1/me/tickets", "list_my_tickets", "Tickets of the user", super::tickets)
            .user()
            .about("Every ticket of the user, void ones too.")
            .paged()
            .answers_page::<OwnTicketView>(),
        get("/v1/me/points", "get_my_points", "Points of the user", super::points)
            .user()
            .about("The balance, what is owed, and the lots in the order in which they are spent.")
            .answers::<PointsView>(200, "Balance and lots"),
        get("/v1/me/points/moves", "list_my_point_moves", "How points came and went, newest first", super::moves)
            .user()
            .about("Each change of the balance, with the order or refund it belongs to.")
            .paged()
            .answers_page::<MoveView>(),
    ]
}
