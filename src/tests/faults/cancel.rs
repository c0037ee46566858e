//! kill -9 of a gateway that gives a cancelled event's money back: nobody gets it twice, and nobody is forgotten.

use http::Method;
use serde_json::{Value, json};

use super::crash::token;
use crate::support::gateway::{eventually, unique};
use crate::support::process::Process;

const EVENT: &str = "cancelled-hall";
const ORDERS: usize = 120;
/// What one order of two seats costs, with its booking fees.
const CASH: i64 = 2 * (1_000 + 100);

async fn admin(process: &Process, method: Method, path: &str) -> Value {
    let path = format!("/v1/admin/events/{EVENT}{path}");
    process.admin.call(method, &path).bearer(&token("root", "admin")).send().await.expect(200).json
}

/// A paid order of two seats. Returns its user and id.
async fn buy(process: &Process) -> (String, String) {
    let (user, public) = (unique("cancel-user"), &process.public);
    let bearer = token(&user, "");
    let entered = public.post(&format!("/v1/events/{EVENT}/queue")).json(&json!({})).send().await.expect(201);
    let pass = entered.json["pass"].as_str().expect("there is room for everybody").to_owned();
    let wish = json!({"section": "a", "quantity": 2});
    let hold = public.post(&format!("/v1/events/{EVENT}/holds")).bearer(&bearer).pass(&pass).key("h").json(&wish);
    let hold = hold.send().await.expect(201).text("id");
    let order = json!({"event": EVENT, "hold": hold, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = public.post("/v1/orders").bearer(&bearer).key("o").json(&order).send().await.expect(202).text("id");
    (user, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_goes_on_after_every_kill() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    // Few records in a transaction and one call at a time: so a kill comes in the middle.
    let slow = [("STANCHION__PIPELINE__BATCH_MAX", "3"), ("STANCHION__PAYMENT__CALLS_MAX", "1")];
    let process = Process::start(dir.path()).await;
    let spec = json!({
        "name": "Hall", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "o",
        "sections": [{"id": "a", "name": "A", "price": 1_000, "capacity": 2_000}],
        "booking_fee": {"amount": 100, "refundable": "never"},
        "room": {"capacity": 100_000, "rate_per_min": 6_000_000, "pass_ttl_s": 3_600},
    });
    process.admin.put(&format!("/v1/admin/events/{EVENT}")).bearer(&token("root", "admin")).json(&spec).send().await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(buy(&process).await);
    }
    for (user, order) in &orders {
        let path = format!("/v1/orders/{order}?wait_s=10");
        let confirmed = process.public.get(&path).bearer(&token(user, "")).send().await.expect(200);
        assert_eq!(confirmed.json["status"], "confirmed");
    }
    let reason = json!({"reason": "rain"});
    let path = format!("/v1/admin/events/{EVENT}/cancel");
    let asked = process.admin.call(Method::POST, &path).bearer(&token("root", "admin")).json(&reason).send().await;
    asked.expect(202);
    process.kill();

    let mut before = 0;
    for round in 1..=3 {
        let process = Process::start_with(dir.path(), &slow).await;
        let wanted = ORDERS as i64 * round / 5;
        eventually("some more are refunded", async || {
            admin(&process, Method::GET, "/cancel").await["refunded"].as_i64() >= Some(wanted.max(before + 1))
        })
        .await;
        before = admin(&process, Method::GET, "/cancel").await["refunded"].as_i64().expect("a number");
        assert!(before < ORDERS as i64, "round {round}: the kill is to come in the middle");
        process.kill();
    }

    let process = Process::start(dir.path()).await;
    eventually("all are refunded", async || admin(&process, Method::GET, "/cancel").await["state"] == "done").await;
    let end = admin(&process, Method::GET, "/cancel").await;
    let counts = ["orders", "refunded", "failed", "unpaid", "held"].map(|field| end[field].as_i64());
    assert_eq!(counts, [Some(ORDERS as i64), Some(ORDERS as i64), Some(0), Some(0), Some(0)], "{end}");
    for (user, order) in &orders {
        let get = async |path: String| process.public.get(&path).bearer(&token(user, "")).send().await.expect(200).json;
        let seen = get(format!("/v1/orders/{order}")).await;
        assert_eq!((&seen["status"], &seen["payment"]["cancelled"]), (&json!("refunded"), &json!(CASH)), "{seen}");
        let refunds = get(format!("/v1/orders/{order}/refunds")).await;
        assert_eq!(refunds["items"].as_array().map(Vec::len), Some(1), "{refunds}");
    }
    let report = process.admin.call(Method::GET, "/v1/admin/audit").bearer(&token("root", "admin")).send().await;
    assert_eq!(report.expect(200).json["ok"], true);
    assert_eq!(process.terminate(), Some(0));
}
