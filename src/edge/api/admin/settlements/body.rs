//! What closes a settlement, and what says that it is paid.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::Problem;

const REFERENCE_MAX: usize = 200;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SettlementCloseRequest)]
pub struct CloseBody {
    /// Close it although the month is not over. What is booked later is settled with the next month.
    #[serde(default)]
    #[schema(example = false)]
    pub early: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SettlementPaidRequest)]
pub struct PaidBody {
    /// Of the bank's transfer.
    #[schema(example = "TRANSFER-2026-12-03-0017")]
    pub reference: String,
}

impl PaidBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.text(&self.reference, 1, REFERENCE_MAX, "/reference");
        faults.verdict()
    }
}
