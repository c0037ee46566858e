//! Keeps the keys of `[auth] jwks_url` fresh.
//!
//! They are fetched at the start, about every ten minutes, and when no key fits a token. Two fetches are at least ten
//! seconds apart, so that made-up key names cannot be used to flood the issuer. A fetch that fails changes nothing: the
//! old keys stay good.

use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::Auth;
use super::keys::KeySet;
use crate::client::{ClientLimits, HttpClient};
use crate::shutdown::Stopping;

const FRESH: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(10);
const ANSWER_MAX: usize = 256 * 1024;

type FetchFault = Box<dyn std::error::Error + Send + Sync>;

/// Returns when told to stop, or at once when `url` is empty.
pub async fn keep_fresh(auth: &Auth, url: &str, mut stop: Stopping) {
    if url.is_empty() {
        return;
    }
    loop {
        match tokio::time::timeout(LIMIT, fetch(url)).await.map_err(FetchFault::from).flatten() {
            Ok(keys) => auth.replace_keys(keys),
            Err(error) => tracing::error!(%error, url, "the keys of users' tokens were not fetched"),
        }
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = auth.unknown_key.notified() => {}
            () = tokio::time::sleep(FRESH) => {}
        }
    }
}

async fn fetch(url: &str) -> Result<KeySet, FetchFault> {
    // No connection is kept for ten minutes.
    let client = HttpClient::new(ClientLimits { idle: Duration::ZERO, idle_max: 0, answer_max: ANSWER_MAX })?;
    let answer = client.send(Request::get(url).body(Bytes::new())?).await?;
    if !answer.status.is_success() {
        return Err(format!("answered {}", answer.status).into());
    }
    Ok(KeySet::from_jwks(&answer.body)?)
}
