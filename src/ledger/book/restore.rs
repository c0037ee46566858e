//! What a lane is rebuilt from: the orders that still matter to it, and the claims of its campaigns.
//! Reads only, and in parts: a big event must not meet the time limit of one read.

use std::collections::BTreeSet;

use sqlx::Row as _;

use super::Book;
use super::row::{Live, Standing};
use super::settlement::fact;
use super::sheet::Sheet;
use crate::ids::{CampaignId, ClaimId, EventId, LaneId, OrderId, SeatIndex, UserId};
use crate::lane::campaign::Claim;
use crate::lane::event::{RestoredOrder, SeatState};
use crate::lane::hold::{HoldFact, HoldState};
use crate::ledger::{Ledger, Result, Source};

/// Orders, and claims, in one read.
const PART: i64 = 500;

/// Orders of an event that hold seats or may still be refunded.
pub async fn live_orders(ledger: &Ledger, lane: LaneId, event: &EventId) -> Result<Vec<RestoredOrder>> {
    let mut orders = Vec::new();
    let mut after = String::new();
    loop {
        let (event, from) = (event.clone(), after.clone());
        let part = ledger
            .read("live_orders", Source::Primary, move |conn| {
                Box::pin(async move {
                    let text = "SELECT id FROM orders WHERE event = ? AND live = 1 AND id > ? ORDER BY id LIMIT ?";
                    let rows = sqlx::query(text).bind(event.0).bind(from).bind(PART).fetch_all(&mut *conn).await?;
                    let ids: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?;
                    let mut book = Book::new(lane, 0, 0);
                    book.load_sheets(conn, &ids.into_iter().map(OrderId).collect::<BTreeSet<_>>()).await?;
                    Ok(book.sheets.values().map(restored).collect::<Vec<_>>())
                })
            })
            .await?;
        let Some(last) = part.last() else { return Ok(orders) };
        after = last.fact.id.0.clone();
        orders.extend(part);
    }
}

/// Claims of a campaign by number. One that only an order has brought so far stands under the order's
/// name: its own claim was lost with the lane, or is still to come.
pub async fn claims_of(ledger: &Ledger, campaign: &CampaignId) -> Result<Vec<Claim>> {
    let mut claims: Vec<Claim> = Vec::new();
    loop {
        let campaign = campaign.clone();
        let after = claims.last().map_or(0, |claim| claim.number);
        let part = ledger
            .read("claims_of", Source::Primary, move |conn| {
                Box::pin(async move {
                    let text = "SELECT number, user_id, claim, digest FROM coupon \
                                WHERE campaign = ? AND number > ? ORDER BY number LIMIT ?";
                    let rows = sqlx::query(text).bind(campaign.0.clone()).bind(after).bind(PART).fetch_all(conn).await?;
                    rows.iter()
                        .map(|row| {
                            let number: i64 = row.try_get(0)?;
                            let claim: Option<String> = row.try_get(2)?;
                            Ok(Claim {
                                claim: ClaimId(claim.unwrap_or_else(|| format!("{campaign}.{number}"))),
                                number,
                                user: UserId(row.try_get(1)?),
                                digest: row.try_get::<Option<String>, _>(3)?.unwrap_or_default(),
                            })
                        })
                        .collect::<Result<Vec<_>>>()
                })
            })
            .await?;
        if part.is_empty() {
            return Ok(claims);
        }
        claims.extend(part);
    }
}

fn restored(sheet: &Sheet) -> RestoredOrder {
    let order = sheet.order();
    let seat_of = |seat: i64| SeatIndex::try_from(seat).expect("seats come from a lane");
    let state = |standing| match standing {
        Standing::Reserved => SeatState::Paying,
        Standing::Issued(_) => SeatState::Sold,
    };
    let hold = HoldFact {
        id: order.hold.clone(),
        event: order.event.clone(),
        user: order.user_id.clone(),
        visitor: order.visitor.clone(),
        // The request that made it is not kept: a repeat of it is refused as another request.
        digest: String::new(),
        state: HoldState::Ordered,
        seats: sheet.lines.iter().map(|line| seat_of(line.seat)).collect(),
        prices: sheet.lines.iter().map(|line| line.price).collect(),
        earn_bp: order.earn_bp,
        fee_bp: order.fee_bp,
        created_ms: order.hold_created_ms,
        expires_ms: order.deadline_ms,
        order: Some(order.id.clone()),
    };
    let live = sheet.tickets.iter().filter(|ticket| ticket.live == Live::Yes);
    RestoredOrder {
        fact: fact(sheet),
        hold,
        seats: live.map(|ticket| (seat_of(ticket.seat), state(ticket.state))).collect(),
    }
}
