//! What a webhook is asked to be.

use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Reach;
use crate::edge::Problem;
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::operator::WebhookAsk;
use crate::facts::notice::NoticePattern;
use crate::ledger::outbox::subscription::{SubscriptionState, secret_bytes};

const URL_MAX: usize = 2_048;
const TYPES_MAX: usize = 50;

/// Whether notices are sent or kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSwitch {
    #[default]
    On,
    Paused,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookSpec)]
pub struct WebhookSpec {
    /// https, and no address of a private network. With `outbox.allow_private` also http, and any address.
    #[schema(example = "https://crm.example.org/hooks/stanchion")]
    pub url: String,
    /// `whsec_` and the base64 of 24 to 64 random bytes. It is never shown. Without it the webhook keeps the one it has.
    /// After a change, notices have the signatures of both secrets for a day.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    pub secret: Option<String>,
    /// Kinds of notices (`order.confirmed`), nouns (`order.*`) or `*`; 1 to 50.
    #[schema(example = json!(["order.*", "ticket.voided"]))]
    pub types: Vec<String>,
    #[serde(default)]
    pub state: WebhookSwitch,
}

impl WebhookSpec {
    pub fn check(&self, allow_private: bool) -> Result<(), Problem> {
        let mut faults = FieldFaults::default();
        let reach = if allow_private { Reach::Anywhere } else { Reach::Public };
        if let Err(why) = check_url(&self.url, reach) {
            faults.check(false, "/url", why);
        }
        if let Some(secret) = &self.secret {
            let good = secret_bytes(secret).is_some();
            faults.check(good, "/secret", "whsec_ and the base64 of 24 to 64 bytes");
        }
        faults.check((1..=TYPES_MAX).contains(&self.types.len()), "/types", format!("1 to {TYPES_MAX}"));
        for (at, text) in self.types.iter().take(TYPES_MAX).enumerate() {
            let known = NoticePattern::parse(text).is_some();
            faults.check(known, format!("/types/{at}"), "a kind (order.confirmed), a noun (order.*) or *");
        }
        faults.verdict()
    }

    pub(super) fn put(self, name: &str) -> WebhookAsk {
        WebhookAsk {
            name: name.to_owned(),
            url: self.url,
            secret: self.secret,
            types: self.types,
            state: match self.state {
                WebhookSwitch::On => SubscriptionState::On,
                WebhookSwitch::Paused => SubscriptionState::Paused,
            },
        }
    }
}

fn check_url(text: &str, reach: Reach) -> Result<(), &'static str> {
    if text.len() > URL_MAX {
        return Err("at most 2048 characters");
    }
    let url: Uri = text.parse().map_err(|_| "not a URL")?;
    match (url.scheme_str(), reach) {
        (Some("https"), _) | (Some("http"), Reach::Anywhere) => {}
        _ => return Err("must begin with https://"),
    }
    let authority = url.authority().ok_or("has no host")?;
    if authority.as_str().contains('@') {
        return Err("must not have a user or a password");
    }
    let host = authority.host();
    if host.is_empty() || text.contains('#') {
        return Err("not a URL of a server");
    }
    if !reach.allows_host(host) {
        return Err("no public address");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_public_server() {
        for good in ["https://example.org", "https://example.org:8443/a?b=c", "https://[2606:4700::1]/x"] {
            assert_eq!(check_url(good, Reach::Public), Ok(()), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "/hook",
            "ftp://example.org",
            "http://example.org",
            "https://",
            "https://kim:pw@example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://10.0.0.8:8080/",
            "https://example.org/#a",
        ] {
            assert!(check_url(bad, Reach::Public).is_err(), "{bad}");
        }
        assert_eq!(check_url("http://127.0.0.1:8080/", Reach::Anywhere), Ok(()));
        assert!(check_url(&format!("https://example.org/{}", "a".repeat(URL_MAX)), Reach::Anywhere).is_err());
    }
}
