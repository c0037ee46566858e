//! Calls of the scripts of `lua/queue` that serve many visitors at once. The rules stand at `lane::board`.

use super::args::Args;
use super::call::RedisLane;
use super::keys::About;
use super::reply::Unreadable;
use super::{rooms, scripts};
use crate::clock::Millis;
use crate::ids::EventId;
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::room::Token;
use crate::lane::{Fault, Result};

pub async fn board(lane: &RedisLane, now_ms: Millis, showing: &Showing) -> Result<Option<Board>> {
    let args = Args::new().int(showing.exact);
    let reply = lane.call(&scripts::BOARD, About::Event(&showing.event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "BOARD" => {
            let (counts, back) = (rooms::counts(reply)?, reply.int()?);
            let mut first = Vec::new();
            for _ in 0..reply.int()? {
                first.push(reply.int()?);
            }
            let mut knots = Vec::new();
            while !reply.is_empty() {
                knots.push((reply.int()?, reply.int()?));
            }
            Ok(Some(Board { counts, back, first, knots }))
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
    let args = tokens.iter().fold(Args::new(), rooms::with_token);
    let reply = lane.call(&scripts::PRESENCE, About::Event(event), now_ms, args).await?;
    lane.read(reply, |reply| match reply.name {
        "SEEN" => {
            let mut found = Vec::with_capacity(tokens.len());
            while !reply.is_empty() {
                found.push(match reply.int()? {
                    1 => Presence::Waiting,
                    2 => Presence::Back,
                    3 => Presence::Inside,
                    4 => Presence::Gone,
                    _ => return Err(Unreadable::Kind("how a visitor was found")),
                });
            }
            Ok(Some(found))
        }
        "NO_EVENT" => Ok(None),
        _ => Err(reply.unexpected()),
    })
}
