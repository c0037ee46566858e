//! One request as its handler sees it: who asks, for what, with which body. Knows no answers.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use super::auth::User;
use super::body::{self, Parsed};
use super::credential::Carried;
use super::idempotency;
use super::problem::{Code, Problem};
use super::query::Query;
use super::router::Params;
use super::state::State;
use crate::admission::tokens::Claim;
use crate::ids::{self, CampaignId, EventId, UserId};

pub struct Request {
    pub state: Arc<State>,
    /// Of this request, also in the answer and in every log line.
    pub id: String,
    pub method: Method,
    /// Percent-decoded.
    pub path: String,
    pub headers: HeaderMap,
    pub query: Query,
    pub body: Bytes,
    /// Who connected, or who a trusted proxy says did.
    pub client: IpAddr,
    pub user: Option<Arc<User>>,
    /// Of the queue token in its header or cookie, when that is good and of the event the path names.
    pub place: Option<Claim>,
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

    /// What came in a cookie was sent by the browser, whoever made it: a request that changes something
    /// must then come from our own pages.
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

    /// A header's text; `None` when absent or no visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
