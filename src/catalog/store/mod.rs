//! The catalogue of this process: everything on sale, kept in memory and refreshed from the ledger. A change goes to
//! the ledger, then to memory, then to the lane.
//!
//! Requests read memory only. A change made elsewhere arrives by `refresh`. A change whose lane step failed is
//! remembered, and a later `apply_pending` of this process or any other applies it. A change that the lane refuses is
//! taken back.

mod campaigns;
mod events;
mod refresh;
mod unapplied;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use self::unapplied::Unapplied;
use super::campaign::Campaign;
use super::event::{Event, EventSpec, SpecFaults};
use crate::clock::Clock;
use crate::facts::fault::Fault;
use crate::facts::ids::{CampaignId, EventId, LaneId};
use crate::lane::Lanes;
use crate::lane::coupons::CampaignPut;
use crate::ledger::Ledger;
use crate::ledger::wallets::{Corrected, Correction, Grant, Granted};
use crate::{lane, ledger};

/// How often a change is tried in all, while other changes come first.
const TRIES: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Lane(#[from] Fault),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Others kept changing the same thing; retryable.
    #[error("the catalogue is being changed by someone else")]
    Contended,
    /// The ledger holds what this version cannot read.
    #[error("{what} {id} in the ledger cannot be read")]
    Unreadable {
        what: &'static str,
        id: String,
        #[source]
        source: serde_json::Error,
    },
}

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub enum PutEventOutcome {
    Created(Arc<Event>),
    Changed(Arc<Event>),
    /// Seats that would be dropped are held, paying or sold: their names, at most 20.
    SeatsSold(Vec<String>),
    Invalid(SpecFaults),
    /// The event was cancelled, and is not changed any more.
    Cancelled,
    /// Only an existing event was to be changed, and there is no such event.
    NotFound,
    /// The event is not in the state that its editor saw: somebody was faster.
    Stale,
}

/// What an editor makes of an event as it is now.
#[derive(Debug)]
pub enum Edited {
    Spec(Box<EventSpec>),
    /// The event as it is cancelled.
    Cancelled(Box<EventSpec>),
    Invalid(SpecFaults),
    NotFound,
    Stale,
}

#[derive(Debug)]
pub enum PutCampaignOutcome {
    Created(Arc<Campaign>),
    Changed(Arc<Campaign>),
    /// This many are claimed already.
    StockClaimed(i64),
    Invalid(SpecFaults),
}

#[derive(Clone, Default)]
struct Index {
    events: BTreeMap<EventId, Arc<Event>>,
    /// Events that left their lanes: nothing of them is on sale, but what was sold still uses their names.
    past: BTreeMap<EventId, Arc<Event>>,
    campaigns: BTreeMap<CampaignId, Arc<Campaign>>,
}

pub struct Catalog {
    ledger: Ledger,
    lanes: Lanes,
    clock: Clock,
    currency: String,
    /// Every request reads it, and it changes seldom: reading takes no lock.
    index: ArcSwap<Index>,
    unapplied: Mutex<Unapplied>,
    seen: Mutex<SeenSeqs>,
}

/// Highest `seq` seen, kept apart for each list. The lists are read one after the other, so the second may show a
/// change younger than one that the first could not show yet.
#[derive(Debug, Clone, Copy, Default)]
struct SeenSeqs {
    /// Everything up to this change was read.
    all: i64,
    events: i64,
    campaigns: i64,
}

/// How a lane took a change.
enum Applied<T> {
    Done,
    /// The lane knows a newer version.
    Overtaken,
    Refused(T),
}

impl Catalog {
    /// An empty catalogue; `refresh` fills it.
    /// `currency` is the whole house's, ISO 4217.
    pub fn new(ledger: Ledger, lanes: Lanes, clock: Clock, currency: &str) -> Self {
        Self {
            ledger,
            lanes,
            clock,
            currency: currency.to_owned(),
            index: ArcSwap::default(),
            unapplied: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    pub fn event(&self, id: &str) -> Option<Arc<Event>> {
        self.index.load().events.get(id).cloned()
    }

    /// Also finds an event that has left its lane.
    pub fn any_event(&self, id: &str) -> Option<Arc<Event>> {
        let index = self.index.load();
        index.events.get(id).or_else(|| index.past.get(id)).cloned()
    }

    /// Events of one lane that left it.
    pub fn past_events_of(&self, lane: LaneId) -> Vec<Arc<Event>> {
        self.index.load().past.values().filter(|e| e.lane == lane).cloned().collect()
    }

    pub fn campaign(&self, id: &str) -> Option<Arc<Campaign>> {
        self.index.load().campaigns.get(id).cloned()
    }

    /// Events in the order of their ids, after `after`, at most `limit`.
    pub fn events(&self, after: Option<&str>, limit: usize) -> Vec<Arc<Event>> {
        let index = self.index.load();
        let skipped = index.events.iter().skip_while(|(id, _)| after.is_some_and(|after| id.as_str() <= after));
        skipped.take(limit).map(|(_, event)| event.clone()).collect()
    }

    /// Every event that has not left its lane.
    pub fn all_events(&self) -> Vec<Arc<Event>> {
        self.index.load().events.values().cloned().collect()
    }

    /// Events of one lane that have not left it.
    pub fn events_of(&self, lane: LaneId) -> Vec<Arc<Event>> {
        self.index.load().events.values().filter(|e| e.lane == lane).cloned().collect()
    }

    pub fn campaign_puts(&self, lane: LaneId) -> Vec<CampaignPut> {
        self.index.load().campaigns.values().filter(|c| c.lane == lane).map(|c| c.lane_put()).collect()
    }

    /// The whole house's, ISO 4217.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Gives points to a user. Points are in the ledger alone, so no lane is told.
    pub async fn grant(&self, grant: Grant) -> Result<Granted> {
        Ok(self.ledger.grant(grant, self.clock.now_ms()).await?)
    }

    /// Takes points back from a user.
    pub async fn correct_points(&self, correction: Correction) -> Result<Corrected> {
        Ok(self.ledger.correct_points(correction, self.clock.now_ms()).await?)
    }

    fn remember(&self, events: &[Arc<Event>], campaigns: &[Arc<Campaign>]) {
        if events.is_empty() && campaigns.is_empty() {
            return;
        }
        self.index.rcu(|index| {
            let mut index = Index::clone(index);
            for event in events {
                let known = index.events.get(&event.id).or_else(|| index.past.get(&event.id));
                if known.is_some_and(|known| known.version > event.version) {
                    continue;
                }
                index.events.remove(&event.id);
                index.past.remove(&event.id);
                let list = if event.away { &mut index.past } else { &mut index.events };
                list.insert(event.id.clone(), event.clone());
            }
            for campaign in campaigns {
                if index.campaigns.get(&campaign.id).is_none_or(|known| known.version <= campaign.version) {
                    index.campaigns.insert(campaign.id.clone(), campaign.clone());
                }
            }
            index
        });
    }

    fn lane(&self, id: LaneId) -> &Arc<dyn lane::Lane> {
        self.lanes.get(id).expect("boot refuses fewer lanes than the ledger knows")
    }

    /// The lane of a new event or campaign. A hash of the id chooses it, so every gateway chooses the same lane.
    fn lane_of(&self, id: &str) -> LaneId {
        let hash = Sha256::digest(id.as_bytes());
        LaneId(u16::from_be_bytes([hash[0], hash[1]]) % self.lanes.count())
    }
}
