//! The rows of events and campaigns, and the lanes' marks. The code that reads a spec belongs in `crate::catalog`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::draws::DrawSecret;
use super::{Cause, Conn, Error, Ledger, ReadSource, Result, campaign_version, outbox};
use crate::facts::ids::{CampaignId, EventId, LaneId, LogId};
use crate::facts::notice::Told;
use crate::facts::time::Millis;

/// An event as it is stored; `spec` and `layout` are the catalogue's JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub id: EventId,
    pub lane: LaneId,
    pub version: i64,
    /// Given by the ledger when stored: grows with every change of any event or campaign.
    pub seq: i64,
    pub spec: String,
    pub layout: String,
    /// Stored where there is none yet, and when the event comes back to its lane; otherwise the stored one stays.
    pub draw: DrawSecret,
    /// The event has left its lane, until it is put again. Set by reads; [`Ledger::put_event`] ignores it.
    pub away: bool,
    /// The event has left its lane at least once. Set by reads; [`Ledger::put_event`] ignores it.
    pub returned: bool,
    /// What this change tells the world, in the same transaction. Not read back.
    pub told: Option<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRow {
    pub id: CampaignId,
    pub lane: LaneId,
    pub version: i64,
    pub seq: i64,
    pub stock: i64,
    pub spec: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Done,
    /// The stored version is not the expected one: another change came first.
    Conflict,
}

/// What the ledger last saw of a lane. A lane that is behind its mark has lost something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneMark {
    pub generation: u64,
    pub log_last: LogId,
    pub epoch: i64,
}

/// How many former specs of an event are kept, and the most that one read answers.
const FORMER_KEPT: i64 = 20;

impl Ledger {
    /// Stores an event whose stored version is `expected` (`None`: not there yet).
    pub async fn put_event(&self, row: EventRow, expected: Option<i64>, now_ms: Millis) -> Result<Put> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let seq = next_seq(conn).await?;
                let (lane, told) = (row.lane, row.told.clone());
                let away = "SELECT COUNT(*) FROM event WHERE id = ? AND away = 1";
                let comes_back = exists(conn, away, row.id.as_str()).await?;
                let event = row.id.to_string();
                if let Some(version) = expected {
                    keep_former(conn, row.id.as_str(), version).await?;
                }
                let met = match expected {
                    // MySQL sets the columns from left to right, so `away` is read before it is set.
                    Some(version) => sqlx::query(
                        "UPDATE event SET draw_key = CASE WHEN draw_key = '' OR away = 1 THEN ? ELSE draw_key END, \
                         version = ?, seq = ?, spec = ?, layout = ?, updated_ms = ?, away = 0 \
                         WHERE id = ? AND version = ?",
                    )
                    .bind(row.draw.text())
                    .bind(row.version)
                    .bind(seq)
                    .bind(row.spec)
                    .bind(row.layout)
                    .bind(now_ms)
                    .bind(row.id.into_string())
                    .bind(version)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected(),
                    None if exists(conn, "SELECT COUNT(*) FROM event WHERE id = ?", row.id.as_str()).await? => 0,
                    None => sqlx::query(
                        "INSERT INTO event (id, lane, version, seq, spec, layout, draw_key, created_ms, updated_ms) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(row.id.into_string())
                    .bind(i64::from(row.lane.0))
                    .bind(row.version)
                    .bind(seq)
                    .bind(row.spec)
                    .bind(row.layout)
                    .bind(row.draw.text())
                    .bind(now_ms)
                    .bind(now_ms)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected(),
                };
                if met != 1 {
                    return Ok(Put::Conflict);
                }
                if comes_back {
                    // The event now draws by another secret, so the stored lists belong to none of its draws.
                    for text in ["DELETE FROM room_draw WHERE event = ?", "DELETE FROM room_draw_part WHERE event = ?"]
                    {
                        sqlx::query(text).bind(&event).execute(&mut *conn).await?;
                    }
                }
                outbox::tell(conn, lane, now_ms, told.as_slice()).await?;
                Ok(Put::Done)
            })
        })
        .await
    }

    /// Stores a campaign whose stored version is `expected` (`None`: not there yet).
    pub async fn put_campaign(&self, row: CampaignRow, expected: Option<i64>, now_ms: Millis) -> Result<Put> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let seq = next_seq(conn).await?;
                let (version, spec) = ((row.id.clone(), row.version), row.spec.clone());
                let met = match expected {
                    Some(version) => sqlx::query(
                        "UPDATE campaign SET version = ?, seq = ?, stock = ?, spec = ?, updated_ms = ? \
                         WHERE id = ? AND version = ?",
                    )
                    .bind(row.version)
                    .bind(seq)
                    .bind(row.stock)
                    .bind(row.spec)
                    .bind(now_ms)
                    .bind(row.id.into_string())
                    .bind(version)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected(),
                    None if exists(conn, "SELECT COUNT(*) FROM campaign WHERE id = ?", row.id.as_str()).await? => 0,
                    None => sqlx::query(
                        "INSERT INTO campaign (id, lane, version, seq, stock, spec, created_ms, updated_ms) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(row.id.into_string())
                    .bind(i64::from(row.lane.0))
                    .bind(row.version)
                    .bind(seq)
                    .bind(row.stock)
                    .bind(row.spec)
                    .bind(now_ms)
                    .bind(now_ms)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected(),
                };
                if met != 1 {
                    return Ok(Put::Conflict);
                }
                campaign_version::keep(conn, version, spec, now_ms).await?;
                Ok(Put::Done)
            })
        })
        .await
    }

    /// Marks an event as away, raises its version by one and deletes its room's checkpoint. `false`: the event stays,
    /// because the stored version is not `version`, because it is away already, because an order was placed at
    /// `since_ms` or later, or because an order still waits for its payment or has an open payment or refund.
    /// Refunds that wait for their buyer's account do not count: they end without the lane.
    pub async fn retire_event(&self, id: &EventId, version: i64, since_ms: Millis) -> Result<bool> {
        let id = id.to_string();
        self.transaction(move |conn| {
            Box::pin(async move {
                let busy = "SELECT COUNT(*) FROM orders WHERE event = ? AND (placed_ms >= ? \
                     OR status IN ('pending_payment', 'paying', 'awaiting_deposit') \
                     OR EXISTS (SELECT 1 FROM payment p WHERE p.order_id = orders.id AND p.opened = 1) \
                     OR EXISTS (SELECT 1 FROM refund r WHERE r.order_id = orders.id AND r.opened = 1 \
                                AND (r.status <> 'awaiting_account' OR r.account IS NOT NULL)))";
                let busy: i64 = sqlx::query_scalar(busy).bind(&id).bind(since_ms).fetch_one(&mut *conn).await?;
                if busy > 0 {
                    return Ok(false);
                }
                let seq = next_seq(conn).await?;
                let text = "UPDATE event SET away = 1, times_left = times_left + 1, version = version + 1, seq = ? \
                     WHERE id = ? AND version = ? AND away = 0";
                let met = sqlx::query(text).bind(seq).bind(&id).bind(version).execute(&mut *conn).await?;
                if met.rows_affected() != 1 {
                    return Ok(false);
                }
                for text in [
                    "DELETE FROM room_checkpoint WHERE event = ?",
                    "DELETE FROM room_inside WHERE event = ?",
                    "DELETE FROM room_spent WHERE event = ?",
                    "DELETE FROM room_spent_draw WHERE event = ?",
                ] {
                    sqlx::query(text).bind(&id).execute(&mut *conn).await?;
                }
                Ok(true)
            })
        })
        .await
    }

    /// Takes [`Self::retire_event`] back, because the lane refused to let the event go. `version` is the stored one.
    pub async fn unretire_event(&self, id: &EventId, version: i64) -> Result<()> {
        let id = id.to_string();
        self.transaction(move |conn| {
            Box::pin(async move {
                let seq = next_seq(conn).await?;
                let text = "UPDATE event SET away = 0, version = version + 1, seq = ? \
                     WHERE id = ? AND version = ? AND away = 1";
                sqlx::query(text).bind(seq).bind(&id).bind(version).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }

    /// The specs that an event had before this version, as JSON, newest first. Old ones are no longer kept.
    pub async fn former_events(&self, id: &EventId, version: i64) -> Result<Vec<String>> {
        let text = "SELECT spec FROM event_version WHERE event = ? AND version < ? ORDER BY version DESC LIMIT ?";
        self.former("former_events", text, id.to_string(), version).await
    }

    /// As [`Self::former_events`], of a campaign.
    pub async fn former_campaigns(&self, id: &CampaignId, version: i64) -> Result<Vec<String>> {
        let text = "SELECT spec FROM campaign_version WHERE campaign = ? AND version < ? ORDER BY version DESC LIMIT ?";
        self.former("former_campaigns", text, id.to_string(), version).await
    }

    async fn former(&self, name: &'static str, text: &'static str, id: String, version: i64) -> Result<Vec<String>> {
        self.read_one(name, ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let query = sqlx::query_scalar(text).bind(id).bind(version).bind(FORMER_KEPT);
                Ok(query.fetch_all(conn).await?)
            })
        })
        .await
    }

    /// The number of the last change of any event or campaign; 0: there was none.
    pub async fn catalog_seq(&self) -> Result<i64> {
        self.read_one("catalog_seq", ReadSource::Primary, |conn| Box::pin(last_seq(conn))).await
    }

    /// Events changed after `seq`, in the order of their changes, at most `limit`.
    pub async fn events_since(&self, seq: i64, limit: i64) -> Result<Vec<EventRow>> {
        self.read_one("events_since", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT id, lane, version, seq, spec, layout, draw_key, away, times_left FROM event \
                     WHERE seq > ? ORDER BY seq LIMIT ?";
                let rows = sqlx::query(text).bind(seq).bind(limit).fetch_all(conn).await?;
                rows.iter().map(event_row).collect()
            })
        })
        .await
    }

    /// Campaigns changed after `seq`, in the order of their changes, at most `limit`.
    pub async fn campaigns_since(&self, seq: i64, limit: i64) -> Result<Vec<CampaignRow>> {
        self.read_one("campaigns_since", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text =
                    "SELECT id, lane, version, seq, stock, spec FROM campaign WHERE seq > ? ORDER BY seq LIMIT ?";
                let rows = sqlx::query(text).bind(seq).bind(limit).fetch_all(conn).await?;
                rows.iter().map(campaign_row).collect()
            })
        })
        .await
    }

    /// One more than the highest lane in use. With fewer lanes configured, what lives in it would be out of reach.
    pub async fn lanes_known(&self) -> Result<u16> {
        self.read_one("lanes_known", ReadSource::Primary, |conn| {
            Box::pin(async move {
                let text = "SELECT MAX(lane) AS lane FROM \
                     (SELECT lane FROM event UNION SELECT lane FROM campaign UNION SELECT lane FROM lane) AS known";
                let highest: Option<i64> = sqlx::query(text).fetch_one(conn).await?.try_get("lane")?;
                Ok(highest.map_or(0, |lane| u16::try_from(lane + 1).unwrap_or(u16::MAX)))
            })
        })
        .await
    }

    /// What the ledger last saw of a lane; all zero when it never saw it.
    pub async fn lane_mark(&self, lane: LaneId) -> Result<LaneMark> {
        self.read_one("lane_mark", ReadSource::Primary, move |conn| Box::pin(lane_mark(conn, lane))).await
    }

    /// Stores a lane's mark if the stored one is still of generation `before` (0: there is none). When two callers
    /// begin the same generation, one of them gets `Conflict`.
    pub async fn set_lane_mark(&self, lane: LaneId, before: u64, mark: LaneMark) -> Result<Put> {
        let set = self.transaction(move |conn| Box::pin(set_lane_mark(conn, lane, before, mark))).await;
        match set {
            Err(Error::Database { cause: Cause::Duplicate, .. }) => Ok(Put::Conflict),
            set => set,
        }
    }
}

/// As [`Ledger::lane_mark`], inside a transaction.
pub async fn lane_mark(conn: &mut Conn, lane: LaneId) -> Result<LaneMark> {
    let text = "SELECT generation, log_last, epoch FROM lane WHERE lane = ?";
    let row = sqlx::query(text).bind(i64::from(lane.0)).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(LaneMark::default()) };
    Ok(LaneMark {
        generation: u64::try_from(row.try_get::<i64, _>("generation")?).unwrap_or(0),
        log_last: LogId(u64::try_from(row.try_get::<i64, _>("log_last")?).unwrap_or(0)),
        epoch: row.try_get("epoch")?,
    })
}

/// As [`Ledger::set_lane_mark`], inside a transaction. With `before` 0 a mark that exists is not a `Conflict`, but an
/// error of cause [`Cause::Duplicate`].
pub async fn set_lane_mark(conn: &mut Conn, lane: LaneId, before: u64, mark: LaneMark) -> Result<Put> {
    let (generation, log_last) = (signed(mark.generation), signed(mark.log_last.0));
    let met = sqlx::query("UPDATE lane SET generation = ?, log_last = ?, epoch = ? WHERE lane = ? AND generation = ?")
        .bind(generation)
        .bind(log_last)
        .bind(mark.epoch)
        .bind(i64::from(lane.0))
        .bind(signed(before))
        .execute(&mut *conn)
        .await?
        .rows_affected();
    if met == 0 && before > 0 {
        return Ok(Put::Conflict);
    }
    if met == 0 {
        sqlx::query("INSERT INTO lane (lane, generation, log_last, epoch) VALUES (?, ?, ?, ?)")
            .bind(i64::from(lane.0))
            .bind(generation)
            .bind(log_last)
            .bind(mark.epoch)
            .execute(&mut *conn)
            .await?;
    }
    Ok(Put::Done)
}

/// Keeps the stored spec, which is about to be replaced.
async fn keep_former(conn: &mut Conn, id: &str, version: i64) -> Result<()> {
    let text = "INSERT INTO event_version (event, version, spec) \
         SELECT id, version, spec FROM event WHERE id = ? AND version = ?";
    sqlx::query(text).bind(id.to_owned()).bind(version).execute(&mut *conn).await?;
    let text = "DELETE FROM event_version WHERE event = ? AND version <= ?";
    sqlx::query(text).bind(id.to_owned()).bind(version - FORMER_KEPT).execute(conn).await?;
    Ok(())
}

/// The next change's number. The counter's row stays locked until the commit, so numbers become visible in order and
/// a reader of "all after n" misses none.
async fn next_seq(conn: &mut Conn) -> Result<i64> {
    sqlx::query("UPDATE counter SET value = value + 1 WHERE name = 'catalog'").execute(&mut *conn).await?;
    last_seq(conn).await
}

async fn last_seq(conn: &mut Conn) -> Result<i64> {
    let row = sqlx::query("SELECT value FROM counter WHERE name = 'catalog'").fetch_one(conn).await?;
    Ok(row.try_get("value")?)
}

async fn exists(conn: &mut Conn, count: &'static str, id: &str) -> Result<bool> {
    let row = sqlx::query(count).bind(id.to_owned()).fetch_one(conn).await?;
    Ok(row.try_get::<i64, _>(0)? > 0)
}

fn event_row(row: &AnyRow) -> Result<EventRow> {
    Ok(EventRow {
        id: EventId::from(row.try_get::<String, _>("id")?),
        lane: lane(row)?,
        version: row.try_get("version")?,
        seq: row.try_get("seq")?,
        spec: row.try_get("spec")?,
        layout: row.try_get("layout")?,
        draw: DrawSecret::read(row.try_get("draw_key")?),
        away: row.try_get::<i64, _>("away")? != 0,
        returned: row.try_get::<i64, _>("times_left")? > 0,
        told: None,
    })
}

fn campaign_row(row: &AnyRow) -> Result<CampaignRow> {
    Ok(CampaignRow {
        id: CampaignId::from(row.try_get::<String, _>("id")?),
        lane: lane(row)?,
        version: row.try_get("version")?,
        seq: row.try_get("seq")?,
        stock: row.try_get("stock")?,
        spec: row.try_get("spec")?,
    })
}

fn lane(row: &AnyRow) -> Result<LaneId> {
    Ok(LaneId(u16::try_from(row.try_get::<i64, _>("lane")?).unwrap_or(u16::MAX)))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
