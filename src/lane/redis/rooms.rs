//! Calls of the scripts in `lua/queue`: events, places, pulses. The rules stand at `lane::room`'s types.

use super::args::Args;
use super::call::RedisLane;
use super::keys::About;
use super::reply::{Read, Reply, Unreadable};
use super::scripts;
use crate::clock::Millis;
use crate::ids::{EventId, SeatIndex, VisitorId};
use crate::lane::Result;
use crate::lane::event::{EventPut, PutEvent, Retired};
use crate::lane::room::{
    Control, Enter, EnterOutcome, Entrant, Mode, Order, Place, PlaceState, Pulse, Pulsed, ReleaseOn, RoomCounts,
    RoomSettings, Token,
};

/// No time: nothing in the script depends on it.
pub const NO_TIME: Millis = 0;

const MODES: [Mode; 6] = [Mode::Scheduled, Mode::Open, Mode::Paused, Mode::Drain, Mode::Closed, Mode::Recovering];

pub async fn put_event(lane: &RedisLane, now_ms: Millis, put: &EventPut) -> Result<PutEvent> {
    let args = blocked(settings(put).int(i64::from(put.returned)), put);
    let reply = lane.call(&scripts::PUT_EVENT, About::Event(&put.event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "DONE" => Ok(PutEvent::Done),
        "STALE" => Ok(PutEvent::Stale(reply.int()?)),
        "SEATS_TAKEN" => Ok(PutEvent::SeatsTaken(seats(reply)?)),
        "MISSING" => Ok(PutEvent::Missing),
        _ => Err(reply.unexpected()),
    })
}

/// Calls of one event: 500 orders go with each.
const RETIRE_CALLS_MAX: usize = 100_000;

pub async fn retire_event(lane: &RedisLane, now_ms: Millis, event: &EventId, version: i64) -> Result<Retired> {
    for _ in 0..RETIRE_CALLS_MAX {
        let args = Args::new().text(event.as_str()).int(version);
        let reply = lane.call(&scripts::RETIRE_EVENT, About::Event(event), now_ms, args).await?;
        let retired = lane.read(reply, |reply| match reply.name {
            "MORE" => Ok(None),
            "DONE" => Ok(Some(Retired::Done)),
            "STALE" => Ok(Some(Retired::Stale(reply.int()?))),
            "BUSY" => Ok(Some(Retired::Busy)),
            _ => Err(reply.unexpected()),
        })?;
        if let Some(retired) = retired {
            return Ok(retired);
        }
    }
    Err(lane.fault("an event has more orders than may be dropped at once"))
}

/// The settings as put_event and restore_event take them.
pub fn settings(put: &EventPut) -> Args {
    let room = &put.room;
    Args::new()
        .text(put.event.as_str())
        .int(put.version)
        .int(put.seats)
        .text(room.mode.as_str())
        .int(room.opens_at_ms)
        .int(room.closes_at_ms)
        .int(room.capacity)
        .int(room.rate_per_min)
        .int(room.pass_ttl_s)
        .int(room.claim_ttl_s)
        .int(room.absent_after_s)
        .int(room.late_grace_s)
        .text(match room.release_on {
            ReleaseOn::Order => "order",
            ReleaseOn::Exit => "exit",
        })
        .text(match room.order {
            Order::Fifo => "fifo",
            Order::Lottery => "lottery",
        })
        .text(match room.control {
            Control::Fixed => "fixed",
            Control::Adaptive => "adaptive",
        })
}

pub fn blocked(args: Args, put: &EventPut) -> Args {
    put.blocked.iter().fold(args, |args, &(first, end)| args.int(first).int(end))
}

/// The rest of a reply, as seat indexes.
pub fn seats(reply: &mut Reply) -> Read<Vec<SeatIndex>> {
    let mut seats = Vec::new();
    while !reply.is_empty() {
        seats.push(seat(reply)?);
    }
    Ok(seats)
}

pub fn seat(reply: &mut Reply) -> Read<SeatIndex> {
    SeatIndex::try_from(reply.int()?).map_err(|_| Unreadable::Kind("a seat's index"))
}

pub async fn enter(lane: &RedisLane, now_ms: Millis, enter: &Enter) -> Result<Vec<EnterOutcome>> {
    if enter.visitors.iter().any(|entrant| entrant.draw == Some(0)) {
        return Err(lane.contract("a draw is below zero"));
    }
    let word = |Entrant { visitor, draw }: &Entrant| format!("{visitor} {}", draw.unwrap_or(0));
    let args = Args::new().int(enter.round).int(enter.waiting_max).words(enter.visitors.iter().map(word));
    let reply = lane.call(&scripts::ENTER, About::Event(&enter.event), now_ms, args).await?;
    let all = |outcome: EnterOutcome| vec![outcome; enter.visitors.len()];
    lane.read(reply, |reply| match reply.name {
        "PLACES" => {
            let counts = counts(reply)?;
            let mut found = Vec::with_capacity(enter.visitors.len());
            for [outcome, score, state, value] in reply.rows()? {
                let place = || Read::Ok(Place { state: place_state(state, value)?, counts: counts.clone() });
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

pub async fn poll(lane: &RedisLane, now_ms: Millis, token: &Token) -> Result<Option<Place>> {
    let reply = lane.call(&scripts::POLL, About::Event(&token.event), now_ms, token_args(token)).await?;
    lane.read(reply, |reply| match reply.name {
        "PLACE" => Ok(Some(place(reply)?)),
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

pub async fn leave(lane: &RedisLane, now_ms: Millis, token: &Token) -> Result<bool> {
    let reply = lane.call(&scripts::LEAVE, About::Event(&token.event), now_ms, token_args(token)).await?;
    lane.read(reply, |reply| match reply.name {
        "LEFT" => Ok(true),
        "NO_PLACE" => Ok(false),
        _ => Err(reply.unexpected()),
    })
}

fn token_args(token: &Token) -> Args {
    with_token(Args::new(), token)
}

/// A token as scripts take it.
pub fn with_token(args: Args, token: &Token) -> Args {
    args.text(token.visitor.as_str()).int(token.score).int(token.round)
}

pub async fn pulse(lane: &RedisLane, now_ms: Millis, pulse: &Pulse) -> Result<Option<Pulsed>> {
    let args = Args::new().int(pulse.work_max);
    let reply = lane.call(&scripts::PULSE, About::Event(&pulse.event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
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

pub async fn room(lane: &RedisLane, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>> {
    let reply = lane.call(&scripts::ROOM, About::Event(event), now_ms, Args::new()).await?;
    lane.read(reply, |reply| match reply.name {
        "ROOM" => Ok(Some(counts(reply)?)),
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

pub async fn inside(lane: &RedisLane, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>> {
    let args = Args::new().text(visitor.as_str());
    let reply = lane.call(&scripts::INSIDE, About::Event(event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "INSIDE" => Ok(Some(reply.int()?)),
        "OUTSIDE" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

pub async fn readmit(lane: &RedisLane, now_ms: Millis, token: &Token, until_ms: Millis) -> Result<bool> {
    let args = token_args(token).int(until_ms);
    let reply = lane.call(&scripts::READMIT, About::Event(&token.event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "INSIDE" => Ok(true),
        "OUTSIDE" => Ok(false),
        _ => Err(reply.unexpected()),
    })
}

fn place(reply: &mut Reply) -> Read<Place> {
    let (state, value) = (reply.int()?, reply.int()?);
    Ok(Place { state: place_state(state, value)?, counts: counts(reply)? })
}

fn place_state(state: i64, value: i64) -> Read<PlaceState> {
    Ok(match state {
        1 => PlaceState::Scheduled,
        2 => PlaceState::Waiting { ahead: value },
        3 => PlaceState::Admitted { expires_ms: value },
        4 => PlaceState::Done,
        5 => PlaceState::Closed,
        _ => return Err(Unreadable::Kind("a place's state")),
    })
}

pub fn counts(reply: &mut Reply) -> Read<RoomCounts> {
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

pub fn room_settings(reply: &mut Reply) -> Read<RoomSettings> {
    Ok(RoomSettings {
        mode: mode(reply)?,
        opens_at_ms: reply.int()?,
        closes_at_ms: reply.int()?,
        capacity: reply.int()?,
        rate_per_min: reply.int()?,
        pass_ttl_s: reply.int()?,
        claim_ttl_s: reply.int()?,
        absent_after_s: reply.int()?,
        late_grace_s: reply.int()?,
        release_on: match reply.text()?.as_str() {
            "order" => ReleaseOn::Order,
            "exit" => ReleaseOn::Exit,
            _ => return Err(Unreadable::Kind("when a place is given back")),
        },
        order: match reply.text()?.as_str() {
            "fifo" => Order::Fifo,
            "lottery" => Order::Lottery,
            _ => return Err(Unreadable::Kind("who comes first")),
        },
        control: match reply.text()?.as_str() {
            "fixed" => Control::Fixed,
            "adaptive" => Control::Adaptive,
            _ => return Err(Unreadable::Kind("what sets the pace")),
        },
    })
}

fn mode(reply: &mut Reply) -> Read<Mode> {
    let text = reply.text()?;
    MODES.into_iter().find(|mode| mode.as_str() == text).ok_or(Unreadable::Kind("a mode"))
}
