//! `[payment]` and its rules.

use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use serde::Deserialize;

use super::ServerConfig;
use crate::facts::money::AMOUNT_MAX;
use crate::seal::SealKey;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentConfig {
    pub providers: Vec<String>,
    /// Most payment attempts of one order.
    pub attempts_max: i64,
    pub timeout_ms: u64,
    pub payment_unknown_s: i64,
    pub calls_max: usize,
    pub allow_sandbox: bool,
    /// How long a buyer has to pay in, from the order on.
    pub deposit_ttl_s: i64,
    /// What seals the accounts that deposits go back to. Empty: no deposits are taken.
    pub account_key: String,
    pub account_key_file: String,
    pub sandbox: SandboxConfig,
    pub toss: TossConfig,
    pub portone: PortoneConfig,
}

impl PaymentConfig {
    /// What seals and opens the accounts that deposits go back to; `None`: no deposits are taken.
    pub fn refund_key(&self) -> Option<Arc<SealKey>> {
        SealKey::parse(&self.account_key).map(Arc::new)
    }

    /// The least cash, above none, that this provider takes, minor units; `None`: that any configured one takes.
    pub fn least_cash(&self, provider: Option<&str>) -> i64 {
        let least = |name: &str| match name {
            "toss" => self.toss.min_amount,
            "portone" => self.portone.min_amount,
            _ => self.sandbox.min_amount,
        };
        match provider {
            Some(name) => least(name),
            None => self.providers.iter().map(|name| least(name)).min().unwrap_or(0),
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxConfig {
    pub min_amount: i64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TossConfig {
    pub secret_key: String,
    pub secret_key_file: String,
    pub base_url: String,
    pub min_amount: i64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortoneConfig {
    pub secret: String,
    pub secret_file: String,
    pub webhook_secret: String,
    pub webhook_secret_file: String,
    pub allow_test: bool,
    pub store_id: String,
    pub base_url: String,
    pub min_amount: i64,
}

/// Providers that can be configured.
const PROVIDERS: [&str; 3] = ["sandbox", "toss", "portone"];

/// Every rule of `[payment]` that does not hold, one line each.
pub(super) fn rules(payment: &PaymentConfig, server: &ServerConfig) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, text: String| {
        if !holds {
            faults.push(text);
        }
    };
    rule(
        !payment.providers.is_empty(),
        "payment.providers: name at least one, or nothing that costs money can be ordered".into(),
    );
    rule((1..=1_000).contains(&payment.attempts_max), "payment.attempts_max: 1 to 1000".into());
    for name in &payment.providers {
        let known = PROVIDERS.contains(&name.as_str());
        rule(known, format!("payment.providers: {name:?} is not known; known: {}", PROVIDERS.join(", ")));
    }
    let named = |name: &str| payment.providers.iter().any(|provider| provider == name);
    let (toss, portone) = (&payment.toss, &payment.portone);
    for (provider, key, secret, file, base_url) in [
        ("toss", "secret_key", &toss.secret_key, &toss.secret_key_file, &toss.base_url),
        ("portone", "secret", &portone.secret, &portone.secret_file, &portone.base_url),
    ] {
        rule(
            !named(provider) || !secret.is_empty() || !file.is_empty(),
            format!("payment.{provider}.{key}: payment.providers names {provider}, so give its key, or {key}_file"),
        );
        rule(
            secret.is_empty() || file.is_empty(),
            format!("payment.{provider}.{key}: give it, or {key}_file, not both"),
        );
        rule(
            is_safe_url(base_url),
            format!("payment.{provider}.base_url: https://…, because the secret goes there (http:// to loopback only)"),
        );
    }
    rule(
        portone.webhook_secret.is_empty() || portone.webhook_secret_file.is_empty(),
        "payment.portone.webhook_secret: give it, or webhook_secret_file, not both".into(),
    );
    for (provider, min_amount) in
        [("sandbox", payment.sandbox.min_amount), ("toss", toss.min_amount), ("portone", portone.min_amount)]
    {
        let good = (0..=AMOUNT_MAX).contains(&min_amount);
        rule(good, format!("payment.{provider}.min_amount: 0 to {AMOUNT_MAX} minor units"));
    }
    let sandbox = named("sandbox");
    rule(
        payment.providers.iter().collect::<std::collections::HashSet<_>>().len() == payment.providers.len(),
        "payment.providers: one is named twice".into(),
    );
    rule(
        !sandbox || payment.allow_sandbox || server.listen.ip().is_loopback(),
        "payment.providers: the sandbox sells for nothing; beyond loopback it needs payment.allow_sandbox = true"
            .into(),
    );
    rule(
        (60..=2_592_000).contains(&payment.deposit_ttl_s),
        "payment.deposit_ttl_s: 60 to 2592000 seconds (30 days)".into(),
    );
    rule(
        payment.account_key.is_empty() || SealKey::parse(&payment.account_key).is_some(),
        "payment.account_key: 32 bytes in base64 (openssl rand -base64 32)".into(),
    );
    rule(
        payment.account_key.is_empty() || payment.account_key_file.is_empty(),
        "payment.account_key: give it, or account_key_file, not both".into(),
    );
    rule(payment.payment_unknown_s >= 0, "payment.payment_unknown_s: not negative".into());
    rule((1..=10_000).contains(&payment.calls_max), "payment.calls_max: 1 to 10000".into());
    faults
}

/// Whether a secret may be sent there.
fn is_safe_url(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let encrypted = uri.scheme_str() == Some("https") && !host.is_empty();
        (encrypted || uri.scheme_str() == Some("http") && here) && !url.contains(['@', '?'])
    })
}

#[cfg(test)]
mod tests {
    fn faults(text: &str) -> Vec<String> {
        crate::config::load_from(text, std::iter::empty()).err().map(|faults| faults.0).unwrap_or_default()
    }

    #[test]
    fn rules_of_providers() {
        let key = "providers = [\"toss\"]\n[payment.toss]\nsecret_key = \"k\"\n";
        for (text, told) in [
            (key.to_owned(), None),
            ("providers = [\"toss\"]\n".to_owned(), Some("payment.toss.secret_key: payment.providers names toss")),
            (format!("{key}secret_key_file = \"f\"\n"), Some("payment.toss.secret_key: give it, or")),
            (format!("{key}base_url = \"http://pay.example\"\n"), Some("payment.toss.base_url: https")),
            (format!("{key}base_url = \"http://127.0.0.1:9\"\n"), None),
            (format!("{key}base_url = \"http://[::1]:9\"\n"), None),
            (format!("{key}base_url = \"https://a@pay.example\"\n"), Some("payment.toss.base_url: https")),
            ("providers = [\"paypal\"]\n".to_owned(), Some("payment.providers: \"paypal\" is not known")),
            ("account_key = \"short\"\n".to_owned(), Some("payment.account_key: 32 bytes in base64")),
            ("deposit_ttl_s = 59\n".to_owned(), Some("payment.deposit_ttl_s: 60 to")),
            ("providers = []\n".to_owned(), Some("payment.providers: name at least one")),
            ("providers = [\"sandbox\", \"sandbox\"]\n".to_owned(), Some("payment.providers: one is named twice")),
        ] {
            let told_now = faults(&format!("[payment]\n{text}"));
            match told {
                None => assert_eq!(told_now, [""; 0], "{text}"),
                Some(told) => assert!(told_now.len() == 1 && told_now[0].starts_with(told), "{text}: {told_now:?}"),
            }
        }
    }
}
