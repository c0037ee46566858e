//! A buyer for the tests of purchases. Also masks answers so that they can be compared from run to run.

use serde_json::{Value, json};

use crate::support::client::{Answer, Call};
use crate::support::gateway::{Gateway, unique};

/// Makes two tests of each of these functions, one on each store.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            use crate::support::gateway::Store;
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(Store::Embedded).await; })*
        }
        mod redis {
            use crate::support::gateway::Store;
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(Store::Redis).await; })*
        }
    };
}
pub(crate) use on_both_stores;

/// A signed-in user who is let into an event.
pub struct Buyer<'a> {
    pub gateway: &'a Gateway,
    pub event: String,
    pub user: String,
    pub bearer: String,
    pub pass: String,
}

impl<'a> Buyer<'a> {
    pub async fn enter(gateway: &'a Gateway, event: &str, user: &str) -> Self {
        let pass = gateway.pass(event).await;
        Self { gateway, event: event.to_owned(), user: user.to_owned(), bearer: gateway.token(user), pass }
    }

    pub fn get(&self, path: &str) -> Call {
        self.gateway.public.get(path).bearer(&self.bearer)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.gateway.public.delete(path).bearer(&self.bearer)
    }

    /// A POST with an Idempotency-Key of its own.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.gateway.public.post(path).bearer(&self.bearer).key(&unique("key")).json(body)
    }

    pub fn holds(&self) -> String {
        format!("/v1/events/{}/holds", self.event)
    }

    pub fn hold_call(&self, body: &Value) -> Call {
        self.post(&self.holds(), body).pass(&self.pass)
    }

    /// Holds these seats; returns the hold's id.
    pub async fn hold(&self, seats: &[&str]) -> String {
        self.hold_call(&json!({ "seats": seats })).send().await.expect(201).text("id")
    }

    pub fn order_call(&self, hold: &str, more: Value) -> Call {
        let mut body = json!({"event": self.event, "hold": hold});
        merge(&mut body, more);
        self.post("/v1/orders", &body)
    }

    /// Orders a hold and pays at once with the sandbox's `key`; returns the order as it concluded.
    pub async fn buy(&self, hold: &str, key: &str) -> Value {
        let payment = json!({"payment": {"provider": "sandbox", "key": key}});
        let order = self.order_call(hold, payment).send().await.expect(202).text("id");
        self.gateway.concluded(&self.user, &order).await
    }

    /// Orders a hold without a payment; returns the order's id once it waits for one.
    pub async fn order_unpaid(&self, hold: &str) -> String {
        let order = self.order_call(hold, json!({})).send().await.expect(202).text("id");
        assert_eq!(self.gateway.concluded(&self.user, &order).await["status"], "pending_payment");
        order
    }

    pub fn refund_call(&self, order: &str, line: u32) -> Call {
        self.post(&format!("/v1/orders/{order}/refunds"), &json!({"lines": [{"line": line}], "reason": "ill"}))
    }
}

pub fn merge(body: &mut Value, more: Value) {
    let (Value::Object(body), Value::Object(more)) = (body, more) else { panic!("two objects") };
    body.extend(more);
}

/// An answer in which everything that differs from run to run is masked: ids of facts, signatures, times, versions.
pub fn masked(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), masked_field(key, value))).collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => Value::String(masked_text(text)),
        other => other.clone(),
    }
}

fn masked_field(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("expires_in_s", Value::Number(_)) => json!("<seconds>"),
        ("version", Value::Number(_)) => json!("<version>"),
        _ => masked(value),
    }
}

fn masked_text(text: &str) -> String {
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    if stanchion::facts::time::parse_rfc3339(text).is_some() {
        return "<time>".to_owned();
    }
    if let Some((coupon, tag)) = text.rsplit_once('.')
        && tag.len() == 32
        && hex(tag)
    {
        return format!("{coupon}.<signature>");
    }
    // Ids of facts, and ids that begin with one: tickets, lots, moves.
    let (head, tail) = text.split_at_checked(35).unwrap_or((text, ""));
    let kind = match head.get(..1) {
        Some("h") => "<hold>",
        Some("o") => "<order>",
        Some("k") => "<claim>",
        Some("p") => "<attempt>",
        Some("r") => "<refund>",
        _ => return text.to_owned(),
    };
    if head.len() == 35 && hex(&head[1..]) { format!("{kind}{tail}") } else { text.to_owned() }
}

/// Compares a whole answer with what is expected. In the answer, ids and times are masked.
#[track_caller]
pub fn assert_shape(answer: &Answer, expected: Value) {
    let got = masked(&answer.json);
    assert!(got == expected, "got {got:#}\nwanted {expected:#}");
}
