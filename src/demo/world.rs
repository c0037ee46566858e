//! What all visitors share, and the one way in which they send requests. They are good clients: they wait when told to,
//! and repeat with the same key when no answer came. Every answer is counted.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::client::{Client, ClientAnswer, ClientRequest, RequestKind};
use super::step::BuyerStep;
use super::tally::{Count, CrowdTally, End};
use super::witness::Witness;

/// Most times a request is sent, when the server puts it off or no answer comes.
const TRIES: u32 = 5;
/// Pause before a repeat when the server did not say how long.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub struct World {
    pub http: Arc<Client>,
    /// Without a slash at the end.
    pub public_url: String,
    pub event: String,
    /// Of its coupons.
    pub campaign: String,
    /// Ids of the event's sections; a [`Wish`](super::persona::Wish) counts in them.
    pub sections: Vec<String>,
    /// Distinguishes this run's Idempotency-Keys from those of an earlier run on the same store.
    pub run: String,
    pub tally: Arc<CrowdTally>,
    pub witness: Arc<Witness>,
}

/// One request of a visitor.
pub struct VisitorRequest<'a> {
    pub step: BuyerStep,
    pub method: Method,
    pub path: &'a str,
    pub headers: &'a [(&'static str, &'a str)],
    pub body: Option<&'a Value>,
    pub kind: RequestKind,
}

pub enum WorldReply {
    Done(ClientAnswer),
    /// Refused with one of the codes that [`BuyerStep::refusals`] names.
    Refused(&'static str),
}

impl World {
    /// An event without coupons and sections, before anybody came.
    pub fn new(http: Client, public_url: String, event: String, run: String) -> Self {
        Self {
            http: Arc::new(http),
            public_url,
            event,
            campaign: String::new(),
            sections: Vec::new(),
            run,
            tally: Arc::default(),
            witness: Arc::default(),
        }
    }

    /// `Err`: something unexpected has ended the visit, and has been counted.
    pub async fn ask(&self, call: VisitorRequest<'_>) -> Result<WorldReply, End> {
        let name = call.step.name();
        for _ in 0..TRIES {
            self.tally.add(Count::Requests, 1);
            let ask = ClientRequest {
                kind: call.kind,
                method: call.method.clone(),
                url: format!("{}{}", self.public_url, call.path),
                headers: call.headers,
                body: call.body,
            };
            let answer = match self.http.send(ask).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.tally.breach(&format!("{name}: {error}"), || format!("{error:?}"));
                    // Entering has no key: a repeat would be a second visitor.
                    if call.step == BuyerStep::Enter {
                        return Err(End::Broken);
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if call.kind == RequestKind::Short {
                self.tally.took(call.step, answer.took);
            }
            let status = answer.status.as_u16();
            if status == call.step.success() {
                return Ok(WorldReply::Done(answer));
            }
            if let Some(code) = call.step.refusals().iter().find(|code| **code == answer.code() && status < 500) {
                self.tally.refused(call.step, code);
                return Ok(WorldReply::Refused(code));
            }
            if status == 429 {
                self.tally.refused(call.step, "TOO_MANY_REQUESTS");
            } else {
                self.breach(call.step, &format!("{status} {}", answer.code()), &answer.body);
            }
            if status != 429 && status < 500 {
                return Err(End::Broken);
            }
            tokio::time::sleep(answer.retry_after().unwrap_or(PAUSE)).await;
        }
        self.tally.breach(&format!("{name}: no good answer in {TRIES} tries"), || call.path.to_owned());
        Err(End::Broken)
    }

    /// Like [`World::ask`], for steps that no code may refuse.
    pub async fn must(&self, call: VisitorRequest<'_>) -> Result<Value, End> {
        let step = call.step;
        match self.ask(call).await? {
            WorldReply::Done(answer) => Ok(answer.body),
            WorldReply::Refused(code) => {
                self.breach(step, code, &Value::Null);
                Err(End::Broken)
            }
        }
    }

    pub fn breach(&self, step: BuyerStep, what: &str, body: &Value) {
        self.tally.breach(&format!("{}: {what}", step.name()), || body.to_string());
    }

    /// Counts a breach of contract unless `holds`.
    pub fn expect(&self, holds: bool, step: BuyerStep, what: &str, body: &Value) {
        if !holds {
            self.breach(step, what, body);
        }
    }

    /// Path below the event.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/events/{}{rest}", self.event)
    }
}
