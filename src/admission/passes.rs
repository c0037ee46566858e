//! Passes: signed statements that a visitor is inside, which any origin can verify.
//!
//! A pass is an EdDSA JWT of type `stanchion-pass`. Only the lane knows whether its visitor is *still* inside.

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::expiring::Expiring;
use crate::facts::draw::Birth;
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::time::Millis;

/// The header type of passes. A bearer token of this type is never a user's.
pub const TYP: &str = "stanchion-pass";

/// Longest pass that is checked, bytes.
const PASS_MAX: usize = 1024;

/// Most verdicts remembered. A forgotten one costs one more check of a signature.
const VERDICTS_MAX: usize = 200_000;
/// How long a verdict is remembered, ms. Most holders of a pass are gone long before it ends.
const VERDICT_MS: Millis = 60_000;

pub struct Passes {
    signing: EncodingKey,
    kid: String,
    verifying: Vec<(String, DecodingKey)>,
    jwks: JwkSet,
    /// Good passes by their SHA-256; bad ones are not remembered.
    verdicts: Expiring<[u8; 32], Pass, Millis>,
}

/// What a good pass says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    pub event: EventId,
    pub visitor: VisitorId,
    /// Round and score name the place, so that a pass alone can put its holder back inside.
    pub round: i64,
    pub score: i64,
    /// Which creation of the event the pass is for; `None`: the pass does not say.
    pub birth: Option<Birth>,
    pub expires_ms: Millis,
}

/// Not a pass of ours, or one that has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

#[derive(Debug, thiserror::Error)]
#[error("{what} is not an Ed25519 key in PEM")]
pub struct KeyError {
    what: String,
    #[source]
    source: jsonwebtoken::errors::Error,
}

#[derive(Serialize, Deserialize)]
struct PassClaims {
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    round: i64,
    score: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    birth: Option<String>,
}

impl Passes {
    /// `private_pem` (PKCS#8) signs. Its public half and `old_public_pems` (SPKI) verify, and they are published.
    pub fn new(private_pem: &str, old_public_pems: &[String]) -> Result<Self, KeyError> {
        let fail = |what: &str| {
            let what = what.to_owned();
            |source| KeyError { what, source }
        };
        let signing = EncodingKey::from_ed_pem(private_pem.as_bytes()).map_err(fail("the pass's private key"))?;
        let own = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(fail("the pass's private key"))?;
        let mut keys = vec![published(own).map_err(fail("the pass's private key"))?];
        for (i, pem) in old_public_pems.iter().enumerate() {
            let fail = || fail(&format!("old public key {}", i + 1));
            let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(fail())?;
            let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::EdDSA)).map_err(fail())?;
            keys.push(published(jwk).map_err(fail())?);
        }
        let verifying = keys
            .iter()
            .map(|jwk| Ok((jwk.common.key_id.clone().unwrap_or_default(), DecodingKey::from_jwk(jwk)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fail("a pass key"))?;
        let kid = verifying[0].0.clone();
        Ok(Self { signing, kid, verifying, jwks: JwkSet { keys }, verdicts: Expiring::new(VERDICTS_MAX) })
    }

    /// A pass until `expires_ms`, rounded down to a second, so that it never lasts longer than the place.
    pub fn sign(&self, now_ms: Millis, pass: &Pass) -> String {
        let header = Header { typ: Some(TYP.to_owned()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = PassClaims {
            sub: pass.visitor.as_str().to_owned(),
            aud: pass.event.as_str().to_owned(),
            iat: now_ms.div_euclid(1000),
            exp: pass.expires_ms.div_euclid(1000),
            round: pass.round,
            score: pass.score,
            birth: pass.birth.map(Birth::text),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).expect("the key signed once at boot")
    }

    /// The pass in `text`, if it is one of ours, for any event, and has not expired at `now_ms`.
    pub fn verify(&self, now_ms: Millis, text: &str) -> Result<Pass, Invalid> {
        if text.len() > PASS_MAX {
            return Err(Invalid);
        }
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some(pass) = self.verdicts.get(&hash, now_ms) {
            return Ok(pass);
        }
        let pass = self.verify_new(text).ok_or(Invalid)?;
        if pass.expires_ms <= now_ms {
            return Err(Invalid);
        }
        self.verdicts.put(now_ms, hash, pass.clone(), pass.expires_ms.min(now_ms + VERDICT_MS));
        Ok(pass)
    }

    fn verify_new(&self, text: &str) -> Option<Pass> {
        let header = jsonwebtoken::decode_header(text).ok()?;
        if header.typ.as_deref() != Some(TYP) || header.crit.is_some() {
            return None;
        }
        let (_, key) = self.verifying.iter().find(|(kid, _)| header.kid.as_ref() == Some(kid))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Our own code checks time and audience, and the time is our clock's.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<PassClaims>(text, key, &validation).ok()?.claims;
        Some(Pass {
            event: EventId::from(claims.aud),
            visitor: VisitorId::from(claims.sub),
            round: claims.round,
            score: claims.score,
            birth: claims.birth.as_deref().and_then(Birth::read),
            expires_ms: claims.exp.checked_mul(1000)?,
        })
    }

    /// The public keys, the signing one first.
    pub fn jwks(&self) -> &JwkSet {
        &self.jwks
    }
}

/// A key as published: its id is its RFC 7638 thumbprint.
fn published(mut jwk: Jwk) -> Result<Jwk, jsonwebtoken::errors::Error> {
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    jwk.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

#[cfg(test)]
pub(super) mod tests;
