//! What the world is shown of a notice: CloudEvents 1.0, structured JSON.

use serde_json::{Value, json};

use crate::facts::ids::LaneId;
use crate::facts::notice::Notice;
use crate::facts::order::OrderFact;
use crate::facts::time::{Millis, rfc3339};
use crate::ledger::outbox::OutboxRow;
use crate::ledger::outbox::delivery::NewDelivery;
use crate::ledger::outbox::subscription::Subscription;

/// Notices that one row of the outbox can have: a batch's order has fewer lines.
const NOTICES_MAX: i64 = 4_096;

/// How facts are shown outside. `app` implements it with the views of the API, so a notice shows an order as the API
/// does.
pub trait Views: Send + Sync + 'static {
    /// The data of a notice. `order`: the order that it is about.
    fn data(&self, notice: &Notice, order: Option<&OrderFact>, at_ms: Millis) -> Value;
}

/// A notice in its envelope.
pub(super) struct Envelope {
    pub id: String,
    pub ord: i64,
    pub about: String,
    pub notice: Notice,
    pub body: Value,
}

/// The envelopes of a row, in their order.
pub(super) fn envelopes(lane: LaneId, row: &OutboxRow, views: &dyn Views) -> Vec<Envelope> {
    let order = row.told.order.as_ref();
    let envelope = |(nth, notice): (usize, &Notice)| {
        let (about, data) = (about(notice, order), views.data(notice, order, row.at_ms));
        let id = format!("{}-{}-{nth}", lane.0, row.seq);
        let ord = row.seq * NOTICES_MAX + i64::try_from(nth).expect("few").min(NOTICES_MAX - 1);
        let body = json!({
            "specversion": "1.0",
            "id": id,
            "source": format!("/lanes/{}", lane.0),
            "type": notice.kind().cloud_type(),
            "subject": about,
            "time": rfc3339(row.at_ms),
            "datacontenttype": "application/json",
            "sequence": format!("{ord:020}"),
            "partitionkey": about,
            "data": data,
        });
        Envelope { id, ord, about, notice: notice.clone(), body }
    };
    row.told.notices.iter().enumerate().map(envelope).collect()
}

impl Envelope {
    pub fn delivery(&self, subscription: &Subscription, lane: LaneId, at_ms: Millis) -> NewDelivery {
        NewDelivery {
            subscription: subscription.name.clone(),
            id: self.id.clone(),
            lane,
            ord: self.ord,
            about: self.about.clone(),
            kind: self.notice.kind().cloud_type(),
            body: self.body.to_string(),
            at_ms,
        }
    }
}

/// A notice that tells nothing. It is about itself, so no other waits for it.
pub(super) fn test(lane: LaneId, subscription: &str, id: String, at_ms: Millis) -> NewDelivery {
    let kind = "stanchion.webhook.test.v1".to_owned();
    let body = json!({
        "specversion": "1.0", "id": id, "source": format!("/lanes/{}", lane.0), "type": kind, "subject": subscription,
        "time": rfc3339(at_ms), "datacontenttype": "application/json", "sequence": format!("{:020}", 0),
        "partitionkey": id, "data": { "webhook": subscription },
    });
    let (subscription, about) = (subscription.to_owned(), id.clone());
    NewDelivery { subscription, id, lane, ord: 0, about, kind, body: body.to_string(), at_ms }
}

/// The order, user, event or organizer that a notice is about.
fn about(notice: &Notice, order: Option<&OrderFact>) -> String {
    match notice {
        Notice::Order { .. } | Notice::Ticket { .. } | Notice::Refund { .. } => {
            order.map(|order| order.id.to_string()).unwrap_or_default()
        }
        Notice::Coupon { user, .. } | Notice::Points { user, .. } => user.to_string(),
        Notice::Event { event, .. } => event.to_string(),
        Notice::Settlement { settlement, .. } => settlement.organizer.clone(),
    }
}
