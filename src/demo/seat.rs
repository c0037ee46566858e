//! Getting seats: those that a visitor names, or the best that the gateway finds. When others were faster, the visitor
//! tries another section.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use super::choice;
use super::client::RequestKind;
use super::persona::Wish;
use super::step::BuyerStep;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::WorldReply;

/// How many attempts name seats before the gateway chooses, and how many attempts there are in all.
const NAMED_TRIES: u32 = 3;
const TRIES: u32 = 8;

pub struct HeldSeats {
    pub id: String,
    /// The ticket types that the visitor wants, as an order names them.
    pub types: Value,
    /// Sum of their list prices.
    pub price: i64,
    /// Sum of the booking fees.
    pub fees: i64,
}

/// Next thing to ask for.
enum SeatWish {
    Named { section: String },
    Best { section: String, adjacent: AdjacentSeats },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AdjacentSeats {
    Yes,
    No,
}

pub async fn hold(visitor: &mut Visitor<'_>) -> Result<HeldSeats, End> {
    let mut want = match visitor.persona.wish {
        Wish::Named { section } => SeatWish::Named { section: visitor.world.sections[section].clone() },
        Wish::Best { section } => best(&visitor.world.sections[section]),
    };
    for attempt in 1..=TRIES {
        let (body, section) = match &want {
            SeatWish::Named { section } => {
                let map = seat_map(visitor).await?;
                let party = visitor.persona.party;
                let Some(seats) = choice::adjacent(&map, section, party, &mut visitor.persona.rng) else {
                    want = best(section);
                    continue;
                };
                (json!({"seats": seats}), section.clone())
            }
            SeatWish::Best { section, adjacent } => {
                let adjacent = *adjacent == AdjacentSeats::Yes;
                let body = json!({"section": section, "quantity": visitor.persona.party, "adjacent": adjacent});
                (body, section.clone())
            }
        };
        let path = visitor.world.path("/holds");
        match visitor.post(BuyerStep::Hold, &path, &body).await? {
            WorldReply::Done(answer) => return held(visitor, &body, &answer.body),
            WorldReply::Refused("SEATS_TAKEN") if attempt < NAMED_TRIES => {}
            WorldReply::Refused("SEATS_TAKEN") => want = best(&section),
            WorldReply::Refused("ADJACENT_UNAVAILABLE") => {
                want = SeatWish::Best { section, adjacent: AdjacentSeats::No }
            }
            WorldReply::Refused("PASS_REQUIRED") => return Err(End::CalledInVain),
            WorldReply::Refused(_) => match elsewhere(visitor, &section).await? {
                Some(other) => want = best(&other),
                None => break,
            },
        }
        visitor.wait(100, 500).await;
    }
    super::line::leave(visitor).await?;
    Err(End::FoundNothing)
}

pub async fn release(visitor: &Visitor<'_>, hold: &HeldSeats) -> Result<(), End> {
    let path = visitor.world.path(&format!("/holds/{}", hold.id));
    visitor.delete(BuyerStep::Release, &path).await.map(drop)
}

fn best(section: &str) -> SeatWish {
    SeatWish::Best { section: section.to_owned(), adjacent: AdjacentSeats::Yes }
}

async fn seat_map(visitor: &Visitor<'_>) -> Result<Value, End> {
    visitor.get(BuyerStep::Seats, RequestKind::Short, &visitor.world.path("/seats")).await
}

/// The section with most places left, but not the one where the visitor has just found nothing.
async fn elsewhere(visitor: &Visitor<'_>, not: &str) -> Result<Option<String>, End> {
    let map = seat_map(visitor).await?;
    Ok(choice::sections_left(&map).into_iter().find(|section| section != not))
}

fn held(visitor: &mut Visitor<'_>, asked: &Value, hold: &Value) -> Result<HeldSeats, End> {
    let world = visitor.world;
    let seats = hold["seats"].as_array().map_or(&[][..], Vec::as_slice);
    let (Some(id), Some(total)) = (hold["id"].as_str(), hold["total"]["amount"].as_i64()) else {
        world.breach(BuyerStep::Hold, "no id or no total", hold);
        return Err(End::Broken);
    };
    world.expect(hold["state"] == "held", BuyerStep::Hold, "a new hold is not held", hold);
    world.expect(seats.len() == visitor.persona.party, BuyerStep::Hold, "another number of seats than asked", hold);
    if let Some(named) = asked["seats"].as_array() {
        let all = named.iter().all(|name| seats.iter().any(|s| s["id"] == *name));
        world.expect(all, BuyerStep::Hold, "other seats than asked", hold);
    }
    let sum: i64 = seats.iter().filter_map(|s| s["price"].as_i64()).sum();
    let fees = hold["fee"].as_i64().unwrap_or_default() * visitor.persona.party as i64;
    world.expect(sum + fees == total, BuyerStep::Hold, "the total is not the sum of prices and fees", hold);
    world.tally.add(Count::Held, 1);
    world.tally.add(Count::SeatsHeld, seats.len() as u64);
    let (types, price) = wanted(&mut visitor.persona.rng, hold);
    Ok(HeldSeats { id: id.to_owned(), types, price, fees })
}

/// A ticket type for each seat, and what they cost. A third of the seats is for others than adults.
fn wanted(rng: &mut StdRng, hold: &Value) -> (Value, i64) {
    let (mut types, mut sum) = (json!({}), 0);
    for seat in hold["seats"].as_array().into_iter().flatten() {
        let of_section = |section: &&Value| section["id"] == seat["section"];
        let section = hold["sections"].as_array().into_iter().flatten().find(of_section);
        let offered = section.and_then(|section| section["types"].as_array()).map_or(&[][..], Vec::as_slice);
        let other = offered.get(1..).and_then(|others| others.choose(rng)).filter(|_| rng.random_range(0..3) == 0);
        let Some(chosen) = other.or(offered.first()) else { continue };
        let (id, price) = (chosen["id"].as_str().unwrap_or_default(), chosen["price"].as_i64().unwrap_or_default());
        sum += price;
        match seat["id"].as_str() {
            _ if other.is_none() => {}
            Some(seat) => types[seat] = json!(id),
            None => {
                let section = seat["section"].as_str().unwrap_or_default();
                let count = types[section][id].as_u64().unwrap_or(0);
                types[section][id] = json!(count + 1);
            }
        }
    }
    (types, sum)
}
