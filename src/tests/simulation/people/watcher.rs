//! The watcher: looks at the public pages all the time, and lets the house audit itself.

use std::sync::Arc;

use http::Method;
use serde_json::json;
use stanchion::edge::router::Listener;
use stanchion::facts::ids::OrderId;

use super::{EVENTS, Person};
use crate::history::{Asking, History};

pub async fn watch(history: Arc<History>, seed: u64) {
    let mut watcher = Person::new(history.clone(), 900, seed);
    watcher.name = "watcher".to_owned();
    loop {
        watcher.pause(1_000, 4_000).await;
        for order in history.house.bank.news() {
            watcher.bank_tells(&order).await;
        }
        let event = *watcher.dice.one(&EVENTS);
        match watcher.dice.between(0, 9) {
            0 => watcher.audit().await,
            1..5 => {
                let Some(seats) = watcher.see(format!("/v1/events/{event}/seats")).await else { continue };
                history.auditor.lock().seats(event, seats.when, &seats.json);
            }
            _ => {
                let Some(room) = watcher.see(format!("/v1/events/{event}/room")).await else { continue };
                history.auditor.lock().counted(event, room.when, &room.json);
            }
        }
    }
}

impl Person {
    /// A public page; `None`: there is none just now.
    async fn see(&mut self, path: String) -> Option<crate::history::Answer> {
        let asking = Asking { method: Method::GET, path, headers: Vec::new(), body: None, listener: Listener::Public };
        self.ask(asking).await.filter(|answer| answer.status == 200)
    }

    /// The bank's webhook about an order. It comes again until it is answered well.
    async fn bank_tells(&mut self, order: &OrderId) {
        let (path, body) = ("/v1/webhooks/sandbox".to_owned(), Some(json!(order)));
        let asking = Asking { method: Method::POST, path, headers: Vec::new(), body, listener: Listener::Public };
        if self.ask(asking).await.is_some_and(|answer| answer.status == 200) {
            self.history.house.bank.told(order);
        }
    }

    async fn audit(&mut self) {
        let headers = vec![("authorization", format!("Bearer {}", self.history.house.bearer("root", "admin")))];
        let path = "/v1/admin/audit".to_owned();
        let asking = Asking { method: Method::GET, path, headers, body: None, listener: Listener::Admin };
        if let Some(report) = self.ask(asking).await.filter(|answer| answer.status == 200) {
            self.history.auditor.lock().audited(&report.json);
        }
    }
}
