//! The operator: puts everything on sale, and changes it during the sale.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stanchion::edge::router::Listener;
use stanchion::facts::time::rfc3339;

use super::{CAMPAIGN, EVENTS, OF_BROWSERS, ORGANIZER, SEATS_PER_USER, WEBHOOK};
use crate::dice::Dice;
use crate::history::{Answer, Asking, History};

const PRICE: u64 = 10_000;

pub struct Operator {
    history: Arc<History>,
    dice: Dice,
    keys: u32,
    /// The events as they were last put.
    events: Vec<(&'static str, Value)>,
    campaign: Value,
}

impl Operator {
    pub fn new(history: Arc<History>, seed: u64) -> Self {
        let mut dice = Dice::of(seed, 2);
        let opens_ms = history.house.now_ms() + 1_000 * dice.between(10, 40) as i64;
        let events = EVENTS.map(|event| (event, hall(&mut dice, event, opens_ms))).into();
        let campaign = campaign(&mut dice);
        Self { history, dice, keys: 0, events, campaign }
    }

    /// Puts the events, the campaign and the webhook, and grants points to some users.
    pub async fn begin(&mut self) {
        for at in 0..self.events.len() {
            assert!(self.put_event(at).await, "the event is put");
        }
        assert!(self.put_campaign().await, "the campaign is put");
        assert!(self.put_webhook().await, "the webhook is put");
        for number in 0..self.dice.between(0, 4) {
            self.grant(&format!("user-{number}")).await;
        }
    }

    /// Makes changes during the sale, and leaves all rooms open, except that of an event that it cancels.
    pub async fn operate(mut self) {
        for _ in 0..self.dice.between(0, 6) {
            tokio::time::sleep(Duration::from_millis(self.dice.between(3_000, 20_000))).await;
            let at = self.dice.between(0, self.events.len() as u64 - 1) as usize;
            match self.dice.between(0, 9) {
                0 => self.patch(at, json!({"mode": "paused"})).await,
                1 => self.patch(at, json!({"mode": "open"})).await,
                2 | 3 => {
                    let capacity = self.dice.between(1, 10);
                    self.patch(at, json!({ "capacity": capacity })).await
                }
                4 => {
                    let rate = self.dice.between(20, 240);
                    self.patch(at, json!({"rate_per_min": rate})).await
                }
                5 => {
                    let price = json!(PRICE + self.dice.between(0, 9) * 500);
                    let section = &mut self.events[at].1["sections"][0];
                    match section.get_mut("types") {
                        Some(types) => types[0]["price"] = price,
                        None => section["price"] = price,
                    }
                    if self.dice.chance(300) {
                        self.events[at].1["booking_fee"] = booking_fee(&mut self.dice);
                    }
                    self.put_event(at).await
                }
                6 => {
                    self.events[at].1["sections"][1]["capacity"] = json!(self.dice.between(4, 8));
                    self.put_event(at).await
                }
                7 => {
                    self.campaign["stock"] = json!(self.dice.between(2, 9));
                    self.put_campaign().await
                }
                8 => {
                    let user = format!("user-{}", self.dice.between(0, 9));
                    self.grant(&user).await
                }
                _ => self.give_back_a_part().await,
            };
        }
        let cancelled = self.dice.chance(150).then(|| self.dice.between(0, self.events.len() as u64 - 1) as usize);
        if let Some(at) = cancelled {
            self.cancel(self.events[at].0).await;
        }
        for at in (0..self.events.len()).filter(|at| cancelled != Some(*at)) {
            while !self.patch(at, json!({"mode": "open"})).await {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn put_event(&mut self, at: usize) -> bool {
        let (event, spec) = self.events[at].clone();
        self.history.auditor.lock().event_may_be(event, &spec);
        let answer = self.ask(Method::PUT, format!("/v1/admin/events/{event}"), Some(spec)).await;
        answer.is_some_and(|answer| answer.status < 300)
    }

    async fn patch(&mut self, at: usize, change: Value) -> bool {
        let event = self.events[at].0;
        self.history.auditor.lock().room_may_be(event, &change);
        let answer = self.ask(Method::PATCH, format!("/v1/admin/events/{event}/room"), Some(change)).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    async fn cancel(&mut self, event: &str) {
        {
            let mut auditor = self.history.auditor.lock();
            auditor.event_may_end(event);
            auditor.room_may_be(event, &json!({"mode": "closed"}));
        }
        let path = format!("/v1/admin/events/{event}/cancel");
        let body = json!({"reason": "rain"});
        while self.ask(Method::POST, path.clone(), Some(body.clone())).await.is_none_or(|answer| answer.status != 202) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.history.auditor.lock().event_ended(event);
        self.history.meet("event cancelled".to_owned());
    }

    /// It is paused, so all that it is told stays in the ledger, where the auditor reads it in the end.
    async fn put_webhook(&mut self) -> bool {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let spec = json!({"url": "https://crm.example.org/", "secret": secret, "types": ["*"], "state": "paused"});
        let answer = self.ask(Method::PUT, format!("/v1/admin/webhooks/{WEBHOOK}"), Some(spec)).await;
        answer.is_some_and(|answer| answer.status < 300)
    }

    async fn put_campaign(&mut self) -> bool {
        let spec = self.campaign.clone();
        self.history.auditor.lock().campaign_may_be(CAMPAIGN, &spec);
        let answer = self.ask(Method::PUT, format!("/v1/admin/coupons/{CAMPAIGN}"), Some(spec)).await;
        answer.is_some_and(|answer| answer.status < 300)
    }

    async fn grant(&mut self, user: &str) -> bool {
        let amount = self.dice.between(500, 9_000) as i64;
        let body = json!({"amount": amount, "expires_at": null, "reason": "thanks"});
        let path = format!("/v1/admin/users/{user}/points");
        let granted = self.ask(Method::POST, path.clone(), Some(body.clone())).await;
        match granted.is_some_and(|answer| answer.status == 201) {
            true => self.history.auditor.lock().granted(user, amount),
            false => self.history.auditor.lock().grant_unknown(user, amount),
        }
        if self.dice.chance(300) {
            // A repeat with the same key grants nothing more.
            tokio::time::sleep(Duration::from_millis(self.dice.between(1, 3_000))).await;
            self.repeat(Method::POST, path, Some(body)).await;
        }
        true
    }

    /// Refunds a part of a line, whether its buyer asked or not.
    async fn give_back_a_part(&mut self) -> bool {
        let accepted = self.history.auditor.lock().accepted();
        if accepted.is_empty() {
            return false;
        }
        let (order, _) = self.dice.one(&accepted).clone();
        self.history.auditor.lock().refunding(&order);
        let line = json!({"line": 1, "amount": self.dice.between(1, PRICE)});
        let body = json!({"lines": [line], "reason": "a bad view"});
        self.ask(Method::POST, format!("/v1/admin/orders/{order}/refunds"), Some(body)).await.is_some()
    }

    /// Sends a request with a key of its own until it has a clear answer, at most 60 times.
    async fn ask(&mut self, method: Method, path: String, body: Option<Value>) -> Option<Answer> {
        self.keys += 1;
        self.repeat(method, path, body).await
    }

    /// As [`Self::ask`], with the key of the request before.
    async fn repeat(&mut self, method: Method, path: String, body: Option<Value>) -> Option<Answer> {
        for _ in 0..60 {
            let headers = vec![
                ("authorization", format!("Bearer {}", self.history.house.bearer("root", "admin"))),
                ("idempotency-key", format!("root-{}", self.keys)),
            ];
            let (method, path, body, listener) = (method.clone(), path.clone(), body.clone(), Listener::Admin);
            let answer =
                self.history.ask("root", &mut self.dice, Asking { method, path, headers, body, listener }).await;
            match answer {
                Some(answer) if answer.status < 500 && answer.status != 429 => return Some(answer),
                _ => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        None
    }
}

/// A hall so small that buyers compete for it. Some events get a draw at the opening.
fn hall(dice: &mut Dice, event: &str, opens_ms: i64) -> Value {
    let mut hall = json!({
        "name": "Hall", "starts_at": "2027-01-01T00:00:00Z", "currency": "KRW", "organizer": ORGANIZER,
        "hold_ttl_s": dice.between(20, 60), "payment_ttl_s": 60, "seats_per_user": SEATS_PER_USER,
        "earn_bp": dice.between(0, 1) * 100,
        "sections": [
            {"id": "a", "name": "Floor", "price": PRICE, "rows": [{"id": "1", "seats": 6}, {"id": "2", "seats": 4}]},
            {"id": "ga", "name": "Standing", "price": PRICE, "capacity": 5},
        ],
        "room": {
            "mode": "open", "capacity": dice.between(2, 8), "rate_per_min": dice.between(20, 240), "pass_ttl_s": 60,
            "claim_ttl_s": 10, "absent_after_s": 30, "late_grace_s": 20, "recover_s": 5,
        },
    });
    if dice.chance(700) {
        let floor = hall["sections"][0].as_object_mut().expect("an object");
        floor.remove("price");
        floor.insert("types".into(), json!([
            {"id": "adult", "name": "Adult", "price": PRICE}, {"id": "youth", "name": "Youth", "price": PRICE * 7 / 10},
            {"id": "child", "name": "Child", "price": 0}, {"id": "guest", "name": "Guest", "price": 0, "for": "admin"},
        ]));
        hall["sections"][1]["types"] = json!([
            {"id": "all", "name": "All", "price": PRICE}, {"id": "late", "name": "Late", "price": PRICE / 3},
        ]);
        hall["sections"][1].as_object_mut().expect("an object").remove("price");
    }
    hall["booking_fee"] = booking_fee(dice);
    hall["vat_bp"] = dice.one(&[json!(null), json!(0), json!(1_000)]).clone();
    if event != OF_BROWSERS && dice.chance(400) {
        hall["room"]["order"] = json!("lottery");
        hall["room"]["identity"] = json!("user");
        hall["opens_at"] = json!(rfc3339(opens_ms));
    }
    hall
}

fn booking_fee(dice: &mut Dice) -> Value {
    let refundable = dice.one(&["never", "first_day", "always"]);
    let fee = json!({"amount": dice.between(1, 1_500), "refundable": refundable});
    dice.one(&[json!(null), fee]).clone()
}

fn campaign(dice: &mut Dice) -> Value {
    let stock = dice.between(1, 6);
    let per_user = dice.between(1, 2);
    let (funded_by, common) = (*dice.one(&["platform", "organizer"]), json!(null));
    if dice.chance(500) {
        json!({"name": "Welcome", "kind": "percent", "percent_bp": dice.between(500, 10_000), "stock": stock,
            "per_user": per_user, "funded_by": funded_by, "events": common})
    } else {
        json!({"name": "Welcome", "kind": "fixed", "amount": dice.between(100, 15_000), "stock": stock,
            "per_user": per_user, "funded_by": funded_by, "events": common})
    }
}
