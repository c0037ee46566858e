//! What providers paid out and kept: booked once, whatever is repeated, and balanced.

use http::Method;
use serde_json::{Value, json};

use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::client::Answer;
use crate::support::gateway::{Gateway, Store, small_hall};

on_both_stores!(a_payout_is_booked_once);

async fn book(gateway: &Gateway, provider: &str, body: Value) -> Answer {
    gateway.admin_call(Method::POST, &format!("/v1/admin/providers/{provider}/payouts")).json(&body).send().await
}

async fn listed(gateway: &Gateway, rest: &str) -> Value {
    gateway.admin_call(Method::GET, &format!("/v1/admin/providers/sandbox/payouts{rest}")).send().await.expect(200).json
}

async fn a_payout_is_booked_once(store: Store) {
    let gateway = Gateway::start(store).await;
    gateway.put_event("hall", &small_hall()).await;
    let first = json!({"reference": "2026-11-20", "amount": 53_000, "fee": 2_000});
    // Nobody has paid yet, so this may well be a name that was mistyped.
    book(&gateway, "sandbox", first.clone()).await.expect_code(404, "NOT_FOUND");
    let kim = Buyer::enter(&gateway, "hall", "kim").await;
    kim.buy(&kim.hold(&["a-1-1"]).await, "ok").await;

    let faulty = [
        json!({"amount": 1, "fee": 1}),
        json!({"reference": "", "amount": 1, "fee": 1}),
        json!({"reference": "x".repeat(49), "amount": 1, "fee": 1}),
        json!({"reference": "a\nb", "amount": 1, "fee": 1}),
        json!({"reference": "a", "amount": 0, "fee": 0}),
        json!({"reference": "a", "amount": 1_000_000_000_001_i64, "fee": 0}),
        json!({"reference": "a", "amount": 0, "fee": -1_000_000_000_001_i64}),
    ];
    for faulty in faulty {
        book(&gateway, "sandbox", faulty).await.expect_code(400, "VALIDATION");
    }
    let booked = book(&gateway, "sandbox", first.clone()).await.expect(201).json;
    let mut told = booked.clone();
    assert!(told.as_object_mut().expect("an object").remove("booked_at").is_some_and(|at| at.is_string()));
    assert_eq!(
        told,
        json!({"provider": "sandbox", "reference": "2026-11-20", "amount": 53_000, "fee": 2_000, "currency": "KRW"})
    );
    assert_eq!(book(&gateway, "sandbox", first).await.expect(200).json, booked, "a repeat changes nothing");
    let other = json!({"reference": "2026-11-20", "amount": 53_000, "fee": 2_001});
    book(&gateway, "sandbox", other).await.expect_code(409, "PAYOUT_DIFFERS");
    let strange = json!({"reference": "2026-11-20", "amount": 1, "fee": 1});
    book(&gateway, "sandbo", strange).await.expect_code(404, "NOT_FOUND");
    // Two at once: one of them is first.
    let clawed = json!({"reference": "2026-11-21.paid_out", "amount": -500, "fee": 500});
    let (one, two) = tokio::join!(book(&gateway, "sandbox", clawed.clone()), book(&gateway, "sandbox", clawed));
    let mut codes = [one.status.as_u16(), two.status.as_u16()];
    codes.sort_unstable();
    assert_eq!((codes, &one.json), ([200, 201], &two.json));
    // The longest reference fits its column, whatever its characters.
    let longest = "월".repeat(48);
    book(&gateway, "sandbox", json!({"reference": longest, "amount": 0, "fee": 7})).await.expect(201);

    let page = listed(&gateway, "?limit=2").await;
    assert_eq!(page["items"], json!([booked, one.json]));
    let next = page["next"].as_str().expect("one more");
    let rest = listed(&gateway, &format!("?limit=2&after={next}")).await;
    assert_eq!((&rest["items"][0]["reference"], &rest["next"]), (&json!(longest), &json!(null)));
    assert_eq!((&rest["items"][0]["amount"], &rest["items"][0]["fee"]), (&json!(0), &json!(7)));
    let audit = gateway.admin_call(Method::GET, "/v1/admin/audit").send().await.expect(200).json;
    assert_eq!(audit["ok"], json!(true), "{audit}");
    gateway.stop().await;
}
