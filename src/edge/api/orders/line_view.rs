//! A line of an order or a quote's order, with its ticket.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Layout;
use crate::facts::order::{LineFact, TicketState};

/// Amounts in minor units; `price + fee = discount + points + cash`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct LineView {
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
    /// Gross: cash and points, with cancellation fees, and with the booking fee if it was given back.
    #[schema(example = 0)]
    pub refunded: i64,
    pub ticket: Option<TicketView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LineTicket)]
pub struct TicketView {
    #[schema(example = "t0360303ae22b998861bce3b28f33eec1be-1")]
    pub id: String,
    /// `valid`, `suspended` or `void`.
    #[schema(example = "valid")]
    pub state: &'static str,
}

impl LineView {
    pub fn new(line: &LineFact, layout: Option<&Layout>) -> Self {
        Self {
            line: line.line,
            seat: layout.and_then(|layout| layout.name(line.seat)),
            r#type: line.ticket_type.clone(),
            price: line.price,
            fee: line.booking_fee,
            discount: line.discount,
            points: line.points,
            cash: line.cash,
            earn: line.earn,
            vat: line.vat,
            refunded: line.refunded + line.fee_refunded,
            ticket: line
                .ticket
                .as_ref()
                .map(|ticket| TicketView { id: ticket.id.clone(), state: ticket_state(ticket.state) }),
        }
    }
}

pub fn ticket_state(state: TicketState) -> &'static str {
    match state {
        TicketState::Valid => "valid",
        TicketState::Suspended => "suspended",
        TicketState::Void => "void",
    }
}
