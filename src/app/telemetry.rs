//! Logs and metrics of this process. Installed once, before anything else runs.

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config;
use crate::metrics::{ADMISSION_ETA_ERROR_SECONDS, ERROR_SECONDS, RECORDS, SECONDS, begin, describe};
use crate::shutdown::Stopping;

/// How often histograms are drained: what they hold in between grows with the traffic.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("log.level = {0:?} is neither a level nor a tracing filter")]
    Level(String),
}

/// Logs go to standard error, structured, with the request's id in each line of a signed-in user's request.
pub fn log(config: &config::LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&config.level).map_err(|_| LogError::Level(config.level.clone()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Colours are for a person at a terminal.
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A second call (a demo after a serve in one process) keeps the first one's logger.
    let _ = if config.format == "json" { builder.json().try_init() } else { builder.try_init() };
    Ok(())
}

/// The process's recorder; the metrics facade allows one, so the second caller gets the first one's.
pub fn recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let handle = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
                .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_records".into()), RECORDS))
                .and_then(|b| {
                    b.set_buckets_for_metric(Matcher::Full(ADMISSION_ETA_ERROR_SECONDS.into()), ERROR_SECONDS)
                })
                .expect("the bucket bounds are not empty")
                .install_recorder()
                .expect("nobody else installs a recorder in this process");
            describe();
            begin();
            metrics_process::Collector::default().describe();
            handle
        })
        .clone()
}

/// Drains histograms and reads the process's own figures until told to stop.
pub async fn upkeep(handle: PrometheusHandle, mut stop: Stopping) {
    let process = metrics_process::Collector::default();
    let mut beats = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            _ = beats.tick() => {
                handle.run_upkeep();
                process.collect();
            }
        }
    }
}
