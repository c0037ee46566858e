//! Builds every part once, owns every task, runs until told to stop.
//!
//! `build` connects, loads scripts, checks versions and bounds: a setup that is wrong fails there, not later. `bind`
//! opens the listeners. `run` serves until told to stop, then drains: no new connections are accepted, requests under
//! way finish, the writer ends its batch and gives its leases back.

mod kafka;
mod notices;
mod operator;
mod reconcile;
mod refund_accounts;
mod settlements;
mod sources;
mod store;
mod subscriptions;
pub mod telemetry;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::admission::proof::{Policy, Proofs};
use crate::admission::{Admission, Entrance};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::{Config, PassKeys, PortoneConfig, SecretError, fill_secrets};
use crate::edge::http::workers::Workers;
use crate::facts::ids::LaneId;
use crate::inventory::Inventory;
use crate::lane::Lanes;
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::payment::portone::Portone;
use crate::payment::sandbox::Sandbox;
use crate::payment::toss::Toss;
use crate::payment::{Provider, ProviderFault, Registry};
use crate::pipeline::Pipeline;
use crate::shutdown::Stopping;
use crate::{admission, catalog, edge, inventory, ledger, pipeline, shutdown};
use operator::House;
use sources::OnSale;
use store::Store;
use webhooks::Hints;

pub use reconcile::{ReconcileAsk, reconcile};
pub use store::{StoreError, is_served};

/// How often the catalogue looks for changes made elsewhere; the API promises a second.
const REFRESH_EVERY: Duration = Duration::from_millis(400);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Role {
    #[default]
    All,
    /// Answers requests. Another process carries the lanes' logs to the ledger.
    Edge,
    /// Carries the logs to the ledger; opens only the admin listener.
    Writer,
}

impl Role {
    fn serves(self) -> bool {
        self != Role::Writer
    }

    fn writes(self) -> bool {
        self != Role::Edge
    }
}

/// Audits an embedded store that no server holds, or Redis, which several processes may use at once.
pub async fn audit(config: &Config) -> Result<serde_json::Value, BootError> {
    let clock = Clock::system();
    let store = Store::read_only(config, &clock).await?;
    let ledger = store::ledger_read_only(config).await?;
    let report = pipeline::audit::run(&store.lanes(), &ledger, &clock).await?;
    Ok(serde_json::to_value(report).expect("a report is plain data"))
}

#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ledger cannot be read")]
    Ledger(#[from] ledger::Error),
    #[error("the catalogue cannot be read")]
    Catalog(#[from] catalog::Error),
    #[error("store.lanes = {wanted}, but the ledger has things in {known} lanes; fewer would hide them")]
    FewerLanes { wanted: u16, known: u16 },
    #[error("the edge cannot be set up: {0}")]
    Edge(String),
    #[error(transparent)]
    Provider(#[from] ProviderFault),
    #[cfg(feature = "kafka")]
    #[error(transparent)]
    Kafka(#[from] pipeline::KafkaFault),
    #[error("cannot listen on {address}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("no threads to serve connections")]
    Threads(#[source] std::io::Error),
    #[error("there is no event {0}")]
    NoEvent(String),
    #[error("the lane could not be rebuilt")]
    Rebuild(#[from] pipeline::Error),
    #[error("the lanes cannot be compared with the ledger")]
    Compare(#[source] pipeline::Error),
    #[error("{0} is not among payment.providers")]
    NoProvider(String),
    #[error(transparent)]
    Reconcile(#[from] pipeline::reconcile::Error),
    #[error(transparent)]
    Audit(#[from] pipeline::audit::Error),
}

/// A part of the gateway ended while it should have run.
#[derive(Debug, thiserror::Error)]
#[error("a part of the gateway died")]
pub struct PartDied(#[source] tokio::task::JoinError);

/// Every part, built and connected, not yet serving.
pub struct App {
    role: Role,
    config: Arc<Config>,
    clock: Clock,
    store: Store,
    ledger: Ledger,
    catalog: Arc<Catalog>,
    admission: Arc<Admission>,
    pipeline: Pipeline,
    state: Arc<edge::State>,
    prometheus: PrometheusHandle,
}

/// The lanes, the ledger, the payment providers and the clock that an app is built on.
pub struct Ground {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub providers: Registry,
    pub clock: Clock,
}

/// What a process does beside answering requests.
struct Tending {
    /// Tasks that take in new work: the public listener and the pulse. They are stopped first.
    doors: JoinSet<()>,
    /// Tasks that are stopped after those, and finish the work that was taken in.
    rest: JoinSet<()>,
}

/// An app with its listeners open.
pub struct Bound {
    app: App,
    public: Option<Public>,
    admin: TcpListener,
}

/// Where browsers connect, and the threads that serve them.
struct Public {
    listener: TcpListener,
    workers: Arc<Workers>,
}

impl App {
    pub async fn build(config: Config, role: Role, prometheus: PrometheusHandle) -> Result<Self, BootError> {
        Self::build_at(config, role, prometheus, Clock::system()).await
    }

    /// Like [`App::build`], with the caller's clock.
    pub async fn build_at(
        mut config: Config,
        role: Role,
        prometheus: PrometheusHandle,
        clock: Clock,
    ) -> Result<Self, BootError> {
        let passes = fill_secrets(&mut config)?;
        let config = Arc::new(config);
        let ledger = store::ledger(&config).await?;
        let known = ledger.lanes_known().await?;
        if config.store.lanes < known {
            return Err(BootError::FewerLanes { wanted: config.store.lanes, known });
        }
        let store = Store::open(&config, &clock).await?;
        let providers = providers(&config.payment)?;
        let ground = Ground { lanes: store.lanes(), ledger, providers, clock };
        Self::furnish(config, role, prometheus, &passes, store, ground).await
    }

    /// Like [`App::build`], on what the caller has opened.
    pub async fn build_on(
        mut config: Config,
        role: Role,
        prometheus: PrometheusHandle,
        ground: Ground,
    ) -> Result<Self, BootError> {
        let passes = fill_secrets(&mut config)?;
        let store = Store::of(ground.lanes.clone());
        Self::furnish(Arc::new(config), role, prometheus, &passes, store, ground).await
    }

    async fn furnish(
        config: Arc<Config>,
        role: Role,
        prometheus: PrometheusHandle,
        passes: &PassKeys,
        store: Store,
        ground: Ground,
    ) -> Result<Self, BootError> {
        let Ground { lanes, ledger, providers, clock } = ground;
        let catalog = Arc::new(Catalog::new(ledger.clone(), lanes.clone(), clock.clone(), &config.money.currency));
        catalog.refresh().await?;
        let kafka = kafka::open(&config.outbox.kafka, role, &ledger, &clock).await?;
        let pipeline = Pipeline::new(pipeline::PipelineParts {
            lanes: lanes.clone(),
            ledger: ledger.clone(),
            providers: providers.clone(),
            account_key: config.payment.refund_key(),
            sources: Arc::new(OnSale(catalog.clone())),
            clock: clock.clone(),
            settings: pipeline::PipelineSettings::new(&config),
            outbox: notices::outbox(&config.outbox, passes, &catalog, kafka)?,
        });
        if role.serves() {
            pipeline.close_behind().await.map_err(BootError::Compare)?;
        }
        let admission = Arc::new(admission(&config, &clock, &lanes, passes)?);
        let hints = Hints { providers: providers.clone(), pipeline: pipeline.clone(), clock: clock.clone() };
        let house = Arc::new(House {
            lanes: lanes.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            pipeline: pipeline.clone(),
            books: config.money.books(),
        });
        let state = edge::State::new(edge::EdgeParts {
            config: config.clone(),
            clock: clock.clone(),
            catalog: catalog.clone(),
            ledger: ledger.reader().clone(),
            admission: admission.clone(),
            inventory: Arc::new(inventory(&config, &clock, &lanes, &pipeline)),
            operator: house.clone(),
            refund_accounts: house,
            webhooks: Arc::new(hints),
            prometheus: prometheus.clone(),
        })
        .map_err(|error| BootError::Edge(error.to_string()))?;
        let state = Arc::new(state);
        Ok(Self { role, config, clock, store, ledger, catalog, admission, pipeline, state, prometheus })
    }

    pub fn state(&self) -> &Arc<edge::State> {
        &self.state
    }

    /// Runs everything but the listeners until told to stop, then finishes what is in hand.
    pub async fn run_inside(&self, mut stopping: Stopping) -> Result<(), PartDied> {
        let (stop_doors, doors_stopping) = shutdown::channel();
        let (stop_rest, rest_stopping) = shutdown::channel();
        let Tending { mut doors, mut rest } = self.tend(&doors_stopping, &rest_stopping);
        self.state.readiness.begin();
        let died = tokio::select! {
            biased;
            () = stopping.wait() => None,
            panic = death(&mut rest) => Some(panic),
            panic = death(&mut doors) => Some(panic),
        };
        self.state.readiness.drain();
        stop_doors.now();
        while doors.join_next().await.is_some() {}
        stop_rest.now();
        while rest.join_next().await.is_some() {}
        died.map_or(Ok(()), |source| Err(PartDied(source)))
    }

    fn tend(&self, doors_stopping: &Stopping, rest_stopping: &Stopping) -> Tending {
        let (mut doors, mut rest) = (JoinSet::new(), JoinSet::new());
        rest.spawn(refresh(self.catalog.clone(), rest_stopping.clone()));
        rest.spawn(telemetry::upkeep(self.prometheus.clone(), rest_stopping.clone()));
        rest.spawn(self.store.clone().follow_clock(self.clock.clone(), rest_stopping.clone()));
        let state = self.state.clone();
        let tell = move |fit| state.readiness.store_is(fit);
        rest.spawn(self.store.clone().watch(tell, rest_stopping.clone()));
        if self.role.writes() {
            let (pipeline, stop) = (self.pipeline.clone(), rest_stopping.clone());
            rest.spawn(async move { pipeline.run(stop).await });
        }
        if self.role.serves() {
            doors.spawn(pulse(self, doors_stopping.clone()));
            // It runs until after the last poll, so that the lanes are told of every visitor who was seen.
            rest.spawn(admission::presence::run(self.admission.clone(), rest_stopping.clone()));
        }
        Tending { doors, rest }
    }

    /// Opens the listeners this role needs.
    pub async fn bind(self) -> Result<Bound, BootError> {
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address).await.map_err(|source| BootError::Bind { address, source })
        };
        let public = match self.role.serves() {
            true => {
                let listener = bind(self.config.server.listen).await?;
                let workers = Workers::start().map_err(BootError::Threads)?;
                Some(Public { listener, workers: Arc::new(workers) })
            }
            false => None,
        };
        let admin = bind(self.config.admin.listen).await?;
        Ok(Bound { app: self, public, admin })
    }

    /// Rebuilds the lane of `event`, or all lanes, from the ledger. Returns how many.
    pub async fn rebuild(&self, event: Option<&str>) -> Result<usize, BootError> {
        let lanes: Vec<LaneId> = match event {
            None => (0..self.config.store.lanes).map(LaneId).collect(),
            Some(id) => vec![self.catalog.event(id).ok_or_else(|| BootError::NoEvent(id.to_owned()))?.lane],
        };
        for &lane in &lanes {
            self.pipeline.rebuild(lane).await?;
        }
        Ok(lanes.len())
    }
}

impl Bound {
    /// What `serve` prints, one line for each listener.
    pub fn lines(&self) -> Vec<String> {
        let public = self.public.as_ref().map(|_| format!("listening on http://{}", self.public_addr()));
        public.into_iter().chain([format!("admin on http://{}", self.admin_addr())]).collect()
    }

    /// Where browsers connect. A writer has no such listener and gives its admin address.
    pub fn public_addr(&self) -> SocketAddr {
        let listener = self.public.as_ref().map_or(&self.admin, |public| &public.listener);
        listener.local_addr().expect("a bound listener has an address")
    }

    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.local_addr().expect("a bound listener has an address")
    }

    /// Serves until told to stop, then drains. If one part panics, the other parts are stopped too: a gateway without
    /// its writer must not look healthy. The supervisor of the process then starts another process.
    pub async fn run(self, mut stopping: Stopping) -> Result<(), PartDied> {
        let Bound { app, public, admin } = self;
        // There are two signals. The first stops what takes in new work; the second stops the admin listener and what
        // finishes that work.
        let (stop_edge, edge_stopping) = shutdown::channel();
        let (stop_rest, rest_stopping) = shutdown::channel();

        let Tending { mut doors, mut rest } = app.tend(&edge_stopping, &rest_stopping);
        let admin = tokio::spawn(edge::http::server::admin(admin, app.state.clone(), rest_stopping.clone()));

        let mut workers = None;
        if let Some(public) = public {
            workers = Some(public.workers.clone());
            let (listener, state, stop) = (public.listener, app.state.clone(), edge_stopping.clone());
            doors.spawn(edge::http::server::public(listener, state, public.workers, stop));
        }
        app.state.readiness.begin();
        tracing::info!(role = ?app.role, "serving");

        let died = tokio::select! {
            biased;
            () = stopping.wait() => None,
            panic = death(&mut rest) => Some(panic),
            panic = death(&mut doors) => Some(panic),
        };
        tracing::info!("draining");
        app.state.readiness.drain();
        stop_edge.now();
        while doors.join_next().await.is_some() {}
        stop_rest.now();
        while rest.join_next().await.is_some() {}
        if let Err(error) = admin.await {
            tracing::error!(%error, "the admin listener ended badly");
        }
        app.ledger.close().await;
        // The threads end last, because other parts may still use what was opened on them.
        drop(workers);
        tracing::info!("stopped");
        died.map_or(Ok(()), |source| Err(PartDied(source)))
    }
}

/// Returns when a part panics. Some parts have nothing to do and end at once.
async fn death(parts: &mut JoinSet<()>) -> tokio::task::JoinError {
    loop {
        match parts.join_next().await {
            Some(Ok(())) => {}
            Some(Err(panic)) => return panic,
            None => std::future::pending().await,
        }
    }
}

/// Brings in what other processes changed, and tells the lanes what they have missed.
async fn refresh(catalog: Arc<Catalog>, mut stop: Stopping) {
    let mut beats = tokio::time::interval(REFRESH_EVERY);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            _ = beats.tick() => {}
        }
        if let Err(error) = catalog.refresh().await {
            tracing::warn!(%error, "the catalogue is as of before");
        }
        catalog.apply_pending().await;
    }
}

fn pulse(app: &App, stop: Stopping) -> impl Future<Output = ()> + Send + 'static {
    let catalog = app.catalog.clone();
    let rooms: admission::pulse::RoomList = Arc::new(move || catalog.all_events().iter().map(|e| e.room()).collect());
    let settings = admission::pulse::PulseSettings {
        every: Duration::from_millis(app.config.queue.pulse_ms),
        work_max: app.config.queue.pulse_work_max,
    };
    let catalog = app.catalog.clone();
    let missing: admission::pulse::Missing = Arc::new(move |event| catalog.event_missing(event));
    admission::pulse::run(app.admission.clone(), rooms, missing, settings, stop)
}

fn admission(config: &Config, clock: &Clock, lanes: &Lanes, passes: &PassKeys) -> Result<Admission, BootError> {
    let queue = &config.queue;
    let passes = admission::passes::Passes::new(&passes.private_pem, &passes.old_public_pems)
        .map_err(|error| BootError::Edge(error.to_string()))?;
    let settings = admission::AdmissionSettings {
        waiting_max: queue.waiting_max,
        pace: admission::pace::Pace { min_ms: queue.poll_min_ms, max_ms: queue.poll_max_ms },
        board_ms: admission::board::KEEP_MS,
    };
    let secrets = secrets(config);
    let (proofs, limits) = (Proofs::new(Policy::new(queue), &secrets), &config.limits);
    let entrance = Entrance::new(proofs, Limiter::new(limits.join_rps, limits.join_burst, limits.keys_max));
    let tokens = admission::tokens::Tokens::new(&secrets);
    Ok(Admission::new(lanes.clone(), clock.clone(), settings, tokens, passes, entrance))
}

fn secrets(config: &Config) -> Vec<Vec<u8>> {
    config.queue.secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect()
}

fn inventory(config: &Config, clock: &Clock, lanes: &Lanes, pipeline: &Pipeline) -> Inventory {
    let nudge = pipeline.nudge();
    let settings = inventory::InventorySettings {
        log_max: config.pipeline.log_max,
        attempts_max: config.payment.attempts_max,
        waits_max: config.limits.in_flight,
        coupon_secrets: secrets(config),
    };
    Inventory::new(lanes.clone(), clock.clone(), Arc::new(move |lane| nudge.lane(lane)), settings)
}

/// The configured providers. The configuration's check has refused unknown names.
fn providers(config: &crate::config::PaymentConfig) -> Result<Registry, BootError> {
    let provider = |name: &String| -> Result<Option<Arc<dyn Provider>>, ProviderFault> {
        let (toss, portone) = (&config.toss, &config.portone);
        Ok(match name.as_str() {
            "sandbox" => Some(Arc::new(Sandbox::new())),
            "toss" => Some(Arc::new(Toss::new(&toss.base_url, &toss.secret_key)?)),
            "portone" => {
                let PortoneConfig { secret, webhook_secret, store_id, base_url, allow_test, .. } = portone;
                Some(Arc::new(Portone::new(base_url, secret, webhook_secret, store_id, *allow_test)?))
            }
            _ => None,
        })
    };
    let known: Vec<_> = config.providers.iter().map(provider).collect::<Result<_, _>>()?;
    Ok(known.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_death_is_seen_after_others_had_nothing_to_do() {
        let mut parts = JoinSet::new();
        parts.spawn(async {});
        tokio::task::yield_now().await;
        parts.spawn(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            panic!("a part dies");
        });
        assert!(death(&mut parts).await.is_panic());
    }
}
