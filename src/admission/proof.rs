//! The proof of work at the door: the more visitors enter, the more work each of them has to do.
//!
//! Gateways do not store challenges. A challenge is signed and carries its event, its difficulty and its expiry. It is
//! `base64url(body ‖ mac)` with the body
//!
//! ```text
//! version u8 = 1 │ key id 4 │ bits u8 │ expires ms i64 │ random 12 │ event: the rest
//! ```
//!
//! (integers big endian). The mac is the first 16 bytes of HMAC-SHA256 over the body and the holder. In rooms where
//! each user has one place, the holder is that user's visitor; elsewhere it is empty. A proof is a `nonce` such that
//! SHA-256 of `challenge "." nonce` begins with `bits` zero bits.
//!
//! Each challenge is good for one place, without any memory of used ones: the visitor id is made from the challenge. So
//! the same challenge is the same visitor, however often it comes and through whichever gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dashmap::DashMap;
use metrics::{Counter, counter};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::tokens::{Secret, keyed};
use crate::config::ProofOfWork;
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::time::Millis;
use crate::metrics::ADMISSION_PROOFS;
use crate::{config, random};

const VERSION: u8 = 1;
const MAC_LEN: usize = 16;
const HEAD_LEN: usize = 1 + 4 + 1 + 8 + 12;
/// Where the random bytes begin.
const RANDOM_AT: usize = HEAD_LEN - 12;

/// Longest challenge, and longest nonce, that is checked, bytes.
const TEXT_MAX: usize = 256;

/// How long a challenge is valid, ms: enough for the slowest phone and a look at another tab.
const LIFE_MS: Millis = 120_000;

/// How many bits easier a challenge may be than one given now: the rate may double while a visitor solves it, and
/// another gateway may have seen only half of the rate.
const SLACK_BITS: u8 = 1;

/// After this time an entry counts 1/e in the rate, ms.
const DECAY_MS: f64 = 10_000.0;

/// With this many rates, the calm ones are forgotten before another event's is added.
const RATES_MAX: usize = 1_024;

const CHALLENGE_DOMAIN: &[u8] = b"stanchion challenge\0";
const VISITOR_DOMAIN: &[u8] = b"stanchion proven visitor\0";

/// When a proof is asked for, and how hard it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// No proof is asked for while fewer entries a second than this come to an event through this gateway.
    pub free_rps: f64,
    /// Bits at `free_rps`; one more for every doubling of the rate.
    pub bits_min: u8,
    pub bits_max: u8,
}

/// Gives challenges and checks proofs. One per gateway.
pub struct Proofs {
    /// `None`: off.
    policy: Option<Policy>,
    secrets: Vec<Secret>,
    rates: DashMap<EventId, Rate>,
    counters: ProofCounters,
}

/// Entries a second, as a decaying average.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    at_ms: Millis,
    rps: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub text: String,
    /// 0: no proof is asked for now.
    pub bits: u8,
    pub expires_ms: Millis,
}

/// Where a proof is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    pub event: &'a EventId,
    /// In rooms where each user has one place, that user's visitor: a proof that one user solved is no good for
    /// another.
    pub holder: Option<&'a VisitorId>,
}

/// What a newcomer brings.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    pub challenge: &'a str,
    pub nonce: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofOutcome {
    /// No proof was asked for.
    Free,
    /// The proof is good; this is the visitor it makes.
    Proven(VisitorId),
    /// A proof is asked for, and none was brought.
    Missing,
    Refused(ProofRefusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofRefusal {
    /// Not a challenge of ours for this event and holder.
    Forged,
    Expired,
    /// From calmer times: too much easier than a challenge given now.
    TooEasy,
    /// The nonce does not solve the challenge.
    Wrong,
}

/// Handles kept for the hot path.
struct ProofCounters {
    accepted: Counter,
    missing: Counter,
    forged: Counter,
    expired: Counter,
    easy: Counter,
    wrong: Counter,
}

impl Policy {
    /// `None`: off.
    pub fn new(config: &config::QueueConfig) -> Option<Self> {
        match config.proof_of_work {
            ProofOfWork::Off => None,
            ProofOfWork::Adaptive => Some(Self {
                free_rps: f64::from(config.proof_free_rps),
                bits_min: config.proof_bits_min,
                bits_max: config.proof_bits_max,
            }),
        }
    }

    fn bits(self, rps: f64) -> u8 {
        if rps < self.free_rps {
            return 0;
        }
        let doublings = (rps / self.free_rps.max(1.0)).log2().max(0.0) as u8;
        self.bits_min.saturating_add(doublings).min(self.bits_max)
    }
}

impl Rate {
    fn at(self, now_ms: Millis) -> f64 {
        self.rps * (-((now_ms - self.at_ms).max(0) as f64) / DECAY_MS).exp()
    }

    fn one_more(self, now_ms: Millis) -> Self {
        Self { at_ms: now_ms.max(self.at_ms), rps: self.at(now_ms) + 1000.0 / DECAY_MS }
    }
}

impl Proofs {
    /// The first secret signs, all verify.
    pub fn new(policy: Option<Policy>, secrets: &[Vec<u8>]) -> Self {
        let outcome = |outcome: &'static str| counter!(ADMISSION_PROOFS, "outcome" => outcome);
        let counters = ProofCounters {
            accepted: outcome("accepted"),
            missing: outcome("missing"),
            forged: outcome("forged"),
            expired: outcome("expired"),
            easy: outcome("easy"),
            wrong: outcome("wrong"),
        };
        Self { policy, secrets: keyed(secrets), rates: DashMap::new(), counters }
    }

    /// Zero bits that a proof must have now; 0: no proof is asked for.
    pub fn bits(&self, now_ms: Millis, event: &EventId) -> u8 {
        let Some(policy) = self.policy else { return 0 };
        policy.bits(self.rates.get(event).map_or(0.0, |rate| rate.at(now_ms)))
    }

    pub fn challenge(&self, now_ms: Millis, door: Door<'_>) -> Challenge {
        let (bits, expires_ms) = (self.bits(now_ms, door.event), now_ms + LIFE_MS);
        let secret = &self.secrets[0];
        let mut bytes = Vec::with_capacity(HEAD_LEN + door.event.as_str().len() + MAC_LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(&secret.id);
        bytes.push(bits);
        bytes.extend_from_slice(&expires_ms.to_be_bytes());
        bytes.extend_from_slice(&random::bytes::<12>());
        bytes.extend_from_slice(door.event.as_str().as_bytes());
        let mac = door.mac(secret, &bytes);
        bytes.extend_from_slice(&mac);
        Challenge { text: URL_SAFE_NO_PAD.encode(bytes), bits, expires_ms }
    }

    /// Whether a newcomer may enter.
    pub fn check(&self, now_ms: Millis, door: Door<'_>, proof: Option<Proof<'_>>) -> ProofOutcome {
        if self.policy.is_none() {
            return ProofOutcome::Free;
        }
        let wanted = self.bits(now_ms, door.event);
        let checked = match proof.map(|proof| self.verify(now_ms, door, proof, wanted)) {
            Some(Ok(visitor)) => ProofOutcome::Proven(visitor),
            // No proof is asked for now, so a bad one sends nobody away.
            None | Some(Err(_)) if wanted == 0 => ProofOutcome::Free,
            None => ProofOutcome::Missing,
            Some(Err(refusal)) => ProofOutcome::Refused(refusal),
        };
        self.counters.of(&checked).inspect(|counter| counter.increment(1));
        checked
    }

    fn verify(&self, now_ms: Millis, door: Door<'_>, proof: Proof<'_>, wanted: u8) -> Result<VisitorId, ProofRefusal> {
        let Proof { challenge, nonce } = proof;
        if challenge.len() > TEXT_MAX || nonce.len() > TEXT_MAX {
            return Err(ProofRefusal::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(challenge).map_err(|_| ProofRefusal::Forged)?;
        let (body, mac) = bytes.split_at_checked(bytes.len().saturating_sub(MAC_LEN)).ok_or(ProofRefusal::Forged)?;
        if body.len() < HEAD_LEN || body[0] != VERSION || body[HEAD_LEN..] != *door.event.as_str().as_bytes() {
            return Err(ProofRefusal::Forged);
        }
        let secret = self.secrets.iter().find(|secret| secret.id == body[1..5]).ok_or(ProofRefusal::Forged)?;
        if !bool::from(door.mac(secret, body).ct_eq(mac)) {
            return Err(ProofRefusal::Forged);
        }
        let expires_ms = i64::from_be_bytes(body[6..RANDOM_AT].try_into().expect("eight bytes"));
        if expires_ms <= now_ms {
            return Err(ProofRefusal::Expired);
        }
        let bits = body[5];
        if bits.saturating_add(SLACK_BITS) < wanted {
            return Err(ProofRefusal::TooEasy);
        }
        if zero_bits(challenge, nonce) < u32::from(bits) {
            return Err(ProofRefusal::Wrong);
        }
        // The secret that signed the challenge makes the visitor, so that a rotation of secrets does not change it.
        let made = secret.mac(VISITOR_DOMAIN, &body[RANDOM_AT..]);
        Ok(VisitorId::from(URL_SAFE_NO_PAD.encode(&made[..12])))
    }

    /// Counts a new place in the event's rate. Refusals and repeated proofs do not count, or a flood of them would make
    /// it hard for everybody else.
    pub fn entered(&self, now_ms: Millis, event: &EventId) {
        if self.policy.is_none() {
            return;
        }
        if self.rates.len() >= RATES_MAX && !self.rates.contains_key(event) {
            self.rates.retain(|_, rate| rate.at(now_ms) > 0.01);
        }
        let mut rate = self.rates.entry(event.clone()).or_default();
        *rate = rate.one_more(now_ms);
    }
}

impl Door<'_> {
    fn mac(&self, secret: &Secret, body: &[u8]) -> [u8; MAC_LEN] {
        // The head has a fixed length and a slug has no zero byte, so event and holder cannot run into each other.
        let holder = self.holder.map_or("", VisitorId::as_str).as_bytes();
        let mac = secret.mac(CHALLENGE_DOMAIN, &[body, b"\0", holder].concat());
        mac[..MAC_LEN].try_into().expect("a part of it")
    }
}

impl ProofCounters {
    fn of(&self, checked: &ProofOutcome) -> Option<&Counter> {
        match checked {
            ProofOutcome::Free => None,
            ProofOutcome::Proven(_) => Some(&self.accepted),
            ProofOutcome::Missing => Some(&self.missing),
            ProofOutcome::Refused(ProofRefusal::Forged) => Some(&self.forged),
            ProofOutcome::Refused(ProofRefusal::Expired) => Some(&self.expired),
            ProofOutcome::Refused(ProofRefusal::TooEasy) => Some(&self.easy),
            ProofOutcome::Refused(ProofRefusal::Wrong) => Some(&self.wrong),
        }
    }
}

/// How many zero bits the digest of a proof begins with, 64 at most.
pub fn zero_bits(challenge: &str, nonce: &str) -> u32 {
    let digest = Sha256::new().chain_update(challenge).chain_update(".").chain_update(nonce).finalize();
    u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes")).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { free_rps: 10.0, bits_min: 6, bits_max: 9 };
    /// A proof is asked for from the first entry on.
    const ALWAYS: Policy = Policy { free_rps: 0.0, ..POLICY };

    fn proofs(policy: Policy, secrets: &[&str]) -> Proofs {
        let secrets: Vec<Vec<u8>> = secrets.iter().map(|secret| secret.repeat(32).into_bytes()).collect();
        Proofs::new(Some(policy), &secrets)
    }

    fn solve(challenge: &str, bits: u8) -> String {
        let solves = |nonce: &String| zero_bits(challenge, nonce) >= u32::from(bits);
        (0_u64..).map(|n| n.to_string()).find(solves).expect("one of many does")
    }

    fn refusal(checked: ProofOutcome) -> ProofRefusal {
        match checked {
            ProofOutcome::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_it_costs_follows_the_rate_within_bounds() {
        let bits = |rps: f64| POLICY.bits(rps);
        assert_eq!([0.0, 9.9, 10.0, 19.9, 20.0, 39.9, 40.0, 80.0, 1e9].map(bits), [0, 0, 6, 6, 7, 7, 8, 9, 9]);
        assert_eq!([0.0, 1.0, 2.0, 4.0].map(|rps| ALWAYS.bits(rps)), [6, 6, 7, 8]);
        let (proofs, hall) = (proofs(POLICY, &["a"]), EventId::from("hall"));
        for _ in 0..150 {
            proofs.entered(0, &hall);
        }
        assert_eq!(proofs.bits(0, &hall), 6, "150 at once are 15 a second over ten");
        assert_eq!(proofs.bits(10_000, &hall), 0, "it decays");
        assert_eq!(proofs.bits(0, &EventId::from("dome")), 0, "another event is calm");
        for second in 1..=60 {
            (0..40).for_each(|_| proofs.entered(second * 1_000, &hall));
        }
        let rps = proofs.rates.get(&hall).expect("entered").at(60_000);
        assert!((38.0..44.0).contains(&rps), "{rps}: forty a second");
    }

    #[test]
    fn a_proof_is_one_visitor_whichever_gateway_checks_it() {
        let (one, two) = (proofs(ALWAYS, &["b", "a"]), proofs(ALWAYS, &["a", "b"]));
        let hall = EventId::from("hall");
        let door = Door { event: &hall, holder: None };
        let Challenge { text, bits, .. } = one.challenge(0, door);
        let nonce = solve(&text, bits);
        let proof = Some(Proof { challenge: &text, nonce: &nonce });
        let ProofOutcome::Proven(visitor) = one.check(0, door, proof) else { panic!("a good proof") };
        for gateway in [&one, &two] {
            assert_eq!(gateway.check(1, door, proof), ProofOutcome::Proven(visitor.clone()));
        }
        let another = one.challenge(0, door);
        let nonce = solve(&another.text, another.bits);
        let ProofOutcome::Proven(other) = one.check(0, door, Some(Proof { challenge: &another.text, nonce: &nonce }))
        else {
            panic!("a good proof")
        };
        assert_ne!(visitor, other);
    }

    #[test]
    fn what_is_no_proof_is_told_apart() {
        let (gateway, hall, dome) = (proofs(ALWAYS, &["a"]), EventId::from("hall"), EventId::from("dome"));
        let (kim, lee) = (VisitorId::from("kim"), VisitorId::from("lee"));
        let door = Door { event: &hall, holder: Some(&kim) };
        let Challenge { text, bits, expires_ms } = gateway.challenge(0, door);
        let nonce = solve(&text, bits);
        let proof = Proof { challenge: &text, nonce: &nonce };
        let check = |now_ms, door, proof| gateway.check(now_ms, door, Some(proof));
        assert_eq!(gateway.check(0, door, None), ProofOutcome::Missing);
        for door in [Door { event: &dome, ..door }, Door { holder: Some(&lee), ..door }, Door { holder: None, ..door }]
        {
            assert_eq!(refusal(check(0, door, proof)), ProofRefusal::Forged, "{door:?}");
        }
        assert_eq!(refusal(check(expires_ms, door, proof)), ProofRefusal::Expired);
        let unsolved = (0_u64..).map(|n| n.to_string()).find(|n| zero_bits(&text, n) < u32::from(bits));
        let unsolved = unsolved.expect("most solve nothing");
        assert_eq!(refusal(check(0, door, Proof { nonce: &unsolved, ..proof })), ProofRefusal::Wrong);
        let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64");
        for i in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[i] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode(forged);
            let checked = gateway.check(0, door, Some(Proof { challenge: &forged, nonce: &nonce }));
            assert_eq!(refusal(checked), ProofRefusal::Forged, "byte {i}");
        }
        for text in ["", "x", "é", &"A".repeat(300), "AAAA"] {
            assert_eq!(refusal(check(0, door, Proof { challenge: text, ..proof })), ProofRefusal::Forged, "{text:.20}");
        }
    }

    #[test]
    fn a_challenge_of_calmer_times_is_too_easy_by_more_than_one_bit() {
        let (gateway, hall) = (proofs(ALWAYS, &["a"]), EventId::from("hall"));
        let door = Door { event: &hall, holder: None };
        let Challenge { text, bits, .. } = gateway.challenge(0, door);
        let nonce = solve(&text, bits);
        let proof = Some(Proof { challenge: &text, nonce: &nonce });
        (0..20).for_each(|_| gateway.entered(0, &hall));
        assert_eq!(gateway.bits(0, &hall), bits + 1);
        assert!(matches!(gateway.check(0, door, proof), ProofOutcome::Proven(_)), "one doubling is forgiven");
        (0..40).for_each(|_| gateway.entered(0, &hall));
        assert_eq!(refusal(gateway.check(0, door, proof)), ProofRefusal::TooEasy);
    }

    #[test]
    fn off_and_calm_rooms_ask_for_nothing() {
        let off = Proofs::new(None, &[vec![7; 32]]);
        let calm = proofs(POLICY, &["a"]);
        let hall = EventId::from("hall");
        let door = Door { event: &hall, holder: None };
        for gateway in [&off, &calm] {
            assert_eq!(gateway.challenge(0, door).bits, 0);
            assert_eq!(gateway.check(0, door, None), ProofOutcome::Free);
            assert_eq!(gateway.check(0, door, Some(Proof { challenge: "x", nonce: "y" })), ProofOutcome::Free);
        }
    }

    #[test]
    fn rates_are_bounded() {
        let proofs = proofs(POLICY, &["a"]);
        for n in 0..3_000 {
            proofs.entered(n * 1_000, &EventId::from(format!("e{n}").as_str()));
        }
        assert!(proofs.rates.len() <= RATES_MAX + 1, "{}", proofs.rates.len());
    }
}
