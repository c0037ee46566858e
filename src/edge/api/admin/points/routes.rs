//! The routes of `points`.

use crate::edge::api::admin::points::body::{CorrectionBody, GrantBody};
use crate::edge::api::me::points::{CorrectionView, GrantView};
use crate::edge::problem::Code;
use crate::edge::router::{Route, post};

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/admin/users/{user}/points", "grant_points", "Give points to a user", super::grant)
            .admin()
            .about(
                "The points are a lot of their own, until `expires_at`. Points that the user owes are paid from \
                 this lot first, so the balance may grow by less. The user need not be known. A text that cannot be \
                 a user is `NOT_FOUND`.",
            )
            .keyed()
            .body::<GrantBody>()
            .answers::<GrantView>(201, "Given")
            .errors(&[Code::NotFound]),
        post(
            "/v1/admin/users/{user}/points/corrections",
            "correct_points",
            "Take points back that were given wrongly",
            super::correct,
        )
        .admin()
        .about(
            "They are taken from the points that expire soonest. What is not there is owed: points that come in later pay \
             it first. The reason is kept in the ledger.",
        )
        .keyed()
        .body::<CorrectionBody>()
        .answers::<CorrectionView>(201, "Taken")
        .errors(&[Code::NotFound]),
    ]
}
