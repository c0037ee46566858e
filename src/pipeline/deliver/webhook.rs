//! Sends a notice to a webhook's endpoint.

use bytes::Bytes;
use http::Request;

use super::super::parts::PipelineShared;
use super::endpoint::Verdict;
use super::signature::Signed;
use crate::ledger::outbox::delivery::DueDelivery;
use crate::ledger::outbox::subscription::SigningSecret;

/// Posts the notice, signed with `secrets`, to `url`.
pub(super) async fn attempt(
    shared: &PipelineShared,
    url: &str,
    secrets: &[SigningSecret],
    delivery: &DueDelivery,
) -> Verdict {
    let outbox = &shared.outbox;
    let now_ms = shared.clock.now_ms();
    let signed = Signed { id: &delivery.id, at_s: now_ms.div_euclid(1_000), body: &delivery.body };
    let request = Request::post(url)
        .header(http::header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
        .header(http::header::USER_AGENT, concat!("stanchion/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", signed.id)
        .header("webhook-timestamp", signed.at_s)
        .header("webhook-signature", signed.signatures(secrets, &outbox.key, now_ms))
        .body(Bytes::from(delivery.body.clone()));
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            return Verdict::NotTaken { status: None, detail: error.to_string(), retry_after: None };
        }
    };
    let answer = tokio::time::timeout(outbox.settings.limit, outbox.client.send(request)).await.ok();
    Verdict::of(answer)
}
