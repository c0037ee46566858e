//! What happens to every request around its handler: limits, who asks, the body, the time limit, the answer's headers,
//! the log.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header, request::Parts};
use metrics::counter;
use percent_encoding::percent_decode_str;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::answer::{Answer, AnswerBody, BoxError};
use super::auth::User;
use super::error_page::ErrorPageRequest;
use super::http::client::Proxies;
use super::http::limits::Asker;
use super::http::query::Query;
use super::http::{body, gzip};
use super::meters::Counted;
use super::problem::{Code, Problem, ProblemCause};
use super::proxy::Upstream;
use super::request::Request;
use super::router::{FoundRoute, GlanceRequest, Listener, Params, Route, Router, Who};
use super::state::State;
use super::{Outcome, api as routes};
use crate::admission::tokens::TokenClaim;
use crate::clock::Instant;
use crate::facts::ids::EventId;
use crate::limiter::TooSoon;
use crate::metrics::{EDGE_FAULTS, EDGE_LIMITED};
use crate::{clock, random};

mod pass_on;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much longer than the request timeout a long poll may take: the largest `wait_s`.
const WAIT: Duration = Duration::from_secs(30);

/// The requests of one listener.
pub struct Service {
    state: Arc<State>,
    listener: Listener,
    router: Arc<Router>,
    proxies: Proxies,
    /// Handlers that run to their end even when the client is gone.
    running: TaskTracker,
}

/// Who sent a request, vouched for by a signature.
enum KnownSender {
    User(Arc<User>),
    /// The place in the queue token of the request's event.
    Place(TokenClaim),
    /// The visitor of the pass of the request's event.
    Visitor(String),
}

/// What remains to be done for a request that was let in.
enum RequestTask<'a> {
    /// Nothing more: this is the answer.
    Answer(Answer),
    /// The server behind us answers it.
    PassOn(Arc<Upstream>, Counted<'a>),
    Handle(HandlerCall<'a>),
}

/// A request for a handler.
struct HandlerCall<'a> {
    route: &'a Route,
    client: IpAddr,
    user: Option<Arc<User>>,
    place: Option<TokenClaim>,
    params: Params,
    under_way: Counted<'a>,
}

/// What is noted of a request before it is handled.
struct Noted {
    id: String,
    started: Instant,
    method: Method,
    origin: Option<HeaderValue>,
    /// Set if an error is to be shown as a page.
    reader: Option<ErrorPageRequest>,
    /// Set if it will be logged.
    path: Option<String>,
}

impl KnownSender {
    fn name(&self) -> &str {
        match self {
            KnownSender::User(user) => user.id.as_str(),
            KnownSender::Place(claim) => claim.visitor.as_str(),
            KnownSender::Visitor(visitor) => visitor,
        }
    }
}

impl Service {
    pub fn new(state: Arc<State>, listener: Listener) -> Self {
        let router = Router::new(routes::on(listener, state.config.admin.public));
        Self {
            proxies: Proxies::new(&state.config.server.trusted_proxies),
            router: Arc::new(router),
            listener,
            state,
            running: TaskTracker::new(),
        }
    }

    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    pub fn listener(&self) -> Listener {
        self.listener
    }

    /// Waits for the handlers whose clients are gone, and ends web sockets.
    pub async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
        if self.listener == Listener::Public {
            self.state.upstreams.finish().await;
        }
    }

    /// Answers one request; never fails.
    pub async fn call<B>(&self, request: http::Request<B>, peer: SocketAddr) -> Response<AnswerBody>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let noted = Noted::new(&request);
        let mut operation = "none";
        let outcome = match self.admit(&request, peer, &mut operation) {
            Ok(RequestTask::Answer(answer)) => Ok(answer),
            Ok(task) => {
                // A span costs a good part of what entering the line costs. So only the requests of users have one at
                // the level info, for the id in each of their log lines. Faults are logged with the id in any case.
                let span = match &task {
                    RequestTask::Handle(asked) if asked.user.is_some() => tracing::info_span!("request", id = noted.id),
                    _ => tracing::debug_span!("request", id = noted.id),
                };
                // Boxed, so that a request that is answered at once does not need the memory of this future.
                Box::pin(self.carry_out(task, &noted.id, request, peer).instrument(span)).await
            }
            Err(problem) => Err(problem),
        };
        self.answer(noted, operation, outcome)
    }

    fn answer(&self, noted: Noted, operation: &'static str, outcome: Outcome) -> Response<AnswerBody> {
        let Noted { id, started, method, origin, reader, path } = noted;
        // A part of the body was not read. Nobody can send another request behind it.
        let is_cut =
            outcome.as_ref().is_err_and(|problem| matches!(problem.code, Code::BodyTooLarge | Code::RequestTimeout));
        let answer = outcome.unwrap_or_else(|problem| {
            self.log_cause(&id, &problem);
            match &reader {
                Some(reader) => reader.page(&problem, &id, &self.state.room.template),
                None => Answer::problem(&problem, &id),
            }
        });
        let answer = if is_cut { answer.header(header::CONNECTION, "close") } else { answer };
        let answer = self.state.origins.share(origin.as_ref(), answer);
        let took = clock::instant().duration_since(started);
        self.state.telemetry.meters.answered(operation, &method, answer.status(), took);
        tracing::debug!(id, %method, path = path.unwrap_or_default(), operation, status = answer.status().as_u16(), took_us = took.as_micros(), "answered");
        answer.header_text(REQUEST_ID, id).into_response()
    }

    /// Logs the fault behind a problem, which was not logged before. A refusal has no fault behind it.
    fn log_cause(&self, id: &str, problem: &Problem) {
        let Some(cause) = &problem.cause else { return };
        let ProblemCause { part, source } = cause.as_ref();
        counter!(EDGE_FAULTS, "part" => *part).increment(1);
        if let Some(more) = self.state.telemetry.fault_log.say(part) {
            let error: &(dyn std::error::Error + 'static) = source.as_ref();
            tracing::error!(id, part, code = problem.code.text(), error, more, "fault");
        }
    }

    /// Does all that needs no waiting: applies the first limits, finds who asks and for what, and answers if the answer
    /// is in memory.
    fn admit<B>(
        &self,
        request: &http::Request<B>,
        peer: SocketAddr,
        operation: &mut &'static str,
    ) -> Result<RequestTask<'_>, Problem> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        // The request is not counted yet: if it is answered within this function, it is gone before the count matters.
        self.not_full(self.state.telemetry.under_way.count(self.listener) + 1)?;
        if let Some(upstream) = self.upstream(uri, headers) {
            *operation = "upstream";
            return Ok(RequestTask::PassOn(upstream.clone(), self.begin()?));
        }
        if method == Method::OPTIONS {
            let methods = self.router.methods(uri.path()).ok_or(Code::NotFound)?;
            return Ok(RequestTask::Answer(self.state.origins.preflight(headers, &methods)));
        }
        let client = self.proxies.client(peer.ip(), headers);
        self.limit_address(client)?;
        let user = bearer(headers).map(|token| self.state.auth.verify(token));
        let found = self.router.find(method, uri.path());
        // Unknown paths count against the limit too, so that guessing paths is not free.
        let known = user.as_ref().and_then(|user| user.as_ref().ok()).map(|user| KnownSender::User(user.clone()));
        let known = known.or_else(|| {
            let found = found.as_ref().ok()?;
            self.known(&event(found, uri.query().unwrap_or(""))?, headers)
        });
        let is_free = |route: &Route| route.unlimited || route.relayed && known.is_some();
        if !found.as_ref().is_ok_and(|found| is_free(found.route)) {
            self.limit(known.as_ref().map_or(Asker::Client(client), |known| Asker::Known(known.name())))?;
        }
        let found = found?;
        let route = found.route;
        *operation = route.operation;
        let user = who(route.who, user)?;
        let place = match known {
            Some(KnownSender::Place(claim)) => Some(claim),
            Some(KnownSender::User(_) | KnownSender::Visitor(_)) | None => None,
        };
        if method == Method::GET
            && let (Some(glance), Some(place)) = (route.glance, &place)
            && let Some(answer) = glance(&GlanceRequest { state: &self.state, headers, place })
        {
            return Ok(RequestTask::Answer(answer));
        }
        let under_way = self.begin()?;
        Ok(RequestTask::Handle(HandlerCall { route, client, user, place, params: found.params(), under_way }))
    }

    /// Counts a request among those under way, or refuses it when there are too many.
    fn begin(&self) -> Result<Counted<'_>, Problem> {
        let under_way = self.state.telemetry.under_way.begin(self.listener);
        self.not_full(under_way.count()).map(|()| under_way)
    }

    /// Operators are always let in: they come to see why nobody else is.
    fn not_full(&self, under_way: usize) -> Result<(), Problem> {
        if self.listener == Listener::Public && under_way > self.state.config.limits.in_flight {
            counter!(EDGE_LIMITED, "limit" => "in_flight").increment(1);
            return Err(Code::Overloaded.into());
        }
        Ok(())
    }

    async fn carry_out<B>(
        &self,
        task: RequestTask<'_>,
        id: &str,
        request: http::Request<B>,
        peer: SocketAddr,
    ) -> Outcome
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let (parts, body) = request.into_parts();
        match task {
            RequestTask::Answer(answer) => Ok(answer),
            RequestTask::PassOn(upstream, under_way) => self.pass_on(id, parts, body, peer, &upstream, under_way).await,
            RequestTask::Handle(asked) => self.handle(asked, id, parts, body).await,
        }
    }

    /// Receives the body, builds the request and runs the handler within its time limit.
    async fn handle<B>(&self, asked: HandlerCall<'_>, id: &str, parts: Parts, body: B) -> Outcome
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
    {
        let HandlerCall { route, client, user, place, params, under_way } = asked;
        let state = &self.state;
        let limit = Duration::from_millis(state.config.server.request_timeout_ms);
        let limit = if route.waits { limit + WAIT } else { limit };
        let takes_gzip = gzip::is_taken_by(&parts.headers);
        let path = percent_decode_str(parts.uri.path()).decode_utf8().map_err(|_| Problem::new(Code::NotFound))?;
        let query = Query::parse(parts.uri.query().unwrap_or(""));
        let (body, under_way) = self.body(route, body, under_way).await?;
        // A long poll is not counted: it takes nothing from the others, and the number of long polls has its own limit.
        let _under_way = (!route.waits || query.get("wait_s").is_none()).then_some(under_way);
        let request = Request {
            state: state.clone(),
            id: id.to_owned(),
            query,
            body,
            path: path.into_owned(),
            method: parts.method,
            headers: parts.headers,
            client,
            user,
            place,
            params,
        };
        match tokio::time::timeout(limit, self.run(route, request)).await {
            Ok(outcome) => outcome.map(|answer| gzip::fit(answer, takes_gzip)),
            Err(elapsed) => Err(Problem::unavailable("timeout", elapsed)),
        }
    }

    /// The body, and the request's place among those under way. The place is given up while the client sends, which may
    /// be slow, and taken again when the body is complete.
    async fn body<'a, B>(
        &'a self,
        route: &Route,
        body: B,
        under_way: Counted<'a>,
    ) -> Result<(Bytes, Counted<'a>), Problem>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
    {
        if route.method == Method::GET {
            return Ok((Bytes::new(), under_way));
        }
        drop(under_way);
        let server = &self.state.config.server;
        let max = match route.who {
            Who::Admin => server.body_max_admin,
            Who::Anyone | Who::User => server.body_max,
        };
        let body = body::receive(body, max, Duration::from_millis(server.body_timeout_ms)).await?;
        Ok((body, self.begin()?))
    }

    /// A handler that may write runs in a task of its own. Once it has begun, neither a client that leaves nor our own
    /// time limit cuts it short. A handler that only reads ends when its client leaves.
    async fn run(&self, route: &Route, request: Request) -> Outcome {
        let handling = AssertUnwindSafe((route.handler)(request)).catch_unwind();
        let outcome = if route.method == Method::GET {
            handling.await
        } else {
            match self.running.spawn(handling.in_current_span()).await {
                Ok(outcome) => outcome,
                // The task is never cancelled and catches panics itself, so the runtime is shutting down.
                Err(gone) => return Err(Problem::unavailable("shutdown", gone)),
            }
        };
        outcome.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Problem::new(Code::Internal).caused_by("panic", text))
        })
    }

    /// The limit of an address, which applies before any signature is verified.
    fn limit_address(&self, client: IpAddr) -> Result<(), Problem> {
        if self.listener == Listener::Admin {
            return Ok(());
        }
        self.state.limits.check_address(client).map_err(|TooSoon(wait)| {
            counter!(EDGE_LIMITED, "limit" => "address").increment(1);
            Problem::new(Code::TooManyRequests)
                .detail("very many requests from this address")
                .retry_after(wait.as_secs() + 1)
        })
    }

    fn limit(&self, asker: Asker<'_>) -> Result<(), Problem> {
        if self.listener == Listener::Admin {
            return Ok(());
        }
        self.state.limits.check(asker).map_err(|TooSoon(wait)| {
            let limit = if matches!(asker, Asker::Client(_)) { "client" } else { "visitor" };
            counter!(EDGE_LIMITED, "limit" => limit).increment(1);
            Problem::new(Code::TooManyRequests).retry_after(wait.as_secs() + 1)
        })
    }

    /// The visitor whose queue token or pass for this event is good.
    fn known(&self, event: &str, headers: &HeaderMap) -> Option<KnownSender> {
        let admission = &self.state.admission;
        let queue = || {
            let (token, _) = self.state.queue_token(headers, event)?;
            let claim = admission.tokens().verify(token).ok()?;
            (claim.event.as_str() == event).then_some(KnownSender::Place(claim))
        };
        let pass = || {
            let (pass, _) = self.state.pass(headers, event)?;
            admission.read_pass(&EventId::from(event), pass).map(|visitor| KnownSender::Visitor(visitor.into_string()))
        };
        queue().or_else(pass)
    }
}

impl Noted {
    fn new<B>(request: &http::Request<B>) -> Self {
        Self {
            started: clock::instant(),
            id: request_id(request.headers()),
            method: request.method().clone(),
            origin: request.headers().get(header::ORIGIN).cloned(),
            reader: ErrorPageRequest::of(request.method(), request.uri(), request.headers()),
            path: tracing::enabled!(tracing::Level::DEBUG).then(|| request.uri().path().to_owned()),
        }
    }
}

/// The event that a request is about: the path's, else that of `?event=`.
fn event<'p>(found: &FoundRoute<'_, 'p>, query: &str) -> Option<Cow<'p, str>> {
    found.param("event").or_else(|| Query::parse(query).get("event").map(|event| Cow::Owned(event.to_owned())))
}

/// The caller's own id if it is well-formed, so that the caller finds the request in our logs; else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| {
        let sane = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=64).contains(&text.len()) && text.bytes().all(sane)
    });
    // 96 bits of this thread's generator. A UUID would ask the kernel for random bytes.
    given.map_or_else(|| URL_SAFE_NO_PAD.encode(random::bytes::<12>()), str::to_owned)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

type Bearer = Option<Result<Arc<User>, super::auth::TokenRefused>>;

fn who(wanted: Who, bearer: Bearer) -> Result<Option<Arc<User>>, Problem> {
    match (wanted, bearer) {
        (Who::Anyone, bearer) => Ok(bearer.and_then(Result::ok)),
        (Who::User | Who::Admin, None | Some(Err(_))) => Err(Code::Unauthenticated.into()),
        (Who::User, Some(Ok(user))) => Ok(Some(user)),
        (Who::Admin, Some(Ok(user))) if user.admin => Ok(Some(user)),
        (Who::Admin, Some(Ok(_))) => Err(Code::AdminRequired.into()),
    }
}
