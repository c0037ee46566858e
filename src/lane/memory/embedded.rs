//! `trait Lane` over a mutex and the journal: locks, runs the operation, waits for the disk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use metrics::{Histogram, histogram};
use parking_lot::Mutex;

use super::journal::{Journal, OpenError};
use super::state::State;
use super::step::Step;
use super::{boards, campaigns, dump, events, holds, journal, logs, orders, pulse, restore, rooms, settle};
use crate::clock::{self, Millis};
use crate::ids::{CampaignId, EventId, HoldId, LaneId, LogId, OrderId, RefundId, VisitorId};
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::campaign::Claim;
use crate::lane::checkpoint::{Look, Told};
use crate::lane::record::Record;
use crate::lane::{
    CampaignDump, CampaignPut, Cancel, CancelOutcome, Checkout, CheckoutOutcome, ClaimAsk, ClaimOutcome, Enter,
    EnterOutcome, Entry, EventDump, EventPut, EventRestore, Fault, HoldAsk, HoldFact, HoldOutcome, Keep, Lane, Lanes,
    Lease, Meta, OrderFact, Pay, PayOutcome, Place, Pulse, Pulsed, PutCampaign, PutEvent, Refund, RefundFact,
    RefundOutcome, Release, ReleaseOutcome, Result, Retired, RoomCounts, SeatMap, Settlement, Token,
};
use crate::metrics::LANE_OPERATION_SECONDS;

/// Opens the store in a folder, creating it when it is new; the folder is ours until all lanes are dropped.
pub fn open(dir: &Path, lanes: u16) -> std::result::Result<Lanes, OpenError> {
    open_keeping(dir, lanes, Keep::default())
}

/// As [`open`]; what has ended is kept for as long as `keep` says.
pub fn open_keeping(dir: &Path, lanes: u16, keep: Keep) -> std::result::Result<Lanes, OpenError> {
    let (states, journal) = journal::open(dir, lanes)?;
    for state in states.iter() {
        state.lock().keep = keep;
    }
    let journal = Arc::new(journal);
    Ok(build(states.iter().cloned(), Some(&journal)))
}

/// What the folder's journal says, for the audit. Locks nothing and writes nothing; what is done to
/// these lanes is lost.
pub fn read_only(dir: &Path) -> std::result::Result<Lanes, OpenError> {
    let states = journal::read_only(dir)?;
    Ok(build(states.into_iter().map(|state| Arc::new(Mutex::new(state))), None))
}

/// Lanes that remember nothing: the model for tests.
pub fn volatile(lanes: u16) -> Lanes {
    build((0..lanes).map(|_| Arc::default()), None)
}

fn build(states: impl Iterator<Item = Arc<Mutex<State>>>, journal: Option<&Arc<Journal>>) -> Lanes {
    let handle = |name: &&'static str| (*name, histogram!(LANE_OPERATION_SECONDS, "operation" => *name));
    let seconds: Arc<HashMap<_, _>> = Arc::new(OPERATIONS.iter().map(handle).collect());
    let lane = |(number, state)| {
        let id = LaneId(u16::try_from(number).expect("at most 256 lanes"));
        Arc::new(Embedded { id, state, journal: journal.cloned(), seconds: seconds.clone() }) as Arc<dyn Lane>
    };
    Lanes::new(states.enumerate().map(lane).collect())
}

struct Embedded {
    id: LaneId,
    state: Arc<Mutex<State>>,
    journal: Option<Arc<Journal>>,
    seconds: Arc<HashMap<&'static str, Histogram>>,
}

/// The operations that are timed, the wait for the disk included.
const OPERATIONS: &[&str] = &[
    "put_event",
    "retire_event",
    "enter",
    "poll",
    "board",
    "presence",
    "leave",
    "pulse",
    "room",
    "inside",
    "readmit",
    "drawn",
    "checkpoint",
    "seats",
    "hold",
    "get_hold",
    "release",
    "checkout",
    "pay",
    "cancel",
    "refund",
    "orders",
    "get_refund",
    "settle",
    "put_campaign",
    "claim",
    "read_log",
    "append",
    "trim",
    "lease",
    "unlease",
    "meta",
    "seal",
    "begin_restore",
    "restore_event",
    "restore_campaign",
    "end_restore",
    "dump_event",
    "dump_campaign",
];

/// Which operations answer while the lane has not been built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Built,
    /// Also while its doors are closed.
    Sealed,
    Restoring,
    Always,
}

impl Embedded {
    async fn run<T>(
        &self,
        name: &'static str,
        when: When,
        operation: impl FnOnce(&mut Step<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        let started = clock::instant();
        if let Some(journal) = &self.journal {
            journal.admit().await;
        }
        let (answer, last) = self.locked(when, operation);
        if let Some(journal) = &self.journal {
            journal.durable(last).await;
        }
        if let Some(seconds) = self.seconds.get(name) {
            seconds.record(started.elapsed());
        }
        answer
    }

    /// The atomic step itself: no await in here.
    fn locked<T>(&self, when: When, operation: impl FnOnce(&mut Step<'_>) -> Result<T>) -> (Result<T>, u64) {
        let mut state = self.state.lock();
        let is_built = state.generation > 0 && !state.restoring;
        let is_open = is_built && !state.sealed;
        let mut step = Step::new(self.id, &mut state);
        let answer = match when {
            When::Built if !is_open => Err(Fault::Recovering(self.id)),
            When::Sealed if !is_built => Err(Fault::Recovering(self.id)),
            When::Restoring if !step.state().restoring => step.contract("nothing is being restored"),
            When::Built | When::Sealed | When::Restoring | When::Always => operation(&mut step),
        };
        let effects = step.effects();
        if let Some(journal) = &self.journal
            && !effects.is_empty()
        {
            state.journaled = journal.append(self.id, &effects);
        }
        (answer, state.journaled)
    }
}

#[async_trait]
impl Lane for Embedded {
    fn id(&self) -> LaneId {
        self.id
    }

    async fn retire_event(&self, _: Millis, event: &EventId, version: i64) -> Result<Retired> {
        self.run("retire_event", When::Built, |step| Ok(events::retire_event(step, event, version))).await
    }

    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent> {
        self.run("put_event", When::Built, |step| events::put_event(step, now_ms, &put)).await
    }

    async fn enter(&self, now_ms: Millis, enter: Enter) -> Result<Vec<EnterOutcome>> {
        self.run("enter", When::Built, |step| rooms::enter(step, now_ms, &enter)).await
    }

    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>> {
        self.run("poll", When::Built, |step| rooms::poll(step, now_ms, &token)).await
    }

    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>> {
        self.run("board", When::Built, |step| boards::board(step, now_ms, &showing)).await
    }

    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>> {
        self.run("presence", When::Built, |step| boards::presence(step, now_ms, event, &tokens)).await
    }

    async fn leave(&self, _now_ms: Millis, token: Token) -> Result<bool> {
        self.run("leave", When::Built, |step| rooms::leave(step, &token)).await
    }

    async fn pulse(&self, now_ms: Millis, pulse: Pulse) -> Result<Option<Pulsed>> {
        self.run("pulse", When::Built, |step| pulse::pulse(step, now_ms, &pulse)).await
    }

    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>> {
        self.run("room", When::Built, |step| Ok(rooms::room(step, now_ms, event))).await
    }

    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>> {
        self.run("inside", When::Built, |step| Ok(rooms::inside(step, now_ms, event, visitor))).await
    }

    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool> {
        self.run("readmit", When::Built, |step| rooms::readmit(step, now_ms, &token, until_ms)).await
    }

    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>> {
        self.run("drawn", When::Built, |step| rooms::drawn(step, event, after, max)).await
    }

    async fn checkpoint(&self, event: &EventId, told: Told) -> Result<Option<Look>> {
        self.run("checkpoint", When::Built, |step| rooms::checkpoint(step, event, told)).await
    }

    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>> {
        self.run("seats", When::Built, |step| Ok(events::seats(step, event))).await
    }

    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome> {
        self.run("hold", When::Built, |step| holds::hold(step, now_ms, &ask)).await
    }

    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>> {
        self.run("get_hold", When::Built, |step| Ok(holds::get_hold(step, now_ms, event, hold))).await
    }

    async fn release(&self, now_ms: Millis, release: Release) -> Result<ReleaseOutcome> {
        self.run("release", When::Built, |step| Ok(holds::release(step, now_ms, &release))).await
    }

    async fn checkout(&self, now_ms: Millis, checkout: Checkout) -> Result<CheckoutOutcome> {
        self.run("checkout", When::Built, |step| Ok(orders::checkout(step, now_ms, &checkout))).await
    }

    async fn pay(&self, now_ms: Millis, pay: Pay) -> Result<PayOutcome> {
        self.run("pay", When::Built, |step| Ok(orders::pay(step, now_ms, &pay))).await
    }

    async fn cancel(&self, now_ms: Millis, cancel: Cancel) -> Result<CancelOutcome> {
        self.run("cancel", When::Built, |step| Ok(orders::cancel(step, now_ms, &cancel))).await
    }

    async fn refund(&self, now_ms: Millis, refund: Refund) -> Result<RefundOutcome> {
        self.run("refund", When::Built, |step| orders::refund(step, now_ms, &refund)).await
    }

    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>> {
        self.run("orders", When::Built, |step| Ok(orders::orders(step, ids))).await
    }

    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>> {
        self.run("get_refund", When::Built, |step| Ok(orders::get_refund(step, id))).await
    }

    async fn settle(
        &self,
        now_ms: Millis,
        event: &EventId,
        settlements: Vec<Settlement>,
        trim: Option<LogId>,
    ) -> Result<()> {
        self.run("settle", When::Built, |step| {
            settle::settle(step, now_ms, event, &settlements);
            if let Some(upto) = trim {
                logs::trim(step, upto);
            }
            Ok(())
        })
        .await
    }

    async fn put_campaign(&self, _now_ms: Millis, put: CampaignPut) -> Result<PutCampaign> {
        self.run("put_campaign", When::Built, |step| Ok(campaigns::put_campaign(step, &put))).await
    }

    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome> {
        self.run("claim", When::Built, |step| Ok(campaigns::claim(step, now_ms, &ask))).await
    }

    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
        self.run("read_log", When::Sealed, |step| Ok(logs::read(step, after, max))).await
    }

    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()> {
        self.run("append", When::Built, |step| {
            logs::append(step, now_ms, &records);
            Ok(())
        })
        .await
    }

    async fn trim(&self, upto: LogId) -> Result<()> {
        self.run("trim", When::Built, |step| {
            logs::trim(step, upto);
            Ok(())
        })
        .await
    }

    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>> {
        self.run("lease", When::Always, |step| Ok(logs::lease(step, now_ms, owner, ttl_ms))).await
    }

    async fn unlease(&self, owner: &str) -> Result<()> {
        self.run("unlease", When::Always, |step| {
            logs::unlease(step, owner);
            Ok(())
        })
        .await
    }

    async fn meta(&self) -> Result<Meta> {
        self.run("meta", When::Always, |step| Ok(logs::meta(step))).await
    }

    /// One process has all there is to see of it: it is never behind.
    async fn seal_if_behind(&self) -> Result<()> {
        Ok(())
    }

    async fn seal(&self) -> Result<()> {
        self.run("seal", When::Always, |step| {
            restore::seal(step);
            Ok(())
        })
        .await
    }

    async fn begin_restore(&self, _now_ms: Millis, generation: u64, log: LogId) -> Result<()> {
        self.run("begin_restore", When::Always, |step| restore::begin_restore(step, generation, log)).await
    }

    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()> {
        self.run("restore_event", When::Restoring, |step| restore::restore_event(step, now_ms, &restore)).await
    }

    async fn restore_campaign(
        &self,
        _now_ms: Millis,
        generation: u64,
        put: CampaignPut,
        claims: Vec<Claim>,
    ) -> Result<()> {
        self.run("restore_campaign", When::Restoring, |step| {
            restore::of_generation(step, generation)?;
            campaigns::restore_campaign(step, &put, claims);
            Ok(())
        })
        .await
    }

    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()> {
        self.run("end_restore", When::Always, |step| restore::end_restore(step, now_ms, generation)).await
    }

    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>> {
        self.run("dump_event", When::Built, |step| Ok(dump::dump_event(step, event))).await
    }

    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>> {
        self.run("dump_campaign", When::Built, |step| Ok(campaigns::dump_campaign(step, campaign))).await
    }
}
