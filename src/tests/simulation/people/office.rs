//! The office: closes a month in the middle of the sale, early, and says that the organizer was paid.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stanchion::edge::router::Listener;

use super::ORGANIZER;
use crate::dice::Dice;
use crate::history::{Answer, Asking, History};

/// The month of all histories.
const MONTH: &str = "2026-11";

/// Closes the month in half of all histories.
pub async fn settle(history: Arc<History>, seed: u64) {
    let mut office = Office { history, dice: Dice::of(seed, 5) };
    if office.dice.chance(500) {
        return;
    }
    office.pause(5_000, 90_000).await;
    for early in [false, true] {
        // Without a word that it is on purpose, a month that is not over stays open.
        let Some(closed) = office.ask("close", json!({ "early": early })).await else { return };
        office.history.auditor.lock().settled(early, &closed.json);
    }
    office.pause(1, 20_000).await;
    if let Some(paid) = office.ask("paid", json!({"reference": "T-1"})).await {
        office.history.auditor.lock().settled(true, &paid.json);
    }
}

struct Office {
    history: Arc<History>,
    dice: Dice,
}

impl Office {
    async fn pause(&mut self, least_ms: u64, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.dice.between(least_ms, most_ms))).await;
    }

    /// Sends a request until it has a clear answer, at most 60 times.
    async fn ask(&mut self, what: &str, body: Value) -> Option<Answer> {
        for _ in 0..60 {
            let headers = vec![("authorization", format!("Bearer {}", self.history.house.bearer("office", "admin")))];
            let path = format!("/v1/admin/organizers/{ORGANIZER}/settlements/{MONTH}/{what}");
            let (body, listener) = (Some(body.clone()), Listener::Admin);
            let asking = Asking { method: Method::POST, path, headers, body, listener };
            match self.history.ask("office", &mut self.dice, asking).await {
                // 404: nothing was sold yet. 202: it is being closed.
                Some(answer) if ![202, 404, 429].contains(&answer.status) && answer.status < 500 => {
                    return Some(answer);
                }
                _ => self.pause(500, 3_000).await,
            }
        }
        None
    }
}
