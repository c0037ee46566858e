//! A server that is away or hangs: callers get honest statuses, may safely repeat, and nothing happens twice.

use serde_json::json;

use crate::purchase::support::Buyer;
use crate::support::gateway::{Gateway, Store, small_hall};
use crate::support::proxy::{Mode, Proxy};

/// The same URL with another port.
fn through(url: &str, port: u16) -> String {
    let at = url.rfind(':').expect("host:port") + 1;
    let end = url[at..].find('/').map_or(url.len(), |slash| at + slash);
    format!("{}{port}{}", &url[..at], &url[end..])
}

fn port_of(url: &str) -> u16 {
    let after = &url[url.rfind(':').expect("host:port") + 1..];
    after.split('/').next().expect("a port").parse().expect("a port")
}

/// A gateway that reaches its Redis and MariaDB through proxies. Drop the gateway (which audits it) before the proxies.
pub async fn behind_proxies(lane_timeout_ms: u64) -> (Proxy, Proxy, Gateway) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = crate::support::gateway::config(Store::Redis, dir.path()).await;
    let local = |url: &str| std::net::SocketAddr::from(([127, 0, 0, 1], port_of(url)));
    let redis = Proxy::to(local(&config.redis.url)).await;
    let mysql = Proxy::to(local(&config.ledger.url)).await;
    let (redis_port, mysql_port) = (redis.addr.port(), mysql.addr.port());
    let gateway = Gateway::start_with(Store::Redis, |own| {
        own.redis.url = through(&config.redis.url, redis_port);
        own.redis.timeout_ms = lane_timeout_ms;
        own.ledger.url = through(&config.ledger.url, mysql_port);
    })
    .await;
    (redis, mysql, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_stretches_the_log_and_no_answer() {
    let (_redis, mysql, gateway) = behind_proxies(2_000).await;
    gateway.put_event("no-ledger", &small_hall()).await;
    let buyer = Buyer::enter(&gateway, "no-ledger", "kim").await;
    let hold = buyer.hold(&["a-1-1"]).await;
    mysql.set(Mode::Cut);
    let body = json!({"payment": {"provider": "sandbox", "key": "ok"}});
    let order = buyer.order_call(&hold, body).send().await.expect(202).text("id");
    let path = format!("/v1/orders/{order}");
    assert_eq!(buyer.get(&path).send().await.expect(200).json["status"], "accepted");
    // A request that needs the ledger is answered 503 and may be repeated.
    let away = buyer.get("/v1/me/orders").send().await.expect_code(503, "UNAVAILABLE");
    assert!(away.header("retry-after").is_some());
    mysql.set(Mode::Pass);
    assert_eq!(gateway.concluded("kim", &order).await["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_away_is_an_honest_503_and_the_retry_is_one_effect() {
    let (redis, _mysql, gateway) = behind_proxies(300).await;
    gateway.put_event("no-lane", &small_hall()).await;
    let buyer = Buyer::enter(&gateway, "no-lane", "kim").await;
    for mode in [Mode::Cut, Mode::Swallow] {
        let key = format!("{mode:?}");
        let ask = || {
            let call = gateway.public.post(&buyer.holds()).bearer(&buyer.bearer).pass(&buyer.pass).key(&key);
            call.json(&json!({"section": "a", "quantity": 2}))
        };
        redis.set(mode);
        let away = ask().send().await.expect_code(503, "UNAVAILABLE");
        assert!(away.header("retry-after").is_some() && away.json["retryable"] == true, "{}", away.json);
        redis.set(Mode::Pass);
        let held = std::sync::Mutex::new(Vec::new());
        crate::support::gateway::eventually("the lane answers again", async || {
            let answer = ask().send().await;
            if answer.status == 201 {
                held.lock().expect("one task").push(answer.text("id"));
            }
            held.lock().expect("one task").len() == 3
        })
        .await;
        let mut ids = held.into_inner().expect("one task");
        ids.dedup();
        assert_eq!(ids.len(), 1, "one key is one hold, whatever was lost on the way");
    }
    let taken = gateway.public.get("/v1/events/no-lane/seats").send().await.expect(200);
    assert_eq!(taken.json["sections"][0]["free"], 16, "two holds of two: {}", taken.json);
}
