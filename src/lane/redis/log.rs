//! Calls of the scripts in `lua/log`. The rules stand at `lane::log`.

use async_trait::async_trait;

use super::args::Args;
use super::call::{NO_TIME, RedisLane};
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::scripts;
use super::seats::Frame;
use crate::facts::ids::LogId;
use crate::facts::record::{Entry, Record};
use crate::facts::time::Millis;
use crate::lane::log::{Lease, Meta};
use crate::lane::{Log, Result};

#[async_trait]
impl Log for RedisLane {
    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let wanted = (max - entries.len()).min(RECORDS_MAX);
            let after = entries.last().map_or(after, |last| last.log);
            let args = Args::new().int(after.0).int(wanted as u64);
            let reply = self.call(&scripts::READ_LOG, KeyOwner::Lane, NO_TIME, args).await?;
            let mut found = self.read(reply, |reply| match reply.name {
                "RECORDS" => records(reply.list()?),
                _ => Err(reply.unexpected()),
            })?;
            let is_last = found.len() < wanted || entries.len() + found.len() == max;
            entries.append(&mut found);
            if is_last {
                return Ok(entries);
            }
        }
    }

    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()> {
        for records in chunks(&records, RECORDS_MAX) {
            let args =
                records.iter().fold(Args::new(), |args, record| args.text(record.id.as_str()).json(&record.body));
            self.call(&scripts::APPEND, KeyOwner::Lane, now_ms, args).await?;
        }
        Ok(())
    }

    async fn trim(&self, upto: LogId) -> Result<()> {
        loop {
            let reply = self.call(&scripts::TRIM, KeyOwner::Lane, NO_TIME, Args::new().int(upto.0)).await?;
            let left = self.read(reply, |reply| match reply.name {
                "DONE" => reply.int(),
                _ => Err(reply.unexpected()),
            })?;
            if left == 0 {
                return Ok(());
            }
        }
    }

    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>> {
        let args = Args::new().text(owner).int(ttl_ms);
        let reply = self.call(&scripts::LEASE, KeyOwner::Lane, now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "LEASED" => Ok(Some(Lease { until_ms: reply.int()? })),
            "HELD" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn unlease(&self, owner: &str) -> Result<()> {
        self.call(&scripts::UNLEASE, KeyOwner::Lane, NO_TIME, Args::new().text(owner)).await?;
        Ok(())
    }

    async fn meta(&self) -> Result<Meta> {
        let reply = self.call(&scripts::META, KeyOwner::Lane, NO_TIME, Args::new()).await?;
        self.read(reply, |reply| match reply.name {
            "META" => Ok(Meta {
                generation: count(reply.generation)?,
                log_last: LogId(count(reply.log)?),
                recovering: reply.int()? == 1,
                backlog: count(reply.int()?)?,
                oldest_ms: Some(reply.int()?).filter(|at_ms| *at_ms >= 0),
                lost: Some(reply.text()?).filter(|lost| !lost.is_empty()),
            }),
            _ => Err(reply.unexpected()),
        })
    }
}

/// Most records one script reads or appends; longer lists take several calls.
const RECORDS_MAX: usize = 1_000;

/// A count or id, which is never negative.
pub fn count(n: i64) -> ReplyRead<u64> {
    u64::try_from(n).map_err(|_| Unreadable::Kind("a count"))
}

/// As `slice::chunks`, but an empty list gives one empty chunk. So a caller who asks for nothing is told, too, when the
/// lane is recovering.
pub fn chunks<T>(list: &[T], max: usize) -> impl Iterator<Item = &[T]> {
    list.chunks(max).chain(list.is_empty().then_some(list))
}

fn records(mut list: ScriptReply) -> ReplyRead<Vec<Entry>> {
    let mut entries = Vec::new();
    while !list.is_empty() {
        entries.push(entry(list.list()?)?);
    }
    Ok(entries)
}

fn entry(mut fields: ScriptReply) -> ReplyRead<Entry> {
    let log = LogId(count(fields.int()?)?);
    let mut entry = Entry { log, id: String::new(), at_ms: 0, body: String::new(), hold: None, number: None };
    let mut frame: Option<Frame> = None;
    while !fields.is_empty() {
        match fields.text()?.as_str() {
            "id" => entry.id = fields.text()?,
            "at" => entry.at_ms = fields.int()?,
            "body" => entry.body = fields.text()?,
            "hold" => frame = Some(fields.json()?),
            "state" => {
                let state = fields.text()?;
                entry.hold = frame.take().map(|frame| frame.with_state(&state)).transpose()?;
            }
            "number" => entry.number = Some(fields.int()?),
            _ => return Err(Unreadable::Kind("a field of a record")),
        }
    }
    Ok(entry)
}
