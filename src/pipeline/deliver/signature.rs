//! Signs what is sent, as Standard Webhooks 1.0 describes it (<https://www.standardwebhooks.com>): with each secret of
//! the subscription (`v1`), and with the house's Ed25519 key (`v1a`), whose public half the JWKS has.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::facts::time::Millis;
use crate::ledger::outbox::subscription::{SigningSecret, secret_bytes};

/// The house's key.
pub struct HouseKey(Ed25519KeyPair);

impl HouseKey {
    /// From a private key, PKCS#8 in PEM; `None`: it is none.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let pkcs8 = STANDARD.decode(base64).ok()?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).ok().map(Self)
    }
}

/// What is signed.
#[derive(Clone, Copy)]
pub(super) struct Signed<'m> {
    pub id: &'m str,
    pub at_s: i64,
    pub body: &'m str,
}

impl Signed<'_> {
    /// The value of `webhook-signature` at `now_ms`.
    pub fn signatures(&self, secrets: &[SigningSecret], key: &HouseKey, now_ms: Millis) -> String {
        let content = format!("{}.{}.{}", self.id, self.at_s, self.body);
        let valid = secrets.iter().filter(|secret| secret.until_ms.is_none_or(|until_ms| now_ms < until_ms));
        let mut signatures: Vec<String> = valid
            .filter_map(|secret| secret_bytes(&secret.text))
            .map(|secret| {
                let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key of any length");
                mac.update(content.as_bytes());
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            })
            .collect();
        signatures.push(format!("v1a,{}", STANDARD.encode(key.0.sign(content.as_bytes()))));
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    fn secret(text: &str, until_ms: Option<Millis>) -> SigningSecret {
        SigningSecret { text: text.to_owned(), until_ms }
    }

    /// The example of the specification.
    #[test]
    fn a_notice_is_signed_as_published() {
        let key = HouseKey(Ed25519KeyPair::generate().expect("random bytes"));
        let signed =
            Signed { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at_s: 1_614_265_330, body: r#"{"test": 2432232314}"# };
        let secrets = [secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None)];
        let text = signed.signatures(&secrets, &key, 0);
        let (first, second) = text.split_once(' ').expect("two signatures");
        assert_eq!(first, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let ours = STANDARD.decode(second.strip_prefix("v1a,").expect("ours")).expect("base64");
        let content = format!("{}.{}.{}", signed.id, signed.at_s, signed.body);
        let public = UnparsedPublicKey::new(&ED25519, key.0.public_key());
        assert!(public.verify(content.as_bytes(), &ours).is_ok());
    }

    #[test]
    fn an_older_secret_signs_until_its_end() {
        let key = HouseKey(Ed25519KeyPair::generate().expect("random bytes"));
        let signed = Signed { id: "a", at_s: 1, body: "{}" };
        let (new, old) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let secrets = [secret(new, None), secret(old, Some(100))];
        assert_eq!(signed.signatures(&secrets, &key, 99).matches("v1,").count(), 2);
        assert_eq!(signed.signatures(&secrets, &key, 100).matches("v1,").count(), 1);
    }
}
