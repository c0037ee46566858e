//! Deletes old rows of the ledger that no request can need again. The session that has the lane's lease deletes a few
//! in each tick.

use std::time::Duration;

use super::Error;
use super::parts::PipelineShared;
use crate::clock::{self, Instant};
use crate::lane::Lane;

/// How long a session waits after it has found no more old rows.
const EVERY: Duration = Duration::from_secs(60);

/// Most rows of each kind deleted in one tick.
const ROWS_MAX: i64 = 1_000;

/// When this session last found that no more old rows were left.
#[derive(Default)]
pub(super) struct Retention(Option<Instant>);

impl Retention {
    pub async fn run(&mut self, shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
        if self.0.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let before_ms = shared.clock.now_ms() - shared.settings.record_keep_ms;
        let gone = shared.ledger.forget(lane.id(), before_ms, ROWS_MAX).await?;
        // With `ROWS_MAX` or more deleted, some may be left: the next tick goes on.
        if i64::try_from(gone).is_ok_and(|gone| gone < ROWS_MAX) {
            shared.ledger.forget_campaign_versions(lane.id(), before_ms).await?;
            self.0 = Some(clock::instant());
        }
        Ok(())
    }
}
