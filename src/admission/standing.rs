//! What a visitor asks with, and the answer: where the visitor stands.

use std::borrow::Cow;

use super::speed::Eta;
use crate::facts::ids::{UserId, VisitorId};
use crate::facts::place::PlaceState;
use crate::facts::room::RoomCounts;
use crate::facts::time::Millis;

/// What a token came with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Along<'a> {
    /// The token's own text. It goes back as it is while nothing in it has changed.
    pub text: Option<&'a str>,
    pub pass: Option<&'a str>,
    pub why: Why,
}

/// Why a holder of a token asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Why {
    #[default]
    Polls,
    /// To enter, unless the token's place is still theirs.
    Enters,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly always the large one, and moved once")]
pub enum Polled<'a> {
    Standing(Standing<'a>),
    /// The lane has never heard of this event.
    NoEvent,
    /// The lanes are so far behind that they cannot be told of more visitors.
    Full,
}

#[derive(Debug)]
pub enum Entered {
    New(Standing<'static>),
    /// The visitor has a place already, and gets it again.
    Known(Standing<'static>),
    /// Closed or draining.
    Closed,
    /// As many wait as are allowed.
    Full,
    /// Not just now: more enter than the lane can be told of, or the round of the draw is not known.
    Behind,
    /// The lane has never heard of this event.
    NoEvent,
}

/// Where a visitor stands, and what to carry and do next.
#[derive(Debug)]
pub struct Standing<'a> {
    pub visitor: VisitorId,
    /// The place, for the visitor to keep.
    pub token: Cow<'a, str>,
    pub place: VisitorPlace,
    pub poll_after_ms: i64,
}

#[derive(Debug)]
pub enum VisitorPlace {
    /// In line before the opening.
    Scheduled {
        counts: RoomCounts,
    },
    Waiting {
        ahead: i64,
        eta: Option<Eta>,
        counts: RoomCounts,
    },
    /// The visitor was called while away and is back, and goes before all who wait. A gateway that does not know of the
    /// call says `Waiting`.
    Late {
        called_ms: Option<Millis>,
        counts: RoomCounts,
    },
    Admitted {
        pass: String,
        expires_ms: Millis,
        /// When first called, where it is known.
        called_ms: Option<Millis>,
        counts: RoomCounts,
    },
    /// The visitor is through, or the token is of another round.
    Done {
        /// When first called, where it is known.
        called_ms: Option<Millis>,
        counts: RoomCounts,
    },
    Closed {
        counts: RoomCounts,
    },
    /// The lane is being rebuilt; the token stays good.
    Recovering,
}

/// What the board says of a place.
pub(super) enum OnBoard {
    There(PlaceState),
    /// It may be this visitor's turn, or they are not in line: only the lane knows.
    Ask,
    /// As in [`Polled`].
    Full,
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub enum Newcomer<'a> {
    Browser,
    /// A browser that has shown a proof of work, which says which visitor it is.
    Proven(&'a VisitorId),
    /// In rooms of identity `user`.
    User(&'a UserId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Left,
    /// There was no such place (any more).
    NoPlace,
}
