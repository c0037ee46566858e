//! Passes as other servers check them: whether one is good, and the keys that verify it.

use http::{HeaderName, StatusCode};
use utoipa::ToSchema;

use crate::edge::problem::Code::*;
use crate::edge::router::{Route, get};
use crate::edge::{Answer, Code, Outcome, Problem, Request};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/pass/verify", "verify_pass", "Whether a pass is good and its visitor inside", verify)
            .relayed()
            .about(
                "For servers that ask about each request, as nginx does with `auth_request`. When the pass is good and \
                 its visitor is inside, the header `Stanchion-Visitor` names the visitor. Any other pass, and an \
                 unknown event, is refused `PASS_REQUIRED`. A request without `event` is refused `VALIDATION`.",
            )
            .query("event", "Slug of the event", "spring-hall")
            .required()
            .pass()
            .answers_bare(204, "The pass is good; Stanchion-Visitor names the visitor")
            .carries("Stanchion-Visitor", "The visitor's id", "AbC3kQ1dE5fG7hJ9")
            .errors(&[Validation, PassUnverified, Recovering]),
        get("/.well-known/jwks.json", "pass_keys", "The keys that verify passes", jwks)
            .about(
                "A JWK Set of Ed25519 keys: a pass is a JWT signed with one of them (EdDSA). It may be cached for a \
                 minute, after which a new key may have begun to sign.",
            )
            .answers::<KeysSchema>(200, "A JWK Set"),
    ]
}

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
    // No pass is good for an unknown event.
    let event = request.state.catalog.event(event).ok_or(Code::PassUnverified)?;
    let pass = request.state.pass(&request.headers, event.id.as_str());
    let (pass, _) = pass.ok_or(Code::PassUnverified)?;
    let visitor = request.state.admission.verify_pass(&event.room(), pass).await?;
    let visitor = visitor.ok_or(Code::PassUnverified)?;
    let answer = Answer::no_content().no_store();
    Ok(answer.header(HeaderName::from_static("stanchion-visitor"), visitor.as_str()))
}

/// `GET /.well-known/jwks.json`
pub async fn jwks(request: Request) -> Outcome {
    let answer = Answer::json(StatusCode::OK, request.state.admission.passes().jwks());
    // The time is short, so that a new key is known soon after it begins to sign.
    Ok(answer.header(http::header::CACHE_CONTROL, "public, max-age=60"))
}
