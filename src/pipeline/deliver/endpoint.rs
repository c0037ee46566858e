//! What an endpoint's answer means, when a notice is sent again, and how an endpoint that is down is spared.

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;

use crate::client::{HttpAnswer, HttpFault};
use crate::clock::{self, Instant};
use crate::ledger::outbox::subscription::Subscription;

const S: u64 = 1;
const MIN: u64 = 60;
const H: u64 = 3_600;

/// The pauses after the attempts that failed. After the last one's attempt a notice is not sent again.
const PAUSES_S: [u64; 9] = [5 * S, 5 * MIN, 30 * MIN, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H];

/// A pause is up to this share longer, so that what failed together does not come again together.
const JITTER: f64 = 0.1;

/// Longest `Retry-After` that is kept.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(H);

/// So many failures in a row are the notices'; more are the endpoint's.
const FAILURES_FREE: u32 = 3;

/// The pause after `attempts` attempts; `None`: it was the last one.
pub(super) fn pause_after(attempts: i64) -> Option<Duration> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = Duration::from_secs(*PAUSES_S.get(at)?);
    Some(pause.mul_f64(1.0 + JITTER * crate::random::fraction()))
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) enum Verdict {
    /// With the HTTP status, if there was one.
    Taken(Option<StatusCode>),
    /// Nobody wants it any more.
    Gone,
    NotTaken {
        status: Option<StatusCode>,
        detail: String,
        /// The endpoint asks for this much time.
        retry_after: Option<Duration>,
    },
}

impl Verdict {
    /// `None`: no answer within the time limit.
    pub fn of(answer: Option<Result<HttpAnswer, HttpFault>>) -> Self {
        let not_taken = |status, detail: String| Verdict::NotTaken { status, detail, retry_after: None };
        match answer {
            None => not_taken(None, "no answer in time".to_owned()),
            Some(Err(HttpFault::Body { status, .. })) if status.is_success() => Verdict::Taken(Some(status)),
            Some(Err(HttpFault::Body { status, .. })) if status == StatusCode::GONE => Verdict::Gone,
            Some(Err(HttpFault::Body { status, .. })) => not_taken(Some(status), format!("answered {status}")),
            Some(Err(fault)) => not_taken(None, fault.to_string()),
            Some(Ok(answer)) => match answer.status {
                status if status.is_success() => Verdict::Taken(Some(status)),
                StatusCode::GONE => Verdict::Gone,
                status => Verdict::NotTaken {
                    status: Some(status),
                    detail: format!("answered {status}"),
                    retry_after: asked(&answer),
                },
            },
        }
    }
}

/// How long an answer asks to be left alone.
fn asked(answer: &HttpAnswer) -> Option<Duration> {
    let told = answer.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let overloaded = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];
    match told {
        Some(seconds) => Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX)),
        None => overloaded.contains(&answer.status).then_some(Duration::from_secs(5)),
    }
}

/// How long an endpoint is spared after so many failures in a row; `None`: it is not.
fn grown(failures: u32, longest: Duration) -> Option<Duration> {
    let doublings = failures.checked_sub(FAILURES_FREE).filter(|doublings| *doublings > 0)?;
    Some(Duration::from_secs(1 << doublings.min(6)).min(longest).mul_f64(1.0 + JITTER * crate::random::fraction()))
}

/// An endpoint, as one version of its subscription names it.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct EndpointVersion<'s> {
    pub subscription: &'s str,
    pub version: i64,
}

impl<'s> From<&'s Subscription> for EndpointVersion<'s> {
    fn from(of: &'s Subscription) -> Self {
        Self { subscription: &of.name, version: of.version }
    }
}

/// Which endpoints are spared at the moment. One process remembers it for itself.
pub(in crate::pipeline) struct Spared {
    by_name: Mutex<HashMap<String, Health>>,
    longest: Duration,
}

#[derive(Default)]
struct Health {
    failures: u32,
    until: Option<Instant>,
    /// The version of the subscription whose endpoint answered 410. It gets nothing more until it is put again.
    gone: Option<i64>,
}

impl Spared {
    pub fn new(longest: Duration) -> Self {
        Self { by_name: Mutex::default(), longest }
    }

    pub fn is_spared(&self, EndpointVersion { subscription, version }: EndpointVersion<'_>) -> bool {
        let all = self.by_name.lock();
        let Some(health) = all.get(subscription) else { return false };
        health.gone == Some(version) || health.until.is_some_and(|until| clock::instant() < until)
    }

    pub fn note(&self, EndpointVersion { subscription, version }: EndpointVersion<'_>, verdict: &Verdict) {
        let mut all = self.by_name.lock();
        match verdict {
            // Others may be on their way still, and be taken.
            Verdict::Taken(_) if all.get(subscription).is_some_and(|health| health.gone == Some(version)) => {}
            Verdict::Taken(_) => drop(all.remove(subscription)),
            Verdict::Gone => {
                all.insert(subscription.to_owned(), Health { gone: Some(version), ..Health::default() });
            }
            Verdict::NotTaken { retry_after, .. } => {
                let health = all.entry(subscription.to_owned()).or_default();
                let now = clock::instant();
                // What was under way together and failed together counts once.
                let grown = match health.until.filter(|until| now < *until) {
                    Some(_) => None,
                    None => {
                        health.failures = health.failures.saturating_add(1);
                        grown(health.failures, self.longest)
                    }
                };
                if let Some(pause) = grown.max(*retry_after) {
                    health.until = health.until.max(Some(now + pause));
                }
            }
        }
    }

    /// Forgets subscriptions that are gone.
    pub fn keep(&self, known: impl Fn(&str) -> bool) {
        self.by_name.lock().retain(|name, _| known(name));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(http::header::RETRY_AFTER, text.parse().expect("a value"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        Verdict::of(Some(Ok(HttpAnswer { status, headers, body: Bytes::new() })))
    }

    #[test]
    fn an_answer_has_one_meaning() {
        for taken in [200, 201, 204, 299] {
            assert!(matches!(answered(taken, None), Verdict::Taken(_)), "{taken}");
        }
        assert_eq!(answered(410, None), Verdict::Gone);
        for not in [301, 302, 307, 400, 401, 404, 500, 503] {
            assert!(matches!(answered(not, None), Verdict::NotTaken { retry_after: None, .. }), "{not}");
        }
        for slow in [429, 502, 504] {
            assert!(matches!(answered(slow, None), Verdict::NotTaken { retry_after: Some(_), .. }), "{slow}");
        }
        let asked = |text| match answered(503, Some(text)) {
            Verdict::NotTaken { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!((asked("120"), asked("999999"), asked("soon")), (Some(120), Some(3_600), None));
        assert!(matches!(Verdict::of(None), Verdict::NotTaken { status: None, .. }));
    }

    #[test]
    fn a_notice_is_sent_ten_times_over_some_three_days() {
        let pauses: Vec<Duration> = (1..).map_while(pause_after).collect();
        assert_eq!(pauses.len(), PAUSES_S.len());
        for (pause, least) in pauses.iter().zip(PAUSES_S) {
            let least = Duration::from_secs(least);
            assert!((least..=least.mul_f64(1.0 + JITTER)).contains(pause), "{pause:?}");
        }
        let days = pauses.iter().sum::<Duration>().as_secs_f64() / 86_400.0;
        assert!((3.0..3.6).contains(&days), "{days}");
        assert_eq!(pause_after(0), None);
    }

    fn endpoint(subscription: &str, version: i64) -> EndpointVersion<'_> {
        EndpointVersion { subscription, version }
    }

    #[test]
    fn an_endpoint_that_fails_again_and_again_is_spared() {
        let spared = Spared::new(Duration::from_secs(60));
        let (a, b) = (endpoint("a", 1), endpoint("b", 1));
        let failed = answered(500, None);
        for _ in 0..FAILURES_FREE {
            spared.note(a, &failed);
            assert!(!spared.is_spared(a));
        }
        spared.note(a, &failed);
        assert!(spared.is_spared(a) && !spared.is_spared(b));
        // More that was under way with those.
        for _ in 0..100 {
            spared.note(a, &failed);
        }
        assert_eq!(spared.by_name.lock()["a"].failures, FAILURES_FREE + 1);
        spared.note(a, &answered(200, None));
        assert!(!spared.is_spared(a), "it is well again");
        spared.note(b, &answered(429, None));
        assert!(spared.is_spared(b), "it asked for time");
        spared.keep(|name| name != "b");
        assert!(!spared.is_spared(b));
    }

    #[test]
    fn an_endpoint_that_is_gone_gets_nothing_until_it_is_put_again() {
        let spared = Spared::new(Duration::from_secs(60));
        spared.note(endpoint("a", 3), &answered(410, None));
        spared.note(endpoint("a", 3), &answered(200, None));
        assert!(spared.is_spared(endpoint("a", 3)), "another one was on its way");
        assert!(!spared.is_spared(endpoint("a", 4)) && !spared.is_spared(endpoint("b", 3)));
        spared.note(endpoint("a", 4), &answered(200, None));
        assert!(!spared.is_spared(endpoint("a", 4)));
    }
}
