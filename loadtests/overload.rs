//! An overload of the writer: the ledger answers late for a while, and buyers go on. Compares a room with
//! `control = "adaptive"` and one with `"fixed"`.
//!
//! `cargo run --release --example overload`. README.md says how it is measured. Writes
//! `loadtests/results/overload.csv` and `overload.svg`.

mod support;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use stanchion::clock::Clock;
use stanchion::demo::latency::Quantiles;
use stanchion::demo::persona::Persona;
use stanchion::demo::tally::{Count, CrowdTally, End};
use support::crowd::{self, Crowd};
use support::gateway::{Gateway, House};
use support::plot::{Band, Curve, Panel, Time, svg};
use support::proxy::{Mode, Proxy};
use support::redis::value;
use support::{machine, part, table};
// A call that blocks goes through this, so that the proxy and the buyers still have threads.
use tokio::task::block_in_place as blocking;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENT: &str = "hall";
const RATE_PER_MIN: i64 = 3_000;
/// More than all visitors who come, so that only the rate bounds admission.
const CAPACITY: i64 = 20_000;
/// Buyers who wait at any time.
const WAITING: u64 = 300;

const SECONDS: u64 = 120;
const LATE_FROM: u64 = 20;
const LATE_TO: u64 = 60;
/// How late each of the ledger's answers is from [`LATE_FROM`] to [`LATE_TO`].
const LATE: Duration = Duration::from_millis(10);
/// Records that the writer takes in one transaction: few, so that a crowd that one machine can play is an overload.
const BATCH_MAX: &str = "40";

fn main() -> ExitCode {
    if let Some(part) = part::played() {
        return part::play(&part);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{}", machine::line());
    let runs = ["adaptive", "fixed"].map(|control| runtime.block_on(run(control)));
    let results = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtests/results");
    std::fs::create_dir_all(&results).expect("the repository can be written to");
    std::fs::write(results.join("overload.csv"), csv(&runs)).expect("room on the disk");
    std::fs::write(results.join("overload.svg"), picture(&runs)).expect("room on the disk");
    for run in &runs {
        run.tell();
    }
    let wrong: u64 = runs.iter().map(|run| run.wrong).sum();
    ExitCode::from(u8::from(wrong > 0 || runs.iter().any(|run| !run.audit_ok)))
}

/// Figures of one second.
#[derive(Debug, Clone, Copy)]
struct Second {
    at_s: f64,
    oldest_s: f64,
    backlog: f64,
    /// Admissions allowed, a minute.
    rate: f64,
    admitted: f64,
    ordered: f64,
    confirmed: f64,
}

struct Run {
    control: &'static str,
    seconds: Vec<Second>,
    /// The transactions that were made while the ledger was late.
    transactions: Transactions,
    /// From the order's answer to its confirmation.
    waits: Quantiles,
    /// Wrong answers, and visitors who were admitted and bought nothing.
    wrong: u64,
    audit_ok: bool,
}

/// The writer's transactions, of all lanes together.
#[derive(Debug, Clone, Copy, Default)]
struct Transactions {
    count: f64,
    seconds: f64,
    records: f64,
}

impl Transactions {
    fn of(gateway: &Gateway) -> Self {
        Self {
            count: gateway.metric("stanchion_pipeline_commit_seconds_count", ""),
            seconds: gateway.metric("stanchion_pipeline_commit_seconds_sum", ""),
            records: gateway.metric("stanchion_pipeline_batch_records_sum", ""),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            count: self.count - before.count,
            seconds: self.seconds - before.seconds,
            records: self.records - before.records,
        }
    }
}

async fn run(control: &'static str) -> Run {
    let mut house = House::start().await;
    let ledger: SocketAddr = address_of(&house.ledger_url).parse().expect("loopback and a port");
    let proxy = Proxy::to(ledger).await;
    house.ledger_url = house.ledger_url.replace(&ledger.to_string(), &proxy.addr.to_string());
    let gateway = blocking(|| {
        house.gateway(&[
            ("STANCHION__LIMITS__VISITOR_RPS", "0"),
            ("STANCHION__PIPELINE__BATCH_MAX", BATCH_MAX),
            ("STANCHION__LOG__LEVEL", "off"),
        ])
    });
    blocking(|| {
        gateway.put_event_with(
            EVENT,
            &json!({
                "sections": [{"id": "ga", "name": "Standing", "price": 1000, "capacity": 50_000}],
                "room": {"mode": "open", "capacity": CAPACITY, "rate_per_min": RATE_PER_MIN, "control": control},
            }),
        );
    });
    let rooms = value(&house.redis.says(&format!("KEYS *:e:{EVENT}:room")));
    let log = rooms.list()[0].text().replace(&format!("e:{EVENT}:room"), "log");
    let mut crowd = Crowd::at(&gateway, &["ga"]);
    let (tally, stop) = (crowd.tally.clone(), Arc::new(AtomicBool::new(false)));
    let filling = tokio::spawn({
        let stop = stop.clone();
        async move {
            fill(&mut crowd, &stop).await;
            crowd
        }
    });
    // Waits until the bucket's first burst is over.
    tokio::time::sleep(Duration::from_secs(5)).await;

    println!("{control}: {} s", SECONDS);
    let (began, mut seconds) = (Instant::now(), Vec::new());
    let mut beats = tokio::time::interval(Duration::from_secs(1));
    let mut transactions = Transactions::default();
    let mut before = blocking(|| look(&house, &log, &gateway, &tally));
    beats.tick().await;
    for second in 1..=SECONDS {
        beats.tick().await;
        match second {
            LATE_FROM => {
                transactions = blocking(|| Transactions::of(&gateway));
                proxy.set(Mode::Delay(LATE));
            }
            LATE_TO => {
                proxy.set(Mode::Pass);
                transactions = blocking(|| Transactions::of(&gateway)).since(&transactions);
            }
            _ => {}
        }
        let now = blocking(|| look(&house, &log, &gateway, &tally));
        let took = now.at.duration_since(before.at).as_secs_f64();
        let a_second = |now: f64, before: f64| (now - before) / took;
        seconds.push(Second {
            at_s: began.elapsed().as_secs_f64(),
            oldest_s: now.oldest_s,
            backlog: now.backlog,
            rate: now.rate,
            admitted: a_second(now.admitted, before.admitted),
            ordered: a_second(now.ordered, before.ordered),
            confirmed: a_second(now.confirmed, before.confirmed),
        });
        before = now;
    }
    stop.store(true, Ordering::Relaxed);
    let crowd = filling.await.expect("no panic");
    // Nobody else is admitted. Everybody who was must buy in the end, and the audit must be clean.
    blocking(|| gateway.patch_room(EVENT, &json!({"mode": "paused"})));
    let patience = Instant::now();
    while tally.get(Count::Finished) < tally.get(Count::Admitted) && patience.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Those who wait go home.
    drop(crowd);
    let lost = tally.get(Count::Admitted) - crowd::ended(&tally, End::Bought);
    if lost > 0 {
        println!("{lost} visitors were admitted and bought nothing");
    }
    let audit = blocking(|| gateway.audit());
    if audit["ok"] != true {
        println!("audit: {audit}");
    }
    let wrong = crowd::wrong(&tally, &[End::Bought]) + lost;
    Run { control, seconds, transactions, waits: tally.confirmation.quantiles(), wrong, audit_ok: audit["ok"] == true }
}

fn address_of(url: &str) -> &str {
    let behind = url.rsplit_once('@').expect("a user and an address").1;
    behind.split('/').next().expect("an address")
}

struct Look {
    at: Instant,
    oldest_s: f64,
    backlog: f64,
    rate: f64,
    admitted: f64,
    ordered: f64,
    confirmed: f64,
}

/// Reads the log in Redis itself, because the gateway's gauges of it come from the writer, which is late here. The rate
/// comes from the gateway's metrics.
fn look(house: &House, log: &str, gateway: &Gateway, tally: &CrowdTally) -> Look {
    let oldest = value(&house.redis.says(&format!("XRANGE {log} - + COUNT 1")));
    let fields = oldest.list().first().map(|entry| entry.list()[1].list().to_vec()).unwrap_or_default();
    let at_ms = fields.chunks(2).find(|field| field[0].text() == "at").and_then(|field| field[1].number());
    let backlog = value(&house.redis.says(&format!("XLEN {log}"))).number().unwrap_or(0) as f64;
    Look {
        at: Instant::now(),
        oldest_s: at_ms.map_or(0.0, |at_ms| (Clock::system().now_ms() - at_ms).max(0) as f64 / 1e3),
        backlog,
        rate: gateway.metric("stanchion_admission_rate_per_minute", ""),
        admitted: tally.get(Count::Admitted) as f64,
        ordered: tally.get(Count::Ordered) as f64,
        confirmed: tally.get(Count::Confirmed) as f64,
    }
}

/// Keeps [`WAITING`] buyers waiting until told to stop.
async fn fill(crowd: &mut Crowd, stop: &AtomicBool) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let waiting = n as u64 - crowd.tally.get(Count::Admitted);
        for _ in waiting..WAITING {
            n += 1;
            crowd.send(EVENT, &format!("buyer-{n}"), Persona::buyer(n, 1));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// --- What came of it ---

impl Run {
    fn tell(&self) {
        let within = |from: u64, to: u64| {
            let seconds = self.seconds.iter().filter(move |s| s.at_s > from as f64 && s.at_s <= to as f64);
            seconds.copied().collect::<Vec<_>>()
        };
        println!("\ncontrol = {:?}", self.control);
        let spans = [("before", 5, LATE_FROM), ("late", LATE_FROM, LATE_TO), ("after", LATE_TO, SECONDS)];
        for (name, from, to) in spans {
            table::head(&format!("{name}, {from} to {to} s"));
            let seconds = within(from, to);
            let of = |figure: fn(&Second) -> f64| seconds.iter().map(figure).collect::<Vec<_>>();
            table::row("oldest record's age, s", of(|s| s.oldest_s), 1);
            table::row("records waiting", of(|s| s.backlog), 0);
            table::row("admissions a minute allowed", of(|s| s.rate), 0);
            table::row("admitted a second", of(|s| s.admitted), 1);
            table::row("orders confirmed a second", of(|s| s.confirmed), 1);
        }
        let Transactions { count, seconds, records } = self.transactions;
        println!(
            "\nwhile the ledger was late: {count:.0} transactions of {:.1} records and {:.2} s each",
            records / count.max(1.0),
            seconds / count.max(1.0)
        );
        println!(
            "{} orders confirmed; from order to confirmation {:.1} s (half), {:.1} s (99 of 100), {:.1} s (longest); \
             answers that should not be: {}; audit {}",
            self.waits.count,
            self.waits.p50.as_secs_f64(),
            self.waits.p99.as_secs_f64(),
            self.waits.max.as_secs_f64(),
            self.wrong,
            if self.audit_ok { "clean" } else { "NOT clean" }
        );
    }

    fn curve(&self, name: &'static str, colour: &'static str, dashed: bool, figure: fn(&Second) -> f64) -> Curve {
        Curve { name, colour, dashed, points: self.seconds.iter().map(|s| (s.at_s, figure(s))).collect() }
    }
}

fn csv(runs: &[Run]) -> String {
    let mut text =
        "control,second,oldest_s,backlog,rate_per_min,admitted_per_s,ordered_per_s,confirmed_per_s\n".to_owned();
    for run in runs {
        for s in &run.seconds {
            let _ = writeln!(
                text,
                "{},{:.1},{:.2},{:.0},{:.0},{:.1},{:.1},{:.1}",
                run.control, s.at_s, s.oldest_s, s.backlog, s.rate, s.admitted, s.ordered, s.confirmed
            );
        }
    }
    text
}

fn picture(runs: &[Run; 2]) -> String {
    const ADAPTIVE: &str = "#0b63b5";
    const FIXED: &str = "#c2410c";
    let [adaptive, fixed] = runs;
    let panels = [
        Panel {
            title: "Age of the oldest record that waits for the writer, seconds",
            curves: vec![
                adaptive.curve("control = adaptive", ADAPTIVE, false, |s| s.oldest_s),
                fixed.curve("control = fixed", FIXED, false, |s| s.oldest_s),
            ],
        },
        Panel {
            title: "Visitors let in, a second",
            curves: vec![
                adaptive.curve("adaptive: allowed", ADAPTIVE, true, |s| s.rate / 60.0),
                adaptive.curve("adaptive: let in", ADAPTIVE, false, |s| s.admitted),
                fixed.curve("fixed: let in", FIXED, false, |s| s.admitted),
            ],
        },
        Panel {
            title: "Records that wait for the writer",
            curves: vec![
                adaptive.curve("control = adaptive", ADAPTIVE, false, |s| s.backlog),
                fixed.curve("control = fixed", FIXED, false, |s| s.backlog),
            ],
        },
    ];
    let band = Band { from: LATE_FROM as f64, to: LATE_TO as f64, text: "each answer of the ledger 10 ms late" };
    svg(&panels, Some(&band), &Time { until: SECONDS as f64, unit: "s" })
}
