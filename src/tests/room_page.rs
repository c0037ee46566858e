//! The waiting room's page as a browser without a script meets it: plain HTTP.

use serde_json::{Value, json};
use stanchion::config::ProofOfWork;

use crate::edge_support::{Answer, Edge};

const PAGE: &str = "/room/hall";
const OWN: &str = "https://tickets.example";

async fn hall(room: Value) -> Edge {
    let edge = Edge::new().await;
    edge.put_event("hall", room).await;
    edge
}

async fn show(edge: &Edge, query: &str, cookies: &str) -> Answer {
    edge.get(&format!("{PAGE}{query}")).header("cookie", cookies).send().await
}

/// Presses the button of a form.
async fn submit(edge: &Edge, path: &str, cookies: &str) -> Answer {
    edge.post(path)
        .header("cookie", cookies)
        .header("origin", OWN)
        .body("application/x-www-form-urlencoded", "")
        .send()
        .await
}

/// What the browser sends back: cookies with a value.
fn jar(answer: &Answer) -> String {
    let pairs = answer.cookies().into_iter().filter_map(|cookie| cookie.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).map(str::to_owned).collect::<Vec<_>>().join("; ")
}

/// The text of the element with this id, `None` when it is hidden.
fn seen<'a>(answer: &'a Answer, id: &str) -> Option<&'a str> {
    let (_, rest) = answer.text.split_once(&format!("id=\"{id}\""))?;
    let (attributes, rest) = rest.split_once('>')?;
    let hidden = attributes.split(' ').any(|attribute| attribute == "hidden");
    (!hidden).then(|| rest.split('<').next().expect("a first part"))
}

fn refreshes(answer: &Answer) -> bool {
    answer.text.contains("<noscript><meta http-equiv=\"refresh\"")
}

#[tokio::test]
async fn looking_takes_no_place_and_the_form_takes_one() {
    let edge = hall(json!({"capacity": 1})).await;
    let door = show(&edge, "", "").await;
    assert_eq!((door.status.as_u16(), door.cookies().len()), (200, 0));
    assert_eq!(seen(&door, "headline"), Some("The waiting room"));
    assert!(seen(&door, "enter").is_some() && seen(&door, "leave").is_none() && !refreshes(&door));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("vary", "accept-language"),
    ] {
        assert_eq!(door.header(name), Some(value), "{name}");
    }
    assert!(door.text.len() < 50_000, "{} bytes", door.text.len());

    let first = submit(&edge, PAGE, "").await;
    assert_eq!((first.status.as_u16(), first.header("location")), (303, Some(PAGE)));
    let inside = show(&edge, "", &jar(&first)).await;
    assert_eq!(seen(&inside, "headline"), Some("It is your turn"));
    assert_eq!(inside.cookies().len(), 2, "place and pass");
    assert!(!refreshes(&inside));

    let second = submit(&edge, PAGE, "").await;
    let waiting = show(&edge, "", &jar(&second)).await;
    assert_eq!((seen(&waiting, "headline"), seen(&waiting, "position")), (Some("You are in line"), Some("1")));
    assert!(refreshes(&waiting) && seen(&waiting, "left") == Some("2"));
    // Pressed twice, from the same browser: the same place.
    submit(&edge, PAGE, &jar(&second)).await;
    assert_eq!(seen(&show(&edge, "", &jar(&second)).await, "position"), Some("1"));

    let left = submit(&edge, "/room/hall/leave", &jar(&second)).await;
    assert_eq!((left.status.as_u16(), left.header("location")), (303, Some("/room/hall?left")));
    assert!(left.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")), "{:?}", left.cookies());
    let door = show(&edge, "?left", "").await;
    assert_eq!(seen(&door, "sentence"), Some("You have left the line. You may join again, at its end."));
    assert!(!door.text.contains("data-auto"));
}

#[tokio::test]
async fn scripts_run_only_with_this_answers_nonce() {
    let edge = hall(json!({})).await;
    let nonce = |answer: &Answer| {
        let policy = answer.header("content-security-policy").expect("a policy").to_owned();
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
        let nonce = nonce.expect("a nonce").to_owned();
        assert_eq!(answer.text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "script and style");
        nonce
    };
    let (one, two) = (show(&edge, "", "").await, show(&edge, "", "").await);
    assert_ne!(nonce(&one), nonce(&two));
}

#[tokio::test]
async fn another_site_can_neither_give_nor_take_a_place() {
    let edge = hall(json!({"capacity": 1})).await;
    let place = jar(&submit(&edge, PAGE, "").await);
    for path in [PAGE, "/room/hall/leave"] {
        let foreign = edge.post(path).header("cookie", &place).header("origin", "https://evil.example").send().await;
        assert_eq!((foreign.code(), foreign.cookies().len()), ((403, "BAD_ORIGIN"), 0), "{path}");
    }
    assert_eq!(seen(&show(&edge, "", &place).await, "headline"), Some("It is your turn"));
}

#[tokio::test]
async fn what_is_unusual_is_said_in_the_visitors_language() {
    let edge = hall(json!({"capacity": 1})).await;
    submit(&edge, PAGE, "").await;
    let place = jar(&submit(&edge, PAGE, "").await);
    edge.put_event("hall", json!({"capacity": 1, "mode": "paused"})).await;
    let paused = show(&edge, "", &place).await;
    assert_eq!(seen(&paused, "note"), Some("The line is paused for a moment. Your place is kept."));
    let korean = edge.get(PAGE).header("cookie", &place).header("accept-language", "ko-KR,ko;q=0.9,en;q=0.5").send();
    let korean = korean.await;
    assert!(korean.text.starts_with("<!doctype html>\n<html lang=\"ko\">"));
    assert_eq!(seen(&korean, "headline"), Some("줄을 서 있습니다"));
    assert_eq!(seen(&korean, "note"), Some("입장이 잠시 멈췄습니다. 순서는 그대로 유지됩니다."));

    edge.put_event("hall", json!({"capacity": 1, "mode": "closed"})).await;
    let door = show(&edge, "", "").await;
    assert_eq!((seen(&door, "headline"), seen(&door, "enter")), (Some("The line is closed"), None));
    let refused = submit(&edge, PAGE, "").await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (303, Some("/room/hall?again")));
}

#[tokio::test]
async fn a_token_that_is_none_is_forgotten() {
    let edge = hall(json!({})).await;
    let door = show(&edge, "", "stanchion_queue_hall=nonsense").await;
    assert_eq!((door.status.as_u16(), seen(&door, "headline")), (200, Some("The waiting room")));
    assert!(door.cookies()[0].starts_with("stanchion_queue_hall=; Path=/; Max-Age=0"), "{:?}", door.cookies());
    assert_eq!(edge.get("/room/nowhere").send().await.code(), (404, "EVENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_form_cannot_prove_work_and_the_page_says_so() {
    let edge = Edge::with(|config| {
        config.queue.proof_of_work = ProofOfWork::Adaptive;
        config.queue.proof_free_rps = 0;
    })
    .await;
    edge.put_event("hall", json!({})).await;
    let door = show(&edge, "", "").await;
    assert!(door.text.contains("<noscript><p class=\"note\">So many people"));
    let refused = submit(&edge, PAGE, "").await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (303, Some("/room/hall?script")));
    let told = show(&edge, "?script", "").await;
    assert!(seen(&told, "sentence").is_some_and(|text| text.contains("needs JavaScript just now")));
    assert!(seen(&told, "enter").is_some() && !told.text.contains("data-auto"));
}

#[tokio::test]
async fn a_line_of_persons_asks_to_sign_in() {
    let edge = hall(json!({"identity": "user"})).await;
    let door = show(&edge, "", "").await;
    assert!(seen(&door, "sentence").is_some_and(|text| text.contains("sign in")));
    assert!(seen(&door, "enter").is_none() && !door.text.contains("data-auto"));
}

#[tokio::test]
async fn an_operator_brings_a_template_and_says_where_the_shop_is() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("room.html");
    let own = "<html lang={{lang}}><title>{{title}}</title>{{refresh}}<h6>Our house</h6>{{room}}\
               <script nonce=\"{{nonce}}\">{{script}}</script>";
    std::fs::write(&file, own).expect("written");
    let edge = Edge::with(|config| {
        config.web.room_template = file.display().to_string();
        config.web.shop_url = "/shop?of={event}&x".to_owned();
    })
    .await;
    edge.put_event("hall", json!({})).await;
    let inside = show(&edge, "", &jar(&submit(&edge, PAGE, "").await)).await;
    assert!(inside.text.contains("<h6>Our house</h6>") && inside.text.contains("href=\"/shop?of=hall&amp;x\""));
    assert_eq!(seen(&inside, "go"), Some("Go to the shop"));
}

/// The address of the way on, as it stands in the page.
fn onward(answer: &Answer) -> Option<&str> {
    seen(answer, "go")?;
    let (_, rest) = answer.text.split_once("id=\"go\" class=\"button main\" href=\"")?;
    rest.split('"').next()
}

#[tokio::test]
async fn whoever_was_sent_here_is_brought_back() {
    let edge = hall(json!({})).await;
    let query = "?return=%2Fshop%2Fseats%3Fa%3D1%26b%3D2";
    let door = show(&edge, query, "").await;
    assert!(door.text.contains("action=\"/room/hall?return=%2Fshop%2Fseats%3Fa%3D1%26b%3D2\""), "kept by the form");
    let entered = submit(&edge, &format!("{PAGE}{query}"), "").await;
    assert_eq!(entered.header("location"), Some(&*format!("/room/hall{query}")));
    let cookies = jar(&entered);
    let inside = show(&edge, query, &cookies).await;
    assert_eq!(onward(&inside), Some("/shop/seats?a=1&amp;b=2"));
    let left = submit(&edge, &format!("/room/hall/leave{query}"), &cookies).await;
    let again = "/room/hall?left&return=%2Fshop%2Fseats%3Fa%3D1%26b%3D2";
    assert_eq!(left.header("location"), Some(again), "and by leaving");
}

#[tokio::test]
async fn a_return_to_elsewhere_falls_back_to_the_shop_then_to_the_server_behind() {
    let with = async |shop_url: &str| {
        let edge = Edge::with(|config| {
            config.web.shop_url = shop_url.to_owned();
            config.upstream = vec![stanchion::config::Upstream {
                path: "/tickets".into(),
                host: String::new(),
                event: "hall".into(),
                url: "http://127.0.0.1:9".into(),
                connections_max: 1,
                visitor_max: 1,
                connect_ms: 100,
                answer_ms: 100,
                idle_ms: 100,
                upload_bytes_s: 0,
                keep_ms: 100,
            }];
        });
        let edge = edge.await;
        edge.put_event("hall", json!({})).await;
        let cookies = jar(&submit(&edge, PAGE, "").await);
        for evil in
            ["", "?return=%2F%2Fevil", "?return=https%3A%2F%2Fevil", "?return=%2F%5Cevil", "?return=javascript%3Ax"]
        {
            let wanted = if shop_url.is_empty() { "/tickets" } else { shop_url };
            let inside = show(&edge, evil, &cookies).await;
            assert_eq!(onward(&inside), Some(wanted), "{evil}");
            assert!(!inside.text.contains("evil"), "{evil} is kept nowhere");
        }
    };
    with("").await;
    with("/shop").await;
}
