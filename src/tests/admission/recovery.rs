//! A line whose Redis was wiped, or set back to an older file. The visitors' tokens hold the places of those who wait;
//! the ledger has who is inside and which places are spent.

use serde_json::{Value, json};

use crate::admission::support::Line;
use crate::support::gateway::{Gateway, Store, eventually};
use crate::support::servers::OwnRedis;

/// How many visitors are inside, counted in Redis. A lane's keys begin with its tag, hence the `*`.
fn inside(redis: &OwnRedis, event: &str) -> i64 {
    let script = format!(
        "local n = 0 for _, key in ipairs(redis.call('KEYS', '*:e:{event}:inside')) do n = n + redis.call('ZCARD', key) end return n"
    );
    let answer = redis.says(&format!("EVAL \"{script}\" 0"));
    answer
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches(':')
        .parse()
        .unwrap_or_else(|_| panic!("a number: {answer}"))
}

/// Loses the lane by `lose` in the middle of a sale. With `back_up`, Redis' files are copied earlier in the sale.
/// Everything from before the loss must hold afterwards.
async fn outlives(event: &'static str, back_up: bool, lose: impl Fn(&mut OwnRedis)) {
    let mut redis = OwnRedis::start().await;
    let url = redis.url();
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = url).await;
    let line = Line::new(&gateway, event, json!({})).await;
    let (first, answer) = line.enter().await;
    let first_pass = answer.text("pass");
    let (gone, _) = line.enter().await;
    let waiting = line.many(6).await;
    if back_up {
        redis.back_up();
    }
    // These happen after the copy: one visitor leaves, the next is let in, two more come.
    line.leave(&gone).await;
    let second_pass = line.until(&waiting[0], "admitted").await["pass"].as_str().expect("a pass").to_owned();
    let late_comers = line.many(2).await;
    line.kept(3, 1).await;
    let line_of_before: Vec<&String> = waiting[1..].iter().chain(&late_comers).collect();

    // This happens just before the loss: the ledger has not heard of it.
    let (hasty, _) = line.enter().await;
    line.leave(&hasty).await;
    lose(&mut redis);
    let recovering = async || {
        let answer = line.poll(line_of_before[0]).await;
        assert!(answer["state"] == "waiting", "{answer}");
        answer["room"] == "recovering" && answer["position"].is_null()
    };
    eventually("the room says that it recovers", recovering).await;
    let newcomer = {
        let token = std::sync::Mutex::new(None);
        eventually("the door is open again", async || {
            assert!(inside(&redis, event) <= 2, "capacity is kept");
            let answer = gateway.public.post(&line.path()).json(&json!({})).send().await;
            assert!(matches!(answer.status.as_u16(), 201 | 503), "{}", answer.json);
            *token.lock().expect("one task") = answer.json["token"].as_str().map(str::to_owned);
            answer.status == 201
        })
        .await;
        token.into_inner().expect("one task").expect("just entered")
    };
    // The visitors come back in the reverse order of their places: who comes back first must not matter.
    for token in line_of_before.iter().rev() {
        line.poll(token).await;
    }
    eventually("the room goes on", async || {
        assert!(inside(&redis, event) <= 2, "capacity is kept");
        for token in &line_of_before {
            line.poll(token).await;
        }
        line.poll(&newcomer).await["room"] == "open"
    })
    .await;
    for (pass, token) in [(&first_pass, &first), (&second_pass, &waiting[0])] {
        assert!(line.verified(pass).await, "a live pass is good");
        assert_eq!(line.state(token).await, "admitted", "the visitor who was inside still is");
    }
    assert_eq!(line.state(&gone).await, "done", "a visitor who is through does not get in again");
    assert_eq!(line.state(&hasty).await, "done", "nor does one who left just before the loss");

    // One place at a time comes free. They are let in as they first came, the newcomer last.
    let mut inside_now = first;
    for token in line_of_before.iter().copied().chain([&newcomer]) {
        line.leave(&inside_now).await;
        line.until(token, "admitted").await;
        assert!(inside(&redis, event) <= 2, "capacity is kept");
        inside_now = token.clone();
    }
    let total: Value = line.room().await;
    assert_eq!(total["admitted_total"], 3 + 8, "{total}");
    for token in line_of_before.iter().take(7) {
        assert_eq!(line.state(token).await, "done", "nobody is let in a second time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_line_stands_as_it_stood() {
    outlives("wiped-line", false, |redis| redis.flush()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_set_back_stands_as_it_stood() {
    outlives("set-back-line", true, |redis| redis.set_back()).await;
}

/// Entries alone must show that the lane was set back: this lane's log never had a record.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_orders_is_known_to_be_behind() {
    let mut redis = OwnRedis::start().await;
    let url = redis.url();
    let gateway = Gateway::start_with(Store::Redis, |config| config.redis.url = url).await;
    let line = Line::new(&gateway, "no-orders", json!({"capacity": 0})).await;
    let before = line.many(3).await;
    redis.back_up();
    let after = line.many(3).await;
    redis.set_back();
    eventually("the room recovers", async || line.room().await["room"] == "recovering").await;
    eventually("the line stands", async || {
        let mut positions = Vec::new();
        for token in before.iter().chain(&after) {
            positions.push(line.poll(token).await["position"].clone());
        }
        positions == [1, 2, 3, 4, 5, 6].map(Value::from)
    })
    .await;
    let (_, newcomer) = line.enter().await;
    assert_eq!(newcomer.json["position"], 7);
}
