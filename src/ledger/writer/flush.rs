//! Writes a book back: for each table its changes, then its new rows, in a few statements.

use super::Book;
use crate::ledger::sheet::Sheet;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{LotRow, MoveRow, WalletRow};
use crate::ledger::store::sql;
use crate::ledger::store::sql::Value;
use crate::ledger::{Conn, Result, outbox};

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
        outbox::tell(conn, self.lane, self.now_ms, &self.told).await?;
        Table::flush(conn, std::iter::once(&self.done)).await?;
        Table::flush(conn, std::iter::once(&self.dead)).await
    }

    async fn flush_wallets(&mut self, conn: &mut Conn) -> Result<()> {
        for wallet in self.wallets.values() {
            let row = self.wallet_rows.get_mut(&(wallet.user.clone(),)).expect("a wallet is of a locked row");
            *row = WalletRow::of(wallet);
        }
        Table::flush(conn, std::iter::once(&self.wallet_rows)).await?;
        let mut changed = Vec::new();
        let mut new = Vec::new();
        let mut moves = Vec::new();
        for wallet in self.wallets.values() {
            changed.extend(wallet.changed_lots().map(|lot| vec![Value::from(lot.id.as_str()), lot.remaining.into()]));
            new.extend(wallet.new_lots().map(|lot| LotRow::of(lot, &wallet.user).values()));
            moves.extend(wallet.moves().iter().map(|step| MoveRow::of(step, &wallet.user).values()));
        }
        if !changed.is_empty() {
            sql::update_case(conn, LotRow::TABLE, LotRow::KEY, LotRow::CHANGING, &changed).await?;
        }
        sql::insert(conn, LotRow::TABLE, LotRow::COLUMNS, &new).await?;
        sql::insert(conn, MoveRow::TABLE, MoveRow::COLUMNS, &moves).await
    }
}
