//! The routes of `operations`.

use crate::edge::api::admin::operations::view::{AuditView, DeadLetterView, PipelineView};
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, post};

pub fn routes() -> Vec<Route> {
    vec![
        get("/v1/admin/audit", "audit", "Check the invariants now", super::audit)
            .admin()
            .about(
                "Compares lanes and ledger with each other, and checks each by itself. It only reads, and may run \
                 under traffic: a difference counts only if it is still there after the lane's log has been written. \
                 The more is sold, the longer it takes. An audit that takes longer than a request may is \
                 `UNAVAILABLE`.",
            )
            .answers::<AuditView>(200, "The report"),
        get("/v1/admin/pipeline", "pipeline", "Lanes, backlog, dead letters", super::pipeline)
            .admin()
            .about(
                "How far the ledger is behind each lane, which lanes this process writes for, and what waits for \
                 a person. `UNAVAILABLE` when a lane or the ledger does not answer.",
            )
            .answers::<PipelineView>(200, "The pipeline"),
        post(
            "/v1/admin/dead-letters/{id}/requeue",
            "requeue_dead_letter",
            "Try a dead letter again, with what follows it",
            super::requeue,
        )
        .admin()
        .about(
            "Writes the record again, and with it all dead letters of its order, oldest first: all of them or \
             none. When one of them still cannot be written they stay dead letters, and the answer is \
             `UNAVAILABLE`.\n\nA repeat is safe: once the record is written, its dead letter is gone and the answer is \
             `NOT_FOUND`.",
        )
        .answers_bare(204, "Requeued")
        .errors(&[Code::NotFound]),
        get("/v1/admin/dead-letters", "list_dead_letters", "Dead letters, oldest first", super::dead_letters)
            .admin()
            .about("Records that could not be written, each with the reason. They wait until somebody requeues them.")
            .paged()
            .answers_page::<DeadLetterView>(),
    ]
}
