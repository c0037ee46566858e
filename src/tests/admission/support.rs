//! Helpers for tests of a room's line through the public API: visitors enter, poll and leave, and what they see is
//! checked.

use std::time::Duration;

use serde_json::{Value, json};
use stanchion::ledger::Ledger;

use crate::support::client::Answer;
use crate::support::gateway::{Gateway, eventually};

pub struct Line<'g> {
    pub gateway: &'g Gateway,
    pub event: &'static str,
}

/// An event without seats. Its room has these settings on top of quick defaults.
pub fn spec(room: Value) -> Value {
    let mut spec = json!({
        "name": "A line", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [], "room": {"capacity": 2, "rate_per_min": 600_000, "recover_s": 2},
    });
    for (key, value) in room.as_object().expect("settings") {
        spec["room"][key] = value.clone();
    }
    spec
}

impl<'g> Line<'g> {
    pub async fn new(gateway: &'g Gateway, event: &'static str, room: Value) -> Self {
        gateway.put_event(event, &spec(room)).await;
        Self { gateway, event }
    }

    pub fn path(&self) -> String {
        format!("/v1/events/{}/queue", self.event)
    }

    /// Changes some of the room's settings.
    pub async fn set(&self, room: Value) {
        let path = format!("/v1/admin/events/{}/room", self.event);
        self.gateway.admin_call(http::Method::PATCH, &path).json(&room).send().await.expect(200);
    }

    /// Enters as a new visitor. Returns the token and the answer.
    pub async fn enter(&self) -> (String, Answer) {
        let answer = self.gateway.public.post(&self.path()).json(&json!({})).send().await.expect(201);
        (answer.text("token"), answer)
    }

    /// Enters `count` visitors. Returns their tokens, in order.
    pub async fn many(&self, count: usize) -> Vec<String> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            tokens.push(self.enter().await.0);
        }
        tokens
    }

    pub async fn poll(&self, token: &str) -> Value {
        self.gateway.public.get(&self.path()).queue(token).send().await.expect(200).json
    }

    pub async fn leave(&self, token: &str) {
        self.gateway.public.delete(&self.path()).queue(token).send().await.expect(204);
    }

    pub async fn state(&self, token: &str) -> String {
        self.poll(token).await["state"].as_str().expect("a state").to_owned()
    }

    /// Polls until the visitor is in this state; returns the answer that said so.
    pub async fn until(&self, token: &str, state: &str) -> Value {
        let last = std::sync::Mutex::new(Value::Null);
        eventually(&format!("{} is {state}", self.event), async || {
            let answer = self.poll(token).await;
            let is_so = answer["state"] == state;
            *last.lock().expect("one task") = answer;
            is_so
        })
        .await;
        last.into_inner().expect("one task")
    }

    pub async fn room(&self) -> Value {
        self.gateway.public.get(&format!("/v1/events/{}/room", self.event)).send().await.expect(200).json
    }

    /// Whether the gateway accepts this pass.
    pub async fn verified(&self, pass: &str) -> bool {
        let path = format!("/v1/pass/verify?event={}", self.event);
        self.gateway.public.get(&path).pass(pass).send().await.status == 204
    }

    /// Waits until the ledger has the room with this many admitted in total and this many spent places. Only for a
    /// gateway on MariaDB.
    pub async fn kept(&self, admitted: i64, spent: usize) {
        let config = &self.gateway.config.ledger;
        let ledger = Ledger::mysql(&config.url, None, 1, 1, Duration::from_secs(3)).await.expect("opens");
        eventually("the room is kept", async || {
            let saved = ledger.room_checkpoint(&self.event.into()).await.expect("reads");
            saved.is_some_and(|saved| {
                let room = saved.checkpoint;
                (room.admitted_total, room.spent_count()) == (admitted, spent)
            })
        })
        .await;
    }

    /// The value of a metric of this event, from the gateway's `/metrics`; 0 if it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.gateway.admin.get("/metrics").send().await.expect(200);
        let text = String::from_utf8(text.body.to_vec()).expect("text");
        let label = format!("event=\"{}\"", self.event);
        let line = text.lines().find(|line| line.starts_with(name) && line.contains(&label));
        line.and_then(|line| line.rsplit_once(' ')).map_or(0.0, |(_, value)| value.parse().expect("a number"))
    }
}
