//! A refund as its buyer and an admin see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::lane::RefundFact;

/// What asking for one answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestedView {
    pub id: String,
    pub status: &'static str,
}

/// Amounts in minor units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundView {
    pub id: String,
    /// `requested`, `sent`, `done` or `failed`.
    pub status: &'static str,
    /// Given by whoever asked; of a failed one, why it failed.
    pub reason: String,
    /// After the fee.
    pub cash: i64,
    pub points_restored: i64,
    pub earn_clawed: i64,
    pub fee: i64,
    pub lines: Vec<RefundLineView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundLine)]
pub struct RefundLineView {
    pub line: u32,
    /// Gross.
    pub amount: i64,
    pub cash: i64,
    pub points: i64,
    pub earn: i64,
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
            lines: refund
                .lines
                .iter()
                .map(|line| RefundLineView {
                    line: line.line,
                    amount: line.amount,
                    cash: line.cash,
                    points: line.points,
                    earn: line.earn,
                })
                .collect(),
        }
    }
}
