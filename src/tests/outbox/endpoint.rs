//! An endpoint that wants notices: a Standard Webhooks receiver that keeps what it took.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::foreign::{Asked, Contract, Server};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A notice that came.
#[derive(Debug, Clone)]
pub struct Came {
    pub id: String,
    pub signatures: Vec<String>,
    /// `id.timestamp.body`
    pub content: String,
    pub notice: Value,
}

impl Came {
    /// The part of the type between `stanchion.` and the version.
    pub fn kind(&self) -> &str {
        let kind = self.notice["type"].as_str().expect("a type");
        kind.strip_prefix("stanchion.").and_then(|rest| rest.strip_suffix(".v1")).expect("our type")
    }

    pub fn about(&self) -> &str {
        self.notice["partitionkey"].as_str().expect("a key")
    }

    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.signatures.iter().filter_map(|text| text.strip_prefix("v1,")).any(|text| {
            let given = STANDARD.decode(text).expect("base64");
            hmac::verify(&key, self.content.as_bytes(), &given).is_ok()
        })
    }
}

/// Keeps all that came, and answers 200, or what it was told to answer.
#[derive(Default)]
pub struct Inbox {
    came: Mutex<Vec<Came>>,
    /// Answered instead of 200, for good.
    pub status: Mutex<Option<u16>>,
}

impl Contract for Inbox {
    fn answer(&self, asked: &Asked) -> (u16, Value) {
        let header = |name| asked.header(name).unwrap_or_else(|| panic!("no {name}")).to_owned();
        assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let body = String::from_utf8(asked.bytes.to_vec()).expect("text");
        let content = format!("{id}.{at}.{body}");
        let signatures = header("webhook-signature").split(' ').map(str::to_owned).collect();
        if let Some(status) = *self.status.lock() {
            return (status, json!({}));
        }
        self.came.lock().push(Came { id, signatures, content, notice: asked.body.clone() });
        (200, json!({}))
    }
}

pub type Endpoint = Server<Inbox>;

impl Endpoint {
    pub async fn open() -> Self {
        Server::start(Inbox::default()).await
    }

    /// All that came, repeats included.
    pub fn came(&self) -> Vec<Came> {
        self.contract.came.lock().clone()
    }

    /// The first arrival of each notice, by what it is about, in the order of arrival.
    pub fn first_arrivals(&self) -> BTreeMap<String, Vec<Came>> {
        let (mut known, mut by) = (std::collections::BTreeSet::new(), BTreeMap::<String, Vec<Came>>::new());
        for came in self.came() {
            if known.insert(came.id.clone()) {
                by.entry(came.about().to_owned()).or_default().push(came);
            }
        }
        by
    }

    pub fn kinds(&self, about: &str) -> Vec<String> {
        let arrivals = self.first_arrivals();
        arrivals.get(about).map_or(Vec::new(), |came| came.iter().map(|came| came.kind().to_owned()).collect())
    }
}
