//! Calls to payment providers. A call is made after the commit and followed until it has a definite answer, which goes
//! back through the lane's log.
//!
//! Money that may have moved is never forgotten. An attempt is charged with its own id as the provider's idempotency
//! key. A call without an answer is *unknown*, and its result is asked for again and again, for ever. After a crash the
//! ledger's open calls are made, or asked for, again with the same keys.
//!
//! A lane has room for a bounded number of calls at once. A call that finds no room waits in the ledger, and the call
//! that has been due longest is made first. A call that stays unknown is put off in the ledger, so that it takes no
//! room from others. Answers are appended to the log together, before the log is read again. An answer that its session
//! could not append is asked for again.

mod answer;
mod call;
pub(super) mod circuit;
mod deposit;
mod give_back;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::call::CallTurn;
use super::parts::PipelineShared;
use crate::facts::ids::{AttemptId, LaneId, OrderId, RefundId};
use crate::facts::record::{PaymentResult, Record, RecordBody, RefundResult, VERSION};
use crate::facts::time::Millis;
use crate::lane;
use crate::lane::Lane;
use crate::ledger::writer::{BatchWritten, CallId, DueCalls, HintAt, OpenCall, PutOff};
use crate::ledger::{Result, writer};

/// Calls in hand for each call that may be under way; the others wait for their turn.
const IN_HAND: usize = 16;

/// Most answers appended to the log in one step.
const TOGETHER: usize = 500;

/// The calls of a lane's session. Dropping it ends them; the next session finds them in the ledger.
pub(super) struct Payments {
    shared: Arc<PipelineShared>,
    lane: LaneId,
    tasks: JoinSet<()>,
    /// The results of the tasks, one each.
    turns: mpsc::UnboundedReceiver<(CallId, CallTurn)>,
    /// Where each task sends its result.
    turn: mpsc::UnboundedSender<(CallId, CallTurn)>,
    /// Calls whose task has no result yet.
    running: HashSet<CallId>,
    /// Answers on their way to the log.
    answers: Vec<Record>,
    /// The order of each attempt or refund in hand. It is kept until the ledger has the answer, or the time to ask
    /// again.
    in_hand: HashMap<CallId, OrderId>,
    /// Hints that were followed, or that nothing can come of; the ledger does not know it yet.
    looked_at: Vec<HintAt>,
    /// When the hint of each look in hand was due.
    looks: HashMap<AttemptId, Millis>,
    /// Calls that are put off; the ledger does not know it yet.
    put_off: HashMap<CallId, PutOff>,
    /// Whether due calls wait in the ledger for room here. The tasks of the calls in hand read it, too.
    behind: Arc<AtomicBool>,
    open: usize,
}

impl Payments {
    pub fn new(shared: Arc<PipelineShared>, lane: LaneId) -> Self {
        let (turn, turns) = mpsc::unbounded_channel();
        Self {
            shared,
            lane,
            tasks: JoinSet::new(),
            turns,
            turn,
            running: HashSet::new(),
            answers: Vec::new(),
            in_hand: HashMap::new(),
            looked_at: Vec::new(),
            looks: HashMap::new(),
            put_off: HashMap::new(),
            behind: Arc::default(),
            open: 0,
        }
    }

    /// Calls without an answer in the ledger, in hand or not, at the last look.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Calls that are under way or wait for their turn. Those that were put off are not among them.
    pub fn in_hand(&self) -> usize {
        self.in_hand.len()
    }

    /// Lets go of the calls that the batch has answered, and makes the calls that it asks for. While older calls wait
    /// for room, the new ones wait with them.
    pub fn follow(&mut self, written: Vec<BatchWritten>) {
        for part in written {
            let open: HashSet<CallId> = part.calls.iter().map(OpenCall::id).collect();
            let asked: HashSet<&OrderId> = part.orders.iter().collect();
            let (in_hand, running) = (&mut self.in_hand, &self.running);
            in_hand.retain(|id, order| open.contains(id) || running.contains(id) || !asked.contains(order));
            if !self.is_behind() {
                let now_ms = self.shared.clock.now_ms();
                self.dispatch(part.calls.into_iter().filter(|call| call.due_ms() <= now_ms).collect());
            }
        }
    }

    /// Appends the answers that have come since the last call to the lane's log, together. Answers that the lane does
    /// not take are kept.
    pub async fn tell(&mut self, lane: &dyn Lane) -> lane::Result<()> {
        self.collect();
        while !self.answers.is_empty() {
            let some = self.answers[..self.answers.len().min(TOGETHER)].to_vec();
            let count = some.len();
            lane.append(self.shared.clock.now_ms(), some).await?;
            self.answers.drain(..count);
        }
        Ok(())
    }

    fn collect(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        while let Ok((call, turn)) = self.turns.try_recv() {
            self.running.remove(&call);
            if let (CallId::Look(attempt), CallTurn::Answered(_) | CallTurn::Nothing) = (&call, &turn)
                && let Some(due_ms) = self.looks.remove(attempt)
            {
                self.looked_at.push((attempt.clone(), due_ms));
            }
            match turn {
                CallTurn::Answered(record) => self.answers.push(*record),
                CallTurn::Nothing => {}
                CallTurn::PutOff(put_off) => {
                    self.put_off.insert(call, put_off);
                }
            }
        }
    }

    /// Whether it is time to look again: due calls wait, and half the room is free.
    pub fn has_room(&self) -> bool {
        self.is_behind() && self.in_hand.len() <= self.most() / 2
    }

    /// Tells the ledger which calls are put off, then makes the calls that are due, the longest due first.
    pub async fn look(&mut self) -> Result<()> {
        self.collect();
        let (ledger, lane) = (&self.shared.ledger, self.lane);
        if !self.put_off.is_empty() {
            writer::put_off(ledger, self.put_off.clone().into_iter()).await?;
            for (call, _) in self.put_off.drain() {
                self.in_hand.remove(&call);
            }
        }
        // Answers come first: a hint is forgotten when the log has what was found.
        if !self.looked_at.is_empty() && self.answers.is_empty() {
            writer::forget_hints(ledger, self.looked_at.clone()).await?;
            for (attempt, _) in self.looked_at.drain(..) {
                self.in_hand.remove(&CallId::Look(attempt));
            }
        }
        let now_ms = self.shared.clock.now_ms();
        // One more than there is room for, so that a waiting call is noticed.
        let limit = i64::try_from(self.most() + 1).unwrap_or(i64::MAX);
        let in_hand: HashSet<String> = self.in_hand.keys().map(|id| id.as_str().to_owned()).collect();
        let DueCalls { calls, open, stale } = writer::due_calls(ledger, lane, now_ms, limit, in_hand).await?;
        self.open = open;
        self.looked_at.extend(stale);
        self.behind.store(false, Ordering::Relaxed);
        self.dispatch(calls);
        Ok(())
    }

    /// Makes those calls that are not in hand yet, in the given order. A call that finds no room waits in the ledger.
    fn dispatch(&mut self, calls: Vec<OpenCall>) {
        for call in calls {
            let id = call.id();
            if self.in_hand.contains_key(&id) {
                continue;
            }
            if self.in_hand.len() >= self.most() {
                self.behind.store(true, Ordering::Relaxed);
                return;
            }
            self.in_hand.insert(id.clone(), call.order().clone());
            if let CallId::Look(attempt) = &id {
                self.looks.insert(attempt.clone(), call.due_ms());
            }
            self.running.insert(id.clone());
            let (shared, lane, behind) = (self.shared.clone(), self.lane, self.behind.clone());
            let come_to = self.turn.clone();
            self.tasks.spawn(async move {
                let drive = AssertUnwindSafe(call::drive(shared.clone(), behind, call.clone())).catch_unwind();
                let turn = drive.await.unwrap_or_else(|_| {
                    tracing::error!(call = id.as_str(), "a provider panicked; its call is put off");
                    let waits_for = "the provider's part of the program panicked".to_owned();
                    CallTurn::PutOff(call::put_off(&call, shared.clock.now_ms(), waits_for))
                });
                // Nobody receives it once the session is over.
                come_to.send((id, turn)).ok();
                shared.nudge.lane(lane);
            });
        }
    }

    fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    fn most(&self) -> usize {
        self.shared.settings.calls_max * IN_HAND
    }
}

/// A `payment.resulted`. Its id names the result, so that a different, later result is a record of its own. `undone`: how
/// often the bank has taken the money of the attempt back.
pub(super) fn payment_record(order: OrderId, attempt: AttemptId, result: PaymentResult, undone: i64) -> Record {
    let word = match &result {
        PaymentResult::Captured => "captured",
        PaymentResult::Awaiting { .. } => "awaiting",
        PaymentResult::Declined { .. } => "declined",
        PaymentResult::NotDone => "not_done",
    };
    let id = if undone == 0 { format!("{attempt}.{word}") } else { format!("{attempt}.{word}-{undone}") };
    Record { id, body: RecordBody::PaymentResulted { v: VERSION, order, attempt, result } }
}

/// A `refund.resulted`. Its id names the result, so that a different, later result is a record of its own. `accounts`: how
/// many accounts were wrong before.
pub(super) fn refund_record(order: OrderId, refund: RefundId, result: RefundResult, accounts: i64) -> Record {
    let word = match &result {
        RefundResult::Done => "done",
        RefundResult::Refused { .. } => "refused",
        RefundResult::WrongAccount { .. } => "wrong_account",
    };
    let id = if accounts == 0 { format!("{refund}.{word}") } else { format!("{refund}.{word}-{accounts}") };
    Record { id, body: RecordBody::RefundResulted { v: VERSION, order, refund, result } }
}
