//! The account that the money of a deposit goes back to. A gateway writes it: the buyer is told at once whether it counts.

use sqlx::Row as _;

use super::{Ledger, Result};
use crate::facts::ids::{OrderId, RefundId};
use crate::facts::refund::RefundStatus;
use crate::facts::time::Millis;

/// What became of an account that a buyer named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountNamed {
    /// The money goes there.
    Done,
    /// This account, sealed, was named before, and the money may be on its way there.
    Known(String),
    /// The refund waits for no account.
    NotAwaited,
    /// The order has no such refund.
    NotFound,
}

impl Ledger {
    /// Notes where the money of a refund goes, if it waits for that. `account` is sealed. The refund is due now.
    pub async fn name_account(
        &self,
        order: &OrderId,
        refund: &RefundId,
        account: &str,
        now_ms: Millis,
    ) -> Result<AccountNamed> {
        let (order, refund, account) = (order.to_string(), refund.to_string(), account.to_owned());
        self.transaction(move |conn| {
            let (order, refund, account) = (order.clone(), refund.clone(), account.clone());
            Box::pin(async move {
                // Its lane's writer changes refunds, too. One of both waits for the other.
                let text = "UPDATE lane SET epoch = epoch WHERE lane = (SELECT lane FROM refund WHERE id = ?)";
                sqlx::query(text).bind(refund.clone()).execute(&mut *conn).await?;
                let awaited = RefundStatus::AwaitingAccount.as_str();
                let text = "UPDATE refund SET account = ?, due_ms = ? WHERE id = ? AND order_id = ? AND opened = 1 \
                     AND status = ? AND account IS NULL";
                let query = sqlx::query(text).bind(account).bind(now_ms).bind(refund.clone()).bind(order.clone());
                if query.bind(awaited).execute(&mut *conn).await?.rows_affected() == 1 {
                    return Ok(AccountNamed::Done);
                }
                let text = "SELECT account FROM refund WHERE id = ? AND order_id = ?";
                let row = sqlx::query(text).bind(refund).bind(order).fetch_optional(&mut *conn).await?;
                let Some(row) = row else { return Ok(AccountNamed::NotFound) };
                Ok(row.try_get::<Option<String>, _>(0)?.map_or(AccountNamed::NotAwaited, AccountNamed::Known))
            })
        })
        .await
    }
}
