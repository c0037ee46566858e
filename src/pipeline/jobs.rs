//! Work for the whole house that belongs to no lane: the session of the first lane does it.

use std::time::Duration;

use super::Error;
use super::parts::PipelineShared;
use crate::clock::{self, Instant};
use crate::facts::ids::LaneId;
use crate::lane::Lane;

/// The lane whose session does it.
const FIRST: LaneId = LaneId(0);

/// Most steps of settlements in one tick.
const STEPS_MAX: usize = 20;

/// Most wallets whose points expire in one tick.
const WALLETS_MAX: u32 = 200;

/// How long a session waits after it has found no more points to expire.
const EVERY: Duration = Duration::from_secs(60);

/// What this session last did of the house's jobs.
#[derive(Default)]
pub(super) struct Jobs {
    /// When no more points were left to expire.
    expired: Option<Instant>,
}

impl Jobs {
    pub async fn run(&mut self, shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
        if lane.id() != FIRST {
            return Ok(());
        }
        close_settlements(shared).await?;
        self.expire_points(shared).await
    }

    async fn expire_points(&mut self, shared: &PipelineShared) -> Result<(), Error> {
        if self.expired.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let now_ms = shared.clock.now_ms();
        let wallets = shared.ledger.expire_points(&shared.settings.currency, WALLETS_MAX, now_ms).await?;
        if wallets > 0 {
            shared.told.lane(FIRST);
        }
        // With so many, some may be left: the next tick goes on.
        if wallets < WALLETS_MAX as usize {
            self.expired = Some(clock::instant());
        }
        Ok(())
    }
}

/// Goes on with settlements whose closing was begun.
async fn close_settlements(shared: &PipelineShared) -> Result<(), Error> {
    let mut left = STEPS_MAX;
    for (organizer, period) in shared.ledger.closing().await? {
        while left > 0 {
            left -= 1;
            if shared.ledger.close_step(&organizer, period, shared.clock.now_ms()).await? {
                tracing::info!(organizer, %period, "a settlement is closed");
                shared.told.lane(FIRST);
                break;
            }
        }
    }
    Ok(())
}
