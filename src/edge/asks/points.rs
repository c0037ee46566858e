//! The body of a grant of points.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Faults;
use crate::clock::Timestamp;
use crate::edge::problem::Problem;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GrantRequest)]
pub struct GrantBody {
    #[schema(example = 10000)]
    pub amount: i64,
    /// `null`: never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub expires_at: Option<Timestamp>,
    #[serde(default)]
    #[schema(example = "welcome")]
    pub reason: String,
}

impl GrantBody {
    /// A time that is over is no fault: a repeat of a grant must find it, and what it gives is gone.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.amount(self.amount, 1, "/amount");
        faults.text(&self.reason, 0, 200, "/reason");
        faults.verdict()
    }
}
