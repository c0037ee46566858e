//! What is left to give back of a cancelled event, and how far that has come.

use super::row::cells;
use crate::facts::ids::{EventId, OrderId};
use crate::facts::order::OrderStatus;
use crate::facts::refund::EVENT_CANCELLED;
use crate::ledger::{ReadSource, Reader, Result};

/// An order of a cancelled event that nobody has asked about yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncancelled {
    /// Id of the order.
    pub order: OrderId,
    /// The order's version, which a later look finds higher.
    pub version: i64,
    /// It is to be refunded; `false`: it waits for its payment, and is to be cancelled.
    pub is_paid: bool,
}

/// The orders of a cancelled event, by what has become of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CancelledOrders {
    /// They wait for a payment, or for its result.
    pub unpaid: i64,
    /// Paid, and not given back whole yet.
    pub paid: i64,
    /// Of `paid`: the provider refused for good to give the money back.
    pub failed: i64,
    /// Of `paid`: paid by deposit, and the buyer has not named the account that the money goes back to.
    pub awaiting_account: i64,
    /// Given back whole.
    pub refunded: i64,
    /// Payments and refunds without a definite answer.
    pub open: i64,
}

impl CancelledOrders {
    /// Whether nothing of the event is sold or under way any more.
    pub fn are_over(&self) -> bool {
        self.unpaid + self.paid + self.open == 0
    }
}

impl Reader {
    /// At most `limit` orders that are to be refunded or cancelled because their event is. A line whose refund the
    /// provider refused for good is left to a person, and so is an order that a dead letter is about.
    pub async fn uncancelled(&self, event: &EventId, limit: i64) -> Result<Vec<Uncancelled>> {
        const LEFT: &str = "SELECT o.id, o.version, o.status FROM orders o \
             WHERE o.event = ? AND o.status IN ('pending_payment', 'awaiting_deposit', 'confirmed', 'partially_refunded') \
             AND (o.status IN ('pending_payment', 'awaiting_deposit') OR EXISTS \
                  (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND l.closed = 0 AND NOT EXISTS \
                   (SELECT 1 FROM refund r JOIN refund_line x ON x.refund = r.id AND x.line = l.line \
                    WHERE r.order_id = o.id AND r.digest = ? AND r.status = 'failed' AND r.failure <> 'DEPOSIT_UNDONE'))) \
             AND NOT EXISTS (SELECT 1 FROM dead_letter d WHERE d.order_id = o.id) LIMIT ?";
        let event = event.to_string();
        self.read("uncancelled", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let query = sqlx::query(LEFT).bind(event).bind(EVENT_CANCELLED).bind(limit);
                let rows = query.fetch_all(&mut *conn).await?;
                let order = |row: super::row::Cells<'_>| {
                    let status = row.word("status", OrderStatus::parse)?;
                    Ok(Uncancelled {
                        order: OrderId::from(row.text("id")?),
                        version: row.int("version")?,
                        is_paid: !matches!(status, OrderStatus::PendingPayment | OrderStatus::AwaitingDeposit),
                    })
                };
                cells("orders", &rows).map(order).collect()
            })
        })
        .await
    }

    /// How far a cancelled event has come.
    pub async fn cancelled_orders(&self, event: &EventId) -> Result<CancelledOrders> {
        const COUNTS: &str = "SELECT c.status, c.failed, COUNT(*) AS orders FROM \
             (SELECT o.status AS status, CASE WHEN EXISTS \
              (SELECT 1 FROM refund r JOIN refund_line x ON x.refund = r.id \
               JOIN order_line l ON l.order_id = r.order_id AND l.line = x.line AND l.closed = 0 \
               WHERE r.order_id = o.id AND r.digest = ? AND r.status = 'failed' AND r.failure <> 'DEPOSIT_UNDONE') \
              THEN 1 ELSE 0 END AS failed \
              FROM orders o WHERE o.event = ? \
              AND o.status IN ('pending_payment', 'paying', 'awaiting_deposit', 'confirmed', 'partially_refunded', \
                               'refunded')) AS c \
             GROUP BY c.status, c.failed";
        const AWAITING: &str = "SELECT COUNT(DISTINCT o.id) AS orders FROM orders o JOIN refund r ON r.order_id = o.id \
             AND r.opened = 1 AND r.status = 'awaiting_account' AND r.account IS NULL WHERE o.event = ? \
             AND o.status IN ('confirmed', 'partially_refunded')";
        const OPEN: &str = "SELECT \
             (SELECT COUNT(*) FROM orders o JOIN refund r ON r.order_id = o.id AND r.opened = 1 WHERE o.event = ?) + \
             (SELECT COUNT(*) FROM orders o JOIN payment p ON p.order_id = o.id AND p.opened = 1 WHERE o.event = ?) \
             AS open_calls";
        let event = event.to_string();
        self.read("cancelled_orders", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let open = sqlx::query(OPEN).bind(event.clone()).bind(event.clone()).fetch_all(&mut *conn).await?;
                let awaiting = sqlx::query(AWAITING).bind(event.clone()).fetch_all(&mut *conn).await?;
                let rows = sqlx::query(COUNTS).bind(EVENT_CANCELLED).bind(event).fetch_all(&mut *conn).await?;
                let mut counts = CancelledOrders::default();
                for row in cells("orders", &open) {
                    counts.open = row.int("open_calls")?;
                }
                for row in cells("orders", &awaiting) {
                    counts.awaiting_account = row.int("orders")?;
                }
                for row in cells("orders", &rows) {
                    let orders = row.int("orders")?;
                    match row.word("status", OrderStatus::parse)? {
                        OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {
                            counts.unpaid += orders;
                        }
                        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => {
                            counts.paid += orders;
                            counts.failed += orders * row.int("failed")?;
                        }
                        OrderStatus::Refunded => counts.refunded += orders,
                        OrderStatus::Accepted | OrderStatus::Rejected => {}
                    }
                }
                Ok(counts)
            })
        })
        .await
    }
}
