//! Takes events that are over out of their lane. The session that has the lane's lease notes it in the ledger first,
//! then tells the lane.

use std::time::Duration;

use super::Error;
use super::parts::Shared;
use crate::clock::{self, Instant};
use crate::ids::EventId;
use crate::lane::{Lane, Retired};

/// How often it is looked for more.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Retirement {
    /// The lane was told of all events that the ledger has noted. A session may have died between the two.
    told: bool,
    looked: Option<Instant>,
}

impl Retirement {
    pub async fn run(&mut self, shared: &Shared, lane: &dyn Lane) -> Result<(), Error> {
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
        // What the log still has may be of one of them.
        if over.is_empty() || lane.meta().await?.backlog > 0 {
            return Ok(());
        }
        for (event, version) in over {
            let done = retire(shared, lane, &event, version, before_ms).await;
            self.told &= done.is_ok();
            done?;
        }
        Ok(())
    }
}

async fn retire(shared: &Shared, lane: &dyn Lane, event: &EventId, version: i64, before_ms: i64) -> Result<(), Error> {
    let now_ms = shared.clock.now_ms();
    let Some(room) = lane.room(now_ms, event).await? else { return Ok(()) };
    if room.waiting + room.inside + room.late + room.held + room.paying > 0 {
        return Ok(());
    }
    // The ledger first: from here on only a rebuilding can bring it back, with all that was sold of it.
    if !shared.ledger.retire_event(event, version, before_ms).await? {
        return Ok(());
    }
    match lane.retire_event(now_ms, event, version + 1).await? {
        Retired::Done => tracing::info!(lane = %lane.id(), %event, "its time is over: it left its lane"),
        // Somebody came between the look and the step.
        Retired::Busy | Retired::Stale(_) => shared.ledger.unretire_event(event, version + 1).await?,
    }
    Ok(())
}
