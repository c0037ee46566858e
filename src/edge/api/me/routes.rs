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
                "By campaign and number, the used and expired ones too. One just claimed may come a moment later: \
                 it is there when the ledger has it.",
            )
            .paged()
            .answers_page::<CouponView>(),
        get("/v1/me/orders", "list_my_orders", "Orders of the user, newest first", super::orders)
            .user()
            .about("As the ledger has them: one just placed may come a moment later.")
            .paged()
            .answers_page::<OrderView>(),
        get("/v1/me/tickets", "list_my_tickets", "Tickets of the user", super::tickets)
            .user()
            .about("Every ticket, the void ones too.")
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
