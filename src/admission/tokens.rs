//! Queue tokens: a place in line, signed, that its holder carries.
//!
//! `base64url(body ‖ mac)`, where the body is
//!
//! ```text
//! version u8 = 2 │ key id 4 │ birth 8 │ round i64 │ epoch i64 │ serial i64 │ event: length u8, text │ visitor: rest
//! ```
//!
//! (integers big endian). The mac is the first 16 bytes of HMAC-SHA256 over the body. A token does not expire and does
//! not rotate, because it is the place. It is verified every time, which costs less than a look-up. The token of a
//! visitor who entered by a draw has epoch and serial 0: what they drew follows from the seed, and no token shows it.
//!
//! `birth` names one creation of the event. An event created anew under the same name and secrets, as after a
//! rehearsal, has another birth. Tokens of version 1 have no birth and are good for any creation. An event without a
//! birth still gets such tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::facts::draw::{BIRTH_LEN, Birth};
use crate::facts::ids::{EventId, UserId, VisitorId, is_slug};
use crate::facts::place::Token;
use crate::facts::room::{EPOCH, score};
use crate::random;

const VERSION: u8 = 2;
/// The version of tokens without a birth.
const VERSION_BARE: u8 = 1;
const MAC_LEN: usize = 16;
/// Shortest body: that of a token without a birth, up to the event's text.
const HEAD_LEN: usize = 1 + 4 + 3 * 8 + 1;

/// Longest token that is checked, bytes.
const TOKEN_MAX: usize = 512;

/// One secret makes several kinds of MAC; these keep them apart.
const TOKEN_DOMAIN: &[u8] = b"stanchion queue token\0";
const VISITOR_DOMAIN: &[u8] = b"stanchion visitor\0";

/// Signs and verifies; remembers no token.
pub struct Tokens(Vec<Secret>);

/// One of the queue's secrets.
pub(super) struct Secret {
    /// Tells which secret made a text, but nothing about the secret.
    pub(super) id: [u8; 4],
    /// It is keyed already, which saves hashing two blocks for every MAC.
    mac: Hmac<Sha256>,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaim {
    pub event: EventId,
    pub visitor: VisitorId,
    /// Which creation of the event the token is for; `None`: the token does not say.
    pub birth: Option<Birth>,
    pub round: i64,
    /// `None`: a draw, whose score follows from the room's seed.
    pub score: Option<i64>,
}

/// Not a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged;

impl Tokens {
    /// The first secret signs, all verify. Never empty.
    pub fn new(secrets: &[Vec<u8>]) -> Self {
        Self(keyed(secrets))
    }

    /// `birth` is the birth of the token's event, if it has one.
    pub fn sign(&self, token: &Token, birth: Option<Birth>) -> String {
        let event = token.event.as_str().as_bytes();
        let secret = &self.0[0];
        let mut bytes = Vec::with_capacity(HEAD_LEN + BIRTH_LEN + event.len() + token.visitor.as_str().len() + MAC_LEN);
        bytes.push(version(birth));
        bytes.extend_from_slice(&secret.id);
        bytes.extend_from_slice(birth.as_ref().map_or(&[], |birth| birth.bytes()));
        let numbered = token.score.max(0);
        for number in [token.round, numbered.div_euclid(EPOCH), numbered.rem_euclid(EPOCH)] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.push(u8::try_from(event.len()).expect("slugs are at most 48 bytes"));
        bytes.extend_from_slice(event);
        bytes.extend_from_slice(token.visitor.as_str().as_bytes());
        let mac = secret.mac(TOKEN_DOMAIN, &bytes);
        bytes.extend_from_slice(&mac[..MAC_LEN]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether a verified token has the version and the secret that it would be signed with now. Then its text can go
    /// back as it came.
    pub fn is_current(&self, text: &str, birth: Option<Birth>) -> bool {
        let mut start = [0; 6];
        let read = text.as_bytes().get(..8).map(|text| URL_SAFE_NO_PAD.decode_slice(text, &mut start));
        matches!(read, Some(Ok(6))) && start[0] == version(birth) && start[1..5] == self.0[0].id
    }

    pub fn verify(&self, text: &str) -> Result<TokenClaim, Forged> {
        if text.len() > TOKEN_MAX {
            return Err(Forged);
        }
        let mut bytes = [0; TOKEN_MAX];
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| Forged)?;
        let bytes = &bytes[..len];
        let (body, mac) = bytes.split_at_checked(bytes.len().saturating_sub(MAC_LEN)).ok_or(Forged)?;
        if body.len() < HEAD_LEN || ![VERSION, VERSION_BARE].contains(&body[0]) {
            return Err(Forged);
        }
        let secret = self.0.iter().find(|secret| secret.id == body[1..5]).ok_or(Forged)?;
        let wanted = secret.mac(TOKEN_DOMAIN, body);
        if !bool::from(wanted[..MAC_LEN].ct_eq(mac)) {
            return Err(Forged);
        }
        decode(body).ok_or(Forged)
    }

    /// A user's one visitor in a room of identity `user`, the same on any device. It is made with the oldest secret, so
    /// that everyone keeps their place while a rotation is under way.
    pub fn visitor_of(&self, event: &EventId, user: &UserId) -> VisitorId {
        self.0.last().expect("never empty").visitor(event, user)
    }

    /// Whether a visitor is this user's, by any secret in force.
    pub fn is_visitor_of(&self, event: &EventId, user: &UserId, visitor: &VisitorId) -> bool {
        self.0.iter().any(|secret| secret.visitor(event, user) == *visitor)
    }
}

/// Never empty; the first signs, all verify.
pub(super) fn keyed(secrets: &[Vec<u8>]) -> Vec<Secret> {
    assert!(!secrets.is_empty(), "a queue needs a secret");
    let keyed = secrets.iter().map(|secret| {
        let digest = Sha256::new().chain_update(b"stanchion key id\0").chain_update(secret).finalize();
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        Secret { id: [digest[0], digest[1], digest[2], digest[3]], mac }
    });
    keyed.collect()
}

impl Secret {
    fn visitor(&self, event: &EventId, user: &UserId) -> VisitorId {
        // A slug has no zero byte, so event and user cannot run into each other.
        let text = [event.as_str().as_bytes(), b"\0", user.as_str().as_bytes()].concat();
        VisitorId::from(URL_SAFE_NO_PAD.encode(&self.mac(VISITOR_DOMAIN, &text)[..MAC_LEN]))
    }

    pub(super) fn mac(&self, domain: &[u8], text: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(domain);
        mac.update(text);
        mac.finalize().into_bytes().into()
    }
}

/// The version in which a token of an event with this birth is signed.
fn version(birth: Option<Birth>) -> u8 {
    if birth.is_some() { VERSION } else { VERSION_BARE }
}

/// Reads a body whose mac is good. So `None` means that the token was signed in another format.
fn decode(body: &[u8]) -> Option<TokenClaim> {
    let (head, rest) = body.split_at_checked(5)?;
    let (birth, rest) = match head[0] {
        VERSION => {
            rest.split_at_checked(BIRTH_LEN).map(|(birth, rest)| (birth.try_into().ok().map(Birth::new), rest))?
        }
        _ => (None, rest),
    };
    let number = |at: usize| rest.get(at..at + 8)?.try_into().ok().map(i64::from_be_bytes);
    let (round, epoch, serial) = (number(0)?, number(8)?, number(16)?);
    let event_len = usize::from(*rest.get(24)?);
    let event = std::str::from_utf8(rest.get(25..25 + event_len)?).ok()?;
    let visitor = std::str::from_utf8(rest.get(25 + event_len..)?).ok()?;
    if !is_slug(event) || visitor.is_empty() {
        return None;
    }
    let score = (serial > 0).then(|| score(epoch, serial));
    Some(TokenClaim { event: EventId::from(event), visitor: VisitorId::from(visitor), birth, round, score })
}

/// A new browser's visitor id: 96 random bits.
pub fn random_visitor() -> VisitorId {
    VisitorId::from(URL_SAFE_NO_PAD.encode(random::bytes::<12>()))
}

#[cfg(test)]
mod tests;
