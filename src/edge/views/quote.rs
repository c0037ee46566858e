//! What an order would cost, had it been placed now.

use serde::Serialize;
use utoipa::ToSchema;

use super::order::{RefundTermView, TotalView, refund_terms};
use crate::catalog::Event;
use crate::clock::{Millis, rfc3339, seconds_until};
use crate::lane::HoldFact;
use crate::ledger::coupons::Unusable;
use crate::ledger::points::Priced;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteView {
    pub lines: Vec<QuoteLineView>,
    pub total: TotalView,
    /// Id of the coupon the order would use.
    pub coupon: Option<String>,
    /// Why this coupon, or why none: `asked_for`, `largest_discount`, `none_asked_for`, `none_fits`,
    /// `expired`, `other_event`, `below_minimum` or `not_available`.
    pub coupon_reason: &'static str,
    /// Points that could be spent now. Fewer than asked for: the order would be refused.
    pub points_usable: i64,
    /// When the hold ends.
    pub expires_at: String,
    pub expires_in_s: i64,
    /// What a refund would cost, soonest end first; after the last there is none.
    pub refund_terms: Vec<RefundTermView>,
}

/// Amounts in minor units; `price = discount + points + cash`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteLine)]
pub struct QuoteLineView {
    pub line: u32,
    /// `null` in standing sections.
    pub seat: Option<String>,
    pub price: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
}

/// The coupon of a quote, and why it is this one.
#[derive(Debug)]
pub struct Chosen {
    pub coupon: Option<String>,
    pub reason: &'static str,
}

impl QuoteView {
    pub fn new(event: &Event, hold: &HoldFact, priced: &Priced, chosen: Chosen, usable: i64, now_ms: Millis) -> Self {
        let lines = priced.lines.iter().map(|line| QuoteLineView {
            line: line.line,
            seat: event.layout.name(line.seat),
            price: line.price,
            discount: line.discount,
            points: line.points,
            cash: line.cash,
            earn: line.earn,
        });
        Self {
            lines: lines.collect(),
            total: TotalView {
                price: priced.price,
                discount: priced.discount,
                points: priced.points,
                cash: priced.cash,
                currency: event.spec.currency.clone(),
            },
            coupon: chosen.coupon,
            coupon_reason: chosen.reason,
            points_usable: usable,
            expires_at: rfc3339(hold.expires_ms),
            expires_in_s: seconds_until(hold.expires_ms, now_ms),
            refund_terms: refund_terms(&event.spec.refund_terms()),
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
