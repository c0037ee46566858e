//! Calls of the scripts in `lua/recovery`: rebuilding a lane from the ledger.
//!
//! A rebuilding takes many calls. The lane answers nobody meanwhile, so they need not be one step; a
//! fault in between is mended by beginning again.

use super::args::Args;
use super::call::RedisLane;
use super::coupons::{self, Unnumbered};
use super::holds::{self, Frame};
use super::keys::About;
use super::reply::Read;
use super::rooms::{self, NO_TIME};
use super::scripts;
use crate::clock::Millis;
use crate::ids::{CampaignId, EventId, LogId, VisitorId};
use crate::lane::Result;
use crate::lane::campaign::{CampaignPut, Claim};
use crate::lane::checkpoint::{Checkpoint, Insider, SpentChunk};
use crate::lane::event::{EventRestore, RestoredOrder};

/// Places, chunks of spent marks or spent draws one script restores.
const PLACES_MAX: usize = 1_000;

/// Claims one script restores.
const CLAIMS_MAX: usize = 1_000;

/// `only_behind`: 1 or 0, as the script has it.
pub async fn seal(lane: &RedisLane, only_behind: i64) -> Result<()> {
    lane.call(&scripts::SEAL, About::Lane, NO_TIME, Args::new().int(only_behind)).await?;
    Ok(())
}

pub async fn begin_restore(lane: &RedisLane, now_ms: Millis, generation: u64, log: LogId) -> Result<()> {
    let args = Args::new().int(generation).int(log.0);
    let reply = lane.call(&scripts::BEGIN_RESTORE, About::Lane, now_ms, args).await?;
    if reply.name == "OLD_GENERATION" {
        return Err(lane.contract("a lane is rebuilt under a new generation"));
    }
    let (events, campaigns) = lane.read(reply, |reply| {
        let n = reply.int()?;
        let events = (0..n).map(|_| reply.text().map(EventId::from)).collect::<Read<Vec<_>>>()?;
        let mut campaigns = Vec::new();
        while !reply.is_empty() {
            campaigns.push(CampaignId::from(reply.text()?));
        }
        Ok((events, campaigns))
    })?;
    for event in &events {
        let args = Args::new().text(event.as_str()).int(generation);
        lane.call(&scripts::DROP_EVENT, About::Event(event), NO_TIME, args).await?;
    }
    for campaign in &campaigns {
        let args = Args::new().text(campaign.as_str()).int(generation);
        lane.call(&scripts::DROP_CAMPAIGN, About::Campaign(campaign), NO_TIME, args).await?;
    }
    Ok(())
}

pub async fn restore_event(lane: &RedisLane, now_ms: Millis, restore: &EventRestore) -> Result<()> {
    let event = &restore.put.event;
    let nothing = Checkpoint::default();
    let checkpoint = restore.checkpoint.as_ref().unwrap_or(&nothing);
    let args = rooms::settings(&restore.put)
        .int(restore.epoch)
        .int(restore.generation)
        .int(restore.recover_ms)
        .int(checkpoint.round)
        .int(checkpoint.serial)
        .int(checkpoint.admitted_total)
        .int(checkpoint.head)
        .int(i64::from(checkpoint.drawing));
    let args = rooms::blocked(args, &restore.put);
    lane.call(&scripts::RESTORE_EVENT, About::Event(event), now_ms, args).await?;
    restore_places(lane, now_ms, restore, checkpoint).await?;
    for order in &restore.orders {
        let args = order_args(order, restore.generation);
        lane.call(&scripts::RESTORE_ORDER, About::Event(event), now_ms, args).await?;
    }
    Ok(())
}

/// In pieces: a room that was as full as may be fits no single call.
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
            let Insider { visitor, score, expires_ms, claimed } = place;
            args.text(visitor.as_str()).int(*score).int(*expires_ms).int(i64::from(*claimed))
        });
        let args = spent.iter().fold(args, |args, SpentChunk { chunk, bits }| args.int(*chunk).bytes(bits));
        let args = draws.iter().fold(args, |args, visitor| args.text(visitor.as_str()));
        lane.call(&scripts::RESTORE_PLACES, About::Event(&restore.put.event), now_ms, args).await
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
        .text(holds::joined(&hold.seats))
        .text(holds::joined(&hold.prices))
        .int(*refundable_until_ms)
        .int(generation);
    seats.iter().fold(args, |args, (seat, state)| args.int(*seat).text(char::from(state.byte())))
}

pub async fn restore_campaign(
    lane: &RedisLane,
    now_ms: Millis,
    generation: u64,
    put: &CampaignPut,
    claims: &[Claim],
) -> Result<()> {
    let about = About::Campaign(&put.campaign);
    lane.call(&scripts::RESTORE_CAMPAIGN, about, now_ms, coupons::terms(put).int(generation)).await?;
    for claims in claims.chunks(CLAIMS_MAX) {
        let args = claims.iter().fold(Args::new().int(generation), |args, claim| {
            args.text(claim.claim.as_str()).int(claim.number).text(claim.user.as_str()).json(&Unnumbered::of(claim))
        });
        lane.call(&scripts::RESTORE_CLAIMS, about, now_ms, args).await?;
    }
    Ok(())
}

pub async fn end_restore(lane: &RedisLane, now_ms: Millis, generation: u64) -> Result<()> {
    let reply = lane.call(&scripts::END_RESTORE, About::Lane, now_ms, Args::new().int(generation)).await?;
    match reply.name {
        "DONE" => Ok(()),
        _ => Err(lane.contract("another generation is being restored, or this one is not dropped yet")),
    }
}
