//! Tokens that are accepted, and tokens that are refused.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret of the tests, long enough for anyone";

fn config() -> config::AuthConfig {
    config::AuthConfig {
        hs256_secret: SECRET.to_owned(),
        jwks_file: String::new(),
        jwks_url: String::new(),
        issuer: String::new(),
        audience: String::new(),
        leeway_s: 0,
    }
}

fn auth() -> (Auth, Clock) {
    let clock = Clock::fixed(1_000_000);
    (Auth::new(&config(), clock.clone()).expect("keys"), clock)
}

/// A token of kim's that is valid for a minute.
fn minted(config: &config::AuthConfig, scope: &str, clock: &Clock) -> String {
    mint(config, clock, Mint { sub: "kim", scope, ttl_s: 60 }).expect("any text is a secret")
}

fn signed(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("signed")
}

fn hs256(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims)
}

#[test]
fn a_minted_token_is_its_users_until_it_expires() {
    let (auth, clock) = auth();
    let token = minted(&config(), "other admin", &clock);
    for _ in 0..2 {
        assert_eq!(*auth.verify(&token).expect("good"), User { id: "kim".into(), admin: true });
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(auth.verify(&token), Err(TokenRefused));
}

#[test]
fn scopes_are_compared_whole() {
    let (auth, clock) = auth();
    for (scope, admin) in [("", false), ("administrator", false), ("a admin b", true), ("Admin", false)] {
        let token = minted(&config(), scope, &clock);
        assert_eq!(auth.verify(&token).expect("good").admin, admin, "{scope}");
    }
}

#[test]
fn a_scope_is_words_or_a_list_and_any_other_form_grants_nothing() {
    let (auth, _) = auth();
    let forms = [
        (json!("a admin"), true),
        (json!(["a", "admin"]), true),
        (json!(["a admin", 7]), false),
        (json!({"admin": true}), false),
        (json!(7), false),
        (json!(null), false),
    ];
    for (scope, admin) in forms {
        let token = hs256(&json!({"sub": "kim", "exp": 1_001, "scope": scope, "iss": {"any": "form"}}));
        assert_eq!(auth.verify(&token).expect("good").admin, admin, "{scope}");
    }
}

#[test]
fn another_issuers_clock_may_be_a_little_off() {
    let clock = Clock::fixed(1_000_000);
    let auth = Auth::new(&config::AuthConfig { leeway_s: 5, ..config() }, clock.clone()).expect("keys");
    assert!(auth.verify(&hs256(&json!({"sub": "kim", "exp": 1_100, "nbf": 1_005}))).is_ok());
    assert_eq!(auth.verify(&hs256(&json!({"sub": "kim", "exp": 1_100, "nbf": 1_006}))), Err(TokenRefused));
    assert!(auth.verify(&hs256(&json!({"sub": "kim", "exp": 996}))).is_ok());
    assert_eq!(auth.verify(&hs256(&json!({"sub": "kim", "exp": 995}))), Err(TokenRefused));
}

#[test]
fn claims_that_do_not_hold_are_refused() {
    let (auth, _) = auth();
    let good = json!({"sub": "kim", "exp": 1_001});
    assert!(auth.verify(&hs256(&good)).is_ok());
    assert!(auth.verify(&hs256(&json!({"sub": "kim", "exp": 1_000.5}))).is_ok(), "a NumericDate may be a fraction");
    let bad = [
        json!({"sub": "kim"}),
        json!({"exp": 1_001}),
        json!({"sub": "", "exp": 1_001}),
        json!({"sub": "kim\n", "exp": 1_001}),
        json!({"sub": "x".repeat(129), "exp": 1_001}),
        json!({"sub": 7, "exp": 1_001}),
        json!({"sub": "kim", "exp": 1_000}),
        json!({"sub": "kim", "exp": -1}),
        json!({"sub": "kim", "exp": "1001"}),
        json!({"sub": "kim", "exp": 1_001, "nbf": 1_001}),
    ];
    for claims in bad {
        assert_eq!(auth.verify(&hs256(&claims)), Err(TokenRefused), "{claims}");
    }
}

#[test]
fn issuer_and_audience_count_when_they_are_set() {
    let config = config::AuthConfig { issuer: "us".into(), audience: "tickets".into(), ..config() };
    let clock = Clock::fixed(1_000_000);
    let auth = Auth::new(&config, clock.clone()).expect("keys");
    assert!(auth.verify(&minted(&config, "", &clock)).is_ok());
    let with = |iss: Value, aud: Value| {
        auth.verify(&hs256(&json!({"sub": "kim", "exp": 1_060, "iss": iss, "aud": aud}))).is_ok()
    };
    assert!(with("us".into(), json!(["others", "tickets"])));
    assert!(!with("us".into(), json!(["others"])));
    assert!(!with("us".into(), Value::Null));
    assert!(!with("them".into(), "tickets".into()));
    assert!(!with(Value::Null, "tickets".into()));
}

#[test]
fn forged_tokens_are_refused() {
    let (auth, clock) = auth();
    let good = minted(&config(), "admin", &clock);
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let hs512 = jsonwebtoken::encode(
        &Header::new(Algorithm::HS512),
        &json!({"sub": "kim", "exp": 2_000}),
        &EncodingKey::from_secret(SECRET.as_bytes()),
    );
    let other = minted(&config::AuthConfig { hs256_secret: "another secret".into(), ..config() }, "", &clock);
    let pass = Header { typ: Some(passes::TYP.to_owned()), ..Header::new(Algorithm::HS256) };
    let bad = [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 32])),
        hs512.expect("signed"),
        other,
        signed(&pass, &json!({"sub": "kim", "exp": 2_000})),
        "x".repeat(100_000),
    ];
    for token in bad {
        assert_eq!(auth.verify(&token), Err(TokenRefused), "{token:.60}");
    }
}

/// The JWK of a new Ed25519 key, and the private key that signs for it.
fn ed25519(kid: &str) -> (Value, EncodingKey) {
    let pair = Ed25519KeyPair::generate().expect("random bytes");
    let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().expect("an encoding").as_ref());
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    (json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}), key)
}

#[test]
fn a_jwks_fixes_the_algorithm_of_its_keys() {
    let (public, private) = ed25519("one");
    let (stranger, _) = ed25519("two");
    let octets = json!({"kty": "oct", "kid": "three", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    let encryption = json!({"kty": "OKP", "crv": "Ed25519", "use": "enc", "kid": "four", "x": public["x"]});
    let text = json!({"keys": [public, stranger, octets, encryption]}).to_string();
    let (auth, _) = auth();
    auth.replace_keys(KeySet::from_jwks(text.as_bytes()).expect("a JWKS"));
    let claims = json!({"sub": "kim", "exp": 2_000});
    let with = |kid: Option<&str>, algorithm: Algorithm, key: &EncodingKey| {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
        auth.verify(&jsonwebtoken::encode(&header, &claims, key).expect("signed")).is_ok()
    };
    assert!(with(Some("one"), Algorithm::EdDSA, &private));
    assert!(!with(Some("two"), Algorithm::EdDSA, &private), "another's key");
    assert!(!with(None, Algorithm::EdDSA, &private), "two keys could be meant");
    assert!(!with(Some("four"), Algorithm::EdDSA, &private), "not a key for signatures");
    // Neither a published secret nor a public key is taken for an HMAC secret.
    assert!(!with(Some("three"), Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes())));
    let x = public["x"].as_str().expect("text").as_bytes();
    assert!(!with(Some("one"), Algorithm::HS256, &EncodingKey::from_secret(x)));
}

#[test]
fn a_jwks_without_a_usable_key_is_refused() {
    assert!(matches!(KeySet::from_jwks(b"{}"), Err(keys::Error::Malformed(_))));
    assert!(matches!(KeySet::from_jwks(br#"{"keys":[]}"#), Err(keys::Error::NoUsableKey)));
    let unreadable = config::AuthConfig { hs256_secret: String::new(), jwks_file: "/no/such/file".into(), ..config() };
    assert!(Auth::new(&unreadable, Clock::system()).is_err());
    let later = config::AuthConfig { hs256_secret: String::new(), ..config() };
    assert!(!Auth::new(&later, Clock::system()).expect("keys come later").has_keys());
}
