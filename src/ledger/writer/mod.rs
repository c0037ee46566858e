//! The writer's unit of work: reads the rows a batch of records concerns, computes record by record in memory, and
//! writes everything back in one transaction. It calls no lane and no provider: what must follow is handed back as
//! [`BatchWritten`].
//!
//! A batch first updates the lane's row, so writers of one lane queue up behind each other. Then it locks the wallets
//! concerned in the order of their ids, so writers of different lanes agree on points and coupons. What it reads after
//! that is the present state.

mod batch;
mod concern;
mod conclusion;
mod convert;
mod dead;
mod decode;
mod due;
mod flush;
mod hint;
mod load;
mod overdue;
mod records;

pub use super::rules::call::{CallId, Charging, DepositStage, Depositing, OpenCall, Returning};
pub use batch::{Batch, BatchWritten, reject, write};
pub use dead::{DeadLetter, Revived, bury, dead_counts, dead_letters, let_go, requeue};
pub use due::{DueCalls, KnownCall, PutOff, attempt, due_calls, put_off, refund};
pub use hint::{HintAt, forget_hints, hint};
pub use overdue::{Overdue, overdue};
pub use records::RecordOutcome;

use std::collections::{BTreeMap, HashSet};

use super::journal::Journal;
use super::rules::points::Wallet;
use super::sheet::Sheets;
use super::store::row::Table;
use super::store::rows::{CouponRow, DeadRow, DoneRow, MoveRow, WalletRow};
use super::{Error, campaign_version};
use crate::facts::ids::{EventId, HoldId, LaneId, OrderId, UserId};
use crate::facts::money::AMOUNT_MAX;
use crate::facts::notice::Told;
use crate::facts::time::Millis;

/// Why a batch was not written. Nothing of it was kept, but for the exception that [`Error`] names.
#[derive(Debug, thiserror::Error)]
pub enum BatchFailure {
    #[error(transparent)]
    Ledger(#[from] Error),
    /// A record can never be done as it is.
    #[error("record {record}: {detail}")]
    Record { record: String, detail: String },
    /// The ledger has no mark of this lane: it was never built, and nothing may be written for it.
    #[error("lane {0} was never built")]
    Unbuilt(LaneId),
}

impl BatchFailure {
    pub(in crate::ledger) fn record(id: &str, detail: impl Into<String>) -> Self {
        BatchFailure::Record { record: id.to_owned(), detail: detail.into() }
    }

    /// Checks an amount of a record; one out of range is the record's own fault.
    pub(in crate::ledger) fn check_amount(record: &str, amount: i64) -> Result<(), Self> {
        if (0..=AMOUNT_MAX).contains(&amount) {
            return Ok(());
        }
        Err(Self::record(record, format!("amount {amount} is out of range")))
    }

    /// True: the batch holds a record that can never be done.
    pub fn is_records_fault(&self) -> bool {
        match self {
            BatchFailure::Ledger(error) => !error.may_retry(),
            BatchFailure::Record { .. } => true,
            BatchFailure::Unbuilt(_) => false,
        }
    }

    /// For metrics: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            BatchFailure::Ledger(error) => error.label(),
            BatchFailure::Record { .. } => "record",
            BatchFailure::Unbuilt(_) => "unbuilt",
        }
    }
}

/// The rows that a batch concerns, with what has changed since they were read.
pub(in crate::ledger) struct Book {
    pub(in crate::ledger) lane: LaneId,
    pub(in crate::ledger) now_ms: Millis,
    /// As in [`Batch`].
    pub(in crate::ledger) unknown_ms: i64,
    pub(in crate::ledger) sheets: Sheets,
    pub(in crate::ledger) wallets: BTreeMap<UserId, Wallet>,
    /// The rows of the wallets as they were read; their changes are in `wallets`.
    pub(in crate::ledger) wallet_rows: Table<WalletRow>,
    /// Moves of refunds that may have to be undone.
    pub(in crate::ledger) moves: Table<MoveRow>,
    pub(in crate::ledger) coupons: Table<CouponRow>,
    /// The specs of the coupons at hand and of those asked for.
    pub(in crate::ledger) campaigns: campaign_version::SpecsByVersion,
    pub(in crate::ledger) journal: Journal,
    /// Every `order.placed` is rejected without a look at its price: see [`reject`].
    pub(in crate::ledger) rejects: bool,
    /// What the records tell the world, in their order.
    pub(in crate::ledger) told: Vec<Told>,
    pub(in crate::ledger) done: Table<DoneRow>,
    pub(in crate::ledger) dead: Table<DeadRow>,
    /// Orders with a record among the dead letters: their later records follow it.
    pub(in crate::ledger) parked: HashSet<OrderId>,
    /// Seats with a live ticket.
    pub(in crate::ledger) taken: HashSet<(EventId, i64)>,
    /// Holds with a live order.
    pub(in crate::ledger) held: HashSet<HoldId>,
    /// Holds that have or had an order, whatever became of it.
    pub(in crate::ledger) ordered: HashSet<HoldId>,
}

impl Book {
    fn new(batch: &Batch) -> Self {
        Self {
            lane: batch.lane,
            now_ms: batch.now_ms,
            unknown_ms: batch.unknown_ms,
            sheets: Sheets::new(),
            wallets: BTreeMap::new(),
            wallet_rows: Table::default(),
            moves: Table::default(),
            coupons: Table::default(),
            campaigns: campaign_version::SpecsByVersion::default(),
            journal: Journal::default(),
            rejects: false,
            told: Vec::new(),
            done: Table::default(),
            dead: Table::default(),
            parked: HashSet::new(),
            taken: HashSet::new(),
            held: HashSet::new(),
            ordered: HashSet::new(),
        }
    }

    /// The wallet of a user whose wallet was locked.
    pub(in crate::ledger) fn wallet(&mut self, user: &UserId) -> &mut Wallet {
        self.wallets.get_mut(user).expect("wallets concerned were locked first")
    }
}

#[cfg(test)]
mod tests;
