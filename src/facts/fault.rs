//! Why a lane gave no answer.

use crate::facts::ids::LaneId;

/// Why an operation gave no answer. To repeat it with the same arguments is safe, but after `Contract` it fails again.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The lane's state is missing, or older than what was seen before, or being rebuilt. The writer rebuilds it.
    #[error("lane {0} is recovering")]
    Recovering(LaneId),
    /// The store gave no answer, or none that can be believed. It is unknown whether the step happened.
    #[error("lane {lane} did not answer")]
    Unavailable {
        /// The lane that was asked.
        lane: LaneId,
        /// What the client of the store reported.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The call breaks the operation's contract; nothing was changed. This is a bug in the caller, or a step of a
    /// rebuilding that a newer rebuilding has overtaken.
    #[error("lane {lane} refused a malformed call: {detail}")]
    Contract {
        /// The lane that was asked.
        lane: LaneId,
        /// What is wrong with the call, for the log.
        detail: String,
    },
}

impl Fault {
    /// The same fault for another who waited for the same call. Its source is kept as text.
    pub fn copy(&self) -> Self {
        match self {
            Fault::Recovering(lane) => Fault::Recovering(*lane),
            Fault::Unavailable { lane, source } => {
                Fault::Unavailable { lane: *lane, source: source.to_string().into() }
            }
            Fault::Contract { lane, detail } => Fault::Contract { lane: *lane, detail: detail.clone() },
        }
    }
}
