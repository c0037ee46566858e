//! Calls of the scripts in `lua/orders`. The rules stand at `lane::orders`.

use async_trait::async_trait;

use super::args::Args;
use super::call::{NO_TIME, RedisLane};
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::{log, scripts};
use crate::facts::conclusion::{Conclusion, SeatTarget};
use crate::facts::ids::{EventId, LogId, OrderId, RefundId, SeatIndex};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::refund::RefundFact;
use crate::facts::time::Millis;
use crate::lane::orders::{Cancel, CancelOutcome, Checkout, CheckoutOutcome, Pay, PayOutcome, Refund, RefundOutcome};
use crate::lane::{Log as _, Orders, Result};

#[async_trait]
impl Orders for RedisLane {
    async fn checkout(&self, now_ms: Millis, ask: Checkout) -> Result<CheckoutOutcome> {
        let args = Args::new()
            .text(ask.hold.as_str())
            .text(ask.user.as_str())
            .text(ask.fact.id.as_str())
            .text(ask.fact.digest.as_str())
            .int(ask.fact.deadline_ms)
            .json(&ask.fact)
            .text(ask.record.id.as_str())
            .json(&ask.record.body)
            .int(ask.log_max);
        let reply = self.call_safely(&scripts::CHECKOUT, KeyOwner::Event(&ask.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "PLACED" => Ok(CheckoutOutcome::Placed(LogId(log::count(reply.log)?))),
            "REPEATED" => Ok(CheckoutOutcome::Repeated(shown(reply)?)),
            "PAST" => Ok(CheckoutOutcome::Past),
            "KEY_REUSED" => Ok(CheckoutOutcome::KeyReused),
            "NOT_FOUND" => Ok(CheckoutOutcome::NotFound),
            "NOT_OWNER" => Ok(CheckoutOutcome::NotOwner),
            "ALREADY_ORDERED" => Ok(CheckoutOutcome::AlreadyOrdered),
            "EXPIRED" => Ok(CheckoutOutcome::Expired),
            "RELEASED" => Ok(CheckoutOutcome::Released),
            "FULL" => Ok(CheckoutOutcome::Full),
            _ => Err(reply.unexpected()),
        })
    }

    async fn pay(&self, now_ms: Millis, ask: Pay) -> Result<PayOutcome> {
        let args = Args::new()
            .text(ask.order.as_str())
            .text(ask.user.as_str())
            .text(ask.attempt.as_str())
            .text(ask.digest.as_str())
            .int(ask.amount)
            .int(ask.attempts_max)
            .text(ask.record.id.as_str())
            .json(&ask.record.body)
            .int(ask.log_max);
        let reply = self.call(&scripts::PAY, KeyOwner::Lane, now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "ACCEPTED" => Ok(PayOutcome::Accepted(shown(reply)?)),
            "REPEATED" => Ok(PayOutcome::Repeated(shown(reply)?)),
            "KEY_REUSED" => Ok(PayOutcome::KeyReused),
            "NOT_FOUND" => Ok(PayOutcome::NotFound),
            "NOT_OWNER" => Ok(PayOutcome::NotOwner),
            "IN_PROGRESS" => Ok(PayOutcome::InProgress),
            "NOT_PAYABLE" => Ok(PayOutcome::NotPayable),
            "TOO_MANY" => Ok(PayOutcome::TooMany),
            "AMOUNT_MISMATCH" => Ok(PayOutcome::AmountMismatch { due: reply.int()? }),
            "FULL" => Ok(PayOutcome::Full),
            _ => Err(reply.unexpected()),
        })
    }

    async fn cancel(&self, now_ms: Millis, ask: Cancel) -> Result<CancelOutcome> {
        let args = Args::new()
            .text(ask.order.as_str())
            .text(ask.user.as_str())
            .text(ask.record.id.as_str())
            .json(&ask.record.body);
        let reply = self.call(&scripts::CANCEL, KeyOwner::Lane, now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "ACCEPTED" => Ok(CancelOutcome::Accepted(shown(reply)?)),
            "NOT_FOUND" => Ok(CancelOutcome::NotFound),
            "NOT_OWNER" => Ok(CancelOutcome::NotOwner),
            "IN_PROGRESS" => Ok(CancelOutcome::InProgress),
            "NOT_CANCELLABLE" => Ok(CancelOutcome::NotCancellable),
            _ => Err(reply.unexpected()),
        })
    }

    async fn refund(&self, now_ms: Millis, ask: Refund) -> Result<RefundOutcome> {
        if ask.lines.iter().any(|(_, amount)| amount.is_some_and(|amount| amount < 1)) {
            return Err(self.contract("a refund of nothing"));
        }
        let args = Args::new()
            .text(ask.order.as_str())
            .text(ask.user.as_ref().map_or("", |user| user.as_str()))
            .text(ask.by.as_str())
            .text(ask.refund.as_str())
            .text(ask.digest.as_str())
            .json(&ask.fact)
            .text(ask.record.id.as_str())
            .json(&ask.record.body)
            .int(ask.log_max);
        let args = ask.lines.iter().fold(args, |args, (line, amount)| args.int(*line).int(amount.unwrap_or(0)));
        let reply = self.call(&scripts::REFUND, KeyOwner::Lane, now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "ACCEPTED" => Ok(RefundOutcome::Accepted),
            "REPEATED" => Ok(RefundOutcome::Repeated(reply.json()?)),
            "KEY_REUSED" => Ok(RefundOutcome::KeyReused),
            "NOT_FOUND" => Ok(RefundOutcome::NotFound),
            "NOT_OWNER" => Ok(RefundOutcome::NotOwner),
            "NOT_REFUNDABLE" => Ok(RefundOutcome::NotRefundable),
            "CLOSED" => Ok(RefundOutcome::Closed),
            "OVER_REFUND" => Ok(RefundOutcome::OverRefund { line: line(reply)? }),
            "LINE_NOT_FOUND" => Ok(RefundOutcome::LineNotFound { line: line(reply)? }),
            "FULL" => Ok(RefundOutcome::Full),
            _ => Err(reply.unexpected()),
        })
    }

    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>> {
        let mut facts = Vec::with_capacity(ids.len());
        for ids in log::chunks(ids, ORDERS_MAX) {
            let args = ids.iter().fold(Args::new(), |args, id| args.text(id.as_str()));
            let reply = self.call(&scripts::ORDERS, KeyOwner::Lane, NO_TIME, args).await?;
            let mut found = self.read(reply, |reply| match reply.name {
                "ORDERS" => (0..ids.len()).map(|_| shown_or_none(reply)).collect(),
                _ => Err(reply.unexpected()),
            })?;
            facts.append(&mut found);
        }
        Ok(facts)
    }

    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>> {
        let args = Args::new().text(id.as_str());
        let reply = self.call(&scripts::GET_REFUND, KeyOwner::Lane, NO_TIME, args).await?;
        self.read(reply, |reply| match reply.name {
            "REFUND" => Ok(Some(reply.json()?)),
            "NOT_FOUND" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn conclude(
        &self,
        now_ms: Millis,
        event: &EventId,
        conclusions: Vec<Conclusion>,
        trim: Option<LogId>,
    ) -> Result<()> {
        let args = Args::new().int(trim.map_or(0, |upto| upto.0)).int(conclusions.len() as u64);
        let args = conclusions.iter().fold(args, conclusion_args);
        let reply = self.call(&scripts::CONCLUDE, KeyOwner::Event(event), now_ms, args).await?;
        let left = self.read(reply, |reply| match reply.name {
            "DONE" => reply.int(),
            _ => Err(reply.unexpected()),
        })?;
        match trim {
            Some(upto) if left == 1 => self.trim(upto).await,
            Some(_) | None => Ok(()),
        }
    }
}

/// Most orders one script reads.
const ORDERS_MAX: usize = 1_000;

/// An order as everyone is shown it: a fact, and what is pending.
pub fn shown(reply: &mut ScriptReply) -> ReplyRead<OrderFact> {
    let mut fact: OrderFact = reply.json()?;
    match reply.text()?.as_str() {
        "pay" => fact.status = OrderStatus::Paying,
        "cancel" | "" => {}
        _ => return Err(Unreadable::Kind("what is pending")),
    }
    Ok(fact)
}

fn line(reply: &mut ScriptReply) -> ReplyRead<u32> {
    u32::try_from(reply.int()?).map_err(|_| Unreadable::Kind("a line's number"))
}

fn shown_or_none(reply: &mut ScriptReply) -> ReplyRead<Option<OrderFact>> {
    if reply.skip_empty()? {
        reply.text()?;
        return Ok(None);
    }
    shown(reply).map(Some)
}

fn conclusion_args(args: Args, conclusion: &Conclusion) -> Args {
    let fact = &conclusion.fact;
    let held_until_ms = conclusion.held_until_ms.unwrap_or(-1);
    let status = fact.status.as_str();
    let seat = |(seat, target): &(SeatIndex, SeatTarget)| {
        let state = match target {
            SeatTarget::Paying => "p",
            SeatTarget::Sold => "s",
            SeatTarget::Free => "f",
            SeatTarget::Held => "h",
        };
        format!("{seat} {state}")
    };
    let args = args
        .text(fact.id.as_str())
        .text(fact.hold.as_str())
        .text(fact.user.as_str())
        .json(fact)
        .text(format!("{status} {} {held_until_ms} {}", fact.version, conclusion.refundable_until_ms))
        .words(conclusion.seats.iter().map(seat));
    conclusion.refunds.iter().fold(args.int(conclusion.refunds.len() as u64), |args, refund| {
        args.text(refund.id.as_str()).text(refund.status.as_str()).json(refund)
    })
}
