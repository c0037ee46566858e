//! Points given by an operator.

use sqlx::Row as _;

use super::{AdminNote, open, store};
use crate::facts::ids::UserId;
use crate::facts::time::Millis;
use crate::ledger::journal::{self, Account, Title, Transaction};
use crate::ledger::rules::points::{LotOrigin, NewLot, WalletStep};
use crate::ledger::{Conn, Ledger, Result};

/// Arguments of [`Ledger::grant`].
#[derive(Debug, Clone)]
pub struct Grant {
    /// Names this grant for ever: it comes from the caller's Idempotency-Key. At most 56 characters.
    pub id: String,
    /// Digest of the request's body.
    pub digest: String,
    pub user: UserId,
    /// From 1 to `money::AMOUNT_MAX`.
    pub amount: i64,
    /// The house's; a point is worth one minor unit of it.
    pub currency: String,
    pub expires_ms: Option<Millis>,
    /// At most 255 characters.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// `balance` is the wallet's after the grant. A debt is paid from the grant first, so the balance may rise by less
    /// than the amount.
    Done { lot: String, balance: i64 },
    /// Granted before, by the same request; `balance` is the present one.
    Repeated { lot: String, balance: i64 },
    /// The id was used with another body.
    KeyReused,
}

impl Ledger {
    pub async fn grant(&self, grant: Grant, now_ms: Millis) -> Result<Granted> {
        self.transaction_again(move |tx| {
            let grant = grant.clone();
            Box::pin(async move { give(tx, &grant, now_ms).await })
        })
        .await
    }
}

async fn give(tx: &mut Conn, grant: &Grant, now_ms: Millis) -> Result<Granted> {
    let mut wallet = open(tx, &grant.user).await?;
    let before = wallet.balance();
    let lot = NewLot {
        origin: LotOrigin::Grant,
        amount: grant.amount,
        usable_ms: now_ms,
        expires_ms: grant.expires_ms,
        line: None,
    };
    let step = WalletStep { id: &grant.id, now_ms, order: None, refund: None };
    let lot = wallet.credit(step, lot).expect("an amount above 0 makes a lot");

    let known = sqlx::query("SELECT digest FROM point_move WHERE user_id = ? AND lot = ? AND kind = 'grant'");
    if let Some(row) = known.bind(grant.user.to_string()).bind(lot.clone()).fetch_optional(&mut *tx).await? {
        let same = row.try_get::<Option<String>, _>("digest")?.is_some_and(|digest| digest == grant.digest);
        return Ok(if same { Granted::Repeated { lot, balance: before } } else { Granted::KeyReused });
    }
    store(tx, &wallet, Some(AdminNote { digest: &grant.digest, reason: &grant.reason })).await?;

    // The liability rises by the whole amount: it is what users hold less their debts, and a part may pay a debt.
    let mut transaction = Transaction::default();
    transaction.post(Account::PointsExpense, grant.amount).post(Account::PointsLiability, -grant.amount);
    let title = Title { of: &grant.id, event: "granted", currency: &grant.currency, order: None, at_ms: now_ms };
    journal::write(tx, title, transaction).await?;
    Ok(Granted::Done { lot, balance: wallet.balance() })
}
