//! kill -9 of the embedded gateway at any moment: everything that was answered is there afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use stanchion::clock::Clock;
use stanchion::config::load_from;
use stanchion::edge::auth::{Mint, mint};
use tokio::sync::Semaphore;

use crate::support::client::Client;
use crate::support::gateway::{SECRET, eventually, unique};
use crate::support::process::Process;

const EVENT: &str = "crash-hall";

pub fn token(user: &str, scope: &str) -> String {
    let mut config = load_from("", std::iter::empty()).expect("the defaults are good");
    config.auth.hs256_secret = SECRET.to_owned();
    mint(&config.auth, &Clock::system(), Mint { sub: user, scope, ttl_s: 3_600 }).expect("a secret signs")
}

/// Everything that the gateway has answered with success.
#[derive(Default, Clone)]
struct Answered {
    /// (user, order)
    orders: Vec<(String, String)>,
    /// (user, hold), not ordered
    holds: Vec<(String, String)>,
    /// queue tokens
    places: Vec<String>,
}

/// Sends one buyer after another until the gateway is gone. Every fourth buyer only takes a place. Of the others, every
/// third only holds a seat.
async fn buy_on(
    client: Client,
    buyer: usize,
    answered: Arc<Mutex<Answered>>,
    count: Arc<Semaphore>,
    gone: Arc<AtomicBool>,
) {
    let mut turn = buyer;
    while !gone.load(Ordering::Relaxed) {
        turn += 1;
        let user = unique("crash-user");
        let bearer = token(&user, "");
        let entered = client.post(&format!("/v1/events/{EVENT}/queue")).json(&json!({})).try_send().await;
        let Ok(entered) = entered else { return };
        let place = entered.expect(201);
        answered.lock().places.push(place.text("token"));
        count.add_permits(1);
        let Some(pass) = place.json["pass"].as_str() else { continue };
        if turn.is_multiple_of(4) {
            continue;
        }
        let hold = client
            .post(&format!("/v1/events/{EVENT}/holds"))
            .bearer(&bearer)
            .pass(pass)
            .key("h")
            .json(&json!({"section": "a", "quantity": 1}))
            .try_send()
            .await;
        let Ok(hold) = hold else { return };
        let hold = hold.expect(201).text("id");
        if turn.is_multiple_of(3) {
            answered.lock().holds.push((user, hold));
            continue;
        }
        let order = client
            .post("/v1/orders")
            .bearer(&bearer)
            .key("o")
            .json(&json!({"event": EVENT, "hold": hold, "payment": {"provider": "sandbox", "key": "ok"}}))
            .try_send()
            .await;
        let Ok(order) = order else { return };
        answered.lock().orders.push((user, order.expect(202).text("id")));
        count.add_permits(1);
    }
}

async fn everything_is_there(process: &Process, answered: &Answered) {
    for (user, order) in &answered.orders {
        let path = format!("/v1/orders/{order}?wait_s=10");
        eventually("an answered order is confirmed", async || {
            process.public.get(&path).bearer(&token(user, "")).send().await.expect(200).json["status"] == "confirmed"
        })
        .await;
    }
    for (user, hold) in &answered.holds {
        let path = format!("/v1/events/{EVENT}/holds/{hold}");
        let hold = process.public.get(&path).bearer(&token(user, "")).send().await.expect(200);
        assert_eq!(hold.json["state"], "held", "{}", hold.json);
    }
    for place in &answered.places {
        let path = format!("/v1/events/{EVENT}/queue");
        let polled = process.public.get(&path).queue(place).send().await.expect(200);
        // The place of a buyer whose order was confirmed is spent. The other visitors are inside or wait.
        assert!(["admitted", "waiting", "done"].contains(&polled.text("state").as_str()), "{}", polled.json);
    }
    let report = process.admin.call(Method::GET, "/v1/admin/audit").bearer(&token("root", "admin")).send().await;
    assert_eq!(report.expect(200).json["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let answered = Arc::new(Mutex::new(Answered::default()));
    for (round, kill_after) in [7_u32, 40, 90].into_iter().enumerate() {
        let process = Process::start(dir.path()).await;
        if round == 0 {
            let spec: Value = json!({
                "name": "Crash hall", "starts_at": "2030-01-01T00:00:00Z", "currency": "KRW", "organizer": "o",
                "sections": [{"id": "a", "name": "A", "price": 1000, "capacity": 2000}],
                "hold_ttl_s": 3600, "room": {"capacity": 100_000, "rate_per_min": 6_000_000, "pass_ttl_s": 3600},
            });
            let path = format!("/v1/admin/events/{EVENT}");
            process.admin.put(&path).bearer(&token("root", "admin")).json(&spec).send().await.expect(201);
        }
        let before = answered.lock().clone();
        everything_is_there(&process, &before).await;
        let (count, gone) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
        let buyers: Vec<_> = (0..8)
            .map(|buyer| {
                tokio::spawn(buy_on(process.public.clone(), buyer, answered.clone(), count.clone(), gone.clone()))
            })
            .collect();
        count.acquire_many(kill_after).await.expect("never closed").forget();
        process.kill();
        gone.store(true, Ordering::Relaxed);
        for buyer in buyers {
            buyer.await.expect("every answer was the wanted one");
        }
    }
    let process = Process::start(dir.path()).await;
    let all = answered.lock().clone();
    assert!(all.orders.len() >= 30 && !all.holds.is_empty(), "the rounds had something to lose");
    everything_is_there(&process, &all).await;
    assert_eq!(process.terminate(), Some(0), "SIGTERM drains and ends well");
}
