//! Calls of the scripts in `lua/audit`. Long lists are read in pages, so that no step takes long. The pages are of one
//! moment only when nothing changed between them.

use std::collections::BTreeMap;

use super::args::Args;
use super::call::NO_TIME;
use super::call::RedisLane;
use super::coupons::Unnumbered;
use super::keys::KeyOwner;
use super::log::count;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::scripts::Script;
use super::seats::Frame;
use super::{events, orders, rooms, scripts};
use crate::facts::coupon::Claim;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{CampaignId, EventId, SeatIndex};
use crate::facts::order::OrderFact;
use crate::facts::room::{RoomCounts, RoomSettings};
use crate::facts::seat::SeatTally;
use crate::lane::Result;
use crate::lane::recovery::{CampaignDump, EventDump};

/// About how many seats, users or claims are in one page.
const PAGE: u32 = 500;

/// About how many holds or orders are in one page. An order of four seats is 1.5 KB of JSON.
const FACTS_PAGE: u32 = 100;

/// What is read of an event in one step.
struct Head {
    generation: i64,
    log_last: u64,
    counts: RoomCounts,
    version: i64,
    room: RoomSettings,
    seat_version: i64,
    string: Vec<u8>,
}

/// Seats with their owners, page by page.
struct SeatDump {
    string: Vec<u8>,
    owners: Vec<(SeatIndex, String)>,
}

pub async fn event(lane: &RedisLane, event: &EventId) -> Result<Option<EventDump>> {
    let about = KeyOwner::Event(event);
    let reply = lane.call(&scripts::DUMP_EVENT, about, NO_TIME, Args::new()).await?;
    let Some(head) = lane.read(reply, |reply| match reply.name {
        "EVENT" => Ok(Some(head(reply)?)),
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })?
    else {
        return Ok(None);
    };
    let Some(SeatDump { string, owners }) = seats(lane, about, head.string.len()).await? else { return Ok(None) };
    let mut holds: BTreeMap<_, HoldFact> = BTreeMap::new();
    scan(lane, &scripts::DUMP_HOLDS, about, |reply| {
        let frame: Frame = reply.json()?;
        let state = reply.text()?;
        // A hold without a state has lost it. The pulse notices that and has the lane rebuilt.
        if !state.is_empty() {
            let hold = frame.with_state(&state)?;
            holds.insert(hold.id.clone(), hold);
        }
        Ok(())
    })
    .await?;
    let mut found: BTreeMap<_, OrderFact> = BTreeMap::new();
    scan(lane, &scripts::DUMP_ORDERS, about, |reply| {
        let order = orders::shown(reply)?;
        found.insert(order.id.clone(), order);
        Ok(())
    })
    .await?;
    let (taken, (generation, seat_version)) = taken(lane, about).await?;
    Ok(Some(EventDump {
        version: head.version,
        tally: SeatTally::of(&head.string),
        seats: string,
        owners,
        holds: holds.into_values().collect(),
        orders: found.into_values().collect(),
        taken: taken.into_iter().collect(),
        counts: head.counts,
        room: head.room,
        log_last: head.log_last,
        torn: (generation, seat_version) != (head.generation, head.seat_version),
    }))
}

fn head(reply: &mut ScriptReply) -> ReplyRead<Head> {
    let (generation, log_last) = (reply.generation, count(reply.log)?);
    let counts = rooms::counts(&mut reply.list()?)?;
    let (version, room) = (reply.int()?, events::read_settings(&reply.text()?)?);
    let seat_version = reply.int()?;
    Ok(Head { generation, log_last, counts, version, room, seat_version, string: reply.bytes()? })
}

/// `None`: the event is gone.
async fn seats(lane: &RedisLane, about: KeyOwner<'_>, len: usize) -> Result<Option<SeatDump>> {
    let mut seats = SeatDump { string: Vec::with_capacity(len), owners: Vec::new() };
    while seats.string.len() < len {
        let args = Args::new().int(i64::try_from(seats.string.len()).expect("indexes are 32 bits")).int(PAGE);
        let reply = lane.call(&scripts::DUMP_SEATS, about, NO_TIME, args).await?;
        let is_there = lane.read(reply, |reply| match reply.name {
            "SEATS" => {
                let page = reply.bytes()?;
                if page.is_empty() {
                    return Err(Unreadable::Short("a page of seats"));
                }
                seats.string.extend(page);
                while !reply.is_empty() {
                    seats.owners.push((events::seat(reply)?, reply.text()?));
                }
                Ok(true)
            }
            "NO_EVENT" => Ok(false),
            _ => Err(reply.unexpected()),
        })?;
        if !is_there {
            return Ok(None);
        }
    }
    Ok(Some(seats))
}

/// Reads a hash or a set to its end.
async fn scan(
    lane: &RedisLane,
    script: &'static Script,
    about: KeyOwner<'_>,
    mut each: impl FnMut(&mut ScriptReply) -> ReplyRead<()>,
) -> Result<()> {
    let mut cursor = "0".to_owned();
    loop {
        let reply = lane.call(script, about, NO_TIME, Args::new().text(cursor.as_str()).int(FACTS_PAGE)).await?;
        cursor = lane.read(reply, |reply| {
            let next = reply.text()?;
            while !reply.is_empty() {
                each(reply)?;
            }
            Ok(next)
        })?;
        if cursor == "0" {
            return Ok(());
        }
    }
}

/// Seats taken by user, with the generation and the seats' version of the last page.
async fn taken(lane: &RedisLane, about: KeyOwner<'_>) -> Result<(BTreeMap<String, i64>, (i64, i64))> {
    let mut taken = BTreeMap::new();
    let mut cursor = "0".to_owned();
    loop {
        let args = Args::new().text(cursor.as_str()).int(PAGE);
        let reply = lane.call(&scripts::DUMP_TAKEN, about, NO_TIME, args).await?;
        let (next, versions) = lane.read(reply, |reply| {
            let (next, versions) = (reply.text()?, (reply.generation, reply.int()?));
            while !reply.is_empty() {
                taken.insert(reply.text()?, reply.int()?);
            }
            Ok((next, versions))
        })?;
        if next == "0" {
            return Ok((taken, versions));
        }
        cursor = next;
    }
}

pub async fn campaign(lane: &RedisLane, campaign: &CampaignId) -> Result<Option<CampaignDump>> {
    let about = KeyOwner::Campaign(campaign);
    let reply = lane.call(&scripts::DUMP_CAMPAIGN, about, NO_TIME, Args::new()).await?;
    let head = lane.read(reply, |reply| match reply.name {
        "CAMPAIGN" => Ok(Some((count(reply.log)?, reply.int()?, reply.int()?, reply.int()?))),
        "NO_CAMPAIGN" => Ok(None),
        _ => Err(reply.unexpected()),
    })?;
    let Some((log_last, version, stock, len)) = head else { return Ok(None) };
    // Numbers are given from 1 on. Without gaps among them, 1 to `len` are the claims there were.
    let mut claims: Vec<Claim> = Vec::new();
    for first in (1..=len).step_by(PAGE as usize) {
        let page = i64::from(PAGE).min(len - first + 1);
        let reply = lane.call(&scripts::DUMP_CLAIMS, about, NO_TIME, Args::new().int(first).int(page)).await?;
        lane.read(reply, |reply| {
            while !reply.is_empty() {
                let number = reply.int()?;
                claims.push(reply.json::<Unnumbered>()?.numbered(number));
            }
            Ok(())
        })?;
    }
    Ok(Some(CampaignDump { version, stock, stock_left: stock - len, claims, log_last }))
}
