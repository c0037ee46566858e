//! PortOne, version 2 of its API.
//!
//! The buyer's browser pays at PortOne, under a `paymentId` that begins with the order's id. The house reads the payment
//! and believes only that. Where the shop confirms payments itself, the key is the `paymentId`, a slash and the
//! `paymentToken`, and the money moves when the house confirms.
//!
//! PortOne has no idempotency keys. A `paymentId` is paid once, and a cancellation says which amount was left before it:
//! of two that are sent for one refund, one is refused.

mod codes;
mod document;
mod key;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::document::{Cancellation, Cancelled, PortonePayment, PortoneWebhook, TypedError};
use self::key::Key;
use super::client::{ProviderClient, Reply, segment};
use super::codes::{CodedError, Codes};
use super::signature::Signatures;
use super::{
    AskOutcome, Charge, Charged, PaymentBooked, Provider, ProviderFault, Return, ReturnAsked, Returned, Unresolved,
    Webhook, WebhookFault,
};

use crate::facts::bank_account::BankAccount;
use crate::facts::ids::OrderId;

/// Longest reason that is sent, characters.
const REASON_MAX: usize = 200;

/// The provider.
pub struct Portone {
    client: ProviderClient,
    store_id: Option<String>,
    /// What verifies webhooks; `None`: none are taken.
    signatures: Option<Signatures>,
    /// Whether payments on test channels count, which move no money.
    allow_test: bool,
}

impl Portone {
    /// `base_url`: where PortOne answers. `secret`: of the API. `webhook_secret`: `whsec_…`; empty: webhooks are not
    /// taken. `store_id`: of the shop; empty: the one that the secret belongs to. `allow_test`:
    /// payments on test channels count.
    pub fn new(
        base_url: &str,
        secret: &str,
        webhook_secret: &str,
        store_id: &str,
        allow_test: bool,
    ) -> Result<Self, ProviderFault> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            client: ProviderClient::new("portone", base_url, &format!("PortOne {secret}"))?,
            store_id: some(store_id),
            allow_test,
            signatures: some(webhook_secret).map(|secret| Signatures::new("portone", &secret)).transpose()?,
        })
    }

    /// The payment; `None`: there is no such payment.
    async fn read(&self, key: &str) -> Result<Option<PortonePayment>, Unresolved> {
        let mut path = format!("/payments/{}", segment(Key::of(key).payment));
        if let Some(store) = &self.store_id {
            path = format!("{path}?storeId={}", segment(store));
        }
        let reply = self.client.get(&path).await?;
        if reply.status.is_success() {
            return reply.read().map(Some);
        }
        refused(&reply, codes::READ).map(|_| None)
    }

    /// Sends back `amount` of the payment. `mark`: the text that the cancellation is found by.
    async fn cancel(
        &self,
        key: &str,
        payment: &PortonePayment,
        amount: i64,
        reason: &str,
        mark: &str,
        account: Option<&BankAccount>,
    ) -> Result<Cancellation, Unresolved> {
        let room = REASON_MAX - mark.chars().count() - 1;
        let reason: String = super::short(reason).chars().take(room).collect();
        let is_tax_free = payment.amount.tax_free == payment.amount.total;
        let mut body = self.of_store(json!({
            "amount": amount,
            "taxFreeAmount": if is_tax_free { amount } else { 0 },
            "reason": format!("{reason} {mark}").trim_start(),
            "currentCancellableAmount": payment.amount.total - payment.amount.cancelled,
        }));
        if let Some(account) = account {
            body["refundAccount"] =
                json!({"bank": account.bank, "number": account.number, "holderName": account.holder});
        }
        let path = format!("/payments/{}/cancel", segment(Key::of(key).payment));
        let reply = self.client.post(&path, &body, None).await?;
        if reply.status.is_success() {
            return reply.read::<Cancelled>().map(|cancelled| cancelled.cancellation);
        }
        Err(Unresolved::needs_person(refused(&reply, codes::CANCEL)?))
    }

    /// Money that is not what was asked for, or that the house does not take, goes back before the buyer is told no.
    async fn give_back(&self, charge: &Charge, payment: &PortonePayment, no: &str) -> AskOutcome {
        let left = payment.amount.total - payment.amount.cancelled;
        match self.cancel(&charge.key, payment, left, no, &format!("[{}]", charge.attempt), None).await {
            Ok(cancellation) if cancellation.status == "SUCCEEDED" => AskOutcome::Declined { detail: no.to_owned() },
            Ok(cancellation) => {
                AskOutcome::Unknown(Unresolved::undecided(format!("cancelling: {}", cancellation.status)))
            }
            Err(unresolved) => AskOutcome::Unknown(unresolved),
        }
    }

    async fn judge(&self, charge: &Charge, payment: &PortonePayment) -> AskOutcome {
        let is_live = payment.channel.as_ref().is_some_and(|channel| channel.kind == "LIVE");
        match payment.status.as_str() {
            "PAID" if !is_live && !self.allow_test => {
                AskOutcome::Declined { detail: "this was a payment for a test; no money moved".into() }
            }
            "PAID" if payment.amount.total == charge.amount && payment.currency == charge.currency => {
                AskOutcome::Captured
            }
            "PAID" => self.give_back(charge, payment, "another amount was paid; it went back").await,
            "VIRTUAL_ACCOUNT_ISSUED" => match (charge.deposit_until_ms, payment.account()) {
                (Some(until_ms), Some(account)) => AskOutcome::Awaiting(account.deposit(until_ms)),
                (Some(_), None) => AskOutcome::Unknown(Unresolved::needs_person("a deposit without an account")),
                (None, _) => self.give_back(charge, payment, super::NO_DEPOSIT).await,
            },
            "FAILED" => {
                let reason = payment.failure.as_ref().and_then(|failure| failure.reason.as_deref());
                AskOutcome::Declined { detail: super::short(reason.unwrap_or("the payment failed")) }
            }
            "CANCELLED" => AskOutcome::Declined { detail: "the payment was cancelled".into() },
            "PARTIAL_CANCELLED" => AskOutcome::Unknown(Unresolved::needs_person("a part of the payment was cancelled")),
            // What was sent to confirm it may be under way.
            "READY" if Key::of(&charge.key).token.is_some() => AskOutcome::Unknown(Unresolved::undecided("READY")),
            // The buyer has opened the payment and not paid. They may pay yet: then PortOne's webhook says so.
            "READY" => AskOutcome::NotDone,
            status => AskOutcome::Unknown(Unresolved::undecided(status)),
        }
    }

    fn of_store(&self, mut body: Value) -> Value {
        if let Some(store) = &self.store_id {
            body["storeId"] = json!(store);
        }
        body
    }
}

/// The definite no of an error.
fn refused(reply: &Reply, codes: Codes) -> Result<String, Unresolved> {
    let TypedError { kind, message, pg_message } =
        reply.read().map_err(|_| Unresolved::away(format!("{} without a type", reply.status)))?;
    let text = pg_message.or(message).unwrap_or_default();
    CodedError { code: kind, text }.judge(codes, reply.status.is_server_error())
}

fn mark(back: &Return) -> String {
    format!("[{}]", back.name)
}

/// What became of the refund, as one cancellation tells.
fn returned(back: &Return, cancellation: &Cancellation) -> ReturnAsked {
    if cancellation.total_amount != back.amount {
        return ReturnAsked::Unknown(Unresolved::needs_person(format!("{} went back", cancellation.total_amount)));
    }
    match cancellation.status.as_str() {
        "SUCCEEDED" => ReturnAsked::Done,
        // To an account that is none, or somebody else's.
        "FAILED" if back.account.is_some() => ReturnAsked::WrongAccount { detail: "the refund failed".into() },
        "FAILED" => ReturnAsked::Refused { detail: "the refund failed".into() },
        status => ReturnAsked::Unknown(Unresolved::undecided(status)),
    }
}

/// What became of the refund, as the payment tells.
fn found(back: &Return, payment: &PortonePayment) -> ReturnAsked {
    let mark = mark(back);
    let ours = payment.cancellations.iter().flatten().filter(|one| one.reason.ends_with(&mark));
    super::best_of(ours.map(|cancellation| returned(back, cancellation)))
}

#[async_trait]
impl Provider for Portone {
    fn name(&self) -> &'static str {
        "portone"
    }

    async fn charge(&self, charge: &Charge) -> Charged {
        let key = Key::of(&charge.key);
        if let Some(token) = key.token.filter(|_| key.is_of(charge.order.as_str())) {
            let body = self.of_store(json!({
                "paymentToken": token, "currency": charge.currency, "totalAmount": charge.amount,
            }));
            match self.client.post(&format!("/payments/{}/confirm", segment(key.payment)), &body, None).await {
                Ok(reply) if reply.status.is_success() => {}
                // The token may have been used by the same call before: then the payment is paid.
                Ok(reply) => match refused(&reply, codes::CONFIRM) {
                    Ok(detail) => {
                        return match self.ask(charge).await {
                            AskOutcome::Captured => Charged::Captured,
                            AskOutcome::Awaiting(deposit) => Charged::Awaiting(deposit),
                            _ => Charged::Declined { detail },
                        };
                    }
                    Err(unresolved) => return Charged::Unknown(unresolved),
                },
                Err(unresolved) => return Charged::Unknown(unresolved),
            }
        }
        match self.ask(charge).await {
            AskOutcome::Captured => Charged::Captured,
            AskOutcome::Awaiting(deposit) => Charged::Awaiting(deposit),
            AskOutcome::Declined { detail } => Charged::Declined { detail },
            AskOutcome::NotDone => Charged::Declined { detail: "nothing was paid".into() },
            AskOutcome::Unknown(unresolved) => Charged::Unknown(unresolved),
        }
    }

    async fn booked(&self, key: &str, currency: &str) -> Result<Option<PaymentBooked>, Unresolved> {
        let Some(payment) = self.read(key).await? else { return Ok(None) };
        if payment.currency != currency {
            return Err(Unresolved::needs_person(format!("{} {}", payment.amount.total, payment.currency)));
        }
        let is_live = payment.channel.as_ref().is_some_and(|channel| channel.kind == "LIVE");
        let was_taken = ["PAID", "CANCELLED", "PARTIAL_CANCELLED"].contains(&payment.status.as_str());
        if !was_taken || (!is_live && !self.allow_test) {
            return Ok(Some(PaymentBooked::default()));
        }
        let done = payment.cancellations.iter().flatten().filter(|cancellation| cancellation.status == "SUCCEEDED");
        let returned = done.map(|cancellation| cancellation.total_amount).sum();
        Ok(Some(PaymentBooked { captured: payment.amount.total, returned }))
    }

    async fn ask(&self, charge: &Charge) -> AskOutcome {
        if !Key::of(&charge.key).is_of(charge.order.as_str()) {
            return AskOutcome::Declined { detail: "this payment belongs to another order".into() };
        }
        match self.read(&charge.key).await {
            Ok(Some(payment)) => self.judge(charge, &payment).await,
            Ok(None) => AskOutcome::NotDone,
            Err(unresolved) => AskOutcome::Unknown(unresolved),
        }
    }

    async fn refund(&self, back: &Return) -> Returned {
        let payment = match self.read(&back.key).await {
            Ok(Some(payment)) => payment,
            Ok(None) => return Returned::Unknown(Unresolved::needs_person("the provider knows no such payment")),
            Err(unresolved) => return Returned::Unknown(unresolved),
        };
        let became = match found(back, &payment) {
            ReturnAsked::NotDone => {
                match self
                    .cancel(&back.key, &payment, back.amount, &back.reason, &mark(back), back.account.as_ref())
                    .await
                {
                    Ok(cancellation) => returned(back, &cancellation),
                    Err(unresolved) => ReturnAsked::Unknown(unresolved),
                }
            }
            known => known,
        };
        match became {
            ReturnAsked::Done => Returned::Done,
            ReturnAsked::Refused { detail } => Returned::Refused { detail },
            ReturnAsked::WrongAccount { detail } => Returned::WrongAccount { detail },
            ReturnAsked::NotDone => Returned::Unknown(Unresolved::undecided("not sent")),
            ReturnAsked::Unknown(unresolved) => Returned::Unknown(unresolved),
        }
    }

    async fn ask_refund(&self, back: &Return) -> ReturnAsked {
        match self.read(&back.key).await {
            Ok(Some(payment)) => found(back, &payment),
            Ok(None) => ReturnAsked::Unknown(Unresolved::needs_person("the provider knows no such payment")),
            Err(unresolved) => ReturnAsked::Unknown(unresolved),
        }
    }

    fn hint(&self, webhook: Webhook<'_>) -> Result<Option<OrderId>, WebhookFault> {
        self.signatures.as_ref().ok_or(WebhookFault::NotTaken)?.verify(webhook)?;
        let webhook: PortoneWebhook = serde_json::from_slice(webhook.body).map_err(|_| WebhookFault::Refused)?;
        let payment = webhook.data.and_then(|data| data.payment_id);
        // The id of the order, then `-` and what the shop adds.
        Ok(payment.and_then(|id| super::order_id(id.split('-').next().unwrap_or(&id))))
    }
}
