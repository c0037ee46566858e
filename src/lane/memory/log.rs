//! A lane's log and its writer's lease. The rules stand at `lane::log`.

use async_trait::async_trait;

use super::effect::Effect;
use super::embedded::{Embedded, When};
use super::state::LeaseState;
use super::step::LaneStep;
use crate::facts::hold::HoldFact;
use crate::facts::ids::LogId;
use crate::facts::record::{Entry, Record};
use crate::facts::time::Millis;
use crate::lane::log::{Lease, Meta};
use crate::lane::{Log, Result};

#[async_trait]
impl Log for Embedded {
    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
        self.run("read_log", When::Sealed, |step| Ok(read(step, after, max))).await
    }

    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()> {
        self.run("append", When::Built, |step| {
            append(step, now_ms, &records);
            Ok(())
        })
        .await
    }

    async fn trim(&self, upto: LogId) -> Result<()> {
        self.run("trim", When::Built, |step| {
            trim(step, upto);
            Ok(())
        })
        .await
    }

    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>> {
        self.run("lease", When::Always, |step| Ok(lease(step, now_ms, owner, ttl_ms))).await
    }

    async fn unlease(&self, owner: &str) -> Result<()> {
        self.run("unlease", When::Always, |step| {
            unlease(step, owner);
            Ok(())
        })
        .await
    }

    async fn meta(&self) -> Result<Meta> {
        self.run("meta", When::Always, |step| Ok(meta(step))).await
    }
}

/// Appends a record with what the lane adds to it: a hold or a number.
pub fn log(
    step: &mut LaneStep<'_>,
    now_ms: Millis,
    record: &Record,
    hold: Option<HoldFact>,
    number: Option<i64>,
) -> LogId {
    let log = LogId(step.state().log.last + 1);
    let body = serde_json::to_string(&record.body).expect("a record body is plain data");
    step.emit(Effect::Logged(Box::new(Entry { log, id: record.id.clone(), at_ms: now_ms, body, hold, number })));
    log
}

/// Records waiting.
pub fn backlog(step: &LaneStep<'_>) -> i64 {
    i64::try_from(step.state().log.len()).expect("as many records fit no memory")
}

pub fn append(step: &mut LaneStep<'_>, now_ms: Millis, records: &[Record]) {
    for record in records {
        if !step.state().log.has(&record.id) {
            log(step, now_ms, record, None, None);
        }
    }
}

pub fn read(step: &LaneStep<'_>, after: LogId, max: usize) -> Vec<Entry> {
    step.state().log.after(after.0, max)
}

pub fn trim(step: &mut LaneStep<'_>, upto: LogId) {
    if step.state().log.first().is_some_and(|entry| entry.log <= upto) {
        step.emit(Effect::Trimmed(upto));
    }
}

pub fn lease(step: &mut LaneStep<'_>, now_ms: Millis, owner: &str, ttl_ms: i64) -> Option<Lease> {
    let until_ms = now_ms + ttl_ms;
    match &step.state().lease {
        Some(held) if held.until_ms > now_ms && held.owner != owner => None,
        Some(held) if held.until_ms > now_ms => {
            step.in_memory(|state| state.lease = Some(LeaseState { owner: owner.to_owned(), until_ms }));
            Some(Lease { until_ms })
        }
        Some(_) | None => {
            step.emit(Effect::Leased { owner: owner.to_owned(), until_ms });
            Some(Lease { until_ms })
        }
    }
}

pub fn unlease(step: &mut LaneStep<'_>, owner: &str) {
    // Not journaled: opening the store ends every lease.
    step.in_memory(|state| {
        if state.lease.as_ref().is_some_and(|held| held.owner == owner) {
            state.lease = None;
        }
    });
}

pub fn meta(step: &LaneStep<'_>) -> Meta {
    let state = step.state();
    Meta {
        generation: state.generation,
        recovering: state.generation == 0 || state.restoring || state.sealed,
        log_last: LogId(state.log.last),
        backlog: state.log.len() as u64,
        oldest_ms: state.log.first().map(|entry| entry.at_ms),
        lost: None,
    }
}
