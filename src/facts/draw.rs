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
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The expected values are computed in Python from the key 00 01 … 1f:
    //
    //   seed = hmac.digest(key, b"stanchion draw\0hall\0" + (1).to_bytes(8, "big"), "sha256")
    //   score = (int.from_bytes(hmac.digest(seed, b"kim", "sha256"), "big") >> 210) - 2**46
    fn key() -> DrawKey {
        DrawKey(std::array::from_fn(|n| u8::try_from(n).expect("32 of them")))
    }

    #[test]
    fn a_seed_is_of_its_event_and_round() {
        let seed = key().seed(&"hall".into(), 1);
        assert_eq!(seed.to_hex(), "6885cc03a33cf840af1f5379c77ce8d5661c97592be71c714a31563d49d6f9d8");
        assert_eq!(seed.commitment(), "d9cec05afaa908eaa05b7420764926772b98268fa7f57f1065de358a41cd90a5");
        let next = key().seed(&"hall".into(), 2);
        assert_eq!(next.to_hex(), "636d508fb861fe7653537b894c8cd9d096eea03366fe5e26638172e2e7433d93");
        assert_ne!(seed, key().seed(&"dome".into(), 1));
    }

    #[test]
    fn scores_are_what_anyone_computes() {
        let seed = key().seed(&"hall".into(), 1);
        for (visitor, score) in
            [("kim", -1_624_268_613_067), ("lee", -15_645_212_563_376), ("9f-_AbC0123456789xyzAB", -65_555_111_918_852)]
        {
            assert_eq!(seed.score(&visitor.into()), score, "{visitor}");
        }
    }

    #[test]
    fn a_lists_digest() {
        let of = |ids: &[&str]| list_digest(&ids.iter().map(|id| VisitorId::from(*id)).collect::<Vec<_>>());
        assert_eq!(of(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(&["kim"]), "26ae784d194a5760464348329af4eb9fca2b27bbf823742c968a61543e3a1153");
        assert_eq!(of(&["a", "b", "c"]), "ea7fb08b7a2dc4619ffb7c7bb38d95a2047935fa165d71b12efd3852a2e6d0cc");
    }

    #[test]
    fn nothing_secret_prints() {
        assert_eq!(format!("{:?} {:?}", key(), key().seed(&"hall".into(), 1)), "DrawKey Seed");
    }

    proptest! {
        #[test]
        fn scores_stand_before_every_serial(bytes: [u8; 32], visitor in "[!-~]{1,40}") {
            let score = Seed::new(bytes).score(&VisitorId::from(visitor));
            prop_assert!((-(1 << 46)..0).contains(&score), "{score}");
        }

        /// Scores have the order of the whole MACs, as far as 46 bits can tell them apart.
        #[test]
        fn scores_have_the_order_of_the_macs(bytes: [u8; 32], one in "[a-z]{1,9}", other in "[a-z]{1,9}") {
            let mac = |visitor: &str| {
                let mut mac = keyed(&bytes);
                mac.update(visitor.as_bytes());
                let drawn: [u8; 32] = mac.finalize().into_bytes().into();
                drawn
            };
            let seed = Seed::new(bytes);
            let scores = seed.score(&one.as_str().into()).cmp(&seed.score(&other.as_str().into()));
            prop_assert!(scores.is_eq() || scores == mac(&one).cmp(&mac(&other)));
        }
    }
}
