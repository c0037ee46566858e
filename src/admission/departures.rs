//! Departures: who left for good through this gateway a moment ago.
//!
//! A lane that is rebuilt knows what the ledger knew about a second before, so it may have missed the last departures.
//! So the gateway tells them to the lane again. That does no harm, because leaving twice is the same as leaving once.
//!
//! A room that is recovering shows everybody as waiting whom its board does not know. Those who left are not.

use std::collections::{HashMap, HashSet, VecDeque};

use parking_lot::Mutex;

use crate::facts::ids::EventId;
use crate::facts::place::Token;
use crate::facts::time::{Millis, Tick};

/// How long a departure is kept, ms: longer than a lane's loss and its rebuilding may take together.
const KEEP_MS: Millis = 120_000;
/// Most departures that are kept; the oldest go first.
const KEPT_MAX: usize = 50_000;

#[derive(Debug, Default)]
pub struct Departures(Mutex<KeptDepartures>);

#[derive(Debug, Default)]
struct KeptDepartures {
    left: VecDeque<(Tick, Token)>,
    /// The same tokens, to be found.
    tokens: HashSet<Token>,
    /// The epoch in which a room was last seen. It rises when the lane is rebuilt. It also rises with a new round,
    /// where telling the departures again changes nothing.
    epochs: HashMap<EventId, i64>,
}

impl Departures {
    pub fn add(&self, tick: Tick, token: &Token) {
        let mut kept = self.0.lock();
        while kept.left.len() >= KEPT_MAX || kept.left.front().is_some_and(|(at, _)| tick.since(*at) > KEEP_MS) {
            if let Some((_, gone)) = kept.left.pop_front() {
                kept.tokens.remove(&gone);
            }
        }
        // A token that left twice is kept once.
        if kept.tokens.insert(token.clone()) {
            kept.left.push_back((tick, token.clone()));
        }
    }

    /// Whether the holder of this token left for good through this gateway.
    pub fn has(&self, token: &Token) -> bool {
        self.0.lock().tokens.contains(token)
    }

    /// Notes the room's epoch. Gives the departures that its lane has to be told again.
    pub fn seen(&self, event: &EventId, epoch: i64) -> Vec<Token> {
        let mut kept = self.0.lock();
        let before = kept.epochs.insert(event.clone(), epoch);
        if before.is_none_or(|before| before >= epoch) {
            return Vec::new();
        }
        kept.left.iter().map(|(_, token)| token).filter(|token| token.event == *event).cloned().collect()
    }

    /// Forgets rooms that are gone.
    pub fn keep(&self, still_there: impl Fn(&EventId) -> bool) {
        self.0.lock().epochs.retain(|event, _| still_there(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_is_told_to_a_rebuilt_lane_once() {
        let hall = EventId::from("hall");
        let token = |score| Token { event: "hall".into(), visitor: "v".into(), score, round: 1 };
        let departures = Departures::default();
        assert_eq!(departures.seen(&hall, 1), [], "the first look");
        departures.add(Tick(0), &token(1));
        departures.add(Tick(KEEP_MS + 1), &token(2));
        assert_eq!(departures.seen(&hall, 1), []);
        assert_eq!(departures.seen(&"dome".into(), 2), [], "another room");
        assert_eq!(departures.seen(&hall, 2), [token(2)], "the older one is long in the ledger");
        assert_eq!(departures.seen(&hall, 2), [], "once");
        assert!(departures.has(&token(2)) && !departures.has(&token(1)) && !departures.has(&token(3)));
    }
}
