//! INV-1, INV-2: compares an event's dump with itself. Pure: reads neither lanes nor the ledger.

use std::collections::{BTreeMap, HashMap};

use crate::facts::hold::HoldState;
use crate::facts::ids::SeatIndex;
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;
use crate::lane::recovery::EventDump;
use crate::ledger::audit::LiveSeat;

/// Most violations of one invariant that are kept for one event; the rest is dropped.
const SHOWN_MAX: usize = 20;

/// Violations within one event, by invariant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SeatViolations {
    pub inv1: Vec<String>,
    pub inv2: Vec<String>,
}

/// INV-1: each user's counter for the seat limit equals the seats that the user owns. INV-2: a hold ends once, so seats
/// belong to exactly the holds and orders that are alive.
///
/// Orders leave their lane when nothing more is expected of them, but their seats stay sold: `live` says from the
/// ledger who owns those seats.
pub fn check(event: &str, dump: &EventDump, live: &[LiveSeat], now_ms: Millis) -> SeatViolations {
    let mut found = SeatViolations::default();
    let owners: HashMap<SeatIndex, &str> = dump.owners.iter().map(|(seat, owner)| (*seat, owner.as_str())).collect();
    found.inv1.extend(taken(event, dump, live, &owners));
    found.inv2.extend(ownership(event, dump, &owners, now_ms));
    found.inv1.truncate(SHOWN_MAX);
    found.inv2.truncate(SHOWN_MAX);
    found
}

/// INV-1: each seat has exactly one state, and the counter of each state equals its seats.
pub fn counters(event: &str, dump: &EventDump) -> Vec<String> {
    let EventDump { counts, tally, .. } = dump;
    let pairs = [
        (SeatState::Free, tally.free, counts.free),
        (SeatState::Held, tally.held, counts.held),
        (SeatState::Paying, tally.paying, counts.paying),
        (SeatState::Sold, tally.sold, counts.sold),
        (SeatState::Blocked, tally.blocked, counts.blocked),
    ];
    let mut found: Vec<String> = pairs
        .into_iter()
        .filter(|(_, seats, counter)| seats != counter)
        .map(|(state, seats, counter)| format!("{event}: {seats} seats are {state:?}, its counter says {counter}"))
        .collect();
    if let Some(at) = dump.seats.iter().position(|&b| SeatState::from_byte(b).is_none()) {
        found.push(format!("{event}: seat {at} has the unknown state {:?}", dump.seats[at]));
    }
    found
}

/// INV-1: each user's counter equals the seats that the user owns.
fn taken(event: &str, dump: &EventDump, live: &[LiveSeat], owners: &HashMap<SeatIndex, &str>) -> Vec<String> {
    let holds = dump.holds.iter().map(|h| (h.id.as_str(), h.user.as_str()));
    let orders = dump.orders.iter().map(|o| (o.id.as_str(), o.user.as_str()));
    let left = live.iter().map(|seat| (seat.order.as_str(), seat.user.as_str()));
    let users: HashMap<&str, &str> = left.chain(holds).chain(orders).collect();
    let mut real: BTreeMap<&str, i64> = BTreeMap::new();
    let mut found = Vec::new();
    for (seat, owner) in owners {
        match users.get(owner) {
            Some(user) => *real.entry(user).or_default() += 1,
            None => found.push(format!("{event}: seat {seat} belongs to {owner}, which is neither hold nor order")),
        }
    }
    let told: BTreeMap<&str, i64> = dump.taken.iter().filter(|t| t.1 != 0).map(|(u, n)| (u.as_str(), *n)).collect();
    for user in real.keys().chain(told.keys()) {
        let (real, told) = (real.get(user).copied().unwrap_or(0), told.get(user).copied().unwrap_or(0));
        if real != told {
            // This text may be logged, so it names no user; the counts say where to look.
            found.push(format!("{event}: a user owns {real} seats, the limit's counter says {told}"));
        }
    }
    found
}

fn ownership(event: &str, dump: &EventDump, owners: &HashMap<SeatIndex, &str>, now_ms: Millis) -> Vec<String> {
    let state = |seat: SeatIndex| dump.seats.get(seat as usize).and_then(|&b| SeatState::from_byte(b));
    let mut found = Vec::new();
    for (at, &byte) in dump.seats.iter().enumerate() {
        let seat = SeatIndex::try_from(at).unwrap_or(SeatIndex::MAX);
        let owned = owners.contains_key(&seat);
        let wants = matches!(byte, b'h' | b'p' | b's');
        if owned != wants {
            found.push(format!("{event}: seat {seat} is {:?} and {}", char::from(byte), owned_text(owned)));
        }
    }
    let holds: HashMap<&str, _> = dump.holds.iter().map(|h| (h.id.as_str(), h)).collect();
    for hold in &dump.holds {
        match hold.state {
            HoldState::Held if hold.expires_ms > now_ms => {
                for &seat in &hold.seats {
                    if owners.get(&seat) != Some(&hold.id.as_str()) || state(seat) != Some(SeatState::Held) {
                        found.push(format!("{event}: hold {} is held, its seat {seat} is not its own", hold.id));
                    }
                }
            }
            HoldState::Held | HoldState::Ordered => {}
            HoldState::Released | HoldState::Expired => {
                if hold.seats.iter().any(|seat| owners.get(seat) == Some(&hold.id.as_str())) {
                    found.push(format!("{event}: hold {} has ended and still owns seats", hold.id));
                }
            }
        }
    }
    for (&seat, &owner) in owners {
        let by_hold = holds.contains_key(owner);
        if state(seat) == Some(SeatState::Held) && !by_hold {
            found.push(format!("{event}: seat {seat} is held by {owner}, which is no hold"));
        }
        if matches!(state(seat), Some(SeatState::Paying | SeatState::Sold)) && by_hold {
            found.push(format!("{event}: seat {seat} is paid for, but belongs to hold {owner}"));
        }
    }
    found
}

fn owned_text(owned: bool) -> &'static str {
    if owned { "has an owner" } else { "has no owner" }
}
