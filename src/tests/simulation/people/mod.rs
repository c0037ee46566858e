//! Who comes, and what they have in common: a name, a token, a pass, and that they ask again.

mod bot;
mod buyer;
mod hunter;
mod operator;
mod visitor;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use stanchion::edge::router::Listener;

use super::dice::Dice;
use super::history::{Answer, Asking, History};

pub use operator::Operator;
pub use watcher::watch;

pub const EVENTS: [&str; 2] = [OF_BROWSERS, "club"];
/// Its room does not ask who comes.
pub const OF_BROWSERS: &str = "hall";
pub const CAMPAIGN: &str = "welcome";
pub const SEATS_PER_USER: usize = 6;
/// How often somebody asks again who was told to, or not told at all.
const AGAIN: usize = 40;
/// A hold and a payment last so long at most, and what was asked may be done so much later, ms.
const STAY_MS: i64 = 125_000;

/// Somebody who comes.
pub struct Person {
    history: Arc<History>,
    name: String,
    dice: Dice,
    event: &'static str,
    /// Tells who they are where they take a place.
    signs_in: bool,
    token: Option<String>,
    pass: Option<String>,
    visitor: String,
    keys: u32,
    number: u64,
    coupons: Vec<String>,
}

impl Person {
    pub fn new(history: Arc<History>, number: u64, seed: u64) -> Self {
        let mut dice = Dice::of(seed, 1_000 + number);
        // Some are one user in two browsers, each with a place of its own: so not where places are people's.
        let shares = dice.chance(200);
        let user = if shares { number / 2 } else { number };
        let event = if shares { OF_BROWSERS } else { *dice.one(&EVENTS) };
        Self {
            event,
            name: format!("user-{user}"),
            signs_in: false,
            token: None,
            pass: None,
            visitor: String::new(),
            keys: 0,
            coupons: Vec::new(),
            history,
            dice,
            number,
        }
    }

    /// All they do.
    pub async fn live(mut self) {
        self.pause(0, 20_000).await;
        match self.dice.between(0, 9) {
            0 => self.enter_and_stay_away().await,
            1 => self.hunt().await,
            _ => self.visit().await,
        }
    }

    /// A request that may be repeated with its key, and is until there is an answer to believe.
    async fn keyed(&mut self, method: Method, path: String, body: Value) -> Option<Answer> {
        self.keys += 1;
        // A user's two browsers have keys of their own.
        let key = format!("{}-{}-{}", self.name, self.number, self.keys);
        for _ in 0..AGAIN {
            let mut headers = self.signed();
            headers.push(("idempotency-key", key.clone()));
            let (method, path, body) = (method.clone(), path.clone(), Some(body.clone()));
            let answer = self.ask(Asking { method, path, headers, body, listener: Listener::Public }).await;
            match answer {
                Some(answer) if answer.status < 500 && answer.status != 429 => return Some(answer),
                _ => self.pause(300, 3_000).await,
            }
        }
        None
    }

    async fn call(&mut self, method: Method, path: String) -> Option<Answer> {
        for _ in 0..AGAIN {
            let (method, path, headers) = (method.clone(), path.clone(), self.signed());
            let answer = self.ask(Asking { method, path, headers, body: None, listener: Listener::Public }).await;
            match answer {
                Some(answer) if answer.status < 500 && answer.status != 429 => return Some(answer),
                _ => self.pause(300, 3_000).await,
            }
        }
        None
    }

    fn signed(&self) -> Vec<(&'static str, String)> {
        let pass = self.pass.clone().map(|pass| ("stanchion-pass", pass));
        std::iter::once(("authorization", self.bearer())).chain(pass).collect()
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.history.house.bearer(&self.name, ""))
    }

    fn finds(&self, what: String) {
        self.history.auditor.lock().finds(format!("{}: {what}", self.name));
    }

    async fn ask(&mut self, asking: Asking<'_>) -> Option<Answer> {
        let history = self.history.clone();
        history.ask(&self.name, &mut self.dice, asking).await
    }

    async fn pause(&mut self, low_ms: u64, high_ms: u64) {
        let time = Duration::from_millis(self.dice.between(low_ms, high_ms));
        tokio::time::sleep(time).await;
    }
}
