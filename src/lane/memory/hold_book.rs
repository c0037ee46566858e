//! The holds of an event, by id, by when they run out and by when they ended. Of older ended holds only the digest of
//! their request is left.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{HoldId, UserId};
use crate::facts::time::Millis;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Holds {
    by_id: BTreeMap<HoldId, HoldEntry>,
    #[serde(default)]
    digests: BTreeMap<HoldId, HoldDigest>,
    #[serde(default)]
    recent: Recent<HoldId>,
    /// Held ones by when they run out.
    #[serde(skip)]
    expiry: BTreeSet<(Millis, HoldId)>,
    /// Ended ones by when they ended.
    #[serde(skip)]
    drops: BTreeSet<(Millis, HoldId)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldEntry {
    pub fact: HoldFact,
    /// When it ended: released, swept, or its order became final.
    pub ended_ms: Option<Millis>,
}

/// An ended hold that only a repeat of its request still asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HoldDigest {
    digest: String,
    ended_ms: Millis,
}

impl Holds {
    /// Rebuilds what is not stored.
    pub fn index(&mut self) {
        self.drops.extend(self.digests.iter().map(|(id, digest)| (digest.ended_ms, id.clone())));
        for (_, hold) in std::mem::take(&mut self.by_id) {
            self.put(hold);
        }
    }

    pub fn get(&self, id: &HoldId) -> Option<&HoldEntry> {
        self.by_id.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = &HoldEntry> {
        self.by_id.values()
    }

    /// Digest of the request of an ended hold of which nothing else is left.
    pub fn digest(&self, id: &HoldId) -> Option<&str> {
        self.digests.get(id).map(|ended| ended.digest.as_str())
    }

    /// The user's oldest ended hold that is whole, when there are more of them than stay whole.
    pub fn one_too_many(&self, user: &UserId) -> Option<HoldId> {
        self.recent.one_too_many(user)
    }

    pub fn put(&mut self, hold: HoldEntry) {
        let id = hold.fact.id.clone();
        self.unindex(&id);
        match hold.ended_ms {
            Some(_) => self.recent.note(&hold.fact.user, &id),
            None => self.recent.forget(&hold.fact.user, &id),
        }
        self.expiry.extend(hold.expiry_key());
        self.drops.extend(hold.drop_key());
        self.by_id.insert(id, hold);
    }

    /// Leaves only the digest of an ended hold.
    pub fn reduce(&mut self, id: &HoldId) {
        let Some(hold) = self.unindex(id) else { return };
        let Some(ended_ms) = hold.ended_ms else { return };
        self.recent.forget(&hold.fact.user, id);
        self.drops.insert((ended_ms, id.clone()));
        self.digests.insert(id.clone(), HoldDigest { digest: hold.fact.digest, ended_ms });
    }

    /// Drops a hold, or what is left of it.
    pub fn remove(&mut self, id: &HoldId) {
        if let Some(hold) = self.unindex(id) {
            self.recent.forget(&hold.fact.user, id);
        }
        if let Some(ended) = self.digests.remove(id) {
            self.drops.remove(&(ended.ended_ms, id.clone()));
        }
    }

    fn unindex(&mut self, id: &HoldId) -> Option<HoldEntry> {
        let before = self.by_id.remove(id)?;
        before.expiry_key().map(|key| self.expiry.remove(&key));
        before.drop_key().map(|key| self.drops.remove(&key));
        Some(before)
    }

    /// The next held one to run out.
    pub fn first_to_expire(&self) -> Option<&(Millis, HoldId)> {
        self.expiry.first()
    }

    /// The next ended one to be dropped, and when it ended.
    pub fn first_to_drop(&self) -> Option<&(Millis, HoldId)> {
        self.drops.first()
    }
}

impl HoldEntry {
    fn expiry_key(&self) -> Option<(Millis, HoldId)> {
        (self.fact.state == HoldState::Held).then(|| (self.fact.expires_ms, self.fact.id.clone()))
    }

    fn drop_key(&self) -> Option<(Millis, HoldId)> {
        self.ended_ms.map(|ended_ms| (ended_ms, self.fact.id.clone()))
    }

    /// The hold as it reads at `now_ms`: past its time it has expired, swept or not.
    pub fn at(&self, now_ms: Millis) -> HoldFact {
        let mut fact = self.fact.clone();
        if fact.state == HoldState::Held && fact.expires_ms <= now_ms {
            fact.state = HoldState::Expired;
        }
        fact
    }
}
