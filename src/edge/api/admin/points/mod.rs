//! Giving points away, and taking them back.

pub mod body;
pub mod routes;

use http::StatusCode;

use self::body::{CorrectionBody, GrantBody};
use crate::edge::api::me::points::{CorrectionView, GrantView};
use crate::edge::{Answer, Code, Outcome, Request};
use crate::facts::ids::{UserId, is_user, scope_digest};
use crate::ledger::wallets::{Corrected, Correction, Grant, Granted};

/// `POST /v1/admin/users/{user}/points`
pub async fn grant(request: Request) -> Outcome {
    let scope = request.scope()?;
    let body = request.json::<GrantBody>()?;
    body.value.check()?;
    let user = request.param("user");
    if !is_user(user) {
        return Err(Code::NotFound.into());
    }

    let grant = Grant {
        id: format!("g{}", scope_digest(scope)),
        digest: body.digest,
        user: UserId::from(user),
        amount: body.value.amount,
        currency: request.state.catalog.currency().to_owned(),
        expires_ms: body.value.expires_at.map(|at| at.0),
        reason: body.value.reason,
    };
    match request.state.catalog.grant(grant).await? {
        Granted::Done { lot, balance } => Ok(granted(lot, balance)),
        Granted::Repeated { lot, balance } => Ok(granted(lot, balance).replayed()),
        Granted::KeyReused => Err(Code::IdempotencyKeyReused.into()),
    }
}

/// `POST /v1/admin/users/{user}/points/corrections`
pub async fn correct(request: Request) -> Outcome {
    let scope = request.scope()?;
    let body = request.json::<CorrectionBody>()?;
    body.value.check()?;
    let user = request.param("user");
    if !is_user(user) {
        return Err(Code::NotFound.into());
    }
    let correction = Correction {
        id: format!("c{}", scope_digest(scope)),
        digest: body.digest,
        user: UserId::from(user),
        amount: body.value.amount,
        currency: request.state.catalog.currency().to_owned(),
        reason: body.value.reason,
    };
    match request.state.catalog.correct_points(correction).await? {
        Corrected::Done { balance, debt } => Ok(corrected(balance, debt)),
        Corrected::Repeated { balance, debt } => Ok(corrected(balance, debt).replayed()),
        Corrected::KeyReused => Err(Code::IdempotencyKeyReused.into()),
    }
}

fn corrected(balance: i64, debt: i64) -> Answer {
    Answer::json(StatusCode::CREATED, &CorrectionView { balance, debt }).no_store()
}

fn granted(lot: String, balance: i64) -> Answer {
    Answer::json(StatusCode::CREATED, &GrantView { lot, balance }).no_store()
}
