//! What has ended of each user's holds or orders, oldest first. The last [`RECENT_MAX`] stay whole; of older ones only
//! digests stay.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::facts::ids::UserId;
use crate::lane::RECENT_MAX;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recent<Id>(BTreeMap<UserId, VecDeque<Id>>);

impl<Id> Default for Recent<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Clone + PartialEq> Recent<Id> {
    pub fn note(&mut self, user: &UserId, id: &Id) {
        let ended = self.0.entry(user.clone()).or_default();
        if !ended.contains(id) {
            ended.push_back(id.clone());
        }
    }

    pub fn forget(&mut self, user: &UserId, id: &Id) {
        let Some(ended) = self.0.get_mut(user) else { return };
        ended.retain(|other| other != id);
        if ended.is_empty() {
            self.0.remove(user);
        }
    }

    /// The user's oldest, when there are more than [`RECENT_MAX`].
    pub fn one_too_many(&self, user: &UserId) -> Option<Id> {
        let ended = self.0.get(user)?;
        (ended.len() > RECENT_MAX).then(|| ended.front().cloned())?
    }
}
