//! What must hold in a lane after every step, whatever was asked: INV-1, INV-2, INV-11, and that taken seats have
//! owners.

use std::collections::{BTreeMap, HashMap};

use stanchion::facts::hold::HoldState;
use stanchion::facts::ids::HoldId;
use stanchion::lane::recovery::{CampaignDump, EventDump};

/// Holds that were seen to have ended for good, in their final states.
#[derive(Debug, Default)]
pub struct Ended(HashMap<HoldId, HoldState>);

impl Ended {
    /// INV-2: a hold ends once.
    pub fn check(&mut self, dump: &EventDump) {
        for hold in &dump.holds {
            let before = self.0.get(&hold.id);
            assert!(before.is_none_or(|before| *before == hold.state), "{} ended {before:?}: {hold:?}", hold.id);
        }
        // A hold that was dropped after its day may be made again.
        let of_event = |id: &HoldId| dump.holds.iter().any(|hold| hold.id == *id);
        self.0.retain(|id, _| of_event(id));
        for hold in &dump.holds {
            if matches!(hold.state, HoldState::Released | HoldState::Expired) {
                self.0.insert(hold.id.clone(), hold.state);
            }
        }
    }
}

/// Checks INV-1, and that every taken seat has an owner, whose hold or order is there and counted for its user.
pub fn check_event(dump: &EventDump) {
    let text = String::from_utf8_lossy(&dump.seats);
    let in_string = |state: u8| dump.seats.iter().filter(|seat| **seat == state).count() as i64;
    let counts = &dump.counts;
    let of_state =
        [(b'f', counts.free), (b'h', counts.held), (b'p', counts.paying), (b's', counts.sold), (b'b', counts.blocked)];
    for (state, count) in of_state {
        assert_eq!(in_string(state), count, "counter of {} over {text}", char::from(state));
    }
    assert_eq!(of_state.iter().map(|(_, count)| count).sum::<i64>(), dump.seats.len() as i64, "{text}");

    let owners: BTreeMap<u32, &str> = dump.owners.iter().map(|(seat, owner)| (*seat, owner.as_str())).collect();
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut left = 0;
    for (seat, state) in (0..).zip(&dump.seats) {
        let owner = owners.get(&seat).copied();
        let user = match state {
            b'h' => {
                let hold = dump.holds.iter().find(|hold| Some(hold.id.as_str()) == owner);
                let hold = hold.unwrap_or_else(|| panic!("seat {seat} of {text} is held by {owner:?}"));
                assert_eq!(hold.state, HoldState::Held, "seat {seat} of {text}: {hold:?}");
                assert!(hold.seats.contains(&seat), "seat {seat} of {text}: {hold:?}");
                &hold.user
            }
            b'p' | b's' => match dump.orders.iter().find(|order| Some(order.id.as_str()) == owner) {
                Some(order) => &order.user,
                // A sold seat's order may have left the lane when its time was over.
                None if *state == b's' && owner.is_some() => {
                    left += 1;
                    continue;
                }
                None => panic!("seat {seat} of {text} is had by {owner:?}"),
            },
            _ => {
                assert_eq!(owner, None, "seat {seat} of {text}");
                continue;
            }
        };
        *taken.entry(user.as_str().to_owned()).or_default() += 1;
    }
    let told: BTreeMap<String, i64> = dump.taken.iter().cloned().collect();
    let missing = |(user, count): (&String, &i64)| count - taken.get(user).copied().unwrap_or(0);
    let unknown: Vec<i64> = told.iter().map(missing).collect();
    assert!(unknown.iter().all(|count| *count >= 0), "seats taken by user over {text}: {taken:?}, told {told:?}");
    assert_eq!(unknown.iter().sum::<i64>(), left, "seats taken by user over {text}: {taken:?}, told {told:?}");
    assert!(taken.keys().all(|user| told.contains_key(user)), "seats taken by user over {text}");
}

/// INV-11.
pub fn check_campaign(dump: &CampaignDump) {
    assert_eq!(dump.stock_left + dump.claims.len() as i64, dump.stock, "{dump:?}");
}
