//! A whole gateway that sells with Toss Payments and PortOne: order, payment, refund.

use serde_json::{Value, json};
use stanchion::config::Config;

use super::server::{Mood, Server};
use super::{portone, toss};
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

struct Shop {
    gateway: Gateway,
    toss: Server<toss::Toss>,
    portone: Server<portone::Portone>,
}

async fn shop(store: Store) -> Shop {
    let (toss, portone) = (toss::start().await, portone::start().await);
    let (toss_url, portone_url) = (toss.url.clone(), portone.url.clone());
    let change = |config: &mut Config| {
        config.payment.providers = vec!["toss".into(), "portone".into()];
        config.payment.toss.secret_key = toss::SECRET_KEY.into();
        config.payment.toss.base_url = toss_url;
        config.payment.portone.secret = portone::SECRET.into();
        config.payment.portone.store_id = portone::STORE.into();
        config.payment.portone.base_url = portone_url;
    };
    let gateway = Gateway::start_with(store, change).await;
    gateway.put_event("hall", &small_hall()).await;
    Shop { gateway, toss, portone }
}

async fn pay(buyer: &Buyer<'_>, order: &str, provider: &str, key: &str, amount: i64) -> Value {
    let body = json!({"provider": provider, "key": key, "amount": amount});
    buyer.post(&format!("/v1/orders/{order}/payment"), &body).send().await.expect(202);
    buyer.gateway.concluded(&buyer.user, order).await
}

async fn refunded(buyer: &Buyer<'_>, order: &str, line: u32) -> Value {
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
    // The second attempt is done and not answered.
    let key = shop.toss.contract.open(&order, 110_000);
    shop.toss.next("/confirm", Mood::SilentAfter);
    assert_eq!(pay(&buyer, &order, "toss", &key, 110_000).await["status"], "confirmed");
    assert_eq!((shop.toss.contract.status(&declined), shop.toss.contract.status(&key)), ("IN_PROGRESS", "DONE"));
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
    // Who pays another amount has it back.
    let buyer = Buyer::enter(&shop.gateway, "hall", "park").await;
    let order = buyer.order_unpaid(&buyer.hold(&["a-1-3"]).await).await;
    shop.portone.contract.set(&order, 100, "PAID");
    assert_eq!(pay(&buyer, &order, "portone", &order, 55_000).await["status"], "pending_payment");
    assert_eq!(shop.portone.contract.cancelled(&order), 100);
}

on_both_stores!(a_seat_is_paid_and_given_back_through_toss, a_seat_is_paid_and_given_back_through_portone);

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
