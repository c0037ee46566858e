//! Kafka, as librdkafka speaks to it.
//!
//! A message is taken once all replicas in sync have it (`acks=all`). librdkafka finds the brokers again when they were
//! away. The order of messages about the same does not depend on it: the next one is given to it when the one before is
//! acknowledged.

mod binding;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use self::binding::KafkaMessage;
use super::broker::{Broker, BrokerFault};
use crate::config::KafkaConfig;

/// Most bytes of messages that wait in librdkafka, KiB.
const QUEUE_KIB: &str = "65536";

/// Longest message, bytes. The brokers have a limit of their own (`message.max.bytes`, 1 MB where it is not set), and theirs
/// shall decide.
const MESSAGE_MAX: &str = "16777216";

/// Longest pause between attempts to connect, ms; librdkafka adds jitter.
const RECONNECT_MAX_MS: &str = "5000";

/// The settings of Kafka are wrong.
#[derive(Debug, thiserror::Error)]
#[error("outbox.kafka: {0}; these settings are explained in config/default.toml")]
pub struct KafkaFault(KafkaError);

/// The topics of a house.
pub struct Kafka {
    settings: ClientConfig,
    prefix: String,
    limit: Duration,
    producer: Mutex<Arc<FutureProducer>>,
}

impl Kafka {
    /// Checks the settings. It does not wait for a broker: one that is away does not keep the house from starting.
    pub fn open(config: &KafkaConfig) -> Result<Self, KafkaFault> {
        let settings = settings(config);
        let producer = Mutex::new(Arc::new(settings.create().map_err(KafkaFault)?));
        let limit = Duration::from_millis(config.timeout_ms);
        Ok(Self { settings, prefix: config.prefix.clone(), limit, producer })
    }

    /// Puts another producer in place of one that has failed for good, unless that was done already. Some errors leave the
    /// order of an idempotent producer in doubt, and librdkafka then refuses everything.
    fn replace(&self, failed: &Arc<FutureProducer>) {
        let Some((code, detail)) = failed.client().fatal_error() else { return };
        let mut current = self.producer.lock();
        if !Arc::ptr_eq(&current, failed) {
            return;
        }
        tracing::warn!(%code, detail, "Kafka's producer cannot go on and is replaced");
        match self.settings.create() {
            Ok(producer) => *current = Arc::new(producer),
            Err(error) => {
                tracing::error!(%error, "Kafka's producer could not be replaced; the next attempt tries again")
            }
        }
    }
}

#[async_trait]
impl Broker for Kafka {
    async fn take(&self, envelope: &str) -> Result<(), BrokerFault> {
        let message = KafkaMessage::of(envelope, &self.prefix)?;
        let headers = OwnedHeaders::new_with_capacity(message.headers.len());
        let headers = message
            .headers
            .iter()
            .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_bytes()) }));
        let record = FutureRecord::to(&message.topic).key(&*message.key).payload(message.value).headers(headers);
        let producer = self.producer.lock().clone();
        let sent = producer.send(record, self.limit).await;
        sent.map(drop).map_err(|(error, _)| {
            self.replace(&producer);
            BrokerFault::Broker(format!("{}: {error}", message.topic))
        })
    }
}

fn settings(config: &KafkaConfig) -> ClientConfig {
    let limit = config.timeout_ms.to_string();
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", config.brokers.join(","))
        .set("client.id", "stanchion")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // After this time a message is given back, and waits in the ledger instead. A request that hangs ends with it.
        .set("message.timeout.ms", &limit)
        .set("request.timeout.ms", &limit)
        .set("socket.timeout.ms", &limit)
        .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS)
        .set("queue.buffering.max.kbytes", QUEUE_KIB)
        .set("message.max.bytes", MESSAGE_MAX)
        // As Java's producers choose partitions, so that topics of both can be joined by key.
        .set("partitioner", "murmur2_random")
        .set("log.connection.close", "false")
        .set("security.protocol", config.security.as_str());
    if config.security.has_tls() && !config.ca_file.is_empty() {
        settings.set("ssl.ca.location", &config.ca_file);
    }
    if config.security.has_sasl() {
        settings
            .set("sasl.mechanisms", config.mechanism.as_str())
            .set("sasl.username", &config.username)
            .set("sasl.password", &config.password);
    }
    settings
}

#[cfg(test)]
mod tests;
