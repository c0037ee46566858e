//! What may stand between the ledger and its database: only tests put something there, to simulate a failing database.

use std::pin::Pin;

use crate::ledger::Result;

/// A call to the database. Its caller keeps the answer.
pub type DatabaseCall<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// Stands between the ledger and its database.
pub trait Between: Send + Sync {
    /// `Err`: the call never reaches the database.
    fn before(&self) -> Result<()>;
    /// `Err`: the transaction is rolled back instead of committed.
    fn at_commit(&self) -> Result<()>;
    /// `Err`: the call was done, but its answer is lost.
    fn after(&self) -> Result<()>;
    /// Makes the call, and returns when it has ended.
    fn carry<'c>(&self, call: DatabaseCall<'c>) -> DatabaseCall<'c>;
}
