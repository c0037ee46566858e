//! Open calls to the providers, and when they are due.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::Row as _;

use super::hint::{HintAt, put_off_hints};
use crate::facts::ids::{AttemptId, LaneId, OrderId, RefundId};
use crate::facts::time::Millis;
use crate::ledger::rules::call::{CallId, OpenCall};
use crate::ledger::sheet::NOT_YET_MS;
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Ledger, ReadSource, Result, sheet};

/// Calls of a lane that are to be made now.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DueCalls {
    /// The longest due first.
    pub calls: Vec<OpenCall>,
    /// Calls of the lane without a definite answer, due or not. Those that wait for a buyer are not among them: for a
    /// deposit, or for the account that one goes back to.
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
                     (SELECT COUNT(*) FROM payment WHERE lane = ? AND opened = 1 AND status = 'awaiting') \
                     + (SELECT COUNT(*) FROM refund WHERE lane = ? AND opened = 1 AND due_ms >= ?), \
                     (SELECT COUNT(*) FROM payment_hint WHERE lane = ?)";
                let of = i64::from(lane.0);
                let query = sqlx::query(text).bind(of).bind(of).bind(of).bind(of).bind(NOT_YET_MS).bind(of);
                let row = query.fetch_one(&mut *conn).await?;
                let (all, for_buyers, hints): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                if all == 0 && hints == 0 {
                    return Ok(DueCalls::default());
                }
                let open = usize::try_from(all - for_buyers).unwrap_or(0);
                let mut waiting = HashMap::new();
                let mut orders = BTreeSet::new();
                for text in [
                    HINTS,
                    "SELECT id, order_id, due_ms FROM payment WHERE lane = ? AND opened = 1 AND due_ms <= ? \
                     ORDER BY due_ms, id LIMIT ?",
                    "SELECT r.id, r.order_id, r.due_ms FROM refund r \
                     WHERE r.lane = ? AND r.opened = 1 AND r.due_ms <= ? AND NOT EXISTS ( \
                         SELECT 1 FROM refund older WHERE older.order_id = r.order_id AND older.opened = 1 \
                         AND (older.status <> 'awaiting_account' OR older.account IS NOT NULL) AND (older.requested_ms < r.requested_ms \
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
            CallId::Charge(_) | CallId::Deposit(_) => attempts.push(row(put_off)),
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

/// What must be known of an attempt or a refund before an operator's verdict on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCall {
    pub order: OrderId,
    /// It has no definite answer yet.
    pub open: bool,
    /// How often the bank took its money back, or how many of its accounts were wrong.
    pub times: i64,
}

/// `None`: no such attempt.
pub async fn attempt(ledger: &Ledger, id: &AttemptId) -> Result<Option<KnownCall>> {
    known(
        ledger,
        "SELECT p.order_id, p.opened, o.undone FROM payment p JOIN orders o ON o.id = p.order_id WHERE p.id = ?",
        id.to_string(),
    )
    .await
}

/// `None`: no such refund, or one without money that a provider sends back.
pub async fn refund(ledger: &Ledger, id: &RefundId) -> Result<Option<KnownCall>> {
    let text = "SELECT order_id, opened, accounts FROM refund WHERE id = ? AND attempt IS NOT NULL";
    known(ledger, text, id.to_string()).await
}

async fn known(ledger: &Ledger, text: &'static str, id: String) -> Result<Option<KnownCall>> {
    ledger
        .read_one("known_call", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let Some(row) = sqlx::query(text).bind(id).fetch_optional(conn).await? else { return Ok(None) };
                let open = row.try_get::<Option<i64>, _>(1)?.is_some();
                let (order, times): (String, i64) = (row.try_get(0)?, row.try_get(2)?);
                Ok(Some(KnownCall { order: OrderId::from(order), open, times }))
            })
        })
        .await
}
