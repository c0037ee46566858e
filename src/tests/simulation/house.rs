//! The house of a history: two gateways and two writers on the same lanes and the same ledger. Each is a whole [`App`]
//! without sockets.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use serde_json::Value;
use stanchion::app::{self, App, Role};
use stanchion::clock::Clock;
use stanchion::config::{Config, load_from};
use stanchion::edge::auth::{Mint, mint};
use stanchion::edge::router::Listener;
use stanchion::edge::service::Service;
use stanchion::ledger::{Ledger, ReadSource};
use stanchion::payment::Provider;
use stanchion::pipeline::audit;
use stanchion::shutdown::{self, Stop};
use tokio::task::JoinHandle;

use super::bank::Bank;
use super::finish::{finish, outside};
use super::lanes::{Borrowed, Ground, LANES, Store};
use super::people::WEBHOOK;
use super::process::Process;
use super::seen;
use super::support::doors::pass_key;
use super::support::servers::mysql_url;
use super::weather::{Kind, OF_FILES, Weather};
use super::wire::Wire;

/// 2026-11-20T10:00:00Z
pub const BEGIN_MS: i64 = 1_795_168_800_000;
const SECRET: &str = "a secret of the simulation, long enough for anyone";
/// The gateways, then the writers.
const ROLES: [Role; 4] = [Role::Edge, Role::Edge, Role::Writer, Role::Writer];
pub const GATEWAYS: usize = 2;
/// The time limit of the ledger's reads. No read takes that long.
const READ_LIMIT: Duration = Duration::from_secs(3);

/// The stores of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Lanes in memory or in a file, and SQLite.
    Files,
    /// Redis and MariaDB.
    Servers,
}

pub struct House {
    pub weather: Arc<Weather>,
    pub bank: Arc<Bank>,
    pub lanes: Arc<Store>,
    on: On,
    ledger: Ledger,
    config: Config,
    clock: Clock,
    /// The processes, by number; `None` while one is dead.
    parts: Vec<Mutex<Option<Part>>>,
    born: AtomicU64,
    _dir: tempfile::TempDir,
}

/// A running process.
struct Part {
    /// No other process of the history has this number.
    born: u64,
    process: Arc<Process>,
    /// Its configuration differs from the others'.
    odd: bool,
    public: Arc<Service>,
    admin: Arc<Service>,
    stop: Stop,
    running: JoinHandle<()>,
}

/// A listener of a gateway.
pub struct Door {
    pub service: Arc<Service>,
    pub process: Arc<Process>,
    pub born: u64,
}

/// What a process begins with.
struct Begun {
    config: Config,
    providers: Vec<Arc<dyn Provider>>,
    /// The configuration differs from the others'.
    odd: bool,
}

impl House {
    pub async fn open(weather: Arc<Weather>, on: On) -> Arc<Self> {
        let dir = folder();
        let lanes = match on {
            On::Servers => Ground::Redis(Borrowed::new()),
            On::Files if weather.knows(&OF_FILES) => Ground::File(dir.path().join("lanes")),
            On::Files => Ground::Memory,
        };
        let house = Arc::new(Self {
            bank: Bank::new(weather.clone()),
            config: config(dir.path()),
            clock: Clock::played(BEGIN_MS),
            parts: ROLES.iter().map(|_| Mutex::default()).collect(),
            born: AtomicU64::new(0),
            weather,
            lanes: Store::new(lanes),
            ledger: ledger(on, dir.path()),
            on,
            _dir: dir,
        });
        for number in 0..ROLES.len() {
            house.start(number).await;
        }
        house
    }

    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Starts a process. Tries again until the stores answer.
    pub async fn start(self: &Arc<Self>, number: usize) {
        let role = ROLES[number];
        loop {
            let process = Process::new(self.weather.clone(), role, self.now_ms());
            let Begun { config, providers, odd } = self.configured();
            let ground = app::Ground {
                lanes: seen::lanes(&self.lanes, &process),
                ledger: self.ledger_of(&process),
                providers: providers.into_iter().collect(),
                clock: process.clock.clone(),
            };
            let prometheus = PrometheusBuilder::new().build_recorder().handle();
            let Ok(app) = App::build_on(config, role, prometheus, ground).await else {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            };
            let service = |listener| Arc::new(Service::new(app.state().clone(), listener));
            let (public, admin) = (service(Listener::Public), service(Listener::Admin));
            let (stop, stopping) = shutdown::channel();
            let running =
                tokio::spawn(async move { app.run_inside(stopping).await.expect("no part of the house dies") });
            let born = self.born.fetch_add(1, Ordering::Relaxed);
            *self.parts[number].lock() = Some(Part { born, process, odd, public, admin, stop, running });
            return;
        }
    }

    fn configured(&self) -> Begun {
        let mut config = self.config.clone();
        let rules = |kind| self.weather.rules(kind);
        let (log, limiter, bank) = (rules(Kind::LogFull), rules(Kind::LimiterFull), rules(Kind::BankUnknown));
        if log {
            config.pipeline.log_max = 3;
        }
        if limiter {
            (config.limits.visitor_rps, config.limits.keys_max) = (1, 3);
        }
        if bank {
            config.payment.providers.clear();
        }
        let providers = (!bank).then(|| self.bank.clone() as Arc<dyn Provider>).into_iter().collect();
        Begun { config, providers, odd: log || limiter || bank }
    }

    /// Lets the process die after this many steps.
    pub fn doom(&self, number: usize, steps: u64) {
        if let Some(part) = self.parts[number].lock().as_ref() {
            part.process.die_after(steps);
        }
    }

    /// Kills the process: nothing that it was doing goes on.
    pub fn kill(&self, number: usize) {
        if let Some(part) = self.parts[number].lock().take() {
            assert!(!part.running.is_finished(), "process {number} had died of itself");
            part.process.die();
            part.running.abort();
        }
    }

    pub fn freeze(&self, number: usize, time: Duration) {
        if let Some(part) = self.parts[number].lock().as_ref() {
            part.process.freeze(time);
        }
    }

    /// Sets the clock of one process this far off the house's.
    pub fn step_clock(&self, number: usize, by_ms: i64) {
        if let Some(part) = self.parts[number].lock().as_ref() {
            part.process.clock.step(self.now_ms() + by_ms - part.process.clock.now_ms());
        }
    }

    /// Makes all processes live, with the same configuration, and sets their clocks right.
    pub async fn mend(self: &Arc<Self>) {
        for number in 0..self.parts() {
            self.step_clock(number, 0);
            let is_well = self.parts[number].lock().as_ref().is_some_and(|part| !part.odd && !part.process.is_doomed());
            if !is_well {
                self.kill(number);
                self.start(number).await;
            }
        }
    }

    /// A listener of this gateway; `None`: the process is dead.
    pub fn door(&self, number: usize, listener: Listener) -> Option<Door> {
        let part = self.parts[number].lock();
        let part = part.as_ref().filter(|part| !part.process.is_dead())?;
        let service = match listener {
            Listener::Public => part.public.clone(),
            Listener::Admin => part.admin.clone(),
        };
        Some(Door { service, process: part.process.clone(), born: part.born })
    }

    pub fn bearer(&self, user: &str, scope: &str) -> String {
        mint(&self.config.auth, &self.clock, Mint { sub: user, scope, ttl_s: 86_400 }).expect("a secret signs")
    }

    /// Runs the house's own audit. The weather must be calm.
    pub async fn audit(&self) -> audit::AuditReport {
        let process = self.witness();
        let lanes = seen::lanes(&self.lanes, &process);
        audit::run(&lanes, &self.ledger_of(&process), &self.clock).await.expect("the stores answer")
    }

    /// A process that only reads.
    fn witness(&self) -> Arc<Process> {
        Process::new(self.weather.clone(), Role::Edge, self.now_ms())
    }

    fn ledger_of(&self, process: &Arc<Process>) -> Ledger {
        self.ledger.clone().through(Arc::new(Wire { process: process.clone(), outside: self.on == On::Servers }))
    }

    /// Whether every loss would be noticed if a copy of the lanes were put in place now. Their logs ended at `copied`
    /// when it was taken. In each lane the ledger must have seen more than the copy has, or nothing has happened since;
    /// and no record may be only in a log. Otherwise a step after the ledger's last look could be lost unnoticed.
    pub async fn would_miss(&self, copied: &[u64]) -> bool {
        let witness = self.ledger_of(&self.witness());
        for ((lane, copied), now) in self.lanes.all().iter().zip(copied).zip(self.lanes.log_ends()) {
            let saw_more = witness.lane_mark(lane.id()).await.is_ok_and(|mark| mark.log_last.0 > *copied);
            if !saw_more && now != *copied {
                return false;
            }
        }
        self.lanes.is_written()
    }

    /// Whether no record waits to be written, no notice waits to be handed over, and no payment or refund is open.
    pub async fn is_quiet(&self) -> bool {
        let open = "SELECT (SELECT COUNT(*) FROM payment WHERE opened = 1) + (SELECT COUNT(*) FROM refund WHERE opened = 1) \
             + (SELECT COUNT(*) FROM payment_hint) + (SELECT COUNT(*) FROM outbox)";
        let witness = self.ledger_of(&self.witness());
        let count = witness.read("open", ReadSource::Primary, move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar::<_, i64>(open).fetch_one(conn).await?) })
        });
        self.lanes.is_written() && count.await.is_ok_and(|open| open == 0)
    }

    /// All notices that wait for the paused webhook, those of one lane in their order.
    pub async fn notices(&self) -> Vec<Value> {
        let ledger = self.ledger_of(&self.witness());
        let mut notices = Vec::new();
        for lane in self.lanes.all().iter() {
            let due =
                ledger.due_deliveries(WEBHOOK, lane.id(), i64::MAX, i64::MAX).await.expect("a calm ledger answers");
            notices.extend(due.iter().map(|due| serde_json::from_str::<Value>(&due.body).expect("JSON")));
        }
        notices
    }

    /// The ids of the dead letters in the ledger.
    pub async fn dead_letters(&self) -> Vec<String> {
        let ledger = self.ledger_of(&self.witness());
        let ids = ledger.read("dead letters", ReadSource::Primary, |conn| {
            Box::pin(
                async move { Ok(sqlx::query_scalar("SELECT id FROM dead_letter ORDER BY id").fetch_all(conn).await?) },
            )
        });
        ids.await.expect("a calm ledger answers")
    }

    /// Stops all processes and waits until they have ended.
    pub async fn close(&self) {
        for part in &self.parts {
            let part = part.lock().take();
            if let Some(part) = part {
                part.stop.now();
                part.running.await.expect("no part of the house dies");
            }
        }
    }

    pub fn forget(&self) {
        match self.on {
            On::Files => finish(self.ledger.close()),
            On::Servers => outside(self.ledger.close()),
        }
    }
}

/// What seals the accounts of refunds.
const ACCOUNT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn config(dir: &Path) -> Config {
    let mut config = load_from("", std::iter::empty()).expect("the defaults are good");
    let key = dir.join("pass.pem");
    // One key for all histories of this program: it does not appear in any trace.
    static KEY: OnceLock<String> = OnceLock::new();
    std::fs::write(&key, KEY.get_or_init(pass_key)).expect("room for a key");
    config.store.data_dir = dir.to_path_buf();
    config.store.lanes = LANES;
    config.auth.hs256_secret = SECRET.to_owned();
    config.queue.secrets = vec![SECRET.to_owned()];
    config.pass.private_key_file = key.to_string_lossy().into_owned();
    config.limits.client_rps = 0;
    config.limits.join_rps = 0;
    config.limits.visitor_rps = 0;
    config.payment.payment_unknown_s = 60;
    config.payment.sandbox.min_amount = 500;
    config.payment.account_key = ACCOUNT_KEY.to_owned();
    config.payment.deposit_ttl_s = 90;
    config.pipeline.batch_max = 20;
    config
}

/// A folder in memory where the machine has one, so that a history waits for no disk.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

fn ledger(on: On, dir: &Path) -> Ledger {
    match on {
        On::Files => {
            let file = dir.join("ledger.sqlite");
            std::fs::write(&file, empty_ledger()).expect("room for a ledger");
            finish(Ledger::sqlite(&file, 2, READ_LIMIT)).expect("opens")
        }
        On::Servers => {
            outside(async { Ledger::mysql(&mysql_url().await, None, 4, 4, READ_LIMIT).await }).expect("opens")
        }
    }
}

/// Makes what all histories of this program share. This happens before the first history, so that it is like the
/// others.
pub fn prepare() {
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { empty_ledger().len() })
    });
    made.join().expect("no panic");
}

/// A ledger's file with all tables and no rows. Making one takes longer than most histories.
fn empty_ledger() -> &'static [u8] {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let dir = folder();
        let file = dir.path().join("ledger.sqlite");
        let ledger = finish(Ledger::sqlite(&file, 1, READ_LIMIT)).expect("opens");
        finish(ledger.close());
        std::fs::read(&file).expect("it is there")
    })
}
