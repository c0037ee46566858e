//! A visitor: takes a place, waits, buys, leaves, and perhaps comes again.

use std::time::Duration;

use http::Method;
use serde_json::json;
use stanchion::edge::router::Listener;

use super::Person;
use crate::auditor::Shown;
use crate::history::{Answer, Asking};

impl Person {
    pub(super) async fn visit(&mut self) {
        if self.dice.chance(300) {
            self.claim().await;
        }
        for _ in 0..self.dice.between(1, 2) {
            if self.come_in().await.is_none() {
                return;
            }
            for _ in 0..self.dice.between(1, 2) {
                self.buy().await;
            }
            self.leave().await;
            self.token = None;
            self.pass = None;
        }
    }

    /// Takes a place and waits for the turn; `None`: the visitor gave up, or the place is spent.
    async fn come_in(&mut self) -> Option<()> {
        let patience = self.dice.between(2, 60);
        for _ in 0..patience {
            let Some(answer) = self.show_up().await else {
                self.pause(500, 2_000).await;
                continue;
            };
            match answer.text("state") {
                "admitted" => {
                    self.pass = answer.json["pass"].as_str().map(str::to_owned);
                    return Some(());
                }
                "done" => return None,
                _ => {}
            }
            // Some stay away for longer than they were told to.
            let told_ms = answer.json["poll_after_ms"].as_u64().unwrap_or(1_000);
            let away_ms = if self.dice.chance(30) { self.dice.between(5_000, 40_000) } else { 0 };
            tokio::time::sleep(Duration::from_millis(told_ms + away_ms)).await;
        }
        if self.dice.chance(500) {
            self.leave().await;
        }
        None
    }

    /// Enters, or polls for the place that the visitor has.
    pub(super) async fn show_up(&mut self) -> Option<Answer> {
        let path = format!("/v1/events/{}/queue", self.event);
        let token = self.token.clone().map(|token| ("stanchion-queue", token));
        let (method, body) = if token.is_none() { (Method::POST, Some(json!({}))) } else { (Method::GET, None) };
        let bearer = self.signs_in.then(|| ("authorization", self.bearer()));
        let headers = token.into_iter().chain(bearer).collect();
        if self.token.is_none() {
            self.history.auditor.lock().place_asked(self.event);
        }
        let answer = self.ask(Asking { method, path, headers, body, listener: Listener::Public }).await;
        // Some rooms ask visitors to sign in.
        self.signs_in |= answer.as_ref().is_some_and(|answer| answer.text("code") == "UNAUTHENTICATED");
        if self.token.is_none() {
            let mut auditor = self.history.auditor.lock();
            match answer.as_ref().map(|answer| answer.status) {
                Some(..300) => {}
                Some(..500) => auditor.place_refused(self.event),
                Some(_) | None => auditor.place_unknown(self.event),
            }
        }
        let answer = answer.filter(|answer| answer.status < 300)?;
        // A visitor without a token may have got the place by an earlier request whose answer was lost.
        let how = match self.token {
            Some(_) => Shown::Known,
            None if answer.status == 201 => Shown::New,
            None => Shown::Found,
        };
        self.history.auditor.lock().placed(self.event, answer.when, &answer.json, how);
        self.token = answer.json["token"].as_str().map(str::to_owned);
        self.visitor = answer.text("visitor").to_owned();
        Some(answer)
    }

    async fn leave(&mut self) {
        let Some(token) = self.token.clone() else { return };
        let path = format!("/v1/events/{}/queue", self.event);
        let headers = vec![("stanchion-queue", token)];
        let asking = Asking { method: Method::DELETE, path, headers, body: None, listener: Listener::Public };
        let losses = self.history.auditor.lock().losses();
        self.history.auditor.lock().may_be_gone(&self.visitor);
        let Some(answer) = self.ask(asking).await.filter(|answer| answer.status == 204) else { return };
        self.history.auditor.lock().left(&self.visitor, answer.when);
        // A page that was left open asks once more: it must show that the place is over, and its pass must be refused.
        if self.dice.chance(300) {
            self.pause(0, 10_000).await;
            self.show_up().await;
            self.push_in(losses).await;
        }
    }
}
