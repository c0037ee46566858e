//! What the pipeline is made of, and what its sessions share.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::deliver::{Outbox, OutboxParts};
use super::nudge::LaneBells;
use super::payments::circuit::Circuits;
use super::recovery::Sources;
use crate::clock::Clock;
use crate::facts::ids::LaneId;
use crate::lane::Lanes;
use crate::ledger::Ledger;
use crate::payment::Registry;
use crate::seal::SealKey;

/// Bounds, from the configuration.
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// Records in one transaction, at most.
    pub batch_max: usize,
    /// How long a session first waits before it reads an empty log again; the wait grows while the log stays empty.
    pub idle: Duration,
    pub lease_ms: i64,
    /// Time limit of one call to the provider.
    pub call_limit: Duration,
    /// How long after its deadline an order waits for a payment attempt whose result is unknown.
    pub unknown_ms: i64,
    /// Calls to the provider under way at once.
    pub calls_max: usize,
    /// How long the ledger keeps the ids of finished records.
    pub record_keep_ms: i64,
    /// How long an event that is over stays in its lane.
    pub event_keep_ms: i64,
    /// The house's, ISO 4217: points that expire are booked in it.
    pub currency: String,
}

impl PipelineSettings {
    pub fn new(config: &crate::config::Config) -> Self {
        let (pipeline, payment) = (&config.pipeline, &config.payment);
        Self {
            batch_max: pipeline.batch_max,
            idle: Duration::from_millis(pipeline.idle_ms),
            lease_ms: pipeline.lease_ms,
            call_limit: Duration::from_millis(payment.timeout_ms),
            unknown_ms: payment.payment_unknown_s.saturating_mul(1_000),
            calls_max: payment.calls_max,
            record_keep_ms: pipeline.record_keep_s.saturating_mul(1_000),
            event_keep_ms: pipeline.event_keep_d.saturating_mul(86_400_000),
            currency: config.money.currency.clone(),
        }
    }
}

/// Everything a pipeline needs.
pub struct PipelineParts {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub providers: Registry,
    /// Opens the accounts that deposits go back to; `None`: the house takes no deposits.
    pub account_key: Option<Arc<SealKey>>,
    /// Says what is on sale, for the rebuild of a lane.
    pub sources: Arc<dyn Sources>,
    pub clock: Clock,
    pub settings: PipelineSettings,
    pub outbox: OutboxParts,
}

/// What all sessions of a process share.
pub(super) struct PipelineShared {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub providers: Registry,
    pub account_key: Option<Arc<SealKey>>,
    pub sources: Arc<dyn Sources>,
    pub clock: Clock,
    pub settings: PipelineSettings,
    pub nudge: LaneBells,
    /// Says that a lane's outbox has grown.
    pub told: LaneBells,
    pub outbox: Outbox,
    /// This process's name on leases. It is random, so that a restarted process has another name.
    pub owner: String,
    /// Bounds the calls to providers that are under way at once.
    pub calls: Arc<Semaphore>,
    /// Spares providers that are down.
    pub circuits: Circuits,
    views: Vec<Mutex<LaneWork>>,
}

/// What this process does for a lane at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LaneWork {
    pub leased: bool,
    pub recovering: bool,
    /// Calls without a definite answer.
    pub open: usize,
}

impl PipelineShared {
    pub fn new(parts: PipelineParts) -> Self {
        let PipelineParts { lanes, ledger, providers, account_key, sources, clock, settings, outbox } = parts;
        Self {
            nudge: LaneBells::new(lanes.count()),
            told: LaneBells::new(lanes.count()),
            outbox: Outbox::new(outbox),
            owner: hex::encode(crate::random::bytes::<16>()),
            calls: Arc::new(Semaphore::new(settings.calls_max.max(1))),
            circuits: Circuits::of(&providers),
            views: (0..lanes.count()).map(|_| Mutex::default()).collect(),
            lanes,
            ledger,
            providers,
            account_key,
            sources,
            clock,
            settings,
        }
    }

    pub fn view(&self, lane: LaneId) -> LaneWork {
        self.views.get(usize::from(lane.0)).map(|view| *view.lock()).unwrap_or_default()
    }

    pub fn show(&self, lane: LaneId, change: impl FnOnce(&mut LaneWork)) {
        if let Some(view) = self.views.get(usize::from(lane.0)) {
            change(&mut view.lock());
        }
    }

    pub fn views(&self) -> impl Iterator<Item = LaneWork> + '_ {
        self.views.iter().map(|view| *view.lock())
    }
}
