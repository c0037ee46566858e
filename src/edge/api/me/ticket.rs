//! A ticket as its holder sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Event;
use crate::edge::api::orders::line_view::ticket_state;
use crate::facts::time::rfc3339;
use crate::ledger::read::TicketEntry;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct OwnTicketView {
    #[schema(example = "t0360303ae22b998861bce3b28f33eec1be-1")]
    pub id: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    /// `null` when the catalogue does not have its event any more.
    #[schema(example = "a")]
    pub section: Option<String>,
    /// `SECTION-ROW-NUMBER`; `null` in standing sections.
    #[schema(example = "a-1-1")]
    pub seat: Option<String>,
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: String,
    #[schema(example = 1)]
    pub line: u32,
    /// `valid`, `suspended` or `void`.
    #[schema(example = "valid")]
    pub state: &'static str,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub issued_at: String,
}

impl OwnTicketView {
    pub fn new(ticket: TicketEntry, event: Option<&Event>) -> Self {
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
