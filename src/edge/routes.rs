//! The one table of routes: router and OpenAPI document are both made from it.

mod admin;
mod purchase;
mod room;

use http::Method;

use super::handlers::{ops, pages};
use super::openapi::DocumentSchema;
use super::router::{Listener, Route};

/// The routes that a listener serves.
pub fn on(listener: Listener, admin_public: bool) -> Vec<Route> {
    table().into_iter().filter(|route| route.is_on(listener, admin_public)).collect()
}

/// Every route of every listener.
pub fn table() -> Vec<Route> {
    let parts = [
        room::line(),
        room::page(),
        room::passes(),
        purchase::catalogue(),
        purchase::purchase(),
        purchase::own(),
        admin::organizers(),
        admin::office(),
        operations(),
    ];
    parts.into_iter().flatten().collect()
}

fn get<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::GET, pattern, operation, summary, handler)
}

fn post<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::POST, pattern, operation, summary, handler)
}

fn delete<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
where
    F: Fn(super::Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Outcome> + Send + 'static,
{
    Route::new(Method::DELETE, pattern, operation, summary, handler)
}

fn operations() -> Vec<Route> {
    vec![
        get("/", "index", "The front door, for browsers", pages::index)
            .about("A page with a few links, the same for everybody.")
            .answers_text("The page", "text/html", "<!doctype html>…"),
        get("/openapi.json", "openapi", "This document", ops::openapi)
            .about("What this listener serves, and nothing else. It needs no token.")
            .answers::<DocumentSchema>(200, "OpenAPI 3.1"),
        get("/openapi.json", "admin_openapi", "This document", ops::admin_openapi)
            .ops()
            .about("What this listener serves, and nothing else. As the probes, it needs no token.")
            .answers::<DocumentSchema>(200, "OpenAPI 3.1"),
        get("/livez", "livez", "The process runs", ops::livez)
            .ops()
            .about("The process answers HTTP, and more is not looked at. Whether to send it traffic, `/readyz` says.")
            .answers_text("It does", "text/plain", "ok\n"),
        get("/readyz", "readyz", "Traffic may come", ops::readyz)
            .ops()
            .about(
                "Ready also while lanes are being rebuilt or do not answer, for then every gateway is in the same \
                 state: `recovering` and `away` name those lanes. Not ready while the process starts or drains, while \
                 it has no key to verify users with, and on a store that forgets what it is given.",
            )
            .answers::<ops::ReadyView>(200, "It may")
            .answers::<ops::ReadyView>(503, "Not now")
            .carries("Retry-After", "Seconds after which to ask again", "1"),
        get("/metrics", "metrics", "Prometheus metrics", ops::metrics)
            .ops()
            .about("What this process has measured, in Prometheus' text format.")
            .answers_text(
                "The metrics",
                "text/plain",
                "# TYPE stanchion_edge_in_flight gauge\nstanchion_edge_in_flight 0\n",
            ),
    ]
}
