//! The documents of Toss Payments, as far as they are read. Fields and words that are not named here are survived.

use serde::Deserialize;
use serde_json::Number;

use crate::facts::order::DepositFact;
use crate::facts::time::{Millis, parse_rfc3339};
use crate::payment::brief;

/// A payment (<https://docs.tosspayments.com/reference#payment-%EA%B0%9D%EC%B2%B4>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TossPayment {
    pub order_id: String,
    pub status: String,
    pub total_amount: Number,
    pub currency: String,
    #[serde(default)]
    pub cancels: Option<Vec<TossCancel>>,
    #[serde(default)]
    pub failure: Option<TossError>,
    #[serde(default)]
    pub virtual_account: Option<TossAccount>,
}

/// An account that the buyer pays into.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TossAccount {
    #[serde(default)]
    pub bank_code: Option<String>,
    /// The bank's name, in older versions of the API.
    #[serde(default)]
    pub bank: Option<String>,
    pub account_number: String,
    #[serde(default)]
    pub customer_name: Option<String>,
    /// With an offset or, in Korean time, without one.
    #[serde(default)]
    pub due_date: Option<String>,
}

impl TossAccount {
    /// `until_ms`: when the account closes, where the provider does not say it.
    pub fn deposit(&self, until_ms: Millis) -> DepositFact {
        DepositFact {
            bank: brief(self.bank_code.as_ref().or(self.bank.as_ref()).map_or("", String::as_str)),
            account: brief(&self.account_number),
            holder: brief(self.customer_name.as_deref().unwrap_or_default()),
            expires_ms: self.due_date.as_deref().and_then(due_ms).unwrap_or(until_ms),
        }
    }
}

fn due_ms(text: &str) -> Option<Millis> {
    parse_rfc3339(text).or_else(|| parse_rfc3339(&format!("{text}+09:00")))
}

/// A cancellation of a payment: money sent back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TossCancel {
    pub cancel_amount: Number,
    #[serde(default)]
    pub cancel_reason: String,
    #[serde(default)]
    pub cancel_status: Option<String>,
}

/// Why a payment failed. Every error has the same form.
#[derive(Debug, Deserialize)]
pub(super) struct TossError {
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// A webhook, as far as it is read. Those of deposits name the order outside of `data`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TossWebhook {
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default)]
    pub data: Option<TossWebhookData>,
}

/// What a webhook is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TossWebhookData {
    #[serde(default)]
    pub order_id: Option<String>,
}
