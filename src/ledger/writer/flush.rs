//! Writes a book back: for each table its changes, then its new rows, in a few statements.

use super::Book;
use super::sheet::Sheet;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{Account, Lot, Move};
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Result};

impl Book {
    pub(in crate::ledger) async fn flush(&mut self, conn: &mut Conn) -> Result<()> {
        self.flush_wallets(conn).await?;
        Table::flush(conn, self.sheets.values().map(Sheet::orders)).await?;
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.lines)).await?;
        // All orders' tickets in one flush, so that those given up come before new ones: a seat that becomes free in
        // this batch may be sold again in it.
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.tickets)).await?;
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.payments)).await?;
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.refunds)).await?;
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.refund_lines)).await?;
        Table::flush(conn, self.sheets.values().map(|sheet| &sheet.spends)).await?;
        Table::flush(conn, std::iter::once(&self.coupons)).await?;
        Table::flush(conn, std::iter::once(self.journal.postings())).await?;
        Table::flush(conn, std::iter::once(&self.facts)).await?;
        Table::flush(conn, std::iter::once(&self.done)).await?;
        Table::flush(conn, std::iter::once(&self.dead)).await
    }

    async fn flush_wallets(&mut self, conn: &mut Conn) -> Result<()> {
        for wallet in self.wallets.values() {
            let account = self.accounts.get_mut(&(wallet.user.clone(),)).expect("a wallet is of a locked account");
            *account = Account::of(wallet);
        }
        Table::flush(conn, std::iter::once(&self.accounts)).await?;
        let mut changed = Vec::new();
        let mut new = Vec::new();
        let mut moves = Vec::new();
        for wallet in self.wallets.values() {
            changed.extend(wallet.changed_lots().map(|lot| vec![Value::from(lot.id.as_str()), lot.remaining.into()]));
            new.extend(wallet.new_lots().map(|lot| Lot::of(lot, &wallet.user).values()));
            moves.extend(wallet.moves().iter().map(|step| Move::of(step, &wallet.user).values()));
        }
        if !changed.is_empty() {
            sql::update_case(conn, Lot::TABLE, Lot::KEY, Lot::CHANGING, &changed).await?;
        }
        sql::insert(conn, Lot::TABLE, Lot::COLUMNS, &new).await?;
        sql::insert(conn, Move::TABLE, Move::COLUMNS, &moves).await
    }
}
