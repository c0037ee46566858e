//! Decodes log entries: the body of each, and the order it is about.

use std::borrow::Cow;

use serde::Deserialize;

use crate::facts::ids::{FactKind, LaneId, OrderId, fact_lane};
use crate::facts::record::{Entry, RecordBody, VERSION};

use super::BatchFailure;

/// The body of an entry, if this program understands it and it belongs to this lane.
pub(in crate::ledger) fn decode(entry: &Entry, lane: LaneId) -> Result<RecordBody, BatchFailure> {
    let body: RecordBody = serde_json::from_str(&entry.body)
        .map_err(|error| BatchFailure::record(&entry.id, format!("not readable: {error}")))?;
    if version(&body) > VERSION {
        return Err(BatchFailure::record(&entry.id, format!("version {} is newer than {VERSION}", version(&body))));
    }
    if let Some(order) = body.order()
        && fact_lane(FactKind::Order, order.as_str()) != Some(lane)
    {
        return Err(BatchFailure::record(&entry.id, format!("order {order} is not of lane {lane}")));
    }
    Ok(body)
}

/// What every body about an order has, whatever else it has.
#[derive(Deserialize)]
struct AboutOrder<'b> {
    #[serde(borrow)]
    order: Cow<'b, str>,
}

/// The order an entry is about, also when the entry cannot be decoded whole.
pub(in crate::ledger) fn order_of(entry: &Entry) -> Option<OrderId> {
    let named: Option<AboutOrder<'_>> = serde_json::from_str(&entry.body).ok();
    named
        .map(|about| OrderId::from(&*about.order))
        .or_else(|| entry.hold.as_ref().and_then(|hold| hold.order.clone()))
        .filter(|order| fact_lane(FactKind::Order, order.as_str()).is_some())
}

fn version(body: &RecordBody) -> u32 {
    match body {
        RecordBody::CouponClaimed { v, .. }
        | RecordBody::OrderPlaced { v, .. }
        | RecordBody::PaymentRequested { v, .. }
        | RecordBody::PaymentResulted { v, .. }
        | RecordBody::RefundRequested { v, .. }
        | RecordBody::RefundResulted { v, .. }
        | RecordBody::OrderExpired { v, .. }
        | RecordBody::OrderCancelled { v, .. } => *v,
    }
}
