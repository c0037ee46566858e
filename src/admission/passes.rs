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
pub(super) mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// PEM of a new key: private (PKCS#8), public (SPKI).
    pub fn keys() -> (String, String) {
        let pair = Ed25519KeyPair::generate().expect("random bytes");
        let private = pair.to_pkcs8v1().expect("an encoding");
        // RFC 8410: the bytes before the 32 of every Ed25519 public key.
        let mut public = hex::decode("302a300506032b6570032100").expect("hex");
        public.extend_from_slice(pair.public_key().as_ref());
        let pem = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public))
    }

    fn pass() -> Pass {
        Pass {
            event: "hall".into(),
            visitor: "v-1".into(),
            round: 1,
            score: 7,
            birth: Some(Birth::of(&[1; 32])),
            expires_ms: 60_000,
        }
    }

    fn passes() -> Passes {
        Passes::new(&keys().0, &[]).expect("a key")
    }

    #[test]
    fn a_pass_is_good_until_it_expires() {
        let passes = passes();
        let text = passes.sign(0, &pass());
        // Verified twice: by the signature, then by the remembered verdict.
        assert_eq!(passes.verify(59_999, &text), Ok(pass()));
        assert_eq!(passes.verify(59_999, &text), Ok(pass()));
        assert_eq!(passes.verify(60_000, &text), Err(Invalid));
        let rounded = passes.sign(0, &Pass { expires_ms: 60_999, ..pass() });
        assert_eq!(passes.verify(0, &rounded), Ok(pass()), "never longer than the place");
    }

    #[test]
    fn a_verdict_is_remembered_for_a_minute() {
        let passes = passes();
        let text = passes.sign(0, &Pass { expires_ms: 600_000, ..pass() });
        let hash = Sha256::digest(text.as_bytes()).into();
        passes.verify(0, &text).expect("good");
        let is_known = |at_ms| passes.verdicts.get(&hash, at_ms).is_some();
        assert!(is_known(VERDICT_MS - 1) && !is_known(VERDICT_MS));
        passes.verify(VERDICT_MS, &text).expect("still good");
        assert!(is_known(VERDICT_MS), "found out again");
    }

    #[test]
    fn old_keys_verify_and_strange_ones_do_not() {
        let (other_private, other_public) = keys();
        let other = Passes::new(&other_private, &[]).expect("a key");
        let text = other.sign(0, &pass());
        assert_eq!(passes().verify(0, &text), Err(Invalid));
        let rotated = Passes::new(&keys().0, &[other_public]).expect("keys");
        assert_eq!(rotated.verify(0, &text), Ok(pass()));
        assert_eq!(rotated.jwks().keys.len(), 2);
        let ids = |passes: &Passes| passes.jwks().keys.iter().map(|k| k.common.key_id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&rotated)[1..], ids(&other)[..], "one key, one id, from either half");
    }

    #[test]
    fn only_the_type_of_a_pass_is_a_pass() {
        let passes = passes();
        let claims =
            PassClaims { sub: "v".into(), aud: "hall".into(), iat: 0, exp: 60, round: 1, score: 7, birth: None };
        for typ in [None, Some("JWT".to_owned())] {
            let header = Header { typ, kid: Some(passes.kid.clone()), ..Header::new(Algorithm::EdDSA) };
            let text = jsonwebtoken::encode(&header, &claims, &passes.signing).expect("signed");
            assert_eq!(passes.verify(0, &text), Err(Invalid));
        }
        let text = passes.sign(0, &pass());
        let mut cut = text.clone();
        cut.pop();
        for bad in ["", "a.b.c", "..", &cut, &format!("{text}."), &"x".repeat(2000)] {
            assert_eq!(passes.verify(0, bad), Err(Invalid), "{bad:.20}");
        }
    }

    #[test]
    fn what_is_published_is_public() {
        let text = serde_json::to_string(passes().jwks()).expect("json");
        assert!(text.contains(r#""crv":"Ed25519""#) && text.contains(r#""use":"sig""#), "{text}");
        assert!(!text.contains(r#""d":"#), "{text}");
    }
}
