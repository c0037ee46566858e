//! What answers look like: one view a fact, made from stages' values by pure functions.
//! Knows no requests.

pub mod admin_campaign;
pub mod admin_event;
pub mod challenge;
pub mod coupon;
pub mod event;
pub mod hold;
pub mod operations;
pub mod order;
pub mod page;
pub mod points;
pub mod quote;
pub mod refund;
pub mod seats;
pub mod ticket;

use serde::Serialize;
use utoipa::ToSchema;

/// A total: minor units of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Money {
    #[schema(example = 55000)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(example = "KRW")]
    pub currency: String,
}
