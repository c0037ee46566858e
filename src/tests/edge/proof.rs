//! The proof of work that newcomers owe while many visitors enter.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stanchion::admission::proof::zero_bits;
use stanchion::app::Role;
use stanchion::config::{Config, ProofOfWork};

use crate::edge::support::{Answer, Edge};
use crate::support::gateway::{Gateway, Store, eventually, small_hall};

const QUEUE: &str = "/v1/events/hall/queue";
const CHALLENGE: &str = "/v1/events/hall/queue/challenge";

/// Asks for a proof from the first entry on.
fn always(config: &mut Config) {
    config.queue.proof_of_work = ProofOfWork::Adaptive;
    config.queue.proof_free_rps = 0;
    config.queue.proof_bits_min = 6;
    config.queue.proof_bits_max = 12;
}

async fn hall(change: impl FnOnce(&mut Config)) -> Edge {
    let edge = Edge::with(change).await;
    edge.put_event("hall", json!({"capacity": 1})).await;
    edge
}

/// The body of an entry that solves this challenge.
fn solved(asked: &Value) -> Value {
    let challenge = asked["challenge"].as_str().expect("a challenge");
    let bits = u32::try_from(asked["bits"].as_u64().expect("bits")).expect("few");
    let nonce = (0_u64..).map(|n| n.to_string()).find(|nonce| zero_bits(challenge, nonce) >= bits);
    json!({"proof": {"challenge": challenge, "nonce": nonce}})
}

async fn enter(edge: &Edge, body: &Value) -> Answer {
    edge.post(QUEUE).json(body).send().await
}

#[tokio::test]
async fn by_default_nobody_is_asked() {
    let edge = hall(|_| {}).await;
    for _ in 0..50 {
        assert_eq!(enter(&edge, &json!({})).await.status, 201);
    }
    let asked = edge.get(CHALLENGE).send().await;
    assert_eq!((&asked.json["required"], &asked.json["bits"]), (&json!(false), &json!(0)));
    assert_eq!(
        enter(&edge, &json!({"proof": {"challenge": "x", "nonce": "y"}})).await.status,
        201,
        "a proof that nobody asked for is not looked at"
    );
}

#[tokio::test]
async fn who_comes_while_many_enter_solves_a_challenge() {
    let edge = hall(|config| {
        always(config);
        config.queue.proof_free_rps = 1;
    })
    .await;
    // One entry a second is free, counted over ten seconds. Eleven are more than that, so the twelfth needs a proof.
    let mut tokens = Vec::new();
    for _ in 0..11 {
        let calm = enter(&edge, &json!({})).await;
        assert_eq!(calm.status, 201);
        tokens.push(calm.text("token"));
    }
    let refused = enter(&edge, &json!({})).await;
    assert_eq!(refused.code(), (403, "PROOF_REQUIRED"));
    assert_eq!(refused.json["retryable"], true);
    let asked = edge.get(CHALLENGE).send().await;
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    let mut shown = asked.json.clone();
    assert!(shown["challenge"].as_str().is_some_and(|text| text.len() < 100), "{shown}");
    shown["challenge"] = json!("*");
    let wanted = json!({
        "challenge": "*", "bits": 6, "algorithm": "sha-256", "expires_at": "2026-11-20T10:02:00Z",
        "expires_in_s": 120, "required": true,
    });
    assert_eq!(shown, wanted);
    for (field, value) in wanted.as_object().expect("an object").iter().filter(|(field, _)| *field != "challenge") {
        assert_eq!(refused.json[field], *value, "the refusal says {field} too");
    }
    for asked in [&asked.json, &refused.json] {
        let entered = enter(&edge, &solved(asked)).await;
        assert_eq!((entered.status.as_u16(), entered.text("state")), (201, "waiting".to_owned()));
    }
    // A visitor with a token is asked for no proof.
    let back = edge.post(QUEUE).header("stanchion-queue", &tokens[3]).send().await;
    assert_eq!((back.status.as_u16(), back.text("token")), (200, tokens[3].clone()));
    assert_eq!(edge.get(QUEUE).header("stanchion-queue", &tokens[3]).send().await.status, 200);
    // But once that place is spent, they are newcomers.
    edge.call(Method::DELETE, QUEUE).header("stanchion-queue", &tokens[3]).send().await;
    let anew = edge.post(QUEUE).header("stanchion-queue", &tokens[3]).send().await;
    assert_eq!(anew.code(), (403, "PROOF_REQUIRED"));
    edge.clock.advance(Duration::from_secs(30));
    assert_eq!(enter(&edge, &json!({})).await.status, 201, "calm again");
}

#[tokio::test]
async fn what_proves_nothing_is_refused_with_a_fresh_challenge() {
    let edge = hall(always).await;
    edge.put_event("dome", json!({"capacity": 1})).await;
    let asked = edge.get(CHALLENGE).send().await.json;
    let good = solved(&asked);
    let (challenge, nonce) = (asked["challenge"].as_str().expect("text"), &good["proof"]["nonce"]);
    let bits = u32::try_from(asked["bits"].as_u64().expect("a number")).expect("few");
    let wrong = (0_u64..).map(|n| n.to_string()).find(|nonce| zero_bits(challenge, nonce) < bits);
    let last = if challenge.ends_with('A') { 'B' } else { 'A' };
    let forged = format!("{}{last}", &challenge[..challenge.len() - 1]);
    let foreign = solved(&edge.get("/v1/events/dome/queue/challenge").send().await.json);
    let proof = |challenge: &str, nonce: &Value| json!({"proof": {"challenge": challenge, "nonce": nonce}});
    for (what, body) in [
        ("a nonce that solves nothing", proof(challenge, &json!(wrong))),
        ("a forged challenge", proof(&forged, nonce)),
        ("another event's challenge", foreign),
        ("nonsense", proof("x", &json!("y"))),
        ("too long", proof(challenge, &json!("1".repeat(300)))),
    ] {
        let refused = enter(&edge, &body).await;
        assert_eq!(refused.code(), (403, "PROOF_INVALID"), "{what}");
        assert_eq!(enter(&edge, &solved(&refused.json)).await.status, 201, "{what}: the fresh challenge is good");
    }
    assert_eq!(enter(&edge, &json!({"proof": {"challenge": "x"}})).await.code(), (400, "VALIDATION"));
    edge.clock.advance(Duration::from_secs(120));
    assert_eq!(enter(&edge, &good).await.code(), (403, "PROOF_INVALID"), "expired");
}

/// One proof shown a hundred times gives one place, and makes the challenge harder for nobody.
#[tokio::test]
async fn a_proof_shown_again_costs_the_others_nothing() {
    let edge = hall(always).await;
    let first = edge.get(CHALLENGE).send().await.json;
    let proof = solved(&first);
    assert_eq!(enter(&edge, &proof).await.status, 201);
    let bits = async || edge.get(CHALLENGE).send().await.json["bits"].clone();
    let before = bits().await;
    for _ in 0..100 {
        assert_eq!(enter(&edge, &proof).await.status, 200, "the answer is the place that the proof got");
    }
    assert_eq!(bits().await, before);
}

#[tokio::test]
async fn what_was_asked_in_calmer_times_is_too_easy() {
    let edge = hall(|config| {
        always(config);
        config.queue.proof_bits_min = 4;
    })
    .await;
    let early = solved(&edge.get(CHALLENGE).send().await.json);
    let mut bits = Vec::new();
    for _ in 0..40 {
        let asked = edge.get(CHALLENGE).send().await.json;
        bits.push(asked["bits"].as_u64().expect("a number"));
        assert_eq!(enter(&edge, &solved(&asked)).await.status, 201);
    }
    assert_eq!((bits[0], bits[39]), (4, 5), "{bits:?}");
    assert_eq!(edge.get(CHALLENGE).send().await.json["bits"], 6, "four a second");
    assert_eq!(enter(&edge, &early).await.code(), (403, "PROOF_INVALID"));
}

#[tokio::test]
async fn a_line_of_persons_asks_each_for_a_proof_of_their_own() {
    let edge = Edge::with(always).await;
    edge.put_event("hall", json!({"identity": "user", "capacity": 1})).await;
    let (kim, lee) = (edge.token("kim", ""), edge.token("lee", ""));
    assert_eq!(edge.get(CHALLENGE).send().await.code(), (401, "UNAUTHENTICATED"));
    let proof = solved(&edge.get(CHALLENGE).bearer(&kim).send().await.json);
    let enter = async |bearer: &str, body: &Value| edge.post(QUEUE).bearer(bearer).json(body).send().await;
    assert_eq!(enter(&kim, &json!({})).await.code(), (403, "PROOF_REQUIRED"));
    assert_eq!(enter(&lee, &proof).await.code(), (403, "PROOF_INVALID"), "the proof is kim's");
    let (first, again) = (enter(&kim, &proof).await, enter(&kim, &proof).await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.text("visitor"), again.text("visitor"));
    let visitor = edge.state.admission.tokens().visitor_of(&"hall".into(), &"kim".into());
    assert_eq!(first.text("visitor"), visitor.as_str(), "the user's own, not the proof's");
}

/// One proof gives one place, even when it is shown many times at once and through two gateways.
async fn a_proof_is_one_place(gateways: &[&Gateway]) {
    let first = gateways[0];
    first.put_event("once", &small_hall()).await;
    let mut paused = small_hall();
    paused["room"]["mode"] = json!("paused");
    first.put_event("once", &paused).await;
    for gateway in gateways {
        eventually("every gateway has the event", async || {
            gateway.public.get("/v1/events/once").send().await.status == 200
        })
        .await;
    }
    let path = "/v1/events/once/queue";
    let body = solved(&first.public.get(&format!("{path}/challenge")).send().await.expect(200).json);
    let tries = (0..20).map(|i| tokio::spawn(gateways[i % gateways.len()].public.post(path).json(&body).send()));
    let mut visitors = Vec::new();
    let mut new = 0;
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer.expect("no panic");
        new += usize::from(answer.status == 201);
        visitors.push(answer.text("visitor"));
    }
    visitors.dedup();
    assert_eq!((visitors.len(), new), (1, 1), "{visitors:?}");
    let room = first.public.get("/v1/events/once/room").send().await.expect(200);
    assert_eq!(room.json["waiting"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_shown_again_is_the_same_place() {
    a_proof_is_one_place(&[&Gateway::start_with(Store::Embedded, always).await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_shown_to_two_gateways_is_the_same_place() {
    let one = Gateway::start_with(Store::Redis, always).await;
    let two = one.another(Role::All).await;
    a_proof_is_one_place(&[&one, &two]).await;
}
