//! Calls of the scripts of `lua/queue` that serve many visitors at once. The rules stand at `lane::board`.

use std::collections::HashSet;

use super::args::Args;
use super::call::RedisLane;
use super::keys::About;
use super::reply::{Read, Reply, Unreadable};
use super::rooms::NO_TIME;
use super::{rooms, scripts};
use crate::clock::Millis;
use crate::ids::{EventId, VisitorId};
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::checkpoint::{Checkpoint, DrawChange, Draws, Insider, Look, SpentChunk, Told};
use crate::lane::room::Token;
use crate::lane::{Fault, Result};

pub async fn board(lane: &RedisLane, now_ms: Millis, showing: &Showing) -> Result<Option<Board>> {
    let args = Args::new().int(showing.exact);
    let reply = lane.call(&scripts::BOARD, About::Event(&showing.event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "BOARD" => {
            let (counts, head, back) = (rooms::counts(reply)?, reply.int()?, reply.int()?);
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

pub async fn presence(
    lane: &RedisLane,
    now_ms: Millis,
    event: &EventId,
    tokens: &[Token],
) -> Result<Option<Vec<Presence>>> {
    if tokens.iter().any(|token| token.event != *event) {
        return Err(Fault::Contract { lane: lane.lane, detail: "a token of another event".to_owned() });
    }
    let word = |Token { visitor, score, round, .. }: &Token| format!("{visitor} {score} {round}");
    let args = Args::new().words(tokens.iter().map(word));
    let reply = lane.call(&scripts::PRESENCE, About::Event(event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "SEEN" => {
            let found = reply.text()?.into_bytes().into_iter().map(|digit| match digit {
                b'1' => Ok(Presence::Waiting),
                b'2' => Ok(Presence::Back),
                b'3' => Ok(Presence::Inside),
                b'4' => Ok(Presence::Gone),
                _ => Err(Unreadable::Kind("how a visitor was found")),
            });
            found.collect::<Read<_>>().map(Some)
        }
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

pub async fn drawn(
    lane: &RedisLane,
    event: &EventId,
    after: Option<&VisitorId>,
    max: usize,
) -> Result<Option<Vec<VisitorId>>> {
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let args = Args::new().text(after.map_or("", VisitorId::as_str)).int(max);
    let reply = lane.call(&scripts::DRAWN, About::Event(event), NO_TIME, args).await?;
    lane.read(reply, |reply| match reply.name {
        "DRAWN" => Ok(Some(visitors(reply)?)),
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

pub async fn checkpoint(lane: &RedisLane, event: &EventId, told: Told) -> Result<Option<Look>> {
    let max = i64::try_from(told.max).unwrap_or(i64::MAX);
    let args = Args::new().int(told.round).int(told.changes).int(max);
    let reply = lane.call(&scripts::CHECKPOINT, About::Event(event), NO_TIME, args).await?;
    lane.read(reply, |reply| match reply.name {
        "CHECKPOINT" => Ok(Some(Look { room: checkpoint_of(reply)?, draws: draws(reply)? })),
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}

fn checkpoint_of(reply: &mut Reply) -> Read<Checkpoint> {
    let (round, epoch, serial) = (reply.int()?, reply.int()?, reply.int()?);
    let (admitted_total, head) = (reply.int()?, reply.int()?);
    let (drawing, closed) = (reply.int()? == 1, reply.int()? == 1);
    let (mut places, mut called, mut scores) = (reply.list()?, reply.list()?, reply.list()?);
    let called: HashSet<VisitorId> = visitors(&mut called)?.into_iter().collect();
    let mut inside = Vec::new();
    while !places.is_empty() {
        let visitor = VisitorId::from(places.text()?);
        let claimed = !called.contains(&visitor);
        inside.push(Insider { visitor, expires_ms: places.int()?, score: scores.int()?, claimed });
    }
    let mut chunks = reply.list()?;
    let mut spent = Vec::new();
    while !chunks.is_empty() {
        let chunk = chunks.int()?;
        let bits = chunks.bytes()?.try_into().map_err(|_| Unreadable::Kind("128 bytes"))?;
        spent.push(SpentChunk { chunk, bits });
    }
    inside.sort_unstable_by(|a, b| a.visitor.cmp(&b.visitor));
    spent.sort_unstable_by_key(|chunk| chunk.chunk);
    Ok(Checkpoint { round, epoch, serial, admitted_total, head, drawing, closed, inside, spent })
}

fn draws(reply: &mut Reply) -> Read<Draws> {
    let spent = usize::try_from(reply.int()?).map_err(|_| Unreadable::Kind("how many are spent"))?;
    let (upto, more) = (reply.int()?, reply.int()? == 1);
    let mut list = reply.list()?;
    let mut changes = Vec::new();
    while !list.is_empty() {
        let text = list.text()?;
        changes.push(match text.split_at_checked(1) {
            Some(("+", visitor)) => DrawChange::Spent(VisitorId::from(visitor)),
            Some(("-", visitor)) => DrawChange::Unspent(VisitorId::from(visitor)),
            _ => return Err(Unreadable::Kind("a change of a draw")),
        });
    }
    Ok(Draws { upto, changes, more, spent })
}

/// The rest of a reply, as visitors.
fn visitors(reply: &mut Reply) -> Read<Vec<VisitorId>> {
    let mut visitors = Vec::new();
    while !reply.is_empty() {
        visitors.push(VisitorId::from(reply.text()?));
    }
    Ok(visitors)
}
