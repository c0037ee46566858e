//! A refund as its buyer and an admin see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::refund::RefundFact;
use crate::ledger::read::RefundQuote;
use crate::ledger::rules::line::LineRefund;

/// The answer to a request for a refund.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestedView {
    #[schema(example = "r03fd61a03af4f77d870fc21e05e7e80678")]
    pub id: String,
    #[schema(example = "requested")]
    pub status: &'static str,
}

/// Amounts in minor units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundView {
    #[schema(example = "r03fd61a03af4f77d870fc21e05e7e80678")]
    pub id: String,
    /// `requested`, `awaiting_account`, `sent`, `done` or `failed`.
    #[schema(example = "done")]
    pub status: &'static str,
    /// The reason given with the request; for a failed refund, why it failed; for one that waits for another account, why
    /// the money could not go to the first.
    #[schema(example = "my friend is ill")]
    pub reason: String,
    /// After the cancellation fee, with booking fees that are given back.
    #[schema(example = 41400)]
    pub cash: i64,
    #[schema(example = 3500)]
    pub points_restored: i64,
    #[schema(example = 460)]
    pub earn_clawed: i64,
    /// The cancellation fee, of cash and points together.
    #[schema(example = 4600)]
    pub fee: i64,
    /// The part of `cash` that gives booking fees back.
    #[schema(example = 0)]
    pub booking_fee: i64,
    pub lines: Vec<RefundLineView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundLine)]
pub struct RefundLineView {
    #[schema(example = 1)]
    pub line: u32,
    /// Gross: cash and points, without the booking fee.
    #[schema(example = 49500)]
    pub amount: i64,
    /// The part of `cash` that gives the booking fee back.
    #[schema(example = 0)]
    pub booking_fee: i64,
    #[schema(example = 46000)]
    pub cash: i64,
    #[schema(example = 3500)]
    pub points: i64,
    #[schema(example = 460)]
    pub earn: i64,
}

/// What a refund would give back now. Amounts in minor units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundQuote)]
pub struct RefundQuoteView {
    /// After the cancellation fee, with booking fees that are given back.
    #[schema(example = 41400)]
    pub cash: i64,
    #[schema(example = 3500)]
    pub points_restored: i64,
    #[schema(example = 460)]
    pub earn_clawed: i64,
    /// The cancellation fee, of cash and points together.
    #[schema(example = 4600)]
    pub fee: i64,
    /// The part of `cash` that gives booking fees back.
    #[schema(example = 0)]
    pub booking_fee: i64,
    pub lines: Vec<RefundLineView>,
}

impl RefundQuoteView {
    pub fn new(quote: &RefundQuote) -> Self {
        let line = |part: &LineRefund| RefundLineView {
            line: part.line,
            amount: part.amount,
            booking_fee: part.booking_fee,
            cash: part.cash,
            points: part.points,
            earn: part.earn,
        };
        Self {
            cash: quote.cash,
            points_restored: quote.points,
            earn_clawed: quote.earn,
            fee: quote.fee,
            booking_fee: quote.booking_fee,
            lines: quote.lines.iter().map(line).collect(),
        }
    }
}

impl RefundView {
    pub fn new(refund: &RefundFact) -> Self {
        Self {
            id: refund.id.to_string(),
            status: refund.status.as_str(),
            reason: refund.failure.as_ref().unwrap_or(&refund.reason).clone(),
            cash: refund.cash,
            points_restored: refund.points_restored,
            earn_clawed: refund.earn_clawed,
            fee: refund.fee,
            booking_fee: refund.booking_fee,
            lines: refund
                .lines
                .iter()
                .map(|line| RefundLineView {
                    line: line.line,
                    amount: line.amount,
                    booking_fee: line.booking_fee,
                    cash: line.cash,
                    points: line.points,
                    earn: line.earn,
                })
                .collect(),
        }
    }
}
