//! The bodies of a quote and of an order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::payment::PaymentPart;
use super::types::{self, TypesBody};
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::Problem;
use crate::facts::ids::is_slug;
use crate::facts::points::PointsAsk;

/// Longest coupon id accepted, characters.
const COUPON_MAX: usize = 128;
/// Longest hold id accepted, characters.
const HOLD_MAX: usize = 128;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderRequest, example = json!({
    "event": "spring-hall", "hold": "h039f86d081884c7d659a2feaa0c55ad015", "coupon": "best", "points": 3500,
    "expected_cash": 46000, "payment": {"provider": "sandbox", "key": "ok"},
}))]
pub struct OrderBody {
    pub event: String,
    pub hold: String,
    /// By seat (`SECTION-ROW-NUMBER`) its ticket type; by section how many of its seats have which type. Seats that are
    /// not named have their section's default type.
    #[serde(default)]
    #[schema(example = json!({"a-1-1": "youth", "ga": {"youth": 1}}))]
    pub types: TypesBody,
    /// `best`, a coupon's id, or `null`.
    #[serde(default)]
    pub coupon: Option<String>,
    /// `max`, or a number of points. No more are spent than are left to pay. `max` leaves nothing to pay, or at least the
    /// least amount that a provider takes.
    #[serde(default)]
    pub points: PointsToSpend,
    /// The cash that the buyer agreed to, minor units. If another sum is due, the order is rejected with
    /// `PRICE_CHANGED`.
    #[serde(default)]
    pub expected_cash: Option<i64>,
    /// Without one the order waits for `POST …/payment`.
    #[serde(default)]
    pub payment: Option<PaymentPart>,
}

impl OrderBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.check(is_slug(&self.event), "/event", "a slug: [a-z0-9][a-z0-9-]{0,47}");
        faults.text(&self.hold, 1, HOLD_MAX, "/hold");
        if let Some(coupon) = &self.coupon {
            faults.text(coupon, 1, COUPON_MAX, "/coupon");
        }
        types::check(&self.types, &mut faults);
        self.points.check(&mut faults);
        faults.amount(self.expected_cash.unwrap_or(0), 0, "/expected_cash");
        if let Some(payment) = &self.payment {
            payment.check(&mut faults, "/payment");
        }
        faults.verdict()
    }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = QuoteRequest, example = json!({"coupon": "best", "points": "max"}))]
pub struct QuoteBody {
    /// Ticket types, as an order names them.
    pub types: TypesBody,
    /// `best`, a coupon's id, or `null`.
    pub coupon: Option<String>,
    /// `max`, or a number of points.
    pub points: PointsToSpend,
}

/// How many points to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = QuotePoints)]
pub enum PointsToSpend {
    Some(i64),
    /// As many as can be spent.
    All(Max),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = QuotePointsMax)]
pub enum Max {
    Max,
}

impl PointsToSpend {
    fn check(self, faults: &mut FieldFaults) {
        if let PointsToSpend::Some(points) = self {
            faults.amount(points, 0, "/points");
        }
    }

    pub fn ask(self) -> PointsAsk {
        match self {
            PointsToSpend::Some(points) => PointsAsk::Amount(points),
            PointsToSpend::All(_) => PointsAsk::MAX,
        }
    }
}

impl Default for PointsToSpend {
    fn default() -> Self {
        PointsToSpend::Some(0)
    }
}

impl QuoteBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        if let Some(coupon) = &self.coupon {
            faults.text(coupon, 1, COUPON_MAX, "/coupon");
        }
        types::check(&self.types, &mut faults);
        self.points.check(&mut faults);
        faults.verdict()
    }
}
