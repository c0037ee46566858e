//! The one table of routes: router and OpenAPI document are both made from it.

use http::Method;

use super::handlers::ops;
use super::router::Route;

/// Every route of every listener.
pub fn table() -> Vec<Route> {
    let get = Method::GET;
    vec![
        // --- operations ---
        Route::new(get.clone(), "/livez", "livez", "The process runs", ops::livez).ops().answers_bare(200, "It does"),
    ]
}
