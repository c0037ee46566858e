//! Shows facts in notices as the API shows them to an admin, with the names of the catalogue.

use std::sync::Arc;

use serde_json::Value;

use crate::catalog::Catalog;
use crate::edge::api::notices;
use crate::facts::notice::Notice;
use crate::facts::order::OrderFact;
use crate::facts::time::Millis;
use crate::pipeline::Views;

pub struct ApiViews(pub Arc<Catalog>);

impl Views for ApiViews {
    fn data(&self, notice: &Notice, order: Option<&OrderFact>, at_ms: Millis) -> Value {
        let event = order.and_then(|order| self.0.event(order.event.as_str()));
        notices::data(notice, order, event.as_deref(), at_ms)
    }
}
