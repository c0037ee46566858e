//! Calls of the scripts in `lua/recovery`: rebuilding a lane from the ledger.
//!
//! A rebuilding takes many calls. They need not be one step, because the lane answers nobody meanwhile. After a fault
//! in between, the rebuilding begins again.

use async_trait::async_trait;

use super::args::Args;
use super::call::{NO_TIME, RedisLane};
use super::coupons::Unnumbered;
use super::keys::KeyOwner;
use super::reply::ReplyRead;
use super::seats::Frame;
use super::{checkpoint, coupons, dump, events, scripts, seats};
use crate::facts::checkpoint::{Checkpoint, DrawsTaken, Insider, Look, RestoredOrder, SpentChunk};
use crate::facts::coupon::Claim;
use crate::facts::ids::{CampaignId, EventId, LogId, VisitorId};
use crate::facts::time::Millis;
use crate::lane::coupons::CampaignPut;
use crate::lane::recovery::{CampaignDump, EventDump, EventRestore};
use crate::lane::{Recovery, Result};

#[async_trait]
impl Recovery for RedisLane {
    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let args = Args::new().text(after.map_or("", VisitorId::as_str)).int(max);
        let reply = self.call(&scripts::DRAWN, KeyOwner::Event(event), NO_TIME, args).await?;
        self.read(reply, |reply| match reply.name {
            "DRAWN" => Ok(Some(checkpoint::visitors(reply)?)),
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn checkpoint(&self, event: &EventId, told: DrawsTaken) -> Result<Option<Look>> {
        let max = i64::try_from(told.max).unwrap_or(i64::MAX);
        let args = Args::new().int(told.round).int(told.changes).int(max);
        let reply = self.call(&scripts::CHECKPOINT, KeyOwner::Event(event), NO_TIME, args).await?;
        self.read(reply, |reply| match reply.name {
            "CHECKPOINT" => Ok(Some(Look { room: checkpoint::read(reply)?, draws: checkpoint::draws(reply)? })),
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn seal(&self) -> Result<()> {
        seal(self, 0).await
    }

    async fn seal_if_behind(&self) -> Result<()> {
        seal(self, 1).await
    }

    async fn begin_restore(&self, now_ms: Millis, generation: u64, log: LogId) -> Result<()> {
        let args = Args::new().int(generation).int(log.0);
        let reply = self.call(&scripts::BEGIN_RESTORE, KeyOwner::Lane, now_ms, args).await?;
        if reply.name == "OLD_GENERATION" {
            return Err(self.contract("a lane is rebuilt under a new generation"));
        }
        let (events, campaigns) = self.read(reply, |reply| {
            let n = reply.int()?;
            let events = (0..n).map(|_| reply.text().map(EventId::from)).collect::<ReplyRead<Vec<_>>>()?;
            let mut campaigns = Vec::new();
            while !reply.is_empty() {
                campaigns.push(CampaignId::from(reply.text()?));
            }
            Ok((events, campaigns))
        })?;
        for event in &events {
            let args = Args::new().text(event.as_str()).int(generation);
            self.call(&scripts::DROP_EVENT, KeyOwner::Event(event), NO_TIME, args).await?;
        }
        for campaign in &campaigns {
            let args = Args::new().text(campaign.as_str()).int(generation);
            self.call(&scripts::DROP_CAMPAIGN, KeyOwner::Campaign(campaign), NO_TIME, args).await?;
        }
        Ok(())
    }

    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()> {
        let event = &restore.put.event;
        let nothing = Checkpoint::default();
        let checkpoint = restore.checkpoint.as_ref().unwrap_or(&nothing);
        let args = events::event_args(&restore.put)
            .int(restore.epoch)
            .int(restore.generation)
            .int(restore.recover_ms)
            .int(checkpoint.round)
            .int(checkpoint.serial)
            .int(checkpoint.admitted_total)
            .int(checkpoint.head)
            .int(i64::from(checkpoint.drawing));
        let args = events::blocked(args, &restore.put);
        self.call(&scripts::RESTORE_EVENT, KeyOwner::Event(event), now_ms, args).await?;
        restore_places(self, now_ms, &restore, checkpoint).await?;
        for order in &restore.orders {
            let args = order_args(order, restore.generation);
            self.call(&scripts::RESTORE_ORDER, KeyOwner::Event(event), now_ms, args).await?;
        }
        Ok(())
    }

    async fn restore_campaign(
        &self,
        now_ms: Millis,
        generation: u64,
        put: CampaignPut,
        claims: Vec<Claim>,
    ) -> Result<()> {
        let about = KeyOwner::Campaign(&put.campaign);
        self.call(&scripts::RESTORE_CAMPAIGN, about, now_ms, coupons::terms(&put).int(generation)).await?;
        for claims in claims.chunks(CLAIMS_MAX) {
            let args = claims.iter().fold(Args::new().int(generation), |args, claim| {
                args.text(claim.claim.as_str()).int(claim.number).text(claim.user.as_str()).json(&Unnumbered::of(claim))
            });
            self.call(&scripts::RESTORE_CLAIMS, about, now_ms, args).await?;
        }
        Ok(())
    }

    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()> {
        let reply = self.call(&scripts::END_RESTORE, KeyOwner::Lane, now_ms, Args::new().int(generation)).await?;
        match reply.name {
            "DONE" => Ok(()),
            _ => Err(self.contract("another generation is being restored, or this one is not dropped yet")),
        }
    }

    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>> {
        dump::event(self, event).await
    }

    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>> {
        dump::campaign(self, campaign).await
    }
}

/// Most places, chunks of spent marks or spent draws that one script restores.
const PLACES_MAX: usize = 1_000;

/// Most claims that one script restores.
const CLAIMS_MAX: usize = 1_000;

/// Restores in pieces: the places of a full room do not fit in one call.
async fn restore_places(
    lane: &RedisLane,
    now_ms: Millis,
    restore: &EventRestore,
    checkpoint: &Checkpoint,
) -> Result<()> {
    let call = async |inside: &[Insider], spent: &[SpentChunk], draws: &[VisitorId]| {
        let begin =
            Args::new().int(restore.generation).int(len(inside)).int(len(spent)).int(i64::from(checkpoint.drawing));
        let args = inside.iter().fold(begin, |args, place| {
            let Insider { visitor, score, expires_ms, claimed, again, ends_ms } = place;
            let state = if *claimed { 1 } else { i64::from(*again) * 2 };
            args.text(visitor.as_str()).int(*score).int(*expires_ms).int(state).int(ends_ms.unwrap_or(0))
        });
        let args = spent.iter().fold(args, |args, SpentChunk { chunk, bits }| args.int(*chunk).bytes(bits));
        let args = draws.iter().fold(args, |args, visitor| args.text(visitor.as_str()));
        lane.call(&scripts::RESTORE_PLACES, KeyOwner::Event(&restore.put.event), now_ms, args).await
    };
    for inside in checkpoint.inside.chunks(PLACES_MAX) {
        call(inside, &[], &[]).await?;
    }
    for spent in checkpoint.spent.chunks(PLACES_MAX) {
        call(&[], spent, &[]).await?;
    }
    for draws in restore.spent_draws.chunks(PLACES_MAX) {
        call(&[], &[], draws).await?;
    }
    Ok(())
}

fn len<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).expect("a piece of a thousand")
}

fn order_args(restored: &RestoredOrder, generation: u64) -> Args {
    let RestoredOrder { fact, hold, seats, refundable_until_ms } = restored;
    let args = Args::new()
        .text(fact.id.as_str())
        .text(fact.user.as_str())
        .text(fact.status.as_str())
        .json(fact)
        .text(hold.id.as_str())
        .text(hold.visitor.as_str())
        .json(&Frame::of(hold))
        .int(hold.expires_ms)
        .text(seats::joined(&hold.seats))
        .text(seats::joined(&hold.prices))
        .int(*refundable_until_ms)
        .int(generation);
    seats.iter().fold(args, |args, (seat, state)| args.int(*seat).text(char::from(state.byte())))
}

/// `only_behind` is 1 or 0, as the script takes it.
async fn seal(lane: &RedisLane, only_behind: i64) -> Result<()> {
    lane.call(&scripts::SEAL, KeyOwner::Lane, NO_TIME, Args::new().int(only_behind)).await?;
    Ok(())
}
