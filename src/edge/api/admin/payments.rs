//! Payments and refunds whose end only a person can find out.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::edge::api::page::{Page, Wanted};
use crate::edge::operator::{PartFault, RefundResolution, Resolution, ResolveOutcome};
use crate::edge::router::{Route, get, post};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::time::rfc3339;
use crate::ledger::read::{CallEntry, CallFilter};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/admin/payments", "list_payments", "Payments and refunds that wait, oldest first", list)
            .admin()
            .about(
                "`open`: payments and refunds without a definite answer, each with what it waits for and when its provider \
                 is asked next. Deposits that have not come yet are among them. `failed`: refunds that their provider refused, so that the money is still here.",
            )
            .paged()
            .query("state", "`open` (default) or `failed`", "open")
            .answers_page::<PaymentCallView>(),
        post(
            "/v1/admin/payments/{id}/resolve",
            "resolve_payment",
            "Say how an attempt ended when the provider cannot",
            resolve,
        )
        .admin()
        .about(
            "Closes an attempt that the provider has not answered, with the result that a person found out. If the \
             provider says later that it took the money, the money pays the order while that still waits for a payment \
             and no other attempt is under way; otherwise it is sent back. An attempt that already has its answer is \
             `NOT_PAYABLE`.\n\nA repeat is safe: an attempt is closed once.",
        )
        .body::<ResolveBody>()
        .answers_bare(204, "Resolved")
        .errors(&[Code::NotFound, Code::NotPayable]),
        post(
            "/v1/admin/refunds/{id}/resolve",
            "resolve_refund",
            "Say how a refund ended when the provider cannot",
            resolve_refund,
        )
        .admin()
        .about(
            "Closes a refund that the provider has not answered, with the result that a person found out. `done`: the \
             buyer has the money, so the tickets are void and the seats free. `refused`: the money stays, and the tickets \
             are valid again. Resolve the refund before you send money back by hand, then wait until it is shown closed and \
             some seconds more (`payment.timeout_ms`): a call that had begun may still be carried out. A refund that \
             already has its answer is `NOT_REFUNDABLE`.\n\nA repeat is safe: a refund is closed once.",
        )
        .body::<ResolveRefundBody>()
        .answers_bare(204, "Resolved")
        .errors(&[Code::NotFound, Code::NotRefundable]),
    ]
}

/// A payment or a refund that waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentCall)]
pub struct PaymentCallView {
    /// Of the attempt, or of the refund.
    #[schema(example = "p0360303ae22b998861bce3b28f33eec1be")]
    pub id: String,
    /// `payment` or `refund`.
    #[schema(example = "payment")]
    pub kind: String,
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = "kim")]
    pub user: String,
    #[schema(example = "toss")]
    pub provider: String,
    /// The provider's own token: the payment is found by it in the provider's console.
    #[schema(example = "tgen_20261120100321Lbx12")]
    pub key: String,
    /// Minor units.
    #[schema(example = 46000)]
    pub amount: i64,
    #[schema(example = "KRW")]
    pub currency: String,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub since: String,
    /// When the provider is asked next; `null`: not before the buyer names an account.
    #[schema(example = "2026-11-20T10:05:21Z")]
    pub due_at: Option<String>,
    /// Why there is no definite answer, or why the refund was refused; `null`: it was not asked yet.
    #[schema(example = "PROVIDER_ERROR: try again later")]
    pub waits_for: Option<String>,
}

impl PaymentCallView {
    fn new(call: CallEntry) -> Self {
        let CallEntry { id, kind, order, event, user, provider, key, amount, currency, since_ms, due_ms, waits_for } =
            call;
        Self {
            id,
            kind,
            order: order.to_string(),
            event: event.to_string(),
            user: user.to_string(),
            provider,
            key,
            amount,
            currency,
            since: rfc3339(since_ms),
            due_at: due_ms.map(rfc3339),
            waits_for,
        }
    }
}

/// `GET /v1/admin/payments?state=`: oldest first.
pub async fn list(request: Request) -> Outcome {
    let Wanted { after, limit } = Wanted::of(&request)?;
    let which = match request.query.get("state") {
        None | Some("" | "open") => CallFilter::Open,
        Some("failed") => CallFilter::Failed,
        Some(_) => return Err(Problem::field("?state", "open or failed")),
    };
    let calls = request.state.ledger.calls(which, after, limit).await?;
    Ok(Answer::json(StatusCode::OK, &Page::of(calls, PaymentCallView::new)).no_store())
}

/// How a payment attempt ended, as a person found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResolveRequest)]
pub struct ResolveBody {
    pub outcome: Resolution,
}

/// `POST /v1/admin/payments/{id}/resolve`
pub async fn resolve(request: Request) -> Outcome {
    let body = request.json::<ResolveBody>()?;
    answer(request.state.operator.resolve(request.param("id"), body.value.outcome).await, Code::NotPayable)
}

/// `closed`: the code when there is an answer already.
fn answer(resolved: Result<ResolveOutcome, PartFault>, closed: Code) -> Outcome {
    match resolved.map_err(|fault| Problem::unavailable("pipeline", fault))? {
        ResolveOutcome::Done => Ok(Answer::no_content()),
        ResolveOutcome::NotFound => Err(Code::NotFound.into()),
        ResolveOutcome::Closed => Err(Problem::new(closed).detail("it has its answer already")),
    }
}

/// How a refund ended, as a person found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResolveRefundRequest)]
pub struct ResolveRefundBody {
    pub outcome: RefundResolution,
}

/// `POST /v1/admin/refunds/{id}/resolve`
pub async fn resolve_refund(request: Request) -> Outcome {
    let body = request.json::<ResolveRefundBody>()?;
    answer(request.state.operator.resolve_refund(request.param("id"), body.value.outcome).await, Code::NotRefundable)
}
