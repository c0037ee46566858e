//! Notices on their way to the subscriptions.

use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::subscription::Destination;
use crate::facts::ids::LaneId;
use crate::facts::time::Millis;
use crate::ledger::store::column::short;
use crate::ledger::store::sql::Value;
use crate::ledger::{Ledger, ReadSource, Reader, Result};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent, or sent again, when it is due.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was tried as often as notices are, and waits for a person.
    Failed,
}

impl DeliveryState {
    pub const ALL: [DeliveryState; 3] = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// A notice for one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub subscription: String,
    /// The same for all subscriptions and all attempts.
    pub id: String,
    pub lane: LaneId,
    /// Its place among the notices of its lane.
    pub ord: i64,
    /// Notices of one lane about the same are delivered in their order.
    pub about: String,
    /// The CloudEvents type.
    pub kind: String,
    /// The whole envelope.
    pub body: String,
    /// When it was told, and first due.
    pub at_ms: Millis,
}

impl NewDelivery {
    pub(super) const COLUMNS: &[&str] =
        &["subscription", "id", "lane", "ord", "about", "kind", "body", "at_ms", "state", "attempts", "next_ms"];

    pub(super) fn values(&self) -> Vec<Value> {
        vec![
            self.subscription.as_str().into(),
            self.id.as_str().into(),
            i64::from(self.lane.0).into(),
            self.ord.into(),
            self.about.as_str().into(),
            self.kind.as_str().into(),
            self.body.as_str().into(),
            self.at_ms.into(),
            DeliveryState::Pending.as_str().into(),
            Value::Int(0),
            self.at_ms.into(),
        ]
    }
}

/// A delivery that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    pub id: String,
    pub about: String,
    pub body: String,
    /// Attempts so far.
    pub attempts: i64,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    pub subscription: String,
    pub id: String,
    /// Attempts with this one.
    pub attempts: i64,
    pub state: DeliveryState,
    /// When it is due again, or when it ended.
    pub next_ms: Millis,
    /// The HTTP status; `None`: there was no answer.
    pub status: Option<u16>,
    /// Why it was not taken.
    pub detail: Option<String>,
}

impl Reader {
    /// A subscription's deliveries of one lane that are due, in their order, at most `max`. A delivery behind one about
    /// the same that is not due yet is not among them.
    pub async fn due_deliveries(
        &self,
        subscription: &str,
        lane: LaneId,
        now_ms: Millis,
        max: i64,
    ) -> Result<Vec<DueDelivery>> {
        let (subscription, lane) = (subscription.to_owned(), i64::from(lane.0));
        let rows = self.read_one("due_deliveries", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT d.id, d.about, d.body, d.attempts FROM delivery d \
                     WHERE d.subscription = ? AND d.lane = ? AND d.state = 'pending' AND d.next_ms <= ? \
                     AND NOT EXISTS (SELECT 1 FROM delivery e \
                         WHERE e.subscription = d.subscription AND e.about = d.about AND e.lane = d.lane \
                         AND e.state = 'pending' AND e.ord < d.ord AND e.next_ms > ?) \
                     ORDER BY d.ord LIMIT ?";
                let query = sqlx::query(text).bind(subscription).bind(lane).bind(now_ms).bind(now_ms).bind(max);
                Ok(query.fetch_all(conn).await?)
            })
        });
        let due = |row: &AnyRow| {
            Ok(DueDelivery {
                id: row.try_get("id")?,
                about: row.try_get("about")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
            })
        };
        rows.await?.iter().map(due).collect()
    }
}

impl Ledger {
    /// Notes what attempts came to. A delivery that is not pending any more, or was tried by somebody else meanwhile,
    /// stays as it is.
    pub async fn note_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()> {
        self.transaction(move |conn| {
            Box::pin(async move {
                for attempt in attempts {
                    sqlx::query(
                        "UPDATE delivery SET state = ?, attempts = ?, next_ms = ?, status = ?, detail = ? \
                         WHERE subscription = ? AND id = ? AND state = 'pending' AND attempts = ?",
                    )
                    .bind(attempt.state.as_str())
                    .bind(attempt.attempts)
                    .bind(attempt.next_ms)
                    .bind(attempt.status.map(i64::from))
                    .bind(attempt.detail.as_deref().map(short))
                    .bind(attempt.subscription)
                    .bind(attempt.id)
                    .bind(attempt.attempts - 1)
                    .execute(&mut *conn)
                    .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Adds one delivery that no transaction told.
    pub async fn add_delivery(&self, new: NewDelivery) -> Result<()> {
        self.transaction(move |conn| {
            Box::pin(async move {
                crate::ledger::store::sql::insert(conn, "delivery", NewDelivery::COLUMNS, &[new.values()]).await
            })
        })
        .await
    }

    /// Makes a delivery due now, as if it had never been tried. False: there is none.
    pub async fn replay_delivery(&self, subscription: String, id: String, now_ms: Millis) -> Result<bool> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let known = sqlx::query("SELECT id FROM delivery WHERE subscription = ? AND id = ?");
                let known = known.bind(subscription.clone()).bind(id.clone()).fetch_optional(&mut *conn).await?;
                sqlx::query(
                    "UPDATE delivery SET state = 'pending', attempts = 0, next_ms = ? WHERE subscription = ? AND id = ?",
                )
                .bind(now_ms)
                .bind(subscription)
                .bind(id)
                .execute(conn)
                .await?;
                Ok(known.is_some())
            })
        })
        .await
    }

    /// Forgets a lane's deliveries in a state that were told before `before_ms`, at most `max`. Returns how many went.
    /// What waits for Kafka stays until it is taken, as long as Kafka subscribes.
    pub async fn forget_deliveries(
        &self,
        lane: LaneId,
        state: DeliveryState,
        before_ms: Millis,
        max: i64,
    ) -> Result<usize> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let text = "SELECT subscription, id FROM delivery WHERE lane = ? AND state = ? AND at_ms < ? \
                     AND (state <> 'pending' OR subscription NOT IN (SELECT name FROM subscription WHERE url = ?)) \
                     ORDER BY at_ms LIMIT ?";
                let old = sqlx::query(text).bind(i64::from(lane.0)).bind(state.as_str()).bind(before_ms);
                let old = old.bind(Destination::Kafka.url()).bind(max);
                let old = old.fetch_all(&mut *conn).await?;
                for row in &old {
                    let (subscription, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                    let gone = sqlx::query("DELETE FROM delivery WHERE subscription = ? AND id = ?");
                    gone.bind(subscription).bind(id).execute(&mut *conn).await?;
                }
                Ok(old.len())
            })
        })
        .await
    }
}
