//! One call of a script on one lane: keys and marks in, a reply or a fault out.
//!
//! fred sends a command once: its own repeats are switched off. So after an error it is unknown whether the script did
//! its work, and the caller may repeat. Two kinds of errors are treated otherwise, because nothing was changed:
//! NOSCRIPT, which Redis answers before it runs anything, and ARITY and RANGE, with which a script refuses a malformed
//! call.

use std::collections::VecDeque;
use std::sync::Arc;

use fred::clients::{Client, Pool};
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike as _;
use fred::types::{ClusterHash, CustomCommand, Value};
use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;

use super::args::Args;
use super::gather::Gathering;
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::scripts::{Script, ScriptLimits};
use super::{keys, reply, scripts};
use crate::clock;
use crate::facts::fault::Fault;
use crate::facts::ids::LaneId;
use crate::facts::time::Millis;
use crate::lane::{Lane, Result};
use crate::metrics::{LANE_FAULTS, LANE_OPERATION_SECONDS};

/// The time of a call whose script does not depend on it.
pub const NO_TIME: Millis = 0;

/// What all lanes of a process share.
pub struct Link {
    pub pool: Pool,
    pub scripts: Vec<Loaded>,
    /// Replicas that must have a checkout or claim before it is answered.
    pub wait_replicas: u32,
    pub wait_ms: u64,
}

/// A script as this process sends it.
pub struct Loaded {
    pub path: &'static str,
    pub source: String,
    pub sha1: String,
    seconds: Histogram,
    faults: Counter,
}

impl Loaded {
    pub fn all(limits: ScriptLimits) -> Vec<Self> {
        scripts::ALL.iter().map(|script| Self::new(script, limits)).collect()
    }

    fn new(script: &Script, limits: ScriptLimits) -> Self {
        let source = script.source_with(limits);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, source.as_bytes());
        Self {
            path: script.path,
            sha1: hex::encode(digest),
            source,
            seconds: histogram!(LANE_OPERATION_SECONDS, "operation" => script.operation()),
            faults: counter!(LANE_FAULTS, "operation" => script.operation()),
        }
    }
}

/// The highest generation and log id that this process has seen of a lane. A lane that shows less has lost something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    generation: i64,
    log: i64,
}

impl Marks {
    fn learn(&mut self, seen: Marks) {
        if seen.generation > self.generation {
            *self = seen;
        } else if seen.generation == self.generation {
            self.log = self.log.max(seen.log);
        }
    }
}

/// One lane. A copy is the same lane.
#[derive(Clone)]
pub struct RedisLane {
    pub(super) lane: LaneId,
    tag: Arc<str>,
    link: Arc<Link>,
    marks: Arc<Mutex<Marks>>,
    pub(super) gathering: Arc<Gathering>,
}

/// Whether an answer waits for replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Safety {
    Primary,
    Replicas,
}

impl Lane for RedisLane {
    fn id(&self) -> LaneId {
        self.lane
    }
}

impl RedisLane {
    pub fn new(lane: LaneId, link: Arc<Link>) -> Self {
        Self { lane, tag: keys::tag(lane).into(), link, marks: Arc::default(), gathering: Arc::default() }
    }

    pub(super) async fn call(
        &self,
        script: &'static Script,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
    ) -> Result<ScriptReply> {
        self.measured(script, about, now_ms, args, Safety::Primary).await
    }

    /// As `call`, answered only once `wait_replicas` replicas have it.
    pub(super) async fn call_safely(
        &self,
        script: &'static Script,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
    ) -> Result<ScriptReply> {
        let safety = if self.link.wait_replicas == 0 { Safety::Primary } else { Safety::Replicas };
        self.measured(script, about, now_ms, args, safety).await
    }

    /// As [`Self::call_safely`], for a script that answers each of `count` operations by itself.
    pub(super) async fn call_many(
        &self,
        script: &'static Script,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
        count: usize,
    ) -> Result<Vec<Result<ScriptReply>>> {
        let safety = if self.link.wait_replicas == 0 { Safety::Primary } else { Safety::Replicas };
        let loaded = self.loaded(script);
        let began = clock::instant();
        let sent = self.sent(script, loaded, about, now_ms, args, safety).await;
        let replies = sent.and_then(|value| self.each(script, value, count));
        for at in 0..count {
            loaded.seconds.record(began.elapsed().as_secs_f64());
            if !matches!(&replies, Ok(replies) if replies[at].is_ok()) {
                loaded.faults.increment(1);
            }
        }
        replies
    }

    /// The replies of a script that answers each of `count` operations by itself. A reply that is no list is to all.
    fn each(&self, script: &Script, value: Value, count: usize) -> Result<Vec<Result<ScriptReply>>> {
        match value {
            Value::Array(replies) if replies.first().is_some_and(Value::is_array) => {
                if replies.len() != count {
                    return Err(self.fault(Unreadable::Short("a reply to each")));
                }
                Ok(replies.into_iter().map(|reply| self.understood(script, reply)).collect())
            }
            reply => Ok((0..count).map(|_| self.understood(script, reply.clone())).collect()),
        }
    }

    /// Turns a reply into its meaning. A reply that cannot be read counts as no answer.
    pub(super) fn read<T>(
        &self,
        mut reply: ScriptReply,
        meaning: impl FnOnce(&mut ScriptReply) -> ReplyRead<T>,
    ) -> Result<T> {
        meaning(&mut reply).map_err(|error| self.fault(error))
    }

    pub(super) fn fault(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
        Fault::Unavailable { lane: self.lane, source: source.into() }
    }

    pub(super) fn contract(&self, detail: impl Into<String>) -> Fault {
        Fault::Contract { lane: self.lane, detail: detail.into() }
    }

    async fn measured(
        &self,
        script: &'static Script,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
        safety: Safety,
    ) -> Result<ScriptReply> {
        let loaded = self.loaded(script);
        let began = clock::instant();
        let sent = self.sent(script, loaded, about, now_ms, args, safety).await;
        let result = sent.and_then(|value| self.understood(script, value));
        loaded.seconds.record(began.elapsed().as_secs_f64());
        if result.is_err() {
            loaded.faults.increment(1);
        }
        result
    }

    fn loaded(&self, script: &Script) -> &Loaded {
        let loaded = self.link.scripts.iter().find(|loaded| loaded.path == script.path);
        loaded.expect("all scripts of the table are loaded")
    }

    async fn sent(
        &self,
        script: &'static Script,
        loaded: &Loaded,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
        safety: Safety,
    ) -> Result<Value> {
        let names: Vec<String> = script.header().keys.iter().map(|key| keys::name(&self.tag, about, *key)).collect();
        let marks = *self.marks.lock();
        let first = [now_ms, marks.generation, marks.log].map(|n| Value::from(n.to_string()));
        let args = args.after(first.into());
        debug_assert!(script.header().arity().fits(args.len()), "{} arguments for {}", args.len(), script.path);
        let client = self.link.pool.next();
        let call = ScriptCall { slot: keys::slot(&self.tag), loaded, names, args };
        let answer = match safety {
            Safety::Primary => call.send(client).await,
            Safety::Replicas => call.send_and_wait(client, self.link.wait_replicas, self.link.wait_ms).await,
        };
        answer.map_err(|error| self.refused(error))
    }

    fn understood(&self, script: &Script, value: Value) -> Result<ScriptReply> {
        let (reply, seen) = understand(script, value).map_err(|error| self.fault(error))?;
        self.marks.lock().learn(seen);
        match reply.name {
            "RECOVERING" => Err(Fault::Recovering(self.lane)),
            "NOT_RESTORING" => Err(self.contract("no rebuilding of this generation is under way")),
            _ => Ok(reply),
        }
    }

    fn refused(&self, error: Error) -> Fault {
        let detail = error.details();
        if detail.starts_with("ARITY") || detail.starts_with("RANGE") {
            self.contract(detail)
        } else {
            self.fault(error)
        }
    }
}

/// A script with its keys and arguments, ready to be sent.
struct ScriptCall<'a> {
    slot: u16,
    loaded: &'a Loaded,
    names: Vec<String>,
    args: Vec<Value>,
}

impl ScriptCall<'_> {
    async fn send(&self, client: &Client) -> ScriptAnswer {
        match client.custom(self.command("EVALSHA"), self.with(&self.loaded.sha1)).await {
            // After a restart, or on a new primary: EVAL runs the script, and the server keeps it.
            Err(error) if is_noscript(&error) => {
                client.custom(self.command("EVAL"), self.with(&self.loaded.source)).await
            }
            answer => answer,
        }
    }

    /// Sends script and WAIT together on one connection. If the connection was lost between them, a WAIT on a new one
    /// would count replicas that do not have the change.
    async fn send_and_wait(&self, client: &Client, wanted: u32, wait_ms: u64) -> ScriptAnswer {
        // EVAL brings the text along, so that NOSCRIPT cannot come between the two.
        let pipeline = client.pipeline();
        let _: () = pipeline.custom(self.command("EVAL"), self.with(&self.loaded.source)).await?;
        let _: () = pipeline.custom(self.command("WAIT"), vec![wanted.to_string(), wait_ms.to_string()]).await?;
        let mut answers = pipeline.try_all::<Value>().await.into_iter();
        let missing = || Error::new(ErrorKind::Protocol, "an answer of the pipeline is missing");
        let value = answers.next().ok_or_else(missing)??;
        let replicas = answers.next().ok_or_else(missing)??.as_i64().unwrap_or(0);
        if replicas < i64::from(wanted) {
            return Err(Error::new(ErrorKind::Timeout, format!("{replicas} replicas have it, {wanted} are wanted")));
        }
        Ok(value)
    }

    fn command(&self, name: &'static str) -> CustomCommand {
        CustomCommand::new_static(name, ClusterHash::Custom(self.slot), false)
    }

    /// The arguments in the order of EVAL and EVALSHA.
    fn with(&self, script: &str) -> Vec<Value> {
        let mut args = Vec::with_capacity(2 + self.names.len() + self.args.len());
        args.push(Value::from(script));
        args.push(Value::from(self.names.len().to_string()));
        args.extend(self.names.iter().map(|name| Value::from(name.as_str())));
        args.extend(self.args.iter().cloned());
        args
    }
}

type ScriptAnswer = std::result::Result<Value, Error>;

fn is_noscript(error: &Error) -> bool {
    error.details().starts_with("NOSCRIPT")
}

/// `{code, generation, log, …}`.
fn understand(script: &Script, value: Value) -> ReplyRead<(ScriptReply, Marks)> {
    let Value::Array(values) = value else { return Err(Unreadable::Kind("a reply")) };
    let mut values: VecDeque<Value> = values.into();
    let code = reply::int(&values.pop_front().ok_or(Unreadable::Short("a code"))?)?;
    let reply = ScriptReply::new(script.code(code).ok_or(Unreadable::Code(code))?, values)?;
    let seen = match reply.name {
        // A lane that is recovering may be behind, so its marks are not learned.
        "RECOVERING" => Marks::default(),
        _ => Marks { generation: reply.generation, log: reply.log },
    };
    Ok((reply, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_only_grow_but_for_a_new_generation() {
        let mut marks = Marks::default();
        for (generation, log, wanted) in
            [(1, 5, (1, 5)), (1, 3, (1, 5)), (0, 9, (1, 5)), (2, 1, (2, 1)), (1, 7, (2, 1)), (2, 2, (2, 2))]
        {
            marks.learn(Marks { generation, log });
            assert_eq!((marks.generation, marks.log), wanted);
        }
    }
}
