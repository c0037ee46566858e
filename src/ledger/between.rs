//! What may stand between the ledger and its database: nothing, but where a test plays a database that fails.

use std::pin::Pin;

use super::Result;

/// A call to the database. Its caller keeps the answer.
pub type Call<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// Stands between the ledger and its database.
pub trait Between: Send + Sync {
    /// `Err`: the call never reaches the database.
    fn before(&self) -> Result<()>;
    /// `Err`: the transaction is rolled back instead of committed.
    fn at_commit(&self) -> Result<()>;
    /// `Err`: the call was done, and its answer lost.
    fn after(&self) -> Result<()>;
    /// Makes the call, and returns when it has ended.
    fn carry<'c>(&self, call: Call<'c>) -> Call<'c>;
}
