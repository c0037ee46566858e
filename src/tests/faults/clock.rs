//! A machine's clock is stepped by a day, either way, under a running gateway: no place, hold or order ends because of
//! it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use stanchion::clock::Clock;

use super::crash::token;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, SECRET, Store, eventually, unique};
use crate::support::process::Process;

const DAY_S: i64 = 86_400;

/// Sets the system clock of a process through libfaketime. The process's monotonic clock is not changed.
struct StepClock {
    file: PathBuf,
    library: String,
}

impl StepClock {
    fn new(dir: &Path) -> Self {
        let folders = std::fs::read_dir("/usr/lib").expect("Linux").flatten().map(|folder| folder.path());
        let library = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|path| path.exists());
        let library = library.expect("`make packages` installs libfaketime").display().to_string();
        let clock = Self { file: dir.join("clock"), library };
        clock.step(0);
        clock
    }

    fn step(&self, by_s: i64) {
        // Renamed into place, because a process must never read a file that is half written.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{by_s:+}\n")).expect("the folder can be written");
        std::fs::rename(&next, &self.file).expect("in the same folder");
    }

    fn environment(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().expect("ASCII")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }
}

/// How far the system clock behind a gateway's answers is ahead of this test's, s.
async fn off_s(client: &Client) -> i64 {
    let answer = client.get("/healthz").send().await;
    let date = answer.header("date").expect("every answer says when it was made");
    let date = jiff::fmt::rfc2822::parse(date).expect("an HTTP date");
    date.timestamp().as_second() - Clock::system().now_ms() / 1_000
}

/// A sale under way: a visitor who waits, one inside, a hold, and an order that waits for its payment.
struct Sale {
    event: String,
    waiting: String,
    inside: String,
    user: String,
    hold: String,
    order: String,
}

impl Sale {
    async fn begin(public: &Client, admin: &Client) -> Self {
        let (event, user) = (unique("steady"), unique("kim"));
        let spec = json!({
            "name": "Steady hall", "starts_at": "2035-01-01T00:00:00Z", "currency": "KRW", "organizer": "o",
            "sections": [{"id": "a", "name": "A", "price": 1000, "capacity": 100}], "seats_per_user": 4,
            "room": {"capacity": 1, "rate_per_min": 6000},
        });
        let path = format!("/v1/admin/events/{event}");
        admin.put(&path).bearer(&token("root", "admin")).json(&spec).send().await.expect(201);
        eventually("the event is sold here", async || {
            public.get(&format!("/v1/events/{event}")).send().await.status == 200
        })
        .await;
        let line = format!("/v1/events/{event}/queue");
        let enter = async || public.post(&line).json(&json!({})).send().await.expect(201);
        let first = enter().await;
        let (inside, pass) = (first.text("token"), first.text("pass"));
        let waiting = enter().await.text("token");
        let post = |path: &str, body: Value| {
            public.post(path).bearer(&token(&user, "")).pass(&pass).key(&unique("key")).json(&body)
        };
        let holds = format!("/v1/events/{event}/holds");
        let hold = async || post(&holds, json!({"section": "a", "quantity": 1})).send().await.expect(201).text("id");
        let ordered = hold().await;
        let order = post("/v1/orders", json!({"event": event, "hold": ordered})).send().await.expect(202).text("id");
        let hold = hold().await;
        let sale = Self { event, waiting, inside, user, hold, order };
        eventually("the order waits for its payment", async || {
            sale.read(public, &format!("/v1/orders/{}", sale.order)).await["status"] == "pending_payment"
        })
        .await;
        sale
    }

    async fn read(&self, public: &Client, path: &str) -> Value {
        public.get(path).bearer(&token(&self.user, "")).send().await.expect(200).json
    }

    async fn stands(&self, public: &Client) {
        let line = format!("/v1/events/{}/queue", self.event);
        let place = async |token: &str| public.get(&line).queue(token).send().await.expect(200).text("state");
        assert_eq!(place(&self.inside).await, "admitted");
        assert_eq!(place(&self.waiting).await, "waiting");
        let hold = self.read(public, &format!("/v1/events/{}/holds/{}", self.event, self.hold)).await;
        assert_eq!(hold["state"], "held", "{hold}");
        let order = self.read(public, &format!("/v1/orders/{}", self.order)).await;
        assert_eq!(order["status"], "pending_payment", "{order}");
    }
}

/// Steps the clock of the gateway that `stepped` reaches: a day ahead, then a day behind. Checks each time that the
/// sale stands for all `lookers`. No answer's date shows the step back, because hyper writes the old date until its
/// clock is past it again.
async fn stands_through_the_steps(clock: &StepClock, stepped: &Client, sale: &Sale, lookers: &[&Client]) {
    for by_s in [DAY_S, -DAY_S] {
        clock.step(by_s);
        if by_s > 0 {
            eventually("the step is seen", async || (off_s(stepped).await - by_s).abs() < 60).await;
        }
        // Waits for some pulses, ticks of the writer, and measurements of other clocks.
        tokio::time::sleep(Duration::from_secs(4)).await;
        for public in lookers {
            sale.stands(public).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gateways_stepped_clock_ends_nothing_on_redis() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let clock = StepClock::new(dir.path());
    let one = Gateway::start(Store::Redis).await;
    let more = [
        ("STANCHION__STORE__KIND", "redis"),
        ("STANCHION__REDIS__URL", one.config.redis.url.as_str()),
        ("STANCHION__LEDGER__URL", one.config.ledger.url.as_str()),
        ("STANCHION__QUEUE__SECRETS", SECRET),
    ];
    let environment: Vec<(&str, &str)> = clock.environment().into_iter().chain(more).collect();
    let two = Process::start_with(dir.path(), &environment).await;
    let sale = Sale::begin(&one.public, &one.admin).await;
    eventually("the other gateway sells it too", async || {
        two.public.get(&format!("/v1/events/{}", sale.event)).send().await.status == 200
    })
    .await;
    stands_through_the_steps(&clock, &two.public, &sale, &[&one.public, &two.public]).await;
    assert_eq!(two.terminate(), Some(0));
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stepped_clock_ends_nothing_on_the_embedded_store() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let clock = StepClock::new(dir.path());
    let process = Process::start_with(dir.path(), &clock.environment()).await;
    let sale = Sale::begin(&process.public, &process.admin).await;
    stands_through_the_steps(&clock, &process.public, &sale, &[&process.public]).await;
    assert_eq!(process.terminate(), Some(0));
}
