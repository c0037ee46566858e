//! Points that an admin takes back, because they were given wrongly.

use sqlx::Row as _;

use super::{AdminNote, open, store};
use crate::facts::ids::UserId;
use crate::facts::time::Millis;
use crate::ledger::journal::{self, Account, Title, Transaction};
use crate::ledger::rules::points::WalletStep;
use crate::ledger::store::sql;
use crate::ledger::{Conn, Ledger, Result};

/// Arguments of [`Ledger::correct_points`].
#[derive(Debug, Clone)]
pub struct Correction {
    /// Names this correction for ever: it comes from the caller's Idempotency-Key. At most 56 characters.
    pub id: String,
    /// Digest of the request's body.
    pub digest: String,
    pub user: UserId,
    /// How many are taken: from 1 to `money::AMOUNT_MAX`.
    pub amount: i64,
    /// The house's; a point is worth one minor unit of it.
    pub currency: String,
    /// At most 255 characters.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrected {
    /// Taken. What was not there is owed: points that come in later pay it first. Both are the wallet's present ones.
    Done { balance: i64, debt: i64 },
    /// Taken before, by the same request; both are the present ones.
    Repeated { balance: i64, debt: i64 },
    /// The id was used with another body.
    KeyReused,
}

impl Ledger {
    pub async fn correct_points(&self, correction: Correction, now_ms: Millis) -> Result<Corrected> {
        self.transaction_again(move |tx| {
            let correction = correction.clone();
            Box::pin(async move { take(tx, &correction, now_ms).await })
        })
        .await
    }
}

async fn take(tx: &mut Conn, ask: &Correction, now_ms: Millis) -> Result<Corrected> {
    let mut wallet = open(tx, &ask.user).await?;
    let known = sqlx::query("SELECT digest FROM point_correction WHERE id = ?").bind(ask.id.clone());
    if let Some(row) = known.fetch_optional(&mut *tx).await? {
        let same = row.try_get::<String, _>("digest")? == ask.digest;
        let repeated = Corrected::Repeated { balance: wallet.balance(), debt: wallet.debt };
        return Ok(if same { repeated } else { Corrected::KeyReused });
    }
    let row = vec![
        ask.id.as_str().into(),
        ask.user.as_str().into(),
        ask.amount.into(),
        ask.digest.as_str().into(),
        ask.reason.as_str().into(),
        now_ms.into(),
    ];
    sql::insert(tx, "point_correction", &["id", "user_id", "amount", "digest", "reason", "at_ms"], &[row]).await?;

    let step = format!("{}.corrected", ask.id);
    wallet.correct(WalletStep { id: &step, now_ms, order: None, refund: None }, ask.amount);
    store(tx, &wallet, Some(AdminNote { digest: &ask.digest, reason: &ask.reason })).await?;
    let mut transaction = Transaction::default();
    transaction.post(Account::PointsLiability, ask.amount).post(Account::PointsExpense, -ask.amount);
    let title = Title { of: &ask.id, event: "corrected", currency: &ask.currency, order: None, at_ms: now_ms };
    journal::write(tx, title, transaction).await?;
    Ok(Corrected::Done { balance: wallet.balance(), debt: wallet.debt })
}
