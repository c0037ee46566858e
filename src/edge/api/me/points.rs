//! A user's points, and a grant's answer.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::ids::{OrderId, RefundId};
use crate::facts::time::{Millis, rfc3339, seconds_until};
use crate::ledger::read::{LotEntry, MoveEntry, PointsBalance};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointsBalance)]
pub struct PointsView {
    /// All points that have not expired, including those that cannot be spent yet.
    #[schema(example = 10000)]
    pub balance: i64,
    /// Points that were to be taken back but were not there any more. New points pay this first.
    #[schema(example = 0)]
    pub debt: i64,
    /// In the order in which they are spent.
    pub lots: Vec<LotView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointLot)]
pub struct LotView {
    #[schema(example = "g5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub id: String,
    /// `grant`, `earn` or `restore`.
    #[schema(example = "grant")]
    pub origin: &'static str,
    #[schema(example = 10000)]
    pub granted: i64,
    #[schema(example = 10000)]
    pub remaining: i64,
    /// From when it can be spent; `null`: now.
    #[schema(example = json!(null))]
    pub usable_at: Option<String>,
    /// `null`: it does not expire.
    #[schema(example = json!(null))]
    pub expires_at: Option<String>,
    #[schema(example = json!(null))]
    pub expires_in_s: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointMove)]
pub struct MoveView {
    #[schema(example = "4711")]
    pub id: String,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub at: String,
    /// `grant`, `earn`, `spend`, `restore`, `claw_back`, `debt`, `expire` or `correct`.
    #[schema(example = "spend")]
    pub kind: &'static str,
    /// Signed.
    #[schema(example = -3500)]
    pub amount: i64,
    #[schema(example = "g5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub lot: Option<String>,
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: Option<String>,
    #[schema(example = json!(null))]
    pub refund: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Grant)]
pub struct GrantView {
    #[schema(example = "g5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub lot: String,
    /// The balance after the grant. When there was debt it is less than the balance before plus the amount.
    #[schema(example = 10000)]
    pub balance: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointCorrection)]
pub struct CorrectionView {
    /// The balance now.
    #[schema(example = 0)]
    pub balance: i64,
    /// What the user owes now: points that come in later pay it first.
    #[schema(example = 120)]
    pub debt: i64,
}

impl PointsView {
    pub fn new(points: PointsBalance, now_ms: Millis) -> Self {
        let lots = points.lots.into_iter().map(|lot| LotView::new(lot, now_ms)).collect();
        Self { balance: points.balance, debt: points.debt, lots }
    }
}

impl LotView {
    fn new(lot: LotEntry, now_ms: Millis) -> Self {
        Self {
            id: lot.id,
            origin: lot.origin.as_str(),
            granted: lot.granted,
            remaining: lot.remaining,
            usable_at: (lot.usable_ms > now_ms).then(|| rfc3339(lot.usable_ms)),
            expires_at: lot.expires_ms.map(rfc3339),
            expires_in_s: lot.expires_ms.map(|at| seconds_until(at, now_ms)),
        }
    }
}

impl MoveView {
    pub fn new(step: MoveEntry) -> Self {
        Self {
            id: step.id,
            at: rfc3339(step.at_ms),
            kind: step.kind.as_str(),
            amount: step.amount,
            lot: step.lot,
            order: step.order.map(OrderId::into_string),
            refund: step.refund.map(RefundId::into_string),
        }
    }
}
