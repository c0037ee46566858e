//! How a provider is called: JSON over HTTP, with bounds.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Unresolved;
use crate::client::{ClientLimits, HttpClient};

/// Longest answer that is read, bytes.
const ANSWER_MAX: usize = 1 << 20;

/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// What a path may say literally.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A client of one provider.
pub(super) struct ProviderClient {
    http: HttpClient,
    base_url: String,
    authorization: HeaderValue,
}

/// An answer: a status and a JSON document.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

/// A provider that cannot be called with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// The key cannot stand in a header.
    #[error("payment.{0}: the secret has characters that cannot be sent")]
    Secret(&'static str),
    /// The secret that verifies webhooks is no base64.
    #[error("payment.{0}.webhook_secret: not base64, or whsec_ and base64")]
    WebhookSecret(&'static str),
    /// The system's TLS parts cannot be used.
    #[error("payment: TLS")]
    Tls(#[from] rustls::Error),
}

impl ProviderClient {
    /// `provider`: for the error. `authorization`: the header's value.
    pub fn new(provider: &'static str, base_url: &str, authorization: &str) -> Result<Self, ProviderFault> {
        let mut authorization = HeaderValue::from_str(authorization).map_err(|_| ProviderFault::Secret(provider))?;
        authorization.set_sensitive(true);
        // The configuration's check refuses http beyond loopback.
        let http = HttpClient::new(ClientLimits { idle: IDLE, idle_max: usize::MAX, answer_max: ANSWER_MAX })?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), authorization })
    }

    pub async fn get(&self, path: &str) -> Result<Reply, Unresolved> {
        self.call(Method::GET, path, None, None).await
    }

    /// `once`: the value of `Idempotency-Key`.
    pub async fn post(&self, path: &str, body: &Value, once: Option<&str>) -> Result<Reply, Unresolved> {
        self.call(Method::POST, path, Some(body), once).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        once: Option<&str>,
    ) -> Result<Reply, Unresolved> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("stanchion/", env!("CARGO_PKG_VERSION")));
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        let content = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(content).map_err(|error| Unresolved::needs_person(error.to_string()))?;
        let answer = self.http.send(request).await.map_err(|fault| Unresolved::away(fault.to_string()))?;
        let status = answer.status;
        let body = serde_json::from_slice(&answer.body);
        Ok(Reply { status, body: body.map_err(|_| Unresolved::away(format!("{status} without JSON")))? })
    }
}

impl Reply {
    /// The document, when it has the fields that are needed.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Unresolved> {
        T::deserialize(&self.body).map_err(|error| Unresolved::undecided(format!("{} that reads {error}", self.status)))
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    // A segment of dots alone would climb.
    match text {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(text, PATH).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_one_segment() {
        assert_eq!(segment("pay-1_A~b.c"), "pay-1_A~b.c");
        assert_eq!(segment("a/../b?c#d e"), "a%2F..%2Fb%3Fc%23d%20e");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
