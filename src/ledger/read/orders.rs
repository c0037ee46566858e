//! Orders as facts, exactly as the writer tells them to the lane.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::row::{Cells, cells};
use super::{Cursor, ListPart, page};
use crate::facts::ids::{CampaignId, CouponRef, EventId, HoldId, OrderId, UserId};
use crate::facts::order::{LineFact, OrderFact, OrderStatus, PaymentFact, Reason, TicketFact, TicketState, TotalFact};
use crate::facts::refund::RefundStatus;
use crate::facts::terms::Terms;
use crate::ledger::store::sql::{Value, bind, fetch_in};
use crate::ledger::{Conn, ReadSource, Reader, Result};

/// Columns of [`order_row`].
pub(super) const ORDER: &str = "SELECT id, event, user_id, hold, digest, status, reason, version, currency, \
     price, discount, points, cash, coupon_campaign, coupon_number, coupon_version, placed_ms, confirmed_ms, deadline_ms, \
     visitor, earn_bp, fee_bp, hold_created_ms, hold_digest, held_until_ms, terms FROM orders";

const LINE: &str = "SELECT order_id, line, seat, price, discount, points, cash, earn, refunded, closed \
     FROM order_line WHERE order_id IN";

const TICKET: &str = "SELECT id, order_id, line, state FROM ticket WHERE order_id IN";

const PAYMENT: &str = "SELECT id, order_id, provider, amount, status FROM payment WHERE order_id IN";

const REFUNDED: &str = "SELECT id, order_id, status, cash FROM refund WHERE order_id IN";

/// The text of `ticket.state` while its order is not paid: the ticket guards the seat and belongs to nobody yet.
pub(super) const RESERVED: &str = "reserved";

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
                let text = format!("{ORDER} WHERE id = ?");
                let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *conn).await?;
                facts(conn, &rows).await
            })
        });
        Ok(found.await?.pop())
    }

    /// A user's orders, the newest first, in parts as [`orders_where`](Self::orders_where) makes them.
    pub async fn orders_of(&self, user: &UserId, after: Option<Cursor>, limit: u32) -> Result<ListPart<OrderFact>> {
        let filter = OrderFilter { user: Some(user.clone()), ..OrderFilter::default() };
        self.orders_where(filter, after, limit).await
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
            Box::pin(async move {
                let (text, values) = filtered(&filter, &after, limit);
                let query = sqlx::query(AssertSqlSafe(text));
                let rows = values.iter().fold(query, |query, value| bind(query, value)).fetch_all(&mut *conn).await?;
                let found = facts(conn, &rows).await?;
                Ok(page(found, limit, |fact| Cursor { number: fact.placed_ms, id: fact.id.to_string() }))
            })
        })
        .await
    }
}

fn filtered(filter: &OrderFilter, after: &Cursor, limit: u32) -> (String, Vec<Value>) {
    let OrderFilter { user, event, status } = filter;
    // The first condition is one that an index can serve; the second only breaks ties.
    let mut text = format!("{ORDER} WHERE placed_ms <= ? AND (placed_ms < ? OR id < ?)");
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

/// The facts of these rows, in their order.
pub(super) async fn facts(conn: &mut Conn, rows: &[AnyRow]) -> Result<Vec<OrderFact>> {
    let mut facts: Vec<OrderFact> = cells("orders", rows).map(|row| order_row(&row)).collect::<Result<_>>()?;
    let keys: Vec<Value> = facts.iter().map(|fact| fact.id.as_str().into()).collect();
    let at: HashMap<String, usize> = facts.iter().enumerate().map(|(at, fact)| (fact.id.to_string(), at)).collect();

    let lines = fetch_in(conn, LINE, &keys, "ORDER BY order_id, line").await?;
    for row in cells("order_line", &lines) {
        facts[at[&row.text("order_id")?]].lines.push(line_row(&row)?);
    }
    let tickets = fetch_in(conn, TICKET, &keys, "").await?;
    for row in cells("ticket", &tickets) {
        show_ticket(&mut facts[at[&row.text("order_id")?]], &row)?;
    }
    let payments = fetch_in(conn, PAYMENT, &keys, "ORDER BY order_id, created_ms, id").await?;
    for row in cells("payment", &payments) {
        add_attempt(&mut facts[at[&row.text("order_id")?]], &row)?;
    }
    let refunds = fetch_in(conn, REFUNDED, &keys, "").await?;
    for row in cells("refund", &refunds) {
        let done = row.word("status", RefundStatus::parse)? == RefundStatus::Done;
        if let (Some(payment), true) = (&mut facts[at[&row.text("order_id")?]].payment, done) {
            payment.cancelled += row.int("cash")?;
        }
    }
    Ok(facts)
}

fn order_row(row: &Cells<'_>) -> Result<OrderFact> {
    let coupon = row.text_or_null("coupon_campaign")?.zip(row.int_or_null("coupon_number")?);
    let version = row.int_or_null("coupon_version")?.unwrap_or(0);
    Ok(OrderFact {
        id: OrderId::from(row.text("id")?),
        event: EventId::from(row.text("event")?),
        user: UserId::from(row.text("user_id")?),
        hold: HoldId::from(row.text("hold")?),
        digest: row.text("digest")?,
        status: row.word("status", OrderStatus::parse)?,
        reason: row.word_or_null("reason", Reason::parse)?,
        version: row.int("version")?,
        currency: row.text("currency")?,
        lines: Vec::new(),
        total: Some(TotalFact {
            price: row.int("price")?,
            discount: row.int("discount")?,
            points: row.int("points")?,
            cash: row.int("cash")?,
        }),
        coupon: coupon
            .map(|(campaign, number)| CouponRef { campaign: CampaignId::from(campaign), number, version }.to_string()),
        payment: None,
        placed_ms: row.int("placed_ms")?,
        confirmed_ms: row.int_or_null("confirmed_ms")?,
        deadline_ms: row.int("deadline_ms")?,
        refund_terms: row.json::<Terms>("terms")?.refunds,
    })
}

fn line_row(row: &Cells<'_>) -> Result<LineFact> {
    Ok(LineFact {
        line: row.small("line")?,
        seat: row.small("seat")?,
        price: row.int("price")?,
        discount: row.int("discount")?,
        points: row.int("points")?,
        cash: row.int("cash")?,
        earn: row.int("earn")?,
        refunded: row.int("refunded")?,
        closed: row.int("closed")? != 0,
        ticket: None,
    })
}

/// A seat given back before it was paid never had a ticket to show.
fn show_ticket(fact: &mut OrderFact, row: &Cells<'_>) -> Result<()> {
    let number = row.small("line")?;
    let shown = fact.confirmed_ms.is_some() && row.text("state")? != RESERVED;
    if let (Some(line), true) = (fact.lines.iter_mut().find(|line| line.line == number), shown) {
        line.ticket = Some(TicketFact { id: row.text("id")?, state: row.word("state", ticket_state)? });
    }
    Ok(())
}

pub(super) fn ticket_state(text: &str) -> Option<TicketState> {
    Some(match text {
        "valid" => TicketState::Valid,
        "suspended" => TicketState::Suspended,
        "void" => TicketState::Void,
        _ => return None,
    })
}

/// Attempts come oldest first; the last one is shown.
fn add_attempt(fact: &mut OrderFact, row: &Cells<'_>) -> Result<()> {
    let (before, captured) = fact.payment.take().map_or((0, 0), |p| (p.attempts, p.captured));
    let status = row.text("status")?;
    let amount = if status == "captured" { row.int("amount")? } else { 0 };
    fact.payment = Some(PaymentFact {
        provider: row.text("provider")?,
        status,
        attempts: before + 1,
        captured: captured + amount,
        cancelled: 0,
    });
    Ok(())
}
