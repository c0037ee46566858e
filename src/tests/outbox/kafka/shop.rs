//! What Kafka is told of a sale, beside what a webhook is told of it.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::cluster::{Cluster, PREFIX};
use crate::outbox::endpoint::Endpoint;
use crate::outbox::shop::subscribe;
use crate::purchase::support::{Buyer, on_both_stores};
use crate::support::gateway::{Gateway, Store, eventually, small_hall, unique};

async fn kafka_is_told_what_a_webhook_is_told(store: Store) {
    let (cluster, endpoint) = (Cluster::start(), Endpoint::open().await);
    let brokers = cluster.brokers();
    let gateway = Gateway::start_with(store, |config| {
        config.outbox.allow_private = true;
        config.outbox.kafka.brokers = brokers;
        config.outbox.kafka.prefix = PREFIX.to_owned();
    })
    .await;
    subscribe(&gateway, "crm", &endpoint, &["*"]).await;
    let (event, campaign) = (unique("hall"), unique("spring"));
    gateway.put_event(&event, &small_hall()).await;
    gateway.grant("kim", 1_000).await;
    let spec = json!({
        "name": "Spring", "kind": "fixed", "amount": 500, "stock": 5, "per_user": 1,
        "expires_at": "2035-01-01T00:00:00Z", "funded_by": "platform",
    });
    gateway.put_campaign(&campaign, &spec).await;
    let kim = Buyer::enter(&gateway, &event, "kim").await;
    let claim = kim.post(&format!("/v1/coupons/{campaign}/claims"), &json!({})).send().await.expect(201).text("id");
    let hold = kim.hold(&["a-1-1", "a-1-2"]).await;
    let ask = json!({"coupon": claim, "points": 1_000, "payment": {"provider": "sandbox", "key": "ok"}});
    let order = kim.order_call(&hold, ask).send().await.expect(202).text("id");
    gateway.concluded("kim", &order).await;
    kim.refund_call(&order, 1).send().await.expect(202);
    let last = |kinds: Vec<String>| kinds.iter().any(|kind| kind == "refund.done");
    eventually("both are told all", async || {
        let room = endpoint.kinds(&event).iter().any(|kind| kind == "room.opened");
        room && last(cluster.kinds(&order))
            && last(endpoint.kinds(&order))
            && cluster.read_all().len() == endpoint.came().len()
    })
    .await;

    let came: BTreeMap<String, Value> = endpoint.came().into_iter().map(|one| (one.id, one.notice)).collect();
    let read = cluster.read_all();
    assert_eq!(read.len(), came.len(), "each once");
    for message in &read {
        let notice = &came[message.id()];
        assert_eq!(message.value, notice["data"], "the value is the data alone");
        let mut headers: BTreeMap<String, String> = message.headers.clone();
        assert_eq!(headers.remove("content-type").as_deref(), Some("application/json"));
        let attributes: BTreeMap<String, String> = notice
            .as_object()
            .expect("an envelope")
            .iter()
            .filter(|(name, _)| !["data", "datacontenttype"].contains(&name.as_str()))
            .map(|(name, value)| (format!("ce_{name}"), value.as_str().expect("a text").to_owned()))
            .collect();
        assert_eq!(headers, attributes, "every attribute is a header");
        assert_eq!(message.key, headers["ce_partitionkey"]);
    }
    let topics: BTreeMap<&str, BTreeSet<&str>> = read.iter().fold(BTreeMap::new(), |mut topics, message| {
        let noun = message.kind().split('.').next().expect("a noun");
        topics.entry(message.topic.as_str()).or_insert_with(BTreeSet::new).insert(noun);
        topics
    });
    let wanted = [
        ("coupons.v1", BTreeSet::from(["coupon"])),
        ("events.v1", BTreeSet::from(["event", "room"])),
        ("orders.v1", BTreeSet::from(["order", "ticket", "refund"])),
        ("points.v1", BTreeSet::from(["points"])),
    ];
    assert_eq!(topics, BTreeMap::from(wanted));
    for (noun, key) in [("orders.v1", &order), ("events.v1", &event), ("points.v1", &"kim".to_owned())] {
        let keys: BTreeSet<&String> = read.iter().filter(|one| one.topic == noun).map(|one| &one.key).collect();
        assert_eq!(keys, BTreeSet::from([key]), "{noun}");
    }
    assert_eq!(cluster.repeats(), 0);
    the_office_sees_what_became_of_them(&gateway, read.len()).await;
    gateway.stop().await;
}

async fn the_office_sees_what_became_of_them(gateway: &Gateway, told: usize) {
    let call = |method, rest: &str| gateway.admin_call(method, &format!("/v1/admin/webhooks{rest}"));
    let path = "/@kafka/deliveries?state=delivered&limit=100";
    eventually("the ledger knows", async || {
        call(Method::GET, path).send().await.expect(200).json["items"].as_array().expect("a list").len() == told
    })
    .await;
    // It is no webhook.
    let names = call(Method::GET, "").send().await.expect(200).json["items"].clone();
    assert_eq!(names.as_array().expect("a list").iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["crm"]);
    let spec = json!({"url": "https://crm.example.org/hook", "types": ["*"]});
    call(Method::GET, "/@kafka").send().await.expect_code(404, "NOT_FOUND");
    call(Method::PUT, "/@kafka").json(&spec).send().await.expect_code(404, "NOT_FOUND");
    call(Method::DELETE, "/@kafka").send().await.expect_code(404, "NOT_FOUND");
    call(Method::POST, "/@kafka/test").send().await.expect_code(404, "NOT_FOUND");
    let text = gateway.admin.get("/metrics").send().await.expect(200).body;
    let text = String::from_utf8(text.to_vec()).expect("text");
    let counted = |series: &str| text.lines().any(|line| line.strip_prefix(series).is_some_and(|rest| rest != " 0"));
    assert!(counted("stanchion_outbox_deliveries_total{to=\"kafka\",outcome=\"delivered\"}"), "{text}");
    assert!(counted("stanchion_outbox_attempt_seconds_count{to=\"kafka\"}"), "{text}");
}

on_both_stores!(kafka_is_told_what_a_webhook_is_told);
