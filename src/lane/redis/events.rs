//! Calls of the scripts in `lua/queue` by which events come and leave. The rules stand at `lane::events`.

use async_trait::async_trait;

use super::args::Args;
use super::call::RedisLane;
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::rooms::mode;
use super::scripts;
use crate::facts::ids::{EventId, SeatIndex};
use crate::facts::room::{AdmissionOrder, Control, ReleaseOn, RoomSettings};
use crate::facts::time::Millis;
use crate::lane::events::{EventPut, PutEvent, Retired};
use crate::lane::{Events, Result};

#[async_trait]
impl Events for RedisLane {
    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent> {
        let args = blocked(settings(&put).int(i64::from(put.returned)), &put);
        let reply = self.call(&scripts::PUT_EVENT, KeyOwner::Event(&put.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "DONE" => Ok(PutEvent::Done),
            "STALE" => Ok(PutEvent::Stale(reply.int()?)),
            "SEATS_TAKEN" => Ok(PutEvent::SeatsTaken(seats(reply)?)),
            "MISSING" => Ok(PutEvent::Missing),
            _ => Err(reply.unexpected()),
        })
    }

    async fn retire_event(&self, now_ms: Millis, event: &EventId, version: i64) -> Result<Retired> {
        for _ in 0..RETIRE_CALLS_MAX {
            let args = Args::new().text(event.as_str()).int(version);
            let reply = self.call(&scripts::RETIRE_EVENT, KeyOwner::Event(event), now_ms, args).await?;
            let retired = self.read(reply, |reply| match reply.name {
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
        Err(self.fault("an event has more orders than may be dropped at once"))
    }
}

/// Most calls for one event. Each drops up to 500 orders.
const RETIRE_CALLS_MAX: usize = 100_000;

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
            AdmissionOrder::Fifo => "fifo",
            AdmissionOrder::Lottery => "lottery",
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
pub fn seats(reply: &mut ScriptReply) -> ReplyRead<Vec<SeatIndex>> {
    let mut seats = Vec::new();
    while !reply.is_empty() {
        seats.push(seat(reply)?);
    }
    Ok(seats)
}

pub fn seat(reply: &mut ScriptReply) -> ReplyRead<SeatIndex> {
    SeatIndex::try_from(reply.int()?).map_err(|_| Unreadable::Kind("a seat's index"))
}

pub fn room_settings(reply: &mut ScriptReply) -> ReplyRead<RoomSettings> {
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
            "fifo" => AdmissionOrder::Fifo,
            "lottery" => AdmissionOrder::Lottery,
            _ => return Err(Unreadable::Kind("who comes first")),
        },
        control: match reply.text()?.as_str() {
            "fixed" => Control::Fixed,
            "adaptive" => Control::Adaptive,
            _ => return Err(Unreadable::Kind("what sets the pace")),
        },
    })
}
