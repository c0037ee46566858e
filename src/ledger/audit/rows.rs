//! The rows a lane is compared with.

use std::collections::{HashMap, HashSet};

use crate::facts::ids::{CampaignId, EventId, OrderId, SeatIndex, UserId};
use crate::facts::order::OrderStatus;
use crate::ledger::read::row::cells;
use crate::ledger::store::sql::fetch_in;
use crate::ledger::{Conn, Ledger, ReadSource, Result};

/// Seats in one read.
const SEATS_PAGE: i64 = 5_000;

/// A seat the ledger says is taken, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSeat {
    pub seat: SeatIndex,
    pub order: OrderId,
    pub user: UserId,
    pub status: OrderStatus,
}

/// What the ledger knows of orders a lane shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownOrders {
    pub versions: HashMap<OrderId, i64>,
    /// Orders with a dead record.
    pub dead: HashSet<OrderId>,
}

impl Ledger {
    /// Seats of an event that have a live ticket, by index.
    pub async fn live_seats(&self, event: &EventId) -> Result<Vec<LiveSeat>> {
        let mut found: Vec<LiveSeat> = Vec::new();
        loop {
            let after = found.last().map_or(-1, |last| i64::from(last.seat));
            let event = event.to_string();
            let page = self
                .read("live_seats", ReadSource::Primary, move |conn| Box::pin(live_seats(conn, event, after)))
                .await?;
            let last = (page.len() as i64) < SEATS_PAGE;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }

    /// Which of these orders the ledger or the dead letters know.
    pub async fn known_orders(&self, ids: &[OrderId]) -> Result<KnownOrders> {
        let keys: Vec<_> = ids.iter().map(|id| id.as_str().into()).collect();
        self.read("known_orders", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let mut known = KnownOrders::default();
                let rows = fetch_in(conn, "SELECT id, version FROM orders WHERE id IN", &keys, "").await?;
                for row in cells("orders", &rows) {
                    known.versions.insert(OrderId::from(row.text("id")?), row.int("version")?);
                }
                let rows = fetch_in(conn, "SELECT order_id FROM dead_letter WHERE order_id IN", &keys, "").await?;
                for row in cells("dead_letter", &rows) {
                    known.dead.insert(OrderId::from(row.text("order_id")?));
                }
                Ok(known)
            })
        })
        .await
    }

    /// Claims of a campaign, written or in the dead letters: the user of each number.
    pub async fn claimed(&self, campaign: &CampaignId) -> Result<HashMap<i64, UserId>> {
        Ok(self.claims(campaign).await?.into_iter().map(|claim| (claim.number, claim.user)).collect())
    }
}

async fn live_seats(conn: &mut Conn, event: String, after: i64) -> Result<Vec<LiveSeat>> {
    let text = "SELECT t.seat, t.order_id, o.user_id, o.status FROM ticket t JOIN orders o ON o.id = t.order_id \
         WHERE t.event = ? AND t.live = 1 AND t.seat > ? ORDER BY t.seat LIMIT ?";
    let rows = sqlx::query(text).bind(event).bind(after).bind(SEATS_PAGE).fetch_all(conn).await?;
    cells("ticket", &rows)
        .map(|row| {
            Ok(LiveSeat {
                seat: row.small("seat")?,
                order: OrderId::from(row.text("order_id")?),
                user: UserId::from(row.text("user_id")?),
                status: row.word("status", OrderStatus::parse)?,
            })
        })
        .collect()
}
