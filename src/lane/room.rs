//! A waiting room as its lane sees it. Knows no tokens' signatures and no pages.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::{EventId, VisitorId};

/// Serials below this; an epoch is this many serials.
pub const EPOCH: i64 = 1 << 36;

/// Place of an entry: `epoch · 2^36 + serial`. Lower is earlier.
pub fn score(epoch: i64, serial: i64) -> i64 {
    epoch * EPOCH + serial
}

/// What an operator set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomMode)]
pub enum Mode {
    Scheduled,
    Open,
    Paused,
    Drain,
    Closed,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Scheduled => "scheduled",
            Mode::Open => "open",
            Mode::Paused => "paused",
            Mode::Drain => "drain",
            Mode::Closed => "closed",
        }
    }

    /// The mode in force: a scheduled room opens by itself at `opens_at_ms`, and any room is closed
    /// from `closes_at_ms` on. Zero means no such time.
    pub fn effective(self, opens_at_ms: Millis, closes_at_ms: Millis, now_ms: Millis) -> Mode {
        if closes_at_ms > 0 && now_ms >= closes_at_ms {
            return Mode::Closed;
        }
        match self {
            Mode::Scheduled if opens_at_ms > 0 && now_ms >= opens_at_ms => Mode::Open,
            mode => mode,
        }
    }
}

/// When a place inside is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomReleaseOn)]
pub enum ReleaseOn {
    /// When an order is confirmed and no hold is left.
    Order,
    /// Only when left or expired.
    Exit,
}

/// The settings of a room; durations in seconds, times in ms (0 = none).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSettings {
    pub mode: Mode,
    pub opens_at_ms: Millis,
    pub closes_at_ms: Millis,
    /// Most visitors inside at once.
    pub capacity: i64,
    /// Most admissions a minute; the bucket holds one second's worth (at least one) and starts full.
    pub rate_per_min: i64,
    pub pass_ttl_s: i64,
    pub claim_ttl_s: i64,
    pub absent_after_s: i64,
    pub late_grace_s: i64,
    pub release_on: ReleaseOn,
}

/// Arguments of `enter`.
#[derive(Debug, Clone)]
pub struct Enter {
    pub event: EventId,
    pub visitor: VisitorId,
    /// Most visitors that may wait; more are refused `Full`.
    pub waiting_max: i64,
}

/// What a queue token says of a place, its signature already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub event: EventId,
    pub visitor: VisitorId,
    pub serial: i64,
    pub epoch: i64,
    pub round: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnterOutcome {
    /// A new place.
    Entered {
        serial: i64,
        epoch: i64,
        round: i64,
        place: Place,
    },
    /// This visitor has a place already (rooms of identity `user`): that one again.
    Known {
        serial: i64,
        epoch: i64,
        round: i64,
        place: Place,
    },
    /// Closed or draining.
    Closed,
    /// `waiting_max` reached; try again later.
    Full,
    NoEvent,
}

/// Where a visitor stands, with the room's counts of the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub state: PlaceState,
    pub counts: RoomCounts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceState {
    /// In line before the opening. `ahead` is known but not shown.
    Scheduled,
    /// `ahead` visitors stand before this one; 0 for who was called late and is back.
    Waiting {
        ahead: i64,
    },
    /// Inside until `expires_ms`.
    Admitted {
        expires_ms: Millis,
    },
    /// Through: left, bought, called in vain beyond the grace, or of another round.
    Done,
    Closed,
}

/// A room's counts and the settings a visitor may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCounts {
    /// The mode in force.
    pub mode: Mode,
    pub opens_at_ms: Millis,
    pub waiting: i64,
    pub inside: i64,
    /// Called late and not back.
    pub late: i64,
    pub capacity: i64,
    pub rate_per_min: i64,
    pub admitted_total: i64,
    pub round: i64,
    pub epoch: i64,
    /// Seats by state; all zero in rooms without seats.
    pub free: i64,
    pub held: i64,
    pub paying: i64,
    pub sold: i64,
    pub blocked: i64,
}

impl RoomCounts {
    /// Nothing free, nothing held, nothing paying, in a room that has seats.
    pub fn sold_out(&self) -> bool {
        self.has_seats() && self.free == 0 && self.held == 0 && self.paying == 0
    }

    pub fn has_seats(&self) -> bool {
        self.free + self.held + self.paying + self.sold + self.blocked > 0
    }
}

/// Arguments of `pulse`.
#[derive(Debug, Clone)]
pub struct Pulse {
    pub event: EventId,
    /// Most members looked at in each of its loops.
    pub work_max: i64,
}

/// What a pulse did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulsed {
    /// Let in, the returned late ones included.
    pub admitted: i64,
    /// Places inside that ran out after they had been claimed.
    pub expired: i64,
    /// Called and not there: absent at their turn, or admission not claimed in time.
    pub called_late: i64,
    /// Late ones whose grace is over.
    pub lapsed: i64,
    /// Holds swept.
    pub holds_expired: i64,
    /// Some loop met its bound: call again at once.
    pub more: bool,
}
