//! The documents of Toss Payments, as far as they are read. Fields and words that are not named here are survived.

use serde::Deserialize;
use serde_json::Number;

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
