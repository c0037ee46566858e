//! What notices are sent with. They show facts as the API shows them to an admin, with the names of the catalogue.

use std::sync::Arc;

use serde_json::Value;

use super::BootError;
use crate::catalog::Catalog;
use crate::config::{OutboxConfig, PassKeys};
use crate::edge::api::notices;
use crate::facts::notice::Notice;
use crate::facts::order::OrderFact;
use crate::facts::time::Millis;
use crate::pipeline::{Broker, HouseKey, OutboxParts, OutboxSettings, Views};

/// What deliveries need.
pub fn outbox(
    config: &OutboxConfig,
    passes: &PassKeys,
    catalog: &Arc<Catalog>,
    kafka: Option<Arc<dyn Broker>>,
) -> Result<OutboxParts, BootError> {
    let key = HouseKey::from_pem(&passes.private_pem);
    Ok(OutboxParts {
        settings: OutboxSettings::new(config),
        views: Arc::new(ApiViews(catalog.clone())),
        key: key.ok_or_else(|| BootError::Edge("the pass's private key is not an Ed25519 key in PEM".to_owned()))?,
        kafka,
    })
}

struct ApiViews(Arc<Catalog>);

impl Views for ApiViews {
    fn data(&self, notice: &Notice, order: Option<&OrderFact>, at_ms: Millis) -> Value {
        let event = order.and_then(|order| self.0.event(order.event.as_str()));
        notices::data(notice, order, event.as_deref(), at_ms)
    }
}
