//! The catalogue of this process: everything on sale, kept in memory and refreshed from the ledger. A change goes to
//! the ledger, then to memory, then to the lane.
//!
//! Requests read memory only. A change made elsewhere arrives by `refresh`. A change whose lane step failed is
//! remembered, and a later `apply_pending` of this process or any other applies it. A change that the lane refuses is
//! taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::campaign;
use super::campaign::Campaign;
use super::event::{Event, EventSpec, RoomPatch, SpecFaults};
use super::layout::Layout;
use crate::clock::Clock;
use crate::facts::draw::Birth;
use crate::facts::fault::Fault;
use crate::facts::ids::{CampaignId, EventId, LaneId, SeatIndex};
use crate::facts::time::{Millis, Tick, Timestamp};
use crate::lane::Lanes;
use crate::lane::coupons::{CampaignPut, PutCampaign};
use crate::lane::events::PutEvent;
use crate::ledger::Ledger;
use crate::ledger::catalog::{CampaignRow, EventRow, Fact, Put};
use crate::ledger::draws::DrawSecret;
use crate::ledger::journal::grant::{Grant, Granted};
use crate::ledger::rules::coupons::CampaignSpec;
use crate::{lane, ledger};

/// How often a change is tried in all, while other changes come first.
const TRIES: usize = 5;

/// Rows read from the ledger in one go.
const PAGE: i64 = 500;

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
    /// Only an existing event was to be changed, and there is no such event.
    NotFound,
    /// The event is not in the state that its editor saw: somebody was faster.
    Stale,
}

/// What an editor makes of an event as it is now.
#[derive(Debug)]
pub enum Edited {
    Spec(Box<EventSpec>),
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

/// The process that made a refused change takes it back at once. If the change is still refused after this time, ms,
/// that process must be dead, and any other process takes the change back. A failed attempt is repeated after the same
/// time.
const LEFT_MS: Millis = 10_000;

/// What the lanes have not taken yet.
#[derive(Default)]
struct Unapplied {
    events: PendingVersions<EventId>,
    campaigns: PendingVersions<CampaignId>,
    refused_events: Refusals<EventId>,
    refused_campaigns: Refusals<CampaignId>,
}

/// Versions that a lane refuses, and since when.
struct Refusals<Id>(BTreeMap<Id, (i64, Tick)>);

impl<Id> Default for Refusals<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord + Clone> Refusals<Id> {
    /// Notes that a version is refused at `tick`. True: it has been refused for [`LEFT_MS`], since the first time or the
    /// last attempt to take it back.
    fn is_left(&mut self, id: &Id, version: i64, tick: Tick) -> bool {
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
struct PendingVersions<Id>(BTreeMap<Id, i64>);

impl<Id> Default for PendingVersions<Id> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord + Clone> PendingVersions<Id> {
    fn add(&mut self, id: &Id, version: i64) {
        let known = self.0.entry(id.clone()).or_insert(version);
        *known = version.max(*known);
    }

    /// Notes that the lane has taken this version. A newer one still waits.
    fn taken(&mut self, id: &Id, version: i64) {
        if self.0.get(id).is_some_and(|waiting| *waiting <= version) {
            self.0.remove(id);
        }
    }

    fn ids(&self) -> Vec<Id> {
        self.0.keys().cloned().collect()
    }
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

    /// Finds also an event that has left its lane.
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

    /// Creates or changes an event. The same spec again changes nothing but brings the lane up to date.
    pub async fn put_event(&self, id: &EventId, spec: EventSpec) -> Result<PutEventOutcome> {
        self.edit_event(id, |_| Edited::Spec(Box::new(spec.clone()))).await
    }

    /// Changes some of a room's settings, where `may` allows it.
    pub async fn patch_room(
        &self,
        id: &EventId,
        patch: &RoomPatch,
        may: impl Fn(&Event) -> bool,
    ) -> Result<PutEventOutcome> {
        let patched = |event: &Event| EventSpec { room: patch.apply(&event.spec.room), ..event.spec.clone() };
        let edit = |before: Option<&Event>| match before {
            None => Edited::NotFound,
            Some(event) if !may(event) => Edited::Stale,
            Some(event) => Edited::Spec(Box::new(patched(event))),
        };
        let outcome = self.edit_event(id, edit).await?;
        let inside_room = |(pointer, detail): (String, String)| {
            (pointer.strip_prefix("/room").map(str::to_owned).unwrap_or(pointer), detail)
        };
        Ok(match outcome {
            PutEventOutcome::Invalid(faults) => PutEventOutcome::Invalid(faults.into_iter().map(inside_room).collect()),
            outcome => outcome,
        })
    }

    /// Creates or changes an event by what `edit` makes of it; `edit` is asked again when another change came
    /// first.
    pub async fn edit_event(&self, id: &EventId, edit: impl Fn(Option<&Event>) -> Edited) -> Result<PutEventOutcome> {
        for tried in 0..TRIES {
            let before = self.any_event(id.as_str());
            let spec = match edit(before.as_deref()) {
                Edited::Spec(spec) => *spec,
                Edited::Invalid(faults) => return Ok(PutEventOutcome::Invalid(faults)),
                Edited::NotFound => return Ok(PutEventOutcome::NotFound),
                // What the editor saw may be newer than what this process has.
                Edited::Stale if tried == 0 => {
                    self.refresh().await?;
                    continue;
                }
                Edited::Stale => return Ok(PutEventOutcome::Stale),
            };
            let (spec, mut faults) = self.with_change(spec, before.as_deref());
            faults.extend(spec.faults());
            // An event from before the house had a currency keeps its own.
            let kept = before.as_ref().is_some_and(|before| before.spec.currency == spec.currency);
            if faults.is_empty() && spec.currency != self.currency && !kept {
                let text = format!("this house sells in {} ([money] currency)", self.currency);
                faults.push(("/currency".into(), text));
            }
            if !faults.is_empty() {
                return Ok(PutEventOutcome::Invalid(faults));
            }
            let frozen = before.as_ref().map(|before| spec.room.frozen_faults(&before.spec.room, "/room"));
            if let Some(faults) = frozen.filter(|faults| !faults.is_empty()) {
                return Ok(PutEventOutcome::Invalid(faults));
            }
            let after = Arc::new(self.next_event(id, spec, before.as_deref()));
            if let Some(sold) = self.would_drop(&after, before.as_deref()).await? {
                return Ok(PutEventOutcome::SeatsSold(sold));
            }
            let unchanged = before.as_ref().is_some_and(|b| b.spec == after.spec && !b.away);
            let after = if unchanged { before.clone().expect("unchanged means there was one") } else { after };
            if !unchanged && !self.store_event(&after, before.as_deref()).await? {
                self.refresh().await?;
                continue;
            }
            return match self.apply_event(&after).await? {
                // This process saw no change, because it had not heard of a newer version.
                Applied::Overtaken if unchanged => {
                    self.refresh().await?;
                    continue;
                }
                Applied::Done | Applied::Overtaken if before.is_none() => Ok(PutEventOutcome::Created(after)),
                Applied::Done | Applied::Overtaken => Ok(PutEventOutcome::Changed(after)),
                Applied::Refused(seats) => {
                    self.revert_event(&after, &seats).await?;
                    Ok(PutEventOutcome::SeatsSold(names(&after.layout, &seats)))
                }
            };
        }
        Err(Error::Contended)
    }

    /// Notes when a material change is made; only a change of this kind moves that time.
    fn with_change(&self, spec: EventSpec, before: Option<&Event>) -> (EventSpec, SpecFaults) {
        let former = before.and_then(|before| before.spec.material_change_at);
        let mut faults = SpecFaults::new();
        if spec.material_change && before.is_none() {
            faults.push(("/material_change".into(), "of a new event nothing is sold that it could change".into()));
        }
        if spec.material_change_at != former {
            let text = "told, not set: name \"material_change\": true when date or venue change";
            faults.push(("/material_change_at".into(), text.into()));
        }
        let now = Some(Timestamp(self.clock.now_ms()));
        let material_change_at = if spec.material_change { now } else { former };
        (EventSpec { material_change: false, material_change_at, ..spec }, faults)
    }

    fn next_event(&self, id: &EventId, spec: EventSpec, before: Option<&Event>) -> Event {
        let layout = Layout::of(&spec, before.map_or(&Layout::default(), |b| &b.layout));
        let lane = before.map_or_else(|| self.lane_of(id.as_str()), |b| b.lane);
        // An event from before there were draws gets a secret with its first change. An event that comes back is
        // another sale and gets a new secret: no earlier token is good for it, and nobody knows its draws.
        let kept = before.filter(|b| !b.away).map(|b| b.draw.clone());
        let draw = kept.filter(|draw| draw.bytes().is_some());
        let draw = draw.unwrap_or_else(DrawSecret::random);
        Event {
            id: id.clone(),
            lane,
            version: before.map_or(1, |b| b.version + 1),
            spec,
            layout,
            birth: born(&draw),
            draw,
            away: false,
            returned: before.is_some_and(|b| b.returned),
        }
    }

    /// Names of seats that the change would drop and that are taken now. The lane has the last word;
    /// this only spares the ledger a change that would have to be taken back.
    async fn would_drop(&self, after: &Event, before: Option<&Event>) -> Result<Option<Vec<String>>> {
        if before.is_none() {
            return Ok(None);
        }
        let Some(map) = self.lane(after.lane).seats(&after.id).await? else { return Ok(None) };
        let taken = |index: &SeatIndex| map.seats.get(*index as usize).is_some_and(|b| matches!(b, b'h' | b'p' | b's'));
        let seats: Vec<SeatIndex> = after.layout.blocked().into_iter().flat_map(|(from, to)| from..to).collect();
        let dropped: Vec<SeatIndex> = seats.into_iter().filter(taken).take(20).collect();
        Ok((!dropped.is_empty()).then(|| names(&after.layout, &dropped)))
    }

    /// `false`: another change came first.
    async fn store_event(&self, event: &Arc<Event>, before: Option<&Event>) -> Result<bool> {
        let row = EventRow {
            id: event.id.clone(),
            lane: event.lane,
            version: event.version,
            seq: 0,
            spec: serde_json::to_string(&event.spec).expect("a spec is plain data"),
            layout: serde_json::to_string(&event.layout).expect("a layout is plain data"),
            draw: event.draw.clone(),
            away: false,
            returned: event.returned,
            fact: changed(event, before),
        };
        let expected = before.map(|b| b.version);
        match self.ledger.put_event(row, expected, self.clock.now_ms()).await? {
            Put::Done => {
                self.remember(std::slice::from_ref(event), &[]);
                Ok(true)
            }
            Put::Conflict => Ok(false),
        }
    }

    /// Takes back a change that the ledger has and the lane refuses because of these seats. The newest former spec that
    /// has them all becomes a newer version in the ledger. (A new event cannot be refused: none of its seats is taken.)
    async fn revert_event(&self, refused: &Event, seats: &[SeatIndex]) -> Result<()> {
        for text in self.ledger.former_events(&refused.id, refused.version).await? {
            let unreadable = |source| Error::Unreadable { what: "event", id: refused.id.to_string(), source };
            let spec: EventSpec = serde_json::from_str(&text).map_err(unreadable)?;
            let restored = self.next_event(&refused.id, spec, Some(refused));
            let blocked = restored.layout.blocked();
            if seats.iter().any(|seat| blocked.iter().any(|(from, to)| (from..to).contains(&seat))) {
                continue;
            }
            let restored = Arc::new(restored);
            if self.store_event(&restored, Some(refused)).await? {
                self.apply_event(&restored).await?;
            }
            return Ok(());
        }
        tracing::error!(event = %refused.id, "no former hall that is kept has the seats that are taken; it waits for a new PUT");
        Ok(())
    }

    async fn apply_event(&self, event: &Event) -> Result<Applied<Vec<SeatIndex>>> {
        self.unapplied.lock().events.add(&event.id, event.version);
        let outcome = self.lane(event.lane).put_event(self.clock.now_ms(), event.lane_put()).await?;
        if !matches!(outcome, PutEvent::SeatsTaken(_)) {
            self.unapplied.lock().events.taken(&event.id, event.version);
        }
        Ok(match outcome {
            PutEvent::Done => Applied::Done,
            PutEvent::Stale(_) => Applied::Overtaken,
            PutEvent::Missing => {
                // What was sold of the event is in the ledger, so the lane is rebuilt from there.
                self.lane(event.lane).seal().await?;
                Applied::Done
            }
            PutEvent::SeatsTaken(seats) => Applied::Refused(seats),
        })
    }

    /// Creates or changes a campaign.
    pub async fn put_campaign(&self, id: &CampaignId, spec: CampaignSpec) -> Result<PutCampaignOutcome> {
        let faults = campaign::faults(&spec);
        if !faults.is_empty() {
            return Ok(PutCampaignOutcome::Invalid(faults));
        }
        for _ in 0..TRIES {
            let before = self.campaign(id.as_str());
            let version = before.as_ref().map_or(1, |b| b.version + 1);
            let lane = before.as_ref().map_or_else(|| self.lane_of(id.as_str()), |b| b.lane);
            let same = before.as_ref().filter(|b| b.spec == spec).cloned();
            let unchanged = same.is_some();
            let after = match same {
                Some(same) => same,
                None => {
                    let next = Arc::new(Campaign { id: id.clone(), lane, version, spec: spec.clone() });
                    match self.store_campaign(&next, before.as_deref()).await? {
                        Put::Done => next,
                        Put::Conflict => {
                            self.refresh().await?;
                            continue;
                        }
                    }
                }
            };
            return match self.apply_campaign(&after).await? {
                Applied::Overtaken if unchanged => {
                    self.refresh().await?;
                    continue;
                }
                Applied::Done | Applied::Overtaken if before.is_none() => Ok(PutCampaignOutcome::Created(after)),
                Applied::Done | Applied::Overtaken => Ok(PutCampaignOutcome::Changed(after)),
                Applied::Refused(claimed) => {
                    self.revert_campaign(&after, claimed).await?;
                    Ok(PutCampaignOutcome::StockClaimed(claimed))
                }
            };
        }
        Err(Error::Contended)
    }

    /// Gives points to a user. Points are in the ledger alone, so no lane is told.
    pub async fn grant(&self, grant: Grant) -> Result<Granted> {
        Ok(self.ledger.grant(grant, self.clock.now_ms()).await?)
    }

    async fn store_campaign(&self, campaign: &Arc<Campaign>, before: Option<&Campaign>) -> Result<Put> {
        let row = CampaignRow {
            id: campaign.id.clone(),
            lane: campaign.lane,
            version: campaign.version,
            seq: 0,
            stock: campaign.spec.stock,
            spec: serde_json::to_string(&campaign.spec).expect("a spec is plain data"),
        };
        let put = self.ledger.put_campaign(row, before.map(|b| b.version), self.clock.now_ms()).await?;
        if put == Put::Done {
            self.remember(&[], std::slice::from_ref(campaign));
        }
        Ok(put)
    }

    /// As [`Self::revert_event`]: takes the newest former spec whose stock covers what is claimed.
    async fn revert_campaign(&self, refused: &Campaign, claimed: i64) -> Result<()> {
        for text in self.ledger.former_campaigns(&refused.id, refused.version).await? {
            let unreadable = |source| Error::Unreadable { what: "campaign", id: refused.id.to_string(), source };
            let spec: CampaignSpec = serde_json::from_str(&text).map_err(unreadable)?;
            if spec.stock < claimed {
                continue;
            }
            let restored = Arc::new(Campaign { version: refused.version + 1, spec, ..refused.clone() });
            if self.store_campaign(&restored, Some(refused)).await? == Put::Done {
                self.apply_campaign(&restored).await?;
            }
            return Ok(());
        }
        tracing::error!(campaign = %refused.id, claimed, "no former stock that is kept was enough; it waits for a new PUT");
        Ok(())
    }

    async fn apply_campaign(&self, campaign: &Campaign) -> Result<Applied<i64>> {
        self.unapplied.lock().campaigns.add(&campaign.id, campaign.version);
        let outcome = self.lane(campaign.lane).put_campaign(self.clock.now_ms(), campaign.lane_put()).await?;
        if !matches!(outcome, PutCampaign::StockClaimed(_)) {
            self.unapplied.lock().campaigns.taken(&campaign.id, campaign.version);
        }
        Ok(match outcome {
            PutCampaign::Done => Applied::Done,
            PutCampaign::Stale(_) => Applied::Overtaken,
            PutCampaign::StockClaimed(claimed) => Applied::Refused(claimed),
        })
    }

    /// Notes that a lane does not know an event that is on sale. The next `apply_pending` tells the lane of it again.
    /// If the event ever left a lane, that seals this one, so that it is rebuilt with what was sold of the event.
    pub fn event_missing(&self, id: &EventId) {
        if let Some(event) = self.event(id.as_str()) {
            self.unapplied.lock().events.add(id, event.version);
        }
    }

    /// As [`Self::event_missing`], for a campaign.
    pub fn campaign_missing(&self, id: &CampaignId) {
        if let Some(campaign) = self.campaign(id.as_str()) {
            self.unapplied.lock().campaigns.add(id, campaign.version);
        }
    }

    /// Reads what changed in the ledger, for `apply_pending` to tell the lanes. When nothing changed it reads one row;
    /// otherwise its work is bounded by what changed.
    pub async fn refresh(&self) -> Result<()> {
        let mut seen = *self.seen.lock();
        let last = self.ledger.catalog_seq().await?;
        if last == seen.all {
            return Ok(());
        }
        loop {
            let events = self.ledger.events_since(seen.events, PAGE).await?;
            let campaigns = self.ledger.campaigns_since(seen.campaigns, PAGE).await?;
            let full = |len: usize| i64::try_from(len).unwrap_or(PAGE) >= PAGE;
            let is_last = !full(events.len()) && !full(campaigns.len());
            let (mut new_events, mut new_campaigns) = (Vec::new(), Vec::new());
            let read = || -> Result<()> {
                for row in events {
                    seen.events = row.seq;
                    new_events.push(Arc::new(Event::from_row(row)?));
                }
                for row in campaigns {
                    seen.campaigns = row.seq;
                    new_campaigns.push(Arc::new(Campaign::from_row(row)?));
                }
                Ok(())
            };
            // What comes before a row that cannot be read still goes on sale.
            let all_read = read();
            {
                let mut unapplied = self.unapplied.lock();
                let present = new_events.iter().filter(|event| !event.away);
                present.for_each(|event| unapplied.events.add(&event.id, event.version));
                new_campaigns.iter().for_each(|campaign| unapplied.campaigns.add(&campaign.id, campaign.version));
            }
            self.remember(&new_events, &new_campaigns);
            all_read?;
            if is_last {
                break;
            }
        }
        let mut stored = self.seen.lock();
        stored.all = stored.all.max(last);
        stored.events = stored.events.max(seen.events);
        stored.campaigns = stored.campaigns.max(seen.campaigns);
        Ok(())
    }

    /// Applies to the lanes what they have not taken yet. Faults are left for the next time.
    pub async fn apply_pending(&self) {
        let (events, campaigns) = {
            let unapplied = self.unapplied.lock();
            (unapplied.events.ids(), unapplied.campaigns.ids())
        };
        for id in events {
            let Some(event) = self.event(id.as_str()) else {
                // The event left meanwhile.
                self.unapplied.lock().events.taken(&id, i64::MAX);
                continue;
            };
            match self.apply_event(&event).await {
                Ok(Applied::Done | Applied::Overtaken) => {}
                Ok(Applied::Refused(seats)) => {
                    let is_left = self.unapplied.lock().refused_events.is_left(&id, event.version, self.clock.tick());
                    if is_left {
                        tracing::warn!(event = %id, seats = seats.len(), "a change would drop seats that are taken, and is taken back");
                        if let Err(error) = self.revert_event(&event, &seats).await {
                            tracing::debug!(event = %id, %error, "not taken back yet");
                        }
                    }
                }
                Err(error) => tracing::debug!(event = %event.id, %error, "not applied yet"),
            }
        }
        for id in campaigns {
            let Some(campaign) = self.campaign(id.as_str()) else { continue };
            match self.apply_campaign(&campaign).await {
                Ok(Applied::Done | Applied::Overtaken) => {}
                Ok(Applied::Refused(claimed)) => {
                    let (version, tick) = (campaign.version, self.clock.tick());
                    if self.unapplied.lock().refused_campaigns.is_left(&id, version, tick) {
                        tracing::warn!(campaign = %id, claimed, "a change would leave less stock than is claimed, and is taken back");
                        if let Err(error) = self.revert_campaign(&campaign, claimed).await {
                            tracing::debug!(campaign = %id, %error, "not taken back yet");
                        }
                    }
                }
                Err(error) => tracing::debug!(campaign = %id, %error, "not applied yet"),
            }
        }
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

impl Event {
    fn from_row(row: EventRow) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { what: "event", id: row.id.to_string(), source };
        let spec = serde_json::from_str(&row.spec).map_err(unreadable)?;
        let layout = serde_json::from_str(&row.layout).map_err(unreadable)?;
        let birth = born(&row.draw);
        let EventRow { id, lane, version, draw, away, returned, .. } = row;
        Ok(Self { id, lane, version, spec, layout, birth, draw, away, returned })
    }
}

impl Campaign {
    fn from_row(row: CampaignRow) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { what: "campaign", id: row.id.to_string(), source };
        let spec = serde_json::from_str(&row.spec).map_err(unreadable)?;
        Ok(Self { id: row.id, lane: row.lane, version: row.version, spec })
    }
}

fn born(draw: &DrawSecret) -> Option<Birth> {
    draw.bytes().as_ref().map(Birth::of)
}

/// The row of the outbox about a material change, for which earlier orders may be refunded; `None`: this is not such a
/// change.
fn changed(event: &Event, before: Option<&Event>) -> Option<Fact> {
    let at = event.spec.material_change_at?;
    before.filter(|before| before.spec.material_change_at < Some(at))?;
    let EventSpec { name, venue, timezone, starts_at, refunds_close_at, .. } = &event.spec;
    let body = serde_json::json!({
        "event": event.id, "version": event.version, "material_change": true, "name": name, "venue": venue,
        "timezone": timezone, "starts_at": starts_at, "refunds_close_at": refunds_close_at, "at": at,
    });
    let id = format!("{}.{}.changed", event.id, event.version);
    Some(Fact { id, kind: "event.changed", body: body.to_string() })
}

fn names(layout: &Layout, seats: &[SeatIndex]) -> Vec<String> {
    let name = |seat: SeatIndex| {
        layout.name(seat).or_else(|| layout.section_of(seat).map(|s| s.id.clone())).unwrap_or_default()
    };
    let mut names: Vec<String> = seats.iter().map(|&seat| name(seat)).collect();
    names.dedup();
    names
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
