//! An order as its buyer and an admin see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::line_view::LineView;
use crate::catalog::Event;
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::terms::RefundTerm;
use crate::facts::time::{Millis, rfc3339, seconds_until};
use crate::inventory::CouponIds;

/// The answer to a placed order.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedView {
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub id: String,
    #[schema(example = "accepted")]
    pub status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub id: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = "h039f86d081884c7d659a2feaa0c55ad015")]
    pub hold: String,
    /// `accepted`, `pending_payment`, `paying`, `awaiting_deposit`, `confirmed`, `partially_refunded`, `refunded` or
    /// `rejected`.
    #[schema(example = "confirmed")]
    pub status: &'static str,
    /// Why the order was rejected.
    #[schema(example = json!(null))]
    pub reason: Option<&'static str>,
    /// Empty while `accepted`.
    pub lines: Vec<LineView>,
    /// `null` while `accepted`.
    pub total: Option<TotalView>,
    #[schema(example = "welcome.17.1.5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub coupon: Option<String>,
    pub payment: Option<PaymentView>,
    /// The account that the buyer pays into, while the order is `awaiting_deposit`. No webhook has it.
    #[schema(example = json!(null))]
    pub deposit: Option<DepositView>,
    #[schema(example = "2026-11-20T10:03:20Z")]
    pub placed_at: String,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub confirmed_at: Option<String>,
    /// By when the order must be paid; `null` once it is confirmed or rejected. While it is `awaiting_deposit`, this is
    /// also the end of the deposit.
    #[schema(example = json!(null))]
    pub expires_at: Option<String>,
    #[schema(example = json!(null))]
    pub expires_in_s: Option<i64>,
    /// The fees of a refund and their ends, the soonest end first. After the last end there is no refund.
    pub refund_terms: Vec<RefundTermView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundTerm)]
pub struct RefundTermView {
    /// `null`: this fee applies for ever.
    #[schema(example = "2027-03-22T15:00:00Z")]
    pub until: Option<String>,
    /// The cancellation fee, basis points of what is given back.
    #[schema(example = 1000)]
    pub fee_bp: i64,
}

pub fn refund_terms(terms: &[RefundTerm]) -> Vec<RefundTermView> {
    let view = |term: &RefundTerm| RefundTermView { until: term.until_ms.map(rfc3339), fee_bp: term.fee_bp };
    terms.iter().map(view).collect()
}

/// An order as the office sees it: with its user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminOrder)]
pub struct AdminOrderView {
    #[schema(example = "kim")]
    pub user: String,
    #[serde(flatten)]
    pub order: OrderView,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderTotal)]
pub struct TotalView {
    #[schema(example = 55000)]
    pub price: i64,
    /// Booking fees.
    #[schema(example = 2000)]
    pub fee: i64,
    #[schema(example = 5500)]
    pub discount: i64,
    #[schema(example = 3500)]
    pub points: i64,
    #[schema(example = 48000)]
    pub cash: i64,
    /// The value-added tax inside cash and points.
    #[schema(example = 4681)]
    pub vat: i64,
    #[schema(example = "KRW")]
    pub currency: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPayment)]
pub struct PaymentView {
    #[schema(example = "sandbox")]
    pub provider: String,
    /// The status of the last attempt: `requested`, `awaiting` (a deposit), `captured`, `declined` or `not_done`.
    #[schema(example = "captured")]
    pub status: String,
    #[schema(example = 1)]
    pub attempts: u32,
    /// Minor units.
    #[schema(example = 48000)]
    pub captured: i64,
    #[schema(example = 0)]
    pub cancelled: i64,
}

/// Where a buyer pays in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderDeposit)]
pub struct DepositView {
    /// As the provider names it: a name or a code.
    #[schema(example = "SHINHAN")]
    pub bank: String,
    #[schema(example = "56211-234-567890")]
    pub account: String,
    /// Whose account it is; may be empty.
    #[schema(example = "Stanchion")]
    pub holder: String,
    /// By when the money must be there.
    #[schema(example = "2026-11-21T10:03:20Z")]
    pub expires_at: String,
}

impl OrderView {
    /// `event` is the order's, `None` when the catalogue does not have it any more. `coupons` signs the coupon's id;
    /// `None`: it is shown without its signature, so that nobody can use it.
    pub fn new(order: &OrderFact, event: Option<&Event>, coupons: Option<&CouponIds>, now_ms: Millis) -> Self {
        let layout = event.map(|event| &event.layout);
        let frozen = &order.refund_terms;
        let now = event.map(|event| event.refund_terms(order.placed_ms, frozen, now_ms));
        let open = match order.status {
            OrderStatus::Accepted
            | OrderStatus::PendingPayment
            | OrderStatus::Paying
            | OrderStatus::AwaitingDeposit => true,
            OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded | OrderStatus::Rejected => {
                false
            }
        };
        Self {
            id: order.id.to_string(),
            event: order.event.to_string(),
            hold: order.hold.to_string(),
            status: order.status.as_str(),
            reason: order.reason.map(|reason| reason.as_str()),
            lines: order.lines.iter().map(|line| LineView::new(line, layout)).collect(),
            total: order.total.as_ref().map(|total| TotalView {
                price: total.price,
                fee: total.booking_fee,
                discount: total.discount,
                points: total.points,
                cash: total.cash,
                vat: total.vat,
                currency: order.currency.clone(),
            }),
            coupon: order.coupon.as_deref().and_then(|used| match coupons {
                Some(ids) => ids.complete(used, &order.user),
                None => Some(used.to_owned()),
            }),
            payment: order.payment.as_ref().map(|payment| PaymentView {
                provider: payment.provider.clone(),
                status: payment.status.clone(),
                attempts: payment.attempts,
                captured: payment.captured,
                cancelled: payment.cancelled,
            }),
            deposit: order.deposit.as_ref().map(|deposit| DepositView {
                bank: deposit.bank.clone(),
                account: deposit.account.clone(),
                holder: deposit.holder.clone(),
                expires_at: rfc3339(order.deadline_ms),
            }),
            placed_at: rfc3339(order.placed_ms),
            confirmed_at: order.confirmed_ms.map(rfc3339),
            expires_at: open.then(|| rfc3339(order.deadline_ms)),
            expires_in_s: open.then(|| seconds_until(order.deadline_ms, now_ms)),
            refund_terms: refund_terms(now.as_ref().unwrap_or(frozen)),
        }
    }
}
