//! Webhooks: who is told what happens, and what became of each notice.

pub mod body;
pub mod routes;
pub mod view;

use http::StatusCode;

use self::body::WebhookSpec;
use self::view::{DeliveryView, TestView, WebhookView};
use crate::edge::api::page::{Page, Wanted};
use crate::edge::operator::{PartFault, WebhookPut};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::is_slug;
use crate::ledger::outbox::delivery::DeliveryState;
use crate::ledger::outbox::subscription::Subscription;

/// Most webhooks of a house: each notice is compared with each.
pub const WEBHOOKS_MAX: usize = 100;

fn away(fault: PartFault) -> Problem {
    Problem::unavailable("ledger", fault)
}

/// The webhook that the path names, or another subscription.
async fn find_subscription(request: &Request) -> Result<Subscription, Problem> {
    let name = request.param("webhook");
    let known = request.state.ledger.subscriptions().await?;
    known.into_iter().find(|subscription| subscription.name == name).ok_or(Code::NotFound.into())
}

async fn find(request: &Request) -> Result<Subscription, Problem> {
    let found = find_subscription(request).await?;
    if found.is_webhook() { Ok(found) } else { Err(Code::NotFound.into()) }
}

/// The name that the path gives a webhook. A subscription that is no webhook has a name that is no slug.
fn name(request: &Request) -> Result<&str, Problem> {
    let name = request.param("webhook");
    if is_slug(name) { Ok(name) } else { Err(Code::NotFound.into()) }
}

/// `GET /v1/admin/webhooks`: all, by name.
pub async fn list(request: Request) -> Outcome {
    let known = request.state.ledger.subscriptions().await?;
    let now_ms = request.state.clock.now_ms();
    let webhooks = known.iter().filter(|subscription| subscription.is_webhook());
    let items = webhooks.map(|subscription| WebhookView::new(subscription, now_ms)).collect();
    Ok(Answer::json(StatusCode::OK, &Page { items, next: None }).no_store())
}

/// `GET /v1/admin/webhooks/{webhook}`
pub async fn show(request: Request) -> Outcome {
    let subscription = find(&request).await?;
    Ok(Answer::json(StatusCode::OK, &WebhookView::new(&subscription, request.state.clock.now_ms())).no_store())
}

/// `PUT /v1/admin/webhooks/{webhook}`
pub async fn put(request: Request) -> Outcome {
    let name = name(&request)?;
    let spec = request.json::<WebhookSpec>()?.value;
    spec.check(request.state.config.outbox.allow_private)?;
    let put = spec.put(name);
    let now_ms = request.state.clock.now_ms();
    let answer = |status, subscription: &Subscription| {
        Ok(Answer::json(status, &WebhookView::new(subscription, now_ms)).no_store())
    };
    match request.state.operator.put_webhook(put).await.map_err(away)? {
        WebhookPut::Created(subscription) => answer(StatusCode::CREATED, &subscription),
        WebhookPut::Changed(subscription) => answer(StatusCode::OK, &subscription),
        WebhookPut::NeedsSecret => Err(Problem::field("/secret", "a new webhook needs one")),
        WebhookPut::TooMany => Err(Problem::field("/url", format!("there are {WEBHOOKS_MAX} webhooks already"))),
    }
}

/// `DELETE /v1/admin/webhooks/{webhook}`
pub async fn delete(request: Request) -> Outcome {
    let gone = request.state.operator.delete_webhook(name(&request)?).await.map_err(away)?;
    if gone { Ok(Answer::no_content()) } else { Err(Code::NotFound.into()) }
}

/// `GET /v1/admin/webhooks/{webhook}/deliveries?state=`
pub async fn deliveries(request: Request) -> Outcome {
    let Wanted { after, limit } = Wanted::of(&request)?;
    let state = match request.query.get("state") {
        None | Some("") => DeliveryState::Pending,
        Some(text) => {
            DeliveryState::parse(text).ok_or_else(|| Problem::field("?state", "pending, delivered or failed"))?
        }
    };
    let subscription = find_subscription(&request).await?;
    let rows = request.state.ledger.deliveries(&subscription.name, state, after, limit).await?;
    Ok(Answer::json(StatusCode::OK, &Page::of(rows, |row| DeliveryView::new(row, state))).no_store())
}

/// `POST /v1/admin/webhooks/{webhook}/deliveries/{id}/replay`
pub async fn replay(request: Request) -> Outcome {
    let (name, id) = (request.param("webhook"), request.param("id"));
    let known = request.state.operator.replay_delivery(name, id).await.map_err(away)?;
    if known { Ok(Answer::no_content()) } else { Err(Code::NotFound.into()) }
}

/// `POST /v1/admin/webhooks/{webhook}/test`
pub async fn test(request: Request) -> Outcome {
    let subscription = find(&request).await?;
    let id = request.state.operator.test_webhook(&subscription.name).await.map_err(away)?;
    Ok(Answer::json(StatusCode::ACCEPTED, &TestView { id }).no_store())
}
