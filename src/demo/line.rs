//! The line: entering, polling as told, losing patience, going silent, being called. Checks what a place in line
//! promises.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::client::RequestKind;
use super::persona::Patience;
use super::step::BuyerStep;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::VisitorRequest;

/// Polls that say "sold out" before a visitor believes it.
const SOLD_OUT_POLLS: u32 = 2;
/// Longest pause the gateway may dictate, ms.
const POLL_AFTER_MAX_MS: u64 = 60_000;

/// Waits in line. Returns when it is the visitor's turn; the visitor then has a pass.
pub async fn stand(visitor: &mut Visitor<'_>) -> Result<(), End> {
    let mut place = enter(visitor).await?;
    let mut best = i64::MAX;
    let mut sold_out = 0;
    let mut polls = 0;
    let mut was_away = false;
    loop {
        match seen(visitor, &place, &mut best) {
            VisitorTurn::Mine => return Ok(()),
            VisitorTurn::Waiting => {}
            VisitorTurn::Over if was_away => return Err(End::CalledInVain),
            VisitorTurn::Over => {
                visitor.world.breach(BuyerStep::Poll, "a visitor who was there lost the place", &place);
                return Err(End::Broken);
            }
            VisitorTurn::Closed => return Err(End::RoomClosed),
            VisitorTurn::Unknown => return Err(End::Broken),
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

/// Leaves for good, so that the next visitor gets the place at once.
pub async fn leave(visitor: &Visitor<'_>) -> Result<(), End> {
    queue(visitor, BuyerStep::Leave, Method::DELETE, None).await.map(drop)
}

enum VisitorTurn {
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
    let call = VisitorRequest {
        step: BuyerStep::Enter,
        method: Method::POST,
        path: &path,
        headers: &[],
        body: Some(&body),
        kind: RequestKind::Short,
    };
    let place = visitor.world.must(call).await?;
    visitor.world.tally.add(Count::Entered, 1);
    let Some(token) = place["token"].as_str().filter(|t| !t.is_empty()) else {
        visitor.world.breach(BuyerStep::Enter, "no token", &place);
        return Err(End::Broken);
    };
    visitor.queue_token = token.to_owned();
    Ok(place)
}

async fn poll(visitor: &Visitor<'_>) -> Result<Value, End> {
    queue(visitor, BuyerStep::Poll, Method::GET, None).await
}

async fn queue(visitor: &Visitor<'_>, step: BuyerStep, method: Method, body: Option<&Value>) -> Result<Value, End> {
    let path = visitor.world.path("/queue");
    let headers = [("stanchion-queue", visitor.queue_token.as_str())];
    visitor
        .world
        .must(VisitorRequest { step, method, path: &path, headers: &headers, body, kind: RequestKind::Short })
        .await
}

/// Reads a place. `best` is the lowest position shown so far: no later position may be higher.
fn seen(visitor: &mut Visitor<'_>, place: &Value, best: &mut i64) -> VisitorTurn {
    let world = visitor.world;
    match place["state"].as_str().unwrap_or_default() {
        "admitted" => {
            visitor.pass = place["pass"].as_str().unwrap_or_default().to_owned();
            world.expect(!visitor.pass.is_empty(), BuyerStep::Poll, "admitted without a pass", place);
            world.tally.add(Count::Admitted, 1);
            VisitorTurn::Mine
        }
        "waiting" => {
            // Null while the room recovers.
            if let Some(position) = place["position"].as_i64() {
                world.expect(position >= 1, BuyerStep::Poll, "a position below 1", place);
                world.expect(place["ahead"] == position - 1, BuyerStep::Poll, "position is not ahead + 1", place);
                if position > *best {
                    let step = BuyerStep::Poll.name();
                    world.tally.breach(&format!("{step}: a position grew"), || format!("from {best}: {place}"));
                }
                *best = position.min(*best);
            }
            VisitorTurn::Waiting
        }
        "scheduled" => VisitorTurn::Waiting,
        "done" => VisitorTurn::Over,
        "closed" => VisitorTurn::Closed,
        _ => {
            world.breach(BuyerStep::Poll, "an unknown state", place);
            VisitorTurn::Unknown
        }
    }
}

fn pause(visitor: &Visitor<'_>, place: &Value) -> Duration {
    let told = place["poll_after_ms"].as_u64().filter(|ms| (1..=POLL_AFTER_MAX_MS).contains(ms));
    visitor.world.expect(told.is_some(), BuyerStep::Poll, "no sensible poll_after_ms", place);
    Duration::from_millis(told.unwrap_or(1_000))
}
