//! What a lost lane is rebuilt from: orders with live seats, and claims, written or in the dead letters.
//!
//! Each page is a read of its own. That is safe, because the lane is recovering and only its own writer changes these
//! rows. Letters are read first, because a letter that is requeued meanwhile becomes rows.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use super::orders::sheets;
use super::row::cells;
use crate::facts::checkpoint::RestoredOrder;
use crate::facts::coupon::Claim;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{CampaignId, ClaimId, EventId, OrderId, SeatIndex, UserId};
use crate::facts::order::{LineFact, OrderFact, OrderStatus};
use crate::facts::seat::SeatState;
use crate::facts::tariff::{PriceList, Tariff, TicketPrice};
use crate::ledger::sheet::{Sheet, order_fact, seat_index};
use crate::ledger::store::column::Live;
use crate::ledger::store::row::Row as _;
use crate::ledger::store::rows::OrderRow;
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
const LIVE: &str = "status IN ('pending_payment', 'paying', 'awaiting_deposit', 'confirmed', 'partially_refunded')";

async fn live_orders(conn: &mut Conn, event: String, after: String) -> Result<Vec<RestoredOrder>> {
    let select = OrderRow::select();
    let text = format!("{select} WHERE event = ? AND id > ? AND {LIVE} ORDER BY id LIMIT {ORDERS_PAGE}");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(event).bind(after).fetch_all(&mut *conn).await?;
    Ok(sheets(conn, &rows).await?.iter().map(restored).collect())
}

async fn live_order(conn: &mut Conn, id: String) -> Result<Vec<RestoredOrder>> {
    let text = format!("{} WHERE id = ? AND {LIVE}", OrderRow::select());
    let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
    Ok(sheets(conn, &rows).await?.iter().map(restored).collect())
}

fn restored(sheet: &Sheet) -> RestoredOrder {
    let fact = order_fact(sheet);
    let state = seat_state(fact.status);
    let live = sheet.tickets.iter().filter(|ticket| ticket.live == Live::Yes);
    let mut seats: Vec<SeatIndex> = live.map(|ticket| seat_index(ticket.seat)).collect();
    seats.sort_unstable();
    RestoredOrder {
        hold: hold(&fact, sheet),
        seats: seats.into_iter().map(|seat| (seat, state)).collect(),
        refundable_until_ms: sheet.terms.terms.refundable_until_ms(),
        fact,
    }
}

fn seat_state(status: OrderStatus) -> SeatState {
    match status {
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {
            SeatState::Paying
        }
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded | OrderStatus::Rejected => {
            SeatState::Sold
        }
    }
}

/// The hold an order came from, as far as the order's rows say it: of ticket types only those that were chosen.
fn hold(fact: &OrderFact, sheet: &Sheet) -> HoldFact {
    let order = sheet.order();
    let mut lines: Vec<&LineFact> = fact.lines.iter().collect();
    lines.sort_unstable_by_key(|line| line.seat);
    let mut tariff = Tariff::default();
    for line in &lines {
        let name = line.ticket_type.clone();
        let types = vec![TicketPrice { id: name.clone(), name, price: line.price }];
        let known = tariff.lists.iter().position(|list| list.types == types);
        tariff.list_of.push(known.unwrap_or(tariff.lists.len()));
        if known.is_none() {
            tariff.lists.push(PriceList { section: String::new(), types });
        }
    }
    HoldFact {
        id: fact.hold.clone(),
        event: fact.event.clone(),
        user: fact.user.clone(),
        visitor: order.visitor.clone(),
        digest: order.hold_digest.clone(),
        state: HoldState::Ordered,
        seats: lines.iter().map(|line| line.seat).collect(),
        prices: lines.iter().map(|line| line.price).collect(),
        tariff,
        terms: Some(sheet.terms.terms.clone()),
        earn_bp: order.earn_bp,
        fee_bp: order.fee_bp,
        created_ms: order.hold_created_ms,
        expires_ms: order.held_until_ms.unwrap_or(fact.deadline_ms),
        order: Some(fact.id.clone()),
    }
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
