//! Calls of the scripts in `lua/queue` by which events come and leave. The rules stand at `lane::events`.

use async_trait::async_trait;

use super::args::Args;
use super::call::RedisLane;
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::rooms::mode_named;
use super::scripts;
use crate::facts::ids::{EventId, SeatIndex};
use crate::facts::room::{AdmissionOrder, Control, ReleaseOn, RoomSettings};
use crate::facts::time::Millis;
use crate::lane::events::{EventPut, PutEvent, Retired};
use crate::lane::{Events, Result};

#[async_trait]
impl Events for RedisLane {
    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent> {
        let args = blocked(event_args(&put).int(i64::from(put.returned)), &put);
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

/// The event and its settings, as put_event and restore_event take them.
pub fn event_args(put: &EventPut) -> Args {
    Args::new().text(put.event.as_str()).int(put.version).int(put.seats).text(settings_line(&put.room))
}

/// A room's settings as Redis has them: a line of words, in the order of `lua/lib/room.lua`.
fn settings_line(room: &RoomSettings) -> String {
    let RoomSettings {
        mode,
        opens_at_ms,
        closes_at_ms,
        capacity,
        rate_per_min,
        pass_ttl_s,
        claim_ttl_s,
        absent_after_s,
        late_grace_s,
        release_on,
        order,
        control,
    } = room;
    let release_on = match release_on {
        ReleaseOn::Order => "order",
        ReleaseOn::Exit => "exit",
    };
    let order = match order {
        AdmissionOrder::Fifo => "fifo",
        AdmissionOrder::Lottery => "lottery",
    };
    let control = match control {
        Control::Fixed => "fixed",
        Control::Adaptive => "adaptive",
    };
    format!(
        "{} {opens_at_ms} {closes_at_ms} {capacity} {rate_per_min} {pass_ttl_s} {claim_ttl_s} {absent_after_s} \
         {late_grace_s} {release_on} {order} {control}",
        mode.as_str()
    )
}

/// The inverse of [`settings_line`].
pub fn read_settings(line: &str) -> ReplyRead<RoomSettings> {
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(Unreadable::Kind("a room's settings"));
    let number = |word: &str| word.parse::<i64>().map_err(|_| Unreadable::Kind("a room's setting"));
    Ok(RoomSettings {
        mode: mode_named(word()?)?,
        opens_at_ms: number(word()?)?,
        closes_at_ms: number(word()?)?,
        capacity: number(word()?)?,
        rate_per_min: number(word()?)?,
        pass_ttl_s: number(word()?)?,
        claim_ttl_s: number(word()?)?,
        absent_after_s: number(word()?)?,
        late_grace_s: number(word()?)?,
        release_on: match word()? {
            "order" => ReleaseOn::Order,
            "exit" => ReleaseOn::Exit,
            _ => return Err(Unreadable::Kind("when a place is given back")),
        },
        order: match word()? {
            "fifo" => AdmissionOrder::Fifo,
            "lottery" => AdmissionOrder::Lottery,
            _ => return Err(Unreadable::Kind("who comes first")),
        },
        control: match word()? {
            "fixed" => Control::Fixed,
            "adaptive" => Control::Adaptive,
            _ => return Err(Unreadable::Kind("what sets the pace")),
        },
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
