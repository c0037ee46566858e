//! What the lanes have not taken yet.

use std::collections::BTreeMap;

use crate::facts::ids::{CampaignId, EventId};
use crate::facts::time::{Millis, Tick};

/// The process that made a refused change takes it back at once. If the change is still refused after this time, ms,
/// that process must be dead, and any other process takes the change back. A failed attempt is repeated after the same
/// time.
const LEFT_MS: Millis = 10_000;

/// What the lanes have not taken yet.
#[derive(Default)]
pub(super) struct Unapplied {
    pub(super) events: PendingVersions<EventId>,
    pub(super) campaigns: PendingVersions<CampaignId>,
    pub(super) refused_events: Refusals<EventId>,
    pub(super) refused_campaigns: Refusals<CampaignId>,
}

/// Versions that a lane refuses, and since when.
pub(super) struct Refusals<Id>(BTreeMap<Id, (i64, Tick)>);

impl<Id> Default for Refusals<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord + Clone> Refusals<Id> {
    /// Notes that a version is refused at `tick`. True: it has been refused for [`LEFT_MS`], counted from the first
    /// time or from the last attempt to take it back.
    pub(super) fn is_left(&mut self, id: &Id, version: i64, tick: Tick) -> bool {
        let (refused, since) = self.0.entry(id.clone()).or_insert((version, tick));
        if *refused != version {
            (*refused, *since) = (version, tick);
        }
        let is_left = tick.since(*since) >= LEFT_MS;
        if is_left {
            *since = tick;
        }
        is_left
    }
}

/// For each id, the highest version that its lane has yet to take.
pub(super) struct PendingVersions<Id>(BTreeMap<Id, i64>);

impl<Id> Default for PendingVersions<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord + Clone> PendingVersions<Id> {
    pub(super) fn add(&mut self, id: &Id, version: i64) {
        let known = self.0.entry(id.clone()).or_insert(version);
        *known = version.max(*known);
    }

    /// Notes that the lane has taken this version. A newer one still waits.
    pub(super) fn taken(&mut self, id: &Id, version: i64) {
        if self.0.get(id).is_some_and(|waiting| *waiting <= version) {
            self.0.remove(id);
        }
    }

    pub(super) fn ids(&self) -> Vec<Id> {
        self.0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_change_that_arrives_late_takes_nothing_from_a_newer_one() {
        let mut waiting = PendingVersions::default();
        waiting.add(&"hall", 2);
        waiting.add(&"hall", 3);
        waiting.add(&"hall", 1);
        waiting.taken(&"hall", 2);
        assert_eq!(waiting.ids(), ["hall"], "version 3 has not reached its lane");
        waiting.taken(&"dome", 3);
        waiting.taken(&"hall", 3);
        assert!(waiting.ids().is_empty());
    }
}
