//! What the ledger is built on: one SQL text on both databases, transactions that no caller can leave half open, and
//! errors that say whose fault they are.

use std::time::Duration;

use stanchion::ledger::store::sql;
use stanchion::ledger::store::sql::Value;
use stanchion::ledger::{Cause, Conn, Error, Guard, Ledger, ReadSource};

use crate::ledger::rows::{READ_LIMIT, embedded, mysql, on_both, paid_order, put, run};
use crate::support::servers;

on_both! {
    many_rows_are_inserted_and_changed_in_few_statements
    guards_and_duplicates_are_told_apart
    ids_are_bytes_and_no_words
    a_read_sees_one_moment
    a_panic_inside_a_transaction_leaves_nothing
}

async fn count(ledger: &Ledger, text: &'static str) -> i64 {
    ledger
        .read("test", ReadSource::Primary, move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(text).fetch_one(conn).await?) })
        })
        .await
        .expect("reads")
}

const SPEND: &[&str] = &["order_id", "line", "lot", "seq", "amount", "restored", "spent_ms"];

async fn many_rows_are_inserted_and_changed_in_few_statements(ledger: &Ledger) {
    let rows: Vec<Vec<Value>> = (0..10_000i64)
        .map(|n| {
            let order = format!("o{}", n / 10);
            vec![order.into(), (n % 10).into(), "L".into(), n.into(), n.into(), 0i64.into(), 0i64.into()]
        })
        .collect();
    let changed: Vec<Vec<Value>> = rows
        .iter()
        .take(2_000)
        .map(|row| vec![row[0].clone(), row[1].clone(), row[4].clone(), Value::Int(7)])
        .collect();
    ledger
        .transaction(move |tx| {
            Box::pin(async move {
                sql::insert(tx, "point_spend", SPEND, &rows).await?;
                sql::insert(tx, "point_spend", SPEND, &[]).await?;
                sql::update_case(tx, "point_spend", &["order_id", "line"], &["restored", "spent_ms"], &changed).await
            })
        })
        .await
        .expect("writes");
    assert_eq!(count(ledger, "SELECT CAST(SUM(amount) AS SIGNED) FROM point_spend").await, 49_995_000);
    let text = "SELECT COUNT(*) FROM point_spend WHERE restored = seq AND spent_ms = 7 AND seq < 2000";
    assert_eq!(count(ledger, text).await, 2_000);
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM point_spend WHERE restored > 0 AND seq >= 2000").await, 0);

    let missing = vec![vec!["nobody".into(), Value::Int(1), Value::Int(0), Value::Int(0)]];
    let refused: Result<(), Error> = ledger
        .transaction(move |tx| {
            Box::pin(async move {
                sql::update_case(tx, "point_spend", &["order_id", "line"], &["restored", "spent_ms"], &missing).await
            })
        })
        .await;
    assert!(matches!(refused, Err(Error::RowsMissing { wanted: 1, met: 0, .. })), "{refused:?}");
}

async fn guards_and_duplicates_are_told_apart(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let ticket = |id: &str, live: Option<i64>| {
        [
            ("id", Value::from(id)),
            ("event", "hall".into()),
            ("seat", 7i64.into()),
            ("live", live.into()),
            ("order_id", "ticket_live_seat".into()),
            ("line", 1i64.into()),
            ("user_id", "kim".into()),
            ("state", "valid".into()),
            ("issued_ms", 0i64.into()),
        ]
    };
    let taken = put(ledger, "ticket", &ticket("t9", Some(1))).await.expect_err("the seat is sold");
    assert_eq!(taken.guard(), Some(Guard::LiveSeat), "{taken}");
    assert!(!taken.may_retry());
    let known = put(ledger, "ticket", &ticket("t1", None)).await.expect_err("the id is taken");
    assert!(matches!(known, Error::Database { cause: Cause::Duplicate, .. }) && known.may_retry(), "{known}");
    // Tickets that are not live may share a seat.
    put(ledger, "ticket", &ticket("t9", None)).await.expect("tickets that are not live do not count");

    let nothing = put(ledger, "counter", &[("name", Value::Null), ("value", 1i64.into())]).await;
    let nothing = nothing.expect_err("NULL where none may be");
    assert!(matches!(nothing, Error::Database { cause: Cause::Value, .. }) && !nothing.may_retry(), "{nothing}");
    let broken = run(ledger, "SELEKT 1").await.expect_err("no SQL");
    assert!(broken.may_retry(), "only the record's own faults are final: {broken}");
}

async fn ids_are_bytes_and_no_words(ledger: &Ledger) {
    for user in ["kim", "Kim", "kím", "김", "🎟"] {
        let row = [("user_id", user.into()), ("version", 1i64.into()), ("balance", 0i64.into()), ("debt", 0i64.into())];
        put(ledger, "wallet", &row).await.expect("another user");
    }
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM wallet WHERE user_id = 'kim'").await, 1);
    // The test does not ask for `'kim '`: MariaDB ignores spaces at a key's end and would find `kim`. No id and no user
    // may end in a space.
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM wallet WHERE user_id IN ('KIM', ' kim', '🎟')").await, 1);
}

async fn a_read_sees_one_moment(ledger: &Ledger) {
    let writer = ledger.clone();
    let counts = ledger.read("test", ReadSource::Primary, move |conn| {
        Box::pin(async move {
            let before: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM lane").fetch_one(&mut *conn).await?;
            let row: [(&str, Value); 4] =
                [("lane", 1i64.into()), ("generation", 1i64.into()), ("log_last", 0i64.into()), ("epoch", 0i64.into())];
            put(&writer, "lane", &row).await?;
            let after: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM lane").fetch_one(&mut *conn).await?;
            Ok((before, after))
        })
    });
    assert_eq!(counts.await.expect("reads"), (0, 0));
    assert_eq!(count(ledger, "SELECT COUNT(*) FROM lane").await, 1);
}

async fn a_panic_inside_a_transaction_leaves_nothing(ledger: &Ledger) {
    let panicking = ledger.clone();
    let ended = tokio::spawn(async move {
        let never: Result<(), Error> = panicking
            .transaction(|tx: &mut Conn| {
                Box::pin(async move {
                    sqlx::query("UPDATE counter SET value = 99").execute(tx).await?;
                    panic!("a bug")
                })
            })
            .await;
        never
    });
    assert!(ended.await.expect_err("the panic reaches the caller").is_panic());
    for _ in 0..8 {
        run(ledger, "UPDATE counter SET value = value + 1").await.expect("no lock is left");
    }
    assert_eq!(count(ledger, "SELECT value FROM counter WHERE name = 'catalog'").await, 8);
}

#[tokio::test]
async fn a_caller_that_goes_away_never_leaves_a_transaction_open() {
    let ledger = mysql().await;
    for n in 0..200i64 {
        let writing = ledger.clone();
        let task = tokio::spawn(async move {
            writing
                .transaction(move |tx: &mut Conn| {
                    Box::pin(async move {
                        let add = "INSERT INTO counter (name, value) VALUES (?, 1)";
                        sqlx::query(add).bind(format!("n{n}")).execute(&mut *tx).await?;
                        sqlx::query("UPDATE counter SET value = value + 1 WHERE name = 'catalog'").execute(tx).await?;
                        Ok::<_, Error>(())
                    })
                })
                .await
        });
        for _ in 0..n % 7 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }
    // These are as many updates as there are connections. Each connection must have been given back without an open
    // transaction.
    for _ in 0..4 {
        run(&ledger, "UPDATE counter SET value = value + 0").await.expect("no lock is left");
    }
    let open = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id IN \
         (SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND command = 'Sleep')";
    assert_eq!(count(&ledger, open).await, 0);
    let whole =
        "SELECT COUNT(*) - (SELECT value FROM counter WHERE name = 'catalog') FROM counter WHERE name <> 'catalog'";
    assert_eq!(count(&ledger, whole).await, 0, "each transaction happened whole or not at all");
}

#[tokio::test]
async fn a_slow_read_ends_and_its_connection_with_it() {
    let url = servers::mysql_url().await;
    let ledger = Ledger::mysql(&url, Some(&url), 1, 1, Duration::from_millis(300)).await.expect("opens");
    for source in [ReadSource::Primary, ReadSource::Replica] {
        let slow: Result<i64, Error> = ledger
            .read("test", source, |conn| {
                Box::pin(async move { Ok(sqlx::query_scalar("SELECT SLEEP(30)").fetch_one(conn).await?) })
            })
            .await;
        assert!(matches!(slow, Err(Error::Timeout(_))), "{slow:?}");
        let one: i64 = ledger
            .read("test", source, |conn| {
                Box::pin(async move { Ok(sqlx::query_scalar("SELECT 1").fetch_one(conn).await?) })
            })
            .await
            .expect("the only connection was replaced");
        assert_eq!(one, 1);
    }
}

#[tokio::test]
async fn a_killed_connection_is_the_databases_fault_and_the_next_one_works() {
    let ledger = mysql().await;
    let killer = ledger.clone();
    let lost: Result<(), Error> = ledger
        .transaction(move |tx: &mut Conn| {
            Box::pin(async move {
                let me: i64 = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *tx).await?;
                sqlx::query("UPDATE counter SET value = 5").execute(&mut *tx).await?;
                let kill = sqlx::AssertSqlSafe(format!("KILL {me}"));
                let killed = killer.read("test", ReadSource::Primary, move |other| {
                    Box::pin(async move {
                        sqlx::raw_sql(kill).execute(other).await?;
                        Ok(())
                    })
                });
                killed.await?;
                sqlx::query("UPDATE counter SET value = 6").execute(tx).await?;
                Ok(())
            })
        })
        .await;
    let lost = lost.expect_err("its connection is gone");
    assert!(matches!(lost, Error::Database { cause: Cause::Away, .. }) && lost.may_retry(), "{lost}");
    assert_eq!(count(&ledger, "SELECT value FROM counter").await, 0);
    run(&ledger, "UPDATE counter SET value = 7").await.expect("a new connection");
}

#[tokio::test]
async fn a_deadlock_is_contention() {
    let ledger = mysql().await;
    run(&ledger, "INSERT INTO counter (name, value) VALUES ('a', 0), ('b', 0)").await.expect("rows");
    let both_hold_one = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let crossing = |first: &'static str, second: &'static str| {
        let (ledger, meet) = (ledger.clone(), both_hold_one.clone());
        async move {
            ledger
                .transaction(move |tx: &mut Conn| {
                    Box::pin(async move {
                        let add = "UPDATE counter SET value = value + 1 WHERE name = ?";
                        sqlx::query(add).bind(first).execute(&mut *tx).await?;
                        meet.wait().await;
                        sqlx::query(add).bind(second).execute(tx).await?;
                        Ok::<_, Error>(())
                    })
                })
                .await
        }
    };
    let (one, other) = tokio::join!(crossing("a", "b"), crossing("b", "a"));
    let lost = [one, other].into_iter().find_map(Result::err).expect("one of them is the victim");
    assert!(matches!(lost, Error::Database { cause: Cause::Contention, .. }), "{lost}");
}

#[tokio::test]
async fn a_value_too_long_for_its_column_is_the_records_fault() {
    let ledger = mysql().await;
    let row = [("name", Value::from("x".repeat(33))), ("value", 1i64.into())];
    let long = put(&ledger, "counter", &row).await.expect_err("32 characters at most");
    assert!(matches!(long, Error::Database { cause: Cause::Value, .. }), "{long}");
}

#[tokio::test]
async fn two_gateways_boot_on_one_empty_database() {
    let url = servers::mysql_url().await;
    let boot = || Ledger::mysql(&url, None, 1, 1, READ_LIMIT);
    let (one, other) = tokio::join!(boot(), boot());
    run(&one.expect("boots"), "UPDATE counter SET value = 1").await.expect("writes");
    assert_eq!(count(&other.expect("boots"), "SELECT value FROM counter").await, 1);
}

#[tokio::test]
async fn a_boot_killed_between_a_statement_and_its_record_is_finished() {
    let url = servers::mysql_url().await;
    let ledger = Ledger::mysql(&url, None, 1, 1, READ_LIMIT).await.expect("boots");
    let undo = "DELETE FROM schema_step ORDER BY step DESC LIMIT 1";
    run(&ledger, undo).await.expect("the last statement's record is lost");
    let ledger = Ledger::mysql(&url, None, 1, 1, READ_LIMIT).await.expect("boots again");
    assert_eq!(count(&ledger, "SELECT COUNT(*) FROM counter").await, 1);
}

#[tokio::test]
async fn the_true_error_of_a_database_that_is_not_there() {
    let nobody = Ledger::mysql("mysql://root@127.0.0.1:1/none", None, 1, 1, READ_LIMIT).await;
    let Err(Error::Database { cause: Cause::Away, source }) = nobody else { panic!("it cannot open") };
    assert!(matches!(source, sqlx::Error::Io(_)), "not a pool's timeout: {source}");
}

#[tokio::test]
async fn a_ledger_opened_to_read_is_never_written() {
    let embedded = embedded().await;
    paid_order(&embedded.ledger).await.expect("rows");
    embedded.ledger.close().await;
    let path = embedded.folder.path().join("ledger.db");
    let reader = Ledger::sqlite_read_only(&path, 2, READ_LIMIT).await.expect("opens");
    assert_eq!(count(&reader, "SELECT COUNT(*) FROM orders").await, 3);
    let refused = run(&reader, "UPDATE counter SET value = 1").await.expect_err("read-only");
    assert!(matches!(refused, Error::Database { cause: Cause::ReadOnly, .. }), "{refused}");
    assert!(Ledger::sqlite_read_only(&embedded.folder.path().join("none.db"), 2, READ_LIMIT).await.is_err());
}

#[tokio::test]
async fn a_schema_of_an_older_program_is_refused_at_the_start() {
    let changes = [
        ("wallet", "ALTER TABLE wallet RENAME TO account"),
        ("room_inside", "ALTER TABLE room_inside DROP COLUMN ends_ms"),
    ];
    for (table, change) in changes {
        let embedded = embedded().await;
        run(&embedded.ledger, change).await.expect("changed");
        embedded.ledger.close().await;
        let opened = Ledger::sqlite(&embedded.folder.path().join("ledger.db"), 2, READ_LIMIT).await;
        let Err(Error::Unfit(why)) = opened else { panic!("{change}, and it opened") };
        assert!(why.contains(table) && why.contains("begin anew"), "{why}");
    }
}
