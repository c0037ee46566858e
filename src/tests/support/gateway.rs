//! A whole gateway in this process, on either store, for one test. When it is dropped, it is audited and stopped: a
//! violated invariant fails the test that caused it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stanchion::app::{App, PartDied, Role, telemetry};
use stanchion::clock::{self, Clock};
use stanchion::config::{Config, StoreKind, load_from};
use stanchion::edge::auth::{Mint, mint};
use stanchion::edge::router::Listener;
use stanchion::shutdown::{self, Stop};

use super::client::{Call, Client};
use super::{contract, servers};

pub const SECRET: &str = "a-secret-for-tests-only-0123456789abcdef";

/// Where a gateway keeps its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Embedded,
    Redis,
}

pub struct Gateway {
    pub public: Client,
    pub admin: Client,
    pub public_url: String,
    pub admin_url: String,
    pub config: Config,
    pub clock: Clock,
    stop: Option<Stop>,
    running: Option<tokio::task::JoinHandle<Result<(), PartDied>>>,
    /// Shared by the gateways on one store: the folder is deleted with the last of them.
    dir: std::sync::Arc<tempfile::TempDir>,
    audited: bool,
}

/// A configuration with a database, a folder and free ports of its own.
pub async fn config(store: Store, dir: &std::path::Path) -> Config {
    let mut config = load_from("", std::iter::empty()).expect("the defaults are good");
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.admin.listen = ([127, 0, 0, 1], 0).into();
    config.store.data_dir = dir.to_owned();
    config.store.lanes = 4;
    config.auth.hs256_secret = SECRET.to_owned();
    config.queue.secrets = vec![SECRET.to_owned()];
    config.queue.pulse_ms = 50;
    config.limits.client_rps = 0;
    config.limits.join_rps = 0;
    config.limits.visitor_rps = 0;
    config.pipeline.idle_ms = 20;
    config.payment.timeout_ms = 500;
    if store == Store::Redis {
        config.store.kind = StoreKind::Redis;
        config.redis.url = servers::redis_url().await;
        config.redis.pool = 2;
        config.ledger.url = servers::mysql_url().await;
        config.ledger.write_pool = 4;
        config.ledger.read_pool = 4;
    }
    config
}

impl Gateway {
    /// Starts a gateway on a store of its own.
    pub async fn start(store: Store) -> Self {
        Self::start_with(store, |_| {}).await
    }

    /// As [`Gateway::start`], with a changed configuration.
    pub async fn start_with(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        super::dialect::read_all();
        let dir = std::sync::Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let mut config = config(store, dir.path()).await;
        change(&mut config);
        Self::run(config, dir, Clock::system(), Role::All).await
    }

    /// Starts another gateway on the same store (Redis only), as if in another process, in this role.
    pub async fn another(&self, role: Role) -> Self {
        self.another_with(role, |_| {}).await
    }

    /// As [`Gateway::another`], with a changed configuration.
    pub async fn another_with(&self, role: Role, change: impl FnOnce(&mut Config)) -> Self {
        assert_eq!(self.config.store.kind, StoreKind::Redis, "the embedded store is one process's");
        let mut config = self.config.clone();
        change(&mut config);
        Self::run(config, self.dir.clone(), self.clock.clone(), role).await
    }

    async fn run(config: Config, dir: std::sync::Arc<tempfile::TempDir>, clock: Clock, role: Role) -> Self {
        let app = App::build_at(config.clone(), role, telemetry::recorder(), clock.clone()).await;
        let bound = app.unwrap_or_else(|e| panic!("cannot build: {e:?}")).bind().await.expect("free ports");
        let (public_url, admin_url) =
            (format!("http://{}", bound.public_addr()), format!("http://{}", bound.admin_addr()));
        let (stop, stopping) = shutdown::channel();
        let running = tokio::spawn(bound.run(stopping));
        let gateway = Self {
            public: Client::new(public_url.clone()).held_to(contract::of(Listener::Public, config.admin.public)),
            admin: Client::new(admin_url.clone()).held_to(contract::of(Listener::Admin, config.admin.public)),
            public_url,
            admin_url,
            config,
            clock,
            stop: Some(stop),
            running: Some(running),
            dir,
            audited: role == Role::All,
        };
        gateway.ready().await;
        gateway
    }

    /// Waits until every lane answers and none is recovering.
    pub async fn ready(&self) {
        let ready = async || {
            let answer = self.admin.get("/readyz").send().await;
            let none = |lanes: &str| answer.json[lanes].as_array().is_none_or(Vec::is_empty);
            answer.status == 200 && none("recovering") && none("away")
        };
        eventually("the gateway is ready", ready).await;
    }

    /// A bearer token for this user.
    pub fn token(&self, user: &str) -> String {
        mint(&self.config.auth, &self.clock, Mint { sub: user, scope: "", ttl_s: 3_600 }).expect("a secret signs")
    }

    pub fn admin_token(&self) -> String {
        mint(&self.config.auth, &self.clock, Mint { sub: "root", scope: "admin", ttl_s: 3_600 })
            .expect("a secret signs")
    }

    /// A call to the admin listener with an admin's bearer token.
    pub fn admin_call(&self, method: http::Method, path: &str) -> Call {
        self.admin.call(method, path).bearer(&self.admin_token())
    }

    /// Creates or changes an event.
    pub async fn put_event(&self, event: &str, spec: &Value) {
        let path = format!("/v1/admin/events/{event}");
        let answer = self.admin_call(http::Method::PUT, &path).json(spec).send().await;
        assert!(answer.status.is_success(), "{}: {}", answer.status, answer.json);
    }

    /// Creates or changes a campaign.
    pub async fn put_campaign(&self, campaign: &str, spec: &Value) {
        let path = format!("/v1/admin/coupons/{campaign}");
        let answer = self.admin_call(http::Method::PUT, &path).json(spec).send().await;
        assert!(answer.status.is_success(), "{}: {}", answer.status, answer.json);
    }

    /// Gives a user points.
    pub async fn grant(&self, user: &str, amount: i64) {
        let body = json!({"amount": amount, "expires_at": null, "reason": "test"});
        let path = format!("/v1/admin/users/{user}/points");
        self.admin_call(http::Method::POST, &path).key(&unique("grant")).json(&body).send().await.expect(201);
    }

    /// Enters the room and waits to be let in; returns the pass.
    pub async fn pass(&self, event: &str) -> String {
        let path = format!("/v1/events/{event}/queue");
        let entered = self.public.post(&path).json(&json!({})).send().await.expect(201);
        let token = entered.text("token");
        let pass = std::sync::Mutex::new(entered.json["pass"].as_str().map(str::to_owned));
        eventually("the visitor is let in", async || {
            if pass.lock().expect("one task").is_some() {
                return true;
            }
            let polled = self.public.get(&path).queue(&token).send().await.expect(200);
            *pass.lock().expect("one task") = polled.json["pass"].as_str().map(str::to_owned);
            polled.json["pass"].is_string()
        })
        .await;
        pass.into_inner().expect("one task").expect("just seen")
    }

    /// Waits until the order is final or waits for its buyer. Returns the order.
    pub async fn concluded(&self, user: &str, order: &str) -> Value {
        let path = format!("/v1/orders/{order}?wait_s=10");
        let last = std::sync::Mutex::new(Value::Null);
        eventually("the order is concluded", async || {
            let answer = self.public.get(&path).bearer(&self.token(user)).send().await.expect(200);
            let done = !matches!(answer.json["status"].as_str(), Some("accepted" | "paying"));
            *last.lock().expect("one task") = answer.json;
            done
        })
        .await;
        last.into_inner().expect("one task")
    }

    /// Stops the gateway as SIGTERM would and waits until it has drained. It is not audited.
    pub async fn stop(mut self) {
        self.audited = false;
        drop(self.stop.take());
        let ended = self.running.take().expect("runs until stopped").await;
        ended.expect("no panic").expect("no part of it died");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(stop) = self.stop.take() else { return };
        // A failing test must report its own failure, not what it left half done.
        if !self.audited || std::thread::panicking() {
            stop.now();
            return;
        }
        let (url, token) = (self.admin_url.clone(), self.admin_token());
        // The test's runtime may have only one thread, which is busy with this drop. So the audit runs on another
        // thread.
        let audit = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let client = Client::new(url).held_to(contract::of(Listener::Admin, false));
                client.get("/v1/admin/audit").bearer(&token).send().await.expect(200).json
            })
        });
        let report = audit.join().expect("the audit answers");
        stop.now();
        assert_eq!(report["ok"], true, "the audit after the test: {report:#}");
    }
}

/// Longer than anything in these tests takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that one look counts. A look takes longer when the whole machine stands still; in that time nothing that is
/// waited for can happen.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// Waits until `holds` returns true.
pub async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let mut waited = Duration::ZERO;
    loop {
        let began = clock::instant();
        if holds().await {
            return;
        }
        assert!(waited < PATIENCE, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        waited += began.elapsed().min(LOOK_MAX);
    }
}

/// A text that no other call in this process gets.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The one ticket type of a section that names none, as answers show it.
pub fn standard(price: i64) -> Value {
    json!({"id": "standard", "name": "Standard", "price": price})
}

/// An open hall with two rows of ten seats and a standing section of twenty.
pub fn small_hall() -> Value {
    json!({
        "name": "Small hall", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [
            {"id": "a", "name": "Floor", "price": 55000, "rows": [{"id": "1", "seats": 10}, {"id": "2", "seats": 10}]},
            {"id": "ga", "name": "Standing", "price": 33000, "capacity": 20},
        ],
        "seats_per_user": 4, "earn_bp": 100,
        "room": {"capacity": 1000, "rate_per_min": 600000, "recover_s": 1},
    })
}
