//! Reads a room's checkpoint, and the changes of its draws, from a script's reply.

use std::collections::HashSet;

use super::reply::{ReplyRead, ScriptReply, Unreadable};
use crate::facts::checkpoint::{Checkpoint, DrawChange, DrawChanges, Insider, SpentChunk};
use crate::facts::ids::VisitorId;
use crate::facts::time::Millis;

pub fn read(reply: &mut ScriptReply) -> ReplyRead<Checkpoint> {
    let (round, epoch, serial) = (reply.int()?, reply.int()?, reply.int()?);
    let (admitted_total, head) = (reply.int()?, reply.int()?);
    let (drawing, closed) = (reply.int()? == 1, reply.int()? == 1);
    let (mut places, mut called, mut scores) = (reply.list()?, reply.list()?, reply.list()?);
    let called: HashSet<VisitorId> = visitors(&mut called)?.into_iter().collect();
    let mut inside = Vec::new();
    while !places.is_empty() {
        let visitor = VisitorId::from(places.text()?);
        let again = called.contains(&VisitorId::from(format!("!{visitor}")));
        let claimed = !again && !called.contains(&visitor);
        let (score, ends_ms) = score_and_end(&scores.text()?)?;
        inside.push(Insider { visitor, expires_ms: places.int()?, score, claimed, again, ends_ms });
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

/// "score", or "score end" of a place that lasts longer than its own end.
fn score_and_end(text: &str) -> ReplyRead<(i64, Option<Millis>)> {
    let number = |word: &str| word.parse().map_err(|_| Unreadable::Kind("a score and an end"));
    Ok(match text.split_once(' ') {
        Some((score, end)) => (number(score)?, Some(number(end)?)),
        None => (number(text)?, None),
    })
}

pub fn draws(reply: &mut ScriptReply) -> ReplyRead<DrawChanges> {
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
    Ok(DrawChanges { upto, changes, more, spent })
}

/// The rest of a reply, as visitors.
pub fn visitors(reply: &mut ScriptReply) -> ReplyRead<Vec<VisitorId>> {
    let mut visitors = Vec::new();
    while !reply.is_empty() {
        visitors.push(VisitorId::from(reply.text()?));
    }
    Ok(visitors)
}
