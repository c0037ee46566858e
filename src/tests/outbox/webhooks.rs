//! The admin's side of webhooks, and how endpoints misbehave.

use http::Method;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, SECRET};
use super::shop::subscribe;
use crate::support::client::Call;
use crate::support::foreign::Mood;
use crate::support::gateway::{Gateway, Store, eventually, small_hall, unique};

const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn house() -> Gateway {
    Gateway::start_with(Store::Embedded, |config| config.outbox.allow_private = true).await
}

fn call(gateway: &Gateway, method: Method, rest: &str) -> Call {
    gateway.admin_call(method, &format!("/v1/admin/webhooks{rest}"))
}

async fn deliveries(gateway: &Gateway, name: &str, state: &str) -> Vec<Value> {
    let answer = call(gateway, Method::GET, &format!("/{name}/deliveries?state={state}")).send().await.expect(200);
    answer.json["items"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_put_shown_changed_and_deleted() {
    let gateway = house().await;
    let spec = json!({"url": "https://crm.example.org/hook", "secret": SECRET, "types": ["order.*"]});
    let created = call(&gateway, Method::PUT, "/crm").json(&spec).send().await.expect(201);
    assert!(!created.json.to_string().contains("whsec_"), "a secret is never shown");
    call(&gateway, Method::PUT, "/crm").json(&spec).send().await.expect(200);
    let paused = json!({"url": "https://crm.example.org/hook", "types": ["order.*", "*"], "state": "paused"});
    let changed = call(&gateway, Method::PUT, "/crm").json(&paused).send().await.expect(200);
    assert_eq!((&changed.json["state"], &changed.json["old_secret_until"]), (&json!("paused"), &Value::Null));
    let listed = call(&gateway, Method::GET, "").send().await.expect(200);
    assert_eq!(listed.json["items"], json!([changed.json]));
    assert_eq!(call(&gateway, Method::GET, "/crm").send().await.expect(200).json, changed.json);
    call(&gateway, Method::DELETE, "/crm").send().await.expect(204);
    call(&gateway, Method::DELETE, "/crm").send().await.expect_code(404, "NOT_FOUND");
    for rest in ["/crm", "/crm/deliveries"] {
        call(&gateway, Method::GET, rest).send().await.expect_code(404, "NOT_FOUND");
    }
    for rest in ["/crm/test", "/crm/deliveries/1-1-0/replay"] {
        call(&gateway, Method::POST, rest).send().await.expect_code(404, "NOT_FOUND");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_webhook_is_said_at_the_door() {
    let gateway = Gateway::start(Store::Embedded).await;
    let good = json!({"url": "https://crm.example.org/hook", "secret": SECRET, "types": ["order.*"]});
    for (pointer, field, value) in [
        ("/url", "url", json!("http://crm.example.org/hook")),
        ("/url", "url", json!("https://127.0.0.1/hook")),
        ("/url", "url", json!("https://[::1]/hook")),
        ("/url", "url", json!("https://169.254.169.254/latest/meta-data")),
        ("/url", "url", json!("https://kim:secret@crm.example.org/")),
        ("/url", "url", json!("crm")),
        ("/secret", "secret", json!("whsec_c2hvcnQ=")),
        ("/secret", "secret", Value::Null),
        ("/types", "types", json!([])),
        ("/types/1", "types", json!(["order.*", "order.sold"])),
    ] {
        let mut spec = good.clone();
        spec[field] = value;
        let refused = call(&gateway, Method::PUT, "/crm").json(&spec).send().await.expect_code(400, "VALIDATION");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{spec}");
    }
    call(&gateway, Method::PUT, "/No%20Slug").json(&good).send().await.expect_code(404, "NOT_FOUND");
    // A name passes the door. Where it leads to is found when the notice is sent.
    let mut named = good.clone();
    named["url"] = json!("https://localhost:9/hook");
    call(&gateway, Method::PUT, "/crm").json(&named).send().await.expect(201);
    call(&gateway, Method::POST, "/crm/test").send().await.expect(202);
    eventually("the test was tried", async || deliveries(&gateway, "crm", "pending").await[0]["attempts"] == 1).await;
    let detail = deliveries(&gateway, "crm", "pending").await[0]["detail"].as_str().expect("why").to_owned();
    assert!(detail.contains("no public address"), "{detail}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_comes_and_a_paused_webhook_keeps_what_it_is_told() {
    let (gateway, endpoint) = (house().await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["event.created"]).await;
    let test = call(&gateway, Method::POST, "/crm/test").send().await.expect(202).text("id");
    eventually("the test came", async || endpoint.came().len() == 1).await;
    let came = &endpoint.came()[0];
    assert_eq!((came.kind(), &came.id), ("webhook.test", &test));
    eventually("it is noted", async || deliveries(&gateway, "crm", "delivered").await.len() == 1).await;

    let url = format!("{}/hook", endpoint.url);
    let paused = json!({"url": url, "types": ["event.created"], "state": "paused"});
    call(&gateway, Method::PUT, "/crm").json(&paused).send().await.expect(200);
    // What is known of webhooks may be a second old.
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    let event = unique("hall");
    gateway.put_event(&event, &small_hall()).await;
    eventually("it waits", async || deliveries(&gateway, "crm", "pending").await.len() == 1).await;
    assert_eq!(endpoint.came().len(), 1);
    let on = json!({"url": url, "types": ["event.created"], "secret": OTHER});
    let changed = call(&gateway, Method::PUT, "/crm").json(&on).send().await.expect(200);
    assert!(changed.json["old_secret_until"].is_string(), "{}", changed.json);
    eventually("it comes", async || endpoint.kinds(&event) == ["event.created"]).await;
    let came = endpoint.first_arrivals()[&event][0].clone();
    assert!(came.is_signed_with(SECRET) && came.is_signed_with(OTHER), "both secrets sign for a day");

    // A delivery is sent again, with the same id.
    let replay = format!("/crm/deliveries/{}/replay", came.id);
    call(&gateway, Method::POST, &replay).send().await.expect(204);
    eventually("it comes again", async || endpoint.came().iter().filter(|again| again.id == came.id).count() == 2)
        .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_and_a_failure_is_shown_and_repeated() {
    let (gateway, endpoint, well) = (house().await, Endpoint::open().await, Endpoint::open().await);
    subscribe(&gateway, "crm", &endpoint, &["event.created"]).await;
    subscribe(&gateway, "till", &well, &["event.created"]).await;
    // It does what it is told, and says that it did not.
    endpoint.next("/hook", Mood::SaysAfter(503, json!({})));
    let first = unique("hall");
    gateway.put_event(&first, &small_hall()).await;
    eventually("it is shown", async || {
        deliveries(&gateway, "crm", "pending").await.iter().any(|row| row["status"] == 503 && row["attempts"] == 1)
    })
    .await;
    eventually("it is repeated", async || deliveries(&gateway, "crm", "delivered").await.len() == 1).await;
    let ids: Vec<String> = endpoint.came().into_iter().map(|came| came.id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeat has the same id");

    *endpoint.contract.status.lock() = Some(410);
    let second = unique("hall");
    gateway.put_event(&second, &small_hall()).await;
    let state = async || call(&gateway, Method::GET, "/crm").send().await.expect(200).json["state"].clone();
    eventually("it is disabled", async || state().await == "disabled").await;
    assert_eq!(deliveries(&gateway, "crm", "pending").await[0]["status"], 410);
    // What is told while it is disabled is not kept for it.
    let third = unique("hall");
    gateway.put_event(&third, &small_hall()).await;
    eventually("the other is told", async || well.first_arrivals().len() == 3).await;
    *endpoint.contract.status.lock() = None;
    subscribe_again(&gateway, &endpoint).await;
    assert_eq!(state().await, "on");
    eventually("what waited is sent", async || endpoint.kinds(&second) == ["event.created"]).await;
    assert_eq!(endpoint.kinds(&third), [""; 0]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_sent_nothing_more() {
    let gateway = Gateway::start_with(Store::Embedded, |config| {
        config.outbox.allow_private = true;
        config.outbox.in_flight = 1;
    })
    .await;
    let endpoint = Endpoint::open().await;
    let mut spec = json!({"url": format!("{}/hook", endpoint.url), "secret": SECRET, "types": ["event.created"]});
    spec["state"] = json!("paused");
    call(&gateway, Method::PUT, "/crm").json(&spec).send().await.expect(201);
    for _ in 0..20 {
        gateway.put_event(&unique("hall"), &small_hall()).await;
    }
    eventually("all wait", async || deliveries(&gateway, "crm", "pending").await.len() == 20).await;
    *endpoint.contract.status.lock() = Some(410);
    spec["state"] = json!("on");
    call(&gateway, Method::PUT, "/crm").json(&spec).send().await.expect(200);
    eventually("it is disabled", async || {
        call(&gateway, Method::GET, "/crm").send().await.expect(200).json["state"] == "disabled"
    })
    .await;
    // Time for those that would still be sent.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let waiting = deliveries(&gateway, "crm", "pending").await;
    assert_eq!(waiting.len(), 20);
    let sent = waiting.iter().filter(|delivery| delivery["attempts"] != 0).count();
    assert!((1..=4).contains(&sent), "one of each lane may have been on its way, and {sent} were sent");
    gateway.stop().await;
}

async fn subscribe_again(gateway: &Gateway, endpoint: &Endpoint) {
    let spec = json!({"url": format!("{}/hook", endpoint.url), "types": ["event.created"]});
    call(gateway, Method::PUT, "/crm").json(&spec).send().await.expect(200);
}
