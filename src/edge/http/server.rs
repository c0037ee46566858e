//! Connections: accepting, time limits, draining.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::connections::{Connections, OpenConnection};
use super::sending::Sending;
use super::waiting::OneTimer;
use super::workers::Workers;
use crate::edge::auth::fetch;
use crate::edge::router::Listener;
use crate::edge::service::Service;
use crate::edge::state::State;
use crate::facts::ids::EventId;
use crate::metrics::EDGE_LIMITED;
use crate::shutdown::Stopping;

/// How often the limits' keys whose buckets are full again are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// Most bytes of one request's headers, and of an answer not yet sent.
const BUFFER_MAX: usize = 64 * 1024;

/// Pause after a failed accept. The usual cause is that no file descriptor is left. Other connections need a moment to
/// close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The public listener: browsers.
pub async fn public(listener: TcpListener, state: Arc<State>, workers: Arc<Workers>, stop: Stopping) {
    serve(listener, Arc::new(Service::new(state, Listener::Public)), &workers, stop).await;
}

/// The admin listener: operators, probes, scrapes. Every process has one, so the edge's periodic work runs beside it.
pub async fn admin(listener: TcpListener, state: Arc<State>, stop: Stopping) {
    let (service, workers) = (Arc::new(Service::new(state.clone(), Listener::Admin)), Workers::here());
    tokio::join!(
        serve(listener, service, &workers, stop.clone()),
        prune(&state, stop.clone()),
        fetch::keep_fresh(&state.auth, &state.config.auth.jwks_url, stop)
    );
}

/// Forgets the limits' keys whose buckets are full again, and what was made for events that are gone.
async fn prune(state: &State, mut stop: Stopping) {
    let mut beats = tokio::time::interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            _ = beats.tick() => {
                state.limits.prune();
                state.admission.entrance().prune();
                let is_there = |event: &EventId| state.catalog.event(event.as_str()).is_some();
                state.seats.keep(is_there);
                state.room.draws.keep(is_there);
            }
        }
    }
}

/// Serves until told to stop, then lets requests under way finish, for at most `server.drain_ms`.
pub async fn serve(listener: TcpListener, service: Arc<Service>, workers: &Workers, mut stop: Stopping) {
    let config = service.state().config.clone();
    let connections = Connections::new(&config.server, service.listener());
    let open_connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.header_read_timeout(Duration::from_millis(config.server.header_timeout_ms))
        .half_close(false)
        .max_buf_size(BUFFER_MAX);
    loop {
        // A place is taken before the connection is accepted. While none is free, connections wait in the kernel's
        // backlog.
        let accept = async {
            let place = connections.place().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            () = stop.wait() => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(open) = connections.open(place, peer.ip()) else {
                    refuse(stream, peer);
                    continue;
                };
                let connection = Connection {
                    http: http.clone(),
                    peer,
                    service: service.clone(),
                    write_limit: Duration::from_millis(config.server.write_timeout_ms),
                    stop: stop.clone(),
                    _open: open,
                };
                // The socket leaves this runtime, because the runtime of the worker's thread must be told when it
                // can be read.
                match stream.into_std() {
                    Ok(stream) => workers.spawn(open_connections.track_future(connection.serve(stream))),
                    Err(error) => tracing::warn!(%error, "a connection could not be handed over"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = async {
        open_connections.close();
        open_connections.wait().await;
        service.finish().await;
    };
    let limit = Duration::from_millis(config.server.drain_ms);
    if tokio::time::timeout(limit, drained).await.is_err() {
        tracing::warn!(drain_ms = config.server.drain_ms, "requests were still under way when the drain ended");
    }
}

/// Resets a connection of a client that has reached its limit, without reading or answering. An answer would wait in
/// the kernel until the client takes it, and a closed socket stays there for a minute; a reset leaves nothing. So each
/// further try costs us no more than it costs the client.
fn refuse(stream: TcpStream, peer: SocketAddr) {
    counter!(EDGE_LIMITED, "limit" => "connections").increment(1);
    let reset = stream.set_zero_linger();
    tracing::debug!(%peer, ?reset, "refused: its client has as many connections as it may");
}

/// A connection that was accepted.
struct Connection {
    http: http1::Builder,
    peer: SocketAddr,
    service: Arc<Service>,
    write_limit: Duration,
    stop: Stopping,
    _open: OpenConnection,
}

impl Connection {
    async fn serve(self, stream: std::net::TcpStream) {
        let Self { mut http, peer, service, write_limit, stop, _open } = self;
        // Answers are written whole: waiting for more to send only delays them.
        let stream = match stream.set_nodelay(true).and_then(|()| TcpStream::from_std(stream)) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%peer, %error, "gone before it began"),
        };
        let stream = Sending::new(stream, write_limit);
        http.timer(OneTimer::default());
        // The service is cloned for each request. With an `Arc` of its own, a connection then writes to no memory that
        // others use.
        let service = Arc::new(service);
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.call(request, peer).await) }
        });
        let mut serving = pin!(http.serve_connection(TokioIo::new(stream), answer).with_upgrades());
        let mut stopped = pin!(stop.clone().stopped());
        let (mut is_asked, mut is_ending) = (false, false);
        let served = poll_fn(|cx| {
            let served = serving.as_mut().poll(cx);
            // One poll is enough for the signal to wake this task. A poll with every request would take a lock that all
            // connections share.
            if served.is_ready() || is_ending || (is_asked && !stop.is_given()) {
                return served;
            }
            is_asked = true;
            if stopped.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            is_ending = true;
            serving.as_mut().graceful_shutdown();
            serving.as_mut().poll(cx)
        });
        if let Err(error) = served.await {
            // The client caused this, and will not read an answer.
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}
