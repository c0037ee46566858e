//! A room as its event describes it.

use crate::facts::draw::{Birth, DrawKey};
use crate::facts::ids::{EventId, LaneId};

/// A room as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub event: EventId,
    pub lane: LaneId,
    /// The shorter of `absent_after_s` and `claim_ttl_s`: a visitor who polls more often than that loses nothing.
    pub patience_ms: i64,
    /// A visitor who is not seen for this long counts as absent.
    pub absent_ms: i64,
    /// How long a visitor who was called while away may still come back.
    pub grace_ms: i64,
    /// How long a rebuilt room waits for its visitors.
    pub recover_ms: i64,
    /// What a lottery is drawn from.
    pub draw: Option<DrawKey>,
    /// Which creation of the event this is; `None`: the event is from before births were kept.
    pub birth: Option<Birth>,
    /// How long a place inside lasts, if it is not given back before.
    pub stay_ms: i64,
}
