//! How fast orders become rows: placed orders until their decision is committed, and paid ones until they are confirmed.
//! Beside it, in the same run: BullMQ, whose jobs insert a bare order with two lines, and bare 500-row inserts.
//!
//! `cargo run --release --example orders`. README.md says how it is measured.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _};
use support::sale::{Sale, Shape};
use support::servers::{OwnRedis, durable_mysql_url};
use support::table::grouped;
use support::{machine, table};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 5;
/// Orders of one measurement.
const ORDERS: usize = 20_000;
/// Jobs of BullMQ at once.
const CONCURRENCY: usize = 16;
/// Connections and time of the bare inserts.
const WRITERS: usize = 4;
const CEILING: Duration = Duration::from_secs(3);
const ROWS_AT_ONCE: usize = 500;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}

/// One round: each part right after the other.
struct Round {
    placed: Figures,
    placed_by_one: Figures,
    confirmed: Figures,
    bullmq: f64,
    ceiling: f64,
}

/// What a sale came to.
#[derive(Clone, Copy)]
struct Figures {
    /// Orders a second.
    rate: f64,
    rows: f64,
    statements: f64,
    commits: f64,
}

async fn measure() {
    println!("{}", machine::line());
    let runs = std::env::args().nth(1).map_or(RUNS, |text| text.parse().expect("how many runs"));
    let peer = tempfile::tempdir().expect("a folder");
    install(peer.path());
    let mut rounds = Vec::new();
    for run in 1..=runs {
        let round = Round {
            placed: sell(Shape { lanes: 16, orders: ORDERS, paid: false }).await,
            placed_by_one: sell(Shape { lanes: 1, orders: ORDERS, paid: false }).await,
            confirmed: sell(Shape { lanes: 16, orders: ORDERS, paid: true }).await,
            bullmq: bullmq(peer.path()).await,
            ceiling: ceiling().await,
        };
        println!(
            "run {run}: placed {:.0}/s, by one lane {:.0}/s, confirmed {:.0}/s; BullMQ {:.0}/s; bare rows {:.0}/s; load {}",
            round.placed.rate,
            round.placed_by_one.rate,
            round.confirmed.rate,
            round.bullmq,
            round.ceiling,
            machine::load()
        );
        rounds.push(round);
    }
    let of = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    table::head(&format!("{runs} runs of {} orders", grouped(ORDERS as f64, 0)));
    table::row("placed → decided, 16 lanes, a second", of(|r| r.placed.rate), 0);
    table::row("placed → decided, one lane, a second", of(|r| r.placed_by_one.rate), 0);
    table::row("placed → paid → confirmed, a second", of(|r| r.confirmed.rate), 0);
    table::row("BullMQ, bare orders a second", of(|r| r.bullmq), 0);
    table::row("bare rows a second, 4 connections", of(|r| r.ceiling), 0);
    table::row("ratio to BullMQ, decided", of(|r| r.placed.rate / r.bullmq), 2);
    table::row("ratio to BullMQ, decided by one lane", of(|r| r.placed_by_one.rate / r.bullmq), 2);
    table::row("ratio to BullMQ, confirmed", of(|r| r.confirmed.rate / r.bullmq), 2);
    table::row("share of the bare rows, decided", of(|r| r.placed.rate * r.placed.rows / r.ceiling), 2);
    table::row("share of the bare rows, confirmed", of(|r| r.confirmed.rate * r.confirmed.rows / r.ceiling), 2);
    table::row("rows an order, decided", of(|r| r.placed.rows), 2);
    table::row("rows an order, confirmed", of(|r| r.confirmed.rows), 2);
    table::row("statements an order, decided", of(|r| r.placed.statements), 3);
    table::row("statements an order, confirmed", of(|r| r.confirmed.statements), 3);
    table::row("transactions, decided", of(|r| r.placed.commits), 0);
    table::row("transactions, confirmed", of(|r| r.confirmed.commits), 0);
}

/// Takes orders and writes them.
async fn sell(shape: Shape) -> Figures {
    let (redis, url) = (OwnRedis::start().await, durable_mysql_url().await);
    let sale = Sale::prepare(shape, &redis.url(), &url).await;
    let before = Counts::of(&url).await;
    let took = sale.write().await;
    let after = Counts::of(&url).await;
    sale.check().await;
    let per = |count: u64| count as f64 / shape.orders as f64;
    Figures {
        rate: shape.orders as f64 / took.as_secs_f64(),
        rows: per(after.rows - before.rows),
        statements: per(after.statements - before.statements),
        commits: (after.commits - before.commits) as f64,
    }
}

/// What a database server has done since it started.
struct Counts {
    /// Rows inserted and updated.
    rows: u64,
    /// Statements executed, without those that begin and end transactions.
    statements: u64,
    commits: u64,
}

impl Counts {
    async fn of(url: &str) -> Self {
        let mut conn = sqlx::MySqlConnection::connect(url).await.expect("the server is there");
        let rows: Vec<(String, String)> =
            sqlx::query_as("SHOW GLOBAL STATUS").fetch_all(&mut conn).await.expect("counts");
        let of = |names: &[&str]| {
            let known = rows.iter().filter(|(name, _)| names.contains(&name.as_str()));
            known.map(|(_, value)| value.parse::<u64>().expect("a count")).sum()
        };
        Self {
            rows: of(&["Handler_write", "Handler_update"]),
            statements: of(&["Com_insert", "Com_update", "Com_select", "Com_delete", "Com_replace"]),
            commits: of(&["Com_commit"]),
        }
    }
}

/// Installs the peer by the names of its packages.
fn install(folder: &Path) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtests/bullmq");
    for file in ["package.json", "orders.mjs"] {
        std::fs::copy(ours.join(file), folder.join(file)).expect("the peer's files are here");
    }
    let installed =
        Command::new("npm").args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(folder).status();
    assert!(
        installed.is_ok_and(|status| status.success()),
        "npm installs BullMQ: Node.js 20 and the npm registry are needed"
    );
}

/// Bare orders a second.
async fn bullmq(folder: &Path) -> f64 {
    let (redis, url) = (OwnRedis::start().await, durable_mysql_url().await);
    let mut child = Command::new("node")
        .arg("orders.mjs")
        .current_dir(folder)
        .env("REDIS_PORT", redis.address().port().to_string())
        .env("MYSQL_URL", &url)
        .env("ORDERS", ORDERS.to_string())
        .env("CONCURRENCY", CONCURRENCY.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is installed");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("it says more").expect("text");
    assert_eq!(line(), "ready");
    child.stdin.take().expect("piped").write_all(b"go\n").expect("it reads");
    let seconds: f64 = line().parse().expect("seconds");
    child.wait().expect("it ends");
    ORDERS as f64 / seconds
}

/// Rows a second of bare inserts: rows like an order's line, with nothing to read, and one index.
async fn ceiling() -> f64 {
    let url = durable_mysql_url().await;
    let mut conn = sqlx::MySqlConnection::connect(&url).await.expect("the server is there");
    let table = "CREATE TABLE bare (order_id VARCHAR(40) NOT NULL, line BIGINT NOT NULL, seat BIGINT NOT NULL, \
         ticket_type VARCHAR(48) NOT NULL, price BIGINT NOT NULL, discount BIGINT NOT NULL, points BIGINT NOT NULL, \
         cash BIGINT NOT NULL, PRIMARY KEY (order_id, line))";
    conn.execute(table).await.expect("a table");
    let one = "(?, ?, ?, ?, ?, ?, ?, ?)";
    let text = format!("INSERT INTO bare VALUES {}", vec![one; ROWS_AT_ONCE].join(", "));
    let text: &'static str = Box::leak(text.into_boxed_str());
    let began = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let url = url.clone();
            tokio::spawn(async move {
                let mut conn = sqlx::MySqlConnection::connect(&url).await.expect("the server is there");
                let mut rows = 0u64;
                while began.elapsed() < CEILING {
                    let mut query = sqlx::query(text);
                    for _ in 0..ROWS_AT_ONCE {
                        rows += 1;
                        let order = format!("o{writer:02}{:032x}", rows / 2);
                        query = query.bind(order).bind((rows % 2) as i64).bind(rows as i64).bind("standard");
                        query = query.bind(55_000i64).bind(5_000i64).bind(1_000i64).bind(49_000i64);
                    }
                    query.execute(&mut conn).await.expect("new rows");
                }
                rows
            })
        })
        .collect();
    let mut rows = 0;
    for writer in writers {
        rows += writer.await.expect("no panic");
    }
    rows as f64 / began.elapsed().as_secs_f64()
}
