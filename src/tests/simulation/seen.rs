//! The lanes as one process sees them: behind the weather.

use std::sync::Arc;

use async_trait::async_trait;
use stanchion::clock::Millis;
use stanchion::ids::{CampaignId, EventId, HoldId, LaneId, LogId, OrderId, RefundId, VisitorId};
use stanchion::lane::board::{Board, Presence, Showing};
use stanchion::lane::campaign::Claim;
use stanchion::lane::checkpoint::{Look, Told};
use stanchion::lane::record::Record;
use stanchion::lane::{
    CampaignDump, CampaignPut, Cancel, CancelOutcome, Checkout, CheckoutOutcome, ClaimAsk, ClaimOutcome, Enter,
    EnterOutcome, Entry, EventDump, EventPut, EventRestore, Fault, HoldAsk, HoldFact, HoldOutcome, Lane, Lanes, Lease,
    Meta, OrderFact, Pay, PayOutcome, Place, Pulse, Pulsed, PutCampaign, PutEvent, Refund, RefundFact, RefundOutcome,
    Release, ReleaseOutcome, Result, Retired, RoomCounts, SeatMap, Settlement, Token,
};

use super::lanes::Store;
use super::process::Process;
use super::weather::Kind;

/// Below this a journal is left as it is.
const COMPACTED_FROM: u64 = 1024 * 1024;

/// The lanes as `process` sees them.
pub fn lanes(store: &Arc<Store>, process: &Arc<Process>) -> Lanes {
    let seen = |lane: &Arc<dyn Lane>| {
        Arc::new(Seen { id: lane.id(), store: store.clone(), process: process.clone() }) as Arc<dyn Lane>
    };
    Lanes::new(store.all().iter().map(seen).collect())
}

struct Seen {
    id: LaneId,
    store: Arc<Store>,
    process: Arc<Process>,
}

impl Seen {
    async fn call<T: Send, F: Future<Output = Result<T>> + Send>(
        &self,
        step: impl FnOnce(Arc<dyn Lane>) -> F + Send,
    ) -> Result<T> {
        let weather = &self.process.weather;
        self.process.goes_on().await;
        if weather.strikes(Kind::LaneSlow) {
            tokio::time::sleep(weather.delay(1, 3_000)).await;
            self.process.goes_on().await;
        }
        if weather.strikes(Kind::LaneCallLost) {
            tokio::time::sleep(weather.delay(0, 2_000)).await;
            return Err(self.silent());
        }
        let before = self.store.journal_len();
        let answer = self.store.drive(step(self.store.lane(self.id)));
        if let Some(at) = self.torn(before) {
            self.store.tear(at);
            return Err(self.silent());
        }
        // It is taken now, whatever becomes of who asked.
        self.process.goes_on().await;
        if weather.strikes(Kind::LaneAnswerLost) {
            tokio::time::sleep(weather.delay(0, 2_000)).await;
            return Err(self.silent());
        }
        if weather.strikes(Kind::LaneSlow) {
            tokio::time::sleep(weather.delay(1, 3_000)).await;
            self.process.goes_on().await;
        }
        answer
    }

    /// Where the journal is cut, in what this step wrote; a journal that is compacted is none to be cut.
    fn torn(&self, before: u64) -> Option<u64> {
        let after = self.store.journal_len();
        let wrote = after > before && after < COMPACTED_FROM;
        (wrote && self.process.weather.strikes(Kind::LaneTorn))
            .then(|| before + self.process.weather.pick((after - before) as usize) as u64)
    }

    fn silent(&self) -> Fault {
        Fault::Unavailable { lane: self.id, source: "no answer".into() }
    }
}

/// An order as older versions wrote it. They had no field for refunds that are free at any time.
fn aged(entry: &mut Entry) {
    let mut body: serde_json::Value = serde_json::from_str(&entry.body).expect("the doors write JSON");
    if body["kind"] == "order.placed"
        && body["terms"]["refunds"] == serde_json::json!([{"until_ms": null, "fee_bp": 0}])
    {
        body["terms"].as_object_mut().expect("terms").remove("refunds");
        entry.body = body.to_string();
    }
}

macro_rules! seen {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Lane for Seen {
            fn id(&self) -> LaneId {
                self.id
            }

            async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
                let mut entries = self.call(|lane| async move { lane.read_log(after, max).await }).await?;
                let old = |_: &&mut Entry| self.process.weather.strikes(Kind::OldRecord);
                entries.iter_mut().filter(old).for_each(aged);
                Ok(entries)
            }

            $(async fn $name(&self, $($arg: $kind),*) -> Result<$answer> {
                self.call(|lane| async move { lane.$name($($arg),*).await }).await
            })*
        }
    };
}

seen! {
    put_event(now_ms: Millis, put: EventPut) -> PutEvent;
    retire_event(now_ms: Millis, event: &EventId, version: i64) -> Retired;
    enter(now_ms: Millis, enter: Enter) -> Vec<EnterOutcome>;
    poll(now_ms: Millis, token: Token) -> Option<Place>;
    board(now_ms: Millis, showing: Showing) -> Option<Board>;
    presence(now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Option<Vec<Presence>>;
    leave(now_ms: Millis, token: Token) -> bool;
    pulse(now_ms: Millis, pulse: Pulse) -> Option<Pulsed>;
    room(now_ms: Millis, event: &EventId) -> Option<RoomCounts>;
    inside(now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Option<Millis>;
    readmit(now_ms: Millis, token: Token, until_ms: Millis) -> bool;
    drawn(event: &EventId, after: Option<&VisitorId>, max: usize) -> Option<Vec<VisitorId>>;
    checkpoint(event: &EventId, told: Told) -> Option<Look>;
    seats(event: &EventId) -> Option<SeatMap>;
    hold(now_ms: Millis, ask: HoldAsk) -> HoldOutcome;
    get_hold(now_ms: Millis, event: &EventId, hold: &HoldId) -> Option<HoldFact>;
    release(now_ms: Millis, release: Release) -> ReleaseOutcome;
    checkout(now_ms: Millis, checkout: Checkout) -> CheckoutOutcome;
    pay(now_ms: Millis, pay: Pay) -> PayOutcome;
    cancel(now_ms: Millis, cancel: Cancel) -> CancelOutcome;
    refund(now_ms: Millis, refund: Refund) -> RefundOutcome;
    orders(ids: &[OrderId]) -> Vec<Option<OrderFact>>;
    get_refund(id: &RefundId) -> Option<RefundFact>;
    settle(now_ms: Millis, event: &EventId, settlements: Vec<Settlement>, trim: Option<LogId>) -> ();
    put_campaign(now_ms: Millis, put: CampaignPut) -> PutCampaign;
    claim(now_ms: Millis, ask: ClaimAsk) -> ClaimOutcome;
    append(now_ms: Millis, records: Vec<Record>) -> ();
    trim(upto: LogId) -> ();
    lease(now_ms: Millis, owner: &str, ttl_ms: i64) -> Option<Lease>;
    unlease(owner: &str) -> ();
    meta() -> Meta;
    seal() -> ();
    seal_if_behind() -> ();
    begin_restore(now_ms: Millis, generation: u64, log: LogId) -> ();
    restore_event(now_ms: Millis, restore: EventRestore) -> ();
    restore_campaign(now_ms: Millis, generation: u64, put: CampaignPut, claims: Vec<Claim>) -> ();
    end_restore(now_ms: Millis, generation: u64) -> ();
    dump_event(event: &EventId) -> Option<EventDump>;
    dump_campaign(campaign: &CampaignId) -> Option<CampaignDump>;
}
