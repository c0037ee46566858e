//! A broker of messages that notices go to, beside the webhooks.

use std::time::Duration;

use async_trait::async_trait;

/// The pause after the first attempt that failed, and the longest one.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Takes notices and keeps them for others. Its connection mends by itself.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Returns when the broker has the notice for good, or not in time. What was not taken in time may still be taken
    /// later. `envelope`: the notice as CloudEvents 1.0 in structured JSON.
    async fn take(&self, envelope: &str) -> Result<(), BrokerFault>;
}

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BrokerFault {
    /// No topic is known for it. A later release wrote it.
    #[error("no notice that this release knows: {0}")]
    Unknown(String),
    /// In the broker's words.
    #[error("{0}")]
    Broker(String),
}

/// The pause after `attempts` attempts. It doubles up to a minute, and half of it is random. There is always another
/// attempt: that a broker is away is no fault of the notice.
pub(super) fn pause_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 10) - 1).expect("below ten");
    let longest = PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX);
    longest.mul_f64(0.5 + 0.5 * crate::random::fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_never_end() {
        for (attempts, longest) in [(1, 1), (2, 2), (6, 32), (7, 60), (1_000_000, 60), (0, 1)] {
            let (pause, longest) = (pause_after(attempts), Duration::from_secs(longest));
            assert!((longest / 2..=longest).contains(&pause), "{attempts}: {pause:?}");
        }
        let drawn: std::collections::BTreeSet<Duration> = (0..10).map(|_| pause_after(7)).collect();
        assert!(drawn.len() > 1, "what failed together does not come again together");
    }
}
