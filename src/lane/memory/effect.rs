//! The changes an operation makes: what is journaled, and the one place that writes state.
//!
//! An effect says what *is* afterwards, never what was asked. So a replay needs no decisions, and two versions of the
//! rules can read each other's WAL. A new kind of effect may be added; a changed meaning needs a new WAL
//! version.

use serde::{Deserialize, Serialize};

use super::event_seats::EventSeats;
use super::hold_book::HoldEntry;
use super::order_book::OrderEntry;
use super::room::{Bucket, RateShare, RoomState, ScoredPlace};
use super::state::{EventState, LaneState, LeaseState};
use super::stock::CampaignTerms;
use crate::facts::coupon::Claim;
use crate::facts::ids::{CampaignId, EventId, HoldId, LogId, OrderId, SeatIndex, UserId, VisitorId};
use crate::facts::record::Entry;
use crate::facts::refund::RefundFact;
use crate::facts::room::RoomSettings;
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Effect {
    /// Everything but the lease is dropped; the lane is being rebuilt.
    RestoreBegun {
        generation: u64,
        log: LogId,
    },
    RestoreEnded,
    /// The doors are closed until the lane is rebuilt.
    Sealed,
    Leased {
        owner: String,
        until_ms: i64,
    },
    Logged(Box<Entry>),
    /// A log id was given without a record.
    Stepped(u64),
    Trimmed(LogId),
    Event(EventId, EventEffect),
    /// The event is gone, with its orders; the version at which it left is remembered.
    EventLeft(EventId, i64),
    OrderPut(Box<OrderEntry>),
    /// Only the digest of its request is left.
    OrderReduced(OrderId),
    /// The order is gone, with its refunds.
    OrderDropped(OrderId),
    RefundPut(RefundFact),
    /// A campaign without claims.
    CampaignCreated(CampaignId),
    CampaignPut(CampaignId, CampaignTerms),
    Claimed(CampaignId, Claim),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum EventEffect {
    /// An event without seats, in place of one that was there before.
    Created {
        epoch: i64,
        bucket: Bucket,
        settings: Box<RoomSettings>,
    },
    Put {
        version: i64,
        settings: Box<RoomSettings>,
    },
    Round {
        round: i64,
        epoch: i64,
    },
    Serial(i64),
    AdmittedTotal(i64),
    Bucket(Bucket),
    Placed(VisitorId, ScoredPlace),
    /// The visitor has no place any more.
    Gone(VisitorId),
    Spent(i64),
    SpentDraw(VisitorId),
    UnspentDraw(VisitorId),
    RestoredDraw(VisitorId),
    Drawing(bool),
    Drawn(VisitorId),
    Undrawn(VisitorId),
    Head(i64),
    Pace(RateShare),
    /// How long the room recovers once the lane is open, ms.
    Recovers(Millis),
    RecoverUntil(Millis),
    Bound(VisitorId, UserId),
    OpenHolds(VisitorId, i64),
    /// The seat string has this length now.
    Extended(u32),
    Seats {
        seats: Vec<SeatIndex>,
        state: SeatState,
        owner: Option<String>,
    },
    Taken(UserId, i64),
    HoldPut(Box<HoldEntry>),
    /// Only the digest of its request is left.
    HoldReduced(HoldId),
    HoldDropped(HoldId),
}

impl Effect {
    pub fn apply(&self, state: &mut LaneState) {
        match self {
            Effect::RestoreBegun { generation, log } => {
                let before = std::mem::take(state);
                state.keep = before.keep;
                state.last_entry = before.last_entry;
                state.lease = before.lease;
                state.generation = *generation;
                state.restoring = true;
                state.log.last = log.0;
            }
            Effect::RestoreEnded => state.restoring = false,
            Effect::Sealed => state.sealed = true,
            Effect::Leased { owner, until_ms } => {
                state.lease = Some(LeaseState { owner: owner.clone(), until_ms: *until_ms });
            }
            Effect::Logged(entry) => state.log.push(Entry::clone(entry)),
            Effect::Stepped(last) => state.log.last = *last,
            Effect::Trimmed(upto) => state.log.trim(upto.0),
            Effect::Event(id, EventEffect::Created { epoch, bucket, settings }) => {
                let event = EventState {
                    version: 0,
                    settings: (**settings).clone(),
                    seats: EventSeats::of_generation(state.generation),
                    room: RoomState::new(*epoch, *bucket),
                    holds: Default::default(),
                };
                state.events.insert(id.clone(), event);
            }
            Effect::Event(id, effect) => {
                let event = state.events.get_mut(id).expect("an event is created before it changes");
                effect.apply(event);
            }
            Effect::EventLeft(id, version) => {
                state.events.remove(id);
                state.left.insert(id.clone(), *version);
                for order in state.orders.remove_all_of(id) {
                    forget_refunds(state, Some(order));
                }
            }
            Effect::OrderPut(order) => state.orders.put((**order).clone()),
            Effect::OrderReduced(id) => {
                let order = state.orders.reduce(id);
                forget_refunds(state, order);
            }
            Effect::OrderDropped(id) => {
                let order = state.orders.remove(id);
                forget_refunds(state, order);
            }
            Effect::RefundPut(fact) => drop(state.refunds.insert(fact.id.clone(), fact.clone())),
            Effect::CampaignCreated(id) => drop(state.campaigns.insert(id.clone(), Default::default())),
            Effect::CampaignPut(id, terms) => campaign(state, id).terms = *terms,
            Effect::Claimed(id, claim) => campaign(state, id).add(claim.clone()),
        }
    }
}

fn forget_refunds(state: &mut LaneState, order: Option<OrderEntry>) {
    for refund in order.iter().flat_map(|order| &order.refunds) {
        state.refunds.remove(refund);
    }
}

fn campaign<'a>(state: &'a mut LaneState, id: &CampaignId) -> &'a mut super::stock::CampaignStock {
    state.campaigns.get_mut(id).expect("a campaign is created before it changes")
}

impl EventEffect {
    fn apply(&self, event: &mut EventState) {
        match self {
            EventEffect::Created { .. } => unreachable!("handled where the event is not there yet"),
            EventEffect::Put { version, settings } => {
                event.version = *version;
                event.settings = (**settings).clone();
            }
            EventEffect::Round { round, epoch } => event.room.new_round(*round, *epoch),
            EventEffect::Serial(serial) => event.room.serial = *serial,
            EventEffect::AdmittedTotal(total) => event.room.admitted_total = *total,
            EventEffect::Bucket(bucket) => event.room.bucket = *bucket,
            EventEffect::Placed(visitor, standing) => event.room.place(visitor.clone(), *standing),
            EventEffect::Gone(visitor) => event.room.forget(visitor),
            EventEffect::Spent(score) => event.room.spend(*score),
            EventEffect::SpentDraw(visitor) => event.room.spend_draw(visitor.clone()),
            EventEffect::UnspentDraw(visitor) => event.room.unspend_draw(visitor),
            EventEffect::RestoredDraw(visitor) => event.room.restore_draw(visitor.clone()),
            EventEffect::Drawing(drawing) => event.room.drawing = *drawing,
            EventEffect::Drawn(visitor) => event.room.draw(visitor.clone()),
            EventEffect::Undrawn(visitor) => event.room.undraw(visitor),
            EventEffect::Head(head) => event.room.head = *head,
            EventEffect::Pace(pace) => event.room.pace = *pace,
            EventEffect::Recovers(ms) => event.room.recover_ms = *ms,
            EventEffect::RecoverUntil(until_ms) => event.room.recover_until_ms = *until_ms,
            EventEffect::Bound(visitor, user) => event.room.bind(visitor.clone(), user.clone()),
            EventEffect::OpenHolds(visitor, count) => event.room.set_open_holds(visitor, *count),
            EventEffect::Extended(len) => event.seats.extend(*len),
            EventEffect::Seats { seats, state, owner } => event.seats.set(seats, *state, owner.as_deref()),
            EventEffect::Taken(user, count) => event.seats.set_taken(user, *count),
            EventEffect::HoldPut(hold) => event.holds.put((**hold).clone()),
            EventEffect::HoldReduced(id) => event.holds.reduce(id),
            EventEffect::HoldDropped(id) => event.holds.remove(id),
        }
    }
}
