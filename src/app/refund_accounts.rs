//! Notes the accounts that deposits go back to.

use async_trait::async_trait;

use super::operator::House;
use crate::edge::operator::PartFault;
use crate::edge::refund_accounts::RefundAccounts;
use crate::facts::ids::{OrderId, RefundId};
use crate::ledger::AccountNamed;

#[async_trait]
impl RefundAccounts for House {
    async fn name_account(&self, order: &OrderId, refund: &RefundId, sealed: &str) -> Result<AccountNamed, PartFault> {
        Ok(self.ledger.name_account(order, refund, sealed, self.clock.now_ms()).await?)
    }
}
