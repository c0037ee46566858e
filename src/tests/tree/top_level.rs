//! Tests of the files beside the code, which must fit the code: Compose, image, Prometheus, Grafana, load scripts,
//! Makefile.

mod compose;
mod dashboard;
mod prometheus;
mod tools;

use std::path::PathBuf;

/// The path of a file of the repository.
fn path(rest: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(rest)
}

fn text(rest: &str) -> String {
    std::fs::read_to_string(path(rest)).unwrap_or_else(|error| panic!("{rest}: {error}"))
}
