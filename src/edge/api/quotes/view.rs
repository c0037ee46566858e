//! What an order would cost if it were placed now.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Event;
use crate::edge::api::orders::view::{RefundTermView, TotalView, refund_terms};
use crate::facts::hold::HoldFact;
use crate::facts::time::{Millis, rfc3339, seconds_until};
use crate::ledger::rules::coupons::Unusable;
use crate::ledger::rules::line::Priced;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteView {
    pub lines: Vec<QuoteLineView>,
    pub total: TotalView,
    /// Id of the coupon the order would use.
    #[schema(example = "welcome.17.1.5f1c8a52b3e94d0c8a71f6e2d9c04b38")]
    pub coupon: Option<String>,
    /// Why this coupon, or why none: `asked_for`, `largest_discount`, `none_asked_for`, `none_fits`,
    /// `expired`, `other_event`, `below_minimum` or `not_available`.
    #[schema(example = "largest_discount")]
    pub coupon_reason: &'static str,
    /// Points that could be spent now. An order that needs more points than these is rejected.
    #[schema(example = 3500)]
    pub points_usable: i64,
    /// When the hold ends.
    #[schema(example = "2026-11-20T10:07:00Z")]
    pub expires_at: String,
    #[schema(example = 415)]
    pub expires_in_s: i64,
    /// The fees of a refund and their ends, the soonest end first, if the order were confirmed now. After the last end
    /// there is no refund.
    pub refund_terms: Vec<RefundTermView>,
}

/// Amounts in minor units; `price + fee = discount + points + cash`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteLine)]
pub struct QuoteLineView {
    #[schema(example = 1)]
    pub line: u32,
    /// `null` in standing sections.
    #[schema(example = "a-1-1")]
    pub seat: Option<String>,
    /// Id of the ticket type.
    #[schema(example = "standard")]
    pub r#type: String,
    #[schema(example = 55000)]
    pub price: i64,
    /// The booking fee.
    #[schema(example = 2000)]
    pub fee: i64,
    #[schema(example = 5500)]
    pub discount: i64,
    #[schema(example = 3500)]
    pub points: i64,
    /// The booking fee included.
    #[schema(example = 48000)]
    pub cash: i64,
    #[schema(example = 460)]
    pub earn: i64,
    /// The value-added tax inside cash and points.
    #[schema(example = 4681)]
    pub vat: i64,
}

/// The coupon of a quote, and why it is this one.
#[derive(Debug)]
pub struct ChosenCouponView {
    pub coupon: Option<String>,
    pub reason: &'static str,
}

impl QuoteView {
    pub fn new(
        event: &Event,
        hold: &HoldFact,
        priced: &Priced,
        chosen: ChosenCouponView,
        usable: i64,
        now_ms: Millis,
    ) -> Self {
        let terms = event.terms_for(hold);
        let lines = priced.lines.iter().map(|line| QuoteLineView {
            line: line.line,
            seat: event.layout.name(line.seat),
            r#type: line.ticket_type.clone(),
            price: line.price,
            fee: line.booking_fee,
            discount: line.discount,
            points: line.points,
            cash: line.cash,
            earn: line.earn,
            vat: line.vat,
        });
        Self {
            lines: lines.collect(),
            total: TotalView {
                price: priced.price,
                fee: priced.booking_fee,
                discount: priced.discount,
                points: priced.points,
                cash: priced.cash,
                vat: priced.vat,
                currency: terms.currency.clone(),
            },
            coupon: chosen.coupon,
            coupon_reason: chosen.reason,
            points_usable: usable,
            expires_at: rfc3339(hold.expires_ms),
            expires_in_s: seconds_until(hold.expires_ms, now_ms),
            refund_terms: refund_terms(&terms.refunds_from(now_ms)),
        }
    }
}

/// Why a coupon asked for is not used; `None`: it is reserved, used, or unknown.
pub fn unusable(why: Option<Unusable>) -> &'static str {
    match why {
        Some(Unusable::Expired) => "expired",
        Some(Unusable::OtherEvent) => "other_event",
        Some(Unusable::BelowMinimum(_)) => "below_minimum",
        None => "not_available",
    }
}
