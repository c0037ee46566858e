//! A lane's log and its writer's lease.

#![deny(missing_docs)]

use crate::facts::ids::LogId;
use crate::facts::record::{Entry, Record};
use crate::facts::time::Millis;
use crate::lane::Result;
use async_trait::async_trait;

/// The log, for the pipeline.
#[async_trait]
pub trait Log {
    /// Up to `max` records after `after`, oldest first.
    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>>;

    /// Appends the pipeline's own records. A record whose id is still in the log is not appended again. (The doors
    /// append without this check: their facts guard against repeats.) [`Meta::oldest_ms`] is the time of the first
    /// record in the log.
    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()>;

    /// Drops the log up to and including `upto`.
    async fn trim(&self, upto: LogId) -> Result<()>;

    /// Takes or renews the writer's lease; `None`: another holds it.
    ///
    /// No lease so far, or one that was given back or has `until ≤ now`: the asker gets it. The asker's own lease:
    /// renewed. Another owner's: refused. The lease outlives `begin_restore`. The embedded store ends all leases when it opens: their owners held the folder's lock, and are
    /// dead.
    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>>;

    /// Gives the lease back early.
    async fn unlease(&self, owner: &str) -> Result<()>;

    /// Generation, last log id, length and oldest record of the log. Answers also while recovering.
    async fn meta(&self) -> Result<Meta>;
}

/// The operations of [`Log`], as metrics name them.
pub const OPERATIONS: &[&str] = &["read_log", "append", "trim", "lease", "unlease", "meta"];

/// The right to write for a lane until `until_ms`. It saves double work, and nothing depends on it: the ledger's guards
/// keep a writer harmless that goes on after its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When the lease ends, unless it is renewed before.
    pub until_ms: Millis,
}

/// The state of a lane and of its log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// 0: the lane has never been built, or was wiped.
    pub generation: u64,
    /// True from `seal` or `begin_restore` to `end_restore`, while the lane was never built, and while it is behind
    /// what this process has seen of it.
    pub recovering: bool,
    /// Last log id ever given.
    pub log_last: LogId,
    /// How many records wait in the log.
    pub backlog: u64,
    /// When the oldest waiting record was written; `None`: no record waits.
    pub oldest_ms: Option<Millis>,
    /// Which part of the lane the store has lost, for the log. The step that finds a key gone closes the lane as `seal`
    /// does. `None`: no loss was noticed.
    pub lost: Option<String>,
}
