//! Transactions that are tried again when they meet others.

use super::db::{Conn, Ledger, Work};
use crate::ledger::{Cause, Error, Result};

/// How often a transaction is tried in all.
const TRIES: u32 = 5;

impl Ledger {
    /// As [`Ledger::transaction`]. Tried again when another transaction inserted the same row first, or when locks were
    /// contended.
    pub(in crate::ledger) async fn transaction_again<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> Work<'c, T> + Clone + Send + 'static,
    {
        let mut left = TRIES;
        loop {
            left -= 1;
            match self.transaction(work.clone()).await {
                Err(Error::Database { cause: Cause::Duplicate | Cause::Contention, .. }) if left > 0 => {}
                done => return done,
            }
        }
    }
}
