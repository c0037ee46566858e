//! Calls to the payment provider, after the commit and until there is a definite answer, which goes back
//! through the lane's log. Knows no rows.
//!
//! Money that may have moved is never forgotten: an attempt is charged with its own id as the provider's
//! key, a call without an answer is *unknown* and asked after, for ever. After a crash the ledger's open
//! calls are made again with the same keys.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::task::JoinSet;

use super::parts::Shared;
use super::retry;
use crate::clock;
use crate::ids::OrderId;
use crate::lane::Lane;
use crate::lane::record::{Body, PaymentResult, Record, RefundResult, VERSION};
use crate::ledger::book::{Call, Charging, Returning, Written};
use crate::metrics::{PAYMENT_CALL_SECONDS, PAYMENT_CALLS};
use crate::payment::{Asked, Charge, Charged, Return, ReturnAsked, Returned};

/// Calls in hand for each one that may be under way: the rest waits for its turn to ask.
const IN_HAND: usize = 16;

/// The open calls of a lane's session. Dropping it ends them; the next session finds them in the ledger.
pub(super) struct Payments {
    shared: Arc<Shared>,
    lane: Arc<dyn Lane>,
    tasks: JoinSet<()>,
    /// By attempt or refund: its order. Kept until the ledger has the answer.
    in_hand: HashMap<String, OrderId>,
}

impl Payments {
    pub fn new(shared: Arc<Shared>, lane: Arc<dyn Lane>) -> Self {
        Self { shared, lane, tasks: JoinSet::new(), in_hand: HashMap::new() }
    }

    /// Calls without an answer in the ledger.
    pub fn open(&self) -> usize {
        self.in_hand.len()
    }

    /// Their attempts and refunds.
    pub fn in_hand(&self) -> HashSet<String> {
        self.in_hand.keys().cloned().collect()
    }

    /// How many open calls to read so that one not in hand is among them.
    pub fn room(&self) -> i64 {
        i64::try_from(self.most() + 1).unwrap_or(i64::MAX)
    }

    fn most(&self) -> usize {
        self.shared.settings.calls_max * IN_HAND
    }

    /// Lets go of what the batch has answered, and makes the calls it asks for.
    pub fn follow(&mut self, written: Vec<Written>) {
        for part in written {
            let open: HashSet<&str> = part.calls.iter().map(Call::id).collect();
            let asked: HashSet<&OrderId> = part.orders.iter().collect();
            self.in_hand.retain(|id, order| open.contains(id.as_str()) || !asked.contains(order));
            self.dispatch(part.calls);
        }
    }

    /// Makes calls that are not in hand yet. What finds no room is found again in the ledger.
    pub fn dispatch(&mut self, calls: Vec<Call>) {
        while self.tasks.try_join_next().is_some() {}
        for call in calls {
            if self.in_hand.contains_key(call.id()) || self.in_hand.len() >= self.most() {
                continue;
            }
            self.in_hand.insert(call.id().to_owned(), call.order().clone());
            self.tasks.spawn(drive(self.shared.clone(), self.lane.clone(), call));
        }
    }
}

/// One call to its end: a definite answer in the lane's log.
async fn drive(shared: Arc<Shared>, lane: Arc<dyn Lane>, call: Call) {
    let record = match call {
        Call::Charge(charging) => {
            let (order, attempt) = (charging.order.clone(), charging.attempt.clone());
            let result = charge(&shared, charging).await;
            payment_record(order, attempt, result)
        }
        Call::Refund(returning) => {
            let (order, refund) = (returning.order.clone(), returning.refund.clone());
            let result = give_back(&shared, returning).await;
            let word = match &result {
                RefundResult::Done => "done",
                RefundResult::Refused { .. } => "refused",
            };
            let id = format!("{refund}.{word}");
            Record { id, body: Body::RefundResulted { v: VERSION, order, refund, result } }
        }
    };
    for delay in retry::STORE.iter() {
        match lane.append(shared.clock.now_ms(), vec![record.clone()]).await {
            Ok(()) => break,
            Err(fault) => {
                tracing::warn!(lane = %lane.id(), %fault, record = %record.id, "an answer waits for its lane")
            }
        }
        tokio::time::sleep(delay).await;
    }
    shared.nudge.lane(lane.id());
}

/// `payment.resulted`; the id names the result, so that a later other one is a record of its own.
pub(super) fn payment_record(order: OrderId, attempt: crate::ids::AttemptId, result: PaymentResult) -> Record {
    let word = match &result {
        PaymentResult::Captured => "captured",
        PaymentResult::Declined { .. } => "declined",
        PaymentResult::NotDone => "not_done",
    };
    Record { id: format!("{attempt}.{word}"), body: Body::PaymentResulted { v: VERSION, order, attempt, result } }
}

/// Nobody can be asked about this call: whether money moved only its provider knows, or a person who looks there.
/// It stays open until the provider is configured again or an operator resolves it.
async fn not_configured<T>(call: &'static str, provider: &str, id: &str) -> T {
    counter!(PAYMENT_CALLS, "call" => call, "outcome" => "not_configured").increment(1);
    tracing::error!(
        id,
        provider,
        call,
        "waits for a provider that is not configured: name it in payment.providers again, or resolve it by hand"
    );
    std::future::pending().await
}

async fn charge(shared: &Shared, charging: Charging) -> PaymentResult {
    let Charging { attempt, order, provider, key, amount, currency, charge_until_ms } = charging;
    let Some(provider) = shared.providers.get(&provider) else {
        return not_configured("charge", &provider, attempt.as_str()).await;
    };
    let charge = Charge { attempt, order, amount, currency, key };
    let in_time = charge_until_ms.is_some_and(|until_ms| shared.clock.now_ms() < until_ms);
    if in_time {
        match limited(shared, "charge", provider.charge(&charge), charged_label).await {
            Some(Charged::Captured) => return PaymentResult::Captured,
            Some(Charged::Declined { detail }) => return PaymentResult::Declined { detail },
            Some(Charged::Unknown) | None => {}
        }
    }
    for delay in retry::PROVIDER.iter() {
        tokio::time::sleep(delay).await;
        match limited(shared, "ask", provider.ask(&charge), asked_label).await {
            Some(Asked::Captured) => return PaymentResult::Captured,
            Some(Asked::Declined { detail }) => return PaymentResult::Declined { detail },
            Some(Asked::NotDone) => return PaymentResult::NotDone,
            Some(Asked::Unknown) | None => {}
        }
    }
    unreachable!("delays have no end")
}

async fn give_back(shared: &Shared, returning: Returning) -> RefundResult {
    let Returning { refund, order: _, attempt, provider, amount, currency, reason } = returning;
    let back = Return { refund, attempt, amount, currency, reason };
    let Some(provider) = shared.providers.get(&provider) else {
        return not_configured("refund", &provider, back.refund.as_str()).await;
    };
    let mut send = true;
    for delay in std::iter::once(Duration::ZERO).chain(retry::PROVIDER.iter()) {
        tokio::time::sleep(delay).await;
        if send {
            match limited(shared, "refund", provider.refund(&back), returned_label).await {
                Some(Returned::Done) => return RefundResult::Done,
                Some(Returned::Refused { detail }) => return RefundResult::Refused { detail },
                Some(Returned::Unknown) | None => send = false,
            }
            continue;
        }
        match limited(shared, "ask_refund", provider.ask_refund(&back), return_asked_label).await {
            Some(ReturnAsked::Done) => return RefundResult::Done,
            Some(ReturnAsked::Refused { detail }) => return RefundResult::Refused { detail },
            Some(ReturnAsked::NotDone) => send = true,
            Some(ReturnAsked::Unknown) | None => {}
        }
    }
    unreachable!("delays have no end")
}

/// A call within its bounds: so many at once, so long each. `None`: no answer in time.
async fn limited<T>(
    shared: &Shared,
    name: &'static str,
    call: impl Future<Output = T>,
    label: fn(&T) -> &'static str,
) -> Option<T> {
    let _turn = shared.calls.acquire().await.expect("the semaphore is never closed");
    let started = clock::instant();
    let answer = tokio::time::timeout(shared.settings.call_limit, call).await.ok();
    histogram!(PAYMENT_CALL_SECONDS, "call" => name).record(started.elapsed());
    counter!(PAYMENT_CALLS, "call" => name, "outcome" => answer.as_ref().map_or("timeout", label)).increment(1);
    answer
}

fn charged_label(answer: &Charged) -> &'static str {
    match answer {
        Charged::Captured => "captured",
        Charged::Declined { .. } => "declined",
        Charged::Unknown => "unknown",
    }
}

fn asked_label(answer: &Asked) -> &'static str {
    match answer {
        Asked::Captured => "captured",
        Asked::Declined { .. } => "declined",
        Asked::NotDone => "not_done",
        Asked::Unknown => "unknown",
    }
}

fn returned_label(answer: &Returned) -> &'static str {
    match answer {
        Returned::Done => "done",
        Returned::Refused { .. } => "refused",
        Returned::Unknown => "unknown",
    }
}

fn return_asked_label(answer: &ReturnAsked) -> &'static str {
    match answer {
        ReturnAsked::Done => "done",
        ReturnAsked::Refused { .. } => "refused",
        ReturnAsked::NotDone => "not_done",
        ReturnAsked::Unknown => "unknown",
    }
}
