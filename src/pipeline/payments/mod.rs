//! Calls to the payment provider, after the commit and until there is a definite answer, which goes back
//! through the lane's log. Knows no rows.
//!
//! Money that may have moved is never forgotten: an attempt is charged with its own id as the provider's
//! key, a call without an answer is *unknown* and asked after, for ever. After a crash the ledger's open
//! calls are made again with the same keys.
//!
//! A lane has room for so many calls at once. A call that finds none waits in the ledger, and the longest due is
//! made first. A call that stays unknown is put off in the ledger, so that it keeps no room from others.

mod call;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::parts::Shared;
use crate::ids::{AttemptId, OrderId};
use crate::lane::Lane;
use crate::lane::record::{Body, PaymentResult, Record, VERSION};
use crate::ledger::Result;
use crate::ledger::book::{self, Call, CallId, DueCalls, PutOff, Written};

/// Calls in hand for each one that may be under way: the others have their turn next.
const IN_HAND: usize = 16;

/// The calls of a lane's session. Dropping it ends them; the next session finds them in the ledger.
pub(super) struct Payments {
    shared: Arc<Shared>,
    lane: Arc<dyn Lane>,
    /// Each ends when its answer is in the log, or with when to ask again.
    tasks: JoinSet<Option<PutOff>>,
    /// By attempt or refund: its order. Kept until the ledger has the answer, or when to ask again.
    in_hand: HashMap<CallId, OrderId>,
    /// What the ledger is still to be told.
    put_off: Vec<PutOff>,
    /// Due calls wait in the ledger for room here. Those in hand know it too.
    behind: Arc<AtomicBool>,
    open: usize,
}

impl Payments {
    pub fn new(shared: Arc<Shared>, lane: Arc<dyn Lane>) -> Self {
        Self {
            shared,
            lane,
            tasks: JoinSet::new(),
            in_hand: HashMap::new(),
            put_off: Vec::new(),
            behind: Arc::default(),
            open: 0,
        }
    }

    /// Calls without an answer in the ledger, in hand or not, at the last look.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Lets go of what the batch has answered, and makes the calls it asks for. While older ones wait for room, the new
    /// ones wait with them.
    pub fn follow(&mut self, written: Vec<Written>) {
        for part in written {
            let open: HashSet<CallId> = part.calls.iter().map(Call::id).collect();
            let asked: HashSet<&OrderId> = part.orders.iter().collect();
            self.in_hand.retain(|id, order| open.contains(id) || !asked.contains(order));
            if !self.is_behind() {
                self.dispatch(part.calls);
            }
        }
    }

    /// Due calls wait, and half the room is free: time to look again.
    pub fn has_room(&self) -> bool {
        self.is_behind() && self.in_hand.len() <= self.most() / 2
    }

    /// Tells the ledger what is put off, then makes the calls that are due, the longest due first.
    pub async fn look(&mut self) -> Result<()> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.put_off.extend(ended.ok().flatten());
        }
        let (ledger, lane) = (&self.shared.ledger, self.lane.id());
        if !self.put_off.is_empty() {
            book::put_off(ledger, self.put_off.clone()).await?;
            for put_off in self.put_off.drain(..) {
                self.in_hand.remove(&put_off.call);
            }
        }
        let now_ms = self.shared.clock.now_ms();
        // One more than there is room for: so that it shows when one waits.
        let limit = i64::try_from(self.most() + 1).unwrap_or(i64::MAX);
        let in_hand: HashSet<String> = self.in_hand.keys().map(|id| id.as_str().to_owned()).collect();
        let DueCalls { calls, blocked, open } = book::due_calls(ledger, lane, now_ms, limit, in_hand).await?;
        self.open = open;
        self.put_off.extend(blocked.into_iter().map(|refund| call::put_off(CallId::Refund(refund), now_ms, now_ms)));
        self.behind.store(false, Ordering::Relaxed);
        self.dispatch(calls);
        Ok(())
    }

    /// Makes calls that are not in hand yet, in their order. What finds no room waits in the ledger.
    fn dispatch(&mut self, calls: Vec<Call>) {
        for call in calls {
            let id = call.id();
            if self.in_hand.contains_key(&id) {
                continue;
            }
            if self.in_hand.len() >= self.most() {
                self.behind.store(true, Ordering::Relaxed);
                return;
            }
            self.in_hand.insert(id, call.order().clone());
            self.tasks.spawn(call::drive(self.shared.clone(), self.lane.clone(), self.behind.clone(), call));
        }
    }

    fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    fn most(&self) -> usize {
        self.shared.settings.calls_max * IN_HAND
    }
}

/// `payment.resulted`; the id names the result, so that a later other one is a record of its own.
pub(super) fn payment_record(order: OrderId, attempt: AttemptId, result: PaymentResult) -> Record {
    let word = match &result {
        PaymentResult::Captured => "captured",
        PaymentResult::Declined { .. } => "declined",
        PaymentResult::NotDone => "not_done",
    };
    Record { id: format!("{attempt}.{word}"), body: Body::PaymentResulted { v: VERSION, order, attempt, result } }
}
