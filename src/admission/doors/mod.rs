//! The doors of all rooms: visitors enter and leave here. The tokens and passes that visitors carry are made and read
//! here.

mod passes;
mod polls;

use metrics::{Counter, counter};

use crate::admission::board::{Boards, KnownBoard};
use crate::admission::calls::Calls;
use crate::admission::departures::Departures;
use crate::admission::entrance::Entrance;
use crate::admission::entries::Entries;
use crate::admission::expiring::Expiring;
use crate::admission::pace::Pace;
use crate::admission::passes::Passes;
use crate::admission::presence::Presences;
use crate::admission::promise::Promises;
use crate::admission::speed::Speeds;
use crate::admission::standing::{Entered, Left, Newcomer};
use crate::admission::tokens::{TokenClaim, Tokens, random_visitor};
use crate::admission::watch::Watches;
use crate::clock::Clock;
use crate::facts::draw::Birth;
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::place::{PlaceState, Token};
use crate::facts::room::Room;
use crate::facts::room::RoomCounts;
use crate::facts::time::{Millis, Tick};
use crate::lane;
use crate::lane::board::Board;
use crate::lane::rooms::{EnterOutcome, Entrant};
use crate::lane::{Lane, Lanes};
use crate::metrics::{ADMISSION_ADMITTED, ADMISSION_ENTERED, ADMISSION_LEFT, ADMISSION_POLLS, Tally};

/// Most visitors for whom it is remembered whether they are inside.
const INSIDE_MAX: usize = 200_000;

/// How long such an answer is believed, ms.
const INSIDE_MS: Millis = 1_000;

/// Bounds of all rooms.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionSettings {
    pub waiting_max: i64,
    pub pace: Pace,
    /// How long a board is believed ([`crate::admission::board::KEEP_MS`]).
    pub board_ms: Millis,
}

/// The doors of all rooms. One per gateway.
pub struct Admission {
    lanes: Lanes,
    clock: Clock,
    settings: AdmissionSettings,
    tokens: Tokens,
    passes: Passes,
    entrance: Entrance,
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

/// The round of a token that is of no round: rounds count from 1.
const NO_ROUND: i64 = 0;

/// Whether both name a creation of the event, and not the same one.
fn is_other(said: Option<Birth>, room: Option<Birth>) -> bool {
    said.zip(room).is_some_and(|(said, room)| said != room)
}

impl Admission {
    pub fn new(
        lanes: Lanes,
        clock: Clock,
        settings: AdmissionSettings,
        tokens: Tokens,
        passes: Passes,
        entrance: Entrance,
    ) -> Self {
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
            entrance,
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

    pub fn entrance(&self) -> &Entrance {
        &self.entrance
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
                self.entrance.entered(now_ms, &room.event);
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

    /// The room's board, at most `age_ms` old. Polls and streams both fetch it here, so that speeds and calls take note
    /// of every board, and a rebuilt lane is told of the last departures.
    pub(super) async fn fetch(&self, age_ms: Millis, room: &Room) -> lane::Result<KnownBoard> {
        let now = || (self.tick(), self.clock.now_ms());
        let view = self.boards.fetch(age_ms, &**self.lane(room)?, &room.event, now).await;
        let now_ms = self.clock.now_ms();
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
