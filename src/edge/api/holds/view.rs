//! A hold as its owner sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Event;
use crate::edge::api::money::Money;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::time::{Millis, rfc3339, seconds_until};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct HoldView {
    #[schema(example = "h039f86d081884c7d659a2feaa0c55ad015")]
    pub id: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    /// `held`, `ordered`, `released` or `expired`.
    #[schema(example = "held")]
    pub state: &'static str,
    pub seats: Vec<SeatView>,
    pub total: Money,
    #[schema(example = "2026-11-20T10:07:00Z")]
    pub expires_at: String,
    #[schema(example = 420)]
    pub expires_in_s: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldSeat)]
pub struct SeatView {
    /// `SECTION-ROW-NUMBER`; `null` in standing sections.
    #[schema(example = "a-1-1")]
    pub id: Option<String>,
    #[schema(example = "a")]
    pub section: String,
    /// Minor units.
    #[schema(example = 55000)]
    pub price: i64,
}

impl HoldView {
    pub fn new(hold: &HoldFact, event: &Event, now_ms: Millis) -> Self {
        let seats = hold.seats.iter().zip(&hold.prices).map(|(&seat, &price)| SeatView {
            id: event.layout.name(seat),
            section: event.layout.section_of(seat).map(|s| s.id.clone()).unwrap_or_default(),
            price,
        });
        Self {
            id: hold.id.to_string(),
            event: hold.event.to_string(),
            state: state(hold.state),
            seats: seats.collect(),
            total: Money { amount: hold.prices.iter().sum(), currency: event.spec.currency.clone() },
            expires_at: rfc3339(hold.expires_ms),
            expires_in_s: seconds_until(hold.expires_ms, now_ms),
        }
    }
}

fn state(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "held",
        HoldState::Ordered => "ordered",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
    }
}
