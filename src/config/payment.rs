//! The rules of `[payment]`.

use std::net::IpAddr;

use http::Uri;

use super::{PaymentConfig, ServerConfig};
use crate::facts::money::AMOUNT_MAX;

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
