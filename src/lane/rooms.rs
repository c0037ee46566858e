//! Rooms as their lane has them: visitors enter, wait, are called, and end their visit.
//!
//! A visitor has one *place* or none: **waiting** (with the time last seen), **inside** until a time (*called* until
//! they claim it, then *claimed*), **late** since they missed their turn, or **back** from being late. A place keeps
//! its score in all of these. When a place ends for good, its score is **spent**. Spent is a property of the score: the
//! visitor may enter again and get a new one. Rules both stores keep:
//!
//! - A new room has round 1, epoch 1, serial 0 and a full bucket; the first entry gets serial 1. Serial and
//!   `admitted_total` are never set back. Equal scores stand by visitor id, bytewise.
//! - In a room of order `lottery` a round begins *drawing*: a visitor who enters while the room is scheduled stands by
//!   a draw, a negative score that the caller brings, and is *drawn*. Drawing ends at the first pulse or `put_event`
//!   that finds another mode in force (except recovering), and does not begin again in this round.
//! - Where the score is a draw, spent is a property of the visitor, not of the score: two visitors may draw the same.
//! - The *line* is waiting and back together: `RoomCounts::waiting` and `waiting_max` count both. `ahead` of a visitor
//!   who waits is their rank among the waiting plus the number of all who are back; of one who is back it is 0.
//! - The bucket counts units: an admission takes 60,000, `rate` units come in every ms, and it holds at most
//!   `max(60,000, rate · 1000)`. At rate 0 nobody is admitted, however full it is. It is filled up to the present
//!   whenever it is read. A step that changes the rate first fills it at the old rate.
//! - `rate` is `rate_per_min`; with control `adaptive`, `max(1, ⌊rate_per_min · pace / 1000⌋)` (0 at 0). `pace` begins
//!   at [`PACE_MAX`](crate::facts::room::PACE_MAX) and follows the oldest record's age; see [`Rooms::pulse`].
//! - These steps give the lane's log its next id without a record: entries, departures, a poll that ends a place,
//!   pulses that move or end places, purchases that give a place back, an event that leaves the lane, a closing, a new
//!   round and the end of drawing. So a lane that was set back to an older state is behind every process that has seen
//!   more of it.
//! - *Spending* a place removes it, unbinds its visitor and marks its score spent. Counts of seats are as the string
//!   stands: a hold that ran out counts as held until it is swept.
//! - A late visitor with `called + late_grace_s ≤ now` has lapsed (with a grace of 0: at once).

#![deny(missing_docs)]

use crate::facts::ids::{EventId, VisitorId};
use crate::facts::place::{Place, Token};
use crate::facts::room::RoomCounts;
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::board::{Board, Presence, Showing};
use async_trait::async_trait;

/// What happens in a room.
#[async_trait]
pub trait Rooms {
    /// Takes places in line, up to [`ENTER_MAX`] in one step, and answers in the visitors' order. Each visitor enters
    /// as if alone.
    ///
    /// First the room is checked, in this order: no event: `NoEvent`; closed or draining: `Closed`; scheduled and
    /// drawing, and `round` is another: `OtherRound`. Then each visitor:
    /// - A visitor who has a place: the place is changed and answered as [`poll`](Self::poll) does, as `Known` with the
    ///   place's own score. When that ends the place (`Done`), a new entry follows.
    /// - A new entry is admitted at once when the mode in force is open, the line is empty, `inside < capacity` (places
    ///   past their time count until they are swept), the bucket has one admission and, in a room with seats, one is
    ///   free. The place is claimed, lasts until `now + pass_ttl_s`, and counts in `admitted_total`.
    /// - Otherwise it waits, seen now. With `waiting ≥ waiting_max` it is `Full`, and no serial is used.
    /// - While the room is scheduled and drawing, a new entry that brings a draw stands by that draw.
    async fn enter(&self, now_ms: Millis, enter: Enter) -> Result<Vec<EnterOutcome>>;

    /// A visitor's present place. Marks them seen, claims an admission, brings a late one back, and puts back in line a
    /// visitor of this round who has no place and is not spent.
    ///
    /// First the room and the token are checked, in this order: no event: `None`; another round: `Done`; closed in
    /// force: `Closed`; the token's score spent: `Done`. Then the visitor's place decides, whatever its score:
    /// - inside, in time: `Admitted`. A called place is claimed, until `max(its expiry, now + pass_ttl_s)`.
    /// - inside, `expiry ≤ now`: a called place becomes late from now on, and is then judged as late. A claimed one,
    ///   and one called for the second time, is spent, `Done`.
    /// - late: a lapsed place is spent, `Done`; any other is back, `Waiting { ahead: 0 }`. Back:
    ///   `Waiting { ahead: 0 }`.
    /// - waiting: seen now; `Scheduled` while that mode is in force, else `Waiting`.
    /// - no place: the visitor waits with the token's score, seen now, even when the line is full; answered as waiting.
    ///   Where that score is a draw and the room is drawing, the visitor is drawn again.
    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>>;

    /// A snapshot from which many polls can be answered; reads only. `None`: no such event in this lane.
    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>>;

    /// Marks up to [`PRESENT_MAX`](crate::lane::board::PRESENT_MAX) visitors of one event seen, brings the late ones
    /// back, and puts back in line the visitors of this round who have no place and are not spent. The answers are in
    /// the order of the tokens; `None`: no such event.
    ///
    /// For each token: another round, closed in force or the token's score spent: `Gone`. Otherwise the visitor's place
    /// decides:
    /// - waiting: seen now, `Waiting`; back: `Back`;
    /// - late: back, `Back`; when lapsed, `Gone`: the pulse will spend it;
    /// - inside, in time or not: `Inside`, not claimed;
    /// - no place: the visitor waits with the token's score, seen now, `Waiting`.
    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>>;

    /// The visitor leaves for good; `false` when there was no such place.
    ///
    /// No event, another round or the token's score spent: `false`, and nothing is changed. Otherwise the token's score
    /// is spent, and so is the visitor's place if there is one; `true` when there was one. This works in every mode.
    /// Holds and counts of open holds stay; with the place its binding ends. A visitor who leaves while the room is
    /// drawing is not drawn any more. Entering again with the same draw, before the opening, makes the draw unspent.
    async fn leave(&self, now_ms: Millis, token: Token) -> Result<bool>;

    /// Expires places and holds, then admits. Any gateway may call it at any time; the caller sets the pace, and each
    /// call is bounded.
    ///
    /// While anybody waits, the time of a pulse is remembered, every [`BEAT_MS`]. When a pulse comes more than
    /// [`AWAY_MS`] after the last one remembered, all who wait count as seen now.
    ///
    /// In this order; each loop looks at `work_max` members at most:
    /// 0. Drawing ends if it is over. In an adaptive room the pace is looked at, [`PACE_EVERY_MS`] after the last look
    ///    at the earliest. While the pipeline is in time, the pace rises by [`PACE_STEP`], up to
    ///    [`PACE_MAX`](crate::facts::room::PACE_MAX). While the pipeline is behind, the pace is halved, down to
    ///    [`PACE_MIN`] at least, but only once for the visitors let in at one pace (as TCP reduces once for a window of
    ///    data, RFC 6582). It is halved again when the oldest record was written after the last halving, so that its
    ///    age shows the new pace; or when the age of the oldest record has doubled since then. The age doubles before
    ///    such a record is the oldest exactly where half the pace was still too much. While nothing moves at all, it
    ///    doubles at ever longer intervals (RFC 6298).
    /// 1. Places inside with `expiry ≤ now`, by (expiry, visitor): called ones become late from now on (`unclaimed`),
    ///    or are spent when this was their second call; claimed ones are spent (`expired`).
    /// 2. Late places that have lapsed, by (called, visitor): spent (`lapsed`).
    /// 3. Holds with `expires ≤ now`, by (expires, hold): expired (`holds_expired`).
    /// 4. Ended holds, then orders, whose time to be kept is over, by (time, id): dropped (see
    ///    [`HoldFact`](crate::facts::hold::HoldFact), [`OrderFact`](crate::facts::order::OrderFact)). Each kind is a
    ///    loop of its own.
    /// 5. If the mode in force is open or drain: with
    ///    `slots = min(capacity − inside, whole admissions in the bucket, free seats if the room has seats)`, one loop
    ///    over back and then waiting, by score, while `slots > 0`. A waiting visitor with `seen ≤ now − absent_after_s`
    ///    becomes late from now on (`absent`) and uses no slot. The others go inside, called, until
    ///    `now + claim_ttl_s`. Each of them takes one admission from the bucket and counts in `admitted_total` and
    ///    `admitted`. If the highest score met is above `head`, it becomes the `head`.
    ///
    /// `more`: a loop has looked at `work_max` members, and another one is due (in 5: with slots left). 1 to 4 run in
    /// every mode, also closed.
    async fn pulse(&self, now_ms: Millis, pulse: Pulse) -> Result<Option<Pulsed>>;

    /// The room's counts; `None`: no such event in this lane.
    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>>;

    /// When this visitor's place inside expires; `None`: not inside.
    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>>;

    /// Puts the holder of a live pass back inside, claimed, until `until_ms`, when the pass is over. Needs a room that
    /// is recovering, a pass that is not over, a token of its round that is not spent, `inside < capacity`, and a
    /// visitor who is not inside. `true`: inside now, or inside before.
    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool>;
}

/// The operations of [`Rooms`], as metrics name them.
pub const OPERATIONS: &[&str] = &["enter", "poll", "board", "presence", "leave", "pulse", "room", "inside", "readmit"];

/// Lowest pace of an adaptive room, per mille.
pub const PACE_MIN: i64 = 10;

/// By how much the pace rises at each look while the pipeline is in time, per mille.
pub const PACE_STEP: i64 = 50;

/// When no pulse came for longer than this, ms, nobody who waits counts as absent: the gateways were away, and visitors
/// had nowhere to show up.
pub const AWAY_MS: Millis = 3_000;

/// How often the time of a room's pulse is remembered, ms.
pub const BEAT_MS: Millis = 1_000;

/// How often an adaptive room looks at its pace, ms.
pub const PACE_EVERY_MS: Millis = 1_000;

/// The pipeline is behind while the lane's oldest record is older than this, ms.
pub const BEHIND_MS: Millis = 2_000;

/// Most visitors one `enter` takes.
pub const ENTER_MAX: usize = 500;

/// Visitors in the order in which they came.
#[derive(Debug, Clone)]
pub struct Enter {
    /// The event of the room.
    pub event: EventId,
    /// The round that the draws belong to.
    pub round: i64,
    /// The visitors who enter, at most [`ENTER_MAX`].
    pub visitors: Vec<Entrant>,
    /// Most visitors that may wait; more are refused `Full`.
    pub waiting_max: i64,
}

/// Who enters.
#[derive(Debug, Clone)]
pub struct Entrant {
    /// Id of the visitor.
    pub visitor: VisitorId,
    /// The visitor's draw, below zero, in a room that has one.
    pub draw: Option<i64>,
}

/// What became of a visitor who entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnterOutcome {
    /// A new place; its round is in the counts.
    Entered {
        /// Score of the new place.
        score: i64,
        /// Where the visitor stands.
        place: Place,
    },
    /// This visitor has a place already: that place.
    Known {
        /// Score of the place.
        score: i64,
        /// Where the visitor stands.
        place: Place,
    },
    /// The room is closed or draining.
    Closed,
    /// `waiting_max` is reached. The visitor may try again later.
    Full,
    /// The draws are of another round than the room is in.
    OtherRound,
    /// The lane has no such event.
    NoEvent,
}

/// Which room's pulse, and how much it may do.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// The event of the room.
    pub event: EventId,
    /// Most members that each of its loops looks at, from 1.
    pub work_max: i64,
}

/// What a pulse did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulsed {
    /// Visitors let in, those who are back from being late included.
    pub admitted: i64,
    /// Places inside that ran out after they had been claimed.
    pub expired: i64,
    /// Visitors who were not there at their turn: late from now on.
    pub absent: i64,
    /// Places that were called and not claimed in time: late from now on, or spent the second time.
    pub unclaimed: i64,
    /// Late visitors whose grace is over; their places are spent.
    pub lapsed: i64,
    /// Holds that were swept because their time ran out.
    pub holds_expired: i64,
    /// A loop met its bound: call again at once.
    pub more: bool,
}
