//! Requests for a server behind us: whether the visitor is inside, and what the server's answer does to their place.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Uri};
use tracing::Instrument as _;

use crate::edge::answer::BoxError;
use crate::edge::api::queue;
use crate::edge::http::limits::Asker;
use crate::edge::http::query::Query;
use crate::edge::meters::Counted;
use crate::edge::proxy::{Hop, Inside, RelayRequest, Relayed, Upstream};
use crate::edge::router::Listener;
use crate::edge::service::{REQUEST_ID, Service};
use crate::edge::{Code, Outcome, Problem, Request, proxy as upstream};
use crate::facts::fault::Fault;

impl Service {
    /// The server behind us that a request is for. Our own routes win, except `/`: a shop has a front page of its own.
    pub(super) fn upstream(&self, uri: &Uri, headers: &HeaderMap) -> Option<&Arc<Upstream>> {
        let path = uri.path();
        if self.state.upstreams.is_empty() || self.listener == Listener::Admin {
            return None;
        }
        let ours = path != "/" && self.router.methods(path).is_some();
        if ours { None } else { self.state.upstreams.find(uri, headers) }
    }

    /// Sends a request with a live pass to the server behind us, and any other to the waiting room. The limit of an
    /// address counts both kinds. The limits of clients and visitors count only requests without a live pass: a page of
    /// the shop has many parts, and the server's places bound the requests for them.
    pub(super) async fn pass_on<B>(
        &self,
        id: &str,
        mut parts: Parts,
        body: B,
        peer: SocketAddr,
        upstream: &Arc<Upstream>,
        under_way: Counted<'_>,
    ) -> Outcome
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let state = &self.state;
        let client = self.proxies.client(peer.ip(), &parts.headers);
        self.limit_address(client)?;
        let event = state.catalog.event(&upstream.event).ok_or(Code::EventNotFound)?;
        let room = event.room();
        let pass = self.state.pass(&parts.headers, event.id.as_str()).map(|(pass, _)| pass.to_owned());
        let inside = match &pass {
            None => None,
            Some(pass) => match state.admission.verify_pass(&room, pass).await {
                // The waiting room's page, or the place in line, explains this better than a problem.
                Err(Fault::Recovering(_)) => None,
                verdict => verdict?,
            },
        };
        let request = |parts: &Parts| Request {
            state: state.clone(),
            id: id.to_owned(),
            query: Query::default(),
            body: Bytes::new(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
            client,
            user: None,
            place: None,
            params: Vec::new(),
        };
        let (Some(visitor), Some(pass)) = (inside, pass) else {
            let known = self.known(event.id.as_str(), &parts.headers);
            self.limit(known.as_ref().map_or(Asker::Client(client), |known| Asker::Known(known.name())))?;
            return upstream::wait(request(&parts), &event, &parts.uri).await;
        };
        let place = queue::token(&request(&parts), &event).ok().filter(|token| token.visitor == visitor);
        let asked = request(&parts);
        if let Ok(id) = id.parse() {
            parts.headers.insert(REQUEST_ID, id);
        }
        let hop = Hop { peer: peer.ip(), trusted: self.proxies.trust(peer.ip()), https: state.origins.https };
        let (admission, still) = (state.admission.clone(), room.clone());
        let inside: Inside = Box::new(move || {
            let (admission, room, pass) = (admission.clone(), still.clone(), pass.clone());
            Box::pin(async move { admission.verify_pass(&room, &pass).await.map_or(true, |visitor| visitor.is_some()) })
        });
        // From here on the client and the server set the pace, and the server's own places bound the exchange until the
        // end of its answer. So it no longer counts among the requests under way: a slow client or server must not use
        // up their limit.
        drop(under_way);
        let Relayed { answer, release } = upstream.relay(RelayRequest { parts, body, hop, visitor, inside }).await?;
        if !release {
            return Ok(answer);
        }
        let Some(token) = place else {
            tracing::warn!("a server behind us released a place, but the request carried no queue token for it");
            return Ok(answer);
        };
        let admission = state.admission.clone();
        let leaving = self.running.spawn(async move { admission.leave(&room, token).await }.in_current_span());
        match leaving.await {
            Ok(Ok(_)) => Ok(queue::forget(&asked, &event, answer)),
            // The server has done its work, so its answer is passed on; the place ends when its time is over.
            Ok(Err(error)) => {
                tracing::warn!(%error, "a place was not given back");
                Ok(answer)
            }
            Err(gone) => Err(Problem::unavailable("shutdown", gone)),
        }
    }
}
