//! The doors of all rooms: visitors enter, poll and leave here, and their passes are checked. The tokens and passes
//! that visitors carry are made and read here.

use std::borrow::Cow;

use metrics::{Counter, counter};

use super::board::{Boards, KnownBoard};
use super::calls::{Called, Calls};
use super::departures::Departures;
use super::entries::Entries;
use super::expiring::Expiring;
use super::pace::{Pace, patient};
use super::passes::{Pass, Passes};
use super::presence::{Presences, Shown, Spot};
use super::promise::Promises;
use super::speed::{Eta, Speeds, moves};
use super::strangers::Strangers;
use super::tokens::{TokenClaim, Tokens, random_visitor};
use super::watch::Watches;
use crate::clock::Clock;
use crate::facts::draw::{Birth, DrawKey};
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, LaneId, UserId, VisitorId};
use crate::facts::place::{self, PlaceState, Token};
use crate::facts::room::{Mode, RoomCounts};
use crate::facts::time::{Millis, Tick};
use crate::lane::board::Board;
use crate::lane::rooms::{EnterOutcome, Entrant};
use crate::lane::{Lane, Lanes};
use crate::metrics::{ADMISSION_ADMITTED, ADMISSION_ENTERED, ADMISSION_LEFT, ADMISSION_POLLS, Tally};
use crate::{lane, random};

/// Most visitors for whom it is remembered whether they are inside.
const INSIDE_MAX: usize = 200_000;

/// How long such an answer is believed, ms.
const INSIDE_MS: Millis = 1_000;

/// A room as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub event: EventId,
    pub lane: LaneId,
    /// The shorter of `absent_after_s` and `claim_ttl_s`: a visitor who polls more often than that loses nothing.
    pub patience_ms: i64,
    /// A visitor who is not seen for this long counts as absent.
    pub absent_ms: i64,
    /// How long a visitor who was called while away may still come back.
    pub grace_ms: i64,
    /// How long a rebuilt room waits for its visitors.
    pub recover_ms: i64,
    /// What a lottery is drawn from.
    pub draw: Option<DrawKey>,
    /// Which creation of the event this is; `None`: the event is from before births were kept.
    pub birth: Option<Birth>,
    /// How long a place inside lasts, if it is not given back before.
    pub stay_ms: i64,
}

/// Bounds of all rooms.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionSettings {
    pub waiting_max: i64,
    pub pace: Pace,
    /// How long a board is believed ([`super::board::KEEP_MS`]).
    pub board_ms: Millis,
}

/// The doors of all rooms. One per gateway.
pub struct Admission {
    lanes: Lanes,
    clock: Clock,
    settings: AdmissionSettings,
    tokens: Tokens,
    passes: Passes,
    pub(super) speeds: Speeds,
    pub(super) calls: Calls,
    /// When a visitor's place inside expires, as asked within the last second; `None`: not inside.
    inside: Expiring<(EventId, VisitorId), Option<Millis>, Tick>,
    /// The clock's tick at which this was made; [`Self::tick`] counts from there.
    started: Tick,
    pub(super) boards: Boards,
    pub(super) entries: Entries,
    pub(super) departures: Departures,
    pub(super) presences: Presences,
    pub(super) watches: Watches,
    pub(super) promises: Promises,
    counters: DoorCounters,
}

/// Handles kept for the hot path.
struct DoorCounters {
    entered: Counter,
    known: Counter,
    closed: Counter,
    full: Counter,
    left: Counter,
    from_board: Tally,
    from_lane: Counter,
}

/// What a token came with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Along<'a> {
    /// The token's own text. It goes back as it is while nothing in it has changed.
    pub text: Option<&'a str>,
    pub pass: Option<&'a str>,
    pub why: Why,
}

/// Why a holder of a token asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Why {
    #[default]
    Polls,
    /// To enter, unless the token's place is still theirs.
    Enters,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and moved once")]
pub enum Polled<'a> {
    Standing(Standing<'a>),
    /// The lane has never heard of this event.
    NoEvent,
    /// The lanes are so far behind that they cannot be told of more visitors.
    Full,
}

#[derive(Debug)]
pub enum Entered {
    New(Standing<'static>),
    /// The visitor has a place already: that one again.
    Known(Standing<'static>),
    /// Closed or draining.
    Closed,
    /// As many wait as are allowed.
    Full,
    /// Not just now: more enter than the lane can be told of, or the round of the draw is not known.
    Behind,
    /// The lane has never heard of this event.
    NoEvent,
}

/// Where a visitor stands, and what to carry and do next.
#[derive(Debug)]
pub struct Standing<'a> {
    pub visitor: VisitorId,
    /// The place, for the visitor to keep.
    pub token: Cow<'a, str>,
    pub place: VisitorPlace,
    pub poll_after_ms: i64,
}

#[derive(Debug)]
pub enum VisitorPlace {
    /// In line before the opening.
    Scheduled {
        counts: RoomCounts,
    },
    Waiting {
        ahead: i64,
        eta: Option<Eta>,
        counts: RoomCounts,
    },
    /// Was called while away, and is back: goes before all who wait. A gateway that does not know of the call says
    /// `Waiting`.
    Late {
        called_ms: Option<Millis>,
        counts: RoomCounts,
    },
    Admitted {
        pass: String,
        expires_ms: Millis,
        /// When first called, where it is known.
        called_ms: Option<Millis>,
        counts: RoomCounts,
    },
    /// Through, or of another round.
    Done {
        /// When first called, where it is known.
        called_ms: Option<Millis>,
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
    /// It may be this visitor's turn, or they are not in line: only the lane knows.
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

/// The round of a token that is of no round: rounds count from 1.
const NO_ROUND: i64 = 0;

/// Whether both name a creation of the event, and not the same one.
fn is_other(said: Option<Birth>, room: Option<Birth>) -> bool {
    said.zip(room).is_some_and(|(said, room)| said != room)
}

impl Admission {
    pub fn new(lanes: Lanes, clock: Clock, settings: AdmissionSettings, tokens: Tokens, passes: Passes) -> Self {
        let entered = |outcome: &'static str| counter!(ADMISSION_ENTERED, "outcome" => outcome);
        let counters = DoorCounters {
            entered: entered("entered"),
            known: entered("known"),
            closed: entered("closed"),
            full: entered("full"),
            left: counter!(ADMISSION_LEFT),
            from_board: Tally::new(counter!(ADMISSION_POLLS, "answer" => "board")),
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
            calls: Calls::default(),
            inside,
            started: clock.tick(),
            boards: Boards::new(settings.board_ms),
            departures: Departures::default(),
            entries: Entries::new(clock.clone(), settings.waiting_max),
            presences: Presences::default(),
            watches: Watches::default(),
            promises: Promises::default(),
            counters,
        }
    }

    /// Brings the counters that polls add to up to date, for a caller who is about to read them.
    pub fn tell(&self) {
        self.counters.from_board.tell();
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// The place in a token's text, if it is ours and of this room.
    pub fn read_token(&self, room: &Room, text: &str) -> Option<Token> {
        self.token_of(room, self.tokens.verify(text).ok()?)
    }

    /// The place a token claims, if it is of this room. A token of another creation of the event is of no round of this
    /// one: its holder is through.
    pub fn token_of(&self, room: &Room, claim: TokenClaim) -> Option<Token> {
        let TokenClaim { event, visitor, birth, round, score } = claim;
        let round = if is_other(birth, room.birth) { NO_ROUND } else { round };
        let drawn = || Some(room.draw.as_ref()?.seed(&event, round).score(&visitor));
        let score = score.or_else(drawn)?;
        (event == room.event).then_some(Token { event, visitor, score, round })
    }

    /// Takes a place in line: a new one for a browser, or the one place of a user or of a proof.
    pub async fn enter(&self, room: &Room, who: Newcomer<'_>) -> lane::Result<Entered> {
        let visitor = match who {
            Newcomer::User(user) => self.tokens.visitor_of(&room.event, user),
            Newcomer::Proven(visitor) => visitor.clone(),
            Newcomer::Browser => random_visitor(),
        };
        let Some((round, draw)) = self.drawn(room, &visitor).await? else { return Ok(Entered::Behind) };
        let entrant = Entrant { visitor: visitor.clone(), draw };
        let Ok(outcome) = self.entries.enter(self.lane(room)?, &room.event, round, entrant).await else {
            return Ok(Entered::Behind);
        };
        let now_ms = self.clock.now_ms();
        let token = |score, round| Token { event: room.event.clone(), visitor, score, round };
        Ok(match outcome? {
            EnterOutcome::Entered { score, place } => {
                self.counters.entered.increment(1);
                if let PlaceState::Admitted { .. } = place.state {
                    counter!(ADMISSION_ADMITTED, "event" => room.event.as_str().to_owned()).increment(1);
                }
                Entered::New(self.asked(now_ms, room, token(score, place.counts.round), None, place))
            }
            EnterOutcome::Known { score, place } => {
                self.counters.known.increment(1);
                Entered::Known(self.asked(now_ms, room, token(score, place.counts.round), None, place))
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

    /// The round of a room, and the visitor's draw while the room is drawing. `None`: they cannot be known just now,
    /// and entering without a draw would be unfair.
    async fn drawn(&self, room: &Room, visitor: &VisitorId) -> lane::Result<Option<(i64, Option<i64>)>> {
        let Some(key) = &room.draw else { return Ok(Some((0, None))) };
        Ok(match self.view(room).await? {
            KnownBoard::Board(board) => {
                let round = board.counts.round;
                let draw = board.counts.drawing.then(|| key.seed(&room.event, round).score(visitor));
                Some((round, draw))
            }
            KnownBoard::Recovering | KnownBoard::Unknown => None,
        })
    }

    async fn view(&self, room: &Room) -> lane::Result<KnownBoard> {
        if let Some(view) = self.boards.fresh(&room.event, self.tick(), KnownBoard::clone) {
            return Ok(view);
        }
        self.fetch(self.settings.board_ms, room).await
    }

    /// The room's board, at most `age_ms` old. Polls and streams both fetch it here, and whatever a new board calls for
    /// is done here.
    pub(super) async fn fetch(&self, age_ms: Millis, room: &Room) -> lane::Result<KnownBoard> {
        let now_ms = self.clock.now_ms();
        let view = self.boards.fetch(age_ms, &**self.lane(room)?, &room.event, now_ms, || self.tick()).await;
        if let KnownBoard::Board(board) = &view {
            self.speeds.look(now_ms, room, board);
            self.calls.look(now_ms, &room.event, board);
            self.remind(room, board);
        }
        Ok(view)
    }

    /// Tells a lane that was rebuilt who had left just before, in case the ledger did not know yet.
    fn remind(&self, room: &Room, board: &Board) {
        let left = self.departures.seen(&room.event, board.counts.epoch);
        let (Ok(lane), false) = (self.lane(room), left.is_empty()) else { return };
        let (lane, clock, event) = (lane.clone(), self.clock.clone(), room.event.clone());
        // A task of its own, because the caller who asked for the board may go away meanwhile.
        tokio::spawn(async move {
            for token in left {
                if let Err(fault) = lane.leave(clock.now_ms(), token).await {
                    tracing::warn!(%event, %fault, "who left just before the lane was lost may come back");
                }
            }
        });
    }

    /// Where the holder of a token stands. The board answers if it can, else the lane is asked. The board also answers
    /// visitors whom this gateway has never seen; see [`super::strangers`]. While the lane is rebuilt the answer says
    /// so, and the token stays good. A live pass that comes along puts its holder back inside.
    pub async fn poll<'a>(&self, room: &Room, token: Token, along: Along<'a>) -> lane::Result<Polled<'a>> {
        let now_ms = self.clock.now_ms();
        let lane = self.lane(room)?;
        let text = along.text;
        let look = |view: &KnownBoard| match view {
            KnownBoard::Board(board) if board.counts.mode == Mode::Recovering => match along.pass {
                Some(_) => None,
                None => self.look(now_ms, room, &token, text, view),
            },
            // The place may have been given up through another gateway. The board could still show it, and its holder
            // would get no new one.
            _ if along.why == Why::Enters && !self.presences.knows(self.tick(), room, &token) => None,
            view => self.look(now_ms, room, &token, text, view),
        };
        let polled = match self.boards.fresh(&room.event, self.tick(), look) {
            Some(polled) => polled,
            None => look(&self.view(room).await?),
        };
        if let Some(polled) = polled {
            return Ok(polled);
        }
        if along.pass.is_some() {
            self.readmit(room, &token, along.pass).await?;
        }
        self.counters.from_lane.increment(1);
        match lane.poll(now_ms, token.clone()).await {
            Ok(Some(place)) => Ok(Polled::Standing(self.asked(now_ms, room, token, text, place))),
            Ok(None) => Ok(Polled::NoEvent),
            Err(Fault::Recovering(_)) => Ok(Polled::Standing(self.recovering(room, &token, text))),
            Err(fault) => Err(fault),
        }
    }

    /// Where the holder of a token stands, if a board that is young enough tells. `text` is the token as it came.
    pub fn glance<'a>(&self, now_ms: Millis, room: &Room, token: &Token, text: &'a str) -> Option<Standing<'a>> {
        let look = |view: &KnownBoard| match view {
            // A pass may put its holder back inside.
            KnownBoard::Board(board) if board.counts.mode == Mode::Recovering => None,
            view => self.look(now_ms, room, token, Some(text), view),
        };
        match self.boards.fresh(&room.event, self.tick(), look).flatten()? {
            Polled::Standing(standing) => Some(standing),
            Polled::NoEvent | Polled::Full => None,
        }
    }

    /// How a view answers a poll; `None`: the lane has to be asked.
    fn look<'a>(
        &self,
        now_ms: Millis,
        room: &Room,
        token: &Token,
        text: Option<&'a str>,
        view: &KnownBoard,
    ) -> Option<Polled<'a>> {
        let board = match view {
            KnownBoard::Board(board) => board,
            KnownBoard::Recovering => return Some(Polled::Standing(self.recovering(room, token, text))),
            KnownBoard::Unknown => return None,
        };
        match self.on_board(room, token, board) {
            OnBoard::There(state) => {
                self.counters.from_board.add_one();
                let place = place::Place { state, counts: board.counts.clone() };
                Some(Polled::Standing(self.standing(now_ms, room, token, text, place)))
            }
            OnBoard::Full => Some(Polled::Full),
            OnBoard::Ask => None,
        }
    }

    /// Puts the holder of a live pass back into a room that is recovering.
    async fn readmit(&self, room: &Room, token: &Token, pass: Option<&str>) -> lane::Result<()> {
        let now_ms = self.clock.now_ms();
        let pass = pass.and_then(|text| self.passes.verify(now_ms, text).ok());
        if let Some(pass) = pass.filter(|pass| {
            pass.event == token.event && pass.visitor == token.visitor && !is_other(pass.birth, room.birth)
        }) {
            self.put_back(room, &pass).await?;
        }
        Ok(())
    }

    /// What the board says of a place. The board is a moment old: it does not know a token of a later round.
    pub(super) fn on_board(&self, room: &Room, token: &Token, board: &Board) -> OnBoard {
        let counts = &board.counts;
        if token.round != counts.round {
            return if token.round < counts.round { OnBoard::There(PlaceState::Done) } else { OnBoard::Ask };
        }
        if counts.mode == Mode::Closed {
            return OnBoard::There(PlaceState::Closed);
        }
        if counts.mode == Mode::Recovering {
            // Few have come back yet, so the number ahead says nothing.
            let spot = Spot { epoch: counts.epoch, ahead: i64::MAX, strangers: Strangers::Awaited };
            return match self.presences.shown(self.tick(), room, token, spot) {
                Shown::Ahead(_) | Shown::Unknown => OnBoard::There(PlaceState::Waiting { ahead: 0 }),
                Shown::Full => OnBoard::Full,
            };
        }
        let Some(ahead) = board.ahead(token.score) else { return OnBoard::Ask };
        let strangers = Strangers::of(self.clock.now_ms(), room, token, board, ahead);
        let spot = Spot { epoch: counts.epoch, ahead, strangers };
        match self.presences.shown(self.tick(), room, token, spot) {
            Shown::Ahead(_) if counts.mode == Mode::Scheduled => OnBoard::There(PlaceState::Scheduled),
            Shown::Ahead(ahead) => OnBoard::There(PlaceState::Waiting { ahead }),
            Shown::Unknown => OnBoard::Ask,
            Shown::Full => OnBoard::Full,
        }
    }

    /// Where the lane says a visitor stands; those who wait are known from now on.
    fn asked<'a>(
        &self,
        now_ms: Millis,
        room: &Room,
        token: Token,
        text: Option<&'a str>,
        place: place::Place,
    ) -> Standing<'a> {
        self.speeds.observe(now_ms, room, &place.counts);
        let epoch = place.counts.epoch;
        let state = match place.state {
            // Few have come back yet, so this number is no bound for later ones. It is not shown either.
            state @ PlaceState::Waiting { .. } if place.counts.mode == Mode::Recovering => {
                self.presences.met(self.tick(), &token, epoch, i64::MAX);
                state
            }
            PlaceState::Waiting { ahead } => {
                self.calls.waits(&token.event, token.round, token.score);
                PlaceState::Waiting { ahead: self.presences.met(self.tick(), &token, epoch, ahead) }
            }
            PlaceState::Scheduled => {
                self.presences.met(self.tick(), &token, epoch, i64::MAX);
                PlaceState::Scheduled
            }
            state @ (PlaceState::Admitted { .. } | PlaceState::Done | PlaceState::Closed) => {
                self.presences.set_elsewhere(self.tick(), &token);
                state
            }
        };
        let standing = self.standing(now_ms, room, &token, text, place::Place { state, ..place });
        match standing.place {
            // Nobody stands before this visitor, and the boards show that they were called: they are back.
            VisitorPlace::Waiting { ahead: 0, counts, .. } if self.called(&token) != Called::Unknown => {
                Standing { place: VisitorPlace::Late { called_ms: self.called_ms(&token), counts }, ..standing }
            }
            place => Standing { place, ..standing },
        }
    }

    fn recovering<'a>(&self, room: &Room, token: &Token, text: Option<&'a str>) -> Standing<'a> {
        Standing {
            visitor: token.visitor.clone(),
            token: self.text(room, token, text),
            place: VisitorPlace::Recovering,
            poll_after_ms: patient(
                self.settings.pace.resting(random::fraction()).min(room.recover_ms / 3),
                room.patience_ms,
            ),
        }
    }

    /// The visitor leaves for good.
    pub async fn leave(&self, room: &Room, token: Token) -> lane::Result<Left> {
        let visitor = token.visitor.clone();
        let for_good = self.leaves_for_good(room, &token).await;
        let left = self.lane(room)?.leave(self.clock.now_ms(), token.clone()).await?;
        if for_good {
            self.departures.add(self.tick(), &token);
        }
        self.presences.set_elsewhere(self.tick(), &token);
        self.promises.forget(&token);
        self.inside.forget(&(room.event.clone(), visitor));
        if left {
            self.counters.left.increment(1);
        }
        Ok(if left { Left::Left } else { Left::NoPlace })
    }

    /// Whether a departure is for good. Before the opening of a draw, a visitor who left may come back by the same
    /// token. So a lane that is rebuilt, then or after the opening, must not be told that they left.
    async fn leaves_for_good(&self, room: &Room, token: &Token) -> bool {
        if token.score >= 0 {
            return true;
        }
        let view = self.view(room).await;
        matches!(view, Ok(KnownBoard::Board(board)) if board.counts.round == token.round && !board.counts.drawing)
    }

    /// The room's counts, at most a second old; `None`: the lane has never heard of this event.
    pub async fn counts(&self, room: &Room) -> lane::Result<Option<RoomCounts>> {
        let now_ms = self.clock.now_ms();
        let counts = match self.view(room).await? {
            KnownBoard::Board(board) => Some(board.counts.clone()),
            KnownBoard::Recovering => return Err(Fault::Recovering(room.lane)),
            KnownBoard::Unknown => self.lane(room)?.room(now_ms, &room.event).await?,
        };
        if let Some(counts) = &counts {
            self.speeds.observe(now_ms, room, counts);
        }
        Ok(counts)
    }

    /// The visitor of a pass of this room. Only signature, type and time are checked here. The lane checks whether the
    /// visitor is still inside, where that matters.
    pub fn read_pass(&self, event: &EventId, text: &str) -> Option<VisitorId> {
        let pass = self.passes.verify(self.clock.now_ms(), text).ok()?;
        (pass.event == *event).then_some(pass.visitor)
    }

    /// The visitor of a pass, if they are inside; that answer may be a second old.
    pub async fn verify_pass(&self, room: &Room, text: &str) -> lane::Result<Option<VisitorId>> {
        let now_ms = self.clock.now_ms();
        let Ok(pass) = self.passes.verify(now_ms, text) else { return Ok(None) };
        if pass.event != room.event || is_other(pass.birth, room.birth) {
            return Ok(None);
        }
        let tick = self.tick();
        let key = (pass.event.clone(), pass.visitor.clone());
        let expires_ms = match self.inside.get(&key, tick) {
            Some(known) => known,
            None => {
                let asked = match self.lane(room)?.inside(now_ms, &key.0, &key.1).await? {
                    None if self.put_back(room, &pass).await? => Some(pass.expires_ms),
                    asked => asked,
                };
                self.inside.put(tick, key.clone(), asked, tick.plus(INSIDE_MS));
                asked
            }
        };
        Ok(expires_ms.filter(|expires_ms| *expires_ms > now_ms).map(|_| key.1))
    }

    /// As `readmit`, with nothing but a pass that was verified; `true`: its holder is inside.
    async fn put_back(&self, room: &Room, pass: &Pass) -> lane::Result<bool> {
        let KnownBoard::Board(board) = self.view(room).await? else { return Ok(false) };
        if board.counts.mode != Mode::Recovering {
            return Ok(false);
        }
        let Pass { event, visitor, round, score, birth: _, expires_ms } = pass.clone();
        self.lane(room)?.readmit(self.clock.now_ms(), Token { event, visitor, score, round }, expires_ms).await
    }

    /// A token as its holder keeps it.
    fn text<'a>(&self, room: &Room, token: &Token, came: Option<&'a str>) -> Cow<'a, str> {
        // A token of another creation of the event must not become one of this creation.
        let current = came.filter(|text| token.round == NO_ROUND || self.tokens.is_current(text, room.birth));
        current.map_or_else(|| self.tokens.sign(token, room.birth).into(), Cow::Borrowed)
    }

    fn standing<'a>(
        &self,
        now_ms: Millis,
        room: &Room,
        token: &Token,
        text: Option<&'a str>,
        place: place::Place,
    ) -> Standing<'a> {
        let place::Place { state, counts } = place;
        let (pace, jitter) = (self.settings.pace, random::fraction());
        let (place, poll_after_ms) = match state {
            PlaceState::Scheduled => {
                let after = pace.scheduled(counts.opens_at_ms - now_ms, jitter);
                (VisitorPlace::Scheduled { counts }, after)
            }
            PlaceState::Waiting { .. } if counts.mode == Mode::Recovering => return self.recovering(room, token, text),
            PlaceState::Waiting { ahead } => {
                // These counts may be younger than those at which the speed was last seen.
                let eta = moves(&counts).then(|| self.speeds.eta(now_ms, &room.event, ahead)).flatten();
                self.promises.told(now_ms, token, ahead, eta);
                (VisitorPlace::Waiting { ahead, eta, counts }, pace.waiting(ahead, jitter))
            }
            PlaceState::Admitted { expires_ms } => {
                self.promises.admitted(now_ms, room.absent_ms, token);
                let Token { event, visitor, score, round } = token.clone();
                let pass = Pass { event, visitor, round, score, birth: room.birth, expires_ms };
                let pass = self.passes.sign(now_ms, &pass);
                (
                    VisitorPlace::Admitted { pass, expires_ms, called_ms: self.called_ms(token), counts },
                    pace.resting(jitter),
                )
            }
            PlaceState::Done => {
                self.promises.forget(token);
                (VisitorPlace::Done { called_ms: self.called_ms(token), counts }, pace.resting(jitter))
            }
            PlaceState::Closed => (VisitorPlace::Closed { counts }, pace.resting(jitter)),
        };
        Standing {
            token: self.text(room, token, text),
            visitor: token.visitor.clone(),
            place,
            poll_after_ms: patient(poll_after_ms, room.patience_ms),
        }
    }

    fn called(&self, token: &Token) -> Called {
        self.calls.of(&token.event, token.round, token.score)
    }

    fn called_ms(&self, token: &Token) -> Option<Millis> {
        match self.called(token) {
            Called::At(at_ms) => Some(at_ms),
            Called::Before | Called::Unknown => None,
        }
    }

    /// Milliseconds since this was made, on a clock that nobody sets.
    pub(super) fn tick(&self) -> Tick {
        Tick(self.clock.tick().since(self.started))
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
