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

/// One browser at a time, because each takes more memory than all gateways of the tests together.
static TURN: Mutex<()> = Mutex::const_new(());

/// A hall with one place inside. Its room waits an hour for those who do not poll, so that neither visitors of the API
/// nor closed browsers lose their places while a test runs.
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
    set_room(gateway, json!({"mode": mode})).await;
}

/// Puts the narrow hall with these changes of its room.
async fn set_room(gateway: &Gateway, change: Value) {
    let mut hall = narrow();
    for (name, value) in change.as_object().expect("a map") {
        hall["room"][name] = value.clone();
    }
    gateway.put_event("hall", &hall).await;
}

/// Leaves by the page, which first asks to confirm.
async fn leave_by_page(browser: &Browser) {
    browser.press("#leave-name").await;
    browser.press("#leave-button").await;
}

/// Runs this before any script of the pages that are opened from now on.
async fn before_scripts(browser: &Browser, source: &str) {
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
}

/// Replaces the page's timer. `beat(n)` then lets `n` seconds pass for everything that counts down.
const BEATS: &str = "window.beats = []; window.setInterval = beat => beats.push(beat);\
                     window.beat = n => { for (let i = 0; i < n; i++) beats.forEach(beat => beat()); }";

/// Takes a place by the API. Returns its token.
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

/// Checks that the policy blocked nothing and nothing failed.
async fn content(browser: &Browser) {
    assert_eq!(browser.complaints().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_waits_moves_up_and_is_let_in_while_watching() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let (inside, ahead) = (enter(&gateway).await, enter(&gateway).await);
    let browser = Browser::start(Visitor::default()).await;
    // Stops the countdown after which the page goes on to the shop.
    before_scripts(&browser, BEATS).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are in line").await;
    until(&browser, "position", "2").await;
    assert_eq!((browser.seen("ahead").await, browser.seen("behind").await), ("1".into(), "0".into()));
    assert_eq!(browser.value("document.title").await, "1 ahead · 작은 홀 / Small hall");
    until(&browser, "status", "You are in line Ahead of you: 1.").await;

    // A refresh keeps the place: a visitor who came meanwhile stands behind.
    let behind = enter(&gateway).await;
    browser.refresh().await;
    until(&browser, "behind", "1").await;
    assert_eq!(browser.seen("position").await, "2");

    leave(&gateway, &ahead).await;
    until(&browser, "position", "1").await;
    until(&browser, "headline", "You are next").await;
    assert_eq!(browser.value("document.getElementById('bar').value").await, 1);
    leave(&gateway, &inside).await;
    until(&browser, "headline", "It is your turn").await;
    assert_eq!(browser.value("document.title").await, "Your turn! 작은 홀 / Small hall");
    assert_eq!(browser.value("document.activeElement.id").await, "go", "the link to the shop has the focus");
    assert_eq!(browser.value("document.getElementById('go').getAttribute('href')").await, "/v1/events/hall");
    content(&browser).await;

    // Giving the turn back lets the next visitor in, and a refresh does not put the one who left in line again.
    assert_eq!(browser.seen("leave-button").await, "", "leaving takes two steps");
    browser.press("#leave-name").await;
    let asked = browser.seen("leave-sure").await;
    assert!(asked.starts_with("Give your turn back?"), "{asked:?}");
    let taller = "document.getElementById('go').offsetHeight > document.getElementById('leave-name').offsetHeight";
    assert_eq!(browser.value(taller).await, true, "the button that leaves is not the biggest");
    browser.press("#leave-button").await;
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

/// A visitor leaves. Before the page that confirms this is there, the old page may poll once more and be told that it
/// has no place. It must not show that.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_so_however_late_the_answer_comes() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let address = gateway.public_url.strip_prefix("http://").expect("an address").parse().expect("an address");
    let proxy = Proxy::to(address).await;
    proxy.set(Mode::DelayOf("GET /room/hall?left", Duration::from_secs(1)));
    let browser = Browser::start(Visitor::default()).await;
    before_scripts(&browser, BEATS).await;
    browser.open(&format!("http://{}/room/hall", proxy.addr)).await;
    until(&browser, "headline", "It is your turn").await;
    leave_by_page(&browser).await;
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
    until(&browser, "headline", "바로 다음 차례입니다").await;
    set_mode(&gateway, "paused").await;
    until(&browser, "headline", "입장이 잠시 멈췄습니다").await;
    assert_eq!(browser.value("document.documentElement.lang").await, "ko");

    let offline =
        |offline: bool| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", offline(true)).await;
    until(&browser, "network", "지금 연결이 끊겼습니다. 계속 다시 연결하고 있습니다.").await;
    browser.devtools("Network.emulateNetworkConditions", offline(false)).await;
    until(&browser, "network", "").await;
    assert_eq!(browser.seen("position").await, "1");

    // No seats are for sale any more.
    let mut empty = narrow();
    empty["sections"] = json!([]);
    gateway.put_event("hall", &empty).await;
    until(&browser, "headline", "매진되었습니다").await;
    until(&browser, "left", "0").await;
    assert_eq!(
        browser.value("document.getElementById('rope').checkVisibility({visibilityProperty: true})").await,
        false
    );
}

/// The page that the server writes and the page that the script makes of it look the same, and fit every width. If
/// `STANCHION_PICTURES` names a folder, pictures of the pages are left there.
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
        (
            "phone-korean-dark",
            Visitor { width: 320, height: 640, dark: true, language: "ko-KR,ko", ..Visitor::default() },
        ),
    ];
    for (i, (name, visitor)) in cases.into_iter().enumerate() {
        let browser = Browser::start(visitor).await;
        browser.open(&page(&gateway)).await;
        until(&browser, "position", &i.max(1).to_string()).await;
        // Leaves out the estimate and the list that it is in, because it may become known between the two looks.
        let visible = "[...document.querySelectorAll('main [id]:not(#status):not(#rope):not(#bar):not(#tell)' +\
                       ':not(#wait):not(#facts):not(#updated):not(#words)')]\
                       .filter(e => e.checkVisibility()).map(e => e.id + ': ' + e.textContent).join('\\n')";
        let by_script = browser.value(visible).await;
        snap(&browser, &format!("waiting-{name}")).await;
        // The same place, as the server writes it and before any script has run.
        browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        browser.refresh().await;
        browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": false})).await;
        assert_eq!(browser.value(visible).await, by_script, "{name}");
        assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth").await, true, "{name}");
        if name == "phone" {
            set_mode(&gateway, "paused").await;
            browser.refresh().await;
            until(&browser, "headline", "The line is paused").await;
            snap(&browser, "paused-phone").await;
            set_mode(&gateway, "open").await;
            // Waits until the board shows no pause, so that the page of the next browser does not show one either.
            until(&browser, "headline", "You are in line").await;
        }
        if name == "light" {
            leave(&gateway, &inside).await;
            browser.refresh().await;
            until(&browser, "headline", "It is your turn").await;
            snap(&browser, "admitted").await;
        }
    }
}

/// The page's own SHA-256 solves our challenge, in slices that leave the page time for everything else.
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
    before_scripts(&browser, BEATS).await;
    // Records every headline.
    let watch = "addEventListener('DOMContentLoaded', () => { window.heads = [];\
                 new MutationObserver(() => heads.push(document.getElementById('headline').textContent))\
                 .observe(document.getElementById('headline'), {childList: true}) })";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": watch})).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "It is your turn").await;
    assert_eq!(browser.value("heads.join()").await, "Checking your browser,It is your turn");
    // The browser reports the refusal that asks for a proof as a failed request. It reports nothing else.
    let complaints = browser.complaints().await;
    let harmless = |told: &Value| told["message"].as_str().is_some_and(|text| text.contains("403 (Forbidden)"));
    assert!(complaints.iter().all(harmless) && complaints.len() == 1, "{complaints:?}");

    // After leaving, the button joins again. Its form alone could not, because it has no proof.
    leave_by_page(&browser).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_let_in_goes_on_by_themselves_or_stays() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let browser = Browser::start(Visitor::default()).await;
    before_scripts(&browser, BEATS).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "going", "You go on to the shop in 10 s.").await;
    assert!(browser.seen("clock-left").await.starts_with("59:") || browser.seen("clock-left").await == "1:00:00");
    browser.value("beat(3)").await;
    until(&browser, "going", "You go on to the shop in 7 s.").await;
    // The countdown stands still while the page asks whether to leave.
    browser.press("#leave-name").await;
    browser.value("beat(20)").await;
    assert_eq!(browser.seen("going").await, "You go on to the shop in 7 s.");
    snap(&browser, "going-on").await;
    browser.press("#leave-name").await;

    browser.press("#stay").await;
    browser.value("beat(20)").await;
    assert_eq!(
        (browser.seen("going").await, browser.seen("headline").await),
        (String::new(), "It is your turn".into())
    );
    browser.refresh().await;
    until(&browser, "headline", "It is your turn").await;
    browser.value("beat(20)").await;
    assert_eq!(browser.seen("headline").await, "It is your turn", "a refresh changes nothing");
    content(&browser).await;

    browser.value("sessionStorage.clear()").await;
    browser.refresh().await;
    until(&browser, "going", "You go on to the shop in 10 s.").await;
    browser.value("beat(9)").await;
    assert_eq!(browser.seen("going").await, "You go on to the shop in 1 s.");
    browser.value("beat(1)").await;
    let shop = format!("{}/v1/events/hall", gateway.public_url);
    eventually("gone on", async || browser.value("location.href").await == shop.as_str()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_visit_is_warned_of_and_told() {
    let _turn = TURN.lock().await;
    let gateway = gateway_with(|config| config.web.shop_url.clear()).await;
    set_room(&gateway, json!({"pass_ttl_s": 4})).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    let warning = "Less than a minute is left. Finish what you have begun: after that nothing new begins here.";
    until(&browser, "note", warning).await;
    assert_eq!(browser.value("document.getElementById('status').textContent").await, warning);
    assert!(browser.seen("clock-left").await.starts_with("0:0"));
    until(&browser, "headline", "Your visit is over").await;
    let ended =
        "You ordered, gave your turn back, or your time is up. What you hold or have ordered may still be finished.";
    assert_eq!(browser.seen("sentence").await, ended);
    assert_eq!(browser.seen("note").await, "You may join again, at the end of the line.");
    content(&browser).await;
}

/// A visitor who closes the page keeps the place, but misses the turn.
#[tokio::test(flavor = "multi_thread")]
async fn who_closed_the_page_is_told_of_the_turn_they_missed() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let waits = json!({"absent_after_s": 1, "claim_ttl_s": 1, "late_grace_s": 3_600});
    set_room(&gateway, waits.clone()).await;
    let inside = enter(&gateway).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are next").await;
    let keep = "You may refresh or close this page: this browser keeps your place in line. Be here at your turn. \
                Who is away then is called once more if back within 60 minutes; after that the place is gone.";
    assert_eq!(browser.seen("keep").await, keep);
    browser.open("about:blank").await;
    let late = async || {
        // This poll makes the gateway notice that the line has moved.
        gateway.public.get("/v1/events/hall/queue").queue(&inside).send().await.expect(200);
        let room = gateway.public.get("/v1/events/hall/room").send().await.expect(200).json;
        room["waiting"] == 0 && room["inside"] == 0
    };
    leave(&gateway, &inside).await;
    eventually("nobody is there", late).await;
    let mut paused = waits;
    paused["mode"] = json!("paused");
    set_room(&gateway, paused).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You missed your turn").await;
    let told = browser.seen("sentence").await;
    assert_eq!(browser.seen("keep").await, "", "there is no second grace");
    assert!(
        told.starts_with("We called you ") && told.contains("and you were away. You are called once more"),
        "{told}"
    );
    snap(&browser, "late").await;
    content(&browser).await;
    set_room(&gateway, json!({"mode": "open"})).await;
    until(&browser, "headline", "It is your turn").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_tells_that_the_line_was_left_in_another_one() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    enter(&gateway).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are next").await;
    let first = browser.open_tab().await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are next").await;
    leave_by_page(&browser).await;
    until(&browser, "sentence", "You have left the line. You may join again, at its end.").await;
    browser.look_at(&first).await;
    until(&browser, "headline", "You have no place here any more").await;
    assert_eq!(browser.value("document.getElementById('room').hasAttribute('data-auto')").await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_opening_the_servers_clock_counts_down() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let mut hall = narrow();
    let opens = jiff::Timestamp::from_millisecond(gateway.clock.now_ms() + 3_600_000).expect("in range");
    hall["opens_at"] = json!(opens.to_string());
    hall["timezone"] = json!("Asia/Seoul");
    hall["room"]["mode"] = json!("scheduled");
    gateway.put_event("hall", &hall).await;
    enter(&gateway).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "America/New_York"})).await;
    // The clock of this device is a day ahead.
    before_scripts(&browser, "const real = Date.now; Date.now = () => real() + 86_400_000").await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are early").await;
    until(&browser, "waiting", "2").await;
    assert_eq!(browser.seen("clock-name").await, "The sale opens in");
    eventually("it counts down", async || browser.seen("clock-left").await.starts_with("59:")).await;
    assert!(browser.seen("opens").await.ends_with("KST"), "{}", browser.seen("opens").await);
    assert!(browser.seen("own").await.contains(" E"), "{}", browser.seen("own").await);
    assert!(browser.seen("updated").await.starts_with("Last updated "));
    snap(&browser, "scheduled").await;
    content(&browser).await;

    // The room opens earlier than announced. The visitor who entered first is let in, and this browser is next.
    hall["room"]["mode"] = json!("open");
    gateway.put_event("hall", &hall).await;
    until(&browser, "headline", "You are next").await;
    assert_eq!(browser.seen("clock").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_cookies_are_told_and_no_ghost_is_left() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let browser = Browser::start(Visitor { cookies: false, ..Visitor::default() }).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "Please allow cookies").await;
    for _press in 0..2 {
        // The page before has the same headline, so wait until another page is there.
        browser.value("window.before = true").await;
        browser.press("#enter button").await;
        eventually("another page is there", async || browser.value("window.before === undefined").await == true).await;
        until(&browser, "headline", "Please allow cookies").await;
    }
    let room = gateway.public.get("/v1/events/hall/room").send().await.expect(200).json;
    assert_eq!(room["admitted_total"], 0, "nobody was ever let in: {room}");
    // Nobody gets a place even if a script makes it look as if cookies were kept.
    let lie = "let kept = ''; Object.defineProperty(Document.prototype, 'cookie', {get: () => kept, set: set => { kept = set }})";
    before_scripts(&browser, lie).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "Please allow cookies").await;
    let nobody = async || {
        let room = gateway.public.get("/v1/events/hall/room").send().await.expect(200).json;
        room["inside"] == 0 && room["waiting"] == 0
    };
    eventually("nobody has a place", nobody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tell_me_says_that_it_is_on_and_outlives_a_refresh() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    enter(&gateway).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "tell", "Tell me when it is my turn").await;
    browser.press("#tell").await;
    until(&browser, "tell", "We will tell you: sound is on").await;
    browser.refresh().await;
    until(&browser, "tell", "We will tell you: press anywhere for sound").await;
    assert_eq!(browser.value("document.getElementById('tell').getAttribute('aria-pressed')").await, "true");
    browser.press("#headline").await;
    until(&browser, "tell", "We will tell you: sound is on").await;
    browser.press("#tell").await;
    until(&browser, "tell", "Tell me when it is my turn").await;
    content(&browser).await;
}

/// With the largest text on the smallest screen, every number stays in one line and nothing reaches beyond the screen.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_never_break_and_rooms_without_seats_have_no_empty_box() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let mut club = narrow();
    club["sections"] = json!([]);
    gateway.put_event("club", &club).await;
    gateway.public.post("/v1/events/club/queue").json(&json!({})).send().await.expect(201);
    let browser = Browser::start(Visitor { width: 320, height: 640, ..Visitor::default() }).await;
    browser.open(&format!("{}/room/club", gateway.public_url)).await;
    until(&browser, "headline", "You are next").await;
    let corner = "(e => { e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();\
                  return getComputedStyle(document.elementFromPoint(b.right - 4, b.bottom - 4)).backgroundColor })\
                  (document.getElementById('facts'))";
    let colour = browser.value(corner).await;
    assert!(colour == "rgba(0, 0, 0, 0)" || colour == "rgb(255, 255, 255)", "a box without a fact: {colour}");

    // Stops the page's polls, so that it does not overwrite the numbers.
    before_scripts(&browser, "window.setTimeout = () => 0").await;
    browser.refresh().await;
    browser.value("document.documentElement.style.fontSize = '200%'").await;
    let wide = "['position', 'ahead', 'behind', 'left'].map(id => document.getElementById(id))\
                .map(e => { e.textContent = '1,234,567'; return e })\
                .filter(e => e.checkVisibility()).map(e => {\
                  const all = document.createRange(); all.selectNodeContents(e);\
                  const box = all.getBoundingClientRect();\
                  return [e.id, all.getClientRects().length === 1 && box.left >= 0 && box.right <= innerWidth] })";
    assert_eq!(browser.value(wide).await, json!([["position", true], ["ahead", true], ["behind", true]]));
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth").await, true);
    snap(&browser, "large-text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_jumps_under_the_pointer_while_one_waits() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let inside = enter(&gateway).await;
    let ahead = enter(&gateway).await;
    // With large text, the texts of the states differ in their number of lines.
    for (language, width, size) in [("en-US", 320, "200%"), ("ko-KR", 1024, "100%")] {
        let browser = Browser::start(Visitor { language, width, ..Visitor::default() }).await;
        browser.open(&page(&gateway)).await;
        let waits = "document.getElementById('room').dataset.state";
        eventually("in line", async || browser.value(waits).await == "waiting").await;
        browser.value(&format!("document.documentElement.style.fontSize = '{size}'")).await;
        let state = async |room: &str| {
            let is = async || browser.value("document.getElementById('room').dataset.room").await == room;
            eventually(room, is).await;
            browser.value("['tell', 'out'].map(id => document.getElementById(id).getBoundingClientRect().top)").await
        };
        set_mode(&gateway, "paused").await;
        let before = state("paused").await;
        let mut empty = narrow();
        empty["sections"] = json!([]);
        gateway.put_event("hall", &empty).await;
        assert_eq!(state("sold_out").await, before, "{language}");
        set_mode(&gateway, "drain").await;
        assert_eq!(state("drain").await, before, "{language}");
        set_mode(&gateway, "open").await;
        assert_eq!(state("open").await, before, "{language}");
    }
    leave(&gateway, &ahead).await;
    leave(&gateway, &inside).await;
}

/// A screen reader is told news at once. It is told of steps forward only at each tenth of the way, and at most twice a
/// minute.
#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_of_tenths_and_of_the_end() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let inside = enter(&gateway).await;
    let mut ahead = Vec::new();
    for _ in 0..5 {
        ahead.push(enter(&gateway).await);
    }
    let browser = Browser::start(Visitor::default()).await;
    let listen = "window.heard = []; window.at = 0; performance.now = () => at;\
                  addEventListener('DOMContentLoaded', () => {\
                  const status = document.getElementById('status');\
                  new MutationObserver(() => heard.push(status.textContent)).observe(status, {childList: true}) })";
    before_scripts(&browser, listen).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "position", "6").await;
    leave(&gateway, &ahead.pop().expect("five")).await;
    until(&browser, "position", "5").await;
    leave(&gateway, &ahead.pop().expect("four")).await;
    until(&browser, "position", "4").await;
    assert_eq!(browser.value("heard").await, json!(["You are in line Ahead of you: 5."]));
    browser.value("at = 31_000").await;
    leave(&gateway, &ahead.pop().expect("three")).await;
    until(&browser, "position", "3").await;
    let heard = json!(["You are in line Ahead of you: 5.", "Ahead of you: 2."]);
    // The message may already have been given for the step before, so only the count is checked.
    eventually("a tenth is heard", async || browser.value("heard.length").await == 2).await;
    leave(&gateway, &ahead.pop().expect("two")).await;
    leave(&gateway, &ahead.pop().expect("one")).await;
    until(&browser, "headline", "You are next").await;
    leave(&gateway, &inside).await;
    until(&browser, "headline", "It is your turn").await;
    let all = browser.value("heard").await;
    let all = all.as_array().expect("a list");
    assert_eq!((all.len(), &all[0]), (4, &heard[0]), "{all:?}");
    assert!(all[2].as_str().is_some_and(|text| text.starts_with("You are next ")), "{all:?}");
    assert!(all[3].as_str().is_some_and(|text| text.starts_with("It is your turn ")), "{all:?}");
}

/// A hidden page gets almost no timers, so its stream must keep its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_tab_keeps_its_place() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    set_room(&gateway, json!({"absent_after_s": 3})).await;
    let inside = enter(&gateway).await;
    let browser = Browser::start(Visitor::default()).await;
    browser.open(&page(&gateway)).await;
    until(&browser, "headline", "You are next").await;
    let hide = "(() => { window.setTimeout = () => 0; Object.defineProperty(document, 'hidden', {get: () => true});\
                document.dispatchEvent(new Event('visibilitychange')) })()";
    browser.value(hide).await;
    let hidden_ms = gateway.clock.now_ms();
    eventually("longer than who is absent", async || gateway.clock.now_ms() - hidden_ms > 6_000).await;
    leave(&gateway, &inside).await;
    until(&browser, "headline", "It is your turn").await;
    // The browser has the pass, which only a poll brings.
    let cookies = browser.devtools("Network.getCookies", json!({"urls": [gateway.public_url]})).await;
    let names: Vec<&Value> = cookies["cookies"].as_array().expect("a list").iter().map(|c| &c["name"]).collect();
    assert!(names.contains(&&json!("stanchion_pass_hall")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_nowhere_is_a_page() {
    let _turn = TURN.lock().await;
    let gateway = gateway().await;
    let browser = Browser::start(Visitor { language: "ko-KR,ko", width: 320, ..Visitor::default() }).await;
    browser.open(&format!("{}/room/nowhere", gateway.public_url)).await;
    assert_eq!(browser.seen("headline").await, "그런 공연이 없습니다");
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth").await, true);
    snap(&browser, "error").await;
    browser.open(&gateway.admin_url).await;
    assert_eq!(browser.seen("headline").await, "여기에는 아무것도 없습니다");
}
