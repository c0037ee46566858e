//! The lanes as one process sees them, behind the weather.

use std::sync::Arc;

use async_trait::async_trait;
use stanchion::facts::checkpoint::{DrawsTaken, Look};
use stanchion::facts::conclusion::Conclusion;
use stanchion::facts::coupon::Claim;
use stanchion::facts::fault::Fault;
use stanchion::facts::hold::HoldFact;
use stanchion::facts::ids::{CampaignId, EventId, HoldId, LaneId, LogId, OrderId, RefundId, VisitorId};
use stanchion::facts::order::OrderFact;
use stanchion::facts::place::{Place, Token};
use stanchion::facts::record::{Entry, Record};
use stanchion::facts::refund::RefundFact;
use stanchion::facts::room::RoomCounts;
use stanchion::facts::seat::SeatMap;
use stanchion::facts::time::Millis;
use stanchion::lane::board::{Board, Presence, Showing};
use stanchion::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
use stanchion::lane::events::{EventPut, PutEvent, Retired};
use stanchion::lane::log::{Lease, Meta};
use stanchion::lane::orders::{
    Cancel, CancelOutcome, Checkout, CheckoutOutcome, Pay, PayOutcome, Refund, RefundOutcome,
};
use stanchion::lane::recovery::{CampaignDump, EventDump, EventRestore};
use stanchion::lane::rooms::{Enter, EnterOutcome, Pulse, Pulsed};
use stanchion::lane::seats::{HoldAsk, HoldOutcome, Release, ReleaseOutcome};
use stanchion::lane::{Coupons, Events, Lane, Lanes, Log, Orders, Recovery, Result, Rooms, Seats};

use super::lanes::Store;
use super::process::Process;
use super::weather::Kind;

/// A WAL shorter than this is never compacted, bytes.
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
        let before = self.store.wal_len();
        let answer = self.store.drive(step(self.store.lane(self.id)));
        if let Some(at) = self.torn(before) {
            self.store.tear(at);
            return Err(self.silent());
        }
        // The step is taken now, whatever happens to the caller.
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

    /// Where to cut the WAL: before what this step wrote, within it, or behind it. A WAL that may have been compacted
    /// is not cut.
    fn torn(&self, before: u64) -> Option<u64> {
        let after = self.store.wal_len();
        let wrote = after > before && after < COMPACTED_FROM;
        let weather = &self.process.weather;
        (wrote && weather.strikes(Kind::LaneTorn)).then(|| match weather.pick(3) {
            0 => before,
            1 => before + weather.pick((after - before) as usize) as u64,
            _ => after,
        })
    }

    fn silent(&self) -> Fault {
        Fault::Unavailable { lane: self.id, source: "no answer".into() }
    }
}

/// Changes an order to the form that older versions wrote, without `refunds`. Only an order whose refunds are free at
/// any time is changed, because older versions knew no other terms.
fn aged(entry: &mut Entry) {
    let mut body: serde_json::Value = serde_json::from_str(&entry.body).expect("the doors write JSON");
    if body["kind"] == "order.placed"
        && body["terms"]["refunds"] == serde_json::json!([{"until_ms": null, "fee_bp": 0}])
    {
        body["terms"].as_object_mut().expect("terms").remove("refunds");
        entry.body = body.to_string();
    }
}

impl Lane for Seen {
    fn id(&self) -> LaneId {
        self.id
    }
}

#[async_trait]
impl Log for Seen {
    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
        let mut entries = self.call(|lane| async move { lane.read_log(after, max).await }).await?;
        let old = |_: &&mut Entry| self.process.weather.strikes(Kind::OldRecord);
        entries.iter_mut().filter(old).for_each(aged);
        Ok(entries)
    }

    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()> {
        self.call(|lane| async move { lane.append(now_ms, records).await }).await
    }

    async fn trim(&self, upto: LogId) -> Result<()> {
        self.call(|lane| async move { lane.trim(upto).await }).await
    }

    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>> {
        self.call(|lane| async move { lane.lease(now_ms, owner, ttl_ms).await }).await
    }

    async fn unlease(&self, owner: &str) -> Result<()> {
        self.call(|lane| async move { lane.unlease(owner).await }).await
    }

    async fn meta(&self) -> Result<Meta> {
        self.call(|lane| async move { lane.meta().await }).await
    }
}

/// Operations that only pass through the weather.
macro_rules! seen {
    ($($noun:ident { $($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)* })*) => {
        $(#[async_trait]
        impl $noun for Seen {
            $(async fn $name(&self, $($arg: $kind),*) -> Result<$answer> {
                self.call(|lane| async move { lane.$name($($arg),*).await }).await
            })*
        })*
    };
}

seen! {
    Events {
        put_event(now_ms: Millis, put: EventPut) -> PutEvent;
        retire_event(now_ms: Millis, event: &EventId, version: i64) -> Retired;
    }

    Rooms {
        enter(now_ms: Millis, enter: Enter) -> Vec<EnterOutcome>;
        poll(now_ms: Millis, token: Token) -> Option<Place>;
        board(now_ms: Millis, showing: Showing) -> Option<Board>;
        presence(now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Option<Vec<Presence>>;
        leave(now_ms: Millis, token: Token) -> bool;
        pulse(now_ms: Millis, pulse: Pulse) -> Option<Pulsed>;
        room(now_ms: Millis, event: &EventId) -> Option<RoomCounts>;
        inside(now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Option<Millis>;
        readmit(now_ms: Millis, token: Token, until_ms: Millis) -> bool;
    }

    Seats {
        seats(event: &EventId) -> Option<SeatMap>;
        hold(now_ms: Millis, ask: HoldAsk) -> HoldOutcome;
        get_hold(now_ms: Millis, event: &EventId, hold: &HoldId) -> Option<HoldFact>;
        release(now_ms: Millis, release: Release) -> ReleaseOutcome;
    }

    Orders {
        checkout(now_ms: Millis, checkout: Checkout) -> CheckoutOutcome;
        pay(now_ms: Millis, pay: Pay) -> PayOutcome;
        cancel(now_ms: Millis, cancel: Cancel) -> CancelOutcome;
        refund(now_ms: Millis, refund: Refund) -> RefundOutcome;
        orders(ids: &[OrderId]) -> Vec<Option<OrderFact>>;
        get_refund(id: &RefundId) -> Option<RefundFact>;
        conclude(now_ms: Millis, event: &EventId, conclusions: Vec<Conclusion>, trim: Option<LogId>) -> ();
    }

    Coupons {
        put_campaign(now_ms: Millis, put: CampaignPut) -> PutCampaign;
        claim(now_ms: Millis, ask: ClaimAsk) -> ClaimOutcome;
    }

    Recovery {
        drawn(event: &EventId, after: Option<&VisitorId>, max: usize) -> Option<Vec<VisitorId>>;
        checkpoint(event: &EventId, told: DrawsTaken) -> Option<Look>;
        seal() -> ();
        seal_if_behind() -> ();
        begin_restore(now_ms: Millis, generation: u64, log: LogId) -> ();
        restore_event(now_ms: Millis, restore: EventRestore) -> ();
        restore_campaign(now_ms: Millis, generation: u64, put: CampaignPut, claims: Vec<Claim>) -> ();
        end_restore(now_ms: Millis, generation: u64) -> ();
        dump_event(event: &EventId) -> Option<EventDump>;
        dump_campaign(campaign: &CampaignId) -> Option<CampaignDump>;
    }
}
