//! What operators see of the running gateway: the audit's report, the pipeline.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::time::rfc3339;
use crate::ledger::read::LetterEntry;

/// What an audit found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Audit)]
pub struct AuditView {
    /// No invariant is violated.
    #[schema(example = true)]
    pub ok: bool,
    #[schema(example = "2026-11-20T10:00:00Z")]
    pub checked_at: String,
    pub invariants: Vec<InvariantView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditInvariant)]
pub struct InvariantView {
    #[schema(example = "INV-1")]
    pub id: String,
    /// How many things were checked: seats, holds, orders, transactions.
    #[schema(example = 540)]
    pub checked: u64,
    /// The first hundred violations, in words.
    #[schema(example = json!([]))]
    pub violations: Vec<String>,
}

/// How far the ledger is behind the lanes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pipeline)]
pub struct PipelineView {
    /// Records that wait in the logs of all lanes.
    #[schema(example = 12)]
    pub backlog: u64,
    /// Age of the oldest of these records; 0 when there is none.
    #[schema(example = 140)]
    pub oldest_age_ms: i64,
    /// Records that could not be written and wait for a person.
    #[schema(example = 0)]
    pub dead_letters: u64,
    pub lanes: Vec<LaneView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PipelineLane)]
pub struct LaneView {
    #[schema(example = 7)]
    pub lane: u16,
    /// Whether this process writes for the lane.
    #[schema(example = true)]
    pub leased: bool,
    /// Whether the lane is being rebuilt. Nothing of it is sold meanwhile.
    pub recovering: bool,
    #[schema(example = 12)]
    pub backlog: u64,
    #[schema(example = 140)]
    pub oldest_age_ms: i64,
    #[schema(example = 0)]
    pub dead_letters: u64,
    /// Calls to a payment provider without an answer yet; 0 where another process writes for the lane.
    #[schema(example = 3)]
    pub open_calls: usize,
}

/// A record that could not be written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    #[schema(example = "p0360303ae22b998861bce3b28f33eec1be.captured")]
    pub id: String,
    #[schema(example = 3)]
    pub lane: u16,
    /// The order that it is about; `null`: no order.
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: Option<String>,
    #[schema(example = "the row has another version")]
    pub error: String,
    #[schema(example = "2026-11-20T10:00:00Z")]
    pub died_at: String,
}

impl DeadLetterView {
    pub fn new(letter: LetterEntry) -> Self {
        let LetterEntry { id, lane, order, error, died_ms } = letter;
        Self { id, lane: lane.0, order: order.map(|order| order.to_string()), error, died_at: rfc3339(died_ms) }
    }
}
