//! A hold as an answer showed it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{moment, text};
use super::offer::Offer;
use super::{SKEW_MS, When};

pub struct Hold {
    pub user: String,
    pub event: String,
    /// The named seats, each with its event.
    pub seats: BTreeSet<String>,
    /// How many seats it has.
    pub count: usize,
    /// `None`: it was first seen when it was rebuilt with its order.
    pub offer: Option<Offer>,
    pub since_ms: i64,
    /// Until when the user has the seats, unless they give them back.
    pub until_ms: i64,
    pub over: bool,
}

impl Hold {
    pub fn of(user: &str, when: When, hold: &Value) -> Self {
        let event = text(hold, "event");
        let seats: Vec<&Value> = hold["seats"].as_array().into_iter().flatten().collect();
        let named = seats.iter().filter_map(|seat| seat["id"].as_str()).map(|seat| format!("{event}/{seat}"));
        Self {
            user: user.to_owned(),
            seats: named.collect(),
            count: seats.len(),
            offer: Offer::of(hold),
            since_ms: when.at_ms,
            until_ms: moment(hold, "expires_at"),
            over: false,
            event,
        }
    }

    pub fn is_live(&self, at_ms: i64) -> bool {
        !self.over && self.until_ms > at_ms + SKEW_MS
    }
}
