//! The bodies of a grant of points and of a correction.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::Problem;
use crate::facts::time::Timestamp;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GrantRequest)]
pub struct GrantBody {
    #[schema(example = 10000)]
    pub amount: i64,
    /// `null`: the points never expire.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub expires_at: Option<Timestamp>,
    #[serde(default)]
    #[schema(example = "welcome")]
    pub reason: String,
}

impl GrantBody {
    /// An `expires_at` in the past is allowed. The repeat of a grant may come after that time, and must find the grant.
    /// A new grant with such a time gives points that have already expired.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.amount(self.amount, 1, "/amount");
        faults.text(&self.reason, 0, 200, "/reason");
        faults.verdict()
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PointCorrectionRequest)]
pub struct CorrectionBody {
    /// How many points are taken.
    #[schema(example = 500)]
    pub amount: i64,
    #[schema(example = "granted twice")]
    pub reason: String,
}

impl CorrectionBody {
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        faults.amount(self.amount, 1, "/amount");
        faults.text(&self.reason, 1, 200, "/reason");
        faults.verdict()
    }
}
