//! Goes on with settlements whose closing was begun. One session does it for the whole house: that of the first lane.

use super::Error;
use super::parts::PipelineShared;
use crate::facts::ids::LaneId;
use crate::lane::Lane;

/// The lane whose session does it.
const FIRST: LaneId = LaneId(0);

/// Most steps in one tick.
const STEPS_MAX: usize = 20;

pub(super) async fn run(shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
    if lane.id() != FIRST {
        return Ok(());
    }
    let mut left = STEPS_MAX;
    for (organizer, period) in shared.ledger.closing().await? {
        while left > 0 {
            left -= 1;
            if shared.ledger.close_step(&organizer, period, shared.clock.now_ms()).await? {
                tracing::info!(organizer, %period, "a settlement is closed");
                break;
            }
        }
    }
    Ok(())
}
