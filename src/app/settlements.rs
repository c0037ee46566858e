//! Closes settlements.

use std::time::Duration;

use crate::clock::{self, Clock};
use crate::facts::settlement::{Bookkeeping, SettlementFact, SettlementState};
use crate::ledger::settlement::{CloseAsk, Closed};
use crate::ledger::{Ledger, Result};

/// How long a request closes a month itself. A larger month is gone on with by the pipeline.
const BUDGET: Duration = Duration::from_secs(2);

/// Begins to close a month, and closes it if that does not take long.
pub async fn close(ledger: &Ledger, clock: &Clock, books: &Bookkeeping, ask: CloseAsk) -> Result<Closed> {
    let (organizer, period) = (ask.organizer.clone(), ask.period);
    let begun = ledger.begin_close(ask, books.clone(), clock.now_ms()).await?;
    if !matches!(begun, Closed::Begun(SettlementFact { state: SettlementState::Closing, .. })) {
        return Ok(begun);
    }
    let since = clock::instant();
    while !ledger.close_step(&organizer, period, clock.now_ms()).await? && since.elapsed() < BUDGET {}
    let now = ledger.settlement(&organizer, period, books).await?;
    Ok(now.map_or(begun, Closed::Begun))
}
