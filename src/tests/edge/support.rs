//! The edge alone: its service over volatile lanes, called without a network.

use std::sync::Arc;
use std::time::Duration;

use crate::edge::absent::Absent;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use stanchion::admission::pace::Pace;
use stanchion::admission::passes::Passes;
use stanchion::admission::proof::{Policy, Proofs};
use stanchion::admission::tokens::Tokens;
use stanchion::admission::{Admission, AdmissionSettings, Entrance};
use stanchion::catalog::Catalog;
use stanchion::clock::Clock;
use stanchion::config::{Config, load_from};
use stanchion::edge::auth::{Mint, mint};
use stanchion::edge::router::Listener;
use stanchion::edge::service::Service;
use stanchion::edge::{EdgeParts, State};
use stanchion::facts::ids::{EventId, LogId};
use stanchion::inventory;
use stanchion::inventory::Inventory;
use stanchion::lane::Lanes;
use stanchion::lane::memory::volatile;
use stanchion::lane::rooms::Pulse;
use stanchion::ledger::Ledger;
use stanchion::limiter::Limiter;

use crate::support::client::Contract as _;
use crate::support::contract;
use crate::support::doors::pass_key;

pub const SECRET: &str = "a secret of the tests, long enough for anyone";

/// 2026-11-20T10:00:00Z
pub const NOW_MS: i64 = 1_795_168_800_000;

pub struct Edge {
    pub state: Arc<State>,
    pub ledger: Ledger,
    pub public: Arc<Service>,
    pub admin: Arc<Service>,
    pub clock: Clock,
    pub lanes: Lanes,
    pub operator: Arc<Absent>,
    _dir: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Empty when the body is compressed.
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or(""))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("text")).collect()
    }

    pub fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("{field} in {}", self.json)).to_owned()
    }
}

/// A request under construction.
pub struct Call<'a> {
    service: &'a Service,
    request: http::request::Builder,
    body: Vec<u8>,
}

impl Call<'_> {
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub async fn send(self) -> Answer {
        let request: Request<_> = self.request.body(Full::from(self.body)).expect("a request");
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.service.call(request, ([192, 0, 2, 1], 5000).into()).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("infallible").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let is_text = !parts.headers.contains_key("content-encoding");
        let text = if is_text { String::from_utf8(bytes.to_vec()).expect("text") } else { String::new() };
        let answer = Answer { status: parts.status, headers: parts.headers, body: bytes, text, json };
        let contract = contract::of(self.service.listener(), self.service.state().config.admin.public);
        contract.check(&method, &path, answer.status.as_u16(), &answer.headers, &answer.json);
        answer
    }
}

impl Edge {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = load_from("", std::iter::empty()).expect("the defaults are good");
        config.auth.hs256_secret = SECRET.to_owned();
        config.queue.secrets = vec![SECRET.to_owned()];
        config.limits.client_rps = 0;
        config.limits.join_rps = 0;
        config.limits.visitor_rps = 0;
        change(&mut config);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::sqlite(&dir.path().join("ledger.db"), 2, Duration::from_secs(3)).await.expect("opened");
        let (clock, lanes) = (Clock::fixed(NOW_MS), volatile(2));
        for lane in lanes.iter() {
            lane.begin_restore(0, 1, LogId(0)).await.expect("begun");
            lane.end_restore(0, 1).await.expect("built");
        }
        let settings = inventory::InventorySettings {
            log_max: 10,
            attempts_max: 10,
            waits_max: 10,
            coupon_secrets: vec![SECRET.into()],
        };
        let operator = Arc::new(Absent::default());
        let state = State::new(EdgeParts {
            catalog: Arc::new(Catalog::new(ledger.clone(), lanes.clone(), clock.clone(), &config.money.currency)),
            admission: Arc::new(admission(&config, &lanes, &clock)),
            inventory: Arc::new(Inventory::new(lanes.clone(), clock.clone(), Arc::new(|_| {}), settings)),
            operator: operator.clone(),
            refund_accounts: operator.clone(),
            webhooks: operator.clone(),
            prometheus: PrometheusBuilder::new().build_recorder().handle(),
            config: Arc::new(config),
            clock: clock.clone(),
            ledger: ledger.reader().clone(),
        });
        let state = Arc::new(state.expect("keys"));
        state.readiness.begin();
        let service = |listener| Arc::new(Service::new(state.clone(), listener));
        Self {
            public: service(Listener::Public),
            admin: service(Listener::Admin),
            state: state.clone(),
            ledger,
            clock,
            lanes,
            operator,
            _dir: dir,
        }
    }

    fn call_on<'a>(service: &'a Service, method: Method, path: &str) -> Call<'a> {
        let request = Request::builder().method(method).uri(path).header("host", "tickets.example");
        Call { service, request, body: Vec::new() }
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Self::call_on(&self.public, method, path)
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn admin_call(&self, method: Method, path: &str) -> Call<'_> {
        Self::call_on(&self.admin, method, path)
    }

    pub fn token(&self, sub: &str, scope: &str) -> String {
        mint(&self.state.config.auth, &self.clock, Mint { sub, scope, ttl_s: 3_600 }).expect("a secret signs")
    }

    /// Puts an event with two seats and this room.
    pub async fn put_event(&self, event: &str, room: Value) {
        let spec = json!({
            "name": "Concert", "starts_at": "2027-01-01T00:00:00Z", "opens_at": "2026-11-20T11:00:00Z",
            "currency": "KRW", "organizer": "hall-co", "room": room,
            "sections": [{"id": "a", "name": "A", "price": 1000, "rows": [{"id": "1", "seats": 2}]}],
        });
        let spec = serde_json::from_value(spec).expect("a spec");
        self.state.catalog.put_event(&event.into(), spec).await.expect("stored");
    }

    pub async fn pulse(&self, event: &str) {
        let id = EventId::from(event);
        let lane = self.state.catalog.event(event).expect("an event").lane;
        let lane = self.lanes.get(lane).expect("a lane");
        lane.pulse(self.clock.now_ms(), Pulse { event: id, work_max: 100 }).await.expect("pulsed");
    }
}

fn admission(config: &Config, lanes: &Lanes, clock: &Clock) -> Admission {
    let secrets: Vec<Vec<u8>> = config.queue.secrets.iter().map(|s| s.as_bytes().to_vec()).collect();
    let pace = Pace { min_ms: 1_000, max_ms: 15_000 };
    // No caching of boards: a test must see at once what another call has changed.
    let settings = AdmissionSettings { waiting_max: config.queue.waiting_max, pace, board_ms: 0 };
    let passes = Passes::new(&pass_key(), &[]).expect("a key");
    let (proofs, limits) = (Proofs::new(Policy::new(&config.queue), &secrets), &config.limits);
    let entrance = Entrance::new(proofs, Limiter::new(limits.join_rps, limits.join_burst, limits.keys_max));
    Admission::new(lanes.clone(), clock.clone(), settings, Tokens::new(&secrets), passes, entrance)
}
