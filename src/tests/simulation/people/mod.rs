//! The people of a history, and what they have in common: a name, a token, a pass, and that they repeat their requests.

mod bot;
mod buyer;
mod hunter;
mod office;
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

pub use office::settle;
pub use operator::Operator;
pub use watcher::watch;

pub const EVENTS: [&str; 2] = [OF_BROWSERS, "club"];
/// The event whose room does not ask visitors to sign in.
pub const OF_BROWSERS: &str = "hall";
pub const CAMPAIGN: &str = "welcome";
pub const ORGANIZER: &str = "hall-co";
pub const WEBHOOK: &str = "crm";
pub const SEATS_PER_USER: usize = 6;
/// How often a person sends a request that is refused for now or has no answer.
const AGAIN: usize = 40;
/// How long a hold and a payment may last together, and some time because a request may be carried out late, ms.
const STAY_MS: i64 = 125_000;

/// A person who comes.
pub struct Person {
    history: Arc<History>,
    name: String,
    dice: Dice,
    event: &'static str,
    /// Whether the person signs in to take a place.
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
        // Some people are one user in two browsers, each with a place of its own. So not at an event where places
        // belong to users.
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

    /// Plays everything that the person does.
    pub async fn live(mut self) {
        self.pause(0, 20_000).await;
        match self.dice.between(0, 9) {
            0 => self.enter_and_stay_away().await,
            1 => self.hunt().await,
            _ => self.visit().await,
        }
    }

    /// Sends a request with one idempotency key until it has a clear answer, at most `AGAIN` times.
    async fn keyed(&mut self, method: Method, path: String, body: Value) -> Option<Answer> {
        self.keys += 1;
        // The two browsers of one user have different keys.
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
