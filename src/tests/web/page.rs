//! The waiting room's page over plain HTTP, as a browser without scripts gets it.

use std::time::Duration;

use serde_json::{Value, json};
use stanchion::config::ProofOfWork;
use stanchion::facts::draw::{Seed, list_digest};
use stanchion::facts::ids::VisitorId;
use stanchion::ledger::catalog::Put;
use stanchion::ledger::draws::{SaveDraw, parts};

use crate::edge::support::{Answer, Edge};
use crate::support::gateway::eventually;

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

/// Submits a form of the page. A browser that has seen the page sends its cookie along.
async fn submit(edge: &Edge, path: &str, cookies: &str) -> Answer {
    edge.post(path)
        .header("cookie", &format!("stanchion_cookies=1; {cookies}"))
        .header("origin", OWN)
        .body("application/x-www-form-urlencoded", "")
        .send()
        .await
}

/// The cookies that a browser would send back: those with a value.
fn jar(answer: &Answer) -> String {
    let pairs = answer.cookies().into_iter().filter_map(|cookie| cookie.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).map(str::to_owned).collect::<Vec<_>>().join("; ")
}

/// The text of the element with this id; `None`: it is hidden or not there.
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
    assert_eq!(door.status.as_u16(), 200);
    assert_eq!(door.cookies(), ["stanchion_cookies=1; Path=/room; HttpOnly; SameSite=Lax"], "no place");
    assert_eq!(seen(&door, "headline"), Some("The waiting room"));
    assert!(seen(&door, "enter").is_some() && seen(&door, "out").is_none() && !refreshes(&door));
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
    assert_eq!(seen(&inside, "clock-left"), Some("10:00"), "its refreshes count it down");

    let second = submit(&edge, PAGE, "").await;
    let waiting = show(&edge, "", &jar(&second)).await;
    assert_eq!((seen(&waiting, "headline"), seen(&waiting, "position")), (Some("You are next"), Some("1")));
    assert!(refreshes(&waiting) && seen(&waiting, "left") == Some("2"));
    // Pressing again in the same browser keeps the place.
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
        let foreign = edge.post(path).header("cookie", &place).header("origin", "https://evil.example");
        let foreign = foreign.header("accept", "application/json").send().await;
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
    assert_eq!(seen(&paused, "headline"), Some("The line is paused"));
    assert_eq!(seen(&paused, "sentence"), Some("Nobody is let in for the moment. The order stays as it is."));
    let korean = edge.get(PAGE).header("cookie", &place).header("accept-language", "ko-KR,ko;q=0.9,en;q=0.5").send();
    let korean = korean.await;
    assert!(korean.text.starts_with("<!doctype html>\n<html lang=\"ko\">"));
    assert_eq!(seen(&korean, "headline"), Some("입장이 잠시 멈췄습니다"));
    assert_eq!(seen(&korean, "sentence"), Some("지금은 아무도 입장하지 않습니다. 순서는 그대로 유지됩니다."));

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

/// The address of the button that leads on, as it is in the page.
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
    assert!(
        door.text.contains("action=\"/room/hall?return=%2Fshop%2Fseats%3Fa%3D1%26b%3D2\""),
        "the form keeps the address"
    );
    let entered = submit(&edge, &format!("{PAGE}{query}"), "").await;
    assert_eq!(entered.header("location"), Some(&*format!("/room/hall{query}")));
    let cookies = jar(&entered);
    let inside = show(&edge, query, &cookies).await;
    assert_eq!(onward(&inside), Some("/shop/seats?a=1&amp;b=2"));
    let left = submit(&edge, &format!("/room/hall/leave{query}"), &cookies).await;
    let again = "/room/hall?left&return=%2Fshop%2Fseats%3Fa%3D1%26b%3D2";
    assert_eq!(left.header("location"), Some(again), "leaving keeps the address, too");
}

#[tokio::test]
async fn a_return_to_elsewhere_falls_back_to_the_shop_then_to_the_server_behind() {
    let with = async |shop_url: &str| {
        let edge = Edge::with(|config| {
            config.web.shop_url = shop_url.to_owned();
            config.upstream = vec![stanchion::config::UpstreamConfig {
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
            assert!(!inside.text.contains("evil"), "{evil} is nowhere in the page");
        }
    };
    with("").await;
    with("/shop").await;
}

async fn put(edge: &Edge, spec: Value) {
    let mut whole = json!({
        "name": "Concert", "starts_at": "2027-01-01T00:00:00Z", "currency": "KRW", "organizer": "hall-co",
        "sections": [{"id": "a", "name": "A", "price": 1000, "rows": [{"id": "1", "seats": 2}]}],
    });
    for (name, value) in spec.as_object().expect("a map") {
        whole[name] = value.clone();
    }
    let spec = serde_json::from_value(whole).expect("a spec");
    edge.state.catalog.put_event(&"hall".into(), spec).await.expect("stored");
}

/// The page's headline and sentence.
fn words(answer: &Answer) -> (&str, &str) {
    (seen(answer, "headline").unwrap_or(""), seen(answer, "sentence").unwrap_or(""))
}

#[tokio::test]
async fn a_closed_room_says_whether_it_is_for_good() {
    let edge = Edge::new().await;
    let closed = json!({"mode": "closed"});
    put(&edge, json!({"room": closed})).await;
    assert_eq!(words(&show(&edge, "", "").await).1, "Nobody is let in here now. Thank you for coming.");
    put(&edge, json!({"room": closed, "opens_at": "2026-11-20T11:00:00Z", "timezone": "Asia/Seoul"})).await;
    let until = "Nobody is let in here now. The opening is announced for 2026-11-20 20:00 KST.";
    assert_eq!(words(&show(&edge, "", "").await), ("The line is closed", until));
    // Nobody has closed the room, but its time is over.
    put(&edge, json!({"closes_at": "2026-11-20T09:00:00Z", "room": {"mode": "open"}})).await;
    let over = "It ended on 2026-11-20 09:00 UTC. Thank you for coming.";
    assert_eq!(words(&show(&edge, "", "").await), ("The sale is over", over));
}

#[tokio::test]
async fn the_door_of_a_full_room_does_not_say_that_one_comes_straight_in() {
    let edge = hall(json!({"capacity": 1})).await;
    let calm = "Nobody is waiting now, and there is room: join, and your turn comes at once.";
    assert_eq!(words(&show(&edge, "", "").await).1, calm);
    let inside = jar(&submit(&edge, PAGE, "").await);
    let full = "The room is full, and nobody is waiting yet: join, and you are next.";
    assert_eq!(words(&show(&edge, "", "").await).1, full);
    submit(&edge, "/room/hall/leave", &inside).await;
    assert_eq!(words(&show(&edge, "", "").await).1, calm);
    edge.put_event("hall", json!({"capacity": 1, "mode": "drain"})).await;
    assert_eq!(words(&show(&edge, "", "").await).0, "The line takes nobody new");
}

/// What the page and the API tell a visitor who was away when called.
#[tokio::test]
async fn who_was_away_when_called_is_told_when_that_was() {
    let edge = hall(json!({"capacity": 1, "absent_after_s": 5, "claim_ttl_s": 5, "late_grace_s": 60})).await;
    let inside = jar(&submit(&edge, PAGE, "").await);
    let [second, third] = [submit(&edge, PAGE, "").await, submit(&edge, PAGE, "").await].map(|entered| jar(&entered));
    for place in [&second, &third] {
        let waiting = show(&edge, "", place).await;
        assert!(seen(&waiting, "keep").is_some_and(|text| text.contains("called once more if back within 60 seconds")));
    }
    // Pulses come all the time, and these visitors do not show up: they are away.
    for _ in 0..6 {
        edge.pulse("hall").await;
        edge.clock.advance(Duration::from_secs(1));
    }
    submit(&edge, "/room/hall/leave", &inside).await;
    edge.pulse("hall").await;
    edge.put_event("hall", json!({"capacity": 1, "mode": "paused", "late_grace_s": 60, "claim_ttl_s": 5})).await;

    let late = show(&edge, "", &second).await;
    let told = "We called you at 10:00 UTC and you were away. You are called once more, before everyone in line, as \
                soon as there is room. Stay here: if you are away again, your place is gone.";
    assert_eq!(words(&late), ("You missed your turn", told));
    assert_eq!(seen(&late, "keep"), None, "there is no second grace");
    let place = edge.get("/v1/events/hall/queue").header("cookie", &second).send().await.json;
    let called_at = json!("2026-11-20T10:00:06Z");
    assert_eq!((&place["state"], &place["late"], &place["called_at"]), (&json!("waiting"), &json!(true), &called_at));

    edge.put_event("hall", json!({"capacity": 1, "late_grace_s": 60, "claim_ttl_s": 5})).await;
    edge.pulse("hall").await;
    let inside = show(&edge, "", &second).await;
    assert!(words(&inside).1.starts_with("We called you at 10:00 UTC, and you are in."), "{}", words(&inside).1);

    // After the grace the place is gone, and the page says so, too.
    edge.clock.advance(Duration::from_secs(61));
    let gone = show(&edge, "", &third).await;
    let told = "We called you at 10:00 UTC. Your place was used or given back, or its time has passed.";
    assert_eq!(words(&gone), ("Your visit is over", told));
    assert_eq!(seen(&gone, "note"), Some("You may join again, at the end of the line."));
    // A newcomer was never called.
    let new = jar(&submit(&edge, PAGE, "").await);
    let place = edge.get("/v1/events/hall/queue").header("cookie", &new).send().await.json;
    assert_eq!(
        (&place["state"], &place["late"], &place["called_at"]),
        (&json!("waiting"), &json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookies_takes_no_place() {
    let edge = hall(json!({"capacity": 1})).await;
    let press = edge.post(PAGE).header("origin", OWN).body("application/x-www-form-urlencoded", "");
    let pressed = press.send().await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, Some("/room/hall?cookies")));
    let told = show(&edge, "?cookies", "").await;
    assert_eq!(words(&told).0, "Please allow cookies");
    assert!(seen(&told, "enter").is_some() && !told.text.contains("data-auto"));
    let room = edge.get("/v1/events/hall/room").send().await.json;
    assert_eq!((&room["inside"], &room["waiting"]), (&json!(0), &json!(0)), "nobody has got a place");
    // Cookies are allowed now: the browser sends the one that the page has set.
    let entered = submit(&edge, PAGE, "").await;
    assert_eq!(entered.header("location"), Some(PAGE));
    // A visitor who has lost the place is told what may have happened.
    assert_eq!(words(&show(&edge, "?gone", "").await).0, "You have no place here any more");
    let leave = submit(&edge, "/room/hall/leave", "").await;
    assert_eq!(leave.header("location"), Some("/room/hall?gone"));
}

#[tokio::test]
async fn without_a_script_one_goes_on_by_itself_or_stays() {
    let edge = Edge::with(|config| config.web.shop_url = "/shop".into()).await;
    edge.put_event("hall", json!({})).await;
    let cookies = jar(&submit(&edge, PAGE, "").await);
    let inside = show(&edge, "", &cookies).await;
    assert!(inside.text.contains("<noscript><meta http-equiv=\"refresh\" content=\"10; url=/shop\"></noscript>"));
    assert!(inside.text.contains("<a href=\"/room/hall?stay\">Stay on this page</a>"));
    let stays = show(&edge, "?stay", &cookies).await;
    assert!(!stays.text.contains("url=/shop") && refreshes(&stays), "the page refreshes to tell of the end");
    edge.clock.advance(Duration::from_secs(550));
    let ending = show(&edge, "?stay", &cookies).await;
    assert_eq!(seen(&ending, "clock-left"), Some("0:50"));
    assert!(seen(&ending, "note").is_some_and(|text| text.starts_with("Less than a minute is left.")));
    // Leaving asks to confirm even without a script.
    let (_, out) = ending.text.split_once("<details id=\"out\">").expect("a way out");
    assert!(
        out.starts_with("\n<summary id=\"leave-name\">Give my turn back</summary>\n<p id=\"leave-sure\">Give your")
    );
}

/// A lottery for signed-in users: what the page shows before the draw, at the opening and after it.
#[tokio::test]
async fn a_draw_shows_commitment_id_and_rank_and_how_to_check_them() {
    let edge = Edge::new().await;
    let mode = async |mode: &str| {
        edge.put_event("hall", json!({"order": "lottery", "identity": "user", "mode": mode, "capacity": 1})).await;
        edge.pulse("hall").await;
    };
    mode("scheduled").await;
    let kim = edge.token("kim", "");
    let enter = async |bearer: &str| edge.post("/v1/events/hall/queue").bearer(bearer).json(&json!({})).send().await;
    let entered = enter(&kim).await;
    let (cookies, visitor) = (jar(&entered), entered.text("visitor"));
    let page = async |cookies: &str| edge.get(PAGE).header("cookie", cookies).send().await;
    let before = page(&cookies).await;
    assert_eq!(words(&before).0, "You are in the draw");
    let commitment = edge.get("/v1/events/hall/room").send().await.json["draw"]["commitment"].clone();
    assert_eq!(seen(&before, "draw-commitment"), commitment.as_str());
    assert_eq!((seen(&before, "draw-visitor"), seen(&before, "rank")), (Some(&*visitor), Some("Drawn at the opening")));
    assert!(seen(&before, "draw-seed").is_none());

    mode("open").await;
    let mut ids: Vec<VisitorId> = (0..99).map(|n| VisitorId::from(format!("-_{n:020}"))).collect();
    ids.push(VisitorId::from(visitor.as_str()));
    ids.sort();
    let save = SaveDraw {
        event: "hall".into(),
        round: 1,
        list_digest: list_digest(&ids),
        visitors: 100,
        parts: parts(&ids),
        now_ms: edge.clock.now_ms(),
    };
    assert_eq!(edge.ledger.save_draw(save).await.expect("answers"), Put::Done);
    let published = async || seen(&page(&cookies).await, "draw-list").is_some();
    eventually("the list is known", published).await;
    assert_eq!(seen(&page(&cookies).await, "rank"), Some("Being published"));
    edge.clock.advance(Duration::from_secs(1));
    eventually("the rank is known", async || seen(&page(&cookies).await, "rank") != Some("Being published")).await;
    let after = page(&cookies).await;
    let seed = edge.get("/v1/events/hall/room/draw").send().await.text("seed");
    assert_eq!(seen(&after, "draw-seed"), Some(&*seed));
    let seed = Seed::new(hex::decode(&seed).expect("hex").try_into().expect("32 bytes"));
    let mine = seed.draw(&VisitorId::from(visitor.as_str()));
    let rank = ids.iter().filter(|other| seed.draw(other) < mine).count() + 1;
    assert_eq!(seen(&after, "rank"), Some(&*format!("{rank} of 100")));
    assert!(after.text.contains("href=\"/v1/events/hall/room/draw\" download>Download the list</a>"));

    let lee = jar(&enter(&edge.token("lee", "")).await);
    assert_eq!(seen(&page(&lee).await, "rank"), Some("You came after the draw"));
}
