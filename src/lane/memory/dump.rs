//! An event as the audit reads it.

use super::order_book::OrderEntry;
use super::step::LaneStep;
use crate::facts::ids::EventId;
use crate::facts::seat::SeatTally;
use crate::lane::recovery::EventDump;

pub fn dump_event(step: &LaneStep<'_>, id: &EventId) -> Option<EventDump> {
    let event = step.event(id)?;
    let orders = step.state().orders.all().filter(|order| order.fact.event == *id);
    let mut taken: Vec<(String, i64)> =
        event.seats.all_taken().map(|(user, count)| (user.as_str().to_owned(), count)).collect();
    taken.sort_unstable();
    Some(EventDump {
        version: event.version,
        tally: SeatTally::of(event.seats.bytes()),
        seats: event.seats.bytes().to_vec(),
        owners: event.seats.owners().iter().map(|(seat, owner)| (*seat, owner.clone())).collect(),
        holds: event.holds.all().map(|hold| hold.fact.clone()).collect(),
        orders: orders.map(OrderEntry::shown).collect(),
        taken,
        counts: event.stored_counts(),
        room: event.settings.clone(),
        log_last: step.state().log.last,
        torn: false,
    })
}
