//! A copy of each event's seat string, a moment old, so that a crowd looking at a map costs one read. Turning the
//! string into a page belongs in `edge`.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::clock;
use crate::clock::Instant;
use crate::facts::fault::Fault;
use crate::facts::ids::{EventId, LaneId};
use crate::facts::seat::SeatMap;
use crate::lane::{Lanes, Result};

/// How long a copy serves, counted from the moment it was asked for. Half of the second the API allows,
/// so that a copy fetched by a slow read is still young enough.
const FRESH: Duration = Duration::from_millis(500);

type Fetch = Shared<BoxFuture<'static, std::result::Result<Option<Arc<SeatMap>>, Arc<Fault>>>>;

/// At most one copy for each event. The events come from the catalogue, which bounds their number.
pub struct SeatMaps {
    lanes: Lanes,
    copies: DashMap<EventId, Copy>,
}

struct Copy {
    asked: Instant,
    fetch: Fetch,
}

impl SeatMaps {
    pub fn new(lanes: Lanes) -> Self {
        Self { lanes, copies: DashMap::new() }
    }

    /// The seat string of an event of the catalogue. Callers who ask while a read is under way share it. `None`: its
    /// lane does not know it.
    pub async fn get(&self, lane: LaneId, event: &EventId) -> Result<Option<Arc<SeatMap>>> {
        let (asked, fetch) = self.copy(lane, event);
        fetch.await.map_err(|fault| {
            // A fault is not kept as a copy: the next caller asks again.
            self.copies.remove_if(event, |_, copy| copy.asked == asked);
            shared(&fault)
        })
    }

    fn copy(&self, lane: LaneId, event: &EventId) -> (Instant, Fetch) {
        let now = clock::instant();
        if let Some(copy) = self.copies.get(event)
            && now.duration_since(copy.asked) < FRESH
        {
            return (copy.asked, copy.fetch.clone());
        }
        let mut copy = self
            .copies
            .entry(event.clone())
            .or_insert_with(|| Copy { asked: now, fetch: fetch(&self.lanes, lane, event) });
        // Another caller may have renewed it between the two looks.
        if now.saturating_duration_since(copy.asked) >= FRESH {
            *copy = Copy { asked: now, fetch: fetch(&self.lanes, lane, event) };
        }
        (copy.asked, copy.fetch.clone())
    }
}

fn fetch(lanes: &Lanes, lane: LaneId, event: &EventId) -> Fetch {
    let lane = lanes.get(lane).cloned();
    let event = event.clone();
    async move {
        match lane {
            Some(lane) => lane.seats(&event).await.map(|map| map.map(Arc::new)).map_err(Arc::new),
            None => Ok(None),
        }
    }
    .boxed()
    .shared()
}

/// The same fault for each caller who shared the read.
fn shared(fault: &Arc<Fault>) -> Fault {
    match fault.as_ref() {
        Fault::Recovering(lane) => Fault::Recovering(*lane),
        Fault::Unavailable { lane, .. } => Fault::Unavailable { lane: *lane, source: Box::new(Arc::clone(fault)) },
        Fault::Contract { lane, detail } => Fault::Contract { lane: *lane, detail: detail.clone() },
    }
}
