//! Reads orders with their rows, with a few `IN` queries a table.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sheet, SheetOrigin};
use crate::facts::ids::{OrderId, RefundId};
use crate::ledger::rules::terms::Frozen;
use crate::ledger::store::row::{Row, Table};
use crate::ledger::store::rows::{LineRow, OrderRow, PaymentRow, RefundLineRow, RefundRow, SpendRow, TicketRow};
use crate::ledger::store::sql::{Value, texts};
use crate::ledger::{Conn, Error, Result};

/// Orders that the database has, by their ids.
pub(in crate::ledger) type Sheets = BTreeMap<OrderId, Sheet>;

/// Reads the orders with these ids, each with all its rows. Those that the database does not have are missing.
pub(in crate::ledger) async fn load(conn: &mut Conn, ids: &BTreeSet<OrderId>) -> Result<Sheets> {
    let mut orders = Table::<OrderRow>::default();
    orders.load(conn, "id", &texts(ids.iter().map(OrderId::as_str)), "").await?;
    let mut sheets = shown(conn, orders.iter().cloned()).await?;
    let keys = texts(sheets.keys().map(OrderId::as_str));
    attach(conn, &mut sheets, &keys, |row: &SpendRow| &row.order_id, |sheet| &mut sheet.spends).await?;

    let refunds = sheets.values().flat_map(|sheet| sheet.refunds.iter());
    let order_of: BTreeMap<RefundId, OrderId> = refunds.map(|row| (row.id.clone(), row.order_id.clone())).collect();
    let mut lines = Table::<RefundLineRow>::default();
    lines.load(conn, "refund", &texts(order_of.keys().map(RefundId::as_str)), "").await?;
    for line in lines.iter() {
        stored(&mut sheets, &order_of[&line.refund]).refund_lines.loaded(line.clone());
    }
    Ok(sheets)
}

/// The sheets of these orders, as far as the order's fact needs them: without points spent and the lines of refunds.
pub(in crate::ledger) async fn shown(conn: &mut Conn, orders: impl Iterator<Item = OrderRow>) -> Result<Sheets> {
    let mut sheets = Sheets::new();
    for order in orders {
        let terms = frozen(&order)?;
        sheets.insert(order.id.clone(), Sheet::new(order, terms, SheetOrigin::Stored));
    }
    let keys = texts(sheets.keys().map(OrderId::as_str));
    attach(conn, &mut sheets, &keys, |row: &LineRow| &row.order_id, |sheet| &mut sheet.lines).await?;
    attach(conn, &mut sheets, &keys, |row: &TicketRow| &row.order_id, |sheet| &mut sheet.tickets).await?;
    attach(conn, &mut sheets, &keys, |row: &PaymentRow| &row.order_id, |sheet| &mut sheet.payments).await?;
    attach(conn, &mut sheets, &keys, |row: &RefundRow| &row.order_id, |sheet| &mut sheet.refunds).await?;
    Ok(sheets)
}

/// Reads the rows of one table that belong to these orders, and puts each on its order's sheet.
async fn attach<R: Row>(
    conn: &mut Conn,
    sheets: &mut Sheets,
    orders: &[Value],
    order_of: fn(&R) -> &OrderId,
    table_of: fn(&mut Sheet) -> &mut Table<R>,
) -> Result<()> {
    let mut rows = Table::<R>::default();
    rows.load(conn, "order_id", orders, "").await?;
    for row in rows.iter() {
        table_of(stored(sheets, order_of(row))).loaded(row.clone());
    }
    Ok(())
}

fn stored<'s>(sheets: &'s mut Sheets, order: &OrderId) -> &'s mut Sheet {
    sheets.get_mut(order).expect("its order was read first")
}

/// The frozen terms of a stored order.
fn frozen(order: &OrderRow) -> Result<Frozen> {
    serde_json::from_str(&order.terms).map_err(|error| Error::Unreadable {
        table: "orders",
        column: "terms",
        key: order.id.to_string(),
        detail: error.to_string(),
    })
}
