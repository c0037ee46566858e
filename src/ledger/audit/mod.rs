//! Checks the invariants that need no lane (INV-3, INV-10, INV-11, INV-12), and reads the rows a lane is compared with.
//!
//! Everything is read in pages. Each page is one snapshot and one read, with the time limit of all reads, so an audit
//! of a large ledger takes long but never loads the database much.

mod books;
mod rows;
mod rules;
mod settlements;

use sqlx::{AssertSqlSafe, Row as _};

use books::{BOOKS, ENTRIES};
pub use rows::{KnownOrders, LiveSeat};
use rules::{CAMPAIGNS, MONEY, ORDERS, POINTS, Walk};

use super::{Conn, Ledger, ReadSource, Result};

/// Keys in one page.
const PAGE: i64 = 1_000;

/// Most violations of one rule that are reported for one page.
const FOUND_MAX: i64 = 20;

/// How many keys were checked, and what was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedKeys {
    pub checked: u64,
    pub violations: Vec<String>,
}

/// Keys above `after` up to `last`.
struct Range {
    after: String,
    last: String,
}

impl Ledger {
    /// INV-3: one live ticket a seat, one live order a hold, one open attempt an order.
    pub async fn audit_orders(&self) -> Result<CheckedKeys> {
        self.audit(&[&ORDERS]).await
    }

    /// INV-10: every line, every refund, every journal transaction, every points balance adds up, and the journal says
    /// of each order what its payments, refunds and points say.
    pub async fn audit_money(&self) -> Result<CheckedKeys> {
        self.audit(&[&MONEY, &POINTS, &ENTRIES, &BOOKS]).await
    }

    /// The ledger's half of INV-11, and that coupons and orders name each other.
    pub async fn audit_coupons(&self) -> Result<CheckedKeys> {
        self.audit(&[&CAMPAIGNS]).await
    }

    async fn audit(&self, walks: &[&'static Walk]) -> Result<CheckedKeys> {
        let mut checked = CheckedKeys::default();
        for &walk in walks {
            let mut after = String::new();
            loop {
                let page =
                    self.read("audit", ReadSource::Primary, move |conn| Box::pin(page(conn, walk, after))).await?;
                checked.checked += page.keys;
                checked.violations.extend(page.violations);
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
        }
        Ok(checked)
    }
}

struct AuditPage {
    keys: u64,
    violations: Vec<String>,
    next: Option<String>,
}

async fn page(conn: &mut Conn, walk: &'static Walk, after: String) -> Result<AuditPage> {
    let Walk { table, key, rules } = walk;
    let text = format!(
        "SELECT COUNT(*) AS many, MAX({key}) AS last FROM \
         (SELECT DISTINCT {key} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {PAGE}) AS page"
    );
    let row = sqlx::query(AssertSqlSafe(text)).bind(after.clone()).fetch_one(&mut *conn).await?;
    let many: i64 = row.try_get("many")?;
    let Some(last) = row.try_get::<Option<String>, _>("last")? else {
        return Ok(AuditPage { keys: 0, violations: Vec::new(), next: None });
    };
    let range = Range { after, last };
    let mut violations = Vec::new();
    for rule in *rules {
        let text = format!("{} LIMIT {FOUND_MAX}", rule.finds);
        let query = sqlx::query(AssertSqlSafe(text)).bind(range.after.clone()).bind(range.last.clone());
        for row in query.fetch_all(&mut *conn).await? {
            violations.push(format!("{} {}", rule.says, row.try_get::<String, _>("found")?));
        }
    }
    Ok(AuditPage { keys: u64::try_from(many).unwrap_or(0), violations, next: (many == PAGE).then_some(range.last) })
}
