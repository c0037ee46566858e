//! Amounts as answers show them.

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
