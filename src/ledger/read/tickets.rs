//! The tickets of a user.

use super::row::{Cells, cells};
use super::{Cursor, ListPart, page};
use crate::facts::ids::{EventId, OrderId, SeatIndex, UserId};
use crate::facts::order::TicketState;
use crate::facts::time::Millis;
use crate::ledger::store::column::TicketStanding;
use crate::ledger::store::db::Statements;
use crate::ledger::{Reader, Result};

/// A ticket of a paid order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketEntry {
    /// Id of the ticket.
    pub id: String,
    /// The event of the seat.
    pub event: EventId,
    /// Index of the seat.
    pub seat: SeatIndex,
    /// The order that bought it.
    pub order: OrderId,
    /// The order's line, from 1.
    pub line: u32,
    /// Whether the ticket is valid.
    pub state: TicketState,
    /// When the writer took the order into the ledger.
    pub issued_ms: Millis,
}

impl Reader {
    /// A user's tickets, by id. Rows of orders that were never paid only guard seats and are left out. The
    /// part begins behind `after` and has at most `limit` items. A replica may answer.
    pub async fn tickets_of(&self, user: &UserId, after: Option<Cursor>, limit: u32) -> Result<ListPart<TicketEntry>> {
        let (of, after) = (user.to_string(), after.unwrap_or_else(Cursor::lowest));
        self.read_of_user("tickets_of", user, Statements::One, move |conn| {
            let (user, after) = (of.clone(), after.clone());
            Box::pin(async move {
                let text = "SELECT t.id, t.event, t.seat, t.order_id, t.line, t.state, t.issued_ms \
                     FROM ticket t JOIN orders o ON o.id = t.order_id \
                     WHERE t.user_id = ? AND t.id > ? AND t.state <> 'reserved' AND o.confirmed_ms IS NOT NULL \
                     ORDER BY t.id LIMIT ?";
                let query = sqlx::query(text).bind(user).bind(after.id).bind(i64::from(limit) + 1);
                let rows = query.fetch_all(conn).await?;
                let found = cells("ticket", &rows).map(|row| ticket_row(&row)).collect::<Result<_>>()?;
                Ok(page(found, limit, |ticket: &TicketEntry| Cursor { number: 0, id: ticket.id.clone() }))
            })
        })
        .await
    }
}

fn ticket_state(text: &str) -> Option<TicketState> {
    match TicketStanding::parse(text)? {
        TicketStanding::Reserved => None,
        TicketStanding::Issued(state) => Some(state),
    }
}

fn ticket_row(row: &Cells<'_>) -> Result<TicketEntry> {
    Ok(TicketEntry {
        id: row.text("id")?,
        event: EventId::from(row.text("event")?),
        seat: row.small("seat")?,
        order: OrderId::from(row.text("order_id")?),
        line: row.small("line")?,
        state: row.word("state", ticket_state)?,
        issued_ms: row.int("issued_ms")?,
    })
}
