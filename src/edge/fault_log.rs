//! Bounds how often faults are logged: for one part at most one line a second, with the number of faults left out
//! before it. When a store is away every request is a fault, and a line for each would fill the disk with the same
//! message.

use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::clock::{self, Instant};

const EVERY: Duration = Duration::from_secs(1);

/// When the last line for each part was logged. The parts are a closed set, so the map stays small.
#[derive(Default)]
pub struct FaultLog(DashMap<&'static str, Said>);

struct Said {
    at: Instant,
    /// Faults since then that were not logged.
    more: u64,
}

impl FaultLog {
    /// `Some`: this fault is to be logged, with the number of faults left out since the last line.
    pub fn say(&self, part: &'static str) -> Option<u64> {
        self.say_at(part, clock::instant())
    }

    fn say_at(&self, part: &'static str, now: Instant) -> Option<u64> {
        match self.0.entry(part) {
            Entry::Vacant(entry) => {
                entry.insert(Said { at: now, more: 0 });
                Some(0)
            }
            Entry::Occupied(mut entry) => {
                let said = entry.get_mut();
                if now.duration_since(said.at) < EVERY {
                    said.more += 1;
                    return None;
                }
                said.at = now;
                Some(std::mem::take(&mut said.more))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_once_a_second_with_how_many_more_there_were() {
        let (log, begun) = (FaultLog::default(), clock::instant());
        let say = |part, ms| log.say_at(part, begun + Duration::from_millis(ms));
        assert_eq!((say("lane", 0), say("lane", 1), say("lane", 999)), (Some(0), None, None));
        assert_eq!(say("ledger", 500), Some(0), "another one is another line");
        assert_eq!((say("lane", 1_000), say("lane", 2_000)), (Some(2), Some(0)));
    }
}
