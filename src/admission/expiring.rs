//! A bounded map whose entries expire, by the time of day or by ticks.

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

/// With fewer entries than this, nobody looks for expired ones.
const FEW: usize = 1_024;

/// Remembers at most `max` entries. When that many are alive, all are forgotten: every entry can be found out again,
/// and forgetting all at once costs less than choosing. Expired entries are forgotten as soon as there are twice as
/// many entries as were alive at the last look. The memory that a past crowd took is given back then.
#[derive(Debug)]
pub struct Expiring<K: Eq + Hash, V, T> {
    map: DashMap<K, (V, T)>,
    max: usize,
    /// At this many entries the expired ones are forgotten.
    look_at: AtomicUsize,
}

impl<K: Eq + Hash, V: Clone, T: Copy + Ord> Expiring<K, V, T> {
    pub fn new(max: usize) -> Self {
        Self { map: DashMap::new(), max, look_at: AtomicUsize::new(FEW.min(max)) }
    }

    pub fn get(&self, key: &K, now: T) -> Option<V> {
        let entry = self.map.get(key)?;
        (entry.1 > now).then(|| entry.0.clone())
    }

    pub fn put(&self, now: T, key: K, value: V, until: T) {
        if self.map.len() >= self.look_at.load(Ordering::Relaxed) {
            self.map.retain(|_, entry| entry.1 > now);
            if self.map.len() >= self.max {
                self.map.clear();
            }
            if self.map.len() < self.map.capacity() / 8 {
                self.map.shrink_to_fit();
            }
            let next = (2 * self.map.len()).max(FEW).min(self.max);
            self.look_at.store(next, Ordering::Relaxed);
        }
        self.map.insert(key, (value, until));
    }

    pub fn forget(&self, key: &K) {
        self.map.remove(key);
    }

    pub fn clear(&self) {
        self.map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ended_take_no_room() {
        let map = Expiring::new(1_000_000);
        for now_ms in 0..100_000_i64 {
            map.put(now_ms, now_ms, (), now_ms + 500);
            assert!(map.map.len() <= 2 * FEW, "500 are alive, and {} are kept", map.map.len());
        }
        assert!(map.get(&99_999, 99_999).is_some());
    }

    #[test]
    fn a_crowd_that_is_gone_takes_no_room() {
        let map = Expiring::new(1_000_000);
        (1..=200_000_i64).for_each(|key| map.put(0, -key, (), 1_000));
        let crowded = map.map.capacity();
        // Goes on until the map holds twice as many entries as the crowd had at the last look.
        (1_000..400_000_i64).for_each(|now_ms| map.put(now_ms, now_ms, (), now_ms + 500));
        assert!(map.map.capacity() < crowded / 8, "{} of {crowded}", map.map.capacity());
    }

    #[test]
    fn entries_end_and_their_number_is_bounded() {
        let map = Expiring::new(3);
        for key in 0..3 {
            map.put(0, key, key * 10, 5 + i64::from(key));
        }
        assert_eq!((map.get(&0, 4), map.get(&0, 5)), (Some(0), None));
        // Full: the expired one makes room.
        map.put(5, 3, 30, 100);
        assert_eq!((map.get(&0, 0), map.get(&1, 5), map.get(&3, 5)), (None, Some(10), Some(30)));
        // Full, and all are alive: all are forgotten.
        map.put(5, 4, 40, 100);
        assert_eq!((map.get(&3, 5), map.get(&4, 5)), (None, Some(40)));
    }
}
