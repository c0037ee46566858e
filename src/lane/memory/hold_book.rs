//! The holds of an event, by id, by when they run out and by when they are dropped.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::state::DAY_MS;
use crate::clock::Millis;
use crate::ids::HoldId;
use crate::lane::hold::{HoldFact, HoldState};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Holds {
    by_id: BTreeMap<HoldId, Hold>,
    /// Held ones by when they run out.
    #[serde(skip)]
    expiry: BTreeSet<(Millis, HoldId)>,
    /// Ended ones by when they are dropped.
    #[serde(skip)]
    drops: BTreeSet<(Millis, HoldId)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub fact: HoldFact,
    /// When it ended: released, swept, or its order became final.
    pub ended_ms: Option<Millis>,
}

impl Holds {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        for (_, hold) in std::mem::take(&mut self.by_id) {
            self.put(hold);
        }
    }

    pub fn get(&self, id: &HoldId) -> Option<&Hold> {
        self.by_id.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Hold> {
        self.by_id.values()
    }

    pub fn put(&mut self, hold: Hold) {
        let id = hold.fact.id.clone();
        self.remove(&id);
        self.expiry.extend(hold.expiry_key());
        self.drops.extend(hold.drop_key());
        self.by_id.insert(id, hold);
    }

    pub fn remove(&mut self, id: &HoldId) {
        if let Some(before) = self.by_id.remove(id) {
            before.expiry_key().map(|key| self.expiry.remove(&key));
            before.drop_key().map(|key| self.drops.remove(&key));
        }
    }

    /// The next held one to run out.
    pub fn first_to_expire(&self) -> Option<&(Millis, HoldId)> {
        self.expiry.first()
    }

    /// The next ended one to be dropped.
    pub fn first_to_drop(&self) -> Option<&(Millis, HoldId)> {
        self.drops.first()
    }
}

impl Hold {
    fn expiry_key(&self) -> Option<(Millis, HoldId)> {
        (self.fact.state == HoldState::Held).then(|| (self.fact.expires_ms, self.fact.id.clone()))
    }

    fn drop_key(&self) -> Option<(Millis, HoldId)> {
        self.ended_ms.map(|ended_ms| (ended_ms + DAY_MS, self.fact.id.clone()))
    }

    /// As it reads at `now_ms`: one past its time has expired, swept or not.
    pub fn at(&self, now_ms: Millis) -> HoldFact {
        let mut fact = self.fact.clone();
        if fact.state == HoldState::Held && fact.expires_ms <= now_ms {
            fact.state = HoldState::Expired;
        }
        fact
    }
}
