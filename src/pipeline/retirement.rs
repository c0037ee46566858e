//! Takes events that are over out of their lane. The session that has the lane's lease first marks the event in the
//! ledger as retired, then tells the lane.

use std::time::Duration;

use super::Error;
use super::parts::PipelineShared;
use crate::clock;
use crate::clock::Instant;
use crate::facts::ids::EventId;
use crate::lane::Lane;
use crate::lane::events::Retired;

/// How often a session looks for events that are over.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Retirement {
    /// Whether the lane was told of every event that the ledger has marked. An earlier session may have died between
    /// the two steps.
    told: bool,
    looked: Option<Instant>,
}

impl Retirement {
    pub async fn run(&mut self, shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
        if !self.told {
            for (event, version) in shared.sources.past(lane.id()) {
                lane.retire_event(shared.clock.now_ms(), &event, version).await?;
            }
            self.told = true;
        }
        if self.looked.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        self.looked = Some(clock::instant());
        let before_ms = shared.clock.now_ms() - shared.settings.event_keep_ms;
        let over = shared.sources.over(lane.id(), before_ms);
        // A record that is still in the log may be about one of these events.
        if over.is_empty() || lane.meta().await?.backlog > 0 {
            return Ok(());
        }
        let cancelled: Vec<EventId> = shared.sources.cancelled(lane.id()).into_iter().map(|(event, _)| event).collect();
        for (event, version) in over {
            // What was sold of a cancelled event is given back first. A refund that failed waits for a person.
            if cancelled.contains(&event) && !shared.ledger.cancelled_orders(&event).await?.are_over() {
                continue;
            }
            let done = retire(shared, lane, &event, version, before_ms).await;
            self.told &= done.is_ok();
            done?;
        }
        Ok(())
    }
}

async fn retire(
    shared: &PipelineShared,
    lane: &dyn Lane,
    event: &EventId,
    version: i64,
    before_ms: i64,
) -> Result<(), Error> {
    let now_ms = shared.clock.now_ms();
    let Some(room) = lane.room(now_ms, event).await? else { return Ok(()) };
    if room.waiting + room.inside + room.late + room.held + room.paying > 0 {
        return Ok(());
    }
    // The ledger comes first: after this step only a rebuild of the lane can bring the event back, with all that was
    // sold of it.
    if !shared.ledger.retire_event(event, version, before_ms).await? {
        return Ok(());
    }
    match lane.retire_event(now_ms, event, version + 1).await? {
        Retired::Done => tracing::info!(lane = %lane.id(), %event, "its time is over: it left its lane"),
        // A visitor came, or the event changed, between the look and this step.
        Retired::Busy | Retired::Stale(_) => shared.ledger.unretire_event(event, version + 1).await?,
    }
    Ok(())
}
