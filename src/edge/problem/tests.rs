//! The whole table, as clients know it.

use super::*;

#[test]
fn the_table_of_codes() {
    let table: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let retry = if code.retryable() { " retryable" } else { "" };
            format!("{} {}{retry}", code.status().as_u16(), code.text())
        })
        .collect();
    assert_eq!(table.join("\n"), TABLE.trim());
}

const TABLE: &str = "
400 BAD_JSON
400 BAD_WEBHOOK
400 VALIDATION
400 IDEMPOTENCY_KEY_MISSING
401 UNAUTHENTICATED
401 QUEUE_TOKEN_INVALID
401 PASS_REQUIRED
403 ADMIN_REQUIRED
403 BAD_ORIGIN
403 PASS_REQUIRED
403 PROOF_REQUIRED retryable
403 PROOF_INVALID
403 NOT_OWNER
404 NOT_FOUND
404 EVENT_NOT_FOUND
404 SEAT_NOT_FOUND
404 SECTION_NOT_FOUND
404 HOLD_NOT_FOUND
404 CAMPAIGN_NOT_FOUND
404 ORDER_NOT_FOUND
405 METHOD_NOT_ALLOWED
408 REQUEST_TIMEOUT retryable
409 EVENT_CANCELLED
409 ROOM_CLOSED
409 DRAW_NOT_OPEN
409 SEATS_TAKEN
409 SOLD_OUT
409 ADJACENT_UNAVAILABLE
409 SALE_NOT_OPEN
409 HOLD_ALREADY_ORDERED
409 ALREADY_CLAIMED
409 CAMPAIGN_NOT_OPEN
409 AMOUNT_BELOW_MINIMUM
409 AMOUNT_MISMATCH
409 PAYMENT_IN_PROGRESS retryable
409 NOT_PAYABLE
409 PROVIDER_NOT_ALLOWED
409 DEPOSIT_CLOSED
409 NOT_CANCELLABLE
409 NOT_REFUNDABLE
409 ACCOUNT_NOT_AWAITED
409 OVER_REFUND
409 PERIOD_NOT_OVER
409 EARLIER_PERIOD_OPEN
409 SETTLEMENT_NOT_CLOSED retryable
409 SETTLEMENT_PAID
409 PAYOUT_DIFFERS
409 SEATS_SOLD
409 STOCK_CLAIMED
410 HOLD_EXPIRED
412 PRECONDITION_FAILED
413 BODY_TOO_LARGE
415 UNSUPPORTED_MEDIA_TYPE
422 IDEMPOTENCY_KEY_REUSED
422 LIMIT_EXCEEDED
422 DUPLICATE_SEAT
422 EMPTY
422 TYPE_NOT_FOUND
422 LINE_NOT_FOUND
429 TOO_MANY_REQUESTS retryable
500 INTERNAL
502 UPSTREAM_UNREACHABLE retryable
503 OVERLOADED retryable
503 UNAVAILABLE retryable
503 RECOVERING retryable
504 UPSTREAM_TIMEOUT retryable
";

#[test]
fn a_problem_shows_what_its_code_says_and_nothing_internal() {
    let problem = Problem::unavailable("lane", "secret host 10.0.0.1 is down");
    let view = serde_json::to_value(problem.view("r-1")).expect("json");
    let wanted = serde_json::json!({
        "type": "about:blank", "title": "A part of the gateway is away", "status": 503,
        "detail": "A part of the gateway is away", "code": "UNAVAILABLE", "retryable": true, "request_id": "r-1",
    });
    assert_eq!(view, wanted);
    assert_eq!(problem.retry_after_seconds(), Some(1), "503 always carries one");
    assert_eq!(Problem::new(Code::TooManyRequests).retry_after(7).retry_after_seconds(), Some(7));
    assert_eq!(Problem::new(Code::SoldOut).retry_after_seconds(), None);

    let fields = Problem::field("/points", "at least 0");
    let view = serde_json::to_value(fields.view("r-2")).expect("json");
    assert_eq!(view["errors"], serde_json::json!([{"pointer": "/points", "detail": "at least 0"}]));
    let taken = Problem::new(Code::SeatsTaken).conflicts(vec!["a-1-1".into()]);
    assert_eq!(serde_json::to_value(taken.view("r-3")).expect("json")["conflicts"], serde_json::json!(["a-1-1"]));
}

#[test]
fn every_401_says_what_would_be_believed() {
    let challenge = |code| {
        let answer = crate::edge::Answer::problem(&Problem::new(code), "r").into_response();
        let given = answer.headers().get(http::header::WWW_AUTHENTICATE).cloned();
        given.map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(challenge(Code::Unauthenticated).as_deref(), Some("Bearer realm=\"stanchion\""));
    assert_eq!(challenge(Code::QueueTokenInvalid).as_deref(), Some("Stanchion-Queue realm=\"stanchion\""));
    assert_eq!(challenge(Code::PassUnverified).as_deref(), Some("Stanchion-Pass realm=\"stanchion\""));
    assert_eq!(challenge(Code::PassRequired), None, "a 403");
}

#[test]
fn a_lane_that_is_away_is_not_an_answer() {
    use crate::facts::fault::Fault;
    use crate::facts::ids::LaneId;
    let away = Fault::Unavailable { lane: LaneId(3), source: "connection refused".into() };
    let contract = Fault::Contract { lane: LaneId(3), detail: "arity".into() };
    assert_eq!(Problem::from(Fault::Recovering(LaneId(3))).code, Code::Recovering);
    assert_eq!(Problem::from(away).code, Code::Unavailable);
    assert_eq!(Problem::from(contract).code, Code::Internal);
}
