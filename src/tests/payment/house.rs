//! A whole gateway that sells with Toss Payments and PortOne: order, payment, refund.

use http::Method;
use serde_json::{Value, json};
use stanchion::config::Config;

use super::{portone, toss};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::foreign::{Mood, Server};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

pub struct Shop {
    pub gateway: Gateway,
    pub toss: Server<toss::Toss>,
    pub portone: Server<portone::Portone>,
}

pub async fn shop(store: Store) -> Shop {
    shop_with(store, |_| ()).await
}

pub async fn shop_with(store: Store, more: impl FnOnce(&mut Config)) -> Shop {
    let (toss, portone) = (toss::start().await, portone::start().await);
    let (toss_url, portone_url) = (toss.url.clone(), portone.url.clone());
    let change = |config: &mut Config| {
        config.payment.providers = vec!["toss".into(), "portone".into()];
        config.payment.toss.secret_key = toss::SECRET_KEY.into();
        config.payment.toss.base_url = toss_url;
        config.payment.portone.secret = portone::SECRET.into();
        config.payment.portone.webhook_secret = portone::WEBHOOK_SECRET.into();
        config.payment.portone.store_id = portone::STORE.into();
        config.payment.portone.base_url = portone_url;
        more(config);
    };
    let gateway = Gateway::start_with(store, change).await;
    gateway.put_event("hall", &small_hall()).await;
    Shop { gateway, toss, portone }
}

pub async fn pay(buyer: &Buyer<'_>, order: &str, provider: &str, key: &str, amount: i64) -> Value {
    let body = json!({"provider": provider, "key": key, "amount": amount});
    buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    buyer.gateway.concluded(&buyer.user, order).await
}

pub async fn refunded(buyer: &Buyer<'_>, order: &str, line: u32) -> Value {
    let refund = buyer.refund_call(order, line).send().await.expect(202).text("id");
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    let last = std::sync::Mutex::new(Value::Null);
    eventually("the refund is done or refused", async || {
        let answer = buyer.get(&path).send().await.expect(200);
        let is_over = answer.json["status"] == "done" || answer.json["status"] == "failed";
        *last.lock().expect("one task") = answer.json;
        is_over
    })
    .await;
    last.into_inner().expect("one task")
}

async fn a_seat_is_paid_and_given_back_through_toss(store: Store) {
    let shop = shop(store).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    let declined = shop.toss.contract.open(&order, 110_000);
    shop.toss.next("/confirm", Mood::Says(403, json!({"code": "REJECT_CARD_PAYMENT", "message": "한도"})));
    assert_eq!(pay(&buyer, &order, "toss", &declined, 110_000).await["status"], "pending_payment");
    // A webhook about it: Toss Payments is asked once, and has nothing new.
    let about = json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order, "status": "DONE"}});
    shop.gateway.public.post("/v1/webhooks/toss").json(&about).send().await.expect(200);
    shop.toss.contract.fail(&declined, "REJECT_CARD_PAYMENT", "한도");
    eventually("Toss is asked", async || shop.toss.calls(&declined) > 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(shop.toss.calls(&declined) <= 2, "a hint is looked at once");
    // The second attempt is done and not answered.
    let key = shop.toss.contract.open(&order, 110_000);
    shop.toss.next("/confirm", Mood::SilentAfter);
    assert_eq!(pay(&buyer, &order, "toss", &key, 110_000).await["status"], "confirmed");
    assert_eq!((shop.toss.contract.status(&declined), shop.toss.contract.status(&key)), ("ABORTED", "DONE"));
    shop.toss.next("/cancel", Mood::SilentAfter);
    assert_eq!(refunded(&buyer, &order, 1).await["status"], "done");
    assert_eq!(shop.toss.contract.cancelled(&key), 55_000);
    assert_eq!(refunded(&buyer, &order, 2).await["status"], "done");
    assert_eq!(shop.toss.contract.cancelled(&key), 110_000);
    assert_eq!(shop.gateway.concluded("kim", &order).await["status"], "refunded");
}

async fn a_seat_is_paid_and_given_back_through_portone(store: Store) {
    let shop = shop(store).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "lee").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;
    // Nothing was paid under this id.
    shop.portone.next("-1", Mood::Slow(std::time::Duration::from_millis(200)));
    assert_eq!(pay(&buyer, &order, "portone", &format!("{order}-1"), 110_000).await["status"], "pending_payment");
    let key = format!("{order}-2");
    shop.portone.contract.set(&key, 110_000, "PAID");
    shop.portone.next("-2", Mood::Page(502));
    assert_eq!(pay(&buyer, &order, "portone", &key, 110_000).await["status"], "confirmed");
    shop.portone.next("/cancel", Mood::SilentAfter);
    assert_eq!(refunded(&buyer, &order, 1).await["status"], "done");
    assert_eq!(refunded(&buyer, &order, 2).await["status"], "done");
    assert_eq!(shop.portone.contract.cancelled(&key), 110_000);
    // A payment over another amount goes back.
    let buyer = Buyer::enter(&shop.gateway, "hall", "park").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-3"]).await).await;
    shop.portone.contract.set(&order, 100, "PAID");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "pending_payment");
    assert_eq!(shop.portone.contract.cancelled(&order), 100);
}

/// A call that only a person can close stays open for as long as it takes. A cancelled event's refunds go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_waits_for_a_person_does_not_stop_a_cancellation() {
    let shop = shop_with(Store::Embedded, |config| config.payment.calls_max = 1).await;
    let mut orders = Vec::new();
    for user in ["kim", "lee"] {
        let buyer = Buyer::enter(&shop.gateway, "hall", user).await;
        let order =
            buyer.order_unpaid(&buyer.hold_call(&json!({"section": "a"})).send().await.expect(201).text("id")).await;
        let key = shop.toss.contract.open(&order, 55_000);
        assert_eq!(pay(&buyer, &order, "toss", &key, 55_000).await["status"], "confirmed");
        orders.push((buyer, order, key));
    }
    let (kim, stuck, key) = &orders[0];
    // Toss Payments forgets this payment.
    shop.toss.contract.forget(key);
    kim.refund_call(stuck, 1).send().await.expect(202);
    eventually("it waits for a person", async || {
        let open = shop.gateway.admin_call(Method::GET, "/v1/admin/payments?state=open").send().await.expect(200).json;
        open["items"][0]["waits_for"].is_string()
    })
    .await;
    let cancel = shop.gateway.admin_call(Method::POST, "/v1/admin/events/hall/cancel");
    cancel.json(&json!({"reason": "rain"})).send().await.expect(202);
    let (lee, order, _) = &orders[1];
    eventually("the other order is refunded", async || {
        lee.get(&format!("/v1/orders/{order}")).send().await.expect(200).json["status"] == "refunded"
    })
    .await;
    let path = "/v1/admin/events/hall/cancel";
    let progress = shop.gateway.admin_call(Method::GET, path).send().await.expect(200).json;
    assert_eq!((&progress["state"], &progress["refunded"]), (&json!("running"), &json!(1)), "{progress}");
}

/// Providers are told what of a refund is tax-free: all of it, or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn refunds_say_what_of_them_is_tax_free() {
    let shop = shop(Store::Embedded).await;
    for (vat_bp, free) in [(json!(0), 55_000), (json!(1_000), 0), (Value::Null, 0)] {
        let event = format!("e{free}{}", vat_bp.is_null());
        let mut hall = small_hall();
        hall["vat_bp"] = vat_bp;
        shop.gateway.put_event(&event, &hall).await;
        let buyer = Buyer::enter(&shop.gateway, &event, "kim").await;
        let order = buyer.order_unpaid(&buyer.hold(&["a-1-1"]).await).await;
        let key = shop.toss.contract.open(&order, 55_000);
        assert_eq!(pay(&buyer, &order, "toss", &key, 55_000).await["status"], "confirmed");
        assert_eq!(refunded(&buyer, &order, 1).await["status"], "done");
        assert_eq!(shop.toss.contract.tax_free(&key), [free], "{event}");

        let buyer = Buyer::enter(&shop.gateway, &event, "lee").await;
        let order = buyer.order_unpaid(&buyer.hold(&["a-1-2"]).await).await;
        shop.portone.contract.set(&order, 55_000, "PAID");
        if free > 0 {
            shop.portone.contract.set_tax_free(&order);
        }
        assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "confirmed");
        assert_eq!(refunded(&buyer, &order, 1).await["status"], "done");
        assert_eq!(shop.portone.contract.tax_free(&order), [free], "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_not_stormed_and_holds_up_nobody_else() {
    let shop = shop(Store::Embedded).await;
    let mut buyers = Vec::new();
    for at in 1..=10 {
        let buyer = Buyer::enter(&shop.gateway, "hall", &format!("u{at}")).await;
        let order = buyer.order_unpaid(&buyer.hold(&[&format!("a-1-{at}")]).await).await;
        buyers.push((buyer, order));
    }
    for _ in 0..200 {
        shop.toss.next("", Mood::Page(503));
    }
    for (buyer, order) in &buyers {
        let key = shop.toss.contract.open(order, 55_000);
        let body = json!({"provider": "toss", "key": key, "amount": 55_000});
        buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    }
    eventually("calls to Toss wait", async || shop.toss.calls("") >= 10).await;
    let other = Buyer::enter(&shop.gateway, "hall", "other").await;
    let order = other.order_unpaid(&other.hold(&["a-2-1"]).await).await;
    shop.portone.contract.set(&order, 55_000, "PAID");
    assert_eq!(pay(&other, &order, "portone", &order, 55_000).await["status"], "confirmed");
    // Ten questions of ten buyers within 13 seconds would be a hundred calls.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let calls = shop.toss.calls("");
    assert!((10..30).contains(&calls), "{calls} calls");
}

/// PortOne tells that something happened to this payment.
async fn portone_tells(gateway: &Gateway, payment: &str) -> u16 {
    let body = json!({"type": "Transaction.Paid", "timestamp": "2026-11-30T00:00:00Z", "data": {
        "paymentId": payment, "storeId": portone::STORE, "transactionId": "tx",
    }});
    let body = body.to_string().into_bytes();
    let mut call = gateway.public.post("/v1/webhooks/portone");
    for (name, value) in portone::signed("msg-1", gateway.clock.now_ms() / 1_000, &body) {
        call = call.header(name, &value);
    }
    call.bytes(body).send().await.status.as_u16()
}

async fn a_payment_made_later_is_noticed_by_its_webhook(store: Store) {
    let shop = shop(store).await;
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1"]).await).await;
    shop.portone.contract.set(&order, 55_000, "READY");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "pending_payment");
    shop.portone.contract.set(&order, 55_000, "PAID");
    assert_eq!(portone_tells(&shop.gateway, &order).await, 200);
    let status = async || buyer.get(&format!("/v1/orders/{order}")).send().await.json["status"].clone();
    eventually("the payment pays the order", async || status().await == "confirmed").await;
    // It is told again, and again.
    for _ in 0..3 {
        assert_eq!(portone_tells(&shop.gateway, &order).await, 200);
    }

    // The order is shown paid once, however often its payment is named.
    let buyer = Buyer::enter(&shop.gateway, "hall", "choi").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-3"]).await).await;
    shop.portone.contract.set(&order, 55_000, "READY");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "pending_payment");
    shop.portone.contract.set(&order, 55_000, "PAID");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "confirmed");
    let asked = shop.portone.calls(&order);
    for _ in 0..3 {
        assert_eq!(portone_tells(&shop.gateway, &order).await, 200);
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    }
    assert_eq!(shop.portone.contract.cancelled(&order), 0, "the money is the order's");
    assert_eq!(shop.portone.calls(&order), asked, "nobody is asked about what is counted");

    // A payment of an order that has ended goes back.
    let buyer = Buyer::enter(&shop.gateway, "hall", "lee").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-2"]).await).await;
    shop.portone.contract.set(&order, 55_000, "READY");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "pending_payment");
    buyer.delete(&format!("/v1/orders/{order}")).send().await.expect(202);
    let status = async || buyer.get(&format!("/v1/orders/{order}")).send().await.json["status"].clone();
    eventually("the order is cancelled", async || status().await == "rejected").await;
    shop.portone.contract.set(&order, 55_000, "PAID");
    assert_eq!(portone_tells(&shop.gateway, &order).await, 200);
    eventually("the money is back", async || shop.portone.contract.cancelled(&order) == 55_000).await;
    assert_eq!(status().await, "rejected");
}

async fn what_only_a_person_can_find_out_is_listed_and_resolved(store: Store) {
    let shop = shop(store).await;
    let admin = |method, path: &str| shop.gateway.admin_call(method, path);
    let waiting = async |state: &str| {
        let path = format!("/v1/admin/payments?state={state}");
        admin(Method::GET, &path).send().await.expect(200).json["items"].as_array().expect("a page").clone()
    };
    let waits = async |what: &str| {
        eventually(what, async || waiting("open").await.first().is_some_and(|one| one["waits_for"].is_string())).await;
        waiting("open").await.remove(0)
    };
    let resolve = async |kind: &str, id: &str, outcome: &str| {
        let path = format!("/v1/admin/{kind}/{id}/resolve");
        admin(Method::POST, &path).json(&json!({"outcome": outcome})).send().await
    };
    let refused = || Mood::Says(401, json!({"code": "UNAUTHORIZED_KEY", "message": "wrong key"}));
    let buyer = Buyer::enter(&shop.gateway, "hall", "kim").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-1", "a-1-2"]).await).await;

    let key = shop.toss.contract.open(&order, 110_000);
    shop.toss.next("/confirm", refused());
    let body = json!({"provider": "toss", "key": key, "amount": 110_000});
    buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    let open = waits("the payment waits").await;
    assert_eq!(open["waits_for"], "UNAUTHORIZED_KEY: wrong key");
    assert_eq!((&open["kind"], &open["order"], &open["key"]), (&json!("payment"), &json!(order), &json!(key)));
    assert_eq!((&open["provider"], &open["amount"], &open["user"]), (&json!("toss"), &json!(110_000), &json!("kim")));
    let id = open["id"].as_str().expect("an id").to_owned();
    resolve("payments", &id, "not_done").await.expect(204);
    assert_eq!(shop.gateway.concluded("kim", &order).await["status"], "pending_payment");
    resolve("payments", &id, "captured").await.expect_code(409, "NOT_PAYABLE");
    assert_eq!(waiting("open").await, [Value::Null; 0]);

    let key = shop.toss.contract.open(&order, 110_000);
    assert_eq!(pay(&buyer, &order, "toss", &key, 110_000).await["status"], "confirmed");
    for (line, outcome, becomes) in [(1, "refused", "failed"), (1, "done", "done")] {
        shop.toss.next("/cancel", refused());
        let refund = buyer.refund_call(&order, line).send().await.expect(202).text("id");
        let open = waits("the refund waits").await;
        assert_eq!((&open["kind"], &open["id"], &open["amount"]), (&json!("refund"), &json!(refund), &json!(55_000)));
        resolve("refunds", &refund, outcome).await.expect(204);
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        let status = async || buyer.get(&path).send().await.expect(200).json["status"].clone();
        eventually("the refund is closed", async || status().await == becomes).await;
        resolve("refunds", &refund, outcome).await.expect_code(409, "NOT_REFUNDABLE");
    }
    let failed = waiting("failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["waits_for"], "resolved by an operator");
    assert_eq!(shop.toss.contract.cancelled(&key), 0, "people did it");
    resolve("refunds", "r0", "done").await.expect_code(404, "NOT_FOUND");
    admin(Method::GET, "/v1/admin/payments?state=all").send().await.expect_code(400, "VALIDATION");
}

on_both_stores!(
    a_seat_is_paid_and_given_back_through_toss,
    a_seat_is_paid_and_given_back_through_portone,
    a_payment_made_later_is_noticed_by_its_webhook,
    what_only_a_person_can_find_out_is_listed_and_resolved,
);

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_nobody_signed_are_refused_where_they_are_signed() {
    let shop = shop(Store::Embedded).await;
    let call = |provider: &str, body: &str| {
        shop.gateway.public.post(&format!("/v1/webhooks/{provider}")).bytes(body.as_bytes().to_vec())
    };
    let unsigned = json!({"type": "Transaction.Paid", "data": {"paymentId": "o1"}}).to_string();
    call("portone", &unsigned).send().await.expect_code(400, "BAD_WEBHOOK");
    let (asked, about) =
        (shop.toss.calls(""), json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "x"}}));
    call("toss", &about.to_string()).send().await.expect(200);
    call("toss", "{}").send().await.expect(200);
    call("toss", "no JSON").send().await.expect_code(400, "BAD_WEBHOOK");
    let cut = call("toss", &" ".repeat(70_000)).send().await.expect_code(413, "BODY_TOO_LARGE");
    assert_eq!(cut.header("connection"), Some("close"), "what is left of the body is no request");
    call("sandbox", "{}").send().await.expect_code(404, "NOT_FOUND");
    call("nobody", "{}").send().await.expect_code(404, "NOT_FOUND");
    assert_eq!(shop.toss.calls(""), asked, "nobody is asked about what is not ours");
}
