//! Passes for other servers: is this one good, and by which keys.

use http::{HeaderName, StatusCode};
use utoipa::ToSchema;

use crate::edge::{Answer, Code, Outcome, Problem, Request, room_of};

/// A JWK Set as we publish it.
#[derive(ToSchema)]
#[schema(as = PassKeys)]
#[expect(dead_code, reason = "only described")]
pub struct KeysSchema {
    keys: Vec<KeySchema>,
}

/// An Ed25519 key (RFC 8037).
#[derive(ToSchema)]
#[schema(as = PassKey)]
#[expect(dead_code, reason = "only described")]
pub struct KeySchema {
    #[schema(example = "OKP")]
    kty: String,
    #[schema(example = "Ed25519")]
    crv: String,
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    /// Its RFC 7638 thumbprint.
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
    #[schema(example = "EdDSA")]
    alg: String,
    #[schema(rename = "use", example = "sig")]
    usage: String,
}

/// `GET /v1/pass/verify?event=`
pub async fn verify(request: Request) -> Outcome {
    let event = request.query.get("event").ok_or_else(|| Problem::field("?event", "required"))?;
    // A pass for an event that is not there is no pass.
    let event = request.state.catalog.event(event).ok_or(Code::PassUnverified)?;
    let pass = request.state.pass(&request.headers, event.id.as_str());
    let (pass, _) = pass.ok_or(Code::PassUnverified)?;
    let visitor = request.state.admission.verify_pass(&room_of(&event), pass).await?;
    let visitor = visitor.ok_or(Code::PassUnverified)?;
    let answer = Answer::no_content().no_store();
    Ok(answer.header(HeaderName::from_static("stanchion-visitor"), visitor.as_str()))
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(request: Request) -> Outcome {
    let answer = Answer::json(StatusCode::OK, request.state.admission.passes().jwks());
    // Short enough for a new key to be known before it signs for long.
    Ok(answer.header(http::header::CACHE_CONTROL, "public, max-age=60"))
}
