//! Tells of rooms that open, pause or close, by an admin's hand or by their time, and of events that are sold out. While
//! nobody subscribes, no room is looked at.

use std::collections::HashMap;

use serde_json::json;

use super::parts::PipelineShared;
use super::{Error, deliver};
use crate::facts::ids::EventId;
use crate::facts::notice::{Notice, NoticeKind};
use crate::facts::room::{Mode, RoomCounts};
use crate::lane::Lane;
use crate::ledger::outbox::room::{RoomNews, RoomTold};

/// The rooms of one lane, as the session that has its lease tells of them.
#[derive(Default)]
pub(super) struct RoomNotices {
    /// What this session knows to be told.
    told: HashMap<EventId, RoomTold>,
}

impl RoomNotices {
    /// One look at each room of the lane. A room that cannot be told of does not hold up the others.
    pub async fn run(&mut self, shared: &PipelineShared, lane: &dyn Lane) -> Result<(), Error> {
        if deliver::subscriptions(shared).await?.is_empty() {
            return Ok(());
        }
        let mut all = Ok(());
        for room in shared.sources.rooms(lane.id()) {
            all = all.and(self.look(shared, lane, &room.event).await);
        }
        all
    }

    async fn look(&mut self, shared: &PipelineShared, lane: &dyn Lane, event: &EventId) -> Result<(), Error> {
        let now_ms = shared.clock.now_ms();
        let Some(counts) = lane.room(now_ms, event).await? else { return Ok(()) };
        // It is about to be what it was.
        if counts.mode == Mode::Recovering {
            return Ok(());
        }
        let after = RoomTold { mode: counts.mode.as_str().to_owned(), sold_out: is_sold_out(&counts) };
        if self.told.get(event) == Some(&after) {
            return Ok(());
        }
        let before = shared.ledger.room_told(event).await?;
        if before.as_ref() != Some(&after) {
            let notices = notices(event, before.as_ref(), &after, &counts);
            let is_told = !notices.is_empty();
            let news = RoomNews { lane: lane.id(), event: event.clone(), before, after: after.clone(), notices };
            if !shared.ledger.tell_room(news, now_ms).await? {
                // Somebody else told of it. The next look reads what.
                return Ok(());
            }
            if is_told {
                shared.told.lane(lane.id());
            }
        }
        self.told.insert(event.clone(), after);
        Ok(())
    }
}

/// Whether nothing is left, and nothing can come back but by a refund.
fn is_sold_out(counts: &RoomCounts) -> bool {
    counts.sold > 0 && counts.free + counts.held + counts.paying == 0
}

fn notices(event: &EventId, before: Option<&RoomTold>, after: &RoomTold, counts: &RoomCounts) -> Vec<Notice> {
    let mode = match counts.mode {
        Mode::Open => Some(NoticeKind::RoomOpened),
        Mode::Paused => Some(NoticeKind::RoomPaused),
        Mode::Closed => Some(NoticeKind::RoomClosed),
        Mode::Scheduled | Mode::Drain | Mode::Recovering => None,
    };
    // A room of which nothing was told yet was not paused or closed just now.
    let is_new = |kind: &NoticeKind| match before {
        Some(before) => before.mode != after.mode,
        None => *kind == NoticeKind::RoomOpened,
    };
    let notice = |kind, data| Notice::Event { kind, event: event.clone(), data };
    let room = json!({"event": event, "mode": after.mode, "waiting": counts.waiting, "inside": counts.inside});
    let room = mode.filter(is_new).map(|kind| notice(kind, room));
    let is_sold_out = after.sold_out && !before.is_some_and(|before| before.sold_out);
    let sold_out = is_sold_out.then(|| notice(NoticeKind::EventSoldOut, json!({"event": event, "sold": counts.sold})));
    room.into_iter().chain(sold_out).collect()
}
