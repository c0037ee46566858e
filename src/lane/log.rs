//! A lane's log and its writer's lease. Knows nothing of what records mean.

use serde::{Deserialize, Serialize};

use super::hold::HoldFact;
use crate::clock::Millis;
use crate::ids::LogId;

/// A record as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub log: LogId,
    /// The record's own id: the same fact has the same, for ever.
    pub id: String,
    pub at_ms: Millis,
    /// JSON of [`super::record::Body`]; undecodable text is the pipeline's to deal with.
    pub body: String,
    /// The hold an order was placed on (`order.placed` only).
    pub hold: Option<HoldFact>,
    /// The number the lane gave (`coupon.claimed` only).
    pub number: Option<i64>,
}

/// The right to write for a lane until `until_ms`. A later holder has a higher `fence`: it tells two of them apart in
/// the log. Nothing compares it: a writer that goes on after its lease is kept from harm by the ledger's guards.
///
/// `lease`: none so far, given back or `until ≤ now` → the asker's, fence + 1 (from 0); the asker's own →
/// renewed, same fence; another's → refused. It outlives `begin_restore`. The embedded store ends all
/// leases when it opens: whoever had them held the folder's lock, and is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub fence: u64,
    pub until_ms: Millis,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// 0: the lane has never been built, or was wiped.
    pub generation: u64,
    /// True from `seal` or `begin_restore` to `end_restore`, and while nothing was ever built.
    pub recovering: bool,
    /// Last log id ever given.
    pub log_last: LogId,
    /// Records waiting.
    pub backlog: u64,
    /// When the oldest waiting record was written; `None`: nothing waits.
    pub oldest_ms: Option<Millis>,
    /// What the store lost of the lane, for the log: a key that is gone is noticed where it is used, and closes the
    /// lane as `seal` does. `None`: nothing that anyone noticed.
    pub lost: Option<String>,
}
