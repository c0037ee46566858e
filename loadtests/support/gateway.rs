//! The gateways of a test: `serve` on a Redis and a MariaDB that the test starts itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use stanchion::admission::tokens::Tokens;
use stanchion::clock::Clock;
use stanchion::config::load_from;
use stanchion::edge::auth::{Mint, mint};
use stanchion::facts::ids::EventId;
use stanchion::lane::Lane;
use stanchion::{config, lane};

use super::client::{Answer, Client};
use super::part::Part;
use super::servers::{self, OwnRedis};

const SECRET: &str = "a-secret-for-load-tests-only-0123456789abcdef";

/// The test fails when a gateway is not ready within this time.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The servers that gateways need.
pub struct House {
    /// With `config/redis.conf`: every write is synced.
    pub redis: OwnRedis,
    pub ledger_url: String,
    pub dir: tempfile::TempDir,
}

impl House {
    pub async fn start() -> Self {
        Self::of(servers::mysql_url().await).await
    }

    /// Starts them with a database for a load of hours.
    pub async fn start_large() -> Self {
        Self::of(servers::large_mysql_url().await).await
    }

    async fn of(ledger_url: String) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { redis: OwnRedis::start().await, ledger_url, dir }
    }

    /// Signs and reads queue tokens as the gateways do.
    pub fn tokens(&self) -> Tokens {
        Tokens::new(&[SECRET.as_bytes().to_vec()])
    }

    /// The lane in which an event is. This process opens it beside the gateways.
    pub async fn lane_of(&self, event: &str) -> Arc<dyn Lane> {
        let set = [("STANCHION__REDIS__URL".to_owned(), self.redis.url())];
        let config = load_from("", set.into_iter()).expect("the defaults are good");
        let lanes = lane::redis::connect(&config.redis, config.store.lanes).await.expect("Redis answers");
        let event = EventId::from(event.to_owned());
        for lane in lanes {
            if lane.room(Clock::system().now_ms(), &event).await.expect("a lane answers").is_some() {
                return lane;
            }
        }
        panic!("no lane has {event}")
    }

    /// The score of a place, read from its token.
    pub fn score(&self, token: &str) -> i64 {
        let token = self.tokens().verify(token).expect("a token of ours");
        token.score.expect("a room without a draw")
    }

    /// A path in the test's folder, which is removed at the end.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A gateway with the shipped defaults, but without the limits on a client address, because all visitors come from
    /// one. `settings` (`STANCHION__SECTION__KEY`) go on top.
    pub fn gateway(&self, settings: &[(&str, &str)]) -> Gateway {
        let mut part = Part::start("gateway", &["serve"], self.settings().into_iter().chain(owned(settings)));
        let address = part.told("listening on http://");
        let admin = part.told("admin on http://");
        let gateway = Gateway { part, address, admin };
        let began = Instant::now();
        while !gateway.is_ready() {
            assert!(began.elapsed() < READY_WITHIN, "the gateway is not ready after {READY_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        gateway
    }

    /// What `stanchion audit` finds. The audit is a process of its own, so that no request's time limit ends it.
    pub fn audit(&self) -> Value {
        let text = Part::start("gateway", &["audit"], self.settings()).rest();
        serde_json::from_str(&text).unwrap_or_else(|_| json!({ "said": text }))
    }

    fn settings(&self) -> Vec<(String, String)> {
        let (data, redis) = (self.path("data"), self.redis.url());
        let own = [
            ("STANCHION__SERVER__LISTEN", "127.0.0.1:0"),
            ("STANCHION__ADMIN__LISTEN", "127.0.0.1:0"),
            ("STANCHION__STORE__KIND", "redis"),
            ("STANCHION__STORE__DATA_DIR", &data),
            ("STANCHION__REDIS__URL", &redis),
            ("STANCHION__LEDGER__URL", &self.ledger_url),
            ("STANCHION__AUTH__HS256_SECRET", SECRET),
            ("STANCHION__QUEUE__SECRETS", SECRET),
            ("STANCHION__SERVER__CLIENT_CONNECTIONS_MAX", "0"),
            ("STANCHION__LIMITS__CLIENT_RPS", "0"),
            ("STANCHION__LIMITS__JOIN_RPS", "0"),
        ];
        owned(&own).collect()
    }
}

fn owned(settings: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// A running gateway.
pub struct Gateway {
    part: Part,
    pub address: String,
    admin: String,
}

impl Gateway {
    pub fn id(&self) -> u32 {
        self.part.id()
    }

    fn is_ready(&self) -> bool {
        let (status, body) = ask(&self.admin, Method::GET, "/readyz", None);
        status == 200 && body["recovering"].as_array().is_none_or(Vec::is_empty)
    }

    /// Creates or changes an event without seats, so that only `room` bounds admission.
    pub fn put_event(&self, event: &str, room: &Value) {
        self.put_event_with(event, &json!({"sections": [], "room": room}));
    }

    /// Creates or changes an event. The fields of `more` are added to its spec.
    pub fn put_event_with(&self, event: &str, more: &Value) {
        let mut spec = json!({
            "name": "Load test", "starts_at": "2035-05-01T10:00:00Z", "currency": "KRW", "organizer": "hall-co",
        });
        for (key, value) in more.as_object().expect("an object") {
            spec[key] = value.clone();
        }
        let (status, answer) = ask(&self.admin, Method::PUT, &format!("/v1/admin/events/{event}"), Some(&spec));
        assert!(status == 200 || status == 201, "{status}: {answer}");
    }

    /// Changes a room's settings.
    pub fn patch_room(&self, event: &str, room: &Value) {
        let (status, answer) = ask(&self.admin, Method::PATCH, &format!("/v1/admin/events/{event}/room"), Some(room));
        assert_eq!(status, 200, "{answer}");
    }

    /// Waits until this gateway has heard of an event that was put at another one.
    pub fn until_there(&self, event: &str) {
        let began = Instant::now();
        while self.room(event)["capacity"].is_null() {
            assert!(began.elapsed() < READY_WITHIN, "{event} is not known here");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The sum of a metric's lines that contain `label`; 0 when there is none.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let answer = answer(&self.admin, Method::GET, "/metrics", None);
        String::from_utf8_lossy(&answer.body)
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter(|line| line.contains(label))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    }

    /// What the gateway's own audit finds.
    pub fn audit(&self) -> Value {
        ask(&self.admin, Method::GET, "/v1/admin/audit", None).1
    }

    /// A room's public counts.
    pub fn room(&self, event: &str) -> Value {
        ask(&self.address, Method::GET, &format!("/v1/events/{event}/room"), None).1
    }
}

/// Signs bearer tokens that the gateways accept.
pub struct Bearers(config::AuthConfig);

impl Bearers {
    pub fn new() -> Self {
        let mut config = load_from("", std::iter::empty()).expect("the defaults are good");
        SECRET.clone_into(&mut config.auth.hs256_secret);
        Self(config.auth)
    }

    /// A user's token.
    pub fn of(&self, user: &str) -> String {
        self.minted(Mint { sub: user, scope: "", ttl_s: 3600 })
    }

    fn minted(&self, whom: Mint<'_>) -> String {
        mint(&self.0, &Clock::system(), whom).expect("a secret signs")
    }
}

/// A user's bearer token.
pub fn bearer(user: &str) -> String {
    Bearers::new().of(user)
}

/// Sends one request as an admin. Returns the status and the JSON, which is null when the body is not JSON.
fn ask(address: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let answer = answer(address, method, path, body);
    (answer.status.as_u16(), answer.json)
}

/// A thread and a runtime of its own, because this is called from threads with a runtime and from others without.
fn answer(address: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let bearer = Bearers::new().minted(Mint { sub: "boss", scope: "admin", ttl_s: 600 });
    let call = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let call = Client::new(format!("http://{address}")).call(method, path).bearer(&bearer);
            body.into_iter().fold(call, |call, body| call.json(body)).send().await
        })
    };
    std::thread::scope(|scope| scope.spawn(call).join()).expect("the gateway answers")
}
