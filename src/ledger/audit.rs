//! What the ledger can be held to by itself (INV-3, INV-10, INV-11), and the rows a lane is compared with.
//! Reads only; finds at most [`FOUND_MAX`] violations of a kind.

use std::collections::{HashMap, HashSet};

use sqlx::Row as _;

use super::sql::fetch_in;
use super::{Conn, Ledger, Result, Source};
use crate::ids::{CampaignId, EventId, OrderId, SeatIndex, UserId};
use crate::lane::order::OrderStatus;

/// Violations of one kind that are spelled out.
const FOUND_MAX: i64 = 50;

/// How much was looked at, and what was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    pub checked: u64,
    pub violations: Vec<String>,
}

/// A rule: the statement finds its violations, one text column each, with one `?` for the limit.
struct Rule {
    says: &'static str,
    finds: &'static str,
}

/// INV-3.
const ORDERS: &[Rule] = &[
    Rule {
        says: "two live tickets for seat",
        finds: "SELECT MIN(id) AS found FROM ticket WHERE live = 1 GROUP BY event, seat HAVING COUNT(*) > 1 LIMIT ?",
    },
    Rule {
        says: "two live orders for hold",
        finds: "SELECT hold AS found FROM orders WHERE live = 1 GROUP BY hold HAVING COUNT(*) > 1 LIMIT ?",
    },
    Rule {
        says: "two open payment attempts of order",
        finds: "SELECT order_id AS found FROM payment WHERE opened = 1 GROUP BY order_id HAVING COUNT(*) > 1 LIMIT ?",
    },
    Rule {
        says: "a live ticket of a rejected order",
        finds: "SELECT t.id AS found FROM ticket t JOIN orders o ON o.id = t.order_id \
                WHERE t.live = 1 AND o.status = 'rejected' LIMIT ?",
    },
    Rule {
        says: "a confirmed order without captured money",
        finds: "SELECT o.id AS found FROM orders o WHERE o.cash > 0 \
                AND o.status IN ('confirmed', 'partially_refunded', 'refunded') \
                AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.status = 'captured') LIMIT ?",
    },
];

/// INV-10.
const MONEY: &[Rule] = &[
    Rule {
        says: "list price is not discount + points + cash in a line of order",
        finds: "SELECT order_id AS found FROM order_line WHERE price <> discount + points + cash \
                OR price < 0 OR discount < 0 OR points < 0 OR cash < 0 LIMIT ?",
    },
    Rule {
        says: "more refunded than paid in a line of order",
        finds: "SELECT order_id AS found FROM order_line WHERE refunded < 0 OR refunded > points + cash \
                OR points_refunded < 0 OR points_refunded > points \
                OR refunded - points_refunded > cash OR earn_clawed < 0 OR earn_clawed > earn LIMIT ?",
    },
    Rule {
        says: "totals are not the sum of the lines in order",
        finds: "SELECT o.id AS found FROM orders o JOIN order_line l ON l.order_id = o.id \
                GROUP BY o.id, o.price, o.discount, o.points, o.cash \
                HAVING o.price <> SUM(l.price) OR o.discount <> SUM(l.discount) \
                OR o.points <> SUM(l.points) OR o.cash <> SUM(l.cash) LIMIT ?",
    },
    Rule {
        says: "a journal transaction does not sum to zero:",
        finds: "SELECT transaction_id AS found FROM journal_entry GROUP BY transaction_id, currency \
                HAVING SUM(amount) <> 0 LIMIT ?",
    },
    Rule {
        says: "a points balance is not the sum of its moves; first move",
        finds: "SELECT MIN(m.id) AS found FROM account a JOIN point_move m ON m.user_id = a.user_id \
                GROUP BY a.user_id, a.balance HAVING a.balance <> SUM(m.amount) LIMIT ?",
    },
    Rule {
        says: "points of a lot are negative or more than were granted:",
        finds: "SELECT id AS found FROM point_lot WHERE remaining < 0 OR remaining > granted LIMIT ?",
    },
    Rule {
        says: "points spent on a line are not its lots' in order",
        finds: "SELECT l.order_id AS found FROM order_line l JOIN point_spend s \
                ON s.order_id = l.order_id AND s.line = l.line \
                GROUP BY l.order_id, l.line, l.points HAVING l.points <> SUM(s.amount) LIMIT ?",
    },
    Rule {
        says: "more points restored than spent in order",
        finds: "SELECT order_id AS found FROM point_spend WHERE restored < 0 OR restored > amount LIMIT ?",
    },
];

/// INV-11.
const COUPONS: &[Rule] = &[
    Rule {
        says: "more coupons claimed than issued in campaign",
        finds: "SELECT g.id AS found FROM campaign g JOIN coupon c ON c.campaign = g.id \
                GROUP BY g.id, g.stock HAVING COUNT(*) > g.stock LIMIT ?",
    },
    Rule {
        says: "a coupon's number is not one of those issued in campaign",
        finds: "SELECT c.campaign AS found FROM coupon c JOIN campaign g ON g.id = c.campaign \
                WHERE c.number < 1 OR c.number > g.stock LIMIT ?",
    },
    Rule {
        says: "a coupon in use belongs to no order, campaign",
        finds: "SELECT campaign AS found FROM coupon WHERE state IN ('reserved', 'used') AND order_id IS NULL LIMIT ?",
    },
];

/// A seat the ledger says is taken, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSeat {
    pub seat: SeatIndex,
    pub order: OrderId,
    pub status: OrderStatus,
}

/// What the ledger knows of orders a lane shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownOrders {
    pub versions: HashMap<OrderId, i64>,
    /// Orders with a dead record.
    pub dead: HashSet<OrderId>,
}

impl Ledger {
    /// INV-3: one live ticket a seat, one live order a hold, one open attempt an order.
    pub async fn audit_orders(&self) -> Result<Checked> {
        self.audit("SELECT COUNT(*) FROM ticket", ORDERS).await
    }

    /// INV-10: every line, every journal transaction, every points balance adds up.
    pub async fn audit_money(&self) -> Result<Checked> {
        self.audit("SELECT COUNT(*) FROM order_line", MONEY).await
    }

    /// INV-11, the ledger's half.
    pub async fn audit_coupons(&self) -> Result<Checked> {
        self.audit("SELECT COUNT(*) FROM coupon", COUPONS).await
    }

    async fn audit(&self, count: &'static str, rules: &'static [Rule]) -> Result<Checked> {
        self.read("audit", Source::Primary, move |conn| {
            Box::pin(async move {
                let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut *conn).await?;
                let mut checked = Checked { checked: u64::try_from(rows).unwrap_or(0), violations: Vec::new() };
                for rule in rules {
                    let found = sqlx::query(rule.finds).bind(FOUND_MAX).fetch_all(&mut *conn).await?;
                    for row in found {
                        checked.violations.push(format!("{} {}", rule.says, row.try_get::<String, _>("found")?));
                    }
                }
                Ok(checked)
            })
        })
        .await
    }

    /// Seats of an event that a live ticket guards.
    pub async fn live_seats(&self, event: &EventId) -> Result<Vec<LiveSeat>> {
        let event = event.clone();
        self.read("live_seats", Source::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT t.seat, t.order_id, o.status FROM ticket t JOIN orders o ON o.id = t.order_id \
                            WHERE t.event = ? AND t.live = 1";
                let rows = sqlx::query(text).bind(event.0).fetch_all(conn).await?;
                rows.iter()
                    .map(|row| {
                        let status: String = row.try_get("status")?;
                        Ok(LiveSeat {
                            seat: SeatIndex::try_from(row.try_get::<i64, _>("seat")?).unwrap_or(SeatIndex::MAX),
                            order: OrderId(row.try_get("order_id")?),
                            status: OrderStatus::parse(&status).unwrap_or(OrderStatus::Rejected),
                        })
                    })
                    .collect()
            })
        })
        .await
    }

    /// Which of these orders the ledger or the dead letters know.
    pub async fn known_orders(&self, ids: &[OrderId]) -> Result<KnownOrders> {
        let keys: Vec<_> = ids.iter().map(|id| id.as_str().into()).collect();
        self.read("known_orders", Source::Primary, move |conn| {
            Box::pin(async move {
                let mut known = KnownOrders::default();
                for row in fetch_in(conn, "SELECT id, version FROM orders WHERE id IN", &keys, "").await? {
                    known.versions.insert(OrderId(row.try_get("id")?), row.try_get("version")?);
                }
                for row in fetch_in(conn, "SELECT order_id FROM dead_letter WHERE order_id IN", &keys, "").await? {
                    known.dead.insert(OrderId(row.try_get("order_id")?));
                }
                Ok(known)
            })
        })
        .await
    }

    /// Claims of a campaign in the ledger: number and user.
    pub async fn claimed(&self, campaign: &CampaignId) -> Result<HashMap<i64, UserId>> {
        let campaign = campaign.clone();
        self.read("claimed", Source::Primary, move |conn| Box::pin(claimed(conn, campaign))).await
    }
}

async fn claimed(conn: &mut Conn, campaign: CampaignId) -> Result<HashMap<i64, UserId>> {
    let text = "SELECT number, user_id FROM coupon WHERE campaign = ?";
    let rows = sqlx::query(text).bind(campaign.0).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.try_get("number")?, UserId(row.try_get("user_id")?)))).collect()
}
