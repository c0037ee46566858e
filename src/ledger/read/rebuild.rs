//! What a lost lane is rebuilt from: orders with live seats, and claims, written or in the dead letters.
//!
//! Each page is a read of its own. That is safe, because the lane is recovering and only its own writer changes these
//! rows. Letters are read first, because a letter that is requeued meanwhile becomes rows.

use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::orders::{ORDER, facts};
use super::row::{Cells, cells};
use crate::facts::checkpoint::RestoredOrder;
use crate::facts::coupon::Claim;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{CampaignId, ClaimId, EventId, OrderId, SeatIndex, UserId, VisitorId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::seat::SeatState;
use crate::facts::terms::Terms;
use crate::ledger::store::sql::{Value, fetch_in};
use crate::ledger::{Conn, ReadSource, Reader, Result};

/// Orders and claims in one read.
const ORDERS_PAGE: usize = 500;
const CLAIMS_PAGE: usize = 5_000;

impl Reader {
    /// An event's orders that are neither rejected nor refunded whole, each with its hold and the seats that it has.
    /// An order that only the dead letters have is among them, unless a written order has one of its seats.
    pub async fn live_orders(&self, event: &EventId) -> Result<Vec<RestoredOrder>> {
        let dead = self.dead_orders(event).await?;
        let mut orders = self.written_orders(event).await?;
        // An order that is being requeued may have its rows already; and a lane may have given its seats away since.
        let taken: HashSet<SeatIndex> = orders.iter().flat_map(|order| &order.seats).map(|(seat, _)| *seat).collect();
        let has_its_seats = |order: &RestoredOrder| order.seats.iter().all(|(seat, _)| !taken.contains(seat));
        orders.extend(dead.into_iter().filter(has_its_seats));
        Ok(orders)
    }

    async fn written_orders(&self, event: &EventId) -> Result<Vec<RestoredOrder>> {
        let mut found: Vec<RestoredOrder> = Vec::new();
        loop {
            let after = found.last().map_or(String::new(), |last| last.fact.id.to_string());
            let event = event.to_string();
            let page = self
                .read("live_orders", ReadSource::Primary, move |conn| Box::pin(live_orders(conn, event, after)))
                .await?;
            let last = page.len() < ORDERS_PAGE;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }

    /// One order as [`live_orders`](Self::live_orders) has it; `None`: the ledger has no rows of it, or it is over.
    pub async fn live_order(&self, order: &OrderId) -> Result<Option<RestoredOrder>> {
        let id = order.to_string();
        let found = self.read("live_order", ReadSource::Primary, move |conn| Box::pin(live_order(conn, id)));
        Ok(found.await?.pop())
    }

    /// A campaign's claims, by number, those of the dead letters included.
    pub async fn claims(&self, campaign: &CampaignId) -> Result<Vec<Claim>> {
        let dead = self.dead_claims(campaign).await?;
        let mut claims = self.written_claims(campaign).await?;
        let written: HashSet<i64> = claims.iter().map(|claim| claim.number).collect();
        claims.extend(dead.into_iter().filter(|claim| !written.contains(&claim.number)));
        claims.sort_by_key(|claim| claim.number);
        Ok(claims)
    }

    async fn written_claims(&self, campaign: &CampaignId) -> Result<Vec<Claim>> {
        let mut found: Vec<Claim> = Vec::new();
        loop {
            let after = found.last().map_or(0, |last| last.number);
            let campaign = campaign.to_string();
            let page =
                self.read("claims", ReadSource::Primary, move |conn| Box::pin(claims(conn, campaign, after))).await?;
            let last = page.len() < CLAIMS_PAGE;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }
}

/// Statuses of orders that can still change.
const LIVE: &str = "status IN ('pending_payment', 'paying', 'confirmed', 'partially_refunded')";

async fn live_orders(conn: &mut Conn, event: String, after: String) -> Result<Vec<RestoredOrder>> {
    let text = format!("{ORDER} WHERE event = ? AND id > ? AND {LIVE} ORDER BY id LIMIT {ORDERS_PAGE}");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(event).bind(after).fetch_all(&mut *conn).await?;
    restored(conn, rows).await
}

async fn live_order(conn: &mut Conn, id: String) -> Result<Vec<RestoredOrder>> {
    let text = format!("{ORDER} WHERE id = ? AND {LIVE}");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
    restored(conn, rows).await
}

async fn restored(conn: &mut Conn, rows: Vec<AnyRow>) -> Result<Vec<RestoredOrder>> {
    let facts = facts(conn, &rows).await?;
    let keys: Vec<Value> = facts.iter().map(|fact| fact.id.as_str().into()).collect();
    let live = "SELECT order_id, seat FROM ticket WHERE live = 1 AND order_id IN";
    let mut seats: HashMap<String, Vec<SeatIndex>> = HashMap::new();
    for row in cells("ticket", &fetch_in(conn, live, &keys, "ORDER BY seat").await?) {
        seats.entry(row.text("order_id")?).or_default().push(row.small("seat")?);
    }
    facts
        .into_iter()
        .zip(&rows)
        .map(|(fact, row)| {
            let terms: Terms = Cells { table: "orders", row }.json("terms")?;
            let state = seat_state(fact.status);
            let mut seats: Vec<_> = seats.remove(fact.id.as_str()).unwrap_or_default();
            seats.sort_unstable();
            Ok(RestoredOrder {
                hold: hold(&fact, row)?,
                seats: seats.into_iter().map(|seat| (seat, state)).collect(),
                refundable_until_ms: terms.refundable_until_ms(),
                fact,
            })
        })
        .collect()
}

fn seat_state(status: OrderStatus) -> SeatState {
    match status {
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => SeatState::Paying,
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded | OrderStatus::Rejected => {
            SeatState::Sold
        }
    }
}

/// The hold an order came from, as far as the order's row says it.
fn hold(fact: &OrderFact, row: &AnyRow) -> Result<HoldFact> {
    let row = Cells { table: "orders", row };
    let mut seats: Vec<(SeatIndex, i64)> = fact.lines.iter().map(|line| (line.seat, line.price)).collect();
    seats.sort_unstable();
    Ok(HoldFact {
        id: fact.hold.clone(),
        event: fact.event.clone(),
        user: fact.user.clone(),
        visitor: VisitorId::from(row.text("visitor")?),
        digest: row.text("hold_digest")?,
        state: HoldState::Ordered,
        seats: seats.iter().map(|&(seat, _)| seat).collect(),
        prices: seats.iter().map(|&(_, price)| price).collect(),
        earn_bp: row.int("earn_bp")?,
        fee_bp: row.int("fee_bp")?,
        created_ms: row.int("hold_created_ms")?,
        expires_ms: row.int_or_null("held_until_ms")?.unwrap_or(fact.deadline_ms),
        order: Some(fact.id.clone()),
    })
}

async fn claims(conn: &mut Conn, campaign: String, after: i64) -> Result<Vec<Claim>> {
    let text = format!(
        "SELECT number, user_id, claim, digest, version, expires_ms FROM coupon WHERE campaign = ? AND number > ? \
         ORDER BY number LIMIT {CLAIMS_PAGE}"
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(campaign).bind(after).fetch_all(conn).await?;
    cells("coupon", &rows)
        .map(|row| {
            Ok(Claim {
                // Empty when an order inserted the coupon and its claim is not written yet: the number is taken anyway.
                claim: ClaimId::from(row.text_or_null("claim")?.unwrap_or_default()),
                number: row.int("number")?,
                user: UserId::from(row.text("user_id")?),
                digest: row.text_or_null("digest")?.unwrap_or_default(),
                version: row.int("version")?,
                expires_ms: row.int_or_null("expires_ms")?,
            })
        })
        .collect()
}
