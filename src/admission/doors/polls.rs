//! Polls: a visitor asks where they stand. The board answers if it can, else the lane.

use std::borrow::Cow;

use super::{Admission, NO_ROUND, is_other};
use crate::admission::board::KnownBoard;
use crate::admission::calls::Called;
use crate::admission::pace::patient;
use crate::admission::passes::Pass;
use crate::admission::presence::{Shown, Spot};
use crate::admission::speed::moves;
use crate::admission::standing::{Along, OnBoard, Polled, Standing, VisitorPlace, Why};
use crate::admission::strangers::Strangers;
use crate::facts::fault::Fault;
use crate::facts::place::{self, PlaceState, Token};
use crate::facts::room::Mode;
use crate::facts::room::Room;
use crate::facts::time::Millis;
use crate::lane::board::Board;
use crate::{lane, random};

impl Admission {
    /// Where the holder of a token stands. The board answers if it can, else the lane is asked. The board also answers
    /// visitors whom this gateway has never seen; see [`crate::admission::strangers`]. While the lane is rebuilt the
    /// answer says so, and the token stays good. A live pass that comes along puts its holder back inside.
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
    pub(in crate::admission) fn on_board(&self, room: &Room, token: &Token, board: &Board) -> OnBoard {
        let counts = &board.counts;
        if token.round != counts.round {
            return if token.round < counts.round { OnBoard::There(PlaceState::Done) } else { OnBoard::Ask };
        }
        if counts.mode == Mode::Closed {
            return OnBoard::There(PlaceState::Closed);
        }
        if counts.mode == Mode::Recovering {
            if self.departures.has(token) {
                return OnBoard::Ask;
            }
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
    pub(super) fn asked<'a>(
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
}
