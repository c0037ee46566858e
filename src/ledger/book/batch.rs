//! One batch of records, one transaction. Knows the order of its steps; the rules are its neighbours'.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::Call;
use super::coupon::Claiming;
use super::dead::letter;
use super::decode::{decode, order_of};
use super::place::Placing;
use super::query::Keyed;
use super::refund::Asking;
use super::row::Table;
use super::rows::{Dead, Done};
use super::settlement::settlement;
use super::{Book, Failure};
use crate::clock::Millis;
use crate::ids::{CampaignId, EventId, HoldId, LaneId, OrderId, RefundId, SeatIndex, UserId};
use crate::lane::record::{Body, CouponChoice, RefundResult};
use crate::lane::{Entry, Settlement};
use crate::ledger::sql::Value;
use crate::ledger::{Conn, Ledger};

/// Records of one lane, oldest first.
#[derive(Debug, Clone)]
pub struct Batch {
    pub lane: LaneId,
    pub entries: Arc<[Entry]>,
    pub now_ms: Millis,
    /// How long after its deadline an order waits for an attempt that nobody can tell of.
    pub unknown_ms: i64,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Done with: it changed nothing but what it refused. The word is of a closed set.
    Refused(&'static str),
    /// Was done before; settled again from what the ledger says now.
    Repeated,
    /// Put aside behind an earlier dead record of its order, or dead before.
    Parked,
}

impl Outcome {
    /// For metrics: a closed set.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused(_) => "refused",
            Outcome::Repeated => "repeated",
            Outcome::Parked => "parked",
        }
    }

    fn text(self) -> String {
        match self {
            Outcome::Refused(why) => format!("refused.{why}"),
            Outcome::Done | Outcome::Repeated | Outcome::Parked => self.label().to_owned(),
        }
    }
}

/// What must follow a committed batch.
#[derive(Debug, Default)]
pub struct Written {
    /// The lane's targets, one an order, with their events.
    pub settlements: Vec<(EventId, Settlement)>,
    /// The orders the batch was about.
    pub orders: Vec<OrderId>,
    /// All their open calls; some may be under way already.
    pub calls: Vec<Call>,
    /// Kind and outcome of each record.
    pub outcomes: Vec<(&'static str, Outcome)>,
    /// When the orders that became final in this batch were placed.
    pub finished: Vec<Millis>,
}

/// What is to be done with an entry.
enum Task {
    Do(Body),
    /// In `record_done`; its order is settled again.
    Repeat(Option<OrderId>),
    Parked,
}

/// Writes a batch in one transaction.
pub async fn write(ledger: &Ledger, batch: Batch) -> Result<Written, Failure> {
    ledger.transaction(move |conn| Box::pin(async move { run(conn, &batch).await })).await
}

/// As [`write`], inside a transaction.
pub(super) async fn run(conn: &mut Conn, batch: &Batch) -> Result<Written, Failure> {
    advance(conn, batch).await?;
    let mut book = Book::new(batch.lane, batch.now_ms, batch.unknown_ms);
    let tasks = book.tasks(conn, &batch.entries).await?;
    book.load(conn, &batch.entries, &tasks).await?;

    let mut written = Written::default();
    for (entry, task) in batch.entries.iter().zip(&tasks) {
        let (kind, outcome) = match task {
            Task::Do(body) => (body.kind(), book.compute(entry, body)?),
            Task::Repeat(_) => ("repeated", Outcome::Repeated),
            Task::Parked => ("parked", Outcome::Parked),
        };
        written.outcomes.push((kind, outcome));
    }
    book.flush(conn).await?;
    book.follow_ups(&mut written);
    Ok(written)
}

/// Remembers how far the log has come, and holds the lane's row until the commit.
async fn advance(conn: &mut Conn, batch: &Batch) -> Result<(), Failure> {
    let last = batch.entries.iter().map(|entry| entry.log.0).max().unwrap_or(0);
    let last = i64::try_from(last).unwrap_or(i64::MAX);
    let met = sqlx::query("UPDATE lane SET log_last = CASE WHEN log_last < ? THEN ? ELSE log_last END WHERE lane = ?")
        .bind(last)
        .bind(last)
        .bind(i64::from(batch.lane.0))
        .execute(conn)
        .await
        .map_err(crate::ledger::Error::from)?
        .rows_affected();
    if met == 1 { Ok(()) } else { Err(Failure::Unbuilt(batch.lane)) }
}

impl Book {
    /// Sorts entries into those to be done, done before, and parked.
    async fn tasks(&mut self, conn: &mut Conn, entries: &[Entry]) -> Result<Vec<Task>, Failure> {
        let ids: Vec<Value> = entries.iter().map(|entry| entry.id.as_str().into()).collect();
        let mut done = Table::<Done>::default();
        done.load(conn, "id", &ids, "").await?;
        let mut dead = Table::<Dead>::default();
        dead.load(conn, "id", &ids, "").await?;
        let orders: BTreeSet<OrderId> = entries.iter().filter_map(order_of).collect();
        let keys: Vec<Value> = orders.iter().map(|order| order.as_str().into()).collect();
        let text = "SELECT DISTINCT order_id FROM dead_letter WHERE order_id IN";
        for row in (Keyed { text, fixed: &[], keys: &keys, tail: "" }).fetch(conn).await? {
            let order: String = sqlx::Row::try_get(&row, 0).map_err(crate::ledger::Error::from)?;
            self.parked.insert(OrderId(order));
        }

        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut tasks = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = (entry.id.clone(),);
            let order = order_of(entry);
            let task = if let Some(done) = done.get(&key) {
                Task::Repeat(done.order_id.clone())
            } else if !seen.insert(&entry.id) {
                Task::Repeat(order)
            } else if dead.get(&key).is_some() {
                Task::Parked
            } else if let Some(order) = order.filter(|order| self.parked.contains(order)) {
                let error = format!("behind a dead record of order {order}");
                self.dead.add(letter(entry, self.lane, Some(order), error, self.now_ms));
                Task::Parked
            } else {
                Task::Do(decode(entry, self.lane)?)
            };
            tasks.push(task);
        }
        Ok(tasks)
    }

    /// Reads everything the records to be done concern: orders, then accounts under lock, then what is
    /// guarded by those locks.
    async fn load(&mut self, conn: &mut Conn, entries: &[Entry], tasks: &[Task]) -> Result<(), Failure> {
        let mut orders: BTreeSet<OrderId> = BTreeSet::new();
        let mut users: BTreeSet<UserId> = BTreeSet::new();
        let mut numbers: BTreeSet<(CampaignId, i64)> = BTreeSet::new();
        let mut asked: BTreeSet<CampaignId> = BTreeSet::new();
        let mut best_of: BTreeSet<UserId> = BTreeSet::new();
        let mut seats: BTreeSet<(EventId, SeatIndex)> = BTreeSet::new();
        let mut holds: BTreeSet<HoldId> = BTreeSet::new();
        let mut refused: BTreeSet<RefundId> = BTreeSet::new();
        for (entry, task) in entries.iter().zip(tasks) {
            let body = match task {
                Task::Do(body) => body,
                Task::Repeat(order) => {
                    orders.extend(order.clone());
                    continue;
                }
                Task::Parked => continue,
            };
            orders.extend(body.order().cloned());
            match body {
                Body::CouponClaimed { campaign, user, .. } => {
                    users.insert(user.clone());
                    numbers.extend(entry.number.map(|number| (campaign.clone(), number)));
                }
                Body::OrderPlaced { event, hold, user, coupon, .. } => {
                    users.insert(user.clone());
                    holds.insert(hold.clone());
                    let wanted = entry.hold.iter().flat_map(|hold| &hold.seats);
                    seats.extend(wanted.map(|seat| (event.clone(), *seat)));
                    match coupon {
                        CouponChoice::None => {}
                        CouponChoice::Best => {
                            best_of.insert(user.clone());
                        }
                        CouponChoice::One { campaign, number, .. } => {
                            numbers.insert((campaign.clone(), *number));
                            asked.insert(campaign.clone());
                        }
                    }
                }
                Body::RefundResulted { refund, result: RefundResult::Refused { .. }, .. } => {
                    refused.insert(refund.clone());
                }
                Body::RefundResulted { result: RefundResult::Done, .. }
                | Body::PaymentRequested { .. }
                | Body::PaymentResulted { .. }
                | Body::RefundRequested { .. }
                | Body::OrderExpired { .. }
                | Body::OrderCancelled { .. } => {}
            }
        }
        self.load_sheets(conn, &orders).await?;
        for sheet in self.sheets.values() {
            let order = sheet.order();
            users.insert(order.user_id.clone());
            numbers.extend(order.coupon_campaign.clone().zip(order.coupon_number));
        }
        self.lock_accounts(conn, &users).await?;
        self.load_coupons(conn, &numbers, &best_of).await?;
        self.load_campaigns(conn, &asked).await?;
        self.load_guards(conn, &seats, &holds).await?;
        self.load_moves(conn, &refused).await?;
        self.load_wallets(conn).await?;
        Ok(())
    }

    /// Does one record, and notes what became of it.
    fn compute(&mut self, entry: &Entry, body: &Body) -> Result<Outcome, Failure> {
        let outcome = self.apply(entry, body)?;
        self.done.add(Done {
            id: entry.id.clone(),
            lane: i64::from(self.lane.0),
            log: i64::try_from(entry.log.0).unwrap_or(i64::MAX),
            order_id: body.order().cloned(),
            outcome: outcome.text(),
            done_ms: self.now_ms,
        });
        Ok(outcome)
    }

    fn apply(&mut self, entry: &Entry, body: &Body) -> Result<Outcome, Failure> {
        match body {
            Body::CouponClaimed { v: _, claim, campaign, user, digest, expires_ms } => {
                let ask = Claiming { claim, campaign, user, digest, expires_ms: *expires_ms };
                self.claimed(entry.number, entry.at_ms, ask)
            }
            Body::OrderPlaced { order, .. } if self.sheets.contains_key(order) => Ok(Outcome::Repeated),
            Body::OrderPlaced {
                v: _,
                order,
                event,
                hold,
                user,
                digest,
                coupon,
                points,
                expected_cash,
                payment,
                placed_ms,
                deadline_ms,
                terms,
            } => {
                let ask = Placing {
                    order,
                    event,
                    hold,
                    user,
                    digest,
                    coupon,
                    points: *points,
                    expected_cash: *expected_cash,
                    payment: payment.as_ref(),
                    placed_ms: *placed_ms,
                    deadline_ms: *deadline_ms,
                    terms,
                };
                self.place(entry.hold.as_ref(), ask)
            }
            Body::PaymentRequested { v: _, order, attempt, payment, amount } => {
                self.payment_requested(order, attempt, payment, *amount, entry.at_ms)
            }
            Body::PaymentResulted { v: _, order, attempt, result } => Ok(self.payment_resulted(order, attempt, result)),
            Body::RefundRequested { v: _, order, refund, digest, by, lines, reason } => {
                let ask = Asking { order, refund, digest, by: *by, lines, reason, at_ms: entry.at_ms };
                Ok(self.refund_requested(&ask))
            }
            Body::RefundResulted { v: _, order, refund, result } => Ok(self.refund_resulted(order, refund, result)),
            Body::OrderExpired { v: _, order, reason } => Ok(self.expired(order, *reason)),
            Body::OrderCancelled { v: _, order } => Ok(self.cancelled(order)),
        }
    }

    /// Settlements and calls of every order the batch was about.
    fn follow_ups(&self, written: &mut Written) {
        for sheet in self.sheets.values() {
            let order = sheet.order();
            written.settlements.push((order.event.clone(), settlement(sheet)));
            written.orders.push(order.id.clone());
            written.calls.extend(sheet.calls());
            let was_final = sheet.stored_status().is_some_and(|status| status.is_final());
            if order.status.is_final() && !was_final {
                written.finished.push(order.placed_ms);
            }
        }
    }
}
