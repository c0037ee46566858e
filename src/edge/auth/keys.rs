//! The keys that verify users' bearer tokens.
//!
//! The key decides the algorithm, never the token's header: an HMAC secret must not verify a token that names another
//! algorithm, and a public key must not be taken for an HMAC secret.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// Most keys taken from one JWKS.
const KEYS_MAX: usize = 64;

pub struct SigningKey {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

pub struct KeySet(Vec<SigningKey>);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {source}")]
    Unreadable {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("not a JWKS: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("no key of this JWKS can verify a signature")]
    NoUsableKey,
}

impl KeySet {
    /// No key: nobody can sign in.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Public keys of a JWKS file.
    pub fn from_file(path: &str) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        Self::from_jwks(&text)
    }

    /// One HMAC key: the bytes of the secret's UTF-8 text.
    pub fn hs256(secret: &[u8]) -> Self {
        let key = DecodingKey::from_secret(secret);
        Self(vec![SigningKey { kid: None, algorithm: Algorithm::HS256, key }])
    }

    /// Public keys of a JWKS; keys of kinds we cannot use, and secrets, are left out.
    pub fn from_jwks(text: &[u8]) -> Result<Self, Error> {
        let set: JwkSet = serde_json::from_slice(text)?;
        let keys: Vec<SigningKey> = set.keys.iter().filter_map(usable).take(KEYS_MAX).collect();
        if keys.is_empty() { Err(Error::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// The key of this algorithm that the token names, or one that has no name. A token that names none gets the only
    /// key of its algorithm, if there is just one.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&SigningKey> {
        let mut of_algorithm = self.0.iter().filter(|key| key.algorithm == algorithm);
        match kid {
            Some(kid) => of_algorithm.find(|key| key.kid.as_deref().is_none_or(|own| own == kid)),
            None => {
                let only = of_algorithm.next()?;
                of_algorithm.next().is_none().then_some(only)
            }
        }
    }
}

fn usable(jwk: &Jwk) -> Option<SigningKey> {
    if matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature) {
        return None;
    }
    Some(SigningKey {
        kid: jwk.common.key_id.clone(),
        algorithm: algorithm(jwk)?,
        key: DecodingKey::from_jwk(jwk).ok()?,
    })
}

fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let by_kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(params) => match params.curve {
            EllipticCurve::P256 => Algorithm::ES256,
            EllipticCurve::P384 => Algorithm::ES384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
        _ => return None,
    };
    match jwk.common.key_algorithm {
        None => Some(by_kind),
        Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
        Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
        Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
        Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
        Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
        Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
        Some(KeyAlgorithm::ES256) => Some(Algorithm::ES256),
        Some(KeyAlgorithm::ES384) => Some(Algorithm::ES384),
        Some(KeyAlgorithm::EdDSA) => Some(Algorithm::EdDSA),
        Some(_) => None,
    }
}
