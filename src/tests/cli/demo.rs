//! The demo as a test: a small crowd over a real gateway finds nothing wrong, on both stores; and the gateway shows all
//! metrics and labels that the dashboard asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stanchion::demo::{Demo, Show, run};

use crate::support::gateway::{Gateway, Store};

const CROWD: usize = 60;

/// Metrics that may be missing: they appear only after something has gone wrong, only on some store, or only once a
/// stream, a timed operation or a webhook has been there.
const NOT_ALWAYS: &[&str] = &[
    "stanchion_edge_streams",
    "stanchion_lane_faults_total",
    "stanchion_lane_store_unfit",
    "stanchion_lane_wal_bytes",
    "stanchion_lane_wal_sync_seconds",
    "stanchion_lane_operation_seconds",
    "stanchion_outbox_attempt_seconds",
];

async fn send_a_crowd(store: Store, seed: u64) -> Gateway {
    let gateway = Gateway::start_with(store, |config| config.limits.visitor_rps = 10).await;
    let tokens: BTreeMap<String, String> =
        (0..CROWD).map(stanchion::demo::persona::user).map(|user| (user.clone(), gateway.token(&user))).collect();
    let demo = Demo {
        public_url: gateway.public_url.clone(),
        admin_url: gateway.admin_url.clone(),
        crowd: CROWD,
        seed,
        user_token: Box::new(move |sub| tokens[sub].clone()),
        admin_token: gateway.admin_token(),
        clock: gateway.clock.clone(),
        currency: "KRW".into(),
    };
    let report = run(demo, Show::Lines(Box::new(std::io::sink()))).await.expect("the demo runs");
    assert!(report.ok(), "{report}");
    assert!(report.counts.confirmed > 0 && report.counts.refunded > 0 && report.counts.claimed > 0, "{report}");
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_finds_nothing_wrong_on_redis() {
    send_a_crowd(Store::Redis, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_finds_nothing_wrong_embedded_and_the_dashboard_shows_it() {
    let gateway = send_a_crowd(Store::Embedded, 1).await;
    let text = gateway.admin.get("/metrics").send().await.expect(200).body;
    let shown = exposed(std::str::from_utf8(&text).expect("text"));
    let dashboard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/grafana/dashboards/stanchion.json"));
    let dashboard: Value = serde_json::from_str(&dashboard.expect("in the tree")).expect("JSON");
    for target in
        dashboard["panels"].as_array().expect("panels").iter().filter_map(|p| p["targets"].as_array()).flatten()
    {
        let (query, legend) =
            (target["expr"].as_str().expect("a query"), target["legendFormat"].as_str().expect("one"));
        let wanted: Vec<&str> =
            legend.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|p| p.0).collect();
        for metric in query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let metric = metric.strip_suffix("_bucket").unwrap_or(metric);
            if !metric.starts_with("stanchion_") || NOT_ALWAYS.contains(&metric) {
                continue;
            }
            let labels =
                shown.get(metric).unwrap_or_else(|| panic!("{metric} is on the dashboard and not in /metrics"));
            for label in wanted.iter().filter(|label| **label != "instance") {
                assert!(labels.contains(*label), "{metric} has labels {labels:?}, the dashboard asks for {label}");
            }
        }
    }
}

/// Series whose label values are all declared stand at 0 from the start, so that a rate misses no first event. No value
/// appears that is not declared.
#[tokio::test(flavor = "multi_thread")]
async fn closed_labels_are_there_from_the_start_and_no_others_come() {
    let metrics = async |gateway: &Gateway| {
        let text = gateway.admin.get("/metrics").send().await.expect(200).body;
        String::from_utf8(text.to_vec()).expect("text")
    };
    let gateway = Gateway::start(Store::Embedded).await;
    let begun = metrics(&gateway).await;
    for id in ["INV-1", "INV-2", "INV-3", "INV-4", "INV-10", "INV-11", "INV-12"] {
        let series = format!("stanchion_invariant_violations_total{{id=\"{id}\"}} ");
        assert!(begun.contains(&series), "{series}: a rate misses the first event of a series that appears with it");
    }
    drop(gateway);
    let text = metrics(&send_a_crowd(Store::Embedded, 3).await).await;
    for (metric, label, values) in stanchion::metrics::values() {
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("{metric}{{"))).collect();
        assert!(!lines.is_empty() || NOT_ALWAYS.contains(&metric), "{metric}");
        for line in lines {
            let value = line.split(&format!("{label}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            assert!(value.is_some_and(|value| values.contains(&value)), "{line}: {label} is one of {values:?}");
        }
    }
}

/// The label names of every metric in a Prometheus text; a histogram's are under the name of its family.
fn exposed(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let family =
            ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(&name).to_owned();
        let labels = line[name.len()..].split_once('}').map_or("", |(labels, _)| labels);
        let names = labels.trim_start_matches('{').split("\",").filter_map(|pair| pair.split_once("=\"")).map(|p| p.0);
        metrics.entry(family).or_default().extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    metrics
}
