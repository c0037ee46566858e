//! Giving points away.

use http::StatusCode;

use crate::catalog::{Grant, GrantOutcome};
use crate::edge::asks::points::GrantBody;
use crate::edge::views::points::GrantView;
use crate::edge::{Answer, Code, Outcome, Request};
use crate::ids::{UserId, is_user};

/// `POST /v1/admin/users/{user}/points`
pub async fn grant(request: Request) -> Outcome {
    let scope = request.scope()?;
    let body = request.json::<GrantBody>()?;
    body.value.check(request.state.clock.now_ms())?;
    let user = request.param("user");
    if !is_user(user) {
        return Err(Code::NotFound.into());
    }
    todo!()
}
