//! One call to a payment provider. First it is made, then its result is asked for during a while. If the result is
//! still unknown after that, the call is put off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::SemaphorePermit;

use super::payment_record;
use crate::clock;
use crate::facts::record::{PaymentResult, Record, RecordBody, RefundResult, VERSION};
use crate::facts::time::Millis;
use crate::ledger::writer::{Charging, OpenCall, Returning};
use crate::metrics::{PAYMENT_CALL_SECONDS, PAYMENT_CALLS};
use crate::payment::{AskOutcome, Charge, Charged, Return, ReturnAsked, Returned};
use crate::pipeline::parts::PipelineShared;
use crate::pipeline::retry;

/// How many times a call's result is asked for before the call is put off: over 13 to 25 seconds, and the time of the
/// calls.
const ASKS: usize = 6;

/// How long a call is put off, milliseconds: an eighth of its age within these bounds, so that a provider that is away
/// for long is asked less and less often.
const PUT_OFF_MS: std::ops::RangeInclusive<i64> = 15_000..=300_000;

/// How a call ended, for now.
pub(super) enum CallTurn {
    /// A definite answer, for the lane's log.
    Answered(Box<Record>),
    /// The result is unknown. The call is due again at this time.
    PutOff(Millis),
}

/// Makes the call, and asks for its result during a while.
pub(super) async fn drive(shared: Arc<PipelineShared>, behind: Arc<AtomicBool>, call: OpenCall) -> CallTurn {
    let answer = match &call {
        OpenCall::Charge(charging) => charge(&shared, &behind, charging)
            .await
            .map(|result| payment_record(charging.order.clone(), charging.attempt.clone(), result)),
        OpenCall::Refund(returning) => {
            give_back(&shared, &behind, returning).await.map(|result| refund_record(returning, result))
        }
    };
    match answer {
        Some(record) => CallTurn::Answered(Box::new(record)),
        None => CallTurn::PutOff(due_again_ms(call.since_ms(), shared.clock.now_ms())),
    }
}

/// When to ask again about a call that was first to be made at `since_ms`.
pub(super) fn due_again_ms(since_ms: Millis, now_ms: Millis) -> Millis {
    now_ms + ((now_ms - since_ms) / 8).clamp(*PUT_OFF_MS.start(), *PUT_OFF_MS.end())
}

/// A `refund.resulted`. Its id names the result, so that a different, later result is a record of its own.
fn refund_record(Returning { refund, order, .. }: &Returning, result: RefundResult) -> Record {
    let word = match &result {
        RefundResult::Done => "done",
        RefundResult::Refused { .. } => "refused",
    };
    let id = format!("{refund}.{word}");
    Record { id, body: RecordBody::RefundResulted { v: VERSION, order: order.clone(), refund: refund.clone(), result } }
}

/// Only the provider, or a person who looks there, knows whether money moved. The call stays open until the provider is
/// configured again or an operator resolves it.
fn not_configured(call: &'static str, provider: &str, id: &str) {
    counter!(PAYMENT_CALLS, "call" => call, "outcome" => "not_configured").increment(1);
    tracing::error!(
        id,
        provider,
        call,
        "waits for a provider that is not configured: name it in payment.providers again, or resolve it by hand"
    );
}

/// `None`: the result is unknown.
async fn charge(shared: &PipelineShared, behind: &AtomicBool, charging: &Charging) -> Option<PaymentResult> {
    let Charging { attempt, order, provider, key, amount, currency, charge_until_ms, since_ms: _, due_ms: _ } =
        charging;
    let Some(provider) = shared.providers.get(provider) else {
        not_configured("charge", provider, attempt.as_str());
        return None;
    };
    let charge = Charge {
        attempt: attempt.clone(),
        order: order.clone(),
        amount: *amount,
        currency: currency.clone(),
        key: key.clone(),
    };
    if let Some(until_ms) = charge_until_ms {
        let turn = turn(shared).await;
        // The wait for the turn may have been long.
        if shared.clock.now_ms() < *until_ms {
            match within(shared, turn, "charge", provider.charge(&charge), charged_label).await {
                Some(Charged::Captured) => return Some(PaymentResult::Captured),
                Some(Charged::Declined { detail }) => return Some(PaymentResult::Declined { detail }),
                Some(Charged::Unknown) | None => {}
            }
        }
    }
    for delay in asks(behind) {
        tokio::time::sleep(delay).await;
        match limited(shared, "ask", provider.ask(&charge), asked_label).await {
            Some(AskOutcome::Captured) => return Some(PaymentResult::Captured),
            Some(AskOutcome::Declined { detail }) => return Some(PaymentResult::Declined { detail }),
            Some(AskOutcome::NotDone) => return Some(PaymentResult::NotDone),
            Some(AskOutcome::Unknown) | None => {}
        }
    }
    None
}

/// `None`: the result is unknown.
async fn give_back(shared: &PipelineShared, behind: &AtomicBool, returning: &Returning) -> Option<RefundResult> {
    let Returning { refund, order: _, attempt, provider, amount, currency, reason, since_ms: _, due_ms: _, is_new } =
        returning;
    let Some(provider) = shared.providers.get(provider) else {
        not_configured("refund", provider, refund.as_str());
        return None;
    };
    let back = Return {
        refund: refund.clone(),
        attempt: attempt.clone(),
        amount: *amount,
        currency: currency.clone(),
        reason: reason.clone(),
    };
    let mut send = *is_new;
    for delay in std::iter::once(Duration::ZERO).chain(asks(behind)) {
        tokio::time::sleep(delay).await;
        if send {
            match limited(shared, "refund", provider.refund(&back), returned_label).await {
                Some(Returned::Done) => return Some(RefundResult::Done),
                Some(Returned::Refused { detail }) => return Some(RefundResult::Refused { detail }),
                Some(Returned::Unknown) | None => send = false,
            }
            continue;
        }
        match limited(shared, "ask_refund", provider.ask_refund(&back), return_asked_label).await {
            Some(ReturnAsked::Done) => return Some(RefundResult::Done),
            Some(ReturnAsked::Refused { detail }) => return Some(RefundResult::Refused { detail }),
            Some(ReturnAsked::NotDone) => send = true,
            Some(ReturnAsked::Unknown) | None => {}
        }
    }
    None
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

/// Makes a call within its bounds: at most `calls_max` at once, each for at most `call_limit`. `None`: no answer in
/// time.
async fn limited<T>(
    shared: &PipelineShared,
    name: &'static str,
    call: impl Future<Output = T>,
    label: fn(&T) -> &'static str,
) -> Option<T> {
    let turn = turn(shared).await;
    within(shared, turn, name, call, label).await
}

async fn turn(shared: &PipelineShared) -> SemaphorePermit<'_> {
    shared.calls.acquire().await.expect("the semaphore is never closed")
}

/// Makes a call that has its turn, within its time limit. `None`: no answer in time.
async fn within<T>(
    shared: &PipelineShared,
    _turn: SemaphorePermit<'_>,
    name: &'static str,
    call: impl Future<Output = T>,
    label: fn(&T) -> &'static str,
) -> Option<T> {
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

fn asked_label(answer: &AskOutcome) -> &'static str {
    match answer {
        AskOutcome::Captured => "captured",
        AskOutcome::Declined { .. } => "declined",
        AskOutcome::NotDone => "not_done",
        AskOutcome::Unknown => "unknown",
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
