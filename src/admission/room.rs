//! A visitor at the door of a room: enters, asks, leaves; and whether a pass still counts.
//! Knows no HTTP. What a visitor carries (token, pass) is made and read here.

use std::time::Instant;

use metrics::{Counter, counter};

use super::board::{Boards, View};
use super::entries::Entries;
use super::expiring::Expiring;
use super::pace::{Pace, patient};
use super::passes::{Pass, Passes};
use super::presence::{Full, Presences};
use super::promise::Promises;
use super::speed::{Eta, Speeds};
use super::tokens::{Claim, Tokens, random_visitor};
use super::watch::Watches;
use crate::clock::{self, Clock, Millis};
use crate::ids::{EventId, LaneId, UserId, VisitorId};
use crate::lane::room::{Mode, PlaceState};
use crate::lane::{self, Board, EnterOutcome, Entrant, Fault, Lane, Lanes, RoomCounts, Token};
use crate::metrics::{ADMISSION_ENTERED, ADMISSION_LEFT, ADMISSION_POLLS};

/// Most visitors of whom it is remembered for a second whether they are inside.
const INSIDE_MAX: usize = 200_000;
/// How long that is believed, ms.
const INSIDE_MS: Millis = 1_000;

/// A room as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub event: EventId,
    pub lane: LaneId,
    /// The shorter of `absent_after_s` and `claim_ttl_s`: who polls more often than that loses nothing.
    pub patience_ms: i64,
    /// Who is not seen for so long counts as absent.
    pub absent_ms: i64,
    /// A place inside lasts so long, if it is not given back before.
    pub stay_ms: i64,
}

/// Bounds of all rooms.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub waiting_max: i64,
    pub pace: Pace,
    /// How long a board is believed ([`super::board::KEEP_MS`]).
    pub board_ms: Millis,
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
    pub(super) boards: Boards,
    pub(super) entries: Entries,
    pub(super) presences: Presences,
    pub(super) watches: Watches,
    pub(super) promises: Promises,
    counters: Counters,
}

/// Handles kept for the hot path.
struct Counters {
    entered: Counter,
    known: Counter,
    closed: Counter,
    full: Counter,
    left: Counter,
    from_board: Counter,
    from_lane: Counter,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and moved once")]
pub enum Polled {
    Standing(Standing),
    /// The lane has never heard of this event.
    NoEvent,
    /// The lanes cannot be told of more visitors than they are behind with.
    Full,
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
    /// More enter than the lane can be told of just now.
    Behind,
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

/// What the board says of a place.
pub(super) enum OnBoard {
    There(PlaceState),
    /// It may be this visitor's turn, or this gateway has not met them yet.
    Ask,
    /// As in [`Polled`].
    Full,
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub enum Newcomer<'a> {
    Browser,
    /// A browser that has shown a proof of work, which says which visitor it is.
    Proven(&'a VisitorId),
    /// In rooms of identity `user`.
    User(&'a UserId),
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
            from_board: counter!(ADMISSION_POLLS, "answer" => "board"),
            from_lane: counter!(ADMISSION_POLLS, "answer" => "lane"),
        };
        let inside = Expiring::new(INSIDE_MAX);
        Self {
            lanes,
            clock: clock.clone(),
            settings,
            tokens,
            passes,
            speeds: Speeds::default(),
            inside,
            started: clock::instant(),
            boards: Boards::new(settings.board_ms),
            entries: Entries::new(clock.clone(), settings.waiting_max),
            presences: Presences::default(),
            watches: Watches::default(),
            promises: Promises::default(),
            counters,
        }
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// The place in a token's text, if it is ours and of this room.
    pub fn read_token(&self, room: &Room, text: &str) -> Option<Token> {
        let Claim { event, visitor, round, score } = self.tokens.verify(text).ok()?;
        (event == room.event).then_some(Token { event, visitor, score: score?, round })
    }

    /// Takes a place in line: a new browser's, or the one place its user or its proof has.
    pub async fn enter(&self, room: &Room, who: Newcomer<'_>) -> lane::Result<Entered> {
        let visitor = match who {
            Newcomer::User(user) => self.tokens.visitor_of(&room.event, user),
            Newcomer::Proven(visitor) => visitor.clone(),
            Newcomer::Browser => random_visitor(),
        };
        let entrant = Entrant { visitor: visitor.clone(), draw: None };
        let Ok(outcome) = self.entries.enter(self.lane(room)?, &room.event, 0, entrant).await else {
            return Ok(Entered::Behind);
        };
        let now_ms = self.clock.now_ms();
        let token = |score, round| Token { event: room.event.clone(), visitor, score, round };
        Ok(match outcome? {
            EnterOutcome::Entered { score, place } => {
                self.counters.entered.increment(1);
                Entered::New(self.asked(now_ms, room, token(score, place.counts.round), place))
            }
            EnterOutcome::Known { score, place } => {
                self.counters.known.increment(1);
                Entered::Known(self.asked(now_ms, room, token(score, place.counts.round), place))
            }
            // The room has just begun another round; the next try knows it.
            EnterOutcome::OtherRound => Entered::Behind,
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

    /// Where the holder of a token stands: from the board while that tells, else the lane is asked.
    /// While the lane is rebuilt the answer is that it is, and the token stays good.
    pub async fn poll(&self, room: &Room, token: Token) -> lane::Result<Polled> {
        let now_ms = self.clock.now_ms();
        let lane = self.lane(room)?;
        match self.boards.view(&**lane, &room.event, now_ms, || self.tick()).await {
            View::Board(board) => match self.on_board(room, &token, &board) {
                OnBoard::There(state) => {
                    self.speeds.look(now_ms, room, &board);
                    self.counters.from_board.increment(1);
                    let place = lane::Place { state, counts: board.counts.clone() };
                    return Ok(Polled::Standing(self.standing(now_ms, room, token, place)));
                }
                OnBoard::Full => return Ok(Polled::Full),
                OnBoard::Ask => {}
            },
            View::Recovering => return Ok(Polled::Standing(self.recovering(room, &token))),
            View::Unknown => {}
        }
        self.counters.from_lane.increment(1);
        match lane.poll(now_ms, token.clone()).await {
            Ok(Some(place)) => Ok(Polled::Standing(self.asked(now_ms, room, token, place))),
            Ok(None) => Ok(Polled::NoEvent),
            Err(Fault::Recovering(_)) => Ok(Polled::Standing(self.recovering(room, &token))),
            Err(fault) => Err(fault),
        }
    }

    /// What the board says of a place. It is a moment old: a token of a later round is not known to it.
    pub(super) fn on_board(&self, room: &Room, token: &Token, board: &Board) -> OnBoard {
        let counts = &board.counts;
        if token.round != counts.round {
            return if token.round < counts.round { OnBoard::There(PlaceState::Done) } else { OnBoard::Ask };
        }
        if counts.mode == Mode::Closed {
            return OnBoard::There(PlaceState::Closed);
        }
        let tick = self.tick();
        let Some(known) = self.presences.known(tick, token) else { return OnBoard::Ask };
        let Some(ahead) = board.ahead(token.score) else { return OnBoard::Ask };
        match self.presences.shown(tick, room, token, known, ahead) {
            Ok(_) if counts.mode == Mode::Scheduled => OnBoard::There(PlaceState::Scheduled),
            Ok(ahead) => OnBoard::There(PlaceState::Waiting { ahead }),
            Err(Full) => OnBoard::Full,
        }
    }

    /// Where the lane says a visitor stands; those who wait are known from now on.
    fn asked(&self, now_ms: Millis, room: &Room, token: Token, place: lane::Place) -> Standing {
        let state = match place.state {
            PlaceState::Waiting { ahead } => {
                PlaceState::Waiting { ahead: self.presences.met(self.tick(), &token, ahead) }
            }
            PlaceState::Scheduled => {
                self.presences.met(self.tick(), &token, i64::MAX);
                PlaceState::Scheduled
            }
            state @ (PlaceState::Admitted { .. } | PlaceState::Done | PlaceState::Closed) => {
                self.presences.forget(&token);
                state
            }
        };
        self.standing(now_ms, room, token, lane::Place { state, ..place })
    }

    fn recovering(&self, room: &Room, token: &Token) -> Standing {
        Standing {
            visitor: token.visitor.clone(),
            token: self.tokens.sign(token),
            place: Place::Recovering,
            poll_after_ms: patient(self.settings.pace.waiting(0, rand::random()), room.patience_ms),
        }
    }

    /// The visitor leaves for good.
    pub async fn leave(&self, room: &Room, token: Token) -> lane::Result<Left> {
        let visitor = token.visitor.clone();
        let left = self.lane(room)?.leave(self.clock.now_ms(), token.clone()).await?;
        self.presences.forget(&token);
        self.promises.forget(&token);
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
            self.speeds.observe(now_ms, room, counts);
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
        let tick_ms = self.tick();
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
        self.speeds.observe(now_ms, room, &counts);
        let (pace, jitter) = (self.settings.pace, rand::random());
        let (place, poll_after_ms) = match state {
            PlaceState::Scheduled => {
                let after = pace.scheduled(counts.opens_at_ms - now_ms, jitter);
                (Place::Scheduled { counts }, after)
            }
            PlaceState::Waiting { .. } if counts.mode == Mode::Recovering => return self.recovering(room, &token),
            PlaceState::Waiting { ahead } => {
                let eta = self.speeds.eta(now_ms, &room.event, ahead);
                self.promises.told(now_ms, &token, ahead, eta);
                (Place::Waiting { ahead, eta, counts }, pace.waiting(ahead, jitter))
            }
            PlaceState::Admitted { expires_ms } => {
                self.promises.admitted(now_ms, room.absent_ms, &token);
                let Token { event, visitor, score, round } = token.clone();
                let pass = Pass { event, visitor, round, score, expires_ms };
                let pass = self.passes.sign(now_ms, &pass);
                (Place::Admitted { pass, expires_ms, counts }, pace.resting(jitter))
            }
            PlaceState::Done => {
                self.promises.forget(&token);
                (Place::Done { counts }, pace.resting(jitter))
            }
            PlaceState::Closed => (Place::Closed { counts }, pace.resting(jitter)),
        };
        Standing {
            token: self.tokens.sign(&token),
            visitor: token.visitor,
            place,
            poll_after_ms: patient(poll_after_ms, room.patience_ms),
        }
    }

    /// Milliseconds on a clock that nobody sets.
    pub(super) fn tick(&self) -> Millis {
        Millis::try_from(clock::instant().duration_since(self.started).as_millis()).unwrap_or(Millis::MAX)
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
