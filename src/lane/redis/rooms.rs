//! Calls of the scripts in `lua/queue` about rooms. The rules stand at `lane::rooms`.

use async_trait::async_trait;

use super::args::Args;
use super::call::RedisLane;
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::scripts;
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::place::{Place, PlaceState, Token};
use crate::facts::room::{Mode, RoomCounts};
use crate::facts::time::Millis;
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::rooms::{Enter, EnterOutcome, Entrant, Pulse, Pulsed};
use crate::lane::{Result, Rooms};

#[async_trait]
impl Rooms for RedisLane {
    async fn enter(&self, now_ms: Millis, enter: Enter) -> Result<Vec<EnterOutcome>> {
        if enter.visitors.iter().any(|entrant| entrant.draw == Some(0)) {
            return Err(self.contract("a draw is below zero"));
        }
        let word = |Entrant { visitor, draw }: &Entrant| format!("{visitor} {}", draw.unwrap_or(0));
        let args = Args::new().int(enter.round).int(enter.waiting_max).words(enter.visitors.iter().map(word));
        let reply = self.call(&scripts::ENTER, KeyOwner::Event(&enter.event), now_ms, args).await?;
        let all = |outcome: EnterOutcome| vec![outcome; enter.visitors.len()];
        self.read(reply, |reply| match reply.name {
            "PLACES" => {
                let counts = counts(reply)?;
                let mut found = Vec::with_capacity(enter.visitors.len());
                for [outcome, score, state, value] in reply.rows()? {
                    let place = || ReplyRead::Ok(Place { state: place_state(state, value)?, counts: counts.clone() });
                    found.push(match outcome {
                        1 => EnterOutcome::Entered { score, place: place()? },
                        2 => EnterOutcome::Known { score, place: place()? },
                        3 => EnterOutcome::Full,
                        _ => return Err(Unreadable::Kind("what became of one who enters")),
                    });
                }
                Ok(found)
            }
            "NO_EVENT" => Ok(all(EnterOutcome::NoEvent)),
            "CLOSED" => Ok(all(EnterOutcome::Closed)),
            "OTHER_ROUND" => Ok(all(EnterOutcome::OtherRound)),
            _ => Err(reply.unexpected()),
        })
    }

    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>> {
        let reply = self.call(&scripts::POLL, KeyOwner::Event(&token.event), now_ms, token_args(&token)).await?;
        self.read(reply, |reply| match reply.name {
            "PLACE" => Ok(Some(place(reply)?)),
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>> {
        let args = Args::new().int(showing.exact);
        let reply = self.call(&scripts::BOARD, KeyOwner::Event(&showing.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "BOARD" => {
                let (counts, head, back) = (counts(reply)?, reply.int()?, reply.int()?);
                let mut first = Vec::new();
                for _ in 0..reply.int()? {
                    first.push(reply.int()?);
                }
                let mut knots = Vec::new();
                while !reply.is_empty() {
                    knots.push((reply.int()?, reply.int()?));
                }
                Ok(Some(Board { counts, head, back, first, knots }))
            }
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>> {
        if tokens.iter().any(|token| token.event != *event) {
            return Err(Fault::Contract { lane: self.lane, detail: "a token of another event".to_owned() });
        }
        let word = |Token { visitor, score, round, .. }: &Token| format!("{visitor} {score} {round}");
        let args = Args::new().words(tokens.iter().map(word));
        let reply = self.call(&scripts::PRESENCE, KeyOwner::Event(event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "SEEN" => {
                let found = reply.text()?.into_bytes().into_iter().map(|digit| match digit {
                    b'1' => Ok(Presence::Waiting),
                    b'2' => Ok(Presence::Back),
                    b'3' => Ok(Presence::Inside),
                    b'4' => Ok(Presence::Gone),
                    _ => Err(Unreadable::Kind("how a visitor was found")),
                });
                found.collect::<ReplyRead<_>>().map(Some)
            }
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn leave(&self, now_ms: Millis, token: Token) -> Result<bool> {
        let reply = self.call(&scripts::LEAVE, KeyOwner::Event(&token.event), now_ms, token_args(&token)).await?;
        self.read(reply, |reply| match reply.name {
            "LEFT" => Ok(true),
            "NO_PLACE" => Ok(false),
            _ => Err(reply.unexpected()),
        })
    }

    async fn pulse(&self, now_ms: Millis, pulse: Pulse) -> Result<Option<Pulsed>> {
        let args = Args::new().int(pulse.work_max);
        let reply = self.call(&scripts::PULSE, KeyOwner::Event(&pulse.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "PULSED" => Ok(Some(Pulsed {
                admitted: reply.int()?,
                expired: reply.int()?,
                absent: reply.int()?,
                unclaimed: reply.int()?,
                lapsed: reply.int()?,
                holds_expired: reply.int()?,
                more: reply.int()? == 1,
            })),
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>> {
        let reply = self.call(&scripts::ROOM, KeyOwner::Event(event), now_ms, Args::new()).await?;
        self.read(reply, |reply| match reply.name {
            "ROOM" => Ok(Some(counts(reply)?)),
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>> {
        let args = Args::new().text(visitor.as_str());
        let reply = self.call(&scripts::INSIDE, KeyOwner::Event(event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "INSIDE" => Ok(Some(reply.int()?)),
            "OUTSIDE" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool> {
        let args = token_args(&token).int(until_ms);
        let reply = self.call(&scripts::READMIT, KeyOwner::Event(&token.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "INSIDE" => Ok(true),
            "OUTSIDE" => Ok(false),
            _ => Err(reply.unexpected()),
        })
    }
}

const MODES: [Mode; 6] = [Mode::Scheduled, Mode::Open, Mode::Paused, Mode::Drain, Mode::Closed, Mode::Recovering];

fn token_args(token: &Token) -> Args {
    with_token(Args::new(), token)
}

/// A token as scripts take it.
pub fn with_token(args: Args, token: &Token) -> Args {
    args.text(token.visitor.as_str()).int(token.score).int(token.round)
}

fn place(reply: &mut ScriptReply) -> ReplyRead<Place> {
    let (state, value) = (reply.int()?, reply.int()?);
    Ok(Place { state: place_state(state, value)?, counts: counts(reply)? })
}

fn place_state(state: i64, value: i64) -> ReplyRead<PlaceState> {
    Ok(match state {
        1 => PlaceState::Scheduled,
        2 => PlaceState::Waiting { ahead: value },
        3 => PlaceState::Admitted { expires_ms: value },
        4 => PlaceState::Done,
        5 => PlaceState::Closed,
        _ => return Err(Unreadable::Kind("a place's state")),
    })
}

pub fn counts(reply: &mut ScriptReply) -> ReplyRead<RoomCounts> {
    Ok(RoomCounts {
        mode: mode(reply)?,
        opens_at_ms: reply.int()?,
        waiting: reply.int()?,
        inside: reply.int()?,
        late: reply.int()?,
        capacity: reply.int()?,
        rate_per_min: reply.int()?,
        admitted_total: reply.int()?,
        round: reply.int()?,
        epoch: reply.int()?,
        drawing: reply.int()? == 1,
        pace: reply.int()?,
        free: reply.int()?,
        held: reply.int()?,
        paying: reply.int()?,
        sold: reply.int()?,
        blocked: reply.int()?,
    })
}

pub fn mode(reply: &mut ScriptReply) -> ReplyRead<Mode> {
    mode_named(&reply.text()?)
}

pub fn mode_named(text: &str) -> ReplyRead<Mode> {
    MODES.into_iter().find(|mode| mode.as_str() == text).ok_or(Unreadable::Kind("a mode"))
}
