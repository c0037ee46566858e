//! A web socket through the gateway: bytes move both ways until either side ends it, nothing moves for too long, its
//! visitor is no longer inside, or the gateway closes.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::io::{InspectReader, InspectWriter};
use tokio_util::sync::CancellationToken;

use super::places::ProxySlot;

/// Time between two looks at a web socket. The answer to whether a visitor is inside may be just as old.
const LOOK: Duration = Duration::from_secs(1);

/// Asks whether the visitor still is inside. While the lane does not answer this says yes, so that an open web socket
/// stays open.
pub type Inside = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

pub struct Tunnel {
    pub client: OnUpgrade,
    pub server: OnUpgrade,
    pub idle: Duration,
    pub inside: Inside,
    pub place: ProxySlot,
}

impl Tunnel {
    pub async fn run(self, closing: CancellationToken) {
        let Self { client, server, idle, inside, place: _place } = self;
        let both = async { tokio::try_join!(client, server) };
        // Both sides have agreed to the switch. If one of them is gone by now, nothing is carried.
        let (client, server) = match tokio::time::timeout(idle, both).await {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => return tracing::debug!(%error, "a web socket did not open"),
            Err(error) => return tracing::debug!(%error, "a web socket did not open"),
        };
        let moved = AtomicU64::new(0);
        let count = |bytes: &[u8]| {
            moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        };
        let mut client = InspectReader::new(InspectWriter::new(TokioIo::new(client), count), count);
        let mut server = TokioIo::new(server);
        let mut copying = std::pin::pin!(tokio::io::copy_bidirectional(&mut client, &mut server));
        let every = LOOK.min(idle);
        let mut looks = tokio::time::interval(every);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut quiet, mut before) = (Duration::ZERO, 0);
        loop {
            tokio::select! {
                biased;
                copied = &mut copying => {
                    if let Err(error) = copied {
                        tracing::debug!(%error, "a web socket broke");
                    }
                    return;
                }
                () = closing.cancelled() => return,
                _ = looks.tick() => {}
            }
            let now = moved.load(Ordering::Relaxed);
            quiet = if now == before { quiet + every } else { Duration::ZERO };
            before = now;
            if quiet > idle || !inside().await {
                return;
            }
        }
    }
}
