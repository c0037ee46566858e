//! The writer's unit of work: reads the rows a batch of records concerns, computes record by record in
//! memory, writes everything back in one transaction.
//! Knows no lane, no provider and no clock: what must follow is handed back as [`Written`].
//!
//! The first statement of every transaction updates the lane's row, so writers of one lane queue up
//! behind each other; then the accounts concerned are locked in the order of their ids, so writers of
//! different lanes agree on points and coupons. Whatever is read after that is the present state.

mod batch;
mod call;
mod column;
mod concern;
mod confirm;
mod coupon;
mod dead;
mod decode;
mod due;
mod flush;
pub(super) mod journal;
mod load;
mod pay;
mod place;
mod records;
mod refund;
mod refunded;
mod release;
mod row;
mod rows;
mod settlement;
mod sheet;
mod terms;
mod wallets;

pub use batch::{Batch, Written, reject, write};
pub use call::{Call, CallId, Charging, Returning};
pub use dead::{DeadLetter, Revived, bury, let_go, requeue};
pub use due::{Attempt, DueCalls, Overdue, attempt, dead_counts, dead_letters, due_calls, overdue, put_off};
pub use records::Outcome;

use std::collections::{BTreeMap, HashSet};

use crate::clock::Millis;
use crate::ids::{EventId, HoldId, LaneId, OrderId, UserId};
use crate::ledger::points::Wallet;
use crate::ledger::{Error, campaign_version};
use journal::Journal;
use row::Table;
use rows::{Account, Coupon, Dead, Done, Fact, Move};
use sheet::Sheet;

/// Why a batch was not written. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Ledger(#[from] Error),
    /// A record can never be done as it is.
    #[error("record {record}: {detail}")]
    Record { record: String, detail: String },
    /// The ledger has no mark of this lane: it was never built, and nothing may be written for it.
    #[error("lane {0} was never built")]
    Unbuilt(LaneId),
}

impl Failure {
    fn record(id: &str, detail: impl Into<String>) -> Self {
        Failure::Record { record: id.to_owned(), detail: detail.into() }
    }

    /// True: the batch holds a record that can never be done.
    pub fn is_records_fault(&self) -> bool {
        match self {
            Failure::Ledger(error) => !error.may_retry(),
            Failure::Record { .. } => true,
            Failure::Unbuilt(_) => false,
        }
    }

    /// For metrics: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Failure::Ledger(error) => error.label(),
            Failure::Record { .. } => "record",
            Failure::Unbuilt(_) => "unbuilt",
        }
    }
}

/// Rows in memory, with what has changed since they were read.
struct Book {
    lane: LaneId,
    now_ms: Millis,
    /// How long after its deadline an order waits for an attempt that nobody can tell of.
    unknown_ms: i64,
    sheets: BTreeMap<OrderId, Sheet>,
    wallets: BTreeMap<UserId, Wallet>,
    /// Accounts as they were read; what becomes of them is in `wallets`.
    accounts: Table<Account>,
    /// Moves of refunds that may have to be undone.
    moves: Table<Move>,
    coupons: Table<Coupon>,
    /// What the coupons at hand are worth.
    campaigns: campaign_version::Versions,
    journal: Journal,
    /// Orders are rejected unseen: see [`reject`].
    rejects: bool,
    facts: Table<Fact>,
    done: Table<Done>,
    dead: Table<Dead>,
    /// Orders with a record among the dead letters: their later records follow it.
    parked: HashSet<OrderId>,
    /// Seats with a live ticket.
    taken: HashSet<(EventId, i64)>,
    /// Holds with a live order.
    held: HashSet<HoldId>,
    /// Holds that were ordered before, whatever became of it.
    ordered: HashSet<HoldId>,
}

impl Book {
    fn new(lane: LaneId, now_ms: Millis, unknown_ms: i64) -> Self {
        Self {
            lane,
            now_ms,
            unknown_ms,
            sheets: BTreeMap::new(),
            wallets: BTreeMap::new(),
            accounts: Table::default(),
            moves: Table::default(),
            coupons: Table::default(),
            campaigns: campaign_version::Versions::default(),
            journal: Journal::default(),
            rejects: false,
            facts: Table::default(),
            done: Table::default(),
            dead: Table::default(),
            parked: HashSet::new(),
            taken: HashSet::new(),
            held: HashSet::new(),
            ordered: HashSet::new(),
        }
    }
}

#[cfg(test)]
mod tests;
