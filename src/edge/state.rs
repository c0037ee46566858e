//! What every handler may use, built once by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::api::room::draws::DrawCache;
use super::api::seats::SeatPages;
use super::auth::Auth;
use super::credential::{Carried, CredentialKind};
use super::fault_log::FaultLog;
use super::http::limits::Limits;
use super::meters::{Meters, UnderWay};
use super::operator::Operator;
use super::origin::Origins;
use super::proxy::Upstreams;
use super::{auth, credential, openapi};
use crate::admission::Admission;
use crate::admission::proof::{Policy, Proofs};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::facts::ids::EventId;
use crate::inventory::Inventory;
use crate::ledger::Reader;
use crate::web::room::{Template, TemplateError};

/// Why the edge cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Keys(#[from] auth::keys::Error),
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// The stages behind the edge.
pub struct EdgeParts {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    pub ledger: Reader,
    pub admission: Arc<Admission>,
    pub inventory: Arc<Inventory>,
    pub operator: Arc<dyn Operator>,
    pub prometheus: PrometheusHandle,
}

pub struct State {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    /// For reading only.
    pub ledger: Reader,
    pub admission: Arc<Admission>,
    pub inventory: Arc<Inventory>,
    pub operator: Arc<dyn Operator>,
    pub prometheus: PrometheusHandle,

    pub auth: Auth,
    pub seat_pages: SeatPages,
    pub draws: DrawCache,
    pub room_template: Template,
    pub limits: Limits,
    pub proofs: Proofs,
    pub under_way: UnderWay,
    pub meters: Meters,
    pub origins: Origins,
    pub upstreams: Upstreams,
    /// Places for open event streams.
    pub streams: Arc<Semaphore>,
    /// The OpenAPI documents, JSON.
    pub openapi: &'static openapi::Documents,
    pub fault_log: FaultLog,
    serving: AtomicBool,
    /// Whether the lanes' store keeps what it is given.
    store_fit: AtomicBool,
}

impl State {
    /// The queue token that a request carries for an event, and how.
    pub fn queue_token<'h>(&self, headers: &'h HeaderMap, event: &str) -> Option<(&'h str, Carried)> {
        let tokens = self.admission.tokens();
        let good = |text: &str| tokens.verify(text).is_ok_and(|claim| claim.event.as_str() == event);
        credential::find(headers, CredentialKind::Queue, event, good)
    }

    /// The pass that a request carries for an event, and how.
    pub fn pass<'h>(&self, headers: &'h HeaderMap, event: &str) -> Option<(&'h str, Carried)> {
        let good = |text: &str| self.admission.read_pass(&EventId::from(event), text).is_some();
        credential::find(headers, CredentialKind::Pass, event, good)
    }

    /// Fails when the keys that verify users' tokens, or the template of the waiting room's page, cannot be read.
    pub fn new(parts: EdgeParts) -> Result<Self, SetupError> {
        let EdgeParts { config, clock, catalog, ledger, admission, inventory, operator, prometheus } = parts;
        let secrets: Vec<Vec<u8>> = config.queue.secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect();
        Ok(Self {
            proofs: Proofs::new(Policy::new(&config.queue), &secrets),
            auth: Auth::new(&config.auth, clock.clone())?,
            seat_pages: SeatPages::default(),
            draws: DrawCache::default(),
            room_template: Template::load(&config.web.room_template)?,
            limits: Limits::new(&config.limits),
            under_way: UnderWay::default(),
            meters: Meters::default(),
            origins: Origins::new(&config.server),
            upstreams: Upstreams::new(&config.upstream),
            streams: Arc::new(Semaphore::new(config.limits.streams.min(Semaphore::MAX_PERMITS))),
            openapi: openapi::Documents::of(config.admin.public),
            fault_log: FaultLog::default(),
            serving: AtomicBool::new(false),
            store_fit: AtomicBool::new(true),
            config,
            clock,
            catalog,
            ledger,
            admission,
            inventory,
            operator,
            prometheus,
        })
    }

    /// The process has started: traffic may come.
    pub fn ready(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    /// The process drains: traffic should go elsewhere, and event streams end.
    pub fn not_ready(&self) {
        self.serving.store(false, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        self.serving.load(Ordering::Relaxed) && self.store_fit() && self.auth.has_keys()
    }

    /// Notes whether the lanes' store keeps what it is given. A store that evicts keys or cannot write to its disk does
    /// not.
    pub fn store_is(&self, fit: bool) {
        self.store_fit.store(fit, Ordering::Relaxed);
    }

    pub fn store_fit(&self) -> bool {
        self.store_fit.load(Ordering::Relaxed)
    }

    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }
}
