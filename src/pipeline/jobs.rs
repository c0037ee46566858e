//! Work for the whole house. The session of one lane does it.

use std::time::Duration;

use super::Error;
use super::parts::PipelineShared;
use crate::clock::{self, Instant};
use crate::facts::ids::LaneId;
use crate::facts::period::Period;
use crate::lane::Lane;
use crate::ledger;

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
        if lane.id() != LaneId::OF_THE_HOUSE {
            return Ok(());
        }
        // A settlement that cannot be closed does not keep points from expiring.
        let (closed, expired) = (close_settlements(shared).await, self.expire_points(shared).await);
        closed?;
        expired
    }

    async fn expire_points(&mut self, shared: &PipelineShared) -> Result<(), Error> {
        if self.expired.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let now_ms = shared.clock.now_ms();
        let wallets = shared.ledger.expire_points(&shared.settings.currency, WALLETS_MAX, now_ms).await?;
        if wallets > 0 {
            shared.told.lane(LaneId::OF_THE_HOUSE);
        }
        // With so many, some may be left: the next tick goes on.
        if wallets < WALLETS_MAX as usize {
            self.expired = Some(clock::instant());
        }
        Ok(())
    }
}

/// Goes on with settlements whose closing was begun. One that fails does not hold up the others.
async fn close_settlements(shared: &PipelineShared) -> Result<(), Error> {
    let (mut left, mut failed) = (STEPS_MAX, None);
    for (organizer, period) in shared.ledger.closing().await? {
        match close(shared, &organizer, period, &mut left).await {
            Ok(true) => {
                tracing::info!(organizer, %period, "a settlement is closed");
                shared.told.lane(LaneId::OF_THE_HOUSE);
            }
            Ok(false) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Closes a month in at most `left` steps. False: some are left.
async fn close(shared: &PipelineShared, organizer: &str, period: Period, left: &mut usize) -> ledger::Result<bool> {
    while *left > 0 {
        *left -= 1;
        if shared.ledger.close_step(organizer, period, shared.clock.now_ms()).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
