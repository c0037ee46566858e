//! The line: entering, polling as told, losing patience, going silent, being called. Checks what a place in line
//! promises.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::client::Kind;
use super::persona::Patience;
use super::step::Step;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::Call;

/// Polls that say "sold out" before a visitor believes it.
const SOLD_OUT_POLLS: u32 = 2;
/// Longest pause the gateway may dictate, ms.
const POLL_AFTER_MAX_MS: u64 = 60_000;

/// Returns when it is the visitor's turn, with the pass in their pocket.
pub async fn stand(visitor: &mut Visitor<'_>) -> Result<(), End> {
    let mut place = enter(visitor).await?;
    let mut best = i64::MAX;
    let mut sold_out = 0;
    let mut polls = 0;
    let mut was_away = false;
    loop {
        match seen(visitor, &place, &mut best) {
            Turn::Mine => return Ok(()),
            Turn::Waiting => {}
            Turn::Over if was_away => return Err(End::CalledInVain),
            Turn::Over => {
                visitor.world.breach(Step::Poll, "a visitor who was there lost the place", &place);
                return Err(End::Broken);
            }
            Turn::Closed => return Err(End::RoomClosed),
            Turn::Unknown => return Err(End::Broken),
        }
        if place["room"] == "sold_out" {
            sold_out += 1;
            if sold_out >= SOLD_OUT_POLLS {
                leave(visitor).await?;
                return Err(End::SoldOut);
            }
        }
        match visitor.persona.patience {
            Patience::Leaves { polls: after } if polls >= after => {
                leave(visitor).await?;
                return Err(End::LeftTheLine);
            }
            Patience::Silent { polls: after, back_after } if polls >= after && !was_away => match back_after {
                None => return Err(End::WentSilent),
                Some(away) => {
                    was_away = true;
                    tokio::time::sleep(away).await;
                }
            },
            Patience::Waits | Patience::Leaves { .. } | Patience::Silent { .. } => {
                tokio::time::sleep(pause(visitor, &place)).await;
            }
        }
        polls += 1;
        place = poll(visitor).await?;
    }
}

/// Leaves for good, so that the place goes to the next one at once.
pub async fn leave(visitor: &Visitor<'_>) -> Result<(), End> {
    queue(visitor, Step::Leave, Method::DELETE, None).await.map(drop)
}

enum Turn {
    Mine,
    Waiting,
    Over,
    Closed,
    Unknown,
}

async fn enter(visitor: &mut Visitor<'_>) -> Result<Value, End> {
    let body = json!({});
    // A visitor who enters is a stranger: no token, no user.
    let path = visitor.world.path("/queue");
    let call = Call {
        step: Step::Enter,
        method: Method::POST,
        path: &path,
        headers: &[],
        body: Some(&body),
        kind: Kind::Short,
    };
    let place = visitor.world.must(call).await?;
    visitor.world.tally.add(Count::Entered, 1);
    let Some(token) = place["token"].as_str().filter(|t| !t.is_empty()) else {
        visitor.world.breach(Step::Enter, "no token", &place);
        return Err(End::Broken);
    };
    visitor.queue_token = token.to_owned();
    Ok(place)
}

async fn poll(visitor: &Visitor<'_>) -> Result<Value, End> {
    queue(visitor, Step::Poll, Method::GET, None).await
}

async fn queue(visitor: &Visitor<'_>, step: Step, method: Method, body: Option<&Value>) -> Result<Value, End> {
    let path = visitor.world.path("/queue");
    let headers = [("stanchion-queue", visitor.queue_token.as_str())];
    visitor.world.must(Call { step, method, path: &path, headers: &headers, body, kind: Kind::Short }).await
}

/// Reads a place. `best` is the lowest position shown so far: no later position may be higher.
fn seen(visitor: &mut Visitor<'_>, place: &Value, best: &mut i64) -> Turn {
    let world = visitor.world;
    match place["state"].as_str().unwrap_or_default() {
        "admitted" => {
            visitor.pass = place["pass"].as_str().unwrap_or_default().to_owned();
            world.expect(!visitor.pass.is_empty(), Step::Poll, "admitted without a pass", place);
            world.tally.add(Count::Admitted, 1);
            Turn::Mine
        }
        "waiting" => {
            // Null while the room recovers.
            if let Some(position) = place["position"].as_i64() {
                world.expect(position >= 1, Step::Poll, "a position below 1", place);
                world.expect(place["ahead"] == position - 1, Step::Poll, "position is not ahead + 1", place);
                if position > *best {
                    let step = Step::Poll.name();
                    world.tally.breach(&format!("{step}: a position grew"), || format!("from {best}: {place}"));
                }
                *best = position.min(*best);
            }
            Turn::Waiting
        }
        "scheduled" => Turn::Waiting,
        "done" => Turn::Over,
        "closed" => Turn::Closed,
        _ => {
            world.breach(Step::Poll, "an unknown state", place);
            Turn::Unknown
        }
    }
}

fn pause(visitor: &Visitor<'_>, place: &Value) -> Duration {
    let told = place["poll_after_ms"].as_u64().filter(|ms| (1..=POLL_AFTER_MAX_MS).contains(ms));
    visitor.world.expect(told.is_some(), Step::Poll, "no sensible poll_after_ms", place);
    Duration::from_millis(told.unwrap_or(1_000))
}
