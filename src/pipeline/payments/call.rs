//! One call to a payment provider. First it is made, then its result is asked for during a while. If the result is
//! still unknown after that, the call is put off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::SemaphorePermit;

use super::answer::CallAnswer;
use super::circuit::Leave;
use super::deposit::awaited_until;
use super::give_back::give_back;
use super::{payment_record, refund_record};
use crate::clock;
use crate::facts::record::{PaymentResult, Record};
use crate::facts::time::Millis;
use crate::ledger::writer::{Charging, OpenCall, PutOff, Returning};
use crate::metrics::{PAYMENT_CALL_SECONDS, PAYMENT_CALLS};
use crate::payment::{AskOutcome, Charge, Charged, Unresolved, UnresolvedKind};
use crate::pipeline::parts::PipelineShared;
use crate::pipeline::retry;
use crate::random;

/// How many times a call's result is asked for before the call is put off: over 13 to 25 seconds, and the time of the
/// calls.
const ASKS: usize = 6;

/// How long a call is put off, milliseconds: an eighth of its age within these bounds, so that a provider that is away
/// for long is asked less and less often, and up to a quarter more, so that calls do not come together.
const PUT_OFF_MS: std::ops::RangeInclusive<i64> = 15_000..=300_000;

/// The longest time between two questions about a deposit that its buyer has not paid in, milliseconds. Its provider says
/// by itself when the money is there.
const DEPOSIT_MS: i64 = 1_800_000;

/// How a call ended, for now.
pub(super) enum CallTurn {
    /// A definite answer, for the lane's log.
    Answered(Box<Record>),
    /// The result is unknown.
    PutOff(PutOff),
    /// Nothing happened to an attempt that was looked at.
    Nothing,
}

/// Makes the call, and asks for its result during a while.
pub(super) async fn drive(shared: Arc<PipelineShared>, behind: Arc<AtomicBool>, call: OpenCall) -> CallTurn {
    let answer = match &call {
        OpenCall::Charge(charging) | OpenCall::Look(charging) => {
            let is_look = matches!(call, OpenCall::Look(_));
            match charge(&shared, &behind, charging).await {
                Ok(PaymentResult::Declined { .. } | PaymentResult::NotDone) if is_look => return CallTurn::Nothing,
                Ok(PaymentResult::Captured) if charging.is_paid() => return CallTurn::Nothing,
                answer => answer.map(|result| {
                    let undone = charging.undone_with(&result);
                    payment_record(charging.order.clone(), charging.attempt.clone(), result, undone)
                }),
            }
        }
        OpenCall::Refund(returning) => {
            let Returning { order, refund, .. } = returning;
            let became = give_back(&shared, &behind, returning).await;
            became.map(|result| refund_record(order.clone(), refund.clone(), result, returning.accounts))
        }
    };
    match answer {
        Ok(record) => CallTurn::Answered(Box::new(record)),
        Err(Unresolved { kind, detail }) => {
            if kind == UnresolvedKind::NeedsPerson {
                let id = call.id();
                let detail = &*detail;
                match call {
                    OpenCall::Look(_) => {
                        tracing::error!(
                            call = id.as_str(),
                            detail,
                            "a closed payment needs a person: look at the provider"
                        );
                    }
                    OpenCall::Charge(_) | OpenCall::Refund(_) => {
                        tracing::error!(call = id.as_str(), detail, "a payment needs a person: GET /v1/admin/payments");
                    }
                }
            }
            CallTurn::PutOff(put_off(&call, shared.clock.now_ms(), detail))
        }
    }
}

/// When to ask again about a call.
pub(super) fn put_off(call: &OpenCall, now_ms: Millis, waits_for: String) -> PutOff {
    let until_ms = awaited_until(call).filter(|until_ms| now_ms < *until_ms);
    let most_ms = if until_ms.is_some() { DEPOSIT_MS } else { *PUT_OFF_MS.end() };
    let wait_ms = ((now_ms - call.since_ms()) / 8).clamp(*PUT_OFF_MS.start(), most_ms);
    let more_ms = (random::fraction() * wait_ms as f64 / 4.0) as i64;
    let due_ms = now_ms + wait_ms + more_ms;
    PutOff { due_ms: until_ms.map_or(due_ms, |until_ms| due_ms.min(until_ms)), waits_for }
}

/// Only the provider, or a person who looks there, knows whether money moved. The call stays open until the provider is
/// configured again or an operator resolves it.
pub(super) fn not_configured(call: &'static str, provider: &str) -> Unresolved {
    counter!(PAYMENT_CALLS, "call" => call, "outcome" => "not_configured").increment(1);
    Unresolved::needs_person(format!(
        "{provider} is not configured: name it in payment.providers again, or resolve the {call} by hand"
    ))
}

/// An error says why the result is unknown.
async fn charge(
    shared: &PipelineShared,
    behind: &AtomicBool,
    charging: &Charging,
) -> Result<PaymentResult, Unresolved> {
    let Charging { attempt, order, provider: name, key, amount, currency, charge_until_ms, since_ms, .. } = charging;
    let provider = shared.providers.get(name).ok_or_else(|| not_configured("charge", name))?;
    // Made anew for each call, because a deposit is waited for until a certain time.
    let charge = || {
        let now_ms = shared.clock.now_ms();
        Charge {
            attempt: attempt.clone(),
            order: order.clone(),
            amount: *amount,
            currency: currency.clone(),
            key: key.clone(),
            deposit_until_ms: charging.deposit_until_ms(now_ms),
            age: age(*since_ms, now_ms),
        }
    };
    let mut unresolved = Unresolved::undecided("its time was over before it was charged");
    if let Some(until_ms) = *charge_until_ms {
        // The wait for either may be long.
        let (leave, turn) = (leave(shared, name, until_ms).await, turn(shared).await);
        if let Some(leave) = leave.filter(|_| shared.clock.now_ms() < until_ms) {
            unresolved = match within(shared, leave, turn, "charge", provider.charge(&charge())).await {
                Charged::Captured => return Ok(PaymentResult::Captured),
                Charged::Awaiting(deposit) => return charging.awaiting(deposit),
                Charged::Declined { detail } => return Ok(PaymentResult::Declined { detail }),
                Charged::Unknown(unresolved) => unresolved,
            }
        }
    }
    for delay in asks(behind) {
        if unresolved.kind == UnresolvedKind::NeedsPerson {
            break;
        }
        tokio::time::sleep(delay).await;
        unresolved = match limited(shared, name, "ask", || async { provider.ask(&charge()).await }).await {
            AskOutcome::Captured => return Ok(PaymentResult::Captured),
            AskOutcome::Awaiting(deposit) => return charging.awaiting(deposit),
            AskOutcome::Declined { detail } => return Ok(PaymentResult::Declined { detail }),
            AskOutcome::NotDone => return Ok(PaymentResult::NotDone),
            AskOutcome::Unknown(unresolved) => unresolved,
        }
    }
    Err(unresolved)
}

/// How long ago something was.
pub(super) fn age(since_ms: Millis, now_ms: Millis) -> Duration {
    Duration::from_millis(u64::try_from(now_ms - since_ms).unwrap_or(0))
}

/// The waits before each question about a call: several during a while, but only one while other calls wait for its
/// room.
pub(super) fn asks(behind: &AtomicBool) -> impl Iterator<Item = Duration> {
    let mut asked = false;
    retry::PROVIDER
        .iter()
        .take(ASKS)
        .take_while(move |_| !std::mem::replace(&mut asked, true) || !behind.load(Ordering::Relaxed))
}

/// Leave to call the provider. While it does not answer others, this waits. `None`: it waited until `until_ms`.
async fn leave<'a>(shared: &'a PipelineShared, provider: &'a str, until_ms: Millis) -> Option<Leave<'a>> {
    loop {
        match shared.circuits.leave(provider) {
            Ok(leave) => return Some(leave),
            Err(_) if shared.clock.now_ms() >= until_ms => return None,
            Err(wait) => tokio::time::sleep(wait).await,
        }
    }
}

/// Makes a call within its bounds: at most `calls_max` at once, each for at most `call_limit`, none while the provider
/// does not answer others.
pub(super) async fn limited<T: CallAnswer, F: Future<Output = T>>(
    shared: &PipelineShared,
    provider: &str,
    name: &'static str,
    call: impl FnOnce() -> F,
) -> T {
    let turn = turn(shared).await;
    match shared.circuits.leave(provider) {
        Ok(leave) => within(shared, leave, turn, name, call()).await,
        Err(_) => T::unknown(Unresolved::away("the provider does not answer; calls to it wait")),
    }
}

async fn turn(shared: &PipelineShared) -> SemaphorePermit<'_> {
    shared.calls.acquire().await.expect("the semaphore is never closed")
}

/// Makes a call that has leave and its turn, within its time limit.
async fn within<T: CallAnswer>(
    shared: &PipelineShared,
    leave: Leave<'_>,
    _turn: SemaphorePermit<'_>,
    name: &'static str,
    call: impl Future<Output = T>,
) -> T {
    let started = clock::instant();
    let answer = tokio::time::timeout(shared.settings.call_limit, call).await.ok();
    histogram!(PAYMENT_CALL_SECONDS, "call" => name).record(started.elapsed());
    counter!(PAYMENT_CALLS, "call" => name, "outcome" => answer.as_ref().map_or("timeout", T::label)).increment(1);
    let answer = answer.unwrap_or_else(|| T::unknown(Unresolved::away("no answer in time")));
    leave.tell(answer.unresolved().is_none_or(|unresolved| unresolved.kind != UnresolvedKind::Away));
    answer
}
