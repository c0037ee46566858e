//! What every handler may reach, built once by `app`. Knows no request.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use super::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::lane::Lanes;

pub struct State {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub lanes: Lanes,
    pub auth: Auth,
    pub prometheus: PrometheusHandle,
}
