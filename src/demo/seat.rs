//! Getting seats: the ones a visitor names, or the best the house finds, and in another section when others were
//! faster.

use serde_json::{Value, json};

use super::choice;
use super::client::Kind;
use super::persona::Wish;
use super::sample;
use super::step::Step;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::Reply;

/// Attempts at named seats before asking the house, and attempts in all.
const NAMED_TRIES: u32 = 3;
const TRIES: u32 = 8;

pub struct Hold {
    pub id: String,
    /// Sum of the list prices.
    pub total: i64,
}

/// Next thing to ask for.
enum Want {
    Named { section: String },
    Best { section: String, adjacent: Adjacent },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Adjacent {
    Yes,
    No,
}

pub async fn hold(visitor: &mut Visitor<'_>) -> Result<Hold, End> {
    let mut want = match visitor.persona.wish {
        Wish::Named { section } => Want::Named { section: sample::section_id(section).to_owned() },
        Wish::Best { section } => best(sample::section_id(section)),
    };
    for attempt in 1..=TRIES {
        let (body, section) = match &want {
            Want::Named { section } => {
                let map = seat_map(visitor).await?;
                let party = visitor.persona.party;
                let Some(seats) = choice::adjacent(&map, section, party, &mut visitor.persona.rng) else {
                    want = best(section);
                    continue;
                };
                (json!({"seats": seats}), section.clone())
            }
            Want::Best { section, adjacent } => {
                let adjacent = *adjacent == Adjacent::Yes;
                let body = json!({"section": section, "quantity": visitor.persona.party, "adjacent": adjacent});
                (body, section.clone())
            }
        };
        let path = visitor.world.path("/holds");
        match visitor.post(Step::Hold, &path, &body).await? {
            Reply::Done(answer) => return held(visitor, &body, &answer.body),
            Reply::Refused("SEATS_TAKEN") if attempt < NAMED_TRIES => {}
            Reply::Refused("SEATS_TAKEN") => want = best(&section),
            Reply::Refused("ADJACENT_UNAVAILABLE") => want = Want::Best { section, adjacent: Adjacent::No },
            Reply::Refused("PASS_REQUIRED") => return Err(End::CalledInVain),
            Reply::Refused(_) => match elsewhere(visitor, &section).await? {
                Some(other) => want = best(&other),
                None => break,
            },
        }
        visitor.think(100, 500).await;
    }
    super::line::leave(visitor).await?;
    Err(End::FoundNothing)
}

pub async fn release(visitor: &Visitor<'_>, hold: &Hold) -> Result<(), End> {
    let path = visitor.world.path(&format!("/holds/{}", hold.id));
    visitor.delete(Step::Release, &path).await.map(drop)
}

fn best(section: &str) -> Want {
    Want::Best { section: section.to_owned(), adjacent: Adjacent::Yes }
}

async fn seat_map(visitor: &Visitor<'_>) -> Result<Value, End> {
    visitor.get(Step::Seats, Kind::Short, &visitor.world.path("/seats")).await
}

/// The section with most places left, but not the one where the visitor has just found nothing.
async fn elsewhere(visitor: &Visitor<'_>, not: &str) -> Result<Option<String>, End> {
    let map = seat_map(visitor).await?;
    Ok(choice::sections_left(&map).into_iter().find(|section| section != not))
}

fn held(visitor: &Visitor<'_>, asked: &Value, hold: &Value) -> Result<Hold, End> {
    let world = visitor.world;
    let seats = hold["seats"].as_array().map_or(&[][..], Vec::as_slice);
    let (Some(id), Some(total)) = (hold["id"].as_str(), hold["total"]["amount"].as_i64()) else {
        world.breach(Step::Hold, "no id or no total", hold);
        return Err(End::Broken);
    };
    world.expect(hold["state"] == "held", Step::Hold, "a new hold is not held", hold);
    world.expect(seats.len() == visitor.persona.party, Step::Hold, "another number of seats than asked", hold);
    if let Some(named) = asked["seats"].as_array() {
        let all = named.iter().all(|name| seats.iter().any(|s| s["id"] == *name));
        world.expect(all, Step::Hold, "other seats than asked", hold);
    }
    let sum: i64 = seats.iter().filter_map(|s| s["price"].as_i64()).sum();
    world.expect(sum == total, Step::Hold, "the total is not the sum of the prices", hold);
    world.tally.add(Count::Held, 1);
    world.tally.add(Count::SeatsHeld, seats.len() as u64);
    Ok(Hold { id: id.to_owned(), total })
}
