//! The metrics recorder and its upkeep. Knows no metric by name.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::metrics::{RECORDS, SECONDS};
use crate::shutdown::Stopping;

/// Histograms grow until they are drained: how often that is done.
const UPKEEP: Duration = Duration::from_secs(5);

/// A recorder with our buckets; whoever installs it calls `metrics::describe` after.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_records".into()), RECORDS)?;
    Ok(builder.build_recorder())
}

/// Drains histograms and reads the process's own metrics, until told to stop.
pub async fn upkeep(handle: PrometheusHandle, mut stop: Stopping) {
    let process = metrics_process::Collector::default();
    process.describe();
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = ticks.tick() => {}
        }
        process.collect();
        handle.run_upkeep();
    }
}
