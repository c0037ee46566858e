//! Probes, metrics and the contract, for operators and their machines.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::http::gzip;
use crate::edge::openapi::DocumentSchema;
use crate::edge::router::{Route, get};
use crate::edge::{Answer, Outcome, Request};
use crate::inventory::LaneHealth;

pub fn routes() -> Vec<Route> {
    vec![
        get("/openapi.json", "openapi", "This document", openapi)
            .about("What this listener serves, and nothing else. It needs no token.")
            .answers::<DocumentSchema>(200, "OpenAPI 3.1"),
        get("/openapi.json", "admin_openapi", "This document", admin_openapi)
            .ops()
            .about("What this listener serves, and nothing else. Like the probes, it needs no token.")
            .answers::<DocumentSchema>(200, "OpenAPI 3.1"),
        get("/livez", "livez", "The process runs", livez)
            .ops()
            .about("The process answers HTTP. Nothing else is checked: `/readyz` says whether to send it traffic.")
            .answers_text("The process runs", "text/plain", "ok\n"),
        get("/readyz", "readyz", "Traffic may come", readyz)
            .ops()
            .about(
                "A process stays ready while lanes are being rebuilt or do not answer, because every gateway is then \
                 in the same state. `recovering` and `away` name those lanes. It is not ready while it starts or \
                 drains, while it has no key to verify users with, and while its store forgets what it is given.",
            )
            .answers::<ReadyView>(200, "Traffic may come")
            .answers::<ReadyView>(503, "No traffic for now")
            .carries("Retry-After", "Seconds after which to ask again", "1"),
        get("/metrics", "metrics", "Prometheus metrics", metrics)
            .ops()
            .about("What this process has measured, in Prometheus' text format.")
            .answers_text(
                "The metrics",
                "text/plain",
                "# TYPE stanchion_edge_in_flight gauge\nstanchion_edge_in_flight 0\n",
            ),
    ]
}

/// Whether traffic may come.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Ready)]
pub struct ReadyView {
    #[schema(example = true)]
    pub ready: bool,
    /// Lanes that are being rebuilt. Their events and campaigns are answered `RECOVERING`.
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

/// `GET /readyz`. The process is ready even while lanes recover or are away: every gateway is then in the same state,
/// and taking all of them out of service helps nobody. It is not ready on a store that forgets what is sold.
pub async fn readyz(request: Request) -> Outcome {
    let mut view = ReadyView {
        ready: request.state.is_ready(),
        recovering: Vec::new(),
        away: Vec::new(),
        store_fit: request.state.readiness.store_fit(),
    };
    for (lane, health) in request.state.inventory.health().await {
        match health {
            LaneHealth::Well => {}
            LaneHealth::Recovering => view.recovering.push(lane.0),
            LaneHealth::Away => view.away.push(lane.0),
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
    request.state.telemetry.under_way.tell();
    request.state.telemetry.meters.tell();
    request.state.admission.tell();
    let text = request.state.telemetry.prometheus.render();
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
    document.answer("application/json", gzip::is_taken_by(&request.headers))
}
