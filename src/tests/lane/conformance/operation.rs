//! Every operation of a lane as a value, and every answer as a value that can be compared.

use serde_json::Value;
use stanchion::facts::checkpoint::DrawsTaken;
use stanchion::facts::conclusion::Conclusion;
use stanchion::facts::coupon::Claim;
use stanchion::facts::fault::Fault;
use stanchion::facts::ids::{CampaignId, EventId, HoldId, LogId, OrderId, RefundId, VisitorId};
use stanchion::facts::place::Token;
use stanchion::facts::record::Record;
use stanchion::facts::time::Millis;
use stanchion::lane::Lane;
use stanchion::lane::board::Showing;
use stanchion::lane::coupons::{CampaignPut, ClaimAsk};
use stanchion::lane::events::EventPut;
use stanchion::lane::orders::{Cancel, Checkout, Pay, Refund};
use stanchion::lane::recovery::EventRestore;
use stanchion::lane::rooms::{Enter, EnterOutcome, Pulse};
use stanchion::lane::seats::{HoldAsk, Release};

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a test has few of them")]
pub enum Operation {
    PutEvent(EventPut),
    RetireEvent(EventId, i64),
    Enter(Enter),
    Poll(Token),
    Presence(EventId, Vec<Token>),
    Board(Showing),
    Leave(Token),
    Pulse(Pulse),
    Room(EventId),
    Inside(EventId, VisitorId),
    Readmit(Token, Millis),
    Drawn(EventId, Option<VisitorId>, usize),
    Checkpoint(EventId, DrawsTaken),
    Seats(EventId),
    Hold(HoldAsk),
    GetHold(EventId, HoldId),
    Release(Release),
    Checkout(Box<Checkout>),
    Pay(Pay),
    Cancel(Cancel),
    Refund(Refund),
    Orders(Vec<OrderId>),
    GetRefund(RefundId),
    Conclude(EventId, Vec<Conclusion>, Option<LogId>),
    PutCampaign(CampaignPut),
    Claim(ClaimAsk),
    ReadLog(LogId, usize),
    Append(Vec<Record>),
    Trim(LogId),
    Lease(&'static str, i64),
    Unlease(&'static str),
    Meta,
    BeginRestore(u64, LogId),
    RestoreEvent(EventRestore),
    RestoreCampaign(u64, CampaignPut, Vec<Claim>),
    EndRestore(u64),
    DumpEvent(EventId),
    DumpCampaign(CampaignId),
}

/// What a lane answered, in a form in which equal answers compare equal.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Kept as it is, because later calls need the tokens.
    Entered(Vec<EnterOutcome>),
    /// The outcome's `Debug`.
    Other(String),
    /// The version and the seat string. The caller drops the version, because each store counts it in its own way.
    Seats(Option<(u64, String)>),
    Dump(Value),
    Recovering,
    Contract,
}

impl Operation {
    /// The variant's name.
    pub fn name(&self) -> String {
        format!("{self:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
    }

    /// Calls the lane. Panics when the store gave no answer, because here no store is ever away.
    pub async fn on(self, lane: &dyn Lane, now_ms: Millis) -> Answer {
        match self.ask(lane, now_ms).await {
            Ok(answer) => answer,
            Err(Fault::Recovering(_)) => Answer::Recovering,
            Err(Fault::Contract { .. }) => Answer::Contract,
            Err(fault @ Fault::Unavailable { .. }) => panic!("{fault}: {fault:?}"),
        }
    }

    async fn ask(self, lane: &dyn Lane, now_ms: Millis) -> Result<Answer, Fault> {
        Ok(match self {
            Operation::PutEvent(put) => other(lane.put_event(now_ms, put).await?),
            Operation::RetireEvent(event, version) => other(lane.retire_event(now_ms, &event, version).await?),
            Operation::Enter(enter) => Answer::Entered(lane.enter(now_ms, enter).await?),
            Operation::Poll(token) => other(lane.poll(now_ms, token).await?),
            Operation::Presence(event, tokens) => other(lane.presence(now_ms, &event, tokens).await?),
            Operation::Board(showing) => other(lane.board(now_ms, showing).await?),
            Operation::Leave(token) => other(lane.leave(now_ms, token).await?),
            Operation::Pulse(pulse) => other(lane.pulse(now_ms, pulse).await?),
            Operation::Room(event) => other(lane.room(now_ms, &event).await?),
            Operation::Inside(event, visitor) => other(lane.inside(now_ms, &event, &visitor).await?),
            Operation::Readmit(token, until_ms) => other(lane.readmit(now_ms, token, until_ms).await?),
            Operation::Drawn(event, after, max) => other(lane.drawn(&event, after.as_ref(), max).await?),
            Operation::Checkpoint(event, told) => other(lane.checkpoint(&event, told).await?),
            Operation::Seats(event) => Answer::Seats(
                lane.seats(&event).await?.map(|map| (map.version, String::from_utf8_lossy(&map.seats).into_owned())),
            ),
            Operation::Hold(ask) => other(lane.hold(now_ms, ask).await?),
            Operation::GetHold(event, hold) => other(lane.get_hold(now_ms, &event, &hold).await?),
            Operation::Release(release) => other(lane.release(now_ms, release).await?),
            Operation::Checkout(checkout) => other(lane.checkout(now_ms, *checkout).await?),
            Operation::Pay(pay) => other(lane.pay(now_ms, pay).await?),
            Operation::Cancel(cancel) => other(lane.cancel(now_ms, cancel).await?),
            Operation::Refund(refund) => other(lane.refund(now_ms, refund).await?),
            Operation::Orders(ids) => other(lane.orders(&ids).await?),
            Operation::GetRefund(id) => other(lane.get_refund(&id).await?),
            Operation::Conclude(event, conclusions, trim) => {
                other(lane.conclude(now_ms, &event, conclusions, trim).await?)
            }
            Operation::PutCampaign(put) => other(lane.put_campaign(now_ms, put).await?),
            Operation::Claim(ask) => other(lane.claim(now_ms, ask).await?),
            Operation::ReadLog(after, max) => other(lane.read_log(after, max).await?),
            Operation::Append(records) => other(lane.append(now_ms, records).await?),
            Operation::Trim(upto) => other(lane.trim(upto).await?),
            Operation::Lease(owner, ttl_ms) => other(lane.lease(now_ms, owner, ttl_ms).await?),
            Operation::Unlease(owner) => other(lane.unlease(owner).await?),
            Operation::Meta => other(lane.meta().await?),
            Operation::BeginRestore(generation, log) => other(lane.begin_restore(now_ms, generation, log).await?),
            Operation::RestoreEvent(restore) => other(lane.restore_event(now_ms, restore).await?),
            Operation::RestoreCampaign(generation, put, claims) => {
                other(lane.restore_campaign(now_ms, generation, put, claims).await?)
            }
            Operation::EndRestore(generation) => other(lane.end_restore(now_ms, generation).await?),
            Operation::DumpEvent(event) => dump(lane.dump_event(&event).await?),
            Operation::DumpCampaign(campaign) => dump(lane.dump_campaign(&campaign).await?),
        })
    }
}

impl Answer {
    /// The name of the outcome: `NotOpen` of a hold, `Waiting` of a poll.
    pub fn outcome(&self) -> String {
        let text = format!("{self:?}");
        let inner = text.strip_prefix("Other(\"").or(text.strip_prefix("Entered([")).unwrap_or(&text);
        let state = inner.split_once("state: ").filter(|_| inner.starts_with("Some(Place"));
        let name = state.map_or(inner, |(_, state)| state);
        name.chars().take_while(|c| c.is_alphanumeric()).collect()
    }
}

fn other(outcome: impl std::fmt::Debug) -> Answer {
    Answer::Other(format!("{outcome:?}"))
}

fn dump(dump: impl serde::Serialize) -> Answer {
    Answer::Dump(serde_json::to_value(dump).expect("dumps are plain data"))
}
