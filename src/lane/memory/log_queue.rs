//! The records of a lane's log, in order, and which ids are among them.

use std::collections::{HashMap, VecDeque, hash_map};

use serde::{Deserialize, Serialize};

use crate::facts::record::Entry;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LogQueue {
    pub last: u64,
    entries: VecDeque<Entry>,
    /// Record ids in `entries`, and how often each is there.
    #[serde(skip)]
    ids: HashMap<String, u32>,
}

impl LogQueue {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        for entry in &self.entries {
            *self.ids.entry(entry.id.clone()).or_default() += 1;
        }
    }

    /// `entry.log` must be above the last id.
    pub fn push(&mut self, entry: Entry) {
        self.last = entry.log.0;
        *self.ids.entry(entry.id.clone()).or_default() += 1;
        self.entries.push_back(entry);
    }

    pub fn trim(&mut self, upto: u64) {
        while self.entries.front().is_some_and(|entry| entry.log.0 <= upto) {
            let Some(entry) = self.entries.pop_front() else { break };
            if let hash_map::Entry::Occupied(mut count) = self.ids.entry(entry.id) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    pub fn has(&self, record: &str) -> bool {
        self.ids.contains_key(record)
    }

    pub fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn after(&self, after: u64, max: usize) -> Vec<Entry> {
        let start = self.entries.partition_point(|entry| entry.log.0 <= after);
        self.entries.range(start..).take(max).cloned().collect()
    }
}
