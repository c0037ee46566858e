//! The accounts that deposits go back to. `app` implements this, because the edge itself writes nothing to the ledger.

use async_trait::async_trait;

use super::operator::PartFault;
use crate::facts::ids::{OrderId, RefundId};
use crate::ledger::AccountNamed;

#[async_trait]
pub trait RefundAccounts: Send + Sync + 'static {
    /// Notes where the money of a refund goes, if it waits for that. `sealed`: the account.
    async fn name_account(&self, order: &OrderId, refund: &RefundId, sealed: &str) -> Result<AccountNamed, PartFault>;
}
