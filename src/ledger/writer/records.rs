//! Takes the records one by one: tells which are still to be done, and calls the rule for each. The rules are in
//! `ledger::rules`.

use std::collections::BTreeSet;

use sqlx::Row as _;

use super::dead::letter;
use super::decode::{decode, order_of};
use super::load::Loading;
use super::{BatchFailure, Book};
use crate::facts::ids::OrderId;
use crate::facts::record::{Entry, RecordBody};
use crate::ledger::rules::coupon::ClaimedFields;
use crate::ledger::rules::placed::PlacedFields;
use crate::ledger::rules::refund::Asking;
use crate::ledger::store::keyed::KeyedQuery;
use crate::ledger::store::row::Table;
use crate::ledger::store::rows::{DeadRow, DoneRow};
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Error};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    Done,
    /// Finished, and refused: it changed nothing but what notes the refusal. The word is one of a closed set.
    Refused(&'static str),
    /// It was done before. Its order is concluded again, from what the ledger says now.
    Repeated,
    /// It is a dead letter. It was one before, or it is one now because an earlier record of its order is one.
    Parked,
}

impl RecordOutcome {
    /// For metrics: a closed set.
    pub fn label(self) -> &'static str {
        match self {
            RecordOutcome::Done => "done",
            RecordOutcome::Refused(_) => "refused",
            RecordOutcome::Repeated => "repeated",
            RecordOutcome::Parked => "parked",
        }
    }

    fn text(self) -> String {
        match self {
            RecordOutcome::Refused(why) => format!("refused.{why}"),
            RecordOutcome::Done | RecordOutcome::Repeated | RecordOutcome::Parked => self.label().to_owned(),
        }
    }
}

/// What is to be done with an entry.
pub(in crate::ledger) enum RecordTask {
    Do(Box<RecordBody>),
    /// It was done before, maybe in this batch; its order is concluded again.
    Repeat(Option<OrderId>),
    Parked,
}

impl Loading {
    /// Tells for each entry whether it is to be done, was done before, or is parked.
    pub(super) async fn tasks(&mut self, conn: &mut Conn, entries: &[Entry]) -> Result<Vec<RecordTask>, BatchFailure> {
        let ids: Vec<Value> = entries.iter().map(|entry| entry.id.as_str().into()).collect();
        let mut done = Table::<DoneRow>::default();
        done.load(conn, "id", &ids, "").await?;
        let about: Vec<Option<OrderId>> = entries.iter().map(order_of).collect();
        let dead = self.dead(conn, &ids, &about).await?;

        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut tasks = Vec::with_capacity(entries.len());
        for (entry, order) in entries.iter().zip(about) {
            let key = (entry.id.clone(),);
            let task = if let Some(done) = done.get(&key) {
                RecordTask::Repeat(done.order_id.clone())
            } else if !seen.insert(&entry.id) {
                RecordTask::Repeat(order)
            } else if dead.get(&key).is_some() {
                RecordTask::Parked
            } else if let Some(order) = order.filter(|order| self.book.parked.contains(order)) {
                let error = format!("behind a dead record of order {order}");
                self.book.dead.add(letter(entry, self.book.lane, Some(order), error, self.book.now_ms));
                RecordTask::Parked
            } else {
                RecordTask::Do(Box::new(decode(entry, self.book.lane)?))
            };
            tasks.push(task);
        }
        Ok(tasks)
    }

    /// The dead letters of these records, and marks the orders that have any. Most lanes have none at all.
    async fn dead(
        &mut self,
        conn: &mut Conn,
        ids: &[Value],
        about: &[Option<OrderId>],
    ) -> Result<Table<DeadRow>, BatchFailure> {
        let mut dead = Table::<DeadRow>::default();
        let some = sqlx::query("SELECT id FROM dead_letter WHERE lane = ? LIMIT 1").bind(i64::from(self.book.lane.0));
        if some.fetch_optional(&mut *conn).await.map_err(Error::from)?.is_none() {
            return Ok(dead);
        }
        dead.load(conn, "id", ids, "").await?;
        let orders: BTreeSet<&OrderId> = about.iter().flatten().collect();
        let keys: Vec<Value> = orders.iter().map(|order| order.as_str().into()).collect();
        let text = "SELECT DISTINCT order_id FROM dead_letter WHERE order_id IN";
        for row in (KeyedQuery { text, fixed: &[], keys: &keys, tail: "" }).fetch(conn).await? {
            let order: String = row.try_get(0).map_err(Error::from)?;
            self.book.parked.insert(OrderId::from(order));
        }
        Ok(dead)
    }
}

impl Book {
    /// A repeat computes nothing. But a request to pay marks its order in the lane, and a rebuilt lane may not have
    /// recognised the repeat. So the order's version rises, and its conclusion drops the mark.
    pub(in crate::ledger) fn repeat(&mut self, entry: &Entry, order: Option<&OrderId>) {
        let asks_to_pay = || matches!(serde_json::from_str(&entry.body), Ok(RecordBody::PaymentRequested { .. }));
        if let Some(sheet) = order.and_then(|order| self.sheets.get_mut(order))
            && asks_to_pay()
        {
            sheet.change();
        }
    }

    /// Does one record, and notes what became of it.
    pub(in crate::ledger) fn compute(
        &mut self,
        entry: &Entry,
        body: &RecordBody,
    ) -> Result<RecordOutcome, BatchFailure> {
        let before = body.order().map(|order| (order, self.before(order, body.placed_by())));
        let outcome = self.apply(entry, body)?;
        if let Some((order, before)) = before {
            self.tell(order, &before);
        }
        if let Some(broken) = self.journal.broken() {
            return Err(BatchFailure::record(&entry.id, broken));
        }
        self.done.add(DoneRow {
            id: entry.id.clone(),
            lane: i64::from(self.lane.0),
            log: i64::try_from(entry.log.0).unwrap_or(i64::MAX),
            order_id: body.order().cloned(),
            outcome: outcome.text(),
            done_ms: self.now_ms,
        });
        Ok(outcome)
    }

    fn apply(&mut self, entry: &Entry, body: &RecordBody) -> Result<RecordOutcome, BatchFailure> {
        match body {
            RecordBody::CouponClaimed { v: _, claim, campaign, user, digest, version, expires_ms } => {
                let (version, expires_ms) = (*version, *expires_ms);
                let ask = ClaimedFields { claim, campaign, user, digest, version, expires_ms };
                let outcome = self.claimed(entry.number, entry.at_ms, ask)?;
                if let (RecordOutcome::Done, Some(number)) = (outcome, entry.number) {
                    self.tell_claim(campaign, number, user);
                }
                Ok(outcome)
            }
            RecordBody::OrderPlaced { order, .. } if self.sheets.contains_key(order) => Ok(RecordOutcome::Repeated),
            RecordBody::OrderPlaced {
                v: _,
                order,
                event,
                hold,
                user,
                digest,
                types,
                coupon,
                points,
                least_cash,
                expected_cash,
                payment,
                placed_ms,
                deadline_ms,
                terms,
            } => {
                let ask = PlacedFields {
                    order,
                    event,
                    hold,
                    user,
                    digest,
                    types,
                    coupon,
                    points: *points,
                    least_cash: *least_cash,
                    expected_cash: *expected_cash,
                    payment: payment.as_ref(),
                    placed_ms: *placed_ms,
                    deadline_ms: *deadline_ms,
                    terms,
                };
                self.place(entry.hold.as_ref(), ask)
            }
            RecordBody::PaymentRequested { v: _, order, attempt, payment, amount } => {
                self.payment_requested(order, attempt, payment, *amount, entry.at_ms)
            }
            RecordBody::PaymentResulted { v: _, order, attempt, result } => {
                Ok(self.payment_resulted(order, attempt, result))
            }
            RecordBody::RefundRequested { v: _, order, refund, digest, by, lines, reason } => {
                let ask = Asking { order, refund, digest, by: *by, lines, reason, at_ms: entry.at_ms };
                Ok(self.refund_requested(&ask))
            }
            RecordBody::RefundResulted { v: _, order, refund, result } => {
                Ok(self.refund_resulted(order, refund, result))
            }
            RecordBody::OrderExpired { v: _, order, reason } => Ok(self.expired(order, *reason)),
            RecordBody::OrderCancelled { v: _, order } => Ok(self.cancelled(order)),
        }
    }
}
