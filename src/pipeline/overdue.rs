//! Orders whose time is over.

use super::Error;
use super::parts::PipelineShared;
use crate::facts::record::{Record, RecordBody, VERSION};
use crate::lane::Lane;
use crate::ledger::writer;

/// Most orders past their deadline taken up in one tick, of each kind (pending payment, paying, awaiting a deposit).
const OVERDUE_MAX: i64 = 500;

/// Appends `order.expired` for orders whose time is over. The id names the order's version: a record that was refused,
/// because a payment's answer came first, does not block the next one.
pub(super) async fn overdue(shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
    let now_ms = shared.clock.now_ms();
    let late = writer::overdue(&shared.ledger, lane.id(), now_ms, shared.settings.unknown_ms, OVERDUE_MAX).await?;
    if late.is_empty() {
        return Ok(());
    }
    let records = late.into_iter().map(|late| Record {
        id: format!("{}.expired.{}", late.order, late.version),
        body: RecordBody::OrderExpired { v: VERSION, order: late.order, reason: late.reason },
    });
    Ok(lane.append(now_ms, records.collect()).await?)
}
