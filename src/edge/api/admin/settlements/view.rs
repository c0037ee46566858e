//! A settlement as the office sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::settlement::SettlementFact;
use crate::facts::time::rfc3339;

/// What an organizer is owed for a month. Minor units; below zero: the organizer owes it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settlement)]
pub struct SettlementView {
    #[schema(example = "hall-co")]
    pub organizer: String,
    #[schema(example = "2026-11")]
    pub period: String,
    /// `open`, `closing`, `closed` or `paid`.
    #[schema(example = "closed")]
    pub state: &'static str,
    #[schema(example = "KRW")]
    pub currency: String,
    /// It was closed before its month was over.
    #[schema(example = false)]
    pub early: bool,
    /// It has what was booked before this time.
    #[schema(example = "2026-11-30T15:00:00Z")]
    pub until: String,
    /// How many sales and refunds it has.
    #[schema(example = 1204)]
    pub entries: i64,
    /// Tickets at their list price, less those given back.
    #[schema(example = 66220000)]
    pub tickets: i64,
    /// Discounts of coupons that the organizer pays for.
    #[schema(example = -1200000)]
    pub coupons: i64,
    /// The platform's fee on the sales.
    #[schema(example = -3251000)]
    pub platform_fee: i64,
    /// Fees of buyers who cancelled.
    #[schema(example = 44000)]
    pub cancellation_fees: i64,
    /// All of it together.
    #[schema(example = 61813000)]
    pub amount: i64,
    #[schema(example = "2026-12-01T01:00:00Z")]
    pub closed_at: Option<String>,
    #[schema(example = json!(null))]
    pub paid_at: Option<String>,
    /// Of the payment.
    #[schema(example = json!(null))]
    pub reference: Option<String>,
}

impl SettlementView {
    pub fn new(settlement: &SettlementFact) -> Self {
        let payable = &settlement.payable;
        Self {
            organizer: settlement.organizer.clone(),
            period: settlement.period.clone(),
            state: settlement.state.as_str(),
            currency: settlement.currency.clone(),
            early: settlement.early,
            until: rfc3339(settlement.until_ms),
            entries: settlement.entries,
            tickets: payable.tickets,
            coupons: payable.coupons,
            platform_fee: payable.platform_fee,
            cancellation_fees: payable.cancellation_fees,
            amount: payable.amount(),
            closed_at: settlement.closed_ms.map(rfc3339),
            paid_at: settlement.paid_ms.map(rfc3339),
            reference: settlement.reference.clone(),
        }
    }
}
