//! Points whose time is over are written off.

use sqlx::Row as _;

use super::{open, store};
use crate::facts::ids::{LaneId, UserId};
use crate::facts::notice::{Notice, NoticeKind, Told};
use crate::facts::time::Millis;
use crate::ledger::journal::{self, Account, Title, Transaction};
use crate::ledger::rules::points::{LotId, WalletStep};
use crate::ledger::{Conn, Ledger, ReadSource, Result, outbox};

impl Ledger {
    /// Writes off the points of at most `users` wallets whose time is over. Returns how many wallets it looked at: with
    /// fewer than `users` no more are left. After a crash the next call goes on. A wallet that fails does not hold up the
    /// others; the last failure is returned.
    pub async fn expire_points(&self, currency: &str, users: u32, now_ms: Millis) -> Result<usize> {
        let lapsed = self.read_one("lapsed_wallets", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT user_id FROM wallet WHERE lapse_ms <= ? ORDER BY lapse_ms LIMIT ?";
                let rows = sqlx::query(text).bind(now_ms).bind(i64::from(users)).fetch_all(conn).await?;
                rows.iter().map(|row| Ok(UserId::from(row.try_get::<String, _>(0)?))).collect::<Result<Vec<_>>>()
            })
        });
        let lapsed = lapsed.await?;
        let mut done = Ok(lapsed.len());
        for user in lapsed {
            let currency = currency.to_owned();
            let expired = self.transaction_again(move |tx| {
                let (user, currency) = (user.clone(), currency.clone());
                Box::pin(async move { expire(tx, &user, &currency, now_ms).await })
            });
            if let Err(error) = expired.await {
                done = Err(error);
            }
        }
        done
    }
}

/// Each lot expires in a transaction of the journal that is named after it: a lot expires once.
async fn expire(tx: &mut Conn, user: &UserId, currency: &str, now_ms: Millis) -> Result<()> {
    let mut wallet = open(tx, user).await?;
    let is_over = |lot: &&crate::ledger::rules::points::Lot| lot.remaining > 0 && lot.is_expired(now_ms);
    let over: Vec<(LotId, i64)> = wallet.lots().filter(is_over).map(|lot| (lot.id.clone(), lot.remaining)).collect();
    for (lot, amount) in &over {
        // A move's id is its step's, a slash, and a number.
        let of = lot.replace('/', "-");
        let step = format!("{of}.expired");
        wallet.expire_lot(WalletStep { id: &step, now_ms, order: None, refund: None }, lot);
        let mut transaction = Transaction::default();
        transaction.post(Account::PointsLiability, *amount).post(Account::PointsExpired, -amount);
        let title = Title { of: &of, event: "expired", currency, order: None, at_ms: now_ms };
        journal::write(tx, title, transaction).await?;
    }
    wallet.find_lapse();
    store(tx, &wallet, None).await?;
    let amount: i64 = over.iter().map(|(_, amount)| amount).sum();
    if amount == 0 {
        return Ok(());
    }
    let kind = NoticeKind::PointsExpired;
    let notice = Notice::Points { kind, user: user.clone(), amount: -amount, order: None, refund: None };
    outbox::tell(tx, LaneId::OF_THE_HOUSE, now_ms, &[Told { order: None, notices: vec![notice] }]).await
}
