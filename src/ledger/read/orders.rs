//! Orders as facts, exactly as the writer tells them to the lane.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{Cursor, ListPart, page};
use crate::facts::ids::{EventId, OrderId, UserId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::ledger::sheet::{Sheet, order_fact};
use crate::ledger::store::db::Statements;
use crate::ledger::store::row::Row as _;
use crate::ledger::store::rows::OrderRow;
use crate::ledger::store::sql::{Value, bind};
use crate::ledger::{Conn, ReadSource, Reader, Result, sheet};

/// Which orders an operator asks for. All conditions must hold; `None`: no condition.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only orders of this buyer.
    pub user: Option<UserId>,
    /// Only orders of this event.
    pub event: Option<EventId>,
    /// Only orders in this status.
    pub status: Option<OrderStatus>,
}

impl Reader {
    /// An order as the primary has it; `None`: the ledger does not have it (yet).
    pub async fn order(&self, order: &OrderId) -> Result<Option<OrderFact>> {
        let id = order.to_string();
        let found = self.read("order", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = format!("{} WHERE id = ?", OrderRow::select());
                let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
                facts(conn, &rows).await
            })
        });
        Ok(found.await?.pop())
    }

    /// A user's orders, the newest first, in parts as [`orders_where`](Self::orders_where) makes them.
    pub async fn orders_of(&self, user: &UserId, after: Option<Cursor>, limit: u32) -> Result<ListPart<OrderFact>> {
        let filter = OrderFilter { user: Some(user.clone()), ..OrderFilter::default() };
        let after = after.unwrap_or_else(Cursor::newest);
        self.read_of_user("orders_of", user, Statements::Several, move |conn| {
            let (filter, after) = (filter.clone(), after.clone());
            Box::pin(async move { list(conn, &filter, &after, limit).await })
        })
        .await
    }

    /// The orders that fit the filter, the newest first. The part begins behind `after` and has at most `limit` items.
    /// A replica may answer.
    pub async fn orders_where(
        &self,
        filter: OrderFilter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<ListPart<OrderFact>> {
        let after = after.unwrap_or_else(Cursor::newest);
        self.read("orders_where", ReadSource::Replica, move |conn| {
            Box::pin(async move { list(conn, &filter, &after, limit).await })
        })
        .await
    }
}

async fn list(conn: &mut Conn, filter: &OrderFilter, after: &Cursor, limit: u32) -> Result<ListPart<OrderFact>> {
    let (text, values) = filtered(filter, after, limit);
    let query = sqlx::query(AssertSqlSafe(text));
    let rows = values.iter().fold(query, |query, value| bind(query, value)).fetch_all(&mut *conn).await?;
    let found = facts(conn, &rows).await?;
    Ok(page(found, limit, |fact| Cursor { number: fact.placed_ms, id: fact.id.to_string() }))
}

fn filtered(filter: &OrderFilter, after: &Cursor, limit: u32) -> (String, Vec<Value>) {
    let OrderFilter { user, event, status } = filter;
    // The first condition is one that an index can serve; the second only breaks ties.
    let mut text = format!("{} WHERE placed_ms <= ? AND (placed_ms < ? OR id < ?)", OrderRow::select());
    let mut values: Vec<Value> = vec![after.number.into(), after.number.into(), after.id.as_str().into()];
    let wanted = [
        ("user_id", user.as_ref().map(UserId::as_str)),
        ("event", event.as_ref().map(EventId::as_str)),
        ("status", status.map(OrderStatus::as_str)),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            text += &format!(" AND {column} = ?");
            values.push(value.into());
        }
    }
    text += " ORDER BY placed_ms DESC, id DESC LIMIT ?";
    values.push((i64::from(limit) + 1).into());
    (text, values)
}

/// The facts of these rows of `orders`, in their order.
async fn facts(conn: &mut Conn, rows: &[AnyRow]) -> Result<Vec<OrderFact>> {
    Ok(sheets(conn, rows).await?.iter().map(order_fact).collect())
}

/// The sheets of these rows of `orders`, in their order, as far as facts need them.
pub(super) async fn sheets(conn: &mut Conn, rows: &[AnyRow]) -> Result<Vec<Sheet>> {
    let orders: Vec<OrderRow> = rows.iter().map(OrderRow::read).collect::<Result<_>>()?;
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id.clone()).collect();
    let mut sheets = sheet::shown(conn, orders.into_iter()).await?;
    Ok(ids.iter().filter_map(|id| sheets.remove(id)).collect())
}
