//! Points given by an operator: the one write of points that does not come through a lane's log.

use sqlx::Row as _;

use super::journal::{Account, Title, Transaction};
use crate::facts::ids::UserId;
use crate::facts::time::Millis;
use crate::ledger::rules::points::{Lot, LotOrigin, Move, NewLot, Wallet, WalletStep};
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Cause, Conn, Error, Ledger, Result, journal};

/// How often a grant is tried, when another one makes the same wallet at the same time or locks are contended.
const TRIES: u32 = 5;

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
        let mut left = TRIES;
        loop {
            left -= 1;
            let grant = grant.clone();
            let done = self.transaction(move |tx| Box::pin(async move { give(tx, &grant, now_ms).await })).await;
            match done {
                Err(Error::Database { cause: Cause::Duplicate | Cause::Contention, .. }) if left > 0 => {}
                done => return done,
            }
        }
    }
}

async fn give(tx: &mut Conn, grant: &Grant, now_ms: Millis) -> Result<Granted> {
    let user = grant.user.as_str();
    lock(tx, user).await?;
    let row = sqlx::query("SELECT balance, debt FROM wallet WHERE user_id = ?");
    let row = row.bind(user.to_owned()).fetch_one(&mut *tx).await?;
    let (balance, debt) = (row.try_get("balance")?, row.try_get("debt")?);

    let lot = NewLot {
        origin: LotOrigin::Grant,
        amount: grant.amount,
        usable_ms: now_ms,
        expires_ms: grant.expires_ms,
        line: None,
    };
    let mut wallet = Wallet::new(grant.user.clone(), balance, debt, Vec::new());
    let step = WalletStep { id: &grant.id, now_ms, order: None, refund: None };
    let lot = wallet.credit(step, lot).expect("an amount above 0 makes a lot");

    let known = sqlx::query("SELECT digest FROM point_move WHERE user_id = ? AND lot = ? AND kind = 'grant'");
    if let Some(row) = known.bind(user.to_owned()).bind(lot.clone()).fetch_optional(&mut *tx).await? {
        let same = row.try_get::<Option<String>, _>("digest")?.is_some_and(|digest| digest == grant.digest);
        return Ok(if same { Granted::Repeated { lot, balance } } else { Granted::KeyReused });
    }
    store(tx, grant, &wallet, now_ms).await?;
    Ok(Granted::Done { lot, balance: wallet.balance() })
}

/// Takes the row lock of the wallet, making the wallet if need be.
async fn lock(tx: &mut Conn, user: &str) -> Result<()> {
    let lock = sqlx::query("UPDATE wallet SET version = version + 1 WHERE user_id = ?");
    if lock.bind(user.to_owned()).execute(&mut *tx).await?.rows_affected() == 0 {
        let row = vec![user.into(), Value::Int(1), Value::Int(0), Value::Int(0)];
        sql::insert(tx, "wallet", &["user_id", "version", "balance", "debt"], &[row]).await?;
    }
    Ok(())
}

async fn store(tx: &mut Conn, grant: &Grant, wallet: &Wallet, now_ms: Millis) -> Result<()> {
    let lots: Vec<_> = wallet.new_lots().map(|lot| lot_row(&wallet.user, lot)).collect();
    let columns = ["id", "user_id", "origin", "granted", "remaining", "usable_ms", "expires_ms", "created_ms"];
    sql::insert(tx, "point_lot", &columns, &lots).await?;

    let moves: Vec<_> = wallet.moves().iter().map(|step| move_row(grant, step)).collect();
    let columns = ["id", "user_id", "at_ms", "kind", "amount", "lot", "digest", "reason"];
    sql::insert(tx, "point_move", &columns, &moves).await?;

    let query = sqlx::query("UPDATE wallet SET balance = ?, debt = ? WHERE user_id = ?");
    query.bind(wallet.balance()).bind(wallet.debt).bind(wallet.user.to_string()).execute(&mut *tx).await?;

    // The liability rises by the whole amount: it is what users hold less their debts, and a part may pay a debt.
    let mut transaction = Transaction::default();
    transaction.post(Account::PointsExpense, grant.amount).post(Account::PointsLiability, -grant.amount);
    let title = Title { of: &grant.id, event: "granted", currency: &grant.currency, order: None, at_ms: now_ms };
    journal::write(tx, title, transaction).await
}

fn lot_row(user: &UserId, lot: &Lot) -> Vec<Value> {
    vec![
        lot.id.as_str().into(),
        user.as_str().into(),
        lot.origin.as_str().into(),
        lot.granted.into(),
        lot.remaining.into(),
        lot.usable_ms.into(),
        lot.expires_ms.into(),
        lot.created_ms.into(),
    ]
}

fn move_row(grant: &Grant, step: &Move) -> Vec<Value> {
    vec![
        step.id.as_str().into(),
        grant.user.as_str().into(),
        step.at_ms.into(),
        step.kind.as_str().into(),
        step.amount.into(),
        step.lot.as_str().into(),
        grant.digest.as_str().into(),
        grant.reason.as_str().into(),
    ]
}
