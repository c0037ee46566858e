//! A waiting room: its settings, its mode, its counts, and where its line begins.

use serde::{Deserialize, Serialize};

use crate::facts::draw::{Birth, DrawKey};
use crate::facts::ids::{EventId, LaneId};
use crate::facts::time::Millis;

/// Serials of one epoch: every serial is below this.
pub const EPOCH: i64 = 1 << 36;

/// All possible scores: from the lowest draw up to below 10^14, the bound to which Lua's text forms are exact.
pub const SCORES: std::ops::RangeInclusive<i64> = -(1 << 46)..=99_999_999_999_999;

/// The `head` of a room in which nobody's turn has come yet: below every score.
pub const NO_HEAD: i64 = *SCORES.start() - 1;

/// The whole rate, per mille.
pub const PACE_MAX: i64 = 1_000;

/// Score of an entry: `epoch · 2^36 + serial`. Lower is earlier.
pub fn score(epoch: i64, serial: i64) -> i64 {
    epoch * EPOCH + serial
}

/// The mode that an operator set. Only `Recovering` is never set: it is in force while a rebuilt room waits for its
/// visitors to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomMode)]
pub enum Mode {
    /// Visitors may enter and wait. The room opens by itself at its time, if it has one.
    Scheduled,
    /// Visitors enter and are let in.
    Open,
    /// Visitors may enter and wait. Nobody is let in.
    Paused,
    /// Nobody new enters. Those in line are let in.
    Drain,
    /// Nobody enters and nobody is let in.
    Closed,
    /// A rebuilt room waits for its visitors. Nobody is let in but the holders of live passes.
    #[serde(skip_deserializing)]
    #[schema(ignore)]
    Recovering,
}

impl Mode {
    /// The word that JSON and the lane's scripts use.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Scheduled => "scheduled",
            Mode::Open => "open",
            Mode::Paused => "paused",
            Mode::Drain => "drain",
            Mode::Closed => "closed",
            Mode::Recovering => "recovering",
        }
    }

    /// The mode in force: a scheduled room opens by itself at `opens_at_ms`, any room is closed from `closes_at_ms` on,
    /// and a room that is neither scheduled nor closed is recovering until `recover_until_ms`. Zero means no such time.
    pub fn effective(
        self,
        opens_at_ms: Millis,
        closes_at_ms: Millis,
        recover_until_ms: Millis,
        now_ms: Millis,
    ) -> Mode {
        if closes_at_ms > 0 && now_ms >= closes_at_ms {
            return Mode::Closed;
        }
        let mode = match self {
            Mode::Scheduled if opens_at_ms > 0 && now_ms >= opens_at_ms => Mode::Open,
            mode => mode,
        };
        match mode {
            Mode::Scheduled | Mode::Closed => mode,
            Mode::Open | Mode::Paused | Mode::Drain | Mode::Recovering if now_ms < recover_until_ms => Mode::Recovering,
            Mode::Open | Mode::Paused | Mode::Drain | Mode::Recovering => mode,
        }
    }
}

/// In which order visitors are let in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomOrder)]
pub enum AdmissionOrder {
    /// First come, first served.
    #[default]
    Fifo,
    /// Visitors who enter before the opening stand by a draw; after them, first come, first served.
    Lottery,
}

/// What sets the pace of admissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomControl)]
pub enum Control {
    /// Always `rate_per_min`.
    #[default]
    Fixed,
    /// At most `rate_per_min`; less while the pipeline is behind.
    Adaptive,
}

/// When a place inside is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomReleaseOn)]
pub enum ReleaseOn {
    /// When an order is confirmed and no hold is left.
    Order,
    /// Only when the visitor leaves or the place expires.
    Exit,
}

/// What the doors of a room have to know of it, as its event describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The event whose room it is.
    pub event: EventId,
    /// The event's lane.
    pub lane: LaneId,
    /// The shorter of `absent_after_s` and `claim_ttl_s`, ms: a visitor who polls more often than that loses nothing.
    pub patience_ms: i64,
    /// A visitor who is not seen for this long counts as absent, ms.
    pub absent_ms: i64,
    /// How long a visitor who was called while away may still come back, ms.
    pub grace_ms: i64,
    /// How long a rebuilt room waits for its visitors, ms.
    pub recover_ms: i64,
    /// What a lottery is drawn from; `None`: places go by arrival.
    pub draw: Option<DrawKey>,
    /// Which creation of the event this is; `None`: the event is from before births were kept.
    pub birth: Option<Birth>,
    /// How long a place inside lasts, if it is not given back before, ms.
    pub stay_ms: i64,
}

/// The settings of a room. Durations are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSettings {
    /// The mode that the operator set.
    pub mode: Mode,
    /// When a scheduled room opens by itself; 0: never.
    pub opens_at_ms: Millis,
    /// From when on the room is closed, whatever its mode; 0: never.
    pub closes_at_ms: Millis,
    /// Most visitors inside at once.
    pub capacity: i64,
    /// Most admissions a minute; the bucket holds one second's worth (at least one) and starts full.
    pub rate_per_min: i64,
    /// How long a place inside lasts after its claim.
    pub pass_ttl_s: i64,
    /// How long a called visitor may take to claim the place.
    pub claim_ttl_s: i64,
    /// A visitor who was not seen for this long when their turn comes becomes late.
    pub absent_after_s: i64,
    /// How long a late visitor may still come back; 0: not at all.
    pub late_grace_s: i64,
    /// When a place inside is given back.
    pub release_on: ReleaseOn,
    /// In which order visitors are let in.
    #[serde(default)]
    pub order: AdmissionOrder,
    /// What sets the pace of admissions.
    #[serde(default)]
    pub control: Control,
}

/// The settings of an event that does not say its own.
impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            mode: Mode::Open,
            opens_at_ms: 0,
            closes_at_ms: 0,
            capacity: 500,
            rate_per_min: 3_000,
            pass_ttl_s: 600,
            claim_ttl_s: 60,
            absent_after_s: 60,
            late_grace_s: 300,
            release_on: ReleaseOn::Order,
            order: AdmissionOrder::Fifo,
            control: Control::Fixed,
        }
    }
}

/// A room's counts and the settings a visitor may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCounts {
    /// The mode in force.
    pub mode: Mode,
    /// When a scheduled room opens by itself; 0: never.
    pub opens_at_ms: Millis,
    /// Length of the line: visitors who wait, and those who are back from being late.
    pub waiting: i64,
    /// Places inside, those included that are not claimed, or past their time and not swept.
    pub inside: i64,
    /// Visitors who are late and not back yet.
    pub late: i64,
    /// Most visitors inside at once.
    pub capacity: i64,
    /// Most admissions a minute, at full pace.
    pub rate_per_min: i64,
    /// Admissions since the event was created, in all rounds.
    pub admitted_total: i64,
    /// Number of the round, from 1.
    pub round: i64,
    /// The epoch of the next entry's score.
    pub epoch: i64,
    /// The room has a draw and has not opened yet.
    pub drawing: bool,
    /// Share of `rate_per_min` in force, per mille; [`PACE_MAX`] unless the control is adaptive.
    pub pace: i64,
    /// Free seats. All five counts of seats are 0 in a room without seats.
    pub free: i64,
    /// Held seats. Those of a hold that ran out count until it is swept.
    pub held: i64,
    /// Seats of orders that are not paid yet.
    pub paying: i64,
    /// Sold seats.
    pub sold: i64,
    /// Seats that are not on sale.
    pub blocked: i64,
}

impl RoomCounts {
    /// Admissions a minute at the present pace.
    pub fn rate(&self) -> i64 {
        if self.pace == PACE_MAX || self.rate_per_min == 0 {
            self.rate_per_min
        } else {
            (self.rate_per_min * self.pace / PACE_MAX).max(1)
        }
    }

    /// Whether the room has seats and none of them is free, held or paying.
    pub fn sold_out(&self) -> bool {
        self.has_seats() && self.free == 0 && self.held == 0 && self.paying == 0
    }

    /// Whether the event has any seats.
    pub fn has_seats(&self) -> bool {
        self.free + self.held + self.paying + self.sold + self.blocked > 0
    }
}

#[cfg(test)]
impl RoomCounts {
    /// Of an open room that nobody has entered yet, for tests to vary.
    pub fn untouched() -> Self {
        Self {
            mode: Mode::Open,
            opens_at_ms: 0,
            waiting: 0,
            inside: 0,
            late: 0,
            capacity: 0,
            rate_per_min: 0,
            admitted_total: 0,
            round: 1,
            epoch: 1,
            drawing: false,
            pace: PACE_MAX,
            free: 0,
            held: 0,
            paying: 0,
            sold: 0,
            blocked: 0,
        }
    }
}
