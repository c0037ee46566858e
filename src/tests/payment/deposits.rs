//! A whole gateway that takes deposits: from the account to the refund.

use http::Method;
use serde_json::{Value, json};

use super::house::{Shop, pay, shop, shop_with};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::foreign::Mood;
use crate::support::gateway::{Store, eventually};

/// 32 bytes.
const ACCOUNT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A house that takes deposits, each for so long.
async fn bank(store: Store, ttl_s: i64) -> Shop {
    shop_with(store, |config| {
        config.payment.account_key = ACCOUNT_KEY.into();
        config.payment.deposit_ttl_s = ttl_s;
    })
    .await
}

async fn pay_in(buyer: &Buyer<'_>, order: &str, provider: &str, key: &str) -> Value {
    let body = json!({"provider": provider, "method": "deposit", "key": key, "amount": 110_000});
    buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    buyer.gateway.concluded(&buyer.user, order).await
}

/// Waits until an order or a refund has this status, and returns it.
async fn becomes(buyer: &Buyer<'_>, path: &str, status: &str) -> Value {
    let last = std::sync::Mutex::new(Value::Null);
    eventually(&format!("{path} is {status}"), async || {
        let json = buyer.get(path).send().await.expect(200).json;
        let is_it = json["status"] == status;
        *last.lock().expect("one task") = json;
        is_it
    })
    .await;
    last.into_inner().expect("one task")
}

/// What Toss Payments sends about a deposit: it names the order outside of any `data`.
async fn told(shop: &Shop, order: &str, status: &str) {
    let about = json!({
        "createdAt": "2026-11-30T10:00:00.000000", "secret": "ps_x", "status": status, "transactionKey": "t", "orderId": order,
    });
    shop.gateway.public.post("/v1/webhooks/toss").json(&about).send().await.expect(200);
}

fn ticket_states(order: &Value) -> Vec<&Value> {
    order["lines"].as_array().expect("lines").iter().map(|line| &line["ticket"]["state"]).collect()
}

async fn a_deposit_comes_is_taken_back_comes_again_and_is_refunded(store: Store) {
    let shop = bank(store, 3_600).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    let key = shop.toss.contract.open_account(&order, 110_000);
    // The answer with the account is lost.
    shop.toss.next("/confirm", Mood::SilentAfter);
    let waiting = pay_in(&buyer, &order, "toss", &key).await;
    assert_eq!(waiting["status"], "awaiting_deposit");
    assert_eq!(waiting["deposit"]["account"], "X6505636518308");
    assert_eq!(waiting["deposit"]["expires_at"], waiting["expires_at"]);
    assert_eq!(waiting["payment"]["status"], "awaiting");
    assert!(waiting["expires_in_s"].as_i64().is_some_and(|left_s| (3_500..=3_600).contains(&left_s)), "{waiting}");
    let open = shop.gateway.admin_call(Method::GET, "/v1/admin/payments").send().await.expect(200).json;
    assert_eq!(open["items"][0]["waits_for"], "the deposit of its buyer");
    let path = format!("/v1/orders/{order}");
    let body = json!({"provider": "toss", "key": "again", "amount": 110_000});
    buyer.post(&format!("{path}/payment"), &body).send().await.expect_code(409, "NOT_PAYABLE");

    shop.toss.contract.set(&key, "DONE");
    told(&shop, &order, "DONE").await;
    let paid = becomes(&buyer, &path, "confirmed").await;
    assert_eq!((&paid["deposit"], &paid["expires_at"]), (&Value::Null, &Value::Null));
    assert_eq!(ticket_states(&paid), ["valid", "valid"]);

    shop.toss.contract.set(&key, "WAITING_FOR_DEPOSIT");
    told(&shop, &order, "WAITING_FOR_DEPOSIT").await;
    let undone = becomes(&buyer, &path, "awaiting_deposit").await;
    assert_eq!(ticket_states(&undone), ["suspended", "suspended"]);
    assert_eq!(undone["expires_at"], waiting["expires_at"], "the deadline as it was");
    buyer.refund_call(&order, 1).send().await.expect_code(409, "NOT_REFUNDABLE");

    shop.toss.contract.set(&key, "DONE");
    told(&shop, &order, "DONE").await;
    assert_eq!(ticket_states(&becomes(&buyer, &path, "confirmed").await), ["valid", "valid"]);

    let refund = buyer.refund_call(&order, 1).send().await.expect(202).text("id");
    let refund_path = format!("{path}/refunds/{refund}");
    becomes(&buyer, &refund_path, "awaiting_account").await;
    let open = shop.gateway.admin_call(Method::GET, "/v1/admin/payments").send().await.expect(200).json;
    let of = |item: &Value| (item["kind"].clone(), item["waits_for"].clone(), item["due_at"].clone());
    assert_eq!(of(&open["items"][0]), (json!("refund"), json!("the account of its buyer"), Value::Null));

    let name = |number: &str| {
        let body = json!({"bank": "20", "number": number, "holder": "Kim"});
        buyer.post(&format!("{refund_path}/account"), &body)
    };
    name("12-34").send().await.expect_code(400, "VALIDATION");
    let lee = Buyer::enter(&shop.gateway, "hall", "lee").await;
    let body = json!({"bank": "20", "number": "7777777", "holder": "Lee"});
    lee.post(&format!("{refund_path}/account"), &body).send().await.expect_code(403, "NOT_OWNER");
    let elsewhere = format!("{path}/refunds/r039f86d081884c7d659a2feaa0c55ad01/account");
    buyer.post(&elsewhere, &body).send().await.expect_code(404, "NOT_FOUND");
    // The bank knows no such account.
    assert_eq!(name("012-3456").send().await.expect(202).json["status"], "sent");
    eventually("Toss refuses the account", async || {
        let refund = buyer.get(&refund_path).send().await.expect(200).json;
        refund["status"] == "awaiting_account"
            && refund["reason"].as_str().is_some_and(|why| why.contains("ACCOUNT_NUMBER"))
    })
    .await;
    assert_eq!(shop.toss.contract.cancelled(&key), 0);

    shop.toss.next("/cancel", Mood::SilentAfter);
    name("123-4567").send().await.expect(202);
    let repeat = name("1234567").send().await;
    assert!([202, 409].contains(&repeat.status.as_u16()), "safe, or over already: {}", repeat.json);
    becomes(&buyer, &refund_path, "done").await;
    name("123-4567").send().await.expect_code(409, "ACCOUNT_NOT_AWAITED");
    assert_eq!((shop.toss.contract.cancelled(&key), shop.toss.contract.went_to(&key).len()), (55_000, 1));
    assert_eq!(shop.toss.contract.went_to(&key)[0]["accountNumber"], "1234567");
    becomes(&buyer, &path, "partially_refunded").await;
}

async fn an_account_is_closed_when_its_buyer_goes(store: Store) {
    let shop = bank(store, 3_600).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    shop.portone.contract.account(&order, 110_000);
    let waiting = pay_in(&buyer, &order, "portone", &order).await;
    assert_eq!((&waiting["status"], &waiting["deposit"]["bank"]), (&json!("awaiting_deposit"), &json!("SHINHAN")));
    buyer.delete(&format!("/v1/orders/{order}")).send().await.expect(202);
    let gone = becomes(&buyer, &format!("/v1/orders/{order}"), "rejected").await;
    assert_eq!(gone["reason"], "CANCELLED");
    eventually("the account is closed", async || shop.portone.contract.status(&order) == "CANCELLED").await;
    assert!(shop.portone.contract.went_to(&order).is_empty());
    buyer.hold(&["a-1-1", "a-1-2"]).await;
}

async fn a_deposit_that_does_not_come_frees_the_seats(store: Store) {
    let shop = bank(store, 2).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    let key = shop.toss.contract.open_account(&order, 110_000);
    pay_in(&buyer, &order, "toss", &key).await;
    let over = becomes(&buyer, &format!("/v1/orders/{order}"), "rejected").await;
    assert_eq!(over["reason"], "PAYMENT_EXPIRED");
    assert_eq!(shop.toss.contract.status(&key), "CANCELED", "nobody can pay in any more");
    buyer.hold(&["a-1-1", "a-1-2"]).await;
}

on_both_stores!(
    a_deposit_comes_is_taken_back_comes_again_and_is_refunded,
    an_account_is_closed_when_its_buyer_goes,
    a_deposit_that_does_not_come_frees_the_seats,
);

/// Money that comes when nobody waits for it any more goes back, as soon as the buyer has said where.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_comes_too_late_goes_back() {
    let shop = bank(Store::Embedded, 3_600).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    let key = shop.toss.contract.open_account(&order, 110_000);
    pay_in(&buyer, &order, "toss", &key).await;
    shop.toss.contract.set(&key, "DONE");
    buyer.delete(&format!("/v1/orders/{order}")).send().await.expect(202);
    let path = format!("/v1/orders/{order}");
    let gone = becomes(&buyer, &path, "rejected").await;
    assert_eq!(gone["reason"], "CANCELLED");
    let refunds = async || buyer.get(&format!("{path}/refunds")).send().await.expect(200).json["items"].clone();
    eventually("the money is noticed", async || refunds().await[0]["status"] == "awaiting_account").await;
    let refund_path = format!("{path}/refunds/{}", refunds().await[0]["id"].as_str().expect("an id"));
    let body = json!({"bank": "20", "number": "1234567", "holder": "Kim"});
    buyer.post(&format!("{refund_path}/account"), &body).send().await.expect(202);
    becomes(&buyer, &refund_path, "done").await;
    assert_eq!(shop.toss.contract.cancelled(&key), 110_000);
}

/// A cancelled event waits for the accounts of those who paid by deposit, and says for how many.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_event_waits_for_accounts() {
    let shop = bank(Store::Embedded, 3_600).await;
    let mut bought = Vec::new();
    for user in ["kim", "lee"] {
        let buyer = Buyer::enter(&shop.gateway, "hall", user).await;
        let hold = buyer.hold_call(&json!({"section": "a", "quantity": 2})).send().await.expect(201).text("id");
        let order = buyer.order_unpaid(&hold).await;
        let key = shop.toss.contract.open_account(&order, 110_000);
        pay_in(&buyer, &order, "toss", &key).await;
        bought.push((buyer, order, key));
    }
    let (kim, paid, key) = &bought[0];
    shop.toss.contract.set(key, "DONE");
    told(&shop, paid, "DONE").await;
    becomes(kim, &format!("/v1/orders/{paid}"), "confirmed").await;
    let path = "/v1/admin/events/hall/cancel";
    let reason = json!({"reason": "rain"});
    shop.gateway.admin_call(Method::POST, path).json(&reason).send().await.expect(202);
    let progress = async || shop.gateway.admin_call(Method::GET, path).send().await.expect(200).json;
    eventually("one waits for an account", async || progress().await["waiting_for_account"] == 1).await;
    let (lee, unpaid, closed) = &bought[1];
    becomes(lee, &format!("/v1/orders/{unpaid}"), "rejected").await;
    eventually("the other's account is closed", async || shop.toss.contract.status(closed) == "CANCELED").await;
    assert_eq!(progress().await["state"], "running");
    let refunds = kim.get(&format!("/v1/orders/{paid}/refunds")).send().await.expect(200).json;
    let refund = refunds["items"][0]["id"].as_str().expect("an id");
    let body = json!({"bank": "20", "number": "1234567", "holder": "Kim"});
    kim.post(&format!("/v1/orders/{paid}/refunds/{refund}/account"), &body).send().await.expect(202);
    eventually("it is over", async || progress().await["state"] == "done").await;
    assert_eq!(progress().await["refunded"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_says_which_deposits_it_takes() {
    let shop_without = shop(Store::Embedded).await;
    let buyer = Buyer::enter(&shop_without.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1"]).await).await;
    let body = json!({"provider": "toss", "method": "deposit", "key": "k", "amount": 55_000});
    let refused = buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await;
    refused.expect_code(409, "PROVIDER_NOT_ALLOWED");
    // Where a card was asked for and the provider gives an account all the same, the account is closed.
    let key = shop_without.toss.contract.open_account(&order, 55_000);
    assert_eq!(pay(&buyer, &order, "toss", &key, 55_000).await["status"], "pending_payment");
    assert_eq!(shop_without.toss.contract.status(&key), "CANCELED");

    let shop = bank(Store::Embedded, 3_600).await;
    let put = shop.gateway.admin_call(Method::PUT, "/v1/admin/events/hall");
    put.json(&json!({"deposit_until": "2026-01-01T00:00:00Z"})).send().await.expect(200);
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1"]).await).await;
    let refused = buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await;
    refused.expect_code(409, "DEPOSIT_CLOSED");
    let put = shop.gateway.admin_call(Method::PUT, "/v1/admin/events/hall");
    put.json(&json!({"deposit_until": "2040-01-01T00:00:00Z"})).send().await.expect_code(400, "VALIDATION");
}
