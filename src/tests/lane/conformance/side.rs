//! One of the two stores that are compared.

use std::collections::HashMap;
use std::sync::Arc;

use stanchion::facts::ids::EventId;
use stanchion::facts::time::Millis;
use stanchion::lane::Lane;

use super::operation::{Answer, Operation};

pub struct Side {
    pub lane: Arc<dyn Lane>,
    /// The last seat map that was shown of each event.
    maps: HashMap<EventId, (u64, String)>,
}

impl Side {
    pub fn new(lane: Arc<dyn Lane>) -> Self {
        Self { lane, maps: HashMap::new() }
    }

    /// The answer, without the parts in which two stores may differ.
    pub async fn answer(&mut self, operation: Operation, now_ms: Millis) -> Answer {
        let event = match &operation {
            Operation::Seats(event) => Some(event.clone()),
            _ => None,
        };
        let answer = operation.on(&*self.lane, now_ms).await;
        match (answer, event) {
            (Answer::Seats(Some((version, seats))), Some(event)) => {
                self.check_version(event, version, &seats);
                Answer::Seats(Some((0, seats)))
            }
            (answer, _) => answer,
        }
    }

    /// Checks that the version grows when the seats change: gateways and browsers keep maps by it.
    fn check_version(&mut self, event: EventId, version: u64, seats: &str) {
        if let Some((before, seats_before)) = self.maps.get(&event) {
            assert!(version >= *before, "version {version} of the seats after {before}");
            assert!(version > *before || seats == seats_before, "version {version} of {seats_before} and {seats}");
        }
        self.maps.insert(event, (version, seats.to_owned()));
    }
}
