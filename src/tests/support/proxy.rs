//! A TCP proxy between a gateway and one of its servers that passes, delays, cuts, refuses or swallows what is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Everything from the server comes this much later, so every round trip takes longer.
    Delay(Duration),
    /// Bytes from the client with this text in them come this much later.
    DelayOf(&'static str, Duration),
    /// A connection is cut when its client sends this text; see [`Proxy::cuts`].
    CutAt(&'static str),
    /// Open connections are cut, and new ones are closed at once.
    Cut,
    /// Bytes from the client pass. When the server answers, the connection is cut instead.
    CutAnswer,
    /// Connections stay open and nothing passes, as in a network that swallows packets.
    Swallow,
}

/// All its connections end when it is dropped.
pub struct Proxy {
    pub addr: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    cuts: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes everything to `server`.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let cuts = Arc::new(AtomicUsize::new(0));
        let (modes, cutting) = (mode.clone(), cuts.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *modes.borrow() == Mode::Cut {
                    continue;
                }
                tokio::spawn(connection(client, server, modes.subscribe(), cutting.clone()));
            }
        });
        Self { addr, mode, cuts, accepting }
    }

    /// How often [`Mode::CutAt`] has cut a connection.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode.send_replace(Mode::Cut);
        self.accepting.abort();
    }
}

async fn connection(client: TcpStream, server: SocketAddr, modes: watch::Receiver<Mode>, cuts: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut until = modes.clone();
    tokio::select! {
        () = pass(from_client, to_server, modes.clone(), Way::There(&cuts)) => {}
        () = pass(from_server, to_client, modes, Way::Back) => {}
        _ = until.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

#[derive(Clone, Copy)]
enum Way<'a> {
    /// From the client to the server, with the counter of cuts.
    There(&'a AtomicUsize),
    Back,
}

async fn pass(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut modes: watch::Receiver<Mode>,
    way: Way<'_>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut bytes).await {
        let says = |text: &str| bytes[..n].windows(text.len()).any(|part| part == text.as_bytes());
        let mode = *modes.borrow();
        let delay = match (mode, way) {
            (Mode::CutAnswer, Way::Back) => return,
            (Mode::CutAt(text), Way::There(cuts)) if says(text) => {
                cuts.fetch_add(1, Ordering::Relaxed);
                return;
            }
            (Mode::Delay(delay), Way::Back) => delay,
            (Mode::DelayOf(text, delay), Way::There(_)) if says(text) => delay,
            _ => Duration::ZERO,
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if modes.wait_for(|mode| *mode != Mode::Swallow).await.is_err() || to.write_all(&bytes[..n]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn what_comes_late_comes_whole_and_in_order() {
    let echo = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let proxy = Proxy::to(echo.local_addr().expect("bound")).await;
    proxy.set(Mode::Delay(Duration::from_millis(1)));
    let server = tokio::spawn(async move {
        let (mut stream, _) = echo.accept().await.expect("the proxy comes");
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await
    });
    let mut client = TcpStream::connect(proxy.addr).await.expect("it listens");
    for said in [vec![1; 3], vec![2; 100_000], vec![3]] {
        client.write_all(&said).await.expect("an open connection");
        let mut heard = vec![0; said.len()];
        client.read_exact(&mut heard).await.expect("all of it comes back");
        assert!(heard == said);
    }
    drop(client);
    server.await.expect("no panic").expect("nothing broke");
}
