//! Counts and times of answers, their handles kept: looking one up costs less than making it.

use std::time::Duration;

use dashmap::DashMap;
use http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

use crate::metrics::{EDGE_REQUEST_SECONDS, EDGE_REQUESTS};

/// By operation, method and status: closed sets, so the maps stay small.
#[derive(Default)]
pub struct Meters {
    counters: DashMap<(&'static str, &'static str, u16), Counter>,
    times: DashMap<&'static str, Histogram>,
}

impl Meters {
    pub fn answered(&self, operation: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let key = (operation, known(method), status.as_u16());
        let counter = self.counters.get(&key).map(|counter| counter.clone());
        let counter = counter.unwrap_or_else(|| {
            let made = counter!(EDGE_REQUESTS, "route" => key.0, "method" => key.1, "status" => key.2.to_string());
            self.counters.entry(key).or_insert(made).clone()
        });
        counter.increment(1);
        let time = self.times.get(operation).map(|time| time.clone());
        let time = time.unwrap_or_else(|| {
            let made = histogram!(EDGE_REQUEST_SECONDS, "route" => operation);
            self.times.entry(operation).or_insert(made).clone()
        });
        time.record(took.as_secs_f64());
    }
}

/// A method by name; whatever nobody has heard of is one label.
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
