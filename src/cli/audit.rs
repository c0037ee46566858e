//! `stanchion audit` prints the report as JSON. If a running server holds the embedded store, the report is the
//! server's.

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{CommandFailure, Done, usage, work};
use crate::app;
use crate::clock::Clock;
use crate::config::{Config, fill_secrets};
use crate::edge::auth::{Mint, mint};

/// How long the token for the one call to a running server is valid, s.
const TOKEN_TTL_S: i64 = 300;

pub async fn run(mut config: Config) -> Done {
    let served = app::is_served(&config);
    let report = if served { ask(&mut config).await? } else { app::audit(&config).await.map_err(work)? };
    println!("{}", serde_json::to_string_pretty(&report).expect("a JSON value prints"));
    if report["ok"] == true { Ok(()) } else { Err(CommandFailure::Work("an invariant is violated".into())) }
}

/// Asks the running server for its audit, because the embedded store is the server's alone.
async fn ask(config: &mut Config) -> Result<serde_json::Value, CommandFailure> {
    fill_secrets(config).map_err(usage)?;
    let wanted = Mint { sub: "audit", scope: "admin", ttl_s: TOKEN_TTL_S };
    let token = mint(&config.auth, &Clock::system(), wanted).map_err(work)?;
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::get(format!("http://{}/v1/admin/audit", config.admin.listen))
        .header("authorization", format!("Bearer {token}"))
        .body(Empty::<bytes::Bytes>::new())
        .map_err(work)?;
    let answer = client.request(request).await.map_err(work)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(work)?.to_bytes();
    if !status.is_success() {
        return Err(CommandFailure::Work(format!(
            "the running server answered {status}: {}",
            String::from_utf8_lossy(&body)
        )));
    }
    serde_json::from_slice(&body).map_err(work)
}
