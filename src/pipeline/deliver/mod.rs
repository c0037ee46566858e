//! Delivers what the ledger's transactions told: from the outbox to the subscriptions, which are webhooks and Kafka.
//!
//! The process with a lane's lease delivers the lane's notices. It makes a delivery for each subscription that wants a
//! notice. The same transaction deletes the outbox's row. Then the process sends what is due. A delivery is repeated until
//! the endpoint takes it. So it may come twice; its id stays the same. A lane's notices about one order, user or
//! event are sent in their order: the next one waits until the one before was taken or has failed for good. Each
//! subscription has its own task, so an endpoint that is down delays no other.

mod broker;
mod endpoint;
mod envelope;
#[cfg(feature = "kafka")]
mod kafka;
mod send;
mod signature;
mod webhook;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::parts::PipelineShared;
use super::{Error, session};
use crate::client::{ClientLimits, HttpClient, Reach};
use crate::clock::{self, Instant};
use crate::facts::ids::LaneId;
use crate::facts::notice::NoticePattern;
use crate::ledger::outbox::HandOver;
use crate::ledger::outbox::delivery::DeliveryState;
use crate::ledger::outbox::subscription::{Subscription, SubscriptionState};
use crate::metrics::OUTBOX_NOTICES;
use crate::shutdown::Stopping;

pub use broker::{Broker, BrokerFault};
pub use envelope::Views;
#[cfg(feature = "kafka")]
pub use kafka::{Kafka, KafkaFault};
pub use signature::HouseKey;

/// How often a lane's outbox is looked at, and how old what is known of the subscriptions may be.
const TICK: Duration = Duration::from_secs(1);

/// Most rows that are handed over in one transaction. With so many deliveries no further row is begun.
const ROWS_MAX: i64 = 200;
const DELIVERIES_MAX: usize = 2_000;

/// How often deliveries that are due again are looked for.
const LOOK: Duration = Duration::from_secs(2);

/// How long an endpoint may take to answer.
const LIMIT: Duration = Duration::from_secs(15);

/// Longest time in which an endpoint is spared that fails again and again.
const SPARED_MAX: Duration = Duration::from_secs(60);

/// How often old deliveries are looked for, and how many are forgotten in one transaction.
const FORGET_EVERY: Duration = Duration::from_secs(60);
const FORGET_MAX: i64 = 500;

/// Longest answer of an endpoint that is read, bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Bounds, from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct OutboxSettings {
    pub reach: Reach,
    /// How long an endpoint may take to answer.
    pub limit: Duration,
    /// Longest time in which an endpoint is spared that fails again and again.
    pub spared_max: Duration,
    /// Notices under way to one endpoint at once, from one lane.
    pub in_flight: usize,
    /// Notices under way to Kafka at once, from one lane.
    pub kafka_in_flight: usize,
    pub delivered_keep_ms: i64,
    pub failed_keep_ms: i64,
}

impl OutboxSettings {
    pub fn new(outbox: &crate::config::OutboxConfig) -> Self {
        Self {
            reach: if outbox.allow_private { Reach::Anywhere } else { Reach::Public },
            limit: LIMIT,
            spared_max: SPARED_MAX,
            in_flight: outbox.in_flight,
            kafka_in_flight: outbox.kafka.in_flight,
            delivered_keep_ms: outbox.delivered_keep_s.saturating_mul(1_000),
            failed_keep_ms: outbox.failed_keep_s.saturating_mul(1_000),
        }
    }
}

/// What deliveries need beside the ledger.
pub struct OutboxParts {
    pub settings: OutboxSettings,
    pub views: Arc<dyn Views>,
    pub key: HouseKey,
    /// `None`: this process does not send to Kafka.
    pub kafka: Option<Arc<dyn Broker>>,
}

/// What the deliveries of all lanes share.
pub(super) struct Outbox {
    pub settings: OutboxSettings,
    pub views: Arc<dyn Views>,
    pub key: HouseKey,
    pub kafka: Option<Arc<dyn Broker>>,
    pub client: HttpClient,
    pub spared: endpoint::Spared,
    known: Mutex<Option<(Instant, Arc<[Subscription]>)>>,
}

impl Outbox {
    pub fn new(parts: OutboxParts) -> Self {
        let OutboxParts { settings, views, key, kafka } = parts;
        let limits = ClientLimits { idle: IDLE, idle_max: settings.in_flight, answer_max: ANSWER_MAX };
        let client = HttpClient::within(settings.reach, limits).expect("the TLS parts of this build are there");
        Self {
            settings,
            views,
            key,
            kafka,
            client,
            spared: endpoint::Spared::new(settings.spared_max),
            known: Mutex::default(),
        }
    }
}

impl Outbox {
    /// Whether this process sends a subscription's notices now.
    fn sends_to(&self, subscription: &Subscription) -> bool {
        subscription.state == SubscriptionState::On && (subscription.is_webhook() || self.kafka.is_some())
    }

    /// The subscriptions have changed: they are read again when they are needed.
    fn forget_known(&self) {
        *self.known.lock() = None;
    }
}

/// The subscriptions, as they were at most a second ago.
pub(super) async fn subscriptions(shared: &PipelineShared) -> Result<Arc<[Subscription]>, Error> {
    let known = shared.outbox.known.lock().clone();
    if let Some((_, known)) = known.filter(|(at, _)| at.elapsed() < TICK) {
        return Ok(known);
    }
    read_subscriptions(shared).await
}

async fn read_subscriptions(shared: &PipelineShared) -> Result<Arc<[Subscription]>, Error> {
    let outbox = &shared.outbox;
    let known: Arc<[Subscription]> = shared.ledger.subscriptions().await?.into();
    outbox.spared.keep(|name| known.iter().any(|subscription| subscription.name == name));
    *outbox.known.lock() = Some((clock::instant(), known.clone()));
    Ok(known)
}

/// Delivers a lane's notices until told to stop. What is under way when this is dropped is sent again by the next one.
pub(super) async fn run(shared: &Arc<PipelineShared>, lane: LaneId, mut stop: Stopping) {
    let mut serving: HashMap<String, Serving> = HashMap::new();
    let mut forgot: Option<Instant> = None;
    while !stop.is_stopping() {
        let more = match round(shared, lane, &mut serving).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%lane, error = &error as &dyn std::error::Error, "notices wait for the ledger");
                false
            }
        };
        if forgot.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
            match forget(shared, lane).await {
                Ok(true) => forgot = Some(clock::instant()),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%lane, error = &error as &dyn std::error::Error, "old deliveries stay a while");
                    forgot = Some(clock::instant());
                }
            }
        }
        if !more {
            tokio::select! {
                biased;
                () = shared.told.heard(lane) => {}
                () = session::pause(TICK, &mut stop) => {}
            }
        }
    }
}

/// The task that sends to one subscription.
struct Serving {
    task: AbortOnDropHandle<()>,
    /// When it began to look for what is due.
    since: Instant,
}

/// Hands over what is in the outbox, and sees to it that each subscription is served. True: there may be more.
async fn round(
    shared: &Arc<PipelineShared>,
    lane: LaneId,
    serving: &mut HashMap<String, Serving>,
) -> Result<bool, Error> {
    let Handed { to, more } = hand_over(shared, lane).await?;
    let known = subscriptions(shared).await?;
    serving.retain(|name, _| known.iter().any(|subscription| subscription.name == *name));
    for subscription in known.iter().filter(|subscription| shared.outbox.sends_to(subscription)) {
        let name = &subscription.name;
        let looks = serving
            .get(name)
            .is_none_or(|serving| serving.task.is_finished() && (to.contains(name) || serving.since.elapsed() >= LOOK));
        if looks {
            let task = AbortOnDropHandle::new(tokio::spawn(send::due(shared.clone(), lane, subscription.clone())));
            serving.insert(name.clone(), Serving { task, since: clock::instant() });
        }
    }
    Ok(more)
}

/// What was handed over.
#[derive(Default)]
struct Handed {
    /// The subscriptions that got deliveries.
    to: HashSet<String>,
    more: bool,
}

async fn hand_over(shared: &PipelineShared, lane: LaneId) -> Result<Handed, Error> {
    let rows = shared.ledger.outbox(lane, ROWS_MAX).await?;
    if rows.is_empty() {
        return Ok(Handed::default());
    }
    // Read after the rows, so a subscription that is older than a row is among them.
    let known = read_subscriptions(shared).await?;
    let wanted: Vec<(&Subscription, Vec<NoticePattern>)> = known
        .iter()
        .filter(|subscription| subscription.state != SubscriptionState::Disabled)
        .map(|subscription| (subscription, subscription.types.iter().filter_map(|t| NoticePattern::parse(t)).collect()))
        .collect();
    let (mut deliveries, mut taken, mut told) = (Vec::new(), 0, 0);
    for row in &rows {
        if deliveries.len() >= DELIVERIES_MAX {
            break;
        }
        taken += 1;
        told += row.told.notices.len();
        for envelope in envelope::envelopes(lane, row, shared.outbox.views.as_ref()) {
            let kind = envelope.notice.kind();
            for (subscription, patterns) in &wanted {
                if patterns.iter().any(|pattern| pattern.matches(kind)) {
                    deliveries.push(envelope.delivery(subscription, lane, row.at_ms));
                }
            }
        }
    }
    let more = taken < rows.len() || taken as i64 == ROWS_MAX;
    let to = deliveries.iter().map(|delivery| delivery.subscription.clone()).collect();
    let hand = HandOver { lane, upto: rows[taken - 1].seq, rows: taken as u64, deliveries };
    if shared.ledger.hand_over(hand).await? {
        counter!(OUTBOX_NOTICES).increment(told as u64);
    }
    Ok(Handed { to, more })
}

/// Makes a notice that tells nothing, for one subscription. Returns its id.
pub(super) async fn test(shared: &PipelineShared, subscription: &str) -> Result<String, Error> {
    let lane = LaneId::OF_THE_HOUSE;
    let (id, now_ms) = (format!("test-{}", hex::encode(crate::random::bytes::<8>())), shared.clock.now_ms());
    let delivery = envelope::test(lane, subscription, id.clone(), now_ms);
    shared.ledger.add_delivery(delivery).await?;
    shared.told.lane(lane);
    Ok(id)
}

/// True: nothing old is left.
async fn forget(shared: &PipelineShared, lane: LaneId) -> Result<bool, Error> {
    let (now_ms, settings) = (shared.clock.now_ms(), &shared.outbox.settings);
    if lane == LaneId::OF_THE_HOUSE {
        match shared.outbox.kafka {
            Some(_) => shared.ledger.keep_kafka(now_ms).await?,
            None => shared.ledger.forget_kafka(now_ms - settings.failed_keep_ms).await?,
        }
    }
    let mut done = true;
    for state in DeliveryState::ALL {
        let keep_ms = match state {
            DeliveryState::Delivered => settings.delivered_keep_ms,
            DeliveryState::Pending | DeliveryState::Failed => settings.failed_keep_ms,
        };
        let gone = shared.ledger.forget_deliveries(lane, state, now_ms - keep_ms, FORGET_MAX).await?;
        done &= (gone as i64) < FORGET_MAX;
    }
    Ok(done)
}
