//! What payment providers paid out to the house, and what they kept.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::api::page::{Page, Wanted};
use crate::edge::router::{Route, get, post};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::money::AMOUNT_MAX;
use crate::facts::time::rfc3339;
use crate::ledger::provider_payout::{PaidOut, PayoutAsk, ProviderPayout};

/// Longest reference: it is part of a key of the journal.
const REFERENCE_MAX: usize = 48;

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/v1/admin/providers/{provider}/payouts",
            "list_provider_payouts",
            "What a payment provider paid out, by reference",
            list,
        )
        .admin()
        .about("The payouts that were booked, each with what the provider kept as its fee.")
        .paged()
        .answers_page::<ProviderPayoutView>(),
        post(
            "/v1/admin/providers/{provider}/payouts",
            "book_provider_payout",
            "Book a payout of a payment provider, and its fees",
            book,
        )
        .admin()
        .about(
            "What reached the bank and what the provider kept are no longer owed by the provider. The fees are an \
             expense of the house.\n\nA repeat with the same reference and amounts changes nothing.",
        )
        .body::<ProviderPayoutBody>()
        .answers::<ProviderPayoutView>(200, "It was booked before")
        .answers::<ProviderPayoutView>(201, "It is booked")
        .errors(&[Code::NotFound, Code::PayoutDiffers]),
    ]
}

/// A payout, as its provider reports it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderPayoutRequest)]
pub struct ProviderPayoutBody {
    /// Names the payout among those of its provider. 1 to 48 characters.
    #[schema(example = "2026-11-20")]
    pub reference: String,
    /// What reached the bank. Minor units; below zero: what the house paid back.
    #[schema(example = 9702000)]
    pub amount: i64,
    /// What the provider kept, with its tax. Minor units; below zero: what it gave back.
    #[schema(example = 298000)]
    pub fee: i64,
}

impl ProviderPayoutBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.text(&self.reference, 1, REFERENCE_MAX, "/reference");
        faults.amount(self.amount, -AMOUNT_MAX, "/amount");
        faults.amount(self.fee, -AMOUNT_MAX, "/fee");
        faults.check((self.amount, self.fee) != (0, 0), "/amount", "an amount or a fee is needed");
        faults.verdict()
    }
}

/// A payout that is booked. Minor units, as in the request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderPayout)]
pub struct ProviderPayoutView {
    #[schema(example = "toss")]
    pub provider: String,
    #[schema(example = "2026-11-20")]
    pub reference: String,
    /// What reached the bank.
    #[schema(example = 9702000)]
    pub amount: i64,
    /// What the provider kept.
    #[schema(example = 298000)]
    pub fee: i64,
    #[schema(example = "KRW")]
    pub currency: String,
    #[schema(example = "2026-11-21T01:00:00Z")]
    pub booked_at: String,
}

impl ProviderPayoutView {
    fn new(payout: ProviderPayout) -> Self {
        let ProviderPayout { provider, reference, amount, fee, currency, at_ms } = payout;
        Self { provider, reference, amount, fee, currency, booked_at: rfc3339(at_ms) }
    }
}

/// `GET /v1/admin/providers/{provider}/payouts`
pub async fn list(request: Request) -> Outcome {
    let Wanted { after, limit } = Wanted::of(&request)?;
    let payouts = request.state.ledger.provider_payouts(request.param("provider"), after, limit).await?;
    Ok(Answer::json(StatusCode::OK, &Page::of(payouts, ProviderPayoutView::new)).no_store())
}

/// `POST /v1/admin/providers/{provider}/payouts`
pub async fn book(request: Request) -> Outcome {
    let body = request.json::<ProviderPayoutBody>()?.value;
    body.check()?;
    let ask = PayoutAsk {
        provider: request.param("provider").to_owned(),
        reference: body.reference,
        amount: body.amount,
        fee: body.fee,
        currency: request.state.config.money.currency.clone(),
    };
    let booked = request.state.operator.provider_payout(ask).await;
    match booked.map_err(|fault| Problem::unavailable("ledger", fault))? {
        PaidOut::Booked(payout) => Ok(Answer::json(StatusCode::CREATED, &ProviderPayoutView::new(payout)).no_store()),
        PaidOut::Repeated(payout) => Ok(Answer::json(StatusCode::OK, &ProviderPayoutView::new(payout)).no_store()),
        PaidOut::Differs(payout) => {
            let detail = format!("it was booked with the amount {} and the fee {}", payout.amount, payout.fee);
            Err(Problem::new(Code::PayoutDiffers).detail(detail))
        }
        PaidOut::UnknownProvider => Err(Problem::new(Code::NotFound).detail("nobody ever paid through this provider")),
    }
}
