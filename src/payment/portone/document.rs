//! The documents of PortOne, as far as they are read. Fields and words that are not named here are survived.

use serde::Deserialize;

use crate::facts::order::DepositFact;
use crate::facts::time::{Millis, parse_rfc3339};
use crate::payment::brief;

/// A payment. What is not there yet at its status is `None`.
#[derive(Debug, Deserialize)]
pub(super) struct PortonePayment {
    pub status: String,
    pub amount: Amount,
    pub currency: String,
    #[serde(default)]
    pub channel: Option<PortoneChannel>,
    #[serde(default)]
    pub cancellations: Option<Vec<Cancellation>>,
    #[serde(default)]
    pub failure: Option<PortoneFailure>,
    #[serde(default)]
    pub method: Option<PortoneMethod>,
}

impl PortonePayment {
    /// The account that the buyer pays into.
    pub fn account(&self) -> Option<&PortoneMethod> {
        self.method.as_ref().filter(|method| method.account_number.is_some())
    }
}

/// How the buyer pays, as far as it is an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortoneMethod {
    #[serde(default)]
    pub bank: Option<String>,
    #[serde(default)]
    pub account_number: Option<String>,
    #[serde(default)]
    pub remittee_name: Option<String>,
    #[serde(default)]
    pub expired_at: Option<String>,
}

impl PortoneMethod {
    /// `until_ms`: when the account closes, where the provider does not say it.
    pub fn deposit(&self, until_ms: Millis) -> DepositFact {
        let text = |text: &Option<String>| brief(text.as_deref().unwrap_or_default());
        DepositFact {
            bank: text(&self.bank),
            account: text(&self.account_number),
            holder: text(&self.remittee_name),
            expires_ms: self.expired_at.as_deref().and_then(parse_rfc3339).unwrap_or(until_ms),
        }
    }
}

/// Through which contract a payment was made. The buyer's browser chooses it.
#[derive(Debug, Deserialize)]
pub(super) struct PortoneChannel {
    /// `LIVE` or `TEST`. On a test channel no money moves.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Amounts of a payment, minor units.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Amount {
    pub total: i64,
    /// The part of `total` that has no tax inside.
    #[serde(default)]
    pub tax_free: i64,
    #[serde(default)]
    pub cancelled: i64,
}

/// Money sent back, or on its way.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    pub status: String,
    pub total_amount: i64,
    #[serde(default)]
    pub reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PortoneFailure {
    #[serde(default)]
    pub reason: Option<String>,
}

/// The answer to a cancellation.
#[derive(Debug, Deserialize)]
pub(super) struct Cancelled {
    pub cancellation: Cancellation,
}

/// An error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypedError {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub pg_message: Option<String>,
}

/// A webhook, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct PortoneWebhook {
    #[serde(default)]
    pub data: Option<PortoneWebhookData>,
}

/// What a webhook is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortoneWebhookData {
    #[serde(default)]
    pub payment_id: Option<String>,
}
