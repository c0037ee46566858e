//! Concludes orders: tells their lane what the ledger says of them. The last step also drops the finished part of the
//! lane's log.

use metrics::counter;

use super::parts::PipelineShared;
use super::retry;
use super::session::pause;
use super::writer::Ended;
use crate::facts::conclusion::Conclusion;
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, LogId};
use crate::lane::Lane;
use crate::metrics::PIPELINE_RETRIES;
use crate::shutdown::Stopping;

/// Most orders in one step, and most seats of these orders: the lane does nothing else meanwhile. An order with more
/// seats has a step of its own.
const ORDERS_MAX: usize = 25;
const SEATS_MAX: usize = 100;

/// Concludes everything, event by event, then drops the log up to `upto`. A step that fails is tried again until it is
/// done, the process stops or the lane needs a rebuild: every step may be repeated.
pub(super) async fn conclude(
    shared: &PipelineShared,
    lane: &dyn Lane,
    mut conclusions: Vec<(EventId, Conclusion)>,
    upto: LogId,
    stop: &mut Stopping,
) -> Result<(), Ended> {
    // A stable sort: of two conclusions of one order the newer stays behind the older.
    conclusions.sort_by(|a, b| a.0.cmp(&b.0));
    let mut steps: Vec<(EventId, Vec<Conclusion>)> = Vec::new();
    for (event, conclusion) in conclusions {
        match steps.last_mut() {
            Some((same, step)) if *same == event && fits(step, &conclusion) => step.push(conclusion),
            Some(_) | None => steps.push((event, vec![conclusion])),
        }
    }
    let last = steps.len().checked_sub(1);
    for (at, (event, step)) in steps.into_iter().enumerate() {
        let trim = (Some(at) == last).then_some(upto);
        until_done(lane, stop, || lane.conclude(shared.clock.now_ms(), &event, step.clone(), trim)).await?;
    }
    if last.is_none() {
        until_done(lane, stop, || lane.trim(upto)).await?;
    }
    Ok(())
}

fn fits(step: &[Conclusion], next: &Conclusion) -> bool {
    let seats: usize = step.iter().chain([next]).map(|conclusion| conclusion.seats.len()).sum();
    step.len() < ORDERS_MAX && seats <= SEATS_MAX
}

async fn until_done<F>(lane: &dyn Lane, stop: &mut Stopping, step: impl Fn() -> F) -> Result<(), Ended>
where
    F: Future<Output = crate::lane::Result<()>>,
{
    let mut delays = retry::STORE.iter();
    loop {
        match step().await {
            Ok(()) => return Ok(()),
            Err(Fault::Recovering(_)) => return Err(Ended::NotWhole),
            Err(fault @ (Fault::Unavailable { .. } | Fault::Contract { .. })) => {
                tracing::warn!(lane = %lane.id(), %fault, "the lane was not concluded and will be told again");
                counter!(PIPELINE_RETRIES, "cause" => "lane").increment(1);
                pause(delays.next().unwrap_or(retry::STORE.most), stop).await;
                if stop.is_stopping() {
                    return Err(Ended::Stopped);
                }
            }
        }
    }
}
