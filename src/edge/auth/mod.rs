//! Verifies bearer tokens and finds the user of each.
//!
//! The time is our clock's, so `exp` and `nbf` are checked here and not in the JWT library. A verified token is
//! remembered by its hash for a minute, or until it expires if that is sooner: a repeat costs one SHA-256.

pub mod fetch;
pub mod keys;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::admission::expiring::Expiring;
use crate::admission::passes;
use crate::clock::Clock;
use crate::config;
use crate::facts::ids;
use crate::facts::ids::UserId;
use crate::facts::time::Millis;
use keys::KeySet;

/// Longest bearer token accepted, bytes.
const TOKEN_MAX: usize = 8192;

/// Most verified tokens remembered.
const VERIFIED_MAX: usize = 100_000;
/// Longest time that a verified token is remembered, ms.
const VERIFIED_MS: Millis = 60_000;

/// A signed-in user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Whether the scope `admin` was given.
    pub admin: bool,
}

pub struct Auth {
    keys: RwLock<Arc<KeySet>>,
    issuer: Option<String>,
    audience: Option<String>,
    /// How far another machine's clock may be off.
    leeway_ms: Millis,
    clock: Clock,
    verified: Expiring<[u8; 32], Arc<User>, Millis>,
    /// Notified when no key fits a token.
    unknown_key: Notify,
}

struct Verified {
    user: Arc<User>,
    expires_ms: Millis,
}

/// The token is refused. The reason is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRefused;

#[derive(Deserialize)]
struct BearerClaims {
    sub: String,
    /// NumericDate may have a fraction.
    exp: f64,
    nbf: Option<f64>,
    /// A value that is not a text is an issuer that we do not know.
    iss: Option<serde_json::Value>,
    aud: Option<Audience>,
    /// A value that is neither a text nor a list grants nothing.
    scope: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
    Other(serde::de::IgnoredAny),
}

/// Whether a `scope` claim grants `admin`: space-separated words, or a list of scopes.
fn grants_admin(scope: &serde_json::Value) -> bool {
    match scope {
        serde_json::Value::String(words) => words.split(' ').any(|word| word == "admin"),
        serde_json::Value::Array(scopes) => scopes.iter().any(|scope| scope == "admin"),
        _ => false,
    }
}

impl Auth {
    /// Starts with the configured keys. [`fetch::keep_fresh`] brings the keys of a `jwks_url` later.
    pub fn new(config: &config::AuthConfig, clock: Clock) -> Result<Self, keys::Error> {
        let keys = if !config.hs256_secret.is_empty() {
            KeySet::hs256(config.hs256_secret.as_bytes())
        } else if !config.jwks_file.is_empty() {
            KeySet::from_file(&config.jwks_file)?
        } else {
            KeySet::empty()
        };
        let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            keys: RwLock::new(Arc::new(keys)),
            issuer: set(&config.issuer),
            audience: set(&config.audience),
            leeway_ms: config.leeway_s * 1000,
            clock,
            verified: Expiring::new(VERIFIED_MAX),
            unknown_key: Notify::new(),
        })
    }

    /// False until the keys of a `jwks_url` have been fetched once.
    pub fn has_keys(&self) -> bool {
        !self.keys.read().is_empty()
    }

    /// Replaces the keys; tokens that were verified by the old ones are forgotten.
    pub fn replace_keys(&self, keys: KeySet) {
        *self.keys.write() = Arc::new(keys);
        self.verified.clear();
    }

    pub fn verify(&self, token: &str) -> Result<Arc<User>, TokenRefused> {
        if token.len() > TOKEN_MAX {
            return Err(TokenRefused);
        }
        let now_ms = self.clock.now_ms();
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(user) = self.verified.get(&hash, now_ms) {
            return Ok(user);
        }
        let Verified { user, expires_ms } = self.verify_new(token, now_ms)?;
        self.verified.put(now_ms, hash, user.clone(), expires_ms.min(now_ms + VERIFIED_MS));
        Ok(user)
    }

    fn verify_new(&self, token: &str, now_ms: Millis) -> Result<Verified, TokenRefused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefused)?;
        if header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(passes::TYP)) || header.crit.is_some() {
            return Err(TokenRefused);
        }
        let keys = self.keys.read().clone();
        let Some(key) = keys.find(header.kid.as_deref(), header.alg) else {
            self.unknown_key.notify_one();
            return Err(TokenRefused);
        };
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<BearerClaims>(token, &key.key, &validation);
        self.check(decoded.map_err(|_| TokenRefused)?.claims, now_ms)
    }

    fn check(&self, claims: BearerClaims, now_ms: Millis) -> Result<Verified, TokenRefused> {
        let expires_ms = millis(claims.exp).saturating_add(self.leeway_ms);
        let begun = claims.nbf.is_none_or(|nbf| millis(nbf) <= now_ms.saturating_add(self.leeway_ms));
        let issuer = self.issuer.as_ref().is_none_or(|wanted| claims.iss.is_some_and(|iss| iss == wanted.as_str()));
        let audience = self.audience.as_ref().is_none_or(|wanted| match &claims.aud {
            None | Some(Audience::Other(_)) => false,
            Some(Audience::One(aud)) => aud == wanted,
            Some(Audience::Many(all)) => all.contains(wanted),
        });
        if expires_ms <= now_ms || !begun || !issuer || !audience || !ids::is_user(&claims.sub) {
            return Err(TokenRefused);
        }
        let admin = claims.scope.as_ref().is_some_and(grants_admin);
        Ok(Verified { user: Arc::new(User { id: UserId::from(claims.sub), admin }), expires_ms })
    }
}

/// Seconds since the epoch to ms; a number out of range saturates.
fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0) as Millis
}

/// Arguments of [`mint`].
#[derive(Debug, Clone, Copy)]
pub struct Mint<'a> {
    pub sub: &'a str,
    /// Space-separated.
    pub scope: &'a str,
    pub ttl_s: i64,
}

/// A bearer for development, signed with `[auth] hs256_secret` and made for its issuer and audience.
pub fn mint(config: &config::AuthConfig, clock: &Clock, mint: Mint<'_>) -> Result<String, jsonwebtoken::errors::Error> {
    #[derive(Serialize)]
    struct Minted<'a> {
        sub: &'a str,
        iat: i64,
        exp: i64,
        #[serde(skip_serializing_if = "str::is_empty")]
        scope: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        iss: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        aud: &'a str,
    }
    let iat = clock.now_ms().div_euclid(1000);
    let claims = Minted {
        sub: mint.sub,
        iat,
        exp: iat.saturating_add(mint.ttl_s),
        scope: mint.scope,
        iss: &config.issuer,
        aud: &config.audience,
    };
    let key = EncodingKey::from_secret(config.hs256_secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
}

#[cfg(test)]
mod tests;
