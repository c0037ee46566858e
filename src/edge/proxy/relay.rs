//! One exchange with the server behind: the request in, the answer out.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, request::Parts, response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Error;
use tokio::time::error::Elapsed;

use super::flow::{Flow, Moved, Stalled};
use super::places::ProxySlot;
use super::tunnel::{Inside, Tunnel};
use super::{Upstream, headers};
use crate::edge::answer::{Answer, AnswerBody, BoxError};
use crate::edge::problem::{Code, Problem};
use crate::facts::ids::VisitorId;

/// A request for the server behind, and its visitor.
pub struct RelayRequest<B> {
    pub parts: Parts,
    pub body: B,
    pub hop: headers::Hop,
    pub visitor: VisitorId,
    /// Asks whether the visitor still is inside, for as long as a web socket lasts.
    pub inside: Inside,
}

/// What the server behind answered.
pub struct Relayed {
    pub answer: Answer,
    /// The server said `Stanchion-Command: release`.
    pub release: bool,
}

impl Upstream {
    /// Carries a request to the server behind and its answer back, both as they come.
    pub async fn relay<B>(&self, ask: RelayRequest<B>) -> Result<Relayed, Problem>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let place = self.places.take(&ask.visitor)?;
        let RelayRequest { mut parts, body, hop, visitor, inside } = ask;
        let websocket = parts.method == Method::GET && headers::is_websocket(&parts.headers);
        let client = parts.extensions.remove::<OnUpgrade>().filter(|_| websocket);
        let is_chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
        self.rewrite(&mut parts, hop, &visitor)?;
        if is_chunked {
            // Otherwise hyper's client would assume that a GET has no body.
            parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if client.is_some() {
            headers::set_websocket(&mut parts.headers);
        }
        let again = (client.is_none() && body.is_end_stream() && parts.method.is_idempotent()).then(|| parts.clone());
        let body = Flow::new(body, self.idle).without_trailers().at_least(self.upload_bytes_s);
        let moved = body.moved();
        let asking = self.client.request(Request::from_parts(parts, AnswerBody::Stream(body.boxed_unsync())));
        let mut answer = match (self.answer(asking, &moved).await, again) {
            // The server may have closed a kept connection just as the request was sent. Nobody knows whether the
            // request arrived, so only one that may be repeated is sent again.
            (Err(RelayFailure::Client(error)), Some(parts)) if is_cut(&error) => {
                let asking = self.fresh.request(Request::from_parts(parts, AnswerBody::Whole(Full::default())));
                self.answer(asking, &moved).await?
            }
            (answered, _) => answered?,
        };

        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let agreed = headers::is_websocket(answer.headers());
            let (Some(client), true) = (client, agreed) else { return Err(nonsense("it switched protocols unasked")) };
            let tunnel = Tunnel { client, server: hyper::upgrade::on(&mut answer), idle: self.idle, inside, place };
            let closing = self.tunnels.closing.clone();
            self.tunnels.open.spawn(tunnel.run(closing));
            let (mut parts, _) = answer.into_parts();
            let release = outward(&mut parts);
            headers::set_websocket(&mut parts.headers);
            return Ok(Relayed { answer: Answer::relayed(parts, Empty::new()), release });
        }
        Ok(self.back(answer, place))
    }

    /// The request's head as the server behind gets it.
    fn rewrite(&self, parts: &mut Parts, hop: headers::Hop, visitor: &VisitorId) -> Result<(), Problem> {
        let named = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let host = named.or_else(|| parts.headers.get(header::HOST).cloned());
        headers::inward(&mut parts.headers, host, hop);
        let name = HeaderValue::from_str(visitor.as_str()).map_err(|_| Problem::new(Code::PassRequired))?;
        parts.headers.insert(headers::VISITOR, name);
        parts.uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(parts.uri.path_and_query().map_or("/", |path| path.as_str()))
            .build()
            .map_err(|_| Problem::new(Code::NotFound))?;
        parts.version = Version::HTTP_11;
        Ok(())
    }

    /// Waits for the head of the answer. Gives up after a span of `answer_ms` in which the request's body did not move;
    /// spans are counted from when the request was sent.
    async fn answer(
        &self,
        asking: impl Future<Output = Result<Response<Incoming>, Error>>,
        moved: &Moved,
    ) -> Result<Response<Incoming>, RelayFailure> {
        let mut asking = std::pin::pin!(asking);
        loop {
            let before = moved.load(Ordering::Relaxed);
            match tokio::time::timeout(self.answer, asking.as_mut()).await {
                Ok(answered) => return answered.map_err(RelayFailure::Client),
                Err(_) if moved.load(Ordering::Relaxed) != before => {}
                Err(elapsed) => return Err(RelayFailure::TooLong(elapsed)),
            }
        }
    }

    fn back(&self, answer: Response<Incoming>, place: ProxySlot) -> Relayed {
        let (mut parts, body) = answer.into_parts();
        let release = outward(&mut parts);
        Relayed { answer: Answer::relayed(parts, Flow::new(body, self.idle).holding(place)), release }
    }
}

/// Changes the answer's head into the one that the visitor gets. Returns whether the visitor's place is given back.
fn outward(parts: &mut response::Parts) -> bool {
    headers::strip_hop_by_hop(&mut parts.headers);
    let commands = parts.headers.get_all(headers::COMMAND);
    let release = commands.iter().any(|command| command.as_bytes().eq_ignore_ascii_case(b"release"));
    parts.headers.remove(headers::COMMAND);
    parts.version = Version::HTTP_11;
    release
}

/// Why there is no answer.
enum RelayFailure {
    Client(Error),
    TooLong(Elapsed),
}

impl From<RelayFailure> for Problem {
    fn from(failure: RelayFailure) -> Self {
        match failure {
            RelayFailure::Client(error) => fault(error),
            RelayFailure::TooLong(elapsed) => Problem::new(Code::UpstreamTimeout).caused_by("upstream", elapsed),
        }
    }
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

/// Whether the connection ended before an answer came.
fn is_cut(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    !error.is_connect()
        && causes(error).any(|cause| {
            let http = cause.downcast_ref::<hyper::Error>();
            let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            http.is_some_and(|error| error.is_incomplete_message() || error.is_closed() || error.is_canceled())
                || io.is_some_and(|kind| {
                    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
                })
        })
}

fn fault(error: Error) -> Problem {
    let is_stalled = causes(&error).any(|cause| cause.is::<Stalled>());
    if is_stalled {
        return Code::RequestTimeout.into();
    }
    Problem::new(Code::UpstreamUnreachable).caused_by("upstream", error)
}

fn nonsense(what: &'static str) -> Problem {
    Problem::new(Code::UpstreamUnreachable).caused_by("upstream", what)
}
