//! `Lane` for Redis: every operation is the function of its name in one of the modules beside this.

use async_trait::async_trait;

use super::call::RedisLane;
use super::{coupons, dumps, holds, lines, logs, orders, recovery, rooms};
use crate::clock::Millis;
use crate::ids::{CampaignId, EventId, HoldId, LaneId, LogId, OrderId, RefundId, VisitorId};
use crate::lane::board::{Board, Presence, Showing};
use crate::lane::campaign::{CampaignDump, CampaignPut, Claim, ClaimAsk, ClaimOutcome, PutCampaign};
use crate::lane::checkpoint::{Look, Told};
use crate::lane::event::{EventDump, EventPut, EventRestore, PutEvent, Retired, SeatMap};
use crate::lane::hold::{HoldAsk, HoldFact, HoldOutcome, Release, ReleaseOutcome};
use crate::lane::log::{Entry, Lease, Meta};
use crate::lane::order::{
    Cancel, CancelOutcome, Checkout, CheckoutOutcome, OrderFact, Pay, PayOutcome, Refund, RefundFact, RefundOutcome,
    Settlement,
};
use crate::lane::record::Record;
use crate::lane::room::{Enter, EnterOutcome, Place, Pulse, Pulsed, RoomCounts, Token};
use crate::lane::{Lane, Result};

#[async_trait]
impl Lane for RedisLane {
    fn id(&self) -> LaneId {
        self.lane
    }

    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent> {
        rooms::put_event(self, now_ms, &put).await
    }

    async fn retire_event(&self, now_ms: Millis, event: &EventId, version: i64) -> Result<Retired> {
        rooms::retire_event(self, now_ms, event, version).await
    }

    async fn enter(&self, now_ms: Millis, enter: Enter) -> Result<Vec<EnterOutcome>> {
        rooms::enter(self, now_ms, &enter).await
    }

    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>> {
        rooms::poll(self, now_ms, &token).await
    }

    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>> {
        lines::board(self, now_ms, &showing).await
    }

    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>> {
        lines::presence(self, now_ms, event, &tokens).await
    }

    async fn leave(&self, now_ms: Millis, token: Token) -> Result<bool> {
        rooms::leave(self, now_ms, &token).await
    }

    async fn pulse(&self, now_ms: Millis, pulse: Pulse) -> Result<Option<Pulsed>> {
        rooms::pulse(self, now_ms, &pulse).await
    }

    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>> {
        rooms::room(self, now_ms, event).await
    }

    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>> {
        rooms::inside(self, now_ms, event, visitor).await
    }

    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool> {
        rooms::readmit(self, now_ms, &token, until_ms).await
    }

    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>> {
        lines::drawn(self, event, after, max).await
    }

    async fn checkpoint(&self, event: &EventId, told: Told) -> Result<Option<Look>> {
        lines::checkpoint(self, event, told).await
    }

    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>> {
        holds::seats(self, event).await
    }

    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome> {
        holds::hold(self, now_ms, &ask).await
    }

    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>> {
        holds::get_hold(self, now_ms, event, hold).await
    }

    async fn release(&self, now_ms: Millis, release: Release) -> Result<ReleaseOutcome> {
        holds::release(self, now_ms, &release).await
    }

    async fn checkout(&self, now_ms: Millis, checkout: Checkout) -> Result<CheckoutOutcome> {
        orders::checkout(self, now_ms, &checkout).await
    }

    async fn pay(&self, now_ms: Millis, pay: Pay) -> Result<PayOutcome> {
        orders::pay(self, now_ms, &pay).await
    }

    async fn cancel(&self, now_ms: Millis, cancel: Cancel) -> Result<CancelOutcome> {
        orders::cancel(self, now_ms, &cancel).await
    }

    async fn refund(&self, now_ms: Millis, refund: Refund) -> Result<RefundOutcome> {
        orders::refund(self, now_ms, &refund).await
    }

    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>> {
        orders::orders(self, ids).await
    }

    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>> {
        orders::get_refund(self, id).await
    }

    async fn settle(
        &self,
        now_ms: Millis,
        event: &EventId,
        settlements: Vec<Settlement>,
        trim: Option<LogId>,
    ) -> Result<()> {
        orders::settle(self, now_ms, event, &settlements, trim).await
    }

    async fn put_campaign(&self, now_ms: Millis, put: CampaignPut) -> Result<PutCampaign> {
        coupons::put_campaign(self, now_ms, &put).await
    }

    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome> {
        coupons::claim(self, now_ms, &ask).await
    }

    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>> {
        logs::read_log(self, after, max).await
    }

    async fn append(&self, now_ms: Millis, records: Vec<Record>) -> Result<()> {
        logs::append(self, now_ms, &records).await
    }

    async fn trim(&self, upto: LogId) -> Result<()> {
        logs::trim(self, upto).await
    }

    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>> {
        logs::lease(self, now_ms, owner, ttl_ms).await
    }

    async fn unlease(&self, owner: &str) -> Result<()> {
        logs::unlease(self, owner).await
    }

    async fn meta(&self) -> Result<Meta> {
        logs::meta(self).await
    }

    async fn seal(&self) -> Result<()> {
        recovery::seal(self, 0).await
    }

    async fn seal_if_behind(&self) -> Result<()> {
        recovery::seal(self, 1).await
    }

    async fn begin_restore(&self, now_ms: Millis, generation: u64, log: LogId) -> Result<()> {
        recovery::begin_restore(self, now_ms, generation, log).await
    }

    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()> {
        recovery::restore_event(self, now_ms, &restore).await
    }

    async fn restore_campaign(
        &self,
        now_ms: Millis,
        generation: u64,
        put: CampaignPut,
        claims: Vec<Claim>,
    ) -> Result<()> {
        recovery::restore_campaign(self, now_ms, generation, &put, &claims).await
    }

    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()> {
        recovery::end_restore(self, now_ms, generation).await
    }

    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>> {
        dumps::dump_event(self, event).await
    }

    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>> {
        dumps::dump_campaign(self, campaign).await
    }
}
