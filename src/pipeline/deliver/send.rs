//! Sends what is due to one subscription.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use metrics::{counter, histogram};
use tokio::sync::mpsc;

use super::super::parts::PipelineShared;
use super::endpoint::{self, Verdict};
use super::{broker, webhook};
use crate::clock;
use crate::facts::ids::LaneId;
use crate::facts::time::Millis;
use crate::ledger::outbox::delivery::{DeliveryAttempt, DeliveryState, DueDelivery};
use crate::ledger::outbox::subscription::{Destination, Subscription};
use crate::metrics::{OUTBOX_ATTEMPT_SECONDS, OUTBOX_DELIVERIES};

/// Most deliveries read at once.
const PAGE: i64 = 200;

/// Sends all that is due, until nothing is left, or the endpoint has to be spared.
pub(super) async fn due(shared: Arc<PipelineShared>, lane: LaneId, subscription: Subscription) {
    loop {
        if shared.outbox.spared.is_spared((&subscription).into()) {
            return;
        }
        let now_ms = shared.clock.now_ms();
        let due = match shared.ledger.due_deliveries(&subscription.name, lane, now_ms, PAGE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%lane, subscription = subscription.name, %error, "deliveries wait for the ledger");
                return;
            }
        };
        let is_last = (due.len() as i64) < PAGE;
        if due.is_empty() || !page(&shared, &subscription, due).await || is_last {
            return;
        }
    }
}

/// Sends a page of deliveries: those about the same one after the other, the others beside each other. False: what came
/// of them could not be noted, or the subscription ended.
async fn page(shared: &PipelineShared, subscription: &Subscription, due: Vec<DueDelivery>) -> bool {
    let mut groups: Vec<Vec<DueDelivery>> = Vec::new();
    let mut group_of: HashMap<String, usize> = HashMap::new();
    for delivery in due {
        let at = *group_of.entry(delivery.about.clone()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(delivery);
    }
    let (told, mut came) = mpsc::channel(64);
    let sending = async move {
        let told = &told;
        let groups = futures_util::stream::iter(groups);
        let send = |group| async move { send_group(shared, subscription, group, told).await };
        let in_flight = match &subscription.to {
            Destination::Webhook { .. } => shared.outbox.settings.in_flight,
            Destination::Kafka => shared.outbox.settings.kafka_in_flight,
        };
        groups.for_each_concurrent(in_flight, send).await;
    };
    // Noted together, because each commit costs the ledger a sync.
    let noting = async {
        let mut attempts: Vec<DeliveryAttempt> = Vec::new();
        let mut well = true;
        while came.recv_many(&mut attempts, 64).await > 0 {
            let gone = attempts.iter().any(|attempt| attempt.status == Some(http::StatusCode::GONE.as_u16()));
            let noted = shared.ledger.note_attempts(std::mem::take(&mut attempts)).await;
            let ended = if gone { disable(shared, subscription).await } else { Ok(()) };
            for failed in [noted, ended].into_iter().filter_map(Result::err) {
                tracing::warn!(subscription = subscription.name, error = %failed, "deliveries will be repeated");
                well = false;
            }
            well &= !gone;
        }
        well
    };
    let ((), well) = tokio::join!(sending, noting);
    well
}

async fn disable(shared: &PipelineShared, subscription: &Subscription) -> crate::ledger::Result<()> {
    tracing::error!(
        subscription = subscription.name,
        "the endpoint answered 410 Gone: the subscription is disabled until it is put again"
    );
    let (name, version) = (subscription.name.clone(), subscription.version);
    let done = shared.ledger.disable_subscription(name, version, shared.clock.now_ms()).await;
    shared.outbox.forget_known();
    done
}

/// Sends deliveries about the same. One that was not taken holds up those behind it.
async fn send_group(
    shared: &PipelineShared,
    subscription: &Subscription,
    group: Vec<DueDelivery>,
    told: &mpsc::Sender<DeliveryAttempt>,
) {
    for delivery in group {
        if shared.outbox.spared.is_spared(subscription.into()) {
            return;
        }
        let began = clock::instant();
        let verdict = match &subscription.to {
            Destination::Webhook { url, secrets } => webhook::attempt(shared, url, secrets, &delivery).await,
            Destination::Kafka => {
                let Some(kafka) = &shared.outbox.kafka else { return };
                match kafka.take(&delivery.body).await {
                    Ok(()) => Verdict::Taken(None),
                    Err(fault) => Verdict::NotTaken { status: None, detail: fault.to_string(), retry_after: None },
                }
            }
        };
        histogram!(OUTBOX_ATTEMPT_SECONDS, "to" => subscription.to.as_str()).record(began.elapsed());
        shared.outbox.spared.note(subscription.into(), &verdict);
        let attempt = noted(subscription, &delivery, verdict, shared.clock.now_ms());
        let outcome = match attempt.state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Pending => "again",
            DeliveryState::Failed => "failed",
        };
        counter!(OUTBOX_DELIVERIES, "to" => subscription.to.as_str(), "outcome" => outcome).increment(1);
        let goes_on = attempt.state == DeliveryState::Delivered;
        if told.send(attempt).await.is_err() || !goes_on {
            return;
        }
    }
}

fn noted(subscription: &Subscription, delivery: &DueDelivery, verdict: Verdict, now_ms: Millis) -> DeliveryAttempt {
    let attempts = delivery.attempts + 1;
    let (state, next_ms, status, detail) = match verdict {
        Verdict::Taken(status) => (DeliveryState::Delivered, now_ms, status.map(|status| status.as_u16()), None),
        // It waits until the webhook is put again.
        Verdict::Gone => (DeliveryState::Pending, now_ms, Some(410), Some("answered 410 Gone".to_owned())),
        Verdict::NotTaken { status, detail, retry_after } => {
            let (status, detail) = (status.map(|status| status.as_u16()), Some(detail));
            let pause = match &subscription.to {
                Destination::Webhook { .. } => endpoint::pause_after(attempts),
                Destination::Kafka => Some(broker::pause_after(attempts)),
            };
            match pause {
                None => (DeliveryState::Failed, now_ms, status, detail),
                Some(pause) => {
                    let pause = pause.max(retry_after.unwrap_or_default());
                    let next_ms = now_ms + i64::try_from(pause.as_millis()).expect("a day or less");
                    (DeliveryState::Pending, next_ms, status, detail)
                }
            }
        }
    };
    let (subscription, id) = (subscription.name.clone(), delivery.id.clone());
    DeliveryAttempt { subscription, id, attempts, state, next_ms, status, detail }
}
