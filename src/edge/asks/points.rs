//! The body of a grant of points.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Faults;
use crate::clock::{Millis, Timestamp};
use crate::edge::problem::Problem;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GrantRequest)]
pub struct GrantBody {
    pub amount: i64,
    /// `null`: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    #[serde(default)]
    pub reason: String,
}

impl GrantBody {
    pub fn check(&self, now_ms: Millis) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.amount(self.amount, 1, "/amount");
        faults.check(self.expires_at.is_none_or(|at| at.0 > now_ms), "/expires_at", "in the future, or null");
        faults.text(&self.reason, 0, 200, "/reason");
        faults.verdict()
    }
}
