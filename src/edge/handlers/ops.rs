//! Probes, metrics and the contract, for operators and their machines.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::{Answer, Outcome, Request, gzip};
use crate::ids::LaneId;
use crate::lane::Lane;

/// A lane that has not said how it is after this long is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether traffic may come.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Ready)]
pub struct ReadyView {
    #[schema(example = true)]
    pub ready: bool,
    /// Lanes that are being rebuilt; what lives in them answers `RECOVERING`.
    #[schema(example = json!([]))]
    pub recovering: Vec<u16>,
    /// Lanes that do not answer.
    #[schema(example = json!([]))]
    pub away: Vec<u16>,
    /// Whether the lanes' store keeps what it is given: `false` when Redis evicts keys or cannot write to its disk.
    #[schema(example = true)]
    pub store_fit: bool,
}

/// `GET /livez`
pub async fn livez(_request: Request) -> Outcome {
    Ok(Answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"))
}

/// `GET /readyz`: ready also while lanes recover or are away, for then every gateway is in the same
/// state, and taking all of them out of service helps nobody. Not ready on a store that forgets what is sold.
pub async fn readyz(request: Request) -> Outcome {
    enum Lanes {
        Well,
        Recovering(LaneId),
        Away(LaneId),
    }
    let ask = async |lane: &dyn Lane| match tokio::time::timeout(PATIENCE, lane.meta()).await {
        Ok(Ok(meta)) if meta.recovering => Lanes::Recovering(lane.id()),
        Ok(Ok(_)) => Lanes::Well,
        Ok(Err(_)) | Err(_) => Lanes::Away(lane.id()),
    };
    let mut view = ReadyView {
        ready: request.state.is_ready(),
        recovering: Vec::new(),
        away: Vec::new(),
        store_fit: request.state.store_fit(),
    };
    for lane in join_all(request.state.lanes.iter().map(|lane| ask(lane.as_ref()))).await {
        match lane {
            Lanes::Well => {}
            Lanes::Recovering(id) => view.recovering.push(id.0),
            Lanes::Away(id) => view.away.push(id.0),
        }
    }
    Ok(if view.ready {
        Answer::json(StatusCode::OK, &view).no_store()
    } else {
        Answer::json(StatusCode::SERVICE_UNAVAILABLE, &view).no_store().retry_after(1)
    })
}

/// `GET /metrics`
pub async fn metrics(request: Request) -> Outcome {
    request.state.under_way.tell();
    request.state.meters.tell();
    request.state.admission.tell();
    let text = request.state.prometheus.render();
    Ok(Answer::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}

/// `GET /openapi.json` of the public listener
pub async fn openapi(request: Request) -> Outcome {
    Ok(contract(&request, &request.state.openapi.public))
}

/// `GET /openapi.json` of the admin listener
pub async fn admin_openapi(request: Request) -> Outcome {
    Ok(contract(&request, &request.state.openapi.admin))
}

fn contract(request: &Request, document: &gzip::Both) -> Answer {
    document.answer("application/json", request.header("accept-encoding"))
}
