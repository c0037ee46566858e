//! What the crowd counted: steps and their latencies, refusals by code, how visits ended, and everything unexpected.
//! Shared by all visitors.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::latency::Latency;
use super::step::BuyerStep;

/// Kinds of unexpected things remembered with their text; further kinds are counted as one.
const BREACHES_MAX: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Arrived,
    Entered,
    Admitted,
    Held,
    SeatsHeld,
    Claimed,
    Ordered,
    Confirmed,
    /// Order lines of confirmed orders.
    LinesSold,
    /// Orders with at least one line refunded.
    Refunded,
    LinesRefunded,
    /// Minor units.
    Revenue,
    CashRefunded,
    PointsSpent,
    PointsRestored,
    /// Visits that are over.
    Finished,
    Requests,
}

const COUNTS: usize = Count::Requests as usize + 1;

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Bought,
    BoughtAndRefunded,
    LeftTheLine,
    WentSilent,
    CalledInVain,
    SoldOut,
    FoundNothing,
    GaveTheHoldBack,
    WalkedAway,
    HoldRanOut,
    Cancelled,
    NeverPaid,
    RoomClosed,
    /// Something unexpected ended the visit; it is counted as a breach, too.
    Broken,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            End::Bought => "bought",
            End::BoughtAndRefunded => "bought, then had it refunded",
            End::LeftTheLine => "left the line",
            End::WentSilent => "went silent in line",
            End::CalledInVain => "called while away, too late",
            End::SoldOut => "left when all was sold",
            End::FoundNothing => "found no seats they liked",
            End::GaveTheHoldBack => "gave the seats back",
            End::WalkedAway => "walked away from the seats",
            End::HoldRanOut => "too slow, the hold ran out",
            End::Cancelled => "cancelled the order",
            End::NeverPaid => "never paid",
            End::RoomClosed => "found the room closed",
            End::Broken => "stopped by something unexpected",
        }
    }
}

#[derive(Debug)]
pub struct Breach {
    pub count: u64,
    /// The first one's details.
    pub sample: String,
}

#[derive(Debug, Default)]
pub struct CrowdTally {
    counts: [AtomicU64; COUNTS],
    latencies: [Latency; BuyerStep::ALL.len()],
    /// From the last payment with a working card to the status `confirmed`. A payment in the order itself counts from
    /// the order's answer.
    pub confirmation: Latency,
    refused: Mutex<BTreeMap<(BuyerStep, &'static str), u64>>,
    ends: Mutex<BTreeMap<End, u64>>,
    breaches: Mutex<BTreeMap<String, Breach>>,
}

impl CrowdTally {
    pub fn add(&self, count: Count, n: u64) {
        self.counts[count as usize].fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    pub fn took(&self, step: BuyerStep, took: Duration) {
        self.latencies[step as usize].record(took);
    }

    pub fn latency(&self, step: BuyerStep) -> &Latency {
        &self.latencies[step as usize]
    }

    pub fn refused(&self, step: BuyerStep, code: &'static str) {
        *self.refused.lock().entry((step, code)).or_default() += 1;
    }

    pub fn refusals(&self) -> Vec<(BuyerStep, &'static str, u64)> {
        self.refused.lock().iter().map(|(&(step, code), &n)| (step, code, n)).collect()
    }

    pub fn ended(&self, end: End) {
        self.add(Count::Finished, 1);
        *self.ends.lock().entry(end).or_default() += 1;
    }

    pub fn ends(&self) -> Vec<(End, u64)> {
        self.ends.lock().iter().map(|(&end, &n)| (end, n)).collect()
    }

    /// Something the contract does not allow. `what` must come from a small set; `sample` is anything.
    pub fn breach(&self, what: &str, sample: impl FnOnce() -> String) {
        let mut breaches = self.breaches.lock();
        let what = if breaches.contains_key(what) || breaches.len() < BREACHES_MAX { what } else { "others" };
        match breaches.get_mut(what) {
            Some(breach) => breach.count += 1,
            None => {
                breaches.insert(what.to_owned(), Breach { count: 1, sample: sample() });
            }
        }
    }

    pub fn breaches(&self) -> Vec<(String, u64, String)> {
        self.breaches.lock().iter().map(|(what, b)| (what.clone(), b.count, b.sample.clone())).collect()
    }

    pub fn breach_count(&self) -> u64 {
        self.breaches.lock().values().map(|b| b.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_stored_by_their_own_number() {
        let tally = CrowdTally::default();
        for step in BuyerStep::ALL {
            tally.took(step, Duration::from_millis(1));
            assert_eq!(tally.latency(step).quantiles().count, 1, "{}", step.name());
        }
    }

    #[test]
    fn the_unexpected_is_bounded_and_none_is_uncounted() {
        let tally = CrowdTally::default();
        for i in 0..2 * BREACHES_MAX {
            tally.breach(&format!("kind {i}"), || format!("sample {i}"));
            tally.breach("kind 0", || "a later one".to_owned());
        }
        assert_eq!(tally.breach_count(), 4 * BREACHES_MAX as u64);
        let breaches = tally.breaches();
        assert_eq!(breaches.len(), BREACHES_MAX + 1);
        assert_eq!(breaches[0], ("kind 0".to_owned(), 2 * BREACHES_MAX as u64 + 1, "sample 0".to_owned()));
    }
}
