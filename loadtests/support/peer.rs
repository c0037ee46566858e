//! The peer: the smallest server that hyper makes. It answers every request with as many bytes as the gateway. Every
//! server behind a socket has to do the work that the peer does.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use stanchion::edge::http::workers::Workers;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::part::Part;

/// Bytes of an answer besides its body: the status line, `content-type`, a `content-length` of three digits, and
/// `date`.
const HEAD: usize =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 123\r\ndate: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\n"
        .len();

/// The threads that serve its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// One tokio runtime with a thread for each core, as in hyper's own examples and with `#[tokio::main]`.
    Shared,
    /// A runtime for each core, as in the gateway.
    Own,
}

/// A running peer.
pub struct Peer {
    part: Part,
    pub address: String,
}

impl Peer {
    /// Starts a peer. Each answer has this status and `bytes` bytes in all, from `HTTP/1.1` to the end of the body.
    pub fn start(status: u16, bytes: usize, threads: Threads) -> Self {
        let own = usize::from(threads == Threads::Own);
        let arguments = [status.to_string(), bytes.to_string(), own.to_string()];
        let mut part = Part::start("peer", &arguments.each_ref().map(String::as_str), [("", ""); 0]);
        let address = part.told("listening on ");
        Self { part, address }
    }

    pub fn id(&self) -> u32 {
        self.part.id()
    }
}

/// The peer's process; arguments: status, bytes of an answer, 1 for threads of its own.
pub fn run() -> ExitCode {
    let number = |at: usize| -> usize {
        std::env::args().nth(at).and_then(|text| text.parse().ok()).expect("status and bytes are numbers")
    };
    let status = u16::try_from(number(1)).ok().and_then(|code| StatusCode::from_u16(code).ok()).expect("a status");
    let line = status.canonical_reason().expect("a status with a name").len() - "OK".len();
    let body = Bytes::from(vec![b'x'; number(2).saturating_sub(HEAD + line)]);
    assert!((100..1_000).contains(&body.len()), "its length has three digits");
    Runtime::new().expect("a runtime").block_on(async {
        let workers = if number(3) == 1 { Workers::start().expect("threads") } else { Workers::here() };
        serve(status, body, &workers).await
    })
}

async fn serve(status: StatusCode, body: Bytes, workers: &Workers) -> ExitCode {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    println!("listening on {}", listener.local_addr().expect("it is bound"));
    loop {
        let (stream, _) = listener.accept().await.expect("the test opens few connections");
        stream.set_nodelay(true).expect("an open stream");
        let body = body.clone();
        let answer = service_fn(move |_| {
            let mut response = Response::new(Full::new(body.clone()));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            async { Ok::<_, Infallible>(response) }
        });
        let stream = stream.into_std().expect("an open stream");
        workers.spawn(async move {
            let stream = TcpStream::from_std(stream).expect("an open stream");
            // An error is no fault: the load closes its connections when it is done.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
