//! What waits in the ledger for the pipeline: open calls to the provider and when they are due, orders past their
//! deadline, dead letters.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::dead::DeadLetter;
use super::hint::{HintAt, put_off_hints};
use crate::facts::ids::{AttemptId, LaneId, OrderId, RefundId};
use crate::facts::order::Reason;
use crate::facts::time::Millis;
use crate::ledger::rules::call::{CallId, OpenCall};
use crate::ledger::sheet::{Sheet, status};
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Ledger, ReadSource, Result, sheet};

/// An order whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    pub order: OrderId,
    pub version: i64,
    pub reason: Reason,
}

/// Calls of a lane that are to be made now.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DueCalls {
    /// The longest due first.
    pub calls: Vec<OpenCall>,
    /// Calls of the lane without a definite answer, due or not.
    pub open: usize,
    /// Hints that nothing can come of.
    pub stale: Vec<HintAt>,
}

const HINTS: &str = "SELECT attempt, order_id, due_ms FROM payment_hint WHERE lane = ? AND due_ms <= ? \
     ORDER BY due_ms, attempt LIMIT ?";

/// Of the `limit` longest due calls of each kind, those that are not `in_hand` (ids of attempts and refunds). Of the
/// open refunds of one order only the oldest can be due: they go one at a time.
pub async fn due_calls(
    ledger: &Ledger,
    lane: LaneId,
    now_ms: Millis,
    limit: i64,
    in_hand: HashSet<String>,
) -> Result<DueCalls> {
    ledger
        .read("due_calls", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT (SELECT COUNT(*) FROM payment WHERE lane = ? AND opened = 1) \
                     + (SELECT COUNT(*) FROM refund WHERE lane = ? AND opened = 1), \
                     (SELECT COUNT(*) FROM payment_hint WHERE lane = ?)";
                let lane_value = i64::from(lane.0);
                let query = sqlx::query(text).bind(lane_value).bind(lane_value).bind(lane_value);
                let row = query.fetch_one(&mut *conn).await?;
                let (open, hints): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                if open == 0 && hints == 0 {
                    return Ok(DueCalls::default());
                }
                let open = usize::try_from(open).unwrap_or(0);
                let mut waiting = HashMap::new();
                let mut orders = BTreeSet::new();
                for text in [
                    HINTS,
                    "SELECT id, order_id, due_ms FROM payment WHERE lane = ? AND opened = 1 AND due_ms <= ? \
                     ORDER BY due_ms, id LIMIT ?",
                    "SELECT r.id, r.order_id, r.due_ms FROM refund r \
                     WHERE r.lane = ? AND r.opened = 1 AND r.due_ms <= ? AND NOT EXISTS ( \
                         SELECT 1 FROM refund older WHERE older.order_id = r.order_id AND older.opened = 1 \
                         AND (older.requested_ms < r.requested_ms \
                              OR older.requested_ms = r.requested_ms AND older.id < r.id)) \
                     ORDER BY r.due_ms, r.id LIMIT ?",
                ] {
                    let query = sqlx::query(text).bind(i64::from(lane.0)).bind(now_ms).bind(limit);
                    for row in query.fetch_all(&mut *conn).await? {
                        let (id, order, due_ms): (String, String, Millis) =
                            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                        if !in_hand.contains(&id) {
                            waiting.insert((text == HINTS, id), due_ms);
                            orders.insert(OrderId::from(order));
                        }
                    }
                }
                let sheets = sheet::load(conn, &orders).await?;
                let mut due_of = |call: &OpenCall| {
                    let is_hint = matches!(call, OpenCall::Look(_));
                    waiting.remove(&(is_hint, call.id().as_str().to_owned()))
                };
                let mut calls: Vec<(Millis, OpenCall)> = sheets
                    .values()
                    .flat_map(|sheet| sheet.calls().into_iter().chain(sheet.looks()))
                    .filter_map(|call| Some((due_of(&call)?, call)))
                    .collect();
                calls.sort_by_key(|(due_ms, call)| (*due_ms, call.since_ms()));
                let is_open = |attempt: &AttemptId| {
                    sheets.values().any(|sheet| sheet.open_attempt().is_some_and(|open| open.id == *attempt))
                };
                let hints = waiting.into_iter().filter(|((is_hint, _), _)| *is_hint);
                let stale = hints.map(|((_, id), due_ms)| (AttemptId::from(id), due_ms));
                let stale = stale.filter(|(attempt, _)| !is_open(attempt)).collect();
                let calls = calls.into_iter().map(|(due_ms, call)| call.due_at(due_ms)).collect();
                Ok(DueCalls { calls, open, stale })
            })
        })
        .await
}

/// A call whose result is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOff {
    /// When it is due again.
    pub due_ms: Millis,
    /// Why its result is unknown, for an operator: at most 255 characters.
    pub waits_for: String,
}

/// Stores when calls are due again, and what they wait for.
pub async fn put_off(ledger: &Ledger, calls: impl Iterator<Item = (CallId, PutOff)>) -> Result<()> {
    let (mut attempts, mut refunds, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    for (call, put_off) in calls {
        let row =
            |PutOff { due_ms, waits_for }| vec![Value::from(call.as_str()), due_ms.into(), Value::from(waits_for)];
        match &call {
            CallId::Charge(_) => attempts.push(row(put_off)),
            CallId::Refund(_) => refunds.push(row(put_off)),
            CallId::Look(attempt) => hints.push((attempt.clone(), put_off)),
        }
    }
    ledger
        .transaction(move |conn| {
            Box::pin(async move {
                let columns = ["due_ms", "waits_for"];
                sql::update_case(conn, "payment", &["id"], &columns, &attempts).await?;
                sql::update_case(conn, "refund", &["id"], &columns, &refunds).await?;
                put_off_hints(conn, &hints).await
            })
        })
        .await
}

/// Orders of a lane that are to expire: past their deadline without an open attempt, or past it by `unknown_ms` with
/// an open attempt whose result is unknown. At most `limit` of each.
pub async fn overdue(
    ledger: &Ledger,
    lane: LaneId,
    now_ms: Millis,
    unknown_ms: i64,
    limit: i64,
) -> Result<Vec<Overdue>> {
    ledger
        .read("overdue", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                // One statement, because it nearly always finds nothing. `limit` stands in the text, because SQLite
                // prepares a statement again whenever another value is bound there.
                let past = |status| {
                    format!(
                        "SELECT id FROM (SELECT id FROM orders WHERE lane = ? AND status = '{status}' \
                         AND deadline_ms <= ? ORDER BY deadline_ms LIMIT {limit}) AS {status}"
                    )
                };
                let text = format!("{} UNION ALL {}", past("pending_payment"), past("paying"));
                let (lane_value, asked_by_ms) = (i64::from(lane.0), now_ms - unknown_ms);
                let query = sqlx::query_scalar(AssertSqlSafe(text));
                let query = query.bind(lane_value).bind(now_ms).bind(lane_value).bind(asked_by_ms);
                let orders: Vec<String> = query.fetch_all(&mut *conn).await?;
                let orders: BTreeSet<OrderId> = orders.into_iter().map(OrderId::from).collect();
                Ok(sheet::load(conn, &orders).await?.values().map(late).collect())
            })
        })
        .await
}

/// What must be known of an attempt or a refund before an operator's verdict on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCall {
    pub order: OrderId,
    /// It has no definite answer yet.
    pub open: bool,
}

/// `None`: no such attempt.
pub async fn attempt(ledger: &Ledger, id: &AttemptId) -> Result<Option<KnownCall>> {
    known(ledger, "SELECT order_id, opened FROM payment WHERE id = ?", id.to_string()).await
}

/// `None`: no such refund, or one without money that a provider sends back.
pub async fn refund(ledger: &Ledger, id: &RefundId) -> Result<Option<KnownCall>> {
    let text = "SELECT order_id, opened FROM refund WHERE id = ? AND attempt IS NOT NULL";
    known(ledger, text, id.to_string()).await
}

async fn known(ledger: &Ledger, text: &'static str, id: String) -> Result<Option<KnownCall>> {
    ledger
        .read_one("known_call", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let Some(row) = sqlx::query(text).bind(id).fetch_optional(conn).await? else { return Ok(None) };
                let open = row.try_get::<Option<i64>, _>(1)?.is_some();
                Ok(Some(KnownCall { order: OrderId::from(row.try_get::<String, _>(0)?), open }))
            })
        })
        .await
}

/// How many dead letters each lane has.
pub async fn dead_counts(ledger: &Ledger) -> Result<HashMap<LaneId, u64>> {
    ledger
        .read_one("dead_counts", ReadSource::Primary, |conn| {
            Box::pin(async move {
                let rows = sqlx::query("SELECT lane, COUNT(*) FROM dead_letter GROUP BY lane").fetch_all(conn).await?;
                rows.iter()
                    .map(|row| {
                        let (lane, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                        Ok((LaneId(u16::try_from(lane).unwrap_or(u16::MAX)), u64::try_from(count).unwrap_or(0)))
                    })
                    .collect()
            })
        })
        .await
}

/// Dead letters, oldest first, at most `limit`.
pub async fn dead_letters(ledger: &Ledger, limit: i64) -> Result<Vec<DeadLetter>> {
    ledger
        .read_one("dead_letters", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT id, lane, order_id, error, died_ms FROM dead_letter ORDER BY lane, log LIMIT ?";
                let rows = sqlx::query(text).bind(limit).fetch_all(conn).await?;
                rows.iter()
                    .map(|row| {
                        Ok(DeadLetter {
                            id: row.try_get(0)?,
                            lane: LaneId(u16::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u16::MAX)),
                            order: row.try_get::<Option<String>, _>(2)?.map(OrderId::from),
                            error: row.try_get(3)?,
                            died_ms: row.try_get(4)?,
                        })
                    })
                    .collect()
            })
        })
        .await
}

fn late(sheet: &Sheet) -> Overdue {
    let order = sheet.order();
    let declined = sheet.attempts().last().is_some_and(|attempt| attempt.status == status::DECLINED);
    Overdue {
        order: order.id.clone(),
        version: order.version,
        reason: if declined { Reason::PaymentDeclined } else { Reason::PaymentExpired },
    }
}
