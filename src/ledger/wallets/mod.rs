//! Points that move without a lane's record: an admin gives or takes them, or their time is over.
//!
//! A wallet's row is locked first, so that these steps and the lanes' writers follow each other.

mod correction;
mod expiry;
mod grant;

pub use correction::{Corrected, Correction};
pub use grant::{Grant, Granted};

use super::rules::points::{Move, MoveKind, Wallet};
use super::store::column::Column as _;
use super::store::row::{Row as _, Table};
use super::store::rows::{LotRow, MoveRow, WalletRow};
use super::store::sql::{self, Value, texts};
use super::{Conn, Result};
use crate::facts::ids::UserId;

/// A locked wallet, made if need be, with its lots that have something left.
async fn open(tx: &mut Conn, user: &UserId) -> Result<Wallet> {
    let lock = sqlx::query("UPDATE wallet SET version = version + 1 WHERE user_id = ?").bind(user.to_string());
    if lock.execute(&mut *tx).await?.rows_affected() == 0 {
        let row = vec![user.as_str().into(), Value::Int(1), Value::Int(0), Value::Int(0)];
        sql::insert(tx, WalletRow::TABLE, &["user_id", "version", "balance", "debt"], &[row]).await?;
    }
    let key = texts([user.as_str()]);
    let mut rows = Table::<WalletRow>::default();
    rows.load(tx, "user_id", &key, "").await?;
    let row = rows.get(&(user.clone(),)).expect("it is locked");
    let mut lots = Table::<LotRow>::default();
    lots.load(tx, "user_id", &key, "AND remaining > 0").await?;
    let lots = lots.iter().map(LotRow::arithmetic).collect::<Result<Vec<_>>>()?;
    Ok(Wallet::new(user.clone(), row.balance, row.debt, lots).lapsing(row.lapse_ms))
}

/// Why an admin changed a wallet; it stands in the moves that the admin caused.
#[derive(Debug, Clone, Copy)]
struct AdminNote<'s> {
    digest: &'s str,
    reason: &'s str,
}

/// Stores what has changed of a wallet since it was opened.
async fn store(tx: &mut Conn, wallet: &Wallet, note: Option<AdminNote<'_>>) -> Result<()> {
    let changed = wallet.changed_lots().map(|lot| vec![Value::from(lot.id.as_str()), lot.remaining.into()]);
    let changed: Vec<_> = changed.collect();
    if !changed.is_empty() {
        sql::update_case(tx, LotRow::TABLE, LotRow::KEY, LotRow::CHANGING, &changed).await?;
    }
    let new: Vec<_> = wallet.new_lots().map(|lot| LotRow::of(lot, &wallet.user).values()).collect();
    sql::insert(tx, LotRow::TABLE, LotRow::COLUMNS, &new).await?;
    let row = |step: &Move| {
        let note = note.filter(|_| matches!(step.kind, MoveKind::Grant | MoveKind::Correct | MoveKind::Debt));
        let mut values = MoveRow::of(step, &wallet.user).values();
        values.push(note.map(|note| note.digest.to_owned()).value());
        values.push(note.map(|note| note.reason.to_owned()).value());
        values
    };
    let columns: Vec<&str> = MoveRow::COLUMNS.iter().copied().chain(["digest", "reason"]).collect();
    sql::insert(tx, MoveRow::TABLE, &columns, &wallet.moves().iter().map(row).collect::<Vec<_>>()).await?;
    let query = sqlx::query("UPDATE wallet SET balance = ?, debt = ?, lapse_ms = ? WHERE user_id = ?");
    let query = query.bind(wallet.balance()).bind(wallet.debt).bind(wallet.lapse_ms()).bind(wallet.user.to_string());
    query.execute(tx).await?;
    Ok(())
}
