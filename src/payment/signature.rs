//! Signed webhooks, as Standard Webhooks 1.0 describes them (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{ProviderFault, Webhook, WebhookFault};

/// How far the time of a webhook may be from ours, s.
const APART_MAX_S: i64 = 300;

/// What verifies the signatures of one sender.
pub(super) struct Signatures {
    secret: Vec<u8>,
}

impl Signatures {
    /// `secret`: `whsec_` and base64. `provider`: for the error.
    pub fn new(provider: &'static str, secret: &str) -> Result<Self, ProviderFault> {
        let text = secret.strip_prefix("whsec_").unwrap_or(secret);
        let secret = STANDARD.decode(text).map_err(|_| ProviderFault::WebhookSecret(provider))?;
        Ok(Self { secret })
    }

    /// Refuses what is not signed, or signed long ago.
    pub fn verify(&self, webhook: Webhook<'_>) -> Result<(), WebhookFault> {
        let header =
            |name| webhook.headers.get(name).and_then(|value| value.to_str().ok()).ok_or(WebhookFault::Refused);
        let (id, time) = (header("webhook-id")?, header("webhook-timestamp")?);
        let time_s: i64 = time.parse().map_err(|_| WebhookFault::Refused)?;
        if time_s.abs_diff(webhook.at_ms / 1_000) > APART_MAX_S.unsigned_abs() {
            return Err(WebhookFault::Refused);
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length");
        for part in [id.as_bytes(), b".", time.as_bytes(), b".", webhook.body] {
            mac.update(part);
        }
        let is_ours = |signature: &str| {
            let given = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            given.is_some_and(|given| mac.clone().verify_slice(&given).is_ok())
        };
        if header("webhook-signature")?.split(' ').any(is_ours) { Ok(()) } else { Err(WebhookFault::Refused) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// The example of the specification.
    #[test]
    fn the_published_example_is_verified_and_nothing_else() {
        let signatures = Signatures::new("a", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let headers = |signature: &str, time: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", time),
                ("webhook-signature", signature),
            ] {
                headers.insert(name, value.parse().expect("plain"));
            }
            headers
        };
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = br#"{"test": 2432232314}"#;
        let says = |signature: &str, time: &str, body: &[u8], at_s: i64| {
            let headers = headers(signature, time);
            signatures.verify(Webhook { headers: &headers, body, at_ms: at_s * 1_000 })
        };
        let at_s = 1_614_265_330;
        let time = at_s.to_string();
        assert_eq!(says(good, &time, body, at_s), Ok(()));
        assert_eq!(says(&format!("v1a,x v1,AAAA {good}"), &time, body, at_s + 299), Ok(()));
        let refused = Err(WebhookFault::Refused);
        assert_eq!(says(good, &time, body, at_s + 301), refused, "old");
        assert_eq!(says(good, &time, body, at_s - 301), refused, "of the future");
        assert_eq!(says(good, &time, br#"{"test": 2432232315}"#, at_s), refused, "another body");
        assert_eq!(says(good, &(at_s + 1).to_string(), body, at_s), refused, "another time");
        assert_eq!(says("v1,AAAA", &time, body, at_s), refused);
        assert_eq!(says("", &time, body, at_s), refused);
        let none = HeaderMap::new();
        assert_eq!(signatures.verify(Webhook { headers: &none, body, at_ms: 0 }), refused, "no headers");
    }
}
