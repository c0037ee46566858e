//! A bounded map whose entries end. Knows not what it remembers.

use std::hash::Hash;

use dashmap::DashMap;

use crate::clock::Millis;

/// Remembers at most `max` entries. When that many are alive, all are forgotten: what is kept here can
/// be found out again, and forgetting at once costs less than choosing.
#[derive(Debug)]
pub struct Expiring<K: Eq + Hash, V> {
    map: DashMap<K, (V, Millis)>,
    max: usize,
}

impl<K: Eq + Hash, V: Clone> Expiring<K, V> {
    pub fn new(max: usize) -> Self {
        Self { map: DashMap::new(), max }
    }

    pub fn get(&self, key: &K, now_ms: Millis) -> Option<V> {
        let entry = self.map.get(key)?;
        (entry.1 > now_ms).then(|| entry.0.clone())
    }

    pub fn put(&self, now_ms: Millis, key: K, value: V, until_ms: Millis) {
        if self.map.len() >= self.max {
            self.map.retain(|_, entry| entry.1 > now_ms);
            if self.map.len() >= self.max {
                self.map.clear();
            }
        }
        self.map.insert(key, (value, until_ms));
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
    fn entries_end_and_their_number_is_bounded() {
        let map = Expiring::new(3);
        for key in 0..3 {
            map.put(0, key, key * 10, 5 + i64::from(key));
        }
        assert_eq!((map.get(&0, 4), map.get(&0, 5)), (Some(0), None));
        // Full: the ended one makes room.
        map.put(5, 3, 30, 100);
        assert_eq!((map.get(&0, 0), map.get(&1, 5), map.get(&3, 5)), (None, Some(10), Some(30)));
        // Full of the living: all are forgotten.
        map.put(5, 4, 40, 100);
        assert_eq!((map.get(&3, 5), map.get(&4, 5)), (None, Some(40)));
    }
}
