//! A waiting room as its lane sees it. Knows no tokens' signatures and no pages.
//!
//! A visitor has one *place* or none: **waiting** (with the time last seen), **inside** until a time
//! (*called* until they claim it, then claimed), **late** since they were called, or **back** from being
//! late. A place keeps its score wherever it is. A score that is through is **spent**; spent is a
//! property of the score, so a visitor may enter again and get a new one. Rules both stores keep:
//!
//! - A new room has round 1, epoch 1, serial 0, a full bucket; the first entry gets serial 1. Serial and
//!   `admitted_total` are never set back. Equal scores stand by visitor id, bytewise.
//! - In a room of order `lottery` a round begins *drawing*: who enters a scheduled room then stands by a
//!   draw, a negative score the caller brings, and is *drawn*. Drawing is over at the first pulse or
//!   `put_event` that finds another mode in force (recovering aside), and stays so in this round.
//! - Spent is a property of the visitor, not of the score, where the score is a draw: two may draw the same.
//! - The *line* is waiting and back together: `RoomCounts::waiting` and `waiting_max` count both. `ahead`
//!   of a waiting one is its rank in waiting plus all of back; of one that is back, 0.
//! - The bucket, in units: an admission takes 60,000, `rate` come in every ms, it holds
//!   `max(60,000, rate · 1000)`. At rate 0 nobody is admitted, whatever is in it. It is filled up to the
//!   present whenever it is read, and by whatever changes the rate at the old one before the new one counts.
//! - `rate` is `rate_per_min`; with control `adaptive`, `max(1, ⌊rate_per_min · pace / 1000⌋)` (0 at 0).
//!   `pace` begins at [`PACE_MAX`] and follows the age of the lane's oldest record; see [`Pulse`].
//! - Entries, departures, pulses with effect, purchases that give a place back, a closing, a new round and
//!   the end of drawing give the lane's log its next id without a record, so that a lane that was set back is behind whoever saw
//!   more of it.
//! - *Spending* a place removes it and marks its score spent. Counts of seats are as the string stands;
//!   a hold that ran out counts as held until it is swept.
//! - A late one whose `called + late_grace_s ≤ now` has lapsed (with a grace of 0: at once).

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::{EventId, VisitorId};

/// Serials below this; an epoch is this many serials.
pub const EPOCH: i64 = 1 << 36;

/// Scores there are: the lowest draw, and what stays below 10^14, where Lua's text forms are exact.
pub const SCORES: std::ops::RangeInclusive<i64> = -(1 << 46)..=99_999_999_999_999;

/// `head` of a room that has called nobody yet: below every score.
pub const NO_HEAD: i64 = *SCORES.start() - 1;

/// The whole rate, per mille.
pub const PACE_MAX: i64 = 1_000;
/// The least an adaptive room slows down to.
pub const PACE_MIN: i64 = 10;
/// What it takes back for each second in time.
pub const PACE_STEP: i64 = 50;
/// When no pulse came for longer than this, ms, nobody could show up either: the house was away, not its visitors.
pub const AWAY_MS: Millis = 3_000;
/// A room's pulse is remembered so often, ms.
pub const BEAT_MS: Millis = 1_000;
/// An adaptive room looks at its pace so often, ms.
pub const PACE_EVERY_MS: Millis = 1_000;
/// The pipeline is behind while the lane's oldest record is older than this, ms.
pub const BEHIND_MS: Millis = 2_000;

/// Place of an entry: `epoch · 2^36 + serial`. Lower is earlier.
pub fn score(epoch: i64, serial: i64) -> i64 {
    epoch * EPOCH + serial
}

/// What an operator set, or, `Recovering`, what is in force while a rebuilt room waits for its visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomMode)]
pub enum Mode {
    Scheduled,
    Open,
    Paused,
    Drain,
    Closed,
    #[serde(skip_deserializing)]
    #[schema(ignore)]
    Recovering,
}

impl Mode {
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

    /// The mode in force: a scheduled room opens by itself at `opens_at_ms`, any room is closed from
    /// `closes_at_ms` on, and one that is neither is recovering until `recover_until_ms`. Zero means no
    /// such time.
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

/// Who comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomOrder)]
pub enum Order {
    /// Who came first.
    #[default]
    Fifo,
    /// Whoever came before the opening, by a draw; then who came first.
    Lottery,
}

/// What sets the pace of admissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomControl)]
pub enum Control {
    /// `rate_per_min`.
    #[default]
    Fixed,
    /// At most that; less while the pipeline is behind.
    Adaptive,
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
    #[serde(default)]
    pub order: Order,
    #[serde(default)]
    pub control: Control,
}

/// Most visitors one `enter` takes.
pub const ENTER_MAX: usize = 500;

/// Arguments of `enter`: visitors in the order in which they came, each as if alone.
///
/// In this order: no event → `NoEvent`; closed or draining → `Closed`; drawing, and `round` is another →
/// `OtherRound`; then each visitor: who has a place → what `poll` does to it and answers, as `Known` with
/// the place's own score — but when that place ends by it (`Done`), it is a new entry that follows. A new
/// entry is admitted at once (claimed, until `now + pass_ttl_s`, counted in `admitted_total`) when the mode
/// in force is open, the line is empty, `inside < capacity` (places past their time count until they are
/// swept), the bucket has one and, in a room with seats, one is free; else it waits, seen now; else,
/// `waiting ≥ waiting_max`, it is `Full` and no serial is used. Scheduled and drawing, a new entry that
/// brings a draw stands by it.
#[derive(Debug, Clone)]
pub struct Enter {
    pub event: EventId,
    /// Which round the draws are of.
    pub round: i64,
    pub visitors: Vec<Entrant>,
    /// Most visitors that may wait; more are refused `Full`.
    pub waiting_max: i64,
}

/// Who enters.
#[derive(Debug, Clone)]
pub struct Entrant {
    pub visitor: VisitorId,
    /// The visitor's draw, below zero, in a room that has one.
    pub draw: Option<i64>,
}

/// What a queue token says of a place, its signature already checked.
///
/// `poll`, in this order: no event → `None`; another round → `Done`; closed in force → `Closed`; the
/// token's score spent → `Done`; then by the visitor's place, whatever its score:
/// - inside, in time: a called one is claimed: until `max(its expiry, now + pass_ttl_s)`. `Admitted`.
/// - inside, `expiry ≤ now`: a called one is late since now, and goes on as late; a claimed one, and one
///   called for the second time, is spent, `Done`.
/// - late: lapsed → spent, `Done`; else back, `Waiting { ahead: 0 }`. Back: `Waiting { ahead: 0 }`.
/// - waiting: seen now; `Scheduled` while the mode in force is, else `Waiting`.
/// - no place: waits with the token's score, seen now, however many wait; answered as waiting. Where that
///   score is a draw and the room is drawing, the visitor is drawn again.
///
/// `leave`: no event, another round or the token's score spent → `false`, nothing changed. Else the
/// token's score is spent, and the visitor's place too if there is one; `true` when there was one. In
/// every mode. Holds, bindings and counts of open holds stay. Who leaves a room still drawing is not drawn
/// any more; entering again by the same draw, before the opening, takes the mark off.
///
/// `readmit` puts the holder of a live pass back inside, claimed, until the pass is over: when the room is
/// recovering, the token is of its round and not spent, `inside < capacity`, and the visitor is not inside.
/// `true`: inside now, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub event: EventId,
    pub visitor: VisitorId,
    /// One of [`SCORES`].
    pub score: i64,
    pub round: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnterOutcome {
    /// A new place; its round is in the counts.
    Entered {
        score: i64,
        place: Place,
    },
    /// This visitor has a place already: that one again.
    Known {
        score: i64,
        place: Place,
    },
    /// Closed or draining.
    Closed,
    /// `waiting_max` reached; try again later.
    Full,
    /// The draws are of another round than the room is in.
    OtherRound,
    NoEvent,
}

/// Where a visitor stands, with the room's counts after the call.
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
    /// Before the opening of a draw.
    pub drawing: bool,
    /// Share of `rate_per_min` in force, per mille.
    pub pace: i64,
    /// Seats by state; all zero in rooms without seats.
    pub free: i64,
    pub held: i64,
    pub paying: i64,
    pub sold: i64,
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

    /// Nothing free, nothing held, nothing paying, in a room that has seats.
    pub fn sold_out(&self) -> bool {
        self.has_seats() && self.free == 0 && self.held == 0 && self.paying == 0
    }

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

/// Arguments of `pulse`.
///
/// While anybody waits, the time of a pulse is remembered, every [`BEAT_MS`]. One that comes more than [`AWAY_MS`] after
/// the last one remembered counts all who wait as seen now.
///
/// In this order, each loop looking at `work_max` members at most:
/// 0. drawing ends, if it has to; in an adaptive room the pace, when it was last looked at
///    [`PACE_EVERY_MS`] ago or more: [`PACE_STEP`] more, up to [`PACE_MAX`], while the pipeline is in time;
///    while it is behind, halved, to [`PACE_MIN`] at least, but only once for what was let in at one pace:
///    again when the oldest record was written after the last halving, so that it speaks of the new pace
///    (as TCP reduces once for a window of data, RFC 6582), or when its age has doubled since, which it
///    does before such a record comes first exactly where half the pace was still too much (and while
///    nothing moves at all, at ever longer intervals: RFC 6298);
/// 1. inside with `expiry ≤ now`, by (expiry, visitor): called ones are late since now (`unclaimed`; spent
///    when it was their second call, after one in vain), claimed ones spent (`expired`);
/// 2. late that have lapsed, by (called, visitor): spent (`lapsed`);
/// 3. holds with `expires ≤ now`, by (expires, hold): expired (`holds_expired`);
/// 4. facts whose day is over: holds, then orders, by (time, id): dropped (see [`super::hold::HoldFact`],
///    [`super::order::OrderFact`]), each kind a loop of its own;
/// 5. if the mode in force is open or drain: with `slots = min(capacity − inside, whole admissions in the
///    bucket, free seats if the room has seats)`, one loop over back and then waiting, by score, while
///    `slots > 0`: a waiting one with `seen ≤ now − absent_after_s` is late since now (`absent`) and
///    uses no slot; the others go inside, called, until `now + claim_ttl_s`, take one from the bucket
///    and count in `admitted_total` and `admitted`. The highest score met is the `head` if it was lower.
///
/// `more`: a loop looked at `work_max` members and another stood there to be looked at (in 5: with slots
/// left). In closed mode 1 to 4 still run.
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
    /// Not there at their turn: late from now on.
    pub absent: i64,
    /// Called, and the admission not claimed in time: late from now on, or spent the second time.
    pub unclaimed: i64,
    /// Late ones whose grace is over.
    pub lapsed: i64,
    /// Holds swept.
    pub holds_expired: i64,
    /// Some loop met its bound: call again at once.
    pub more: bool,
}
