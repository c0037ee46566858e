//! Orders and claims that a door accepted and that only the dead letters have.

use sqlx::AssertSqlSafe;

use super::row::cells;
use crate::facts::checkpoint::RestoredOrder;
use crate::facts::coupon::Claim;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{CampaignId, EventId};
use crate::facts::record::{Entry, RecordBody};
use crate::facts::seat::SeatState;
use crate::ledger::{Conn, ReadSource, Reader, Result};

/// Letters in one read.
const PAGE: usize = 500;

impl Reader {
    /// Orders of an event whose first record is a dead letter: they were accepted but never written.
    pub(super) async fn dead_orders(&self, event: &EventId) -> Result<Vec<RestoredOrder>> {
        let letters = self.letters("order_id IS NOT NULL").await?;
        Ok(letters.iter().filter_map(order).filter(|order| order.fact.event == *event).collect())
    }

    /// Claims of a campaign that are dead letters. Their numbers are taken.
    pub(super) async fn dead_claims(&self, campaign: &CampaignId) -> Result<Vec<Claim>> {
        let letters = self.letters("order_id IS NULL").await?;
        Ok(letters.iter().filter_map(|entry| claim(entry, campaign)).collect())
    }

    async fn letters(&self, which: &'static str) -> Result<Vec<Entry>> {
        let mut found: Vec<(String, String)> = Vec::new();
        loop {
            let after = found.last().map_or(String::new(), |(id, _)| id.clone());
            let page =
                self.read("letters", ReadSource::Primary, move |conn| Box::pin(letters(conn, which, after))).await?;
            let is_last = page.len() < PAGE;
            found.extend(page);
            if is_last {
                break;
            }
        }
        // A letter that cannot even be read as an entry was never accepted by a door.
        Ok(found.iter().filter_map(|(_, entry)| serde_json::from_str(entry).ok()).collect())
    }
}

/// Ids and entries.
async fn letters(conn: &mut Conn, which: &str, after: String) -> Result<Vec<(String, String)>> {
    let text = format!("SELECT id, entry FROM dead_letter WHERE {which} AND id > ? ORDER BY id LIMIT {PAGE}");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(after).fetch_all(conn).await?;
    cells("dead_letter", &rows).map(|row| Ok((row.text("id")?, row.text("entry")?))).collect()
}

fn order(entry: &Entry) -> Option<RestoredOrder> {
    let body: RecordBody = serde_json::from_str(&entry.body).ok()?;
    let fact = body.accepted()?;
    let hold = HoldFact { state: HoldState::Ordered, order: Some(fact.id.clone()), ..entry.hold.clone()? };
    let RecordBody::OrderPlaced { terms, .. } = body else { return None };
    let seats = hold.seats.iter().map(|seat| (*seat, SeatState::Paying)).collect();
    Some(RestoredOrder { fact, hold, seats, refundable_until_ms: terms.refundable_until_ms() })
}

fn claim(entry: &Entry, of: &CampaignId) -> Option<Claim> {
    let body: RecordBody = serde_json::from_str(&entry.body).ok()?;
    let number = entry.number?;
    match body {
        RecordBody::CouponClaimed { claim, campaign, user, digest, version, expires_ms, v: _ } if campaign == *of => {
            Some(Claim { claim, number, user, digest, version, expires_ms })
        }
        _ => None,
    }
}
