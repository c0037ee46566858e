//! What payment providers tell by themselves.

use http::StatusCode;
use metrics::counter;

use crate::edge::problem::Code;
use crate::edge::router::{Route, post};
use crate::edge::webhooks::WebhookOutcome;
use crate::edge::{Answer, Outcome, Problem, Request};
use crate::limiter::TooSoon;
use crate::metrics::EDGE_LIMITED;

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/webhooks/{provider}", "take_webhook", "A payment provider tells that something happened", take)
            .about(
                "For the provider's servers: its console is given this address. Nothing of a webhook is believed but which \
                 order it is about. The provider is then asked, so a webhook that comes twice, late or out of order \
                 changes nothing. Each provider has one limit; its servers share only the wide limit of addresses \
                 with clients. 404: no such provider is configured, or it sends no webhooks.\n\nA repeat is safe.",
            )
            .unlimited()
            .answers_bare(200, "Noted")
            .errors(&[Code::NotFound, Code::BadWebhook, Code::TooManyRequests]),
    ]
}

/// `POST /v1/webhooks/{provider}`
pub async fn take(request: Request) -> Outcome {
    let provider = request.param("provider");
    if !request.state.config.payment.providers.iter().any(|known| known == provider) {
        return Err(Code::NotFound.into());
    }
    let webhooks = &request.state.webhooks;
    let order = match webhooks.read(provider, &request.headers, &request.body) {
        WebhookOutcome::Taken(Some(order)) => order,
        WebhookOutcome::Taken(None) => return Ok(Answer::empty(StatusCode::OK)),
        WebhookOutcome::NotFound => return Err(Code::NotFound.into()),
        WebhookOutcome::Refused => return Err(Code::BadWebhook.into()),
    };
    // The provider's limit counts only what was verified.
    request.state.limits.check_webhooks(provider).map_err(|TooSoon(wait)| {
        counter!(EDGE_LIMITED, "limit" => "webhook").increment(1);
        Problem::new(Code::TooManyRequests).retry_after(wait.as_secs() + 1)
    })?;
    webhooks.note(provider, &order).await.map_err(|fault| Problem::unavailable("ledger", fault))?;
    Ok(Answer::empty(StatusCode::OK))
}
