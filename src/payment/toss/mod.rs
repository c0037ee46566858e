//! Toss Payments, version 1 of its API.
//!
//! The buyer's browser opens the payment with the order's id as `orderId` and gets a `paymentKey`. The house confirms
//! it, so the money moves at that call alone. A call without an answer is resolved by reading the payment.

mod codes;
mod document;

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::codes::TossNo;
use self::document::{TossCancel, TossError, TossPayment, TossWebhook};
use super::client::{ProviderClient, Reply, segment};
use super::codes::{CodedError, Codes};
use super::{
    AskOutcome, Charge, Charged, PaymentBooked, Provider, ProviderFault, Return, ReturnAsked, Returned, Unresolved,
    Webhook, WebhookFault, amount,
};
use crate::facts::ids::OrderId;

/// Longest `cancelReason`, characters.
const REASON_MAX: usize = 200;

/// How long one idempotency key is used for a refund. Toss Payments answers a repeat as it answered the first, an error
/// too, so a refund that failed would fail for 15 days.
const KEY_FOR: Duration = Duration::from_secs(3_600);

/// How long a refund waits after its key has changed, so that no call with the old key can be under way.
const KEY_REST: Duration = Duration::from_secs(300);

/// The provider.
pub struct Toss {
    client: ProviderClient,
}

impl Toss {
    /// `base_url`: where Toss Payments answers. `secret_key`: of the shop.
    pub fn new(base_url: &str, secret_key: &str) -> Result<Self, ProviderFault> {
        // The user is the key; the password is empty.
        let authorization = format!("Basic {}", STANDARD.encode(format!("{secret_key}:")));
        Ok(Self { client: ProviderClient::new("toss", base_url, &authorization)? })
    }

    /// The payment; `None`: there is no such payment.
    async fn read(&self, key: &str) -> Result<Option<TossPayment>, Unresolved> {
        let reply = self.client.get(&format!("/v1/payments/{}", segment(key))).await?;
        match document(&reply, codes::READ)? {
            Ok(payment) => Ok(Some(payment)),
            Err(_) => Ok(None),
        }
    }

    /// A buyer who was given an account to pay into, where the house takes no deposit for it, or not any more.
    async fn close_account(&self, charge: &Charge) -> AskOutcome {
        let body = json!({"cancelReason": "the account is closed"});
        let path = format!("/v1/payments/{}/cancel", segment(&charge.key));
        let key = format!("{}.close", charge.attempt);
        let closed = match self.client.post(&path, &body, Some(&key)).await {
            Ok(reply) => document(&reply, codes::CANCEL),
            Err(unresolved) => Err(unresolved),
        };
        match closed {
            Ok(Ok(payment)) if payment.status == "DONE" => AskOutcome::Unknown(Unresolved::undecided("DONE")),
            Ok(Ok(_)) => AskOutcome::Declined { detail: super::NO_DEPOSIT.into() },
            // The money came meanwhile.
            Ok(Err(no)) if no.is_about_account() => AskOutcome::Unknown(Unresolved::undecided(no.detail)),
            Ok(Err(no)) => AskOutcome::Unknown(Unresolved::needs_person(no.detail)),
            Err(unresolved) => AskOutcome::Unknown(unresolved),
        }
    }

    async fn judge(&self, charge: &Charge, payment: &TossPayment) -> AskOutcome {
        if payment.order_id != charge.order.as_str() {
            return AskOutcome::Declined { detail: "this payment belongs to another order".into() };
        }
        match payment.status.as_str() {
            "DONE" => {
                let paid = amount::in_minor(&payment.total_amount, &charge.currency);
                if paid == Some(charge.amount) && payment.currency == charge.currency {
                    AskOutcome::Captured
                } else {
                    let (paid, currency) = (&payment.total_amount, &payment.currency);
                    AskOutcome::Unknown(Unresolved::needs_person(format!("{paid} {currency} were paid")))
                }
            }
            "CANCELED" => AskOutcome::Declined { detail: "the payment was cancelled".into() },
            "PARTIAL_CANCELED" => AskOutcome::Unknown(Unresolved::needs_person("a part of the payment was cancelled")),
            "ABORTED" => {
                let failure = payment.failure.as_ref();
                let text = failure.map(|failure| failure.message.as_str()).filter(|text| !text.is_empty());
                AskOutcome::Declined { detail: super::short(text.unwrap_or("the payment failed")) }
            }
            "EXPIRED" => AskOutcome::NotDone,
            "WAITING_FOR_DEPOSIT" => match (charge.deposit_until_ms, &payment.virtual_account) {
                (Some(until_ms), Some(account)) => AskOutcome::Awaiting(account.deposit(until_ms)),
                (Some(_), None) => AskOutcome::Unknown(Unresolved::needs_person("a deposit without an account")),
                (None, _) => self.close_account(charge).await,
            },
            // READY and IN_PROGRESS become EXPIRED when nobody confirms them.
            status => AskOutcome::Unknown(Unresolved::undecided(status)),
        }
    }
}

/// What the payment says that was taken and given back; `None`: an amount that is none of the currency.
fn booked(payment: &TossPayment, currency: &str) -> Option<PaymentBooked> {
    let was_taken = ["DONE", "CANCELED", "PARTIAL_CANCELED"].contains(&payment.status.as_str());
    if !was_taken {
        return Some(PaymentBooked::default());
    }
    let captured = amount::in_minor(&payment.total_amount, currency)?;
    let done = |cancel: &&TossCancel| matches!(cancel.cancel_status.as_deref(), Some("DONE") | None);
    let done = payment.cancels.iter().flatten().filter(done);
    let returned = done.map(|cancel| amount::in_minor(&cancel.cancel_amount, currency)).sum::<Option<i64>>()?;
    Some(PaymentBooked { captured, returned })
}

/// The payment in the answer, or the definite no.
fn document(reply: &Reply, codes: Codes) -> Result<Result<TossPayment, TossNo>, Unresolved> {
    if reply.status.is_success() {
        return reply.read().map(Ok);
    }
    let TossError { code, message } =
        reply.read().map_err(|_| Unresolved::away(format!("{} without a code", reply.status)))?;
    let error = CodedError { code: code.clone(), text: message };
    error.judge(codes, reply.status.is_server_error()).map(|detail| Err(TossNo { code, detail }))
}

/// The text that a cancellation is found by.
fn mark(back: &Return) -> String {
    format!("[{}]", back.name)
}

/// What became of the refund, as the payment tells.
fn returned(back: &Return, payment: &TossPayment) -> ReturnAsked {
    let mark = mark(back);
    let ours = payment.cancels.iter().flatten().filter(|cancel| cancel.cancel_reason.ends_with(&mark));
    super::best_of(ours.map(|cancel| became(back, cancel)))
}

/// What became of the refund, as one cancellation tells.
fn became(back: &Return, cancel: &TossCancel) -> ReturnAsked {
    if amount::in_minor(&cancel.cancel_amount, &back.currency) != Some(back.amount) {
        return ReturnAsked::Unknown(Unresolved::needs_person(format!("{} went back", cancel.cancel_amount)));
    }
    match cancel.cancel_status.as_deref() {
        // Older versions of the API do not tell it.
        Some("DONE") | None => ReturnAsked::Done,
        Some("ABORTED") => ReturnAsked::Refused { detail: "the refund failed".into() },
        Some(status) => ReturnAsked::Unknown(Unresolved::undecided(status)),
    }
}

/// The idempotency key of the refund at its age. `None`: the key has just changed.
fn once(back: &Return) -> Option<String> {
    let keys = back.age.as_secs() / KEY_FOR.as_secs();
    let since_change = Duration::from_secs(back.age.as_secs() % KEY_FOR.as_secs());
    match keys {
        0 => Some(back.name.clone()),
        _ if since_change < KEY_REST => None,
        _ => Some(format!("{}.{keys}", back.name)),
    }
}

#[async_trait]
impl Provider for Toss {
    fn name(&self) -> &'static str {
        "toss"
    }

    async fn charge(&self, charge: &Charge) -> Charged {
        let body = json!({
            "paymentKey": charge.key,
            "orderId": charge.order,
            "amount": amount::in_units(charge.amount, &charge.currency),
        });
        let reply = match self.client.post("/v1/payments/confirm", &body, Some(charge.attempt.as_str())).await {
            Ok(reply) => reply,
            Err(unresolved) => return Charged::Unknown(unresolved),
        };
        match document(&reply, codes::CONFIRM) {
            Ok(Ok(payment)) => match self.judge(charge, &payment).await {
                AskOutcome::Captured => Charged::Captured,
                AskOutcome::Awaiting(deposit) => Charged::Awaiting(deposit),
                AskOutcome::Declined { detail } => Charged::Declined { detail },
                AskOutcome::NotDone => Charged::Unknown(Unresolved::undecided(payment.status)),
                AskOutcome::Unknown(unresolved) => Charged::Unknown(unresolved),
            },
            Ok(Err(no)) => Charged::Declined { detail: no.detail },
            Err(unresolved) => Charged::Unknown(unresolved),
        }
    }

    async fn booked(&self, key: &str, currency: &str) -> Result<Option<PaymentBooked>, Unresolved> {
        let Some(payment) = self.read(key).await? else { return Ok(None) };
        let strange = || Unresolved::needs_person(format!("{} {}", payment.total_amount, payment.currency));
        if payment.currency != currency {
            return Err(strange());
        }
        booked(&payment, currency).ok_or_else(strange).map(Some)
    }

    async fn ask(&self, charge: &Charge) -> AskOutcome {
        match self.read(&charge.key).await {
            Ok(Some(payment)) => self.judge(charge, &payment).await,
            Ok(None) => AskOutcome::NotDone,
            Err(unresolved) => AskOutcome::Unknown(unresolved),
        }
    }

    async fn refund(&self, back: &Return) -> Returned {
        let Some(once) = once(back) else { return Returned::Unknown(Unresolved::undecided("waits for a new key")) };
        let mark = mark(back);
        let room = REASON_MAX - mark.chars().count() - 1;
        let reason: String = super::short(&back.reason).chars().take(room).collect();
        let amount = amount::in_units(back.amount, &back.currency);
        let mut body = json!({"cancelReason": format!("{reason} {mark}").trim_start(), "cancelAmount": amount});
        if back.is_tax_free {
            body["taxFreeAmount"] = body["cancelAmount"].clone();
        }
        if let Some(account) = &back.account {
            body["refundReceiveAccount"] =
                json!({"bank": account.bank, "accountNumber": account.number, "holderName": account.holder});
        }
        let path = format!("/v1/payments/{}/cancel", segment(&back.key));
        let reply = match self.client.post(&path, &body, Some(&once)).await {
            Ok(reply) => reply,
            Err(unresolved) => return Returned::Unknown(unresolved),
        };
        match document(&reply, codes::CANCEL) {
            Ok(Ok(payment)) => match returned(back, &payment) {
                ReturnAsked::Done => Returned::Done,
                ReturnAsked::Refused { detail } => Returned::Refused { detail },
                ReturnAsked::WrongAccount { detail } => Returned::WrongAccount { detail },
                ReturnAsked::NotDone => Returned::Unknown(Unresolved::undecided("the answer does not name the refund")),
                ReturnAsked::Unknown(unresolved) => Returned::Unknown(unresolved),
            },
            Ok(Err(no)) if back.account.is_some() && no.is_about_account() => {
                Returned::WrongAccount { detail: no.detail }
            }
            Ok(Err(no)) => Returned::Refused { detail: no.detail },
            Err(unresolved) => Returned::Unknown(unresolved),
        }
    }

    async fn ask_refund(&self, back: &Return) -> ReturnAsked {
        match self.read(&back.key).await {
            Ok(Some(payment)) => returned(back, &payment),
            Ok(None) => ReturnAsked::Unknown(Unresolved::needs_person("the provider knows no such payment")),
            Err(unresolved) => ReturnAsked::Unknown(unresolved),
        }
    }

    /// Toss Payments does not sign its webhooks. A false one only makes the house ask.
    fn hint(&self, webhook: Webhook<'_>) -> Result<Option<OrderId>, WebhookFault> {
        let webhook: TossWebhook = serde_json::from_slice(webhook.body).map_err(|_| WebhookFault::Refused)?;
        let order = webhook.order_id.or(webhook.data.and_then(|data| data.order_id));
        Ok(order.and_then(|order| super::order_id(&order)))
    }
}

#[cfg(test)]
mod tests;
