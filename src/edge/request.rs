//! One request as its handler sees it: who asks, for what, with which body.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use super::auth::User;
use super::credential::Carried;
use super::http::body;
use super::http::body::Parsed;
use super::http::query::Query;
use super::idempotency;
use super::problem::{Code, Problem};
use super::router::Params;
use super::state::State;
use crate::admission::tokens::TokenClaim;
use crate::facts::ids;
use crate::facts::ids::{CampaignId, EventId, UserId};

pub struct Request {
    pub state: Arc<State>,
    /// The request's id, which is also in the answer and in its log lines.
    pub id: String,
    pub method: Method,
    /// Percent-decoded.
    pub path: String,
    pub headers: HeaderMap,
    pub query: Query,
    pub body: Bytes,
    /// The address that connected, or the one that a trusted proxy names.
    pub client: IpAddr,
    pub user: Option<Arc<User>>,
    /// The place in the queue token of the header or cookie. `None` unless the token is valid and belongs to the
    /// request's event.
    pub place: Option<TokenClaim>,
    pub params: Params,
}

impl Request {
    /// A parameter of the route's pattern, percent-decoded.
    pub fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_str()).expect("handlers ask only for what their pattern names")
    }

    /// `{event}` of the path.
    pub fn event_id(&self) -> Result<EventId, Problem> {
        let text = self.param("event");
        if ids::is_slug(text) { Ok(EventId::from(text)) } else { Err(Code::EventNotFound.into()) }
    }

    /// `{campaign}` of the path.
    pub fn campaign_id(&self) -> Result<CampaignId, Problem> {
        let text = self.param("campaign");
        if ids::is_slug(text) { Ok(CampaignId::from(text)) } else { Err(Code::CampaignNotFound.into()) }
    }

    /// The signed-in user, or `UNAUTHENTICATED`.
    pub fn user(&self) -> Result<&UserId, Problem> {
        self.user.as_deref().map(|user| &user.id).ok_or(Code::Unauthenticated.into())
    }

    /// Whether a credential may be believed. A browser may send our cookies also when another site made it send the
    /// request. So a request that changes something and has its credential in a cookie must come from our own pages.
    pub fn believe(&self, carried: Carried) -> Result<(), Problem> {
        match carried {
            Carried::Header | Carried::Body => Ok(()),
            Carried::Cookie if self.method == Method::GET || self.method == Method::HEAD => Ok(()),
            Carried::Cookie => self.state.origins.must_be_own(&self.headers),
        }
    }

    /// The body as `T`; an empty one is `BAD_JSON`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<Parsed<T>, Problem> {
        if !self.body.is_empty() && !body::is_json(&self.headers) {
            return Err(Code::UnsupportedMediaType.into());
        }
        body::parse(&self.body)
    }

    /// The body as `T`; an empty one is `{}`.
    pub fn json_or_empty<T: DeserializeOwned>(&self) -> Result<Parsed<T>, Problem> {
        if self.body.is_empty() { body::parse(b"{}") } else { self.json() }
    }

    /// The Idempotency-Key, or `IDEMPOTENCY_KEY_MISSING`.
    pub fn idempotency_key(&self) -> Result<&str, Problem> {
        idempotency::key(&self.headers)
    }

    /// The scope of the request's Idempotency-Key: user, method, path, key.
    pub fn scope(&self) -> Result<ids::Scope<'_>, Problem> {
        Ok(ids::Scope {
            user: self.user()?.as_str(),
            method: self.method.as_str(),
            path: &self.path,
            key: self.idempotency_key()?,
        })
    }

    /// A header's text; `None` when it is absent or is not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
