//! Creates and changes subscriptions to notices.

use crate::edge::api::admin::webhooks::WEBHOOKS_MAX;
use crate::edge::operator::{WebhookAsk, WebhookPut};
use crate::facts::time::Millis;
use crate::ledger::outbox::subscription::{Destination, SigningSecret, Subscription};
use crate::ledger::{Ledger, Result};

/// How long the secret before signs beside a new one.
const ROTATION_MS: i64 = 86_400_000;

pub async fn put(ledger: &Ledger, ask: WebhookAsk, now_ms: Millis) -> Result<WebhookPut> {
    loop {
        let known = ledger.subscriptions().await?;
        let before = known.iter().find(|subscription| subscription.name == ask.name);
        if before.is_none() && known.iter().filter(|subscription| subscription.is_webhook()).count() >= WEBHOOKS_MAX {
            return Ok(WebhookPut::TooMany);
        }
        let Some(secrets) = secrets(before, ask.secret.as_deref(), now_ms) else { return Ok(WebhookPut::NeedsSecret) };
        let put = Subscription {
            name: ask.name.clone(),
            version: before.map_or(0, |before| before.version) + 1,
            to: Destination::Webhook { url: ask.url.clone(), secrets },
            types: ask.types.clone(),
            state: ask.state,
        };
        // After another change came between, both are there: this one is made over that.
        if ledger.put_subscription(put.clone(), now_ms).await? {
            return Ok(if before.is_some() { WebhookPut::Changed(put) } else { WebhookPut::Created(put) });
        }
    }
}

/// The secrets after a change; `None`: there are none.
fn secrets(before: Option<&Subscription>, new: Option<&str>, now_ms: Millis) -> Option<Vec<SigningSecret>> {
    let stored = before.map_or(&[][..], |before| before.to.secrets());
    let Some(new) = new else { return (!stored.is_empty()).then(|| stored.to_vec()) };
    let first = SigningSecret { text: new.to_owned(), until_ms: None };
    let newest = stored.first().filter(|newest| newest.text != new);
    let old = newest.map(|newest| SigningSecret { text: newest.text.clone(), until_ms: Some(now_ms + ROTATION_MS) });
    Some(std::iter::once(first).chain(old).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::outbox::subscription::SubscriptionState;

    #[test]
    fn the_secret_before_signs_for_a_day() {
        let secret = |text: &str, until_ms| SigningSecret { text: text.to_owned(), until_ms };
        let with = |secrets| Subscription {
            name: "crm".into(),
            version: 1,
            to: Destination::Webhook { url: String::new(), secrets },
            types: Vec::new(),
            state: SubscriptionState::On,
        };
        assert_eq!(secrets(None, None, 5), None);
        assert_eq!(secrets(None, Some("a"), 5), Some(vec![secret("a", None)]));
        let before = with(vec![secret("a", None)]);
        assert_eq!(secrets(Some(&before), None, 5), Some(vec![secret("a", None)]));
        assert_eq!(secrets(Some(&before), Some("a"), 5), Some(vec![secret("a", None)]));
        let both = vec![secret("b", None), secret("a", Some(5 + ROTATION_MS))];
        assert_eq!(secrets(Some(&before), Some("b"), 5), Some(both.clone()));
        let third = vec![secret("c", None), secret("b", Some(6 + ROTATION_MS))];
        assert_eq!(secrets(Some(&with(both)), Some("c"), 6), Some(third), "no more than two");
    }
}
