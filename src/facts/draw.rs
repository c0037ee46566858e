//! The arithmetic of a draw, from an event's key to every visitor's score. [`Birth`] tells one creation of an event
//! from another.
//!
//! ```text
//! seed        = HMAC-SHA256(the event's key, "stanchion draw\0" ‖ event ‖ "\0" ‖ round i64 big endian)
//! commitment  = hex of SHA-256(seed)                          published when the room is created
//! list digest = hex of SHA-256(visitor ids, sorted, joined by "\n")   published at the opening, then the seed
//! score       = (first 46 bits of HMAC-SHA256(seed, visitor id)) − 2^46    lowest first, then by visitor id
//! ```
//!
//! Only seeds of single rounds are published: nobody can compute another round's seed from them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::facts::ids::{EventId, VisitorId};

const SEED_DOMAIN: &[u8] = b"stanchion draw\0";

/// Scores of a draw are negative, from `-2^46` on, so they stand before everyone who enters after the opening.
const SCORE_BITS: u32 = 46;

/// The key from which the seeds of all rounds of an event are made. It is never published, and `Debug` does not show
/// it.
#[derive(Clone, PartialEq, Eq)]
pub struct DrawKey(pub [u8; 32]);

impl DrawKey {
    /// The seed of a round of the event that has this key.
    pub fn seed(&self, event: &EventId, round: i64) -> Seed {
        let mut mac = keyed(&self.0);
        mac.update(SEED_DOMAIN);
        mac.update(event.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(&round.to_be_bytes());
        Seed::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for DrawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawKey")
    }
}

/// The seed of one round's draw. It is published only after the opening, so `Debug` does not show it either.
#[derive(Clone)]
pub struct Seed {
    bytes: [u8; 32],
    /// An HMAC that has taken in the key already, which is half the work of every score.
    mac: Hmac<Sha256>,
}

impl Seed {
    /// The seed with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes, mac: keyed(&bytes) }
    }

    /// Lower-case hex, as it is published.
    pub fn to_hex(&self) -> String {
        hex::encode(self.bytes)
    }

    /// Lower-case hex of the seed's SHA-256. It is published before the draw.
    pub fn commitment(&self) -> String {
        hex::encode(Sha256::digest(self.bytes))
    }

    /// A visitor's score. The lowest stands first; visitors with equal scores stand by visitor id, bytewise.
    pub fn score(&self, visitor: &VisitorId) -> i64 {
        self.draw(visitor) - (1 << SCORE_BITS)
    }

    /// The number that a visitor drew, from 0 to `2^46 − 1`. The score is this number less `2^46`.
    pub fn draw(&self, visitor: &VisitorId) -> i64 {
        let mut mac = self.mac.clone();
        mac.update(visitor.as_str().as_bytes());
        let drawn: [u8; 32] = mac.finalize().into_bytes().into();
        let first =
            u64::from_be_bytes([drawn[0], drawn[1], drawn[2], drawn[3], drawn[4], drawn[5], drawn[6], drawn[7]]);
        i64::try_from(first >> (u64::BITS - SCORE_BITS)).expect("46 bits fit")
    }
}

impl PartialEq for Seed {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Seed {}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// Digest of a list of visitors, made while they are added. The caller adds them sorted, none of them twice.
#[derive(Debug, Clone, Default)]
pub struct ListDigest {
    hash: Sha256,
    begun: bool,
}

impl ListDigest {
    /// Adds the next visitor of the list.
    pub fn add(&mut self, visitor: &VisitorId) {
        if self.begun {
            self.hash.update(b"\n");
        }
        self.begun = true;
        self.hash.update(visitor.as_str().as_bytes());
    }

    /// Lower-case hex.
    pub fn finish(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

/// The digest of a sorted list.
pub fn list_digest<'a>(sorted: impl IntoIterator<Item = &'a VisitorId>) -> String {
    let mut digest = ListDigest::default();
    sorted.into_iter().for_each(|visitor| digest.add(visitor));
    digest.finish()
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Bytes of a [`Birth`].
pub const BIRTH_LEN: usize = 8;

/// Tells one creation of an event from another. It is random, and all tokens and passes of the creation carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth([u8; BIRTH_LEN]);

impl Birth {
    /// The birth with these bytes, as a queue token carries them.
    pub const fn new(bytes: [u8; BIRTH_LEN]) -> Self {
        Self(bytes)
    }

    /// Made from the secret of the event's draws, which the event gets once, when it is created. It reveals nothing of
    /// the secret.
    pub fn of(draw: &[u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"stanchion event birth\0").chain_update(draw).finalize();
        Self(std::array::from_fn(|at| digest[at]))
    }

    /// The bytes that a queue token carries.
    pub fn bytes(&self) -> &[u8; BIRTH_LEN] {
        &self.0
    }

    /// Lower-case hex, as a pass carries it.
    pub fn text(self) -> String {
        hex::encode(self.0)
    }

    /// The inverse of [`text`](Self::text); `None` when the text is not 16 hex digits.
    pub fn read(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests;
