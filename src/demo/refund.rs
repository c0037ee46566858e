//! Giving seats back for money and points. Checks that what comes back is what was paid.

use std::time::Duration;

use serde_json::{Value, json};

use super::buy::{OrderValue, lines};
use super::client::RequestKind;
use super::persona::Regret;
use super::step::BuyerStep;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::WorldReply;
use crate::clock;

const DONE_WITHIN: Duration = Duration::from_secs(60);

pub async fn refund(visitor: &mut Visitor<'_>, order: &OrderValue) -> Result<(), End> {
    let chosen = match visitor.persona.regret {
        Regret::Everything => lines(order),
        Regret::OneLine | Regret::None => &lines(order)[..lines(order).len().min(1)],
    };
    let id = order["id"].as_str().unwrap_or_default();
    // The witness is told before the request leaves, because the seat may be another's before the answer is back.
    for seat in chosen.iter().filter_map(|line| line["seat"].as_str()) {
        visitor.world.witness.given_back(seat, id);
    }
    let numbers: Vec<Value> = chosen.iter().map(|line| json!({"line": line["line"]})).collect();
    let path = format!("/v1/orders/{id}/refunds");
    let body = json!({"lines": numbers, "reason": "changed my mind"});
    let WorldReply::Done(answer) = visitor.post(BuyerStep::Refund, &path, &body).await? else {
        return Err(End::Broken);
    };
    let Some(refund) = answer.body["id"].as_str() else {
        visitor.world.breach(BuyerStep::Refund, "no id", &answer.body);
        return Err(End::Broken);
    };
    let refund = done(visitor, &format!("{path}/{refund}")).await?;
    check(visitor, chosen, &refund);
    Ok(())
}

async fn done(visitor: &mut Visitor<'_>, path: &str) -> Result<Value, End> {
    let began = clock::instant();
    while began.elapsed() < DONE_WITHIN {
        let refund = visitor.get(BuyerStep::RefundStatus, RequestKind::Short, path).await?;
        match refund["status"].as_str().unwrap_or_default() {
            "requested" | "sent" => visitor.wait(300, 700).await,
            "done" => return Ok(refund),
            status => {
                visitor.world.breach(BuyerStep::RefundStatus, &format!("status {status:?}"), &refund);
                return Err(End::Broken);
            }
        }
    }
    visitor.world.tally.breach("refund status: not done in 60 s", || path.to_owned());
    Err(End::Broken)
}

fn check(visitor: &Visitor<'_>, chosen: &[Value], refund: &Value) {
    let world = visitor.world;
    let paid = |field: &str| chosen.iter().filter_map(|line| line[field].as_i64()).sum::<i64>();
    world.expect(refund["cash"] == paid("cash"), BuyerStep::RefundStatus, "another amount than was paid", refund);
    world.expect(
        refund["points_restored"] == paid("points"),
        BuyerStep::RefundStatus,
        "other points than were spent",
        refund,
    );
    world.tally.add(Count::Refunded, 1);
    world.tally.add(Count::LinesRefunded, chosen.len() as u64);
    world.tally.add(Count::CashRefunded, refund["cash"].as_u64().unwrap_or(0));
    world.tally.add(Count::PointsRestored, refund["points_restored"].as_u64().unwrap_or(0));
}
