//! Dashboard and alerts against the metrics that exist: every metric they show exists, every metric is shown, and a
//! real Prometheus answers every query.

use std::collections::BTreeSet;

use serde_json::Value;
use stanchion::metrics;

use super::prometheus::Prometheus;
use super::{path, text};

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/dashboards/stanchion.json")).expect("JSON")
}

/// Panels with queries, by title.
fn panels() -> Vec<(String, Value)> {
    let panels = dashboard()["panels"].as_array().expect("panels").clone();
    let title = |panel: &Value| panel["title"].as_str().expect("a title").to_owned();
    panels.into_iter().filter(|p| p["type"] != "row").map(|p| (title(&p), p)).collect()
}

/// The queries of a panel, as Grafana sends them.
fn queries(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().expect("targets");
    let text = targets.iter().map(|t| t["expr"].as_str().expect("a query"));
    text.map(|expr| expr.replace("$__rate_interval", "1m").replace("$event", ".*")).collect()
}

fn alerts() -> Vec<String> {
    let rules = text("config/prometheus.rules.yml");
    rules.lines().filter_map(|l| l.trim().strip_prefix("expr: ")).map(str::to_owned).collect()
}

/// The metrics of ours that a query names; a histogram by the name of its family.
fn names(query: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = query.split(|c| !word(c)).filter(|w| w.starts_with("stanchion_"));
    let family = |w: &str| ["_bucket", "_sum", "_count"].iter().find_map(|s| w.strip_suffix(s)).unwrap_or(w).to_owned();
    words.map(family).collect()
}

#[test]
fn panels_are_told_apart_and_explained() {
    let panels = panels();
    let ids: BTreeSet<i64> = panels.iter().map(|(_, p)| p["id"].as_i64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for (title, panel) in &panels {
        assert!(panel["description"].as_str().is_some_and(|d| d.ends_with('.')), "{title}: says what it shows");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}: names its unit");
    }
}

#[test]
fn shown_is_what_exists_and_all_of_it() {
    let known: BTreeSet<String> = metrics::names().map(str::to_owned).collect();
    let shown: BTreeSet<String> = panels().iter().flat_map(|(_, p)| queries(p)).flat_map(|q| names(&q)).collect();
    assert_eq!(shown, known, "on the dashboard (left) and in metrics.rs (right)");
    for query in alerts() {
        let named = names(&query);
        assert!(named.is_subset(&known), "{query}");
        assert!(!named.is_empty() || query.starts_with("up{"), "{query}: watches nothing of ours");
    }
}

#[test]
fn prometheus_accepts_its_configuration() {
    let checked = std::process::Command::new("promtool")
        .args(["check", "config"])
        .arg(path("config/prometheus.yml"))
        .output()
        .expect("promtool is needed; make test installs it");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn a_real_prometheus_answers_every_query() {
    let prometheus = Prometheus::start();
    for (title, panel) in panels() {
        for query in queries(&panel) {
            let found = prometheus.query(&query).await.unwrap_or_else(|error| panic!("{title}: {query}: {error}"));
            assert!(found > 0, "{title}: {query}: finds nothing, though every metric has samples");
        }
    }
    for query in alerts() {
        prometheus.query(&query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}
