//! Tends one lane: gets its lease, keeps it, and works while it has it.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use super::cancellation::Cancellations;
use super::checkpoints::SavedRooms;
use super::gauges::gauges;
use super::jobs::Jobs;
use super::overdue::overdue;
use super::parts::PipelineShared;
use super::payments::Payments;
use super::retention::Retention;
use super::retirement::Retirement;
use super::room_notices::RoomNotices;
use super::writer::{Ended, Untold, Writer};
use super::{Error, deliver, recovery, retry};
use crate::clock;
use crate::facts::fault::Fault;
use crate::facts::ids::LogId;
use crate::lane::Lane;
use crate::metrics::PIPELINE_RETRIES;
use crate::shutdown::Stopping;

/// How often a session looks at the lane's health, at deadlines, and for open calls it does not know.
const TICK: Duration = Duration::from_secs(1);

/// A log that stays empty is read less and less often: the pause grows to this many times the configured one, but not
/// beyond a tick.
const RESTING: u32 = 5;

/// Works for a lane whenever it can get the lease, until told to stop.
pub(super) async fn tend(shared: Arc<PipelineShared>, lane: Arc<dyn Lane>, mut stop: Stopping) {
    let id = lane.id();
    while !stop.is_stopping() {
        match lane.lease(shared.clock.now_ms(), &shared.owner, shared.settings.lease_ms).await {
            Ok(Some(_)) => {
                shared.show(id, |view| view.leased = true);
                tokio::select! {
                    biased;
                    () = renew(&shared, lane.as_ref()) => tracing::warn!(lane = %id, "the lease was lost"),
                    () = work_and_deliver(&shared, &lane, &stop) => {}
                }
                shared.show(id, |view| *view = super::parts::LaneWork::default());
                if let Err(fault) = lane.unlease(&shared.owner).await {
                    tracing::debug!(lane = %id, %fault, "the lease was not given back; it will run out");
                }
            }
            Ok(None) => {}
            Err(fault) => tracing::warn!(lane = %id, %fault, "no answer about the lease"),
        }
        pause(third(&shared), &mut stop).await;
    }
}

/// Returns when told to stop.
async fn work_and_deliver(shared: &Arc<PipelineShared>, lane: &Arc<dyn Lane>, stop: &Stopping) {
    tokio::join!(work(shared, lane, stop.clone()), deliver::run(shared, lane.id(), stop.clone()));
}

fn third(shared: &PipelineShared) -> Duration {
    Duration::from_millis(u64::try_from(shared.settings.lease_ms / 3).unwrap_or(0).max(1))
}

/// Returns when another process has the lease, or when it could not be renewed for as long as it lasts.
async fn renew(shared: &PipelineShared, lane: &dyn Lane) {
    let lasts = third(shared) * 3;
    let mut renewed = clock::instant();
    loop {
        tokio::time::sleep(third(shared)).await;
        match lane.lease(shared.clock.now_ms(), &shared.owner, shared.settings.lease_ms).await {
            Ok(Some(_)) => renewed = clock::instant(),
            Ok(None) => return,
            Err(_) if renewed.elapsed() >= lasts => return,
            Err(_) => {}
        }
    }
}

/// Waits for this time, or until the signal to stop.
pub(super) async fn pause(time: Duration, stop: &mut Stopping) {
    tokio::select! {
        biased;
        () = tokio::time::sleep(time) => {}
        () = stop.wait() => {}
    }
}

/// Makes the lane whole, then follows its log, until told to stop.
async fn work(shared: &Arc<PipelineShared>, lane: &Arc<dyn Lane>, mut stop: Stopping) {
    let mut delays = retry::STORE.iter();
    while !stop.is_stopping() {
        let sound = match recovery::is_sound(shared, lane.as_ref()).await {
            Ok(true) => recovery::reapply(shared, lane.as_ref()).await,
            Ok(false) => {
                shared.show(lane.id(), |view| view.recovering = true);
                recovery::rebuild(shared, lane, &stop).await
            }
            Err(error) => Err(error),
        };
        match sound {
            Ok(()) => {
                shared.show(lane.id(), |view| view.recovering = false);
                delays = retry::STORE.iter();
                if let Err(Ended::Stopped) = follow(shared, lane, stop.clone()).await {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "the lane is not whole yet");
                counter!(PIPELINE_RETRIES, "cause" => "recovery").increment(1);
                pause(delays.next().unwrap_or(TICK), &mut stop).await;
            }
        }
    }
}

/// Takes the log batch by batch. Returns only with a reason to end.
async fn follow(shared: &Arc<PipelineShared>, lane: &Arc<dyn Lane>, stop: Stopping) -> Result<(), Ended> {
    let mut payments = Payments::new(shared.clone(), lane.id());
    let ended = take_batches(shared, lane, &mut payments, stop).await;
    // The next session asks again for answers that cannot be told.
    payments.tell(lane.as_ref()).await.ok();
    ended
}

async fn take_batches(
    shared: &Arc<PipelineShared>,
    lane: &Arc<dyn Lane>,
    payments: &mut Payments,
    mut stop: Stopping,
) -> Result<(), Ended> {
    let mut rooms = SavedRooms::default();
    let mut retention = Retention::default();
    let mut retirement = Retirement::default();
    let mut cancellations = Cancellations::default();
    let mut jobs = Jobs::default();
    let mut room_notices = RoomNotices::default();
    let writer = Writer { shared, lane: lane.as_ref() };
    let mut ticked: Option<clock::Instant> = None;
    let mut idle = shared.settings.idle;
    let resting = (idle * RESTING).min(TICK).max(idle);
    let mut delays = retry::STORE.iter();
    let mut untold: Option<Untold> = None;
    loop {
        if stop.is_stopping() {
            writer.tell(untold, &mut stop).await?;
            return Err(Ended::Stopped);
        }
        if ticked.is_none_or(|at| at.elapsed() >= TICK) {
            writer.tell(untold.take(), &mut stop).await?;
            ticked = Some(clock::instant());
            tick(shared, lane.as_ref(), payments, &mut rooms).await?;
            if let Err(error) = retention.run(shared, lane.as_ref()).await {
                tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "what is old stays a while");
            }
            if let Err(error) = cancellations.run(shared, lane.as_ref(), payments.in_hand()).await {
                tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "cancelled orders wait");
            }
            if let Err(error) = jobs.run(shared, lane.as_ref()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "settlements and expired points wait");
            }
            if let Err(error) = room_notices.run(shared, lane.as_ref()).await {
                tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "news of rooms wait");
            }
            if let Err(error) = retirement.run(shared, lane.as_ref()).await {
                tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "what is over stays a while");
            }
        }
        if payments.has_room()
            && let Err(error) = payments.look().await
        {
            tracing::debug!(lane = %lane.id(), error = &error as &dyn std::error::Error, "due calls wait for the next tick");
        }
        match payments.tell(lane.as_ref()).await {
            Ok(()) => {}
            Err(Fault::Recovering(_)) => return Err(Ended::NotWhole),
            // The log may be full: reading on makes room in it.
            Err(fault) => tracing::warn!(lane = %lane.id(), %fault, "answers wait for the lane's log"),
        }
        let after = untold.as_ref().map_or(LogId(0), |untold| untold.upto);
        match lane.read_log(after, shared.settings.batch_max).await {
            Ok(entries) if entries.is_empty() && untold.is_some() => writer.tell(untold.take(), &mut stop).await?,
            Ok(entries) if entries.is_empty() => {
                delays = retry::STORE.iter();
                idle = tokio::select! {
                    biased;
                    () = shared.nudge.heard(lane.id()) => shared.settings.idle,
                    () = tokio::time::sleep(idle) => (idle * 2).min(resting),
                    () = stop.wait() => idle,
                }
            }
            Ok(entries) => {
                delays = retry::STORE.iter();
                idle = shared.settings.idle;
                // While the lane is told of one batch, the ledger writes the next.
                let mut told_stop = stop.clone();
                let (told, committed) =
                    tokio::join!(writer.tell(untold.take(), &mut told_stop), writer.commit(entries.into(), &mut stop));
                told?;
                let (written, next) = committed?;
                payments.follow(written);
                untold = Some(next);
            }
            Err(Fault::Recovering(_)) => return Err(Ended::NotWhole),
            Err(fault) => {
                tracing::warn!(lane = %lane.id(), %fault, "the log cannot be read");
                counter!(PIPELINE_RETRIES, "cause" => "lane").increment(1);
                pause(delays.next().unwrap_or(TICK), &mut stop).await;
            }
        }
    }
}

/// What is looked at every second. If a store is away, the next tick tries again.
async fn tick(
    shared: &PipelineShared,
    lane: &dyn Lane,
    payments: &mut Payments,
    rooms: &mut SavedRooms,
) -> Result<(), Ended> {
    match look(shared, lane, payments, rooms).await {
        Ok(true) => {}
        Ok(false) => return Err(Ended::NotWhole),
        Err(error) => {
            tracing::warn!(lane = %lane.id(), error = &error as &dyn std::error::Error, "deadlines and open calls wait");
        }
    }
    shared.show(lane.id(), |view| view.open = payments.open());
    gauges(shared, lane).await;
    Ok(())
}

/// False: the lane has to be rebuilt.
async fn look(
    shared: &PipelineShared,
    lane: &dyn Lane,
    payments: &mut Payments,
    rooms: &mut SavedRooms,
) -> Result<bool, Error> {
    if !recovery::is_sound(shared, lane).await? {
        return Ok(false);
    }
    let saved = rooms.save(shared, lane).await;
    let ended = overdue(shared, lane).await;
    payments.look().await?;
    ended?;
    saved?;
    Ok(true)
}
