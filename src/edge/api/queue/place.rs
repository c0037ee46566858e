//! A visitor's place as the API shows it.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::room_view::seats_left;
use crate::admission::speed::Eta;
use crate::admission::{Standing, VisitorPlace};
use crate::catalog::Event;
use crate::facts::ids::VisitorId;
use crate::facts::room::{Mode, RoomCounts};
use crate::facts::time::{Millis, Timestamp, seconds_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "waiting")]
pub enum StateView {
    Scheduled,
    Waiting,
    Admitted,
    Done,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "open")]
pub enum RoomStateView {
    Scheduled,
    Open,
    Paused,
    Drain,
    Closed,
    Recovering,
    SoldOut,
}

/// Seconds until the visitor's turn, as a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EtaView {
    #[schema(example = 140)]
    pub low: i64,
    #[schema(example = 190)]
    pub high: i64,
}

/// A visitor's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = VisitorPlace)]
pub struct PlaceView<'a> {
    #[schema(example = "spring-hall")]
    pub event: &'a str,
    #[schema(value_type = String, example = "3k9xQw7ZpL0")]
    pub visitor: VisitorId,
    pub state: StateView,
    /// The token that carries the place: keep it.
    #[schema(example = "AbC3kQ1…")]
    pub token: Cow<'a, str>,
    /// From 1; null unless waiting.
    #[schema(example = 1235)]
    pub position: Option<i64>,
    #[schema(example = 1234)]
    pub ahead: Option<i64>,
    #[schema(example = 80211)]
    pub behind: Option<i64>,
    /// Null when unknown.
    pub eta_s: Option<EtaView>,
    /// How long to wait before asking again.
    #[schema(example = 4800)]
    pub poll_after_ms: i64,
    pub room: RoomStateView,
    /// Null for rooms without seats.
    #[schema(example = 9120)]
    pub seats_left: Option<i64>,
    /// How many wait in all; null while not known.
    #[schema(example = 81446)]
    pub waiting: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T10:00:00Z")]
    pub opens_at: Option<Timestamp>,
    /// The room is closed from this time on.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub closes_at: Option<Timestamp>,
    /// The visitor was called while away, and is back. The visitor is let in next, and loses the place when away again.
    #[schema(example = false)]
    pub late: bool,
    /// When this place was called, to about a second; null before the call, and when this gateway did not see it.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub called_at: Option<Timestamp>,
    /// While admitted.
    #[schema(example = json!(null))]
    pub pass: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub expires_at: Option<Timestamp>,
    #[schema(example = json!(null))]
    pub expires_in_s: Option<i64>,
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T10:00:30Z")]
    pub server_time: Timestamp,
}

impl<'a> PlaceView<'a> {
    pub fn new(event: &'a Event, standing: Standing<'a>, now_ms: Millis) -> Self {
        let Standing { visitor, token, place, poll_after_ms } = standing;
        let bare = Self {
            event: event.id.as_str(),
            visitor,
            state: StateView::Waiting,
            token,
            position: None,
            ahead: None,
            behind: None,
            eta_s: None,
            poll_after_ms,
            room: RoomStateView::Recovering,
            seats_left: None,
            waiting: None,
            opens_at: event.spec.opens_at,
            closes_at: event.spec.closes_at,
            late: false,
            called_at: None,
            pass: None,
            expires_at: None,
            expires_in_s: None,
            server_time: Timestamp(now_ms),
        };
        match place {
            VisitorPlace::Recovering => bare,
            VisitorPlace::Scheduled { counts } => Self { state: StateView::Scheduled, ..bare }.with(&counts),
            VisitorPlace::Done { called_ms, counts } => {
                Self { state: StateView::Done, called_at: called_ms.map(Timestamp), ..bare }.with(&counts)
            }
            VisitorPlace::Closed { counts } => Self { state: StateView::Closed, ..bare }.with(&counts),
            VisitorPlace::Waiting { ahead, eta, counts } => Self {
                position: Some(ahead + 1),
                ahead: Some(ahead),
                behind: Some((counts.waiting - ahead - 1).max(0)),
                eta_s: eta.map(|Eta { low_s, high_s }| EtaView { low: low_s, high: high_s }),
                ..bare
            }
            .with(&counts),
            VisitorPlace::Late { called_ms, counts } => Self {
                position: Some(1),
                ahead: Some(0),
                behind: Some((counts.waiting - 1).max(0)),
                late: true,
                called_at: called_ms.map(Timestamp),
                ..bare
            }
            .with(&counts),
            VisitorPlace::Admitted { pass, expires_ms, called_ms, counts } => Self {
                called_at: called_ms.filter(|called_ms| *called_ms >= called_since(event, expires_ms)).map(Timestamp),
                state: StateView::Admitted,
                pass: Some(pass),
                expires_at: Some(Timestamp(expires_ms)),
                expires_in_s: Some(seconds_until(expires_ms, now_ms)),
                ..bare
            }
            .with(&counts),
        }
    }

    fn with(self, counts: &RoomCounts) -> Self {
        Self { room: room_state(counts), seats_left: seats_left(counts), waiting: Some(counts.waiting), ..self }
    }
}

/// The earliest time at which a place inside that ends at `expires_ms` can have been called, unless a hold or an order
/// has made it last longer. The visitor must have missed an older call. Then the place was called again, and the time
/// of that second call is not known.
fn called_since(event: &Event, expires_ms: Millis) -> Millis {
    let room = &event.spec.room;
    expires_ms - (room.pass_ttl_s + room.claim_ttl_s) * 1000
}

pub(super) fn room_state(counts: &RoomCounts) -> RoomStateView {
    match counts.mode {
        Mode::Scheduled => RoomStateView::Scheduled,
        Mode::Closed => RoomStateView::Closed,
        Mode::Recovering => RoomStateView::Recovering,
        Mode::Open | Mode::Paused | Mode::Drain if counts.sold_out() => RoomStateView::SoldOut,
        Mode::Open => RoomStateView::Open,
        Mode::Paused => RoomStateView::Paused,
        Mode::Drain => RoomStateView::Drain,
    }
}
