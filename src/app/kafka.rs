//! Sees to it that notices go to Kafka, where the configuration says so.

use std::sync::Arc;

use super::{BootError, Role};
use crate::clock::Clock;
use crate::config::KafkaConfig;
use crate::ledger::Ledger;
use crate::pipeline::Broker;

/// From now on notices are kept for Kafka. A process that writes sends them there.
#[cfg(feature = "kafka")]
pub async fn open(
    config: &KafkaConfig,
    role: Role,
    ledger: &Ledger,
    clock: &Clock,
) -> Result<Option<Arc<dyn Broker>>, BootError> {
    if !config.is_on() {
        return Ok(None);
    }
    // An edge sends nothing. It opens Kafka all the same, for a moment, so that settings that are wrong are said there too.
    let kafka = crate::pipeline::Kafka::open(config)?;
    ledger.keep_kafka(clock.now_ms()).await?;
    Ok(role.writes().then(|| Arc::new(kafka) as Arc<dyn Broker>))
}

/// The configuration's check has refused brokers.
#[cfg(not(feature = "kafka"))]
pub async fn open(_: &KafkaConfig, _: Role, _: &Ledger, _: &Clock) -> Result<Option<Arc<dyn Broker>>, BootError> {
    Ok(None)
}
