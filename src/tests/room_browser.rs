//! The waiting room's page in headless Chromium, on a whole gateway.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stanchion::config::{Config, ProofOfWork};
use tokio::sync::Mutex;

use crate::support::browser::{Browser, Visitor};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};
use crate::support::proxy::{Mode, Proxy};

/// One browser at a time: each takes more memory than all gateways of the tests together.
static TURN: Mutex<()> = Mutex::const_new(());

/// A room that lets in one at a time, and waits an hour for who does not ask: neither visitors by the API nor
/// browsers that are gone already lose their place because others take long.
fn narrow() -> Value {
    let mut hall = small_hall();
    hall["name"] = json!("작은 홀 / Small hall");
    hall["room"] = json!({
        "capacity": 1, "rate_per_min": 600_000, "pass_ttl_s": 3600, "claim_ttl_s": 3600, "absent_after_s": 3600,
    });
    hall
}

async fn gateway() -> Gateway {
    gateway_with(|_| {}).await
}

async fn gateway_with(change: impl FnOnce(&mut Config)) -> Gateway {
    let gateway = Gateway::start_with(Store::Embedded, |config| {
        config.web.shop_url = "/v1/events/{event}".into();
        config.queue.poll_min_ms = 100;
        config.queue.poll_max_ms = 200;
        change(config);
    });
    let gateway = gateway.await;
    gateway.put_event("hall", &narrow()).await;
    gateway
}

async fn set_mode(gateway: &Gateway, mode: &str) {
    let mut hall = narrow();
    hall["room"]["mode"] = json!(mode);
    gateway.put_event("hall", &hall).await;
}

/// Takes a place by the API; its token.
async fn enter(gateway: &Gateway) -> String {
    gateway.public.post("/v1/events/hall/queue").json(&json!({})).send().await.expect(201).text("token")
}

async fn leave(gateway: &Gateway, token: &str) {
    gateway.public.call(Method::DELETE, "/v1/events/hall/queue").queue(token).send().await.expect(204);
}

async fn until(browser: &Browser, id: &str, text: &str) {
    eventually(&format!("#{id} says {text:?}"), async || browser.seen(id).await == text).await;
}

fn page(gateway: &Gateway) -> String {
    format!("{}/room/hall", gateway.public_url)
}

/// Nothing was blocked by the policy and nothing failed.
async fn content(browser: &Browser) {
    assert_eq!(browser.complaints().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_waits_moves_up_and_is_let_in_while_watching() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let (inside, ahead) = (enter(&gateway).await, enter(&gateway).await);
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are in line").await;
    until(&browser, "position", "2").await;
    assert_eq!((browser.seen("ahead").await, browser.seen("behind").await), ("1".into(), "0".into()));
    assert_eq!(browser.value("document.title").await, "1 ahead · 작은 홀 / Small hall");
    until(&browser, "status", "You are in line Ahead of you: 1.").await;

    // A refresh keeps the place: somebody else came meanwhile and stands behind.
    let behind = enter(&gateway).await;
    browser.refresh().await;
    until(&browser, "behind", "1").await;
    assert_eq!(browser.seen("position").await, "2");

    leave(&gateway, &ahead).await;
    until(&browser, "position", "1").await;
    assert_eq!(browser.value("document.getElementById('bar').value").await, 1);
    leave(&gateway, &inside).await;
    until(&browser, "headline", "It is your turn").await;
    assert_eq!(browser.value("document.title").await, "Your turn! 작은 홀 / Small hall");
    assert_eq!(browser.value("document.activeElement.id").await, "go", "the way on has the focus");
    assert_eq!(browser.value("document.getElementById('go').getAttribute('href')").await, "/v1/events/hall");
    content(&browser).await;

    // The turn is given back: the next one's, and whoever left is not put in line again by a refresh.
    browser.press("#leave-button").await;
    browser.accept().await;
    until(&browser, "sentence", "You have left the line. You may join again, at its end.").await;
    let next = async || {
        let answer = gateway.public.get("/v1/events/hall/queue").queue(&behind).send().await.expect(200);
        answer.json["state"] == "admitted"
    };
    eventually("the next one is let in", next).await;
    browser.refresh().await;
    assert_eq!(browser.value("document.getElementById('room').dataset.state").await, "door");
    browser.press("#enter button").await;
    until(&browser, "position", "1").await;
}

/// Between leaving and the page that tells of it there is time to ask, and nothing to be heard but that
/// there is no such place.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_so_however_late_the_answer_comes() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let address = gateway.public_url.strip_prefix("http://").expect("an address").parse().expect("an address");
    let proxy = Proxy::to(address).await;
    proxy.set(Mode::DelayOf("GET /room/hall?left", Duration::from_secs(1)));
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&format!("http://{}/room/hall", proxy.addr)).await;
    until(&browser, "headline", "It is your turn").await;
    browser.press("#leave-button").await;
    browser.accept().await;
    until(&browser, "sentence", "You have left the line. You may join again, at its end.").await;
    content(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_when_the_line_is_paused_lost_or_sold_out() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    enter(&gateway).await;
    let browser = Browser::start(Visitor { language: "ko-KR,ko", ..Visitor::default() }).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "줄을 서 있습니다").await;
    set_mode(&gateway, "paused").await;
    until(&browser, "note", "입장이 잠시 멈췄습니다. 순서는 그대로 유지됩니다.").await;
    assert_eq!(browser.value("document.documentElement.lang").await, "ko");

    let offline =
        |offline: bool| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", offline(true)).await;
    until(&browser, "network", "지금 연결이 끊겼습니다. 순서는 그대로이며 계속 다시 연결하고 있습니다.").await;
    browser.devtools("Network.emulateNetworkConditions", offline(false)).await;
    until(&browser, "network", "").await;
    assert_eq!(browser.seen("position").await, "1");

    // No seat is for sale any more.
    let mut empty = narrow();
    empty["sections"] = json!([]);
    gateway.put_event("hall", &empty).await;
    until(&browser, "note", "모두 매진되었습니다. 취소된 좌석이 나오면 줄이 다시 움직입니다.").await;
    until(&browser, "left", "0").await;
}

/// What the server writes and what the script makes of it are the same, and every width has room for it.
/// With `STANCHION_PICTURES` naming a folder, pictures to look at are left there.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_looks_the_same_with_and_without_its_script_on_any_screen() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let inside = enter(&gateway).await;
    let cases = [
        ("light", Visitor::default()),
        ("dark", Visitor { dark: true, ..Visitor::default() }),
        ("korean", Visitor { language: "ko-KR,ko", ..Visitor::default() }),
        ("phone", Visitor { width: 360, height: 740, ..Visitor::default() }),
        ("phone-korean-dark", Visitor { width: 320, height: 640, dark: true, language: "ko-KR,ko" }),
    ];
    for (i, (name, visitor)) in cases.into_iter().enumerate() {
        let browser = Browser::start(visitor).await;
        browser.open(&page(&gateway)).await;
        until(&browser, "position", &i.max(1).to_string()).await;
        // Not the estimate (and the list it is in): it may become known between the two looks.
        let visible = "[...document.querySelectorAll('main [id]:not(#status):not(#rope):not(#bar):not(#tell)' +\
                       ':not(#wait):not(#facts)')]\
                       .filter(e => e.checkVisibility()).map(e => e.id + ': ' + e.textContent).join('\\n')";
        let by_script = browser.value(visible).await;
        snap(&browser, &format!("waiting-{name}")).await;
        // The same place as the server wrote it, before any script has run.
        browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        browser.refresh().await;
        browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": false})).await;
        assert_eq!(browser.value(visible).await, by_script, "{name}");
        assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth").await, true, "{name}");
        if name == "phone" {
            set_mode(&gateway, "paused").await;
            browser.refresh().await;
            until(&browser, "note", "The line is paused for a moment. Your place is kept.").await;
            snap(&browser, "paused-phone").await;
            set_mode(&gateway, "open").await;
            // The next one's page shall not be told of the pause by a board of before.
            until(&browser, "note", "").await;
        }
        if name == "light" {
            leave(&gateway, &inside).await;
            browser.refresh().await;
            until(&browser, "headline", "It is your turn").await;
            snap(&browser, "admitted").await;
        }
    }
}

/// The page's own SHA-256 solves what ours asks, in slices that let the page go on living.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_solves_what_the_door_asks() {
    let _turn = TURN.lock().await;
    let gateway = gateway_with(|config| {
        config.queue.proof_of_work = ProofOfWork::Adaptive;
        config.queue.proof_free_rps = 0;
        config.queue.proof_bits_min = 12;
        config.queue.proof_bits_max = 12;
    })
    .await;
    let browser = Browser::start(Visitor::default()).await;
    // Remembers every headline and how long the page was ever busy.
    let watch = "addEventListener('DOMContentLoaded', () => { window.heads = [];\
                 new MutationObserver(() => heads.push(document.getElementById('headline').textContent))\
                 .observe(document.getElementById('headline'), {childList: true}) })";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": watch})).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "It is your turn").await;
    assert_eq!(browser.value("heads.join()").await, "Checking your browser,It is your turn");
    // The refusal that asks is told by the browser as any failed request is; nothing else is wrong.
    let complaints = browser.complaints().await;
    let harmless = |told: &Value| told["message"].as_str().is_some_and(|text| text.contains("403 (Forbidden)"));
    assert!(complaints.iter().all(harmless) && complaints.len() == 1, "{complaints:?}");

    // Given back, it is joined again by the button, whose form alone could not.
    browser.press("#leave-button").await;
    browser.accept().await;
    until(&browser, "sentence", "You have left the line. You may join again, at its end.").await;
    browser.press("#enter button").await;
    until(&browser, "headline", "It is your turn").await;

    // Without a script the page says what is missing.
    let browser = Browser::start(Visitor::default()).await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    browser.open(&page(&gateway)).await;
    let told = "So many people are arriving that this sale needs JavaScript just now. \
                Please turn it on, or come back a little later.";
    browser.press("#enter button").await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": false})).await;
    until(&browser, "sentence", told).await;
    snap(&browser, "script-wanted").await;
}

async fn snap(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("STANCHION_PICTURES") {
        browser.picture(&Path::new(&folder).join(format!("{name}.png"))).await;
    }
}
