//! A robot that takes many places, is away when called, and tries to hold seats without a place inside.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::Person;

impl Person {
    pub(super) async fn enter_and_stay_away(&mut self) {
        // By visitor. Where visitors sign in, all places of the robot are one place, and its last token counts.
        let mut tokens = BTreeMap::new();
        for _ in 0..self.dice.between(2, 8) {
            self.token = None;
            self.show_up().await;
            if let Some(token) = self.token.clone() {
                tokens.insert(self.visitor.clone(), token);
            }
            self.pause(0, 1_000).await;
        }
        let losses = self.history.auditor.lock().losses();
        self.push_in(losses).await;
        // It polls now and then, but never in time to claim a turn.
        for _ in 0..self.dice.between(0, 20) {
            self.pause(11_000, 14_000).await;
            for token in tokens.values_mut() {
                self.token = Some(token.clone());
                self.show_up().await;
                if let Some(renewed) = self.token.clone() {
                    *token = renewed;
                }
            }
        }
    }

    /// Tries to hold a seat without a place inside. Success is a fault if no lane was lost since `losses` were counted.
    pub(super) async fn push_in(&mut self, losses: u64) {
        let hold = json!({"section": "a", "quantity": 1});
        let held = self.keyed(Method::POST, format!("/v1/events/{}/holds", self.event), hold).await;
        let is_told = self.history.auditor.lock().losses() == losses;
        if is_told && held.is_some_and(|held| held.status == 201) {
            self.finds("holds a seat without a place inside".to_owned());
        }
    }
}
