//! Counts and times of answers, and the number of requests under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use http::{Method, StatusCode};
use metrics::{Histogram, counter, gauge, histogram};

use super::router::Listener;
use crate::metrics::{EDGE_IN_FLIGHT, EDGE_REQUEST_SECONDS, EDGE_REQUESTS, Tally};

/// Metric handles by operation, method and status. These are closed sets, so the map stays small. Every request reads
/// the map, and it hardly ever changes. So a read writes to no memory that other threads read.
#[derive(Default)]
pub struct Meters(ArcSwap<HashMap<MeterKey, Arc<Meter>, RandomState>>);

type MeterKey = (&'static str, &'static str, u16);

struct Meter {
    answers: Tally,
    seconds: Histogram,
}

impl Meters {
    pub fn answered(&self, operation: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let key = (operation, known(method), status.as_u16());
        if let Some(meter) = self.0.load().get(&key) {
            return meter.note(took);
        }
        let new = Arc::new(Meter::new(key));
        let before = self.0.rcu(|meters| {
            let mut meters = HashMap::clone(meters);
            meters.entry(key).or_insert_with(|| new.clone());
            meters
        });
        // If another thread has inserted a meter first, that one counts.
        before.get(&key).unwrap_or(&new).note(took);
    }

    /// Brings the counters up to date before they are read.
    pub fn tell(&self) {
        self.0.load().values().for_each(|meter| meter.answers.tell());
    }
}

impl Meter {
    fn new((operation, method, status): MeterKey) -> Self {
        Self {
            answers: Tally::new(
                counter!(EDGE_REQUESTS, "route" => operation, "method" => method, "status" => status.to_string()),
            ),
            seconds: histogram!(EDGE_REQUEST_SECONDS, "route" => operation),
        }
    }

    fn note(&self, took: Duration) {
        self.answers.add_one();
        self.seconds.record(took.as_secs_f64());
    }
}

/// A method's label; all unknown methods share one.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// How many requests of each listener the gateway is working on. A request whose body is still arriving, a long poll,
/// and a request that a server behind us answers are not among them.
#[derive(Default)]
pub struct UnderWay {
    public: AtomicUsize,
    admin: AtomicUsize,
}

/// A request under way, counted until dropped.
pub struct Counted<'a> {
    of: &'a AtomicUsize,
    count: usize,
}

impl UnderWay {
    pub fn begin(&self, listener: Listener) -> Counted<'_> {
        let of = self.of(listener);
        Counted { of, count: of.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    pub fn count(&self, listener: Listener) -> usize {
        self.of(listener).load(Ordering::Relaxed)
    }

    fn of(&self, listener: Listener) -> &AtomicUsize {
        match listener {
            Listener::Public => &self.public,
            Listener::Admin => &self.admin,
        }
    }

    /// Sets the gauges before they are read.
    pub fn tell(&self) {
        for (listener, count) in [("public", &self.public), ("admin", &self.admin)] {
            gauge!(EDGE_IN_FLIGHT, "listener" => listener).set(count.load(Ordering::Relaxed) as f64);
        }
    }
}

impl Counted<'_> {
    /// How many requests were under way when this one began, including it.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.of.fetch_sub(1, Ordering::Relaxed);
    }
}
