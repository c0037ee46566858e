//! Every metric, declared once: name, kind, unit, help.
//!
//! The values of a label are a closed set, or events or lanes; never a visitor, a user, a seat, a path or an
//! error's text. Hot paths keep the handle that `counter!` gives.

mod tally;

pub use tally::Tally;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

struct Metric {
    name: &'static str,
    kind: MetricKind,
    unit: Unit,
    help: &'static str,
    /// Labels whose values are all known. A counter that has no other labels stands at 0 from the start.
    labels: &'static [(&'static str, &'static [&'static str])],
}

#[derive(Debug, Clone, Copy)]
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

macro_rules! metrics_table {
    ($($(#[doc = $help:literal])+ $konst:ident = $name:literal, $kind:ident, $unit:ident
       $(, $label:literal [$($value:literal)+])*;)*) => {
        $($(#[doc = $help])+ pub const $konst: &str = $name;)*

        /// Every metric; the doc comment is the help.
        const TABLE: &[Metric] = &[
            $(Metric {
                name: $name,
                kind: MetricKind::$kind,
                unit: Unit::$unit,
                help: concat!($($help),+),
                labels: &[$(($label, &[$($value),+])),*],
            },)*
        ];
    };
}

metrics_table! {
    /// Measures of Redis' time that were far from what was expected, by outcome (doubted, believed).
    CLOCK_JUMPS = "stanchion_clock_jumps_total", Counter, Count,
        "outcome" ["doubted" "believed"];

    /// Requests answered, by route, method and status.
    EDGE_REQUESTS = "stanchion_edge_requests_total", Counter, Count;
    /// Time from the end of a request's headers to the start of its answer, by route.
    EDGE_REQUEST_SECONDS = "stanchion_edge_request_seconds", Histogram, Seconds;
    /// Requests under way, without those whose body is still arriving and those that a server behind the gateway has.
    EDGE_IN_FLIGHT = "stanchion_edge_in_flight", Gauge, Count;
    /// Open connections.
    EDGE_CONNECTIONS = "stanchion_edge_connections", Gauge, Count;
    /// Open event streams.
    EDGE_STREAMS = "stanchion_edge_streams", Gauge, Count;
    /// Requests and connections refused by a limit, by limit (address, client, visitor, join, webhook, in_flight,
    /// connections).
    EDGE_LIMITED = "stanchion_edge_limited_total", Counter, Count,
        "limit" ["address" "client" "visitor" "join" "webhook" "in_flight" "connections"];
    /// Requests whose trusted proxy wrote an X-Forwarded-For that is no address: they share the proxy's limits.
    EDGE_FORWARDED_UNREADABLE = "stanchion_edge_forwarded_unreadable_total", Counter, Count;
    /// Faults answered 5xx, by the part that was away.
    EDGE_FAULTS = "stanchion_edge_faults_total", Counter, Count,
        "part" ["audit" "catalog" "contract" "lane" "ledger" "panic" "pipeline" "shutdown" "timeout" "upstream"];

    /// Places taken in line, by outcome (entered, known, closed, full).
    ADMISSION_ENTERED = "stanchion_admission_entered_total", Counter, Count,
        "outcome" ["entered" "known" "closed" "full"];
    /// Proofs of work at entry, by outcome (accepted, missing, forged, expired, easy, wrong).
    ADMISSION_PROOFS = "stanchion_admission_proofs_total", Counter, Count,
        "outcome" ["accepted" "missing" "forged" "expired" "easy" "wrong"];
    /// Polls answered, by source (board, lane). Waiting visitors are answered from the board, and told to the lane in
    /// batches: the operation `presence` of stanchion_lane_operation_seconds.
    ADMISSION_POLLS = "stanchion_admission_polls_total", Counter, Count,
        "answer" ["board" "lane"];
    /// Visitors let in, at the door or from the line, by event.
    ADMISSION_ADMITTED = "stanchion_admission_admitted_total", Counter, Count;
    /// Places inside that ran out after they had been claimed.
    ADMISSION_EXPIRED = "stanchion_admission_expired_total", Counter, Count;
    /// Visitors who were not there at their turn: absent, passed over, late from then on.
    ADMISSION_ABSENT = "stanchion_admission_absent_total", Counter, Count;
    /// Visitors called who did not claim their admission in time: late from then on, or through when it was their second
    /// call.
    ADMISSION_UNCLAIMED = "stanchion_admission_unclaimed_total", Counter, Count;
    /// Called visitors whose grace ran out.
    ADMISSION_LAPSED = "stanchion_admission_lapsed_total", Counter, Count;
    /// Visitors who left by themselves.
    ADMISSION_LEFT = "stanchion_admission_left_total", Counter, Count;
    /// Called visitors who may still come back within their grace, by event.
    ADMISSION_LATE = "stanchion_admission_late", Gauge, Count;
    /// Places of this round that are spent: bought, left, expired or called in vain, by event.
    ADMISSION_SPENT = "stanchion_admission_spent", Gauge, Count;
    /// Admissions a minute that the room's control allows just now, by event.
    ADMISSION_RATE = "stanchion_admission_rate_per_minute", Gauge, Count;
    /// How far a visitor's wait was outside the range that was promised; 0 inside it.
    ADMISSION_ETA_ERROR_SECONDS = "stanchion_admission_eta_error_seconds", Histogram, Seconds;
    /// Promises of a wait that came due, by outcome (kept, early, late).
    ADMISSION_ETA_PROMISES = "stanchion_admission_eta_promises_total", Counter, Count,
        "outcome" ["kept" "early" "late"];
    /// Visitors waiting, by event.
    ADMISSION_WAITING = "stanchion_admission_waiting", Gauge, Count;
    /// Visitors inside, by event.
    ADMISSION_INSIDE = "stanchion_admission_inside", Gauge, Count;
    /// Most visitors inside at once, by event.
    ADMISSION_CAPACITY = "stanchion_admission_capacity", Gauge, Count;

    /// Holds asked for, by outcome.
    INVENTORY_HOLDS = "stanchion_inventory_holds_total", Counter, Count,
        "outcome" ["held" "repeated" "key_reused" "no_event" "not_open" "not_inside" "place_over" "ended" "not_owner" "limit_exceeded" "taken" "sold_out" "no_block"];
    /// Holds that ran out.
    INVENTORY_HOLDS_EXPIRED = "stanchion_inventory_holds_expired_total", Counter, Count;
    /// Claims asked for, by outcome.
    INVENTORY_CLAIMS = "stanchion_inventory_claims_total", Counter, Count,
        "outcome" ["claimed" "repeated" "key_reused" "no_campaign" "not_open" "already_claimed" "sold_out" "full"];
    /// Orders asked for, by outcome.
    INVENTORY_ORDERS = "stanchion_inventory_orders_total", Counter, Count,
        "outcome" ["placed" "repeated" "past" "key_reused" "not_found" "not_owner" "already_ordered" "expired" "released" "full"];
    /// Seats, by event and state (free, held, paying, sold, blocked).
    INVENTORY_SEATS = "stanchion_inventory_seats", Gauge, Count;

    /// Time of a lane operation, by operation.
    LANE_OPERATION_SECONDS = "stanchion_lane_operation_seconds", Histogram, Seconds;
    /// Lane operations without an answer, by operation.
    LANE_FAULTS = "stanchion_lane_faults_total", Counter, Count;
    /// Lanes that are being rebuilt.
    LANE_RECOVERING = "stanchion_lane_recovering", Gauge, Count;
    /// Lanes found to have lost some of what they had, and rebuilt from the ledger. Look at the log for what.
    LANE_LOST = "stanchion_lane_lost_total", Counter, Count;
    /// 1 where Redis is unfit to be sold on, by what (eviction, evicted, persistence).
    LANE_STORE_UNFIT = "stanchion_lane_store_unfit", Gauge, Count;
    /// Bytes in the embedded store's WAL.
    LANE_WAL_BYTES = "stanchion_lane_wal_bytes", Gauge, Bytes;
    /// Time of one sync of the embedded store's WAL.
    LANE_WAL_SYNC_SECONDS = "stanchion_lane_wal_sync_seconds", Histogram, Seconds;

    /// Records waiting in the lanes' logs, by lane.
    PIPELINE_BACKLOG = "stanchion_pipeline_backlog", Gauge, Count;
    /// Age of the oldest waiting record, by lane.
    PIPELINE_OLDEST_SECONDS = "stanchion_pipeline_oldest_seconds", Gauge, Seconds;
    /// Records done, by kind (repeated and parked ones are counted without a look at what they say) and outcome.
    PIPELINE_RECORDS = "stanchion_pipeline_records_total", Counter, Count,
        "kind" ["coupon.claimed" "order.placed" "payment.requested" "payment.resulted" "refund.requested" "refund.resulted" "order.expired" "order.cancelled" "repeated" "parked"],
        "outcome" ["done" "refused" "repeated" "parked"];
    /// Records in a transaction.
    PIPELINE_BATCH_RECORDS = "stanchion_pipeline_batch_records", Histogram, Count;
    /// Time of a transaction, from begin to commit.
    PIPELINE_COMMIT_SECONDS = "stanchion_pipeline_commit_seconds", Histogram, Seconds;
    /// Transactions rolled back and tried again, by cause.
    PIPELINE_RETRIES = "stanchion_pipeline_retries_total", Counter, Count,
        "cause" ["lane" "recovery" "away" "contention" "read_only" "duplicate" "guarded" "value" "timeout" "unreadable" "rows_missing" "unfit" "record" "unbuilt"];
    /// Records put aside because they can never be done.
    PIPELINE_DEAD_LETTERS = "stanchion_pipeline_dead_letters_total", Counter, Count;
    /// Accepted orders that could not be written and were rejected as UNPROCESSABLE: the door let them in, a bug.
    PIPELINE_UNPROCESSABLE = "stanchion_pipeline_unprocessable_total", Counter, Count;
    /// Notices taken from the outbox, whether a subscription wants them or not.
    OUTBOX_NOTICES = "stanchion_outbox_notices_total", Counter, Count;
    /// Attempts to deliver a notice, by destination (webhook, kafka) and outcome. again: it is tried again later; failed:
    /// it waits for a person, which notices to Kafka never do.
    OUTBOX_DELIVERIES = "stanchion_outbox_deliveries_total", Counter, Count,
        "to" ["webhook" "kafka"],
        "outcome" ["delivered" "again" "failed"];
    /// Time until an endpoint or Kafka took a notice, or did not, by destination (webhook, kafka).
    OUTBOX_ATTEMPT_SECONDS = "stanchion_outbox_attempt_seconds", Histogram, Seconds,
        "to" ["webhook" "kafka"];
    /// Lanes this process holds the lease of.
    PIPELINE_LEASES = "stanchion_pipeline_leases", Gauge, Count;
    /// Time from an order's acceptance to its confirmation or refusal.
    PIPELINE_ORDER_SECONDS = "stanchion_pipeline_order_seconds", Histogram, Seconds;

    /// Calls to the payment provider, by call (charge, ask, refund, ask_refund) and outcome.
    PAYMENT_CALLS = "stanchion_payment_calls_total", Counter, Count,
        "call" ["charge" "ask" "refund" "ask_refund"],
        "outcome" ["captured" "awaiting" "declined" "done" "refused" "wrong_account" "not_done" "unknown" "timeout"
            "not_configured"];
    /// Time of a call to the payment provider, by call.
    PAYMENT_CALL_SECONDS = "stanchion_payment_call_seconds", Histogram, Seconds;
    /// Whether calls to a payment provider wait, because it does not answer: 1 or 0, by provider.
    PAYMENT_CIRCUIT_OPEN = "stanchion_payment_circuit_open", Gauge, Count,
        "provider" ["sandbox" "toss" "portone"];
    /// Attempts and refunds without a definite answer yet, of the lanes that this process writes for. Those that wait for
    /// their buyer's deposit or account are not among them.
    PAYMENT_OPEN = "stanchion_payment_open", Gauge, Count;

    /// Reads of the ledger, by query.
    LEDGER_READ_SECONDS = "stanchion_ledger_read_seconds", Histogram, Seconds;
    /// Violations an audit found, by invariant. Anything above zero is an incident.
    INVARIANT_VIOLATIONS = "stanchion_invariant_violations_total", Counter, Count,
        "id" ["INV-1" "INV-2" "INV-3" "INV-4" "INV-10" "INV-11" "INV-12"];
}

/// Bucket bounds of every `_seconds` histogram.
pub const SECONDS: &[f64] = &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Bucket bounds of an error, which may be minutes.
pub const ERROR_SECONDS: &[f64] = &[0.0, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

/// Bucket bounds of every `_records` histogram.
pub const RECORDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Tells the installed recorder the unit and the help of every metric.
pub fn describe() {
    for metric in TABLE {
        let (name, help) = (metric.name, metric.help.trim());
        match metric.kind {
            MetricKind::Counter => describe_counter!(name, metric.unit, help),
            MetricKind::Gauge => describe_gauge!(name, metric.unit, help),
            MetricKind::Histogram => describe_histogram!(name, metric.unit, help),
        }
    }
}

/// Lets every counter's series stand at 0 if all its labels are known. A rate over a series that appears with its first
/// event misses that event, and so does an alarm on the rate.
pub fn begin() {
    for metric in TABLE {
        let none = metric.labels.is_empty() && !UNLABELLED.contains(&metric.name);
        if !matches!(metric.kind, MetricKind::Counter) || none {
            continue;
        }
        for labels in series(metric.labels) {
            metrics::counter!(metric.name, &labels).increment(0);
        }
    }
}

/// Counters without any label.
const UNLABELLED: &[&str] = &[
    EDGE_FORWARDED_UNREADABLE,
    ADMISSION_EXPIRED,
    ADMISSION_ABSENT,
    ADMISSION_UNCLAIMED,
    ADMISSION_LAPSED,
    ADMISSION_LEFT,
    INVENTORY_HOLDS_EXPIRED,
    LANE_LOST,
    PIPELINE_DEAD_LETTERS,
    PIPELINE_UNPROCESSABLE,
    OUTBOX_NOTICES,
];

/// All combinations of these labels.
fn series(labels: &[(&'static str, &[&'static str])]) -> Vec<Vec<(&'static str, &'static str)>> {
    let begun = vec![Vec::new()];
    labels.iter().fold(begun, |all, (label, values)| {
        let with = |before: &Vec<_>, value| before.iter().copied().chain([(*label, value)]).collect();
        all.iter().flat_map(|before| values.iter().map(move |value| with(before, *value))).collect()
    })
}

/// Names of all metrics, for the tests that hold dashboards against them.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|metric| metric.name)
}

/// The values of each label whose values are all known, with its metric.
pub fn values() -> impl Iterator<Item = (&'static str, &'static str, &'static [&'static str])> {
    TABLE.iter().flat_map(|metric| metric.labels.iter().map(|(label, values)| (metric.name, *label, *values)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_style() {
        for &Metric { name, kind, help, .. } in TABLE {
            assert!(name.starts_with("stanchion_"), "{name}");
            assert_eq!(matches!(kind, MetricKind::Counter), name.ends_with("_total"), "{name}");
            assert!(help.trim().ends_with('.'), "{name}: the help is a sentence");
        }
    }

    #[test]
    fn labels_are_combined() {
        assert_eq!(series(&[]), [vec![]]);
        let both = series(&[("a", &["1", "2"]), ("b", &["3"])]);
        assert_eq!(both, [vec![("a", "1"), ("b", "3")], vec![("a", "2"), ("b", "3")]]);
    }

    #[test]
    fn closed_labels_stand_at_0_from_the_start() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, begin);
        let text = recorder.handle().render();
        for series in [
            "stanchion_invariant_violations_total{id=\"INV-10\"} 0",
            "stanchion_payment_calls_total{call=\"ask_refund\",outcome=\"timeout\"} 0",
            "stanchion_pipeline_dead_letters_total 0",
        ] {
            assert!(text.lines().any(|line| line == series), "{series}");
        }
        assert!(!text.contains("stanchion_edge_requests_total"), "whose labels are not all known");
    }
}
