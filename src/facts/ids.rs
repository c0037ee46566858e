//! A newtype for every kind of id, and how the ids of facts are made.
//!
//! A *fact* is what a request with an Idempotency-Key makes: a hold, an order, a claim, a payment attempt, a
//! refund. Its id is derived from the user, the request and the key, so a repeat gets the same id on any gateway.
//! The id names its lane, so nobody has to look it up.

use std::borrow::Borrow;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Number of a lane, `0..lanes`. At most 256 lanes, so that it is two hex digits in an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LaneId(pub u16);

impl LaneId {
    /// The lane for what belongs to the whole house: its session does the house's jobs, and its outbox tells of them.
    pub const OF_THE_HOUSE: LaneId = LaneId(0);
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

/// Position in a lane's log: ascending from 1, never reused. Some steps take an id without a record, so the ids of
/// records have gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogId(pub u64);

/// Index of a seat in its event's seat string; given once, never reused.
pub type SeatIndex = u32;

/// A text of 24 bytes or less lies in the id itself: ids are made and cloned on every request, and short ones allocate
/// nothing.
macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(CompactString);

        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text of the id, owned.
            pub fn into_string(self) -> String {
                self.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        /// Lets a map keyed by these ids be asked with a text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_id! {
    /// Slug of an event.
    EventId;
    /// Slug of a section, unique within its event.
    SectionId;
    /// Slug of a coupon campaign.
    CampaignId;
    /// The `sub` of a user, 1 to 128 printable characters.
    UserId;
    /// A browser's random id, or a user's HMAC in rooms of identity `user`. ASCII.
    VisitorId;
    /// Id of a hold, as [`fact_id`] makes it.
    HoldId;
    /// Id of an order, as [`fact_id`] makes it.
    OrderId;
    /// Id of a claim, as [`fact_id`] makes it. The buyer sees the coupon's signed id instead.
    ClaimId;
    /// Id of an attempt to pay an order. It is also the provider's idempotency key.
    AttemptId;
    /// Id of a refund, as [`fact_id`] makes it. A refund of late money has the attempt's id with the letter `r`.
    RefundId;
}

/// Slugs: `[a-z0-9][a-z0-9-]{0,47}`.
pub fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=48).contains(&bytes.len())
        && bytes[0] != b'-'
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// A coupon, and the terms it was claimed under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CouponRef {
    /// The campaign of the coupon.
    pub campaign: CampaignId,
    /// From 1.
    pub number: i64,
    /// The campaign's version when the coupon was claimed. Its terms decide what the coupon is worth, even after the
    /// campaign has changed. 0: claimed before versions were kept.
    #[serde(default)]
    pub version: i64,
}

impl CouponRef {
    /// Reads what [`Display`](fmt::Display) writes, and refuses any other spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let campaign = CampaignId::from(parts.next().filter(|slug| is_slug(slug))?);
        let number = parts.next()?.parse().ok()?;
        let version = parts.next().map_or(Some(0), |version| version.parse().ok())?;
        let coupon = Self { campaign, number, version };
        (number >= 1 && version >= 0 && coupon.to_string() == text).then_some(coupon)
    }
}

/// `<campaign>.<number>.<version>`, or without the version when it is 0.
impl fmt::Display for CouponRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.campaign, self.number)?;
        if self.version > 0 { write!(f, ".{}", self.version) } else { Ok(()) }
    }
}

/// Users: 1 to 128 printable characters, no spaces at the ends.
pub fn is_user(text: &str) -> bool {
    let count = text.chars().count();
    (1..=128).contains(&count) && text.trim() == text && !text.chars().any(char::is_control)
}

/// The kind of fact that an id names. The id's first letter says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A hold: `h`.
    Hold,
    /// An order: `o`.
    Order,
    /// A claim: `k`.
    Claim,
    /// An attempt to pay: `p`.
    Attempt,
    /// A refund: `r`.
    Refund,
}

impl FactKind {
    fn letter(self) -> char {
        match self {
            FactKind::Hold => 'h',
            FactKind::Order => 'o',
            FactKind::Claim => 'k',
            FactKind::Attempt => 'p',
            FactKind::Refund => 'r',
        }
    }
}

/// The scope of an Idempotency-Key: the user, the request and the key. A repeat has the same scope.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The `sub` of the user who asks.
    pub user: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path of the request, without its query.
    pub path: &'a str,
    /// The Idempotency-Key, without quotes around it.
    pub key: &'a str,
}

/// The id of the fact that a request makes: kind letter, lane (2 hex), 32 hex of SHA-256 over the scope.
pub fn fact_id(kind: FactKind, lane: LaneId, scope: Scope<'_>) -> String {
    format!("{}{lane}{}", kind.letter(), scope_digest(scope))
}

/// Digest of a scope: 32 hex of SHA-256.
pub fn scope_digest(scope: Scope<'_>) -> String {
    let mut hash = Sha256::new();
    for part in [scope.user, scope.method, scope.path, scope.key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

/// The lane a fact's id names; `None` when the text is no id of this kind.
pub fn fact_lane(kind: FactKind, id: &str) -> Option<LaneId> {
    let bytes = id.as_bytes();
    let well_formed = bytes.len() == 35
        && bytes[0] == kind.letter() as u8
        && bytes[1..].iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    if !well_formed {
        return None;
    }
    u16::from_str_radix(&id[1..3], 16).ok().map(LaneId)
}

/// Digest of a request body by JSON value (object keys sorted): 32 hex characters.
pub fn body_digest(body: &serde_json::Value) -> String {
    // serde_json's map is a BTreeMap here (no `preserve_order`), so its text is canonical.
    hex::encode(&Sha256::digest(body.to_string().as_bytes())[..16])
}

#[cfg(test)]
mod tests;
