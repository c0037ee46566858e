//! One history from its seed: who came, what they asked, and what they were answered, in order.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use stanchion::edge::router::Listener;

use super::auditor::{Auditor, When};
use super::dice::Dice;
use super::house::{Door, GATEWAYS, House};
use super::support::client::Contract as _;
use super::support::contract;
use super::weather::Kind;
use super::wire::WENT;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all parts of a history share.
pub struct History {
    pub house: Arc<House>,
    pub auditor: Mutex<Auditor>,
    lines: Mutex<Vec<String>>,
    /// How often each answer and each order's status was met.
    met: Mutex<BTreeMap<String, u64>>,
}

/// An answer of the house.
pub struct Answer {
    pub status: u16,
    pub json: Value,
    pub when: When,
}

impl Answer {
    pub fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }
}

/// A request to be sent.
#[derive(Clone)]
pub struct Asking<'a> {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(&'a str, String)>,
    pub body: Option<Value>,
    pub listener: Listener,
}

impl History {
    pub fn new(house: Arc<House>) -> Arc<Self> {
        Arc::new(Self { house, auditor: Mutex::default(), lines: Mutex::default(), met: Mutex::default() })
    }

    pub fn say(&self, line: String) {
        let at_ms = self.house.now_ms() - super::house::BEGIN_MS;
        let line = format!("{:>4}.{:03} {line}", at_ms / 1_000, at_ms % 1_000);
        tracing::info!("{line}");
        self.lines.lock().push(line);
    }

    pub fn meet(&self, what: String) {
        *self.met.lock().entry(what).or_default() += 1;
    }

    pub fn met(&self) -> BTreeMap<String, u64> {
        self.met.lock().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// A digest of all lines. It is the same for two histories of one seed.
    pub fn digest(&self) -> String {
        let mut sum = Sha256::new();
        for line in self.lines.lock().iter() {
            sum.update(line.as_bytes());
            sum.update(b"\n");
        }
        hex::encode(sum.finalize())
    }

    /// Asks one of the gateways; `None`: no answer came, and the client cannot know what was done.
    pub async fn ask(&self, who: &str, dice: &mut Dice, asking: Asking<'_>) -> Option<Answer> {
        let gateway = dice.between(0, GATEWAYS as u64 - 1) as usize;
        let Asking { method, path, headers, body, listener } = asking;
        let what = format!("{who} → {gateway} {method} {path}");
        let Some(Door { service, process, born }) = self.house.door(gateway, listener) else {
            self.say(format!("{what}: nobody listens"));
            return None;
        };
        let mut request = Request::builder().method(&method).uri(&path).header("host", "tickets.example");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).expect("a request");
        let asked_ms = self.house.now_ms();
        let call = async {
            let answer = service.call(request, ([192, 0, 2, 1], 5_000).into()).await;
            let (parts, body) = answer.into_parts();
            (parts, body.collect().await.expect("a whole body").to_bytes())
        };
        // A client that goes away does so after some time, or at some await of the call. Any other client waits as long
        // as a browser.
        let call = async {
            if !self.house.weather.strikes(Kind::ClientGone) {
                tokio::time::timeout(PATIENCE, call).await.ok()
            } else if dice.chance(500) {
                tokio::time::timeout(Duration::from_millis(dice.between(0, 3_000)), call).await.ok()
            } else {
                dropped_at(dice.between(1, 8), call).await
            }
        };
        // When a process dies, its connections close.
        let cut = async {
            tokio::select! {
                biased;
                () = process.death() => None,
                answer = call => answer,
            }
        };
        let answer = WENT
            .scope(AtomicBool::new(false), async { (cut.await, WENT.with(|went| went.load(Ordering::Relaxed))) })
            .await;
        let (Some((parts, body)), waited) = answer else {
            self.say(format!("{what}: no answer"));
            return None;
        };
        let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let status = parts.status.as_u16();
        let told = json["code"].as_str().or(json["status"].as_str()).or(json["state"].as_str()).unwrap_or_default();
        self.say(format!("{what}: {status} {told} {}", shown(&json)));
        self.meet(format!("{status} {}", json["code"].as_str().unwrap_or_default()));
        contract::of(listener, false).check(&method, &path, status, &parts.headers, &json);
        if waited && is_fast(&method, &path) {
            self.auditor.lock().finds(format!("INV-6: {what} waited for the ledger"));
        }
        if status == 500 {
            self.auditor.lock().finds(format!("{what} was answered 500: {json}"));
        }
        Some(Answer { status, json, when: When { process: born, asked_ms, at_ms: self.house.now_ms() } })
    }
}

/// Whether this request must not wait for the ledger (INV-6).
fn is_fast(method: &Method, path: &str) -> bool {
    let ends = ["/queue", "/holds", "/claims", "/v1/orders", "/payment", "/refunds"];
    *method == Method::POST && !path.starts_with("/v1/admin") && ends.iter().any(|end| path.ends_with(end))
}

/// Drops the call where it waits for the `wait`-th time; `None`: it was dropped.
async fn dropped_at<T>(wait: u64, call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut waits) = (pin!(call), 0);
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => {
            waits += 1;
            if waits < wait { Poll::Pending } else { Poll::Ready(None) }
        }
    })
    .await
}

/// The fields of an answer that are written into the history's lines.
fn shown(json: &Value) -> String {
    let fields = ["id", "visitor", "position", "expires_at", "lot", "balance", "number", "coupon", "room"];
    let has = fields.iter().filter(|field| !json[**field].is_null());
    has.map(|field| format!("{field}={}", json[*field])).collect::<Vec<_>>().join(" ")
}
