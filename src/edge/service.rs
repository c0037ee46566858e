//! What happens to every request around its handler. Knows no connections.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Response, header, request::Parts};
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;

use super::answer::{Answer, Body};
use super::auth::User;
use super::body;
use super::problem::{Cause, Code, Problem};
use super::query::Query;
use super::request::Request;
use super::router::{Found, Listener, Route, Router, Who};
use super::state::State;

pub struct Service {
    state: Arc<State>,
    router: Arc<Router>,
}

impl Service {
    pub fn new(state: Arc<State>, listener: Listener) -> Self {
        let router = Router::new(super::routes::table(), listener, state.config.admin.public);
        Self { state, router: Arc::new(router) }
    }

    /// Answers one request; never fails.
    pub async fn call<B>(&self, request: http::Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let id = uuid::Uuid::now_v7().to_string();
        let answer = match self.routed(&id, parts, body, peer).await {
            Ok(answer) => answer,
            Err(problem) => Answer::problem(&problem, &id),
        };
        answer.header(header::HeaderName::from_static("x-request-id"), &id).into_response()
    }

    async fn routed<B>(&self, id: &str, parts: Parts, body: B, peer: SocketAddr) -> super::Outcome
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
    {
        let Found { route, params } = self.router.find(&parts.method, parts.uri.path())?;
        let user = self.who(route, &parts)?;
        let limit = Duration::from_millis(self.state.config.server.body_timeout_ms);
        let max = match route.who {
            Who::Admin => self.state.config.server.body_max_admin,
            _ => self.state.config.server.body_max,
        };
        let body = body::receive(body, max, limit).await?;
        let path = percent_decode_str(parts.uri.path()).decode_utf8().map_err(|_| Problem::new(Code::NotFound))?;
        let request = Request {
            state: self.state.clone(),
            id: id.to_owned(),
            path: path.into_owned(),
            method: parts.method,
            query: Query::parse(parts.uri.query().unwrap_or(""))?,
            headers: parts.headers,
            body,
            client: peer.ip(),
            user,
            params,
        };
        (route.handler)(request).await
    }

    fn who(&self, route: &Route, parts: &Parts) -> Result<Option<Arc<User>>, Problem> {
        let bearer = bearer(parts.headers.get(header::AUTHORIZATION));
        let user = bearer.map(|token| self.state.auth.verify(token));
        match (route.who, user) {
            (Who::Anyone, user) => Ok(user.and_then(Result::ok)),
            (Who::MaybeUser, None) => Ok(None),
            (Who::User | Who::Admin, None) | (_, Some(Err(_))) => Err(Code::Unauthenticated.into()),
            (Who::MaybeUser | Who::User, Some(Ok(user))) => Ok(Some(user)),
            (Who::Admin, Some(Ok(user))) if user.admin => Ok(Some(user)),
            (Who::Admin, Some(Ok(_))) => Err(Code::AdminRequired.into()),
        }
    }
}

fn bearer(value: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, token) = value?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
