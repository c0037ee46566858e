//! What the metrics show of the lanes that this process works for.

use metrics::gauge;

use super::parts::PipelineShared;
use crate::lane::Lane;
use crate::metrics::{LANE_RECOVERING, PAYMENT_OPEN, PIPELINE_BACKLOG, PIPELINE_LEASES, PIPELINE_OLDEST_SECONDS};

pub(super) async fn gauges(shared: &PipelineShared, lane: &dyn Lane) {
    let label = lane.id().to_string();
    if let Ok(meta) = lane.meta().await {
        gauge!(PIPELINE_BACKLOG, "lane" => label.clone()).set(meta.backlog as f64);
        let age_ms = meta.oldest_ms.map_or(0, |at_ms| (shared.clock.now_ms() - at_ms).max(0));
        gauge!(PIPELINE_OLDEST_SECONDS, "lane" => label).set(age_ms as f64 / 1_000.0);
    }
    let (mut leased, mut recovering, mut open) = (0u32, 0u32, 0usize);
    for view in shared.views() {
        leased += u32::from(view.leased);
        recovering += u32::from(view.recovering);
        open += view.open;
    }
    gauge!(PIPELINE_LEASES).set(leased);
    gauge!(LANE_RECOVERING).set(recovering);
    gauge!(PAYMENT_OPEN).set(open as f64);
}
