//! A hunter who claims as many coupons as possible.

use http::Method;
use serde_json::json;

use super::{CAMPAIGN, Person};

impl Person {
    pub(super) async fn hunt(&mut self) {
        for _ in 0..self.dice.between(1, 6) {
            self.claim().await;
            self.pause(0, 2_000).await;
        }
    }

    pub(super) async fn claim(&mut self) {
        let Some(answer) = self.keyed(Method::POST, format!("/v1/coupons/{CAMPAIGN}/claims"), json!({})).await else {
            return;
        };
        if answer.status == 201 {
            self.history.auditor.lock().claimed(&self.name, &answer.json);
            self.coupons.push(answer.text("id").to_owned());
        }
    }
}
