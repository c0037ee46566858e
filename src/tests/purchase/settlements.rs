//! What an organizer is owed: from the sale to the payment, through the API.

use http::Method;
use serde_json::{Value, json};
use stanchion::facts::period::Period;

use crate::outbox::endpoint::{Endpoint, SECRET};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::client::{Answer, Call};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

on_both_stores!(a_month_is_settled);

const ZONE: &str = "Asia/Seoul";

fn call(gateway: &Gateway, method: Method, rest: &str) -> Call {
    gateway.admin_call(method, &format!("/v1/admin/organizers/hall-co/settlements{rest}"))
}

async fn close(gateway: &Gateway, month: &str, body: Value) -> Answer {
    call(gateway, Method::POST, &format!("/{month}/close")).json(&body).send().await
}

/// The rows of a settlement's CSV, by heading.
async fn csv(gateway: &Gateway, month: &str) -> Vec<Value> {
    let answer = call(gateway, Method::GET, &format!("/{month}")).header("accept", "text/csv").send().await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv"));
    assert_eq!(answer.header("content-disposition"), Some(&*format!("attachment; filename=\"hall-co-{month}.csv\"")));
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    let headings = reader.headers().expect("headings").clone();
    let object =
        |row: csv::StringRecord| headings.iter().zip(&row).map(|(key, cell)| (key.into(), cell.into())).collect();
    reader.records().map(|row| Value::Object(object(row.expect("a row")))).collect()
}

fn amounts(settlement: &Value) -> Vec<i64> {
    let fields = ["tickets", "coupons", "platform_fee", "cancellation_fees", "amount"];
    fields
        .map(|field| settlement[field].as_i64().or_else(|| settlement[field].as_str()?.parse().ok()).expect("a number"))
        .into()
}

async fn a_month_is_settled(store: Store) {
    let gateway = Gateway::start_with(store, |config| {
        config.outbox.allow_private = true;
        config.money.zone = ZONE.into();
    })
    .await;
    let endpoint = Endpoint::open().await;
    let webhook = json!({"url": format!("{}/hook", endpoint.url), "secret": SECRET, "types": ["settlement.*"]});
    gateway.admin_call(Method::PUT, "/v1/admin/webhooks/erp").json(&webhook).send().await.expect(201);
    let mut hall = small_hall();
    hall["fee_bp"] = json!(500);
    hall["booking_fee"] = json!({"amount": 2_000, "refundable": "never"});
    hall["cancellation_fees"] = json!([{"days_before": 0, "fee_bp": 1_000}]);
    gateway.put_event("hall", &hall).await;
    let coupon = json!({"name": "Ten", "kind": "percent", "percent_bp": 1_000, "max_discount": 10_000, "stock": 9,
        "funded_by": "organizer"});
    gateway.put_campaign("ten", &coupon).await;
    assert_eq!(call(&gateway, Method::GET, "").send().await.expect(200).json["items"], json!([]));

    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    kim.post("/v1/coupons/ten/claims", &json!({})).send().await.expect(201);
    let paid = json!({"coupon": "best", "payment": {"provider": "sandbox", "key": "ok"}});
    let order = kim.order_call(&kim.hold(&["a-1-1", "a-1-2"]).await, paid).send().await.expect(202).text("id");
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
    let refund = kim.refund_call(&order, 1).send().await.expect(202).text("id");
    eventually("the money is back", async || {
        kim.get(&format!("/v1/orders/{order}")).send().await.json["status"] == "partially_refunded"
    })
    .await;

    // The month of the sale; a run over its end may put the refund into the next one.
    let month = Period::of(gateway.clock.now_ms(), ZONE);
    let open = call(&gateway, Method::GET, &format!("/{month}")).send().await.expect(200).json;
    assert_eq!((&open["state"], &open["entries"], &open["currency"]), (&json!("open"), &json!(2), &json!("KRW")));
    // Two tickets of 55,000 with 10,000 off at the organizer's cost; one of them back, less a tenth of what it cost.
    assert_eq!(amounts(&open), [55_000, -5_000, -2_500, 5_000, 52_500]);
    let rows = csv(&gateway, &month.to_string()).await;
    assert_eq!(amounts(&rows[0]), [110_000, -10_000, -5_000, 0, 95_000]);
    assert_eq!(amounts(&rows[1]), [-55_000, 5_000, 2_500, 5_000, -42_500]);
    assert_eq!((&rows[0]["kind"], &rows[0]["order"], &rows[0]["refund"]), (&json!("sale"), &json!(order), &json!("")));
    assert_eq!(
        (&rows[1]["kind"], &rows[1]["refund"], &rows[1]["event"]),
        (&json!("refund"), &json!(refund), &json!("hall"))
    );

    let month = month.to_string();
    let paid = async |reference: Value| {
        call(&gateway, Method::POST, &format!("/{month}/paid")).json(&json!({ "reference": reference })).send().await
    };
    close(&gateway, &month, json!({})).await.expect_code(409, "PERIOD_NOT_OVER");
    close(&gateway, &month, json!({"early": "yes"})).await.expect_code(400, "VALIDATION");
    paid(json!("T-1")).await.expect_code(409, "SETTLEMENT_NOT_CLOSED");
    let closed = close(&gateway, &month, json!({"early": true})).await.expect(200).json;
    assert_eq!(
        (&closed["state"], &closed["early"], amounts(&closed)),
        (&json!("closed"), &json!(true), amounts(&open))
    );
    assert_eq!(close(&gateway, &month, json!({})).await.expect(200).json, closed, "a repeat changes nothing");
    assert_eq!(csv(&gateway, &month).await, rows);
    for bad in [json!(""), json!("a\nb"), json!("x".repeat(201)), json!(5)] {
        paid(bad).await.expect_code(400, "VALIDATION");
    }
    let settled = paid(json!("T-1")).await.expect(200).json;
    assert_eq!((&settled["state"], &settled["reference"]), (&json!("paid"), &json!("T-1")));
    assert_eq!(paid(json!("T-1")).await.expect(200).json, settled);
    paid(json!("T-2")).await.expect_code(409, "SETTLEMENT_PAID");

    // What comes after goes into the next month, which cannot be closed before it begins.
    let lee = Buyer::enter(&gateway, "hall", "lee").await;
    lee.buy(&lee.hold(&["a-2-1"]).await, "ok").await;
    let next = Period::parse(&month).expect("a month").next().to_string();
    let listed = call(&gateway, Method::GET, "").send().await.expect(200).json["items"].clone();
    assert_eq!(listed[1], settled);
    assert_eq!((&listed[0]["period"], &listed[0]["entries"]), (&json!(next), &json!(1)));
    assert_eq!(csv(&gateway, &next).await[0]["month"], json!(month), "an entry says when it was booked");
    close(&gateway, &next, json!({"early": true})).await.expect_code(409, "PERIOD_NOT_OVER");

    for missing in ["/2020-01", "/november", "/2026-13"] {
        call(&gateway, Method::GET, missing).send().await.expect_code(404, "NOT_FOUND");
    }
    let nobody = gateway.admin_call(Method::GET, &format!("/v1/admin/organizers/nobody/settlements/{month}"));
    nobody.send().await.expect_code(404, "NOT_FOUND");
    let shouted = gateway.admin_call(Method::GET, "/v1/admin/organizers/HALL/settlements").send().await;
    shouted.expect_code(404, "NOT_FOUND");
    eventually("both are told", async || endpoint.kinds("hall-co") == ["settlement.closed", "settlement.paid"]).await;
    let told = endpoint.first_arrivals()["hall-co"].clone();
    assert_eq!((&told[0].notice["data"], &told[1].notice["data"]), (&closed, &settled));
    let audit = gateway.admin_call(Method::GET, "/v1/admin/audit").send().await.expect(200).json;
    assert_eq!(audit["ok"], json!(true), "{audit}");
    gateway.stop().await;
}
