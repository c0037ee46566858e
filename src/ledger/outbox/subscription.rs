//! Who wants notices, and where they are sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::facts::time::Millis;
use crate::ledger::{Error, Ledger, ReadSource, Reader, Result};

/// Whether a subscription's notices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    On,
    /// They wait until it is on again.
    Paused,
    /// The endpoint answered 410. New notices are not kept for it.
    Disabled,
}

impl SubscriptionState {
    pub const ALL: [SubscriptionState; 3] =
        [SubscriptionState::On, SubscriptionState::Paused, SubscriptionState::Disabled];

    pub fn as_str(self) -> &'static str {
        match self {
            SubscriptionState::On => "on",
            SubscriptionState::Paused => "paused",
            SubscriptionState::Disabled => "disabled",
        }
    }
}

/// A secret that signs notices.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_` and base64.
    pub text: String,
    /// Until when it signs, beside a newer one; `None`: it is the newest.
    pub until_ms: Option<Millis>,
}

/// How many bytes a secret has.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The bytes of a secret; `None`: it is not `whsec_` and the base64 of 24 to 64 bytes.
pub fn secret_bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}

/// Does not show the secret.
impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SigningSecret").field("until_ms", &self.until_ms).finish_non_exhaustive()
    }
}

/// Where a subscription's notices go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To an endpoint, by HTTP.
    Webhook {
        url: String,
        /// The newest first.
        secrets: Vec<SigningSecret>,
    },
    /// To the topics of Kafka. The configuration says where its brokers are.
    Kafka,
}

/// What stands in a subscription's row instead of an endpoint's URL.
const KAFKA_URL: &str = "kafka:";

impl Destination {
    pub fn as_str(&self) -> &'static str {
        match self {
            Destination::Webhook { .. } => "webhook",
            Destination::Kafka => "kafka",
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Destination::Webhook { url, .. } => url,
            Destination::Kafka => KAFKA_URL,
        }
    }

    pub fn secrets(&self) -> &[SigningSecret] {
        match self {
            Destination::Webhook { secrets, .. } => secrets,
            Destination::Kafka => &[],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub name: String,
    /// Rises with every change.
    pub version: i64,
    pub to: Destination,
    /// Patterns of kinds, as [`NoticePattern`](crate::facts::notice::NoticePattern) reads them.
    pub types: Vec<String>,
    pub state: SubscriptionState,
}

impl Subscription {
    pub fn is_webhook(&self) -> bool {
        matches!(self.to, Destination::Webhook { .. })
    }
}

impl Reader {
    /// All subscriptions, by name, as the primary has them.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>> {
        let rows = self.read("subscriptions", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT name, version, url, secrets, types, state FROM subscription ORDER BY name";
                Ok(sqlx::query(text).fetch_all(conn).await?)
            })
        });
        rows.await?.iter().map(read).collect()
    }
}

impl Ledger {
    /// Stores a subscription whose stored version is one less; version 1: there is none. False: another change came
    /// between.
    pub async fn put_subscription(&self, put: Subscription, now_ms: Millis) -> Result<bool> {
        let secrets = serde_json::to_string(put.to.secrets()).expect("plain data");
        let types = serde_json::to_string(&put.types).expect("plain data");
        let url = put.to.url().to_owned();
        let done = self.transaction(move |conn| {
            Box::pin(async move {
                let met = if put.version == 1 {
                    let taken = sqlx::query("SELECT name FROM subscription WHERE name = ?").bind(put.name.clone());
                    if taken.fetch_optional(&mut *conn).await?.is_some() {
                        return Ok(false);
                    }
                    sqlx::query(
                        "INSERT INTO subscription (name, version, url, secrets, types, state, created_ms, updated_ms) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    )
                    .bind(put.name)
                    .bind(put.version)
                    .bind(url)
                    .bind(secrets)
                    .bind(types)
                    .bind(put.state.as_str())
                    .bind(now_ms)
                    .bind(now_ms)
                    .execute(conn)
                    .await?
                } else {
                    sqlx::query(
                        "UPDATE subscription SET version = ?, url = ?, secrets = ?, types = ?, state = ?, \
                         updated_ms = ? WHERE name = ? AND version = ?",
                    )
                    .bind(put.version)
                    .bind(url)
                    .bind(secrets)
                    .bind(types)
                    .bind(put.state.as_str())
                    .bind(now_ms)
                    .bind(put.name)
                    .bind(put.version - 1)
                    .execute(conn)
                    .await?
                };
                Ok(met.rows_affected() == 1)
            })
        });
        match done.await {
            Err(Error::Database { cause: crate::ledger::Cause::Duplicate, .. }) => Ok(false),
            done => done,
        }
    }

    /// Disables a subscription, if it is still as this version says.
    pub async fn disable_subscription(&self, name: String, version: i64, now_ms: Millis) -> Result<()> {
        self.transaction(move |conn| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE subscription SET version = version + 1, state = 'disabled', updated_ms = ? \
                     WHERE name = ? AND version = ?",
                )
                .bind(now_ms)
                .bind(name)
                .bind(version)
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a subscription with its deliveries. False: there is none.
    pub async fn delete_subscription(&self, name: String) -> Result<bool> {
        self.transaction(move |conn| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM subscription WHERE name = ?").bind(name.clone());
                let gone = gone.execute(&mut *conn).await?.rows_affected();
                sqlx::query("DELETE FROM delivery WHERE subscription = ?").bind(name).execute(conn).await?;
                Ok(gone == 1)
            })
        })
        .await
    }
}

fn read(row: &AnyRow) -> Result<Subscription> {
    let (name, state): (String, String) = (row.try_get("name")?, row.try_get("state")?);
    let (secrets, types): (String, String) = (row.try_get("secrets")?, row.try_get("types")?);
    // The text of an error could show a part of a secret.
    let unreadable = |column, detail: &str| Error::Unreadable {
        table: "subscription",
        column,
        key: name.clone(),
        detail: detail.to_owned(),
    };
    let known = SubscriptionState::ALL.into_iter().find(|known| known.as_str() == state);
    let url: String = row.try_get("url")?;
    let secrets = serde_json::from_str(&secrets).map_err(|_| unreadable("secrets", "not a list of secrets"))?;
    Ok(Subscription {
        version: row.try_get("version")?,
        to: if url == KAFKA_URL { Destination::Kafka } else { Destination::Webhook { url, secrets } },
        types: serde_json::from_str(&types).map_err(|_| unreadable("types", "not a list of texts"))?,
        state: known.ok_or_else(|| unreadable("state", &state))?,
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        let text = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert!(secret_bytes(&text(24)).is_some() && secret_bytes(&text(64)).is_some());
        assert!(secret_bytes(&text(23)).is_none() && secret_bytes(&text(65)).is_none());
        assert!(secret_bytes(&STANDARD.encode([7; 32])).is_none() && secret_bytes("whsec_!").is_none());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = SigningSecret { text: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), until_ms: None };
        assert!(!format!("{secret:?}").contains("MfKQ"));
    }
}
