//! A lottery through the public API, from before the opening to the last visitor let in, on both stores: before the
//! opening nobody knows a rank, afterwards anybody can compute it, and the room lets in by it.

use serde_json::{Value, json};
use stanchion::facts::draw::Seed;
use stanchion::facts::ids::VisitorId;

use crate::admission::support::{Line, spec};
use crate::cli::verify_draw::verify;
use crate::support::client::Answer;
use crate::support::gateway::{Gateway, Store, eventually};

const PEOPLE: usize = 12;

async fn enter(line: &Line<'_>, user: &str) -> Answer {
    let call = line.gateway.public.post(&line.path()).bearer(&line.gateway.token(user));
    call.json(&json!({})).send().await
}

async fn a_lottery(store: Store) {
    let gateway = Gateway::start(store).await;
    let lottery = json!({"mode": "scheduled", "order": "lottery", "identity": "user", "capacity": 1});
    let mut spec = spec(lottery);
    // The opening is announced for a day from now. In this test an operator opens the room by hand.
    spec["opens_at"] = json!(stanchion::facts::time::rfc3339(gateway.clock.now_ms() + 86_400_000));
    gateway.put_event("lottery", &spec).await;
    let line = Line { gateway: &gateway, event: "lottery" };
    let commitment = line.room().await["draw"]["commitment"].as_str().expect("from the beginning").to_owned();

    let mut tokens: Vec<(String, String)> = Vec::new();
    for n in 0..PEOPLE {
        let entered = enter(&line, &format!("user-{n}")).await.expect(201);
        assert_eq!((&entered.json["state"], &entered.json["position"]), (&json!("scheduled"), &json!(null)));
        tokens.push((entered.text("visitor"), entered.text("token")));
    }
    // One person has one draw: on another device, and after leaving and coming back, it is the same one.
    let again = enter(&line, "user-0").await.expect(200);
    assert_eq!((again.text("visitor"), again.text("token")), tokens[0]);
    line.leave(&tokens[1].1).await;
    let back = enter(&line, "user-1").await.expect(201);
    assert_eq!(
        (back.text("visitor"), back.text("token")),
        tokens[1],
        "leaving and coming back changes neither the id nor the token"
    );
    line.leave(&tokens[2].1).await;
    gateway.public.get("/v1/events/lottery/room/draw").send().await.expect_code(409, "DRAW_NOT_OPEN");

    line.set(json!({"mode": "open"})).await;
    eventually("the seed is told", async || line.room().await["draw"]["seed"].is_string()).await;
    let draw = line.room().await["draw"].clone();
    assert_eq!(draw["commitment"], json!(commitment), "what was promised");
    let told = gateway.public.get("/v1/events/lottery/room/draw").send().await.expect(200);
    let ran = verify(&told.body, &["--commitment", &commitment]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ranked: Vec<&str> = ran.out.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let took_part: Vec<&(String, String)> =
        tokens.iter().enumerate().filter(|(n, _)| *n != 2).map(|(_, person)| person).collect();
    assert_eq!(ranked.len(), took_part.len(), "a visitor who left before the opening takes no part: {}", ran.out);
    let seed: [u8; 32] = hex::decode(draw["seed"].as_str().expect("told")).expect("hex").try_into().expect("32 bytes");
    let seed = Seed::new(seed);
    let mut own: Vec<&str> = took_part.iter().map(|(visitor, _)| visitor.as_str()).collect();
    own.sort_by_key(|visitor| seed.score(&VisitorId::from(*visitor)));
    assert_eq!(ranked, own, "anyone computes the same ranks from the seed");

    // Visitors who come after the opening stand behind all who took part. The room lets in by the draw.
    let late = enter(&line, "late").await.expect(201);
    let order: Vec<&str> = ranked
        .iter()
        .map(|visitor| token_of(&tokens, visitor))
        .chain([late.json["token"].as_str().expect("a token")])
        .collect();
    for token in &order {
        let admitted = line.until(token, "admitted").await;
        let waiting: Value = line.room().await["inside"].clone();
        assert_eq!(waiting, 1, "{admitted}");
        line.leave(token).await;
    }
}

fn token_of<'a>(tokens: &'a [(String, String)], visitor: &str) -> &'a str {
    let found = tokens.iter().find(|(known, _)| known == visitor);
    &found.unwrap_or_else(|| panic!("{visitor} entered")).1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lottery_embedded() {
    a_lottery(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lottery_on_redis() {
    a_lottery(Store::Redis).await;
}
