//! A ticket as its holder sees it.

use serde::Serialize;
use utoipa::ToSchema;

use super::order::ticket_state;
use crate::catalog::Event;
use crate::clock::rfc3339;
use crate::ledger::reads::TicketRow;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketView {
    pub id: String,
    pub event: String,
    /// `null` when the catalogue does not have its event any more.
    pub section: Option<String>,
    /// `SECTION-ROW-NUMBER`; `null` in standing sections.
    pub seat: Option<String>,
    pub order: String,
    pub line: u32,
    /// `valid`, `suspended` or `void`.
    pub state: &'static str,
    pub issued_at: String,
}

impl TicketView {
    pub fn new(ticket: TicketRow, event: Option<&Event>) -> Self {
        Self {
            id: ticket.id,
            event: ticket.event.into_string(),
            section: event.and_then(|event| event.layout.section_of(ticket.seat)).map(|section| section.id.clone()),
            seat: event.and_then(|event| event.layout.name(ticket.seat)),
            order: ticket.order.into_string(),
            line: ticket.line,
            state: ticket_state(ticket.state),
            issued_at: rfc3339(ticket.issued_ms),
        }
    }
}
