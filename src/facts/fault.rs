//! Why a lane gave no answer.

use crate::facts::ids::LaneId;

/// Why an operation gave no answer. All may be retried with the same arguments.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The lane's state is missing or older than what was seen before; the writer rebuilds it.
    #[error("lane {0} is recovering")]
    Recovering(LaneId),
    /// No answer, or no answer that can be believed: unknown whether the step happened.
    #[error("lane {lane} did not answer")]
    Unavailable {
        lane: LaneId,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bug in the caller (arity, range); nothing was changed.
    #[error("lane {lane} refused a malformed call: {detail}")]
    Contract { lane: LaneId, detail: String },
}
