//! What payment providers pay out to the house, and the fees they keep. It stands in the journal alone.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::journal::{self, Account, Title, Transaction};
use super::read::{Cursor, ListPart, page};
use super::{Conn, Error, Ledger, ReadSource, Reader, Result};
use crate::facts::time::Millis;

/// A payout, as its provider reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutAsk {
    /// Name of the provider.
    pub provider: String,
    /// Names the payout among those of its provider. At most 48 characters.
    pub reference: String,
    /// What reached the bank, minor units; below zero: what the house paid back.
    pub amount: i64,
    /// What the provider kept, minor units; below zero: what it gave back of its fees.
    pub fee: i64,
    /// The house's.
    pub currency: String,
}

/// A payout in the journal. Amounts as in [`PayoutAsk`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayout {
    pub provider: String,
    pub reference: String,
    pub amount: i64,
    pub fee: i64,
    pub currency: String,
    /// When it was booked.
    pub at_ms: Millis,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaidOut {
    Booked(ProviderPayout),
    /// It was booked before, with the same amounts.
    Repeated(ProviderPayout),
    /// It was booked before, with other amounts.
    Differs(ProviderPayout),
    /// Nobody ever paid through this provider.
    UnknownProvider,
}

/// The last word of a payout's transaction.
const EVENT: &str = "paid_out";

/// Payouts, each made of its entries. The condition and the order follow.
const SELECT: &str = "SELECT transaction_id, MAX(currency) AS currency, MAX(at_ms) AS at_ms, \
     CAST(SUM(CASE WHEN account = 'payouts' THEN amount ELSE 0 END) AS SIGNED) AS amount, \
     CAST(SUM(CASE WHEN account LIKE 'provider_fees:%' THEN amount ELSE 0 END) AS SIGNED) AS fee FROM journal_entry";

impl Ledger {
    /// Books a payout. A repeat changes nothing.
    pub async fn provider_payout(&self, ask: PayoutAsk, now_ms: Millis) -> Result<PaidOut> {
        self.transaction_again(move |tx| {
            let ask = ask.clone();
            Box::pin(async move { book(tx, &ask, now_ms).await })
        })
        .await
    }
}

async fn book(tx: &mut Conn, ask: &PayoutAsk, now_ms: Millis) -> Result<PaidOut> {
    let receivable = Account::ProviderReceivable(ask.provider.clone());
    let known = sqlx::query("SELECT account FROM journal_entry WHERE account = ? LIMIT 1").bind(receivable.text());
    if known.fetch_optional(&mut *tx).await?.is_none() {
        return Ok(PaidOut::UnknownProvider);
    }
    let name = format!("{}.{}", ask.provider, ask.reference);
    let text = format!("{SELECT} WHERE transaction_id = ? GROUP BY transaction_id");
    let before = sqlx::query(sqlx::AssertSqlSafe(text)).bind(format!("{name}.{EVENT}"));
    if let Some(row) = before.fetch_optional(&mut *tx).await? {
        let before = read(&row, &ask.provider)?;
        let is_same = (before.amount, before.fee) == (ask.amount, ask.fee);
        return Ok(if is_same { PaidOut::Repeated(before) } else { PaidOut::Differs(before) });
    }
    let mut transaction = Transaction::default();
    transaction
        .post(receivable, -(ask.amount + ask.fee))
        .post(Account::Payouts, ask.amount)
        .post(Account::ProviderFees(ask.provider.clone()), ask.fee);
    let title = Title { of: &name, event: EVENT, currency: &ask.currency, order: None, at_ms: now_ms };
    journal::write(tx, title, transaction).await?;
    let PayoutAsk { provider, reference, amount, fee, currency } = ask.clone();
    Ok(PaidOut::Booked(ProviderPayout { provider, reference, amount, fee, currency, at_ms: now_ms }))
}

impl Reader {
    /// A provider's payouts, by their references. The part begins behind `after` and has at most `limit` items. It comes
    /// from the primary.
    pub async fn provider_payouts(
        &self,
        provider: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<ProviderPayout>> {
        let provider = provider.to_owned();
        // The texts between "toss." and "toss/" begin with "toss.".
        let first = after.map_or_else(|| format!("{provider}."), |after| after.id);
        self.read_one("provider_payouts", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!(
                    "{SELECT} WHERE transaction_id > ? AND transaction_id < ? AND transaction_id LIKE '%.paid_out' \
                     GROUP BY transaction_id ORDER BY transaction_id LIMIT ?"
                );
                let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(first).bind(format!("{provider}/"));
                let rows = query.bind(i64::from(limit) + 1).fetch_all(conn).await?;
                let payouts = rows.iter().map(|row| read(row, &provider)).collect::<Result<Vec<_>>>()?;
                Ok(page(payouts, limit, |payout| Cursor {
                    number: 0,
                    id: format!("{}.{}.{EVENT}", payout.provider, payout.reference),
                }))
            })
        })
        .await
    }
}

fn read(row: &AnyRow, provider: &str) -> Result<ProviderPayout> {
    let id: String = row.try_get("transaction_id")?;
    let reference = id.strip_prefix(provider).and_then(|rest| rest.strip_prefix('.'));
    let reference = reference.and_then(|rest| rest.strip_suffix(EVENT)).and_then(|rest| rest.strip_suffix('.'));
    let unreadable = || Error::Unreadable {
        table: "journal_entry",
        column: "transaction_id",
        key: id.clone(),
        detail: "not a payout's".to_owned(),
    };
    Ok(ProviderPayout {
        provider: provider.to_owned(),
        reference: reference.ok_or_else(unreadable)?.to_owned(),
        amount: row.try_get("amount")?,
        fee: row.try_get("fee")?,
        currency: row.try_get("currency")?,
        at_ms: row.try_get("at_ms")?,
    })
}
