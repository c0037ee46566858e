//! A buyer: holds seats, pays or does not, and gives back.

use http::Method;
use serde_json::{Value, json};

use super::{Person, STAY_MS};
use crate::auditor::offer::{Offer, SeatTypes};
use crate::history::Answer;

impl Person {
    pub(super) async fn buy(&mut self) -> Option<()> {
        let losses = self.history.auditor.lock().losses();
        let hold = self.hold().await?;
        let order = self.order(&hold, losses).await?;
        let placed = self.concluded(&order).await?;
        if placed.text("status") == "confirmed" && self.dice.chance(300) {
            self.give_back(&order, placed.json["lines"].as_array().map_or(1, Vec::len)).await;
        }
        Some(())
    }

    /// Holds seats; `None`: the buyer got none, or let them go.
    async fn hold(&mut self) -> Option<Answer> {
        let holds = format!("/v1/events/{}/holds", self.event);
        let body = match self.dice.between(0, 2) {
            0 => json!({"seats": [format!("a-1-{}", self.dice.between(1, 6))]}),
            1 => json!({"section": "a", "quantity": self.dice.between(1, 3)}),
            _ => json!({"section": "ga", "quantity": 1}),
        };
        self.may_stay();
        let held = self.keyed(Method::POST, holds.clone(), body).await;
        self.may_stay();
        let held = held.filter(|answer| answer.status == 201)?;
        self.history.auditor.lock().held(&self.name, held.when, &held.json);
        let hold = held.text("id");
        match self.dice.between(0, 9) {
            // The buyer does nothing until the hold has ended.
            0 => {
                let losses = self.history.auditor.lock().losses();
                if self.dice.chance(300) {
                    let left_ms = held.json["expires_in_s"].as_u64().unwrap_or(0) * 1_000;
                    self.pause(left_ms + 4_000, left_ms + 20_000).await;
                    self.order_in_vain(hold, losses).await;
                }
                return None;
            }
            1 => {
                let losses = self.history.auditor.lock().losses();
                self.history.auditor.lock().given_back(hold);
                let gone = self.call(Method::DELETE, format!("{holds}/{hold}")).await;
                if gone.is_some_and(|gone| gone.status == 204) && self.dice.chance(300) {
                    self.order_in_vain(hold, losses).await;
                }
                return None;
            }
            _ => self.pause(0, 4_000).await,
        }
        Some(held)
    }

    /// Orders a hold, which the lane must know unless a lane was lost since `losses` were counted. Returns the order's id.
    async fn order(&mut self, held: &Answer, losses: u64) -> Option<String> {
        let hold = held.text("id");
        let coupon = match self.dice.between(0, 3) {
            0 => json!("best"),
            1 => json!(self.coupons.first()),
            _ => Value::Null,
        };
        let points = match self.dice.between(0, 9) {
            0..2 => json!(self.dice.between(1, 4_000)),
            2 => json!("max"),
            _ => json!(0),
        };
        let (types, chosen) = self.types(&held.json);
        let quote = json!({"types": types, "coupon": coupon, "points": points});
        let quoted = self.keyed(Method::POST, format!("/v1/events/{}/holds/{hold}/quote", self.event), quote).await?;
        let is_told = self.history.auditor.lock().losses() == losses;
        if is_told && quoted.text("code") == "HOLD_NOT_FOUND" {
            self.finds(format!("INV-2: hold {hold} was given, and is not known"));
        }
        let cash = &quoted.json["total"]["cash"];
        let expected = match self.dice.between(0, 9) {
            0 => json!(1),
            1..5 => Value::Null,
            _ => cash.clone(),
        };
        let payment = match self.dice.between(0, 6) {
            0 => Value::Null,
            2 => json!({"provider": "sandbox", "method": "deposit", "key": "deposit"}),
            1 => json!({"provider": "sandbox", "key": "decline"}),
            _ => json!({"provider": "sandbox", "key": "ok"}),
        };
        let by_deposit = payment["method"] == "deposit";
        let body = json!({"event": self.event, "hold": hold, "types": types, "coupon": coupon, "points": points,
            "expected_cash": expected, "payment": payment});
        let again = self.dice.chance(100).then(|| body.clone());
        // From here on the order may have the seats, or the hold may end, even if no answer comes. The place may end,
        // too.
        {
            let mut auditor = self.history.auditor.lock();
            auditor.given_back(hold);
            auditor.may_be_gone(&self.visitor);
        }
        self.may_stay();
        let placed = self.keyed(Method::POST, "/v1/orders".to_owned(), body).await;
        self.may_stay();
        let placed = placed?;
        if placed.text("code") == "HOLD_ALREADY_ORDERED" {
            self.finds(format!("hold {hold} was ordered once, and is said to be ordered already"));
        }
        if placed.status != 202 {
            return None;
        }
        {
            let mut auditor = self.history.auditor.lock();
            auditor.order(&self.name, placed.when, &placed.json);
            if by_deposit {
                auditor.by_deposit(placed.text("id"));
            }
            if let Some(chosen) = chosen {
                auditor.chose(placed.text("id"), chosen);
            }
            if let Some(cash) = expected.as_i64() {
                auditor.expects(placed.text("id"), cash);
            }
        }
        if let Some(body) = again {
            self.order_again(body).await;
        }
        Some(placed.text("id").to_owned())
    }

    /// Chooses ticket types for some of a hold's seats: as an order names them, and by seat as the auditor knows them.
    fn types(&mut self, hold: &Value) -> (Value, Option<SeatTypes>) {
        let Some(offer) = Offer::of(hold) else { return (json!({}), None) };
        let mut choices = Vec::new();
        for types in offer.types() {
            choices.push(self.dice.chance(500).then(|| self.dice.one(&types).clone()));
        }
        let mut named = json!({});
        for (seat, choice) in hold["seats"].as_array().into_iter().flatten().zip(&choices) {
            let Some(choice) = choice else { continue };
            match seat["id"].as_str() {
                Some(id) => named[id] = json!(choice),
                None => {
                    let section = seat["section"].as_str().unwrap_or_default();
                    let count = named[section][choice].as_u64().unwrap_or(0);
                    named[section][choice] = json!(count + 1);
                }
            }
        }
        (named, Some(offer.chosen(&choices)))
    }

    /// Orders a hold that has ended. If no lane was lost since `losses` were counted, success is a fault.
    async fn order_in_vain(&mut self, hold: &str, losses: u64) {
        let body = json!({"event": self.event, "hold": hold, "coupon": null, "points": 0, "expected_cash": null,
            "payment": {"provider": "sandbox", "key": "ok"}});
        let placed = self.keyed(Method::POST, "/v1/orders".to_owned(), body).await;
        let is_told = self.history.auditor.lock().losses() == losses;
        if is_told && placed.is_some_and(|placed| placed.status == 202) {
            self.finds(format!("INV-2: hold {hold} had ended and was ordered"));
        }
    }

    /// Orders the same hold once more, with a key of its own.
    async fn order_again(&mut self, body: Value) {
        if let Some(other) =
            self.keyed(Method::POST, "/v1/orders".to_owned(), body).await.filter(|other| other.status == 202)
        {
            self.history.auditor.lock().order(&self.name, other.when, &other.json);
        }
    }

    /// Waits for an order. Once, when it waits for its payment, the buyer may cancel it, pay it, or do nothing. Returns
    /// the order when it is confirmed or rejected; `None`: it was neither within twenty looks.
    async fn concluded(&mut self, order: &str) -> Option<Answer> {
        let mut decided = false;
        for _ in 0..20 {
            self.pause(500, 3_000).await;
            let Some(seen) = self.look(order).await else { continue };
            match seen.text("status") {
                "pending_payment" if !decided => {
                    decided = true;
                    self.cancel_or_pay(&seen).await;
                }
                "pending_payment" => {}
                _ if self.dice.chance(100) => self.change_mind(&seen).await,
                _ => {}
            }
            if ["rejected", "confirmed"].contains(&seen.text("status")) {
                return Some(seen);
            }
        }
        None
    }

    /// Cancels or pays an order that does not wait for its payment. One that has ended takes neither.
    async fn change_mind(&mut self, seen: &Answer) {
        let answer = self.cancel_or_pay(seen).await;
        let (order, status) = (seen.text("id"), seen.text("status"));
        let is_over = status == "confirmed" || status == "rejected" && seen.text("reason") != "CANCELLED";
        if is_over && answer.is_some_and(|answer| answer.status == 202) {
            self.finds(format!("order {order} was {status}, and could be cancelled or paid"));
        }
    }

    /// Cancels an order, pays it, or does nothing.
    async fn cancel_or_pay(&mut self, seen: &Answer) -> Option<Answer> {
        let path = format!("/v1/orders/{}", seen.text("id"));
        match self.dice.between(0, 2) {
            0 => self.call(Method::DELETE, path).await,
            1 => {
                let amount = &seen.json["total"]["cash"];
                let by_deposit = self.dice.chance(250);
                let (method, key) = if by_deposit { ("deposit", "deposit") } else { ("card", "ok") };
                if by_deposit {
                    self.history.auditor.lock().by_deposit(seen.text("id"));
                }
                let payment = json!({"provider": "sandbox", "method": method, "key": key, "amount": amount});
                self.keyed(Method::POST, format!("{path}/payment"), payment).await
            }
            _ => None,
        }
    }

    async fn give_back(&mut self, order: &str, lines: usize) {
        let line = self.dice.between(1, lines as u64);
        self.history.auditor.lock().refunding(order);
        for _ in 0..self.dice.between(1, 2) {
            let body = json!({"lines": [{"line": line}], "reason": "ill"});
            self.keyed(Method::POST, format!("/v1/orders/{order}/refunds"), body).await;
            self.pause(0, 3_000).await;
            self.look(order).await;
            let refunds = self.call(Method::GET, format!("/v1/orders/{order}/refunds")).await;
            if let Some(refunds) = refunds.filter(|refunds| refunds.status == 200) {
                self.history.auditor.lock().refunds(order, &refunds.json);
                for refund in refunds.json["items"].as_array().into_iter().flatten() {
                    self.name_account(order, refund).await;
                }
            }
        }
    }

    /// Says where the money of a deposit goes, if it waits for that. Some mistake the number.
    async fn name_account(&mut self, order: &str, refund: &Value) {
        if refund["status"] != "awaiting_account" {
            return;
        }
        let number = if self.dice.chance(300) { "0123456" } else { "1234567" };
        let path = format!("/v1/orders/{order}/refunds/{}/account", refund["id"].as_str().unwrap_or_default());
        let body = json!({"bank": "20", "number": number, "holder": self.name});
        self.keyed(Method::POST, path, body).await;
    }

    /// Asks for the order.
    async fn look(&mut self, order: &str) -> Option<Answer> {
        let answer = self.call(Method::GET, format!("/v1/orders/{order}")).await?;
        if answer.status == 404 {
            self.history.auditor.lock().order_missing(order);
        }
        if answer.status != 200 {
            return None;
        }
        self.history.auditor.lock().order(&self.name, answer.when, &answer.json);
        self.history.meet(format!("order {} {}", answer.text("status"), answer.text("reason")));
        Some(answer)
    }

    fn may_stay(&self) {
        let until_ms = self.history.house.now_ms() + STAY_MS;
        self.history.auditor.lock().may_stay(&self.visitor, until_ms);
    }
}
