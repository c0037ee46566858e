//! A hold as its owner sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Event;
use crate::edge::api::events::view::{TicketTypeView, ticket_types};
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
    /// The ticket types to choose from, by section of the seats.
    pub sections: Vec<HeldSectionView>,
    /// The booking fee of each ticket, minor units.
    #[schema(example = 2000)]
    pub fee: i64,
    /// With booking fees, if no ticket type is chosen.
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
    /// Price of the default ticket type, minor units. If the lane was rebuilt after the hold was ordered: of the type that
    /// was ordered.
    #[schema(example = 55000)]
    pub price: i64,
}

/// A section's ticket types as the hold froze them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldSection)]
pub struct HeldSectionView {
    #[schema(example = "a")]
    pub id: String,
    /// The first is the default.
    pub types: Vec<TicketTypeView>,
}

impl HoldView {
    pub fn new(hold: &HoldFact, event: &Event, now_ms: Millis) -> Self {
        let seats = hold.seats.iter().zip(&hold.prices).map(|(&seat, &price)| SeatView {
            id: event.layout.name(seat),
            section: event.layout.section_of(seat).map(|s| s.id.clone()).unwrap_or_default(),
            price,
        });
        let fee = hold.terms.as_ref().map_or(0, |terms| terms.booking_fee.amount);
        let fees = fee * i64::try_from(hold.seats.len()).expect("a hold has few seats");
        // A hold that was rebuilt with its order knows only the ticket types that were chosen.
        let sections = hold
            .tariff
            .lists
            .iter()
            .filter(|list| !list.section.is_empty())
            .map(|list| HeldSectionView { id: list.section.clone(), types: ticket_types(list) });
        Self {
            id: hold.id.to_string(),
            event: hold.event.to_string(),
            state: state(hold.state),
            seats: seats.collect(),
            sections: sections.collect(),
            fee,
            total: Money { amount: hold.prices.iter().sum::<i64>() + fees, currency: event.spec.currency.clone() },
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
