//! What every handler may reach, built once by `app`. Knows no request.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::auth::Auth;
use super::handlers::seats::SeatPages;
use super::limits::Limits;
use super::operator::Operator;
use super::origin::Origins;
use crate::admission::Admission;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::lane::Lanes;
use crate::ledger::Ledger;
use crate::shutdown::Stopping;

pub struct State {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub lanes: Lanes,
    pub auth: Auth,
    pub admission: Arc<Admission>,
    pub catalog: Arc<Catalog>,
    pub inventory: Arc<Inventory>,
    /// For reading only.
    pub ledger: Ledger,
    pub operator: Arc<dyn Operator>,
    pub seat_pages: SeatPages,
    pub limits: Limits,
    pub origins: Origins,
    /// Places for open event streams.
    pub streams: Arc<Semaphore>,
    pub prometheus: PrometheusHandle,
    /// Streams end and readiness is over once it is given.
    pub stopping: Stopping,
}
