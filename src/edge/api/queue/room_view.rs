//! A room as everybody is shown it, without a place of one's own.

use serde::Serialize;
use utoipa::ToSchema;

use super::place::{RoomStateView, room_state};
use crate::catalog::Event;
use crate::edge::api::room::draws::Drawing;
use crate::facts::room::{AdmissionOrder, RoomCounts};
use crate::facts::time::Millis;

/// Public counts of a room; null while they are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Room)]
pub struct RoomView {
    pub room: RoomStateView,
    pub order: AdmissionOrder,
    #[schema(example = 81446)]
    pub waiting: Option<i64>,
    #[schema(example = 500)]
    pub inside: Option<i64>,
    #[schema(example = 500)]
    pub capacity: i64,
    #[schema(example = 3000)]
    pub rate_per_min: i64,
    #[schema(example = 1500)]
    pub admitted_total: Option<i64>,
    #[schema(example = 9120)]
    pub seats_left: Option<i64>,
    /// Null in rooms without a draw, and while the counts are not known.
    pub draw: Option<DrawView>,
}

/// A room's draw, each value in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Draw)]
pub struct DrawView {
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub commitment: String,
    #[schema(example = json!(null))]
    pub list_digest: Option<String>,
    #[schema(example = json!(null))]
    pub seed: Option<String>,
}

impl RoomView {
    /// `counts`: `None` while the lane is being rebuilt.
    pub fn new(event: &Event, counts: Option<&RoomCounts>) -> Self {
        let spec = &event.spec.room;
        Self {
            room: counts.map_or(RoomStateView::Recovering, room_state),
            order: spec.order,
            waiting: counts.map(|c| c.waiting),
            inside: counts.map(|c| c.inside),
            capacity: counts.map_or(spec.capacity, |c| c.capacity),
            rate_per_min: counts.map_or(spec.rate_per_min, |c| c.rate_per_min),
            admitted_total: counts.map(|c| c.admitted_total),
            seats_left: counts.and_then(seats_left),
            draw: None,
        }
    }
}

impl DrawView {
    pub fn new(drawing: &Drawing, now_ms: Millis) -> Self {
        Self {
            commitment: drawing.commitment(),
            list_digest: drawing.draw.as_ref().map(|draw| draw.list_digest.clone()),
            seed: drawing.told_seed(now_ms),
        }
    }
}

pub(super) fn seats_left(counts: &RoomCounts) -> Option<i64> {
    counts.has_seats().then_some(counts.free)
}
