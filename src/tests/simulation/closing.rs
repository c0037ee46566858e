//! The end of a history. Nothing unkind happens any more. Once nothing is under way, everything is looked at again.

use std::time::Duration;

use http::Method;
use serde_json::json;
use stanchion::edge::router::Listener;
use stanchion::facts::ids::OrderId;

use super::auditor::fields::is_kept;
use super::dice::Dice;
use super::history::{Answer, Asking, History};
use super::people::{EVENTS, ORGANIZER};

/// Counts the orders that histories ended with.
pub const ORDERS: &str = "orders in the end";

/// How often to look whether everything has ended, ten seconds apart.
const LOOKS: usize = 60;

/// After this time every hold without an order has ended.
const HOLDS_END: Duration = Duration::from_secs(65);

/// Waits until nothing is under way, and shows everything to the auditor.
pub async fn close(history: &History, dice: &mut Dice) {
    let mut left = Vec::new();
    tokio::time::sleep(HOLDS_END).await;
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_secs(10)).await;
        for order in history.house.bank.news() {
            tell(history, dice, &order).await;
        }
        left = under_way(history, dice).await;
        if history.house.bank.has_more() {
            left.push("the bank has more to tell".to_owned());
        }
        if left.is_empty() && history.house.is_quiet().await {
            return show(history, dice).await;
        }
    }
    history.auditor.lock().finds(format!("ten kind minutes, and not everything is at its end: {left:?}"));
}

/// Everything that has not ended.
async fn under_way(history: &History, dice: &mut Dice) -> Vec<String> {
    let mut left = Vec::new();
    let accepted = history.auditor.lock().accepted();
    for (order, user) in accepted {
        let Some(answer) = get(history, dice, &user, format!("/v1/orders/{order}")).await else {
            left.push(format!("order {order} is not shown"));
            continue;
        };
        match answer.status {
            200 => history.auditor.lock().order(&user, answer.when, &answer.json),
            404 => history.auditor.lock().order_missing(&order),
            _ => {}
        }
        if answer.status == 200 && !refunds_are_over(history, dice, &user, &order).await {
            left.push(format!("order {order} waits for a refund"));
        }
        let at_rest = ["confirmed", "rejected", "refunded", "partially_refunded"];
        let event = answer.text("event");
        let waits = history.auditor.lock().waits_for_its_refund(event, answer.text("status"));
        if !at_rest.contains(&answer.text("status")) || waits {
            left.push(format!("order {order} is {}", answer.text("status")));
        }
    }
    for letter in history.house.dead_letters().await {
        // An operator who reads of the dead letter would requeue it.
        requeue(history, dice, &letter).await;
        // An order that is refused so late gives its seats back to its hold, which has a while to live.
        tokio::time::sleep(HOLDS_END).await;
        left.push(format!("record {letter} was put aside"));
    }
    for event in EVENTS {
        let Some(room) = get(history, dice, "watcher", format!("/v1/events/{event}/room")).await else {
            left.push(format!("the room of {event} is not shown"));
            continue;
        };
        if is_kept(&room.json) {
            left.push(format!("{event} has places: {}", room.json));
        }
        let seats = get(history, dice, "watcher", format!("/v1/events/{event}/seats")).await;
        let letters = seats.map(|seats| seats.json["sections"].to_string()).unwrap_or_default();
        if letters.contains("\"seats\":\"") && kept(&letters) {
            left.push(format!("{event} has seats held: {letters}"));
        }
    }
    left
}

/// Shows an order's refunds to the auditor; returns whether all have ended.
async fn refunds_are_over(history: &History, dice: &mut Dice, user: &str, order: &str) -> bool {
    let Some(refunds) = get(history, dice, user, format!("/v1/orders/{order}/refunds")).await else { return false };
    history.auditor.lock().refunds(order, &refunds.json);
    let mut are_over = true;
    for refund in refunds.json["items"].as_array().into_iter().flatten() {
        history.meet(format!("refund {}", refund["status"].as_str().unwrap_or_default()));
        if refund["status"] == "awaiting_account" {
            name_account(history, dice, user, order, refund["id"].as_str().unwrap_or_default()).await;
        }
        are_over &= refund["status"] == "done" || refund["status"] == "failed";
    }
    are_over
}

/// Says where the money of a deposit goes.
async fn name_account(history: &History, dice: &mut Dice, user: &str, order: &str, refund: &str) {
    let headers = vec![("authorization", format!("Bearer {}", history.house.bearer(user, "")))];
    let path = format!("/v1/orders/{order}/refunds/{refund}/account");
    let body = Some(json!({"bank": "20", "number": "1234567", "holder": user}));
    let asking = Asking { method: Method::POST, path, headers, body, listener: Listener::Public };
    ask(history, dice, user, asking).await;
}

/// Whether any row has a seat that is held or being paid for.
fn kept(sections: &str) -> bool {
    let rows = sections.split("\"seats\":\"").skip(1);
    rows.filter_map(|rest| rest.split('"').next()).any(|letters| letters.contains(['h', 'p']))
}

async fn show(history: &History, dice: &mut Dice) {
    // Here the auditor learns of orders that were accepted without an answer.
    let (mut after, mut orders) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/admin/orders?limit=200{after}");
        let Some(page) = admin(history, dice, Method::GET, path).await else { return };
        for order in page.json["items"].as_array().into_iter().flatten() {
            let text = |field: &str| order[field].as_str().unwrap_or_default();
            history.auditor.lock().order(text("user"), page.when, order);
            history.meet(format!("order {} {}", text("status"), text("reason")));
            history.meet(ORDERS.to_owned());
            // A buyer who had no answer does not know of the order, and its refunds were not looked at.
            refunds_are_over(history, dice, text("user"), text("id")).await;
            orders.push(order.clone());
        }
        match page.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let notices = history.house.notices().await;
    let path = format!("/v1/admin/organizers/{ORGANIZER}/settlements");
    if let Some(settlements) = admin(history, dice, Method::GET, path).await {
        let settlements = settlements.json["items"].as_array().cloned().unwrap_or_default();
        settlements
            .iter()
            .for_each(|month| history.meet(format!("settlement {}", month["state"].as_str().unwrap_or_default())));
        history.auditor.lock().close_books(&settlements, &notices);
    }
    history.auditor.lock().told(&orders, &notices);
    let users = history.auditor.lock().users();
    for user in users {
        let points = get(history, dice, &user, "/v1/me/points".to_owned()).await;
        let coupons = get(history, dice, &user, "/v1/me/coupons?limit=200".to_owned()).await;
        if let (Some(points), Some(coupons)) = (points, coupons) {
            history.auditor.lock().close_user(&user, &points.json, &coupons.json);
        }
    }
    for event in EVENTS {
        let seats = get(history, dice, "watcher", format!("/v1/events/{event}/seats")).await;
        let room = get(history, dice, "watcher", format!("/v1/events/{event}/room")).await;
        if let (Some(seats), Some(room)) = (seats, room) {
            history.auditor.lock().close_event(event, &seats.json, &room.json);
        }
    }
}

async fn get(history: &History, dice: &mut Dice, user: &str, path: String) -> Option<Answer> {
    let headers = vec![("authorization", format!("Bearer {}", history.house.bearer(user, "")))];
    let asking = Asking { method: Method::GET, path, headers, body: None, listener: Listener::Public };
    ask(history, dice, user, asking).await
}

async fn admin(history: &History, dice: &mut Dice, method: Method, path: String) -> Option<Answer> {
    let headers = vec![("authorization", format!("Bearer {}", history.house.bearer("root", "admin")))];
    ask(history, dice, "root", Asking { method, path, headers, body: None, listener: Listener::Admin }).await
}

/// The bank's webhook about an order.
async fn tell(history: &History, dice: &mut Dice, order: &OrderId) {
    let (path, body) = ("/v1/webhooks/sandbox".to_owned(), Some(json!(order)));
    let asking = Asking { method: Method::POST, path, headers: Vec::new(), body, listener: Listener::Public };
    let answer = ask(history, dice, "bank", asking).await;
    if answer.is_some_and(|answer| answer.status == 200) {
        history.house.bank.told(order);
    }
}

async fn requeue(history: &History, dice: &mut Dice, letter: &str) {
    admin(history, dice, Method::POST, format!("/v1/admin/dead-letters/{letter}/requeue")).await;
}

async fn ask(history: &History, dice: &mut Dice, who: &str, asking: Asking<'_>) -> Option<Answer> {
    for _ in 0..20 {
        match history.ask(who, dice, asking.clone()).await {
            Some(answer) if answer.status < 500 => return Some(answer),
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    history.auditor.lock().finds(format!("{who} has no answer while the world is kind"));
    None
}
