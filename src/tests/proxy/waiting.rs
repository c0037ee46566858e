//! Reverse-proxy mode: who reaches the shop, and what all others are answered.

use std::time::Duration;

use http::Method;

use crate::proxy::origin::Front;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[tokio::test]
async fn who_waits_does_not_reach_the_shop() {
    let front = Front::new().await;
    let (first, second) = (front.inside().await, front.inside().await);
    let waiting = front.enter().await;
    let token = waiting["token"].as_str().expect("a token");

    let page = front.client.get("/shop/cart?a=1&b=2").header("accept", HTML).queue(token).send().await.expect(303);
    assert_eq!(page.header("location"), Some("/room/hall?return=%2Fshop%2Fcart%3Fa%3D1%26b%3D2"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let form = front.client.post("/shop/cart").header("accept", HTML).send().await.expect(303);
    assert_eq!(form.header("location"), Some("/room/hall"));

    let place =
        front.client.get("/shop/cart").header("accept", "application/json").queue(token).send().await.expect(503);
    assert_eq!((place.text("state"), place.json["position"].as_i64()), ("waiting".to_owned(), Some(1)));
    assert!(place.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|s| s >= 1)));
    assert_eq!(place.header("cache-control"), Some("no-store"));

    front.client.get("/shop/cart").send().await.expect_code(403, "PASS_REQUIRED");
    front.client.get("/shop/cart").pass("x.y.z").send().await.expect_code(403, "PASS_REQUIRED");
    front.client.call(Method::OPTIONS, "/shop/cart").send().await.expect_code(403, "PASS_REQUIRED");
    front.client.get("/shop/%2e%2e/cart").pass(&first.2).send().await.expect_code(404, "NOT_FOUND");
    assert_eq!(front.origin.seen.requests(), 0);

    let inside = front.client.get("/shop/cart?a=1&b=2").pass(&first.2).send().await.expect(200);
    assert_eq!(inside.body, "welcome");
    let cookie = format!("stanchion_pass_hall={}", second.2);
    front.client.get("/shop/cart").header("cookie", &cookie).send().await.expect(200);
    assert_eq!(front.origin.seen.requests(), 2);
}

#[tokio::test]
async fn a_visitor_who_left_or_whose_pass_is_over_is_refused() {
    let front = Front::new().await;
    let ((_, token, pass), (_, _, other)) = (front.inside().await, front.inside().await);
    front.client.get("/shop").pass(&pass).send().await.expect(200);
    front.client.get("/shop").pass(&other).send().await.expect(200);
    front.leave(&token).await;
    front.client.get("/shop").pass(&pass).send().await.expect_code(403, "PASS_REQUIRED");
    front.edge.clock.advance(Duration::from_secs(24 * 3600));
    front.client.get("/shop").pass(&other).send().await.expect_code(403, "PASS_REQUIRED");
    assert_eq!(front.origin.seen.requests(), 2);
}

#[tokio::test]
async fn the_shop_gives_a_place_back() {
    let front = Front::new().await;
    let (_, token, pass) = front.inside().await;
    front.inside().await;
    let waiting = front.enter().await;

    // Without the queue token the gateway cannot give the place back. The visitor still gets the shop's answer.
    let bare = front.client.get("/shop/release").pass(&pass).send().await.expect(200);
    assert_eq!((bare.body.as_ref(), bare.header("stanchion-command")), (b"bye".as_ref(), None));
    front.client.get("/shop").pass(&pass).send().await.expect(200);

    let bye = front.client.get("/shop/release").pass(&pass).queue(&token).send().await.expect(200);
    assert_eq!((bye.body.as_ref(), bye.header("stanchion-command")), (b"bye".as_ref(), None));
    let forgotten: Vec<_> = bye.headers.get_all("set-cookie").iter().collect();
    assert_eq!(forgotten.len(), 2, "{forgotten:?}");
    let reached = front.origin.seen.requests();
    front.client.get("/shop").pass(&pass).send().await.expect_code(403, "PASS_REQUIRED");
    assert_eq!(front.origin.seen.requests(), reached);

    // The next in line gets the place.
    front.edge.clock.advance(Duration::from_secs(1));
    let next = waiting["token"].as_str().expect("a token");
    front.client.get("/v1/events/hall/queue").queue(next).send().await.expect(200);
    front.edge.pulse("hall").await;
    let admitted = front.client.get("/v1/events/hall/queue").queue(next).send().await.expect(200);
    assert_eq!(admitted.text("state"), "admitted");
}

#[tokio::test]
async fn our_own_routes_come_first_and_the_front_door_gives_way() {
    let front = Front::with("path = \"/\"", |_| {}).await;
    let (_, _, pass) = front.inside().await;
    let get = async |path: &str| front.client.get(path).pass(&pass).send().await;
    assert_eq!(get("/").await.expect(200).body, "welcome");
    assert_eq!(get("/any/thing").await.expect(200).body, "welcome");
    assert_eq!(front.client.post("/").pass(&pass).send().await.expect(200).body, "welcome");
    assert_eq!(front.origin.seen.requests(), 3);
    assert!(get("/v1/events/hall").await.expect(200).json["name"].is_string());
    get("/openapi.json").await.expect(200);
    get("/v1/admin/audit").await.expect_code(404, "NOT_FOUND");
    get("/%76%31/admin/audit").await.expect_code(404, "NOT_FOUND");
    assert_eq!(front.origin.seen.requests(), 3);
    // Without an upstream at `/`, the gateway answers `/` itself.
    let alone = Front::new().await;
    assert_eq!(alone.client.get("/").send().await.expect(200).header("content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_page_of_many_parts_is_not_counted_strangers_are() {
    let front = Front::with("path = \"/shop\"", |config| {
        config.limits.visitor_rps = 1;
        config.limits.client_rps = 1;
        config.limits.client_burst = 3;
    })
    .await;
    let (_, _, pass) = front.inside().await;
    for _ in 0..30 {
        front.client.get("/shop/part.js").pass(&pass).send().await.expect(200);
        front.client.get("/v1/pass/verify?event=hall").pass(&pass).send().await.expect(204);
    }
    let mut refused = 0;
    for _ in 0..30 {
        let stranger = front.client.get("/shop/part.js").send().await;
        assert!(matches!(stranger.status.as_u16(), 403 | 429));
        refused += usize::from(stranger.status == 429);
    }
    assert!(refused > 0);
    assert_eq!(front.origin.seen.requests(), 30);
}
