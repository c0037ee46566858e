//! What every handler may use, built once by `app`.

use std::sync::Arc;

use http::HeaderMap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::api::room::RoomPages;
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
use super::readiness::Readiness;
use super::refund_accounts::RefundAccounts;
use super::webhooks::Webhooks;
use super::{auth, credential, openapi};
use crate::admission::Admission;
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
    pub refund_accounts: Arc<dyn RefundAccounts>,
    pub webhooks: Arc<dyn Webhooks>,
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
    pub refund_accounts: Arc<dyn RefundAccounts>,
    pub webhooks: Arc<dyn Webhooks>,

    pub auth: Auth,
    pub origins: Origins,
    pub limits: Limits,
    pub upstreams: Upstreams,
    pub readiness: Readiness,
    pub telemetry: Telemetry,

    pub room: RoomPages,
    pub seats: SeatPages,
    /// Places for open event streams.
    pub streams: Arc<Semaphore>,
    /// The OpenAPI documents, JSON.
    pub openapi: &'static openapi::Documents,
}

/// What this process says of itself.
pub struct Telemetry {
    pub prometheus: PrometheusHandle,
    pub meters: Meters,
    pub under_way: UnderWay,
    pub fault_log: FaultLog,
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
        let EdgeParts {
            config,
            clock,
            catalog,
            ledger,
            admission,
            inventory,
            operator,
            refund_accounts,
            webhooks,
            prometheus,
        } = parts;
        Ok(Self {
            auth: Auth::new(&config.auth, clock.clone())?,
            origins: Origins::new(&config.server),
            limits: Limits::new(&config.limits),
            upstreams: Upstreams::new(&config.upstream),
            readiness: Readiness::default(),
            telemetry: Telemetry {
                prometheus,
                meters: Meters::default(),
                under_way: UnderWay::default(),
                fault_log: FaultLog::default(),
            },
            room: RoomPages { template: Template::load(&config.web.room_template)?, draws: DrawCache::default() },
            seats: SeatPages::default(),
            streams: Arc::new(Semaphore::new(config.limits.streams.min(Semaphore::MAX_PERMITS))),
            openapi: openapi::Documents::of(config.admin.public),
            config,
            clock,
            catalog,
            ledger,
            admission,
            inventory,
            operator,
            refund_accounts,
            webhooks,
        })
    }

    /// Whether traffic may come: the process serves, its store is fit, and users' tokens can be verified.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_serving() && self.readiness.store_fit() && self.auth.has_keys()
    }
}
