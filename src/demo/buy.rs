//! From a hold to a confirmed order: quote, order, pay, wait for the confirmation. Checks every amount on the way.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::RequestKind;
use super::persona::{BankHabit, Cancels, Intent, Pays, PointsWish};
use super::seat::HeldSeats;
use super::step::{BuyerStep, REJECTIONS};
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::WorldReply;
use crate::clock;

/// Most orders placed for one hold: after `PRICE_CHANGED` the seats are held again, with a new price.
const ORDERS: u32 = 4;
/// An order is final long before this.
const FINAL_WITHIN: Duration = Duration::from_secs(90);

/// A confirmed order, as the gateway shows it.
pub type OrderValue = Value;

enum BuyOutcome {
    Confirmed(OrderValue),
    /// Refused before payment; the seats are held again.
    HeldAgain,
    Rejected(End),
}

pub async fn buy(visitor: &mut Visitor<'_>, hold: &HeldSeats) -> Result<OrderValue, End> {
    for _ in 0..ORDERS {
        let cash = quote(visitor, hold).await?;
        visitor.think(200, 1_500).await;
        let order = place(visitor, hold, cash).await?;
        match follow(visitor, &order, cash).await? {
            BuyOutcome::Confirmed(order) => return Ok(order),
            BuyOutcome::HeldAgain => {}
            BuyOutcome::Rejected(end) => return Err(end),
        }
    }
    visitor.world.tally.breach("order: the price changed again and again", || hold.id.clone());
    Err(End::Broken)
}

fn points(visitor: &Visitor<'_>) -> Value {
    match visitor.persona.points {
        PointsWish::None => json!(0),
        PointsWish::Some(points) => json!(points),
        PointsWish::Max => json!("max"),
    }
}

/// Asks what the buyer will have to pay.
async fn quote(visitor: &mut Visitor<'_>, hold: &HeldSeats) -> Result<i64, End> {
    let path = visitor.world.path(&format!("/holds/{}/quote", hold.id));
    let body = json!({"types": hold.types, "coupon": "best", "points": points(visitor)});
    let WorldReply::Done(answer) = visitor.post(BuyerStep::Quote, &path, &body).await? else {
        return Err(End::HoldRanOut);
    };
    let world = visitor.world;
    let quote = &answer.body;
    check_amounts(visitor, BuyerStep::Quote, quote);
    world.expect(quote["total"]["price"] == hold.price, BuyerStep::Quote, "another price than the hold's", quote);
    world.expect(quote["total"]["fee"] == hold.fees, BuyerStep::Quote, "another booking fee than the hold's", quote);
    quote["total"]["cash"].as_i64().ok_or_else(|| {
        world.breach(BuyerStep::Quote, "no cash total", quote);
        End::Broken
    })
}

/// Places the order. Returns its id.
async fn place(visitor: &mut Visitor<'_>, hold: &HeldSeats, cash: i64) -> Result<String, End> {
    let body = json!({
        "event": visitor.world.event, "hold": hold.id, "types": hold.types, "coupon": "best", "points": points(visitor),
        "expected_cash": cash, "payment": with_the_order(visitor, cash),
    });
    let WorldReply::Done(answer) = visitor.post(BuyerStep::Order, "/v1/orders", &body).await? else {
        return Err(End::HoldRanOut);
    };
    visitor.world.tally.add(Count::Ordered, 1);
    let Some(id) = answer.body["id"].as_str() else {
        visitor.world.breach(BuyerStep::Order, "no id", &answer.body);
        return Err(End::Broken);
    };
    Ok(id.to_owned())
}

fn with_the_order(visitor: &Visitor<'_>, cash: i64) -> Value {
    match (visitor.persona.intent, visitor.persona.pays) {
        (Intent::Buy, Pays::WithTheOrder) if cash > 0 => card(visitor.persona.wallet),
        (Intent::Buy | Intent::OrderOnly { .. } | Intent::Release | Intent::WalkAway, _) => Value::Null,
    }
}

fn card(wallet: BankHabit) -> Value {
    json!({"provider": "sandbox", "key": wallet.key()})
}

/// Waits for the order's end and pays when it is the buyer's turn.
async fn follow(visitor: &mut Visitor<'_>, id: &str, cash: i64) -> Result<BuyOutcome, End> {
    let path = format!("/v1/orders/{id}");
    let began = clock::instant();
    let mut paid_with = match with_the_order(visitor, cash) {
        Value::Null => None,
        _ => Some(visitor.persona.wallet),
    };
    let mut paid_at = clock::instant();
    let mut cancelled = false;
    while began.elapsed() < FINAL_WITHIN {
        let order = visitor.get(BuyerStep::Status, RequestKind::Long, &format!("{path}?wait_s=5")).await?;
        match order["status"].as_str().unwrap_or_default() {
            "accepted" | "paying" => {}
            "confirmed" => {
                if paid_with == Some(BankHabit::Ok) {
                    visitor.world.tally.confirmation.record(paid_at.elapsed());
                }
                return Ok(confirmed(visitor, order, cash));
            }
            "rejected" => return Ok(rejected(visitor, &order)),
            "pending_payment" => match visitor.persona.intent {
                Intent::OrderOnly { cancels: Cancels::Yes } if !cancelled => {
                    cancelled = true;
                    visitor.think(200, 1_000).await;
                    visitor.delete(BuyerStep::Cancel, &path).await?;
                }
                // Waits until the deadline ends the order, or the cancellation has gone through.
                Intent::OrderOnly { .. } => visitor.wait(1_000, 2_000).await,
                Intent::Buy | Intent::Release | Intent::WalkAway => {
                    visitor.think(300, 1_500).await;
                    // The first attempt uses the persona's wallet, any other one succeeds.
                    let wallet = if paid_with.is_none() { visitor.persona.wallet } else { BankHabit::Ok };
                    paid_at = clock::instant();
                    paid_with = Some(wallet);
                    pay(visitor, &path, wallet, cash).await?;
                }
            },
            other => {
                visitor.world.breach(BuyerStep::Status, &format!("status {other:?} before it could be"), &order);
                return Err(End::Broken);
            }
        }
    }
    visitor.world.tally.breach("order status: not final in 90 s", || id.to_owned());
    Err(End::Broken)
}

async fn pay(visitor: &mut Visitor<'_>, order: &str, wallet: BankHabit, cash: i64) -> Result<(), End> {
    let mut body = card(wallet);
    body["amount"] = json!(cash);
    // A refusal (too late, or one is under way) shows in the next status.
    visitor.post(BuyerStep::Pay, &format!("{order}/payment"), &body).await.map(drop)
}

fn rejected(visitor: &Visitor<'_>, order: &Value) -> BuyOutcome {
    let world = visitor.world;
    let reason = order["reason"].as_str().unwrap_or_default();
    let Some(reason) = REJECTIONS.iter().find(|known| **known == reason) else {
        world.breach(BuyerStep::Status, &format!("rejected for {reason:?}"), order);
        return BuyOutcome::Rejected(End::Broken);
    };
    world.tally.refused(BuyerStep::Status, reason);
    match *reason {
        "PRICE_CHANGED" | "COUPON_UNAVAILABLE" => BuyOutcome::HeldAgain,
        "CANCELLED" => BuyOutcome::Rejected(End::Cancelled),
        _ => BuyOutcome::Rejected(End::NeverPaid),
    }
}

fn confirmed(visitor: &Visitor<'_>, order: Value, cash: i64) -> BuyOutcome {
    let world = visitor.world;
    check_amounts(visitor, BuyerStep::Status, &order);
    world.expect(order["total"]["cash"] == cash, BuyerStep::Status, "another price than expected_cash", &order);
    world.expect(
        cash == 0 || order["payment"]["captured"] == cash,
        BuyerStep::Status,
        "captured is not the price",
        &order,
    );
    let id = order["id"].as_str().unwrap_or_default();
    for line in lines(&order) {
        world.expect(line["ticket"]["state"] == "valid", BuyerStep::Status, "confirmed without a valid ticket", &order);
        if let Some(seat) = line["seat"].as_str() {
            let sold = world.witness.sold(seat, id);
            world.expect(sold.is_ok(), BuyerStep::Status, "A SEAT SOLD TWICE", &order);
        }
    }
    world.tally.add(Count::Confirmed, 1);
    world.tally.add(Count::LinesSold, lines(&order).len() as u64);
    world.tally.add(Count::Revenue, u64::try_from(cash).unwrap_or(0));
    world.tally.add(Count::PointsSpent, order["total"]["points"].as_u64().unwrap_or(0));
    BuyOutcome::Confirmed(order)
}

/// Lines of a quote or an order.
pub fn lines(body: &Value) -> &[Value] {
    body["lines"].as_array().map_or(&[], Vec::as_slice)
}

/// INV-10 as the buyer sees it: list price + booking fee = discount + points + cash, in every line and in total.
fn check_amounts(visitor: &Visitor<'_>, step: BuyerStep, body: &Value) {
    let fields = ["price", "fee", "discount", "points", "cash"];
    let amounts = |of: &Value| fields.map(|field| of[field].as_i64().unwrap_or(i64::MIN / 4));
    let mut sums = [0; 5];
    for line in lines(body) {
        let [price, fee, discount, points, cash] = amounts(line);
        let adds_up = price + fee == discount + points + cash && discount >= 0 && points >= 0 && cash >= fee;
        visitor.world.expect(adds_up, step, "a line does not add up", body);
        for (sum, amount) in sums.iter_mut().zip(amounts(line)) {
            *sum += amount;
        }
    }
    visitor.world.expect(lines(body).len() == visitor.persona.party, step, "another number of lines", body);
    visitor.world.expect(sums == amounts(&body["total"]), step, "the total is not the sum of the lines", body);
}
