//! One call to a payment provider. First it is made, then its result is asked for during a while. If the result is
//! still unknown after that, the call is put off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::SemaphorePermit;

use super::answer::CallAnswer;
use super::circuit::Leave;
use super::{payment_record, refund_record};
use crate::clock;
use crate::facts::record::{PaymentResult, Record, RefundResult};
use crate::facts::time::Millis;
use crate::ledger::writer;
use crate::ledger::writer::{Charging, OpenCall, PutOff, Returning};
use crate::metrics::{PAYMENT_CALL_SECONDS, PAYMENT_CALLS};
use crate::payment::{AskOutcome, Charge, Charged, Return, ReturnAsked, Returned, Unresolved, UnresolvedKind};
use crate::pipeline::parts::PipelineShared;
use crate::pipeline::retry;
use crate::random;

/// How many times a call's result is asked for before the call is put off: over 13 to 25 seconds, and the time of the
/// calls.
const ASKS: usize = 6;

/// How long a call is put off, milliseconds: an eighth of its age within these bounds, so that a provider that is away
/// for long is asked less and less often, and up to a quarter more, so that calls do not come together.
const PUT_OFF_MS: std::ops::RangeInclusive<i64> = 15_000..=300_000;

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
        OpenCall::Charge(charging) | OpenCall::Look(charging) => match charge(&shared, &behind, charging).await {
            Ok(PaymentResult::Declined { .. } | PaymentResult::NotDone) if matches!(call, OpenCall::Look(_)) => {
                return CallTurn::Nothing;
            }
            answer => answer.map(|result| payment_record(charging.order.clone(), charging.attempt.clone(), result)),
        },
        OpenCall::Refund(returning) => {
            let Returning { order, refund, .. } = returning;
            let became = give_back(&shared, &behind, returning).await;
            became.map(|result| refund_record(order.clone(), refund.clone(), result))
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
    let wait_ms = ((now_ms - call.since_ms()) / 8).clamp(*PUT_OFF_MS.start(), *PUT_OFF_MS.end());
    let more_ms = (random::fraction() * wait_ms as f64 / 4.0) as i64;
    PutOff { due_ms: now_ms + wait_ms + more_ms, waits_for }
}

/// Only the provider, or a person who looks there, knows whether money moved. The call stays open until the provider is
/// configured again or an operator resolves it.
fn not_configured(call: &'static str, provider: &str) -> Unresolved {
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
    let Charging { attempt, order, provider: name, key, amount, currency, charge_until_ms, since_ms: _, due_ms: _ } =
        charging;
    let provider = shared.providers.get(name).ok_or_else(|| not_configured("charge", name))?;
    let charge = Charge {
        attempt: attempt.clone(),
        order: order.clone(),
        amount: *amount,
        currency: currency.clone(),
        key: key.clone(),
    };
    let mut unresolved = Unresolved::undecided("its time was over before it was charged");
    if let Some(until_ms) = *charge_until_ms {
        // The wait for either may be long.
        let (leave, turn) = (leave(shared, name, until_ms).await, turn(shared).await);
        if let Some(leave) = leave.filter(|_| shared.clock.now_ms() < until_ms) {
            unresolved = match within(shared, leave, turn, "charge", provider.charge(&charge)).await {
                Charged::Captured => return Ok(PaymentResult::Captured),
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
        unresolved = match limited(shared, name, "ask", || provider.ask(&charge)).await {
            AskOutcome::Captured => return Ok(PaymentResult::Captured),
            AskOutcome::Declined { detail } => return Ok(PaymentResult::Declined { detail }),
            AskOutcome::NotDone => return Ok(PaymentResult::NotDone),
            AskOutcome::Unknown(unresolved) => unresolved,
        }
    }
    Err(unresolved)
}

/// An error says why the result is unknown.
async fn give_back(
    shared: &PipelineShared,
    behind: &AtomicBool,
    returning: &Returning,
) -> Result<RefundResult, Unresolved> {
    let Returning {
        refund,
        order,
        attempt,
        provider: name,
        key,
        amount,
        currency,
        is_tax_free,
        reason,
        since_ms,
        due_ms: _,
        is_new,
    } = returning;
    let provider = shared.providers.get(name).ok_or_else(|| not_configured("refund", name))?;
    // Made anew for each call, because its age counts.
    let back = || Return {
        refund: refund.clone(),
        attempt: attempt.clone(),
        order: order.clone(),
        key: key.clone(),
        amount: *amount,
        currency: currency.clone(),
        is_tax_free: *is_tax_free,
        reason: reason.clone(),
        age: Duration::from_millis(u64::try_from(shared.clock.now_ms() - since_ms).unwrap_or(0)),
    };
    let mut send = *is_new;
    let mut unresolved = Unresolved::undecided("not asked about yet");
    for delay in std::iter::once(Duration::ZERO).chain(asks(behind)) {
        if unresolved.kind == UnresolvedKind::NeedsPerson {
            break;
        }
        tokio::time::sleep(delay).await;
        if send {
            let send_it = || async {
                // The wait for the turn may have been long. A person may have closed the refund meanwhile.
                match writer::refund(&shared.ledger, refund).await {
                    Ok(Some(known)) if known.open => provider.refund(&back()).await,
                    Ok(_) => Returned::Unknown(Unresolved::undecided("closed by a person")),
                    Err(error) => Returned::Unknown(Unresolved::undecided(format!("the ledger: {error}"))),
                }
            };
            unresolved = match limited(shared, name, "refund", send_it).await {
                Returned::Done => return Ok(RefundResult::Done),
                Returned::Refused { detail } => return Ok(RefundResult::Refused { detail }),
                Returned::Unknown(unresolved) => unresolved,
            };
            send = false;
            continue;
        }
        unresolved = match limited(shared, name, "ask_refund", || async { provider.ask_refund(&back()).await }).await {
            ReturnAsked::Done => return Ok(RefundResult::Done),
            ReturnAsked::Refused { detail } => return Ok(RefundResult::Refused { detail }),
            ReturnAsked::NotDone => {
                send = true;
                unresolved
            }
            ReturnAsked::Unknown(unresolved) => unresolved,
        }
    }
    Err(unresolved)
}

/// The waits before each question about a call: several during a while, but only one while other calls wait for its
/// room.
fn asks(behind: &AtomicBool) -> impl Iterator<Item = Duration> {
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
async fn limited<T: CallAnswer, F: Future<Output = T>>(
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
