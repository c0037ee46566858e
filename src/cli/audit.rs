//! `stanchion audit` prints the report as JSON. If a running server holds the embedded store, the report is the
//! server's.

use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::{CommandFailure, Done, usage, work};
use crate::app;
use crate::client::{ClientLimits, HttpAnswer, HttpClient};
use crate::clock::Clock;
use crate::config::{Config, fill_secrets};
use crate::edge::auth::{Mint, mint};

/// How long the token for the one call to a running server is valid, s.
const TOKEN_TTL_S: i64 = 300;

/// Longest report that is read, bytes. A report names at most a hundred violations.
const ANSWER_MAX: usize = 16 << 20;

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
    let limits = ClientLimits { idle: Duration::ZERO, idle_max: 0, answer_max: ANSWER_MAX };
    let client = HttpClient::new(limits).map_err(work)?;
    let request = Request::get(format!("http://{}/v1/admin/audit", config.admin.listen))
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::new())
        .map_err(work)?;
    let HttpAnswer { status, body, .. } = client.send(request).await.map_err(work)?;
    if !status.is_success() {
        return Err(CommandFailure::Work(format!(
            "the running server answered {status}: {}",
            String::from_utf8_lossy(&body)
        )));
    }
    serde_json::from_slice(&body).map_err(work)
}
