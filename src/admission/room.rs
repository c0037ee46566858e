//! A visitor at the door of a room: enters, asks, leaves; and whether a pass still counts.
//! Knows no HTTP. What a visitor carries (token, pass) is made and read here.

use std::time::Instant;

use metrics::{Counter, counter};

use super::expiring::Expiring;
use super::pace::{Pace, patient};
use super::passes::{Pass, Passes};
use super::speed::{Eta, Speeds};
use super::tokens::{Tokens, random_visitor};
use crate::clock::{self, Clock, Millis};
use crate::ids::{EventId, LaneId, UserId, VisitorId};
use crate::lane::room::{Mode, PlaceState};
use crate::lane::{self, Enter, EnterOutcome, Fault, Lane, Lanes, RoomCounts, Token};
use crate::metrics::{ADMISSION_ENTERED, ADMISSION_LEFT};

/// Most visitors of whom it is remembered for a second whether they are inside.
const INSIDE_MAX: usize = 200_000;
/// How long that is believed, ms.
const INSIDE_MS: Millis = 1_000;
/// Most visitors whose lowest position shown is remembered; beyond, all are forgotten at once.
const SHOWN_MAX: usize = 500_000;
/// How long after the last poll it is remembered, ms: longer than any `poll_after_ms`.
const SHOWN_MS: Millis = 600_000;

/// A room as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub event: EventId,
    pub lane: LaneId,
    /// The shorter of `absent_after_s` and `claim_ttl_s`: who polls more often than that loses nothing.
    pub patience_ms: i64,
}

/// Bounds of all rooms.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub waiting_max: i64,
    pub pace: Pace,
}

/// The doors of all rooms. One per gateway.
pub struct Admission {
    lanes: Lanes,
    clock: Clock,
    settings: Settings,
    tokens: Tokens,
    passes: Passes,
    pub(super) speeds: Speeds,
    /// When a visitor's place inside expires, as asked within the last second; `None`: not inside.
    inside: Expiring<(EventId, VisitorId), Option<Millis>>,
    /// What is remembered for a second is so by a clock that nobody sets.
    started: Instant,
    /// The fewest ahead each waiting visitor was shown, by place: who comes back from being called late
    /// goes before everybody, and nobody shall see their own position grow for it (INV-5).
    shown: Expiring<(EventId, VisitorId, i64), i64>,
    counters: Counters,
}

/// Handles kept for the hot path.
struct Counters {
    entered: Counter,
    known: Counter,
    closed: Counter,
    full: Counter,
    left: Counter,
}

#[derive(Debug)]
pub enum Entered {
    New(Standing),
    /// Has a place already: that one again.
    Known(Standing),
    /// Closed or draining.
    Closed,
    /// As many wait as may.
    Full,
    /// The lane has never heard of this event.
    NoEvent,
}

/// Where a visitor stands, and what to carry and do next.
#[derive(Debug)]
pub struct Standing {
    pub visitor: VisitorId,
    /// The place, for the visitor to keep.
    pub token: String,
    pub place: Place,
    pub poll_after_ms: i64,
}

#[derive(Debug)]
pub enum Place {
    /// In line before the opening.
    Scheduled {
        counts: RoomCounts,
    },
    Waiting {
        ahead: i64,
        eta: Option<Eta>,
        counts: RoomCounts,
    },
    Admitted {
        pass: String,
        expires_ms: Millis,
        counts: RoomCounts,
    },
    /// Through, or of another round.
    Done {
        counts: RoomCounts,
    },
    Closed {
        counts: RoomCounts,
    },
    /// The lane is being rebuilt; the token stays good.
    Recovering,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Left,
    /// There was no such place (any more).
    NoPlace,
}

impl Admission {
    pub fn new(lanes: Lanes, clock: Clock, settings: Settings, tokens: Tokens, passes: Passes) -> Self {
        let entered = |outcome: &'static str| counter!(ADMISSION_ENTERED, "outcome" => outcome);
        let counters = Counters {
            entered: entered("entered"),
            known: entered("known"),
            closed: entered("closed"),
            full: entered("full"),
            left: counter!(ADMISSION_LEFT),
        };
        let inside = Expiring::new(INSIDE_MAX);
        Self {
            lanes,
            clock,
            settings,
            tokens,
            passes,
            speeds: Speeds::default(),
            inside,
            started: clock::instant(),
            shown: Expiring::new(SHOWN_MAX),
            counters,
        }
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// Takes a place in line: a new browser's, or the one place of `user` in rooms of identity `user`.
    pub async fn enter(&self, room: &Room, user: Option<&UserId>) -> lane::Result<Entered> {
        let visitor = match user {
            Some(user) => self.tokens.visitor_of(&room.event, user),
            None => random_visitor(),
        };
        let now_ms = self.clock.now_ms();
        let enter =
            Enter { event: room.event.clone(), visitor: visitor.clone(), waiting_max: self.settings.waiting_max };
        let token = |serial, epoch, round| Token { event: room.event.clone(), visitor, serial, epoch, round };
        Ok(match self.lane(room)?.enter(now_ms, enter).await? {
            EnterOutcome::Entered { serial, epoch, round, place } => {
                self.counters.entered.increment(1);
                Entered::New(self.standing(now_ms, room, token(serial, epoch, round), place))
            }
            EnterOutcome::Known { serial, epoch, round, place } => {
                self.counters.known.increment(1);
                Entered::Known(self.standing(now_ms, room, token(serial, epoch, round), place))
            }
            EnterOutcome::Closed => {
                self.counters.closed.increment(1);
                Entered::Closed
            }
            EnterOutcome::Full => {
                self.counters.full.increment(1);
                Entered::Full
            }
            EnterOutcome::NoEvent => Entered::NoEvent,
        })
    }

    /// Where the holder of a token stands now; `None`: the lane has never heard of this event.
    /// While the lane is rebuilt the answer is that it is, and the token stays good.
    pub async fn poll(&self, room: &Room, token: Token) -> lane::Result<Option<Standing>> {
        let now_ms = self.clock.now_ms();
        match self.lane(room)?.poll(now_ms, token.clone()).await {
            Ok(place) => Ok(place.map(|place| self.standing(now_ms, room, token, place))),
            Err(Fault::Recovering(_)) => Ok(Some(Standing {
                visitor: token.visitor.clone(),
                token: self.tokens.sign(&token),
                place: Place::Recovering,
                poll_after_ms: patient(self.settings.pace.waiting(0, rand::random()), room.patience_ms),
            })),
            Err(fault) => Err(fault),
        }
    }

    /// The visitor leaves for good.
    pub async fn leave(&self, room: &Room, token: Token) -> lane::Result<Left> {
        let visitor = token.visitor.clone();
        let left = self.lane(room)?.leave(self.clock.now_ms(), token).await?;
        self.inside.forget(&(room.event.clone(), visitor));
        if left {
            self.counters.left.increment(1);
        }
        Ok(if left { Left::Left } else { Left::NoPlace })
    }

    /// The room's counts; `None`: the lane has never heard of this event.
    pub async fn counts(&self, room: &Room) -> lane::Result<Option<RoomCounts>> {
        let now_ms = self.clock.now_ms();
        let counts = self.lane(room)?.room(now_ms, &room.event).await?;
        if let Some(counts) = &counts {
            self.speeds.observe(now_ms, &room.event, counts);
        }
        Ok(counts)
    }

    /// The visitor of a pass of this room: signature, type and time only. Whether the visitor is still
    /// inside is asked where it counts, in the lane.
    pub fn read_pass(&self, event: &EventId, text: &str) -> Option<VisitorId> {
        let pass = self.passes.verify(self.clock.now_ms(), text).ok()?;
        (pass.event == *event).then_some(pass.visitor)
    }

    /// The visitor of a pass, if inside as far as was known within the last second.
    pub async fn verify_pass(&self, room: &Room, text: &str) -> lane::Result<Option<VisitorId>> {
        let Some(visitor) = self.read_pass(&room.event, text) else { return Ok(None) };
        let now_ms = self.clock.now_ms();
        let tick_ms =
            Millis::try_from(clock::instant().duration_since(self.started).as_millis()).unwrap_or(Millis::MAX);
        let key = (room.event.clone(), visitor);
        let expires_ms = match self.inside.get(&key, tick_ms) {
            Some(known) => known,
            None => {
                let asked = self.lane(room)?.inside(now_ms, &key.0, &key.1).await?;
                self.inside.put(tick_ms, key.clone(), asked, tick_ms + INSIDE_MS);
                asked
            }
        };
        Ok(expires_ms.filter(|expires_ms| *expires_ms > now_ms).map(|_| key.1))
    }

    fn standing(&self, now_ms: Millis, room: &Room, token: Token, place: lane::Place) -> Standing {
        let lane::Place { state, counts } = place;
        self.speeds.observe(now_ms, &room.event, &counts);
        let (pace, jitter) = (self.settings.pace, rand::random());
        let (place, poll_after_ms) = match state {
            PlaceState::Scheduled => {
                let after = pace.scheduled(counts.opens_at_ms - now_ms, jitter);
                (Place::Scheduled { counts }, after)
            }
            PlaceState::Waiting { ahead } => {
                let ahead = self.never_growing(now_ms, room, &token, ahead);
                let moving = matches!(counts.mode, Mode::Open | Mode::Drain) && !counts.sold_out();
                let eta = moving.then(|| self.speeds.eta(now_ms, &room.event, ahead)).flatten();
                (Place::Waiting { ahead, eta, counts }, pace.waiting(ahead, jitter))
            }
            PlaceState::Admitted { expires_ms } => {
                let pass = Pass { event: room.event.clone(), visitor: token.visitor.clone(), expires_ms };
                let pass = self.passes.sign(now_ms, &pass);
                (Place::Admitted { pass, expires_ms, counts }, pace.resting(jitter))
            }
            PlaceState::Done => (Place::Done { counts }, pace.resting(jitter)),
            PlaceState::Closed => (Place::Closed { counts }, pace.resting(jitter)),
        };
        Standing {
            token: self.tokens.sign(&token),
            visitor: token.visitor,
            place,
            poll_after_ms: patient(poll_after_ms, room.patience_ms),
        }
    }

    /// The fewest that were ever shown ahead of this place, this time included.
    fn never_growing(&self, now_ms: Millis, room: &Room, token: &Token, ahead: i64) -> i64 {
        let place = (room.event.clone(), token.visitor.clone(), lane::room::score(token.epoch, token.serial));
        let lowest = self.shown.get(&place, now_ms).map_or(ahead, |before| before.min(ahead));
        self.shown.put(now_ms, place, lowest, now_ms + SHOWN_MS);
        lowest
    }

    pub(super) fn lane(&self, room: &Room) -> lane::Result<&std::sync::Arc<dyn Lane>> {
        // Boot refuses fewer lanes than the ledger knows, so this is a caller's bug.
        let missing = || Fault::Contract { lane: room.lane, detail: "no such lane".into() };
        self.lanes.get(room.lane).ok_or_else(missing)
    }

    pub(super) fn now_ms(&self) -> Millis {
        self.clock.now_ms()
    }
}
