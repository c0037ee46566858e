//! Operations that go to the lane together.
//!
//! While a call of a script is under way, the next operations of the same script about the same campaign or event
//! gather. They go in one call when it is answered. So nobody waits for a timer, a calm lane pays nothing, and a rush
//! costs one call, one write to Redis' log and one answer for many operations. Each is judged by itself. Each thread
//! gathers its own, in their order, because an answer that wakes another thread costs as much as the operation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::args::Args;
use super::call::RedisLane;
use super::keys::{KeyOwner, OwnerId};
use super::reply::ScriptReply;
use super::scripts::Script;
use crate::facts::time::Millis;
use crate::lane::Result;

/// Most operations in one call: the lane does nothing else meanwhile.
const TOGETHER: usize = 100;

/// Most operations that may wait for a thread's call. More are refused at once.
const WAITING_MAX: usize = 10_000;

/// What gathers for a lane.
#[derive(Debug, Default)]
pub(super) struct Gathering(DashMap<GatheringKey, GatheringPlace>);

/// The script, what it is called about, and the thread that gathers.
type GatheringKey = (&'static str, OwnerId, ThreadId);

/// Where the operations of one script about the same gather on one thread.
type GatheringPlace = Arc<Mutex<GatheredOperations>>;

#[derive(Debug, Default)]
struct GatheredOperations {
    waiting: VecDeque<Operation>,
    stage: PlaceStage,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum PlaceStage {
    #[default]
    New,
    /// An errand takes what gathers to the lane.
    Calling,
    /// The errand has ended, and the place is in the map no more.
    Over,
}

#[derive(Debug)]
struct Operation {
    now_ms: Millis,
    args: Args,
    answer: oneshot::Sender<Result<ScriptReply>>,
}

impl RedisLane {
    /// Takes an operation to the lane, together with others. Its script takes `now_ms` and `args` of each, and answers
    /// each by itself. When the caller goes away, the operation is done all the same.
    pub(super) async fn call_together(
        &self,
        script: &'static Script,
        about: KeyOwner<'_>,
        now_ms: Millis,
        args: Args,
    ) -> Result<ScriptReply> {
        let key = (script.path, OwnerId::of(about), thread::current().id());
        let (answer, answered) = oneshot::channel();
        let (place, begins) = loop {
            let place = self.gathering.0.entry(key.clone()).or_default().clone();
            let mut gathered = place.lock();
            if gathered.stage == PlaceStage::Over {
                continue;
            }
            if gathered.waiting.len() >= WAITING_MAX {
                return Err(self.fault("too many operations wait for this lane"));
            }
            gathered.waiting.push_back(Operation { now_ms, args, answer });
            let before = std::mem::replace(&mut gathered.stage, PlaceStage::Calling);
            drop(gathered);
            break (place, before == PlaceStage::New);
        };
        if begins {
            tokio::spawn(Errand { lane: self.clone(), script, key, place }.run());
        }
        answered.await.unwrap_or_else(|_| Err(self.fault("the call ended without an answer")))
    }
}

/// Takes what gathers in a place to the lane until there is nothing.
struct Errand {
    lane: RedisLane,
    script: &'static Script,
    key: GatheringKey,
    place: GatheringPlace,
}

impl Errand {
    async fn run(self) {
        while let Some(operations) = self.next() {
            // Their times differ by no more than a call takes.
            let now_ms = operations.iter().map(|operation| operation.now_ms).max().expect("at least one");
            let (mut args, mut answers) = (Args::new(), Vec::with_capacity(operations.len()));
            for operation in operations {
                args = args.int(operation.now_ms).all(operation.args);
                answers.push(operation.answer);
            }
            match self.lane.call_many(self.script, self.key.1.owner(), now_ms, args, answers.len()).await {
                Ok(replies) => answers.into_iter().zip(replies).for_each(|(answer, reply)| {
                    // Who went away meanwhile hears nothing of it.
                    drop(answer.send(reply));
                }),
                Err(fault) => answers.into_iter().for_each(|answer| drop(answer.send(Err(fault.copy())))),
            }
        }
    }

    /// The next operations, as many as a call takes; `None`: there are none, and the errand has ended.
    fn next(&self) -> Option<Vec<Operation>> {
        let mut gathered = self.place.lock();
        if gathered.waiting.is_empty() {
            // Under the lock, so that whoever comes next finds another place.
            self.close(&mut gathered);
            return None;
        }
        let many = gathered.waiting.len().min(TOGETHER);
        Some(gathered.waiting.drain(..many).collect())
    }
}

impl Errand {
    fn close(&self, gathered: &mut GatheredOperations) {
        if gathered.stage != PlaceStage::Over {
            gathered.stage = PlaceStage::Over;
            gathered.waiting.clear();
            self.lane.gathering.0.remove(&self.key);
        }
    }
}

impl Drop for Errand {
    /// When the task is cut short, nobody takes what waits any more. It is dropped, so that each hears that there was
    /// no answer.
    fn drop(&mut self) {
        self.close(&mut self.place.lock());
    }
}
