//! The heartbeat of all rooms: expires places, lets the next visitors in, sets the gauges. Any gateway may beat,
//! because the lane sets the pace.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use metrics::{Counter, counter, gauge};
use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;

use super::doors::Admission;
use crate::facts::fault::Fault;
use crate::facts::ids::EventId;
use crate::facts::room::Room;
use crate::facts::room::RoomCounts;
use crate::lane::rooms::{Pulse, Pulsed};
use crate::metrics::*;
use crate::shutdown::Stopping;

/// Rooms pulsed at once.
const AT_ONCE: usize = 64;
/// Most calls to one room in one beat, while its lane says there is more to do.
const CALLS_MAX: usize = 8;
/// How often the gauges and speeds are brought up to date.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Gives the rooms there are, at every beat.
pub type RoomList = Arc<dyn Fn() -> Vec<Room> + Send + Sync>;

/// Called with a room that its lane does not know.
pub type Missing = Arc<dyn Fn(&EventId) + Send + Sync>;

#[derive(Debug, Clone, Copy)]
pub struct PulseSettings {
    pub every: Duration,
    /// Most places that each loop of one call looks at.
    pub work_max: i64,
}

struct PulseCounters {
    expired: Counter,
    absent: Counter,
    unclaimed: Counter,
    lapsed: Counter,
    holds_expired: Counter,
}

/// Beats until told to stop.
pub async fn run(
    admission: Arc<Admission>,
    rooms: RoomList,
    missing: Missing,
    settings: PulseSettings,
    mut stop: Stopping,
) {
    let counters = PulseCounters {
        expired: counter!(ADMISSION_EXPIRED),
        absent: counter!(ADMISSION_ABSENT),
        unclaimed: counter!(ADMISSION_UNCLAIMED),
        lapsed: counter!(ADMISSION_LAPSED),
        holds_expired: counter!(INVENTORY_HOLDS_EXPIRED),
    };
    let failing = Mutex::new(HashSet::new());
    let mut beats = tokio::time::interval(settings.every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let count_beats = (COUNT_EVERY.as_millis() / settings.every.as_millis().max(1)).max(1);
    for beat in 0_u128.. {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            _ = beats.tick() => {}
        }
        let rooms = rooms();
        let counting = beat % count_beats == 0;
        if counting {
            let there: HashSet<&EventId> = rooms.iter().map(|room| &room.event).collect();
            admission.speeds.keep(|event| there.contains(event));
            admission.calls.keep(|event| there.contains(event));
            admission.promises.prune(admission.now_ms());
            admission.boards.keep(|event| there.contains(event));
            admission.entries.keep(|event| there.contains(event));
            admission.departures.keep(|event| there.contains(event));
        }
        let (admission, counters, failing, missing) = (&admission, &counters, &failing, &missing);
        let beat_one = |room: Room| async move {
            let result = pulse(admission, &room, settings.work_max, counters).await;
            if let Ok(false) = result {
                missing(&room.event);
            }
            if let Err(Fault::Recovering(_)) = result
                && let Ok(lane) = admission.lane(&room)
            {
                // Perhaps only this gateway has seen that the lane is behind. Then the lane is sealed, so that the
                // writer rebuilds it.
                lane.seal_if_behind().await.ok();
            }
            note(&room, result.map(drop), failing);
            if counting && let Ok(Some(counts)) = admission.counts(&room).await {
                show(&room.event, &counts);
            }
        };
        futures_util::stream::iter(rooms).for_each_concurrent(AT_ONCE, beat_one).await;
    }
}

/// Pulses one room; `false`: its lane does not know it.
async fn pulse(admission: &Admission, room: &Room, work_max: i64, counters: &PulseCounters) -> Result<bool, Fault> {
    let lane = admission.lane(room)?;
    for _ in 0..CALLS_MAX {
        let ask = Pulse { event: room.event.clone(), work_max };
        let Some(pulsed) = lane.pulse(admission.now_ms(), ask).await? else { return Ok(false) };
        let admitted = u64::try_from(pulsed.admitted).unwrap_or(0);
        counter!(ADMISSION_ADMITTED, "event" => room.event.as_str().to_owned()).increment(admitted);
        counters.add(pulsed);
        if !pulsed.more {
            break;
        }
    }
    Ok(true)
}

/// Says once that a room's pulse fails, and once that it beats again.
fn note(room: &Room, result: Result<(), Fault>, failing: &Mutex<HashSet<EventId>>) {
    match result {
        Ok(()) => {
            if failing.lock().remove(&room.event) {
                tracing::info!(event = %room.event, "the room is pulsed again");
            }
        }
        // The writer rebuilds the lane and logs it.
        Err(Fault::Recovering(_)) => {}
        Err(fault @ (Fault::Unavailable { .. } | Fault::Contract { .. })) => {
            if failing.lock().insert(room.event.clone()) {
                tracing::error!(event = %room.event, error = &fault as &dyn std::error::Error, "no pulse");
            }
        }
    }
}

fn show(event: &EventId, counts: &RoomCounts) {
    let event = event.as_str().to_owned();
    gauge!(ADMISSION_WAITING, "event" => event.clone()).set(counts.waiting as f64);
    gauge!(ADMISSION_INSIDE, "event" => event.clone()).set(counts.inside as f64);
    gauge!(ADMISSION_LATE, "event" => event.clone()).set(counts.late as f64);
    gauge!(ADMISSION_RATE, "event" => event.clone()).set(counts.rate() as f64);
    gauge!(ADMISSION_CAPACITY, "event" => event.clone()).set(counts.capacity as f64);
    let states = [
        ("free", counts.free),
        ("held", counts.held),
        ("paying", counts.paying),
        ("sold", counts.sold),
        ("blocked", counts.blocked),
    ];
    for (state, seats) in states {
        gauge!(INVENTORY_SEATS, "event" => event.clone(), "state" => state).set(seats as f64);
    }
}

impl PulseCounters {
    fn add(&self, pulsed: Pulsed) {
        let add = |counter: &Counter, by: i64| counter.increment(u64::try_from(by).unwrap_or(0));
        add(&self.expired, pulsed.expired);
        add(&self.absent, pulsed.absent);
        add(&self.unclaimed, pulsed.unclaimed);
        add(&self.lapsed, pulsed.lapsed);
        add(&self.holds_expired, pulsed.holds_expired);
    }
}
