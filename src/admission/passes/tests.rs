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
    let pem =
        |label: &str, der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
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
    let claims = PassClaims { sub: "v".into(), aud: "hall".into(), iat: 0, exp: 60, round: 1, score: 7, birth: None };
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
