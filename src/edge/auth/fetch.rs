//! Keeps the keys of `[auth] jwks_url` fresh.
//!
//! They are fetched at the start, about every ten minutes, and when no key fits a token. Two fetches are at least ten
//! seconds apart, so that made-up key names cannot be used to flood the issuer. A fetch that fails changes nothing: the
//! old keys stay good.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::Auth;
use super::keys::KeySet;
use crate::shutdown::Stopping;

const FRESH: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(10);
const BYTES_MAX: usize = 256 * 1024;

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
    let uri: Uri = url.parse()?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?;
    let connector = connector.https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.get(uri).await?;
    if !answer.status().is_success() {
        return Err(format!("answered {}", answer.status()).into());
    }
    let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await?;
    Ok(KeySet::from_jwks(&body.to_bytes())?)
}
