//! Ledgers to test on, and rows to put into them: a paid order with a coupon and points, as the writer would leave it.

use std::time::Duration;

use stanchion::ledger::store::sql;
use stanchion::ledger::store::sql::Value;
use stanchion::ledger::{Conn, Ledger, Result};

use crate::support::{dialect, servers};

pub const READ_LIMIT: Duration = Duration::from_secs(10);

/// An empty SQLite ledger. Its folder is deleted when this is dropped.
pub struct Embedded {
    pub ledger: Ledger,
    pub folder: tempfile::TempDir,
}

pub async fn embedded() -> Embedded {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), 4, READ_LIMIT).await.expect("opens");
    Embedded { ledger, folder }
}

/// An empty ledger on MariaDB.
pub async fn mysql() -> Ledger {
    dialect::read_all();
    Ledger::mysql(&servers::mysql_url().await, None, 4, 4, READ_LIMIT).await.expect("opens")
}

/// Makes each of these a test on SQLite and one on MariaDB.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                let embedded = crate::ledger::rows::embedded().await;
                super::$name(&embedded.ledger).await;
                embedded.ledger.close().await;
            })*
        }
        mod on_mariadb {
            $(#[tokio::test]
            async fn $name() {
                let ledger = crate::ledger::rows::mysql().await;
                super::$name(&ledger).await;
                ledger.close().await;
            })*
        }
    };
}
pub(crate) use on_both;

/// One row, written as `column: value` pairs.
pub type Cells<'a> = &'a [(&'a str, Value)];

pub async fn put(ledger: &Ledger, table: &'static str, cells: Cells<'_>) -> Result<()> {
    let (columns, row): (Vec<String>, Vec<Value>) =
        cells.iter().map(|(column, value)| ((*column).to_owned(), value.clone())).unzip();
    ledger
        .transaction(move |tx| {
            Box::pin(async move {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                sql::insert(tx, table, &columns, &[row]).await
            })
        })
        .await
}

pub async fn run(ledger: &Ledger, statements: impl Into<String>) -> Result<()> {
    let statements = sqlx::AssertSqlSafe(statements.into());
    ledger
        .transaction(move |tx: &mut Conn| {
            Box::pin(async move {
                sqlx::raw_sql(statements).execute(tx).await?;
                Ok(())
            })
        })
        .await
}

/// A campaign, and a paid order of kim with coupon 1 and 1,000 points: two seats, the second one's refund under way.
/// Also an expired order of kim and an unpaid one of lee. The rows are consistent in every respect.
pub async fn paid_order(ledger: &Ledger) -> Result<()> {
    run(
        ledger,
        "INSERT INTO campaign (id, lane, version, seq, stock, spec, created_ms, updated_ms) VALUES \
           ('spring', 1, 1, 1, 10, '{\"name\":\"Spring\",\"kind\":\"percent\",\"percent_bp\":1000,\"stock\":10}', 1, 1); \
         INSERT INTO campaign_version (campaign, version, spec, since_ms) SELECT id, version, spec, 0 FROM campaign; \
         INSERT INTO coupon (campaign, number, version, user_id, claim, digest, state, order_id, claimed_ms, \
           expires_ms) VALUES \
           ('spring', 1, 1, 'kim', 'k011', 'd', 'used', 'o01a', 5, NULL), \
           ('spring', 2, 1, 'kim', 'k012', 'd', 'issued', NULL, 6, 1000), \
           ('spring', 3, 1, 'lee', NULL, NULL, 'issued', NULL, 6, NULL); \
         INSERT INTO orders (id, lane, event, user_id, hold, live, visitor, digest, status, reason, version, currency, \
           price, booking_fee, discount, points, cash, vat, coupon_campaign, coupon_number, coupon_version, earn_bp, fee_bp, terms, placed_ms, \
           confirmed_ms, deadline_ms, hold_created_ms, hold_digest, held_until_ms) VALUES \
           ('o01a', 1, 'hall', 'kim', 'h01a', 1, 'v1', 'd1', 'confirmed', NULL, 4, 'KRW', \
            20000, 0, 2000, 1000, 17000, 0, 'spring', 1, 1, 100, 500, '{\"currency\":\"KRW\",\"organizer\":\"o\",\"starts_ms\":1}', 100, 200, 900, 50, '', NULL), \
           ('o01b', 1, 'hall', 'kim', 'h01b', NULL, 'v1', 'd2', 'rejected', 'PAYMENT_EXPIRED', 3, 'KRW', \
            9000, 0, 0, 0, 9000, 0, NULL, NULL, NULL, 100, 500, '{\"currency\":\"KRW\",\"organizer\":\"o\",\"starts_ms\":1}', 300, NULL, 900, 50, '', NULL), \
           ('o01c', 1, 'hall', 'lee', 'h01c', 1, 'v2', 'd3', 'pending_payment', NULL, 1, 'KRW', \
            9000, 0, 0, 0, 9000, 0, NULL, NULL, NULL, 100, 500, '{\"currency\":\"KRW\",\"organizer\":\"o\",\"starts_ms\":1}', 300, NULL, 900, 60, '', NULL); \
         INSERT INTO order_line (order_id, line, seat, ticket_type, price, booking_fee, discount, points, cash, earn, \
           vat, refunded, fee_refunded, points_refunded, earn_clawed, closed) VALUES \
           ('o01a', 1, 7, 'standard', 10000, 0, 1000, 500, 8500, 85, 0, 0, 0, 0, 0, 0), \
           ('o01a', 2, 8, 'standard', 10000, 0, 1000, 500, 8500, 85, 0, 9000, 0, 500, 85, 1), \
           ('o01b', 1, 9, 'standard', 9000, 0, 0, 0, 9000, 90, 0, 0, 0, 0, 0, 0), \
           ('o01c', 1, 9, 'standard', 9000, 0, 0, 0, 9000, 90, 0, 0, 0, 0, 0, 0); \
         INSERT INTO ticket (id, event, seat, live, order_id, line, user_id, state, issued_ms) VALUES \
           ('t1', 'hall', 7, 1, 'o01a', 1, 'kim', 'valid', 200), \
           ('t2', 'hall', 8, 1, 'o01a', 2, 'kim', 'suspended', 200), \
           ('t3', 'hall', 9, NULL, 'o01b', 1, 'kim', 'void', 300), \
           ('t4', 'hall', 9, 1, 'o01c', 1, 'lee', 'reserved', 300); \
         INSERT INTO payment (id, order_id, lane, opened, provider, pay_key, amount, status, detail, created_ms, \
           updated_ms, due_ms) VALUES \
           ('p1', 'o01a', 1, NULL, 'sandbox', 'decline', 17000, 'declined', 'no', 110, 120, 0), \
           ('p2', 'o01a', 1, NULL, 'sandbox', 'ok', 17000, 'captured', NULL, 130, 140, 0); \
         INSERT INTO refund (id, order_id, lane, opened, attempt, digest, status, reason, failure, cash, points, earn, \
           fee, booking_fee, requested_ms, updated_ms, due_ms) VALUES \
           ('r1', 'o01a', 1, 1, 'p2', 'd', 'sent', 'ill', NULL, 7600, 500, 85, 900, 0, 210, 220, 0); \
         INSERT INTO refund_line (refund, line, amount, booking_fee, cash, points, earn, fee_points, closes) VALUES \
           ('r1', 2, 9000, 0, 7600, 500, 85, 0, 1); \
         INSERT INTO wallet (user_id, version, balance, debt) VALUES ('kim', 3, 585, 0), ('lee', 1, 0, 0); \
         INSERT INTO point_lot (id, user_id, origin, granted, remaining, usable_ms, expires_ms, created_ms, order_id, \
           line) VALUES \
           ('g/001', 'kim', 'grant', 1000, 500, 1, NULL, 1, NULL, NULL), \
           ('e/001', 'kim', 'earn', 85, 85, 200, 5000, 200, 'o01a', 1), \
           ('e/003', 'kim', 'earn', 85, 0, 200, 5000, 200, 'o01a', 2); \
         INSERT INTO point_spend (order_id, line, lot, seq, amount, restored, spent_ms) VALUES \
           ('o01a', 1, 'g/001', 1, 500, 0, 100), ('o01a', 2, 'g/001', 2, 500, 500, 100); \
         INSERT INTO point_move (id, user_id, at_ms, kind, amount, lot, order_id, refund, digest) VALUES \
           ('g/002', 'kim', 1, 'grant', 1000, 'g/001', NULL, NULL, 'd'), \
           ('s/001', 'kim', 100, 'spend', -500, 'g/001', 'o01a', NULL, NULL), \
           ('s/002', 'kim', 100, 'spend', -500, 'g/001', 'o01a', NULL, NULL), \
           ('e/002', 'kim', 200, 'earn', 85, 'e/001', 'o01a', NULL, NULL), \
           ('e/004', 'kim', 200, 'earn', 85, 'e/003', 'o01a', NULL, NULL), \
           ('x/001', 'kim', 210, 'restore', 500, 'g/001', 'o01a', 'r1', NULL), \
           ('x/002', 'kim', 210, 'claw_back', -85, 'e/003', 'o01a', 'r1', NULL); \
         INSERT INTO journal_entry (transaction_id, entry, account, amount, currency, order_id, at_ms) VALUES \
           ('g.granted', 1, 'points_liability', -1000, 'KRW', NULL, 1), \
           ('g.granted', 2, 'points_expense', 1000, 'KRW', NULL, 1), \
           ('o01a.placed', 1, 'points_liability', 1000, 'KRW', 'o01a', 100), \
           ('o01a.placed', 2, 'points_in_orders', -1000, 'KRW', 'o01a', 100), \
           ('o01a.confirmed', 1, 'provider_receivable:sandbox', 17000, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 2, 'points_liability', -170, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 3, 'points_in_orders', 1000, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 4, 'organizer_payable:o:tickets', -20000, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 5, 'organizer_payable:o:coupons', 2000, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 6, 'organizer_payable:o:platform_fee', 900, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 7, 'fee_revenue', -900, 'KRW', 'o01a', 200), \
           ('o01a.confirmed', 8, 'points_expense', 170, 'KRW', 'o01a', 200), \
           ('r1.requested', 1, 'points_liability', -415, 'KRW', 'o01a', 210), \
           ('r1.requested', 2, 'refunds_pending', 500, 'KRW', 'o01a', 210), \
           ('r1.requested', 3, 'points_expense', -85, 'KRW', 'o01a', 210);",
    )
    .await
}
