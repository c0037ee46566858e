//! The challenge that a newcomer has to solve, as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::proof::Challenge;
use crate::facts::time::{Millis, rfc3339, seconds_until};

/// The task is to find a `nonce` with which the digest of `challenge "." nonce` begins with `bits` zero bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Challenge)]
pub struct ChallengeView {
    #[schema(example = "c1.Zk3v9w")]
    pub challenge: String,
    #[schema(example = 18)]
    pub bits: u8,
    /// `sha-256`.
    #[schema(example = "sha-256")]
    pub algorithm: &'static str,
    #[schema(example = "2026-11-20T10:02:00Z")]
    pub expires_at: String,
    #[schema(example = 120)]
    pub expires_in_s: i64,
    /// Whether a proof is asked for now.
    #[schema(example = true)]
    pub required: bool,
}

impl ChallengeView {
    pub fn new(challenge: Challenge, now_ms: Millis) -> Self {
        Self {
            challenge: challenge.text,
            bits: challenge.bits,
            algorithm: "sha-256",
            expires_at: rfc3339(challenge.expires_ms),
            expires_in_s: seconds_until(challenge.expires_ms, now_ms),
            required: challenge.bits > 0,
        }
    }
}
