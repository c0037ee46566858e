//! The ticket types that a buyer chooses for the seats of a hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::Event;
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::{Code, Problem};
use crate::facts::hold::HoldFact;
use crate::facts::ids::is_slug;

/// Most seats and sections named. No hold has more seats.
const CHOICES_MAX: usize = 1_000;
/// Most ticket types of a section.
const TYPES_MAX: usize = 20;
/// Longest name of a seat or a section, characters.
const NAME_MAX: usize = 64;

/// By seat (`SECTION-ROW-NUMBER`) its ticket type; by section, for its seats without a name or a choice of their own, how
/// many of each. Seats that are not named have the default type of their section.
pub type TypesBody = BTreeMap<String, TypeChoice>;

/// The ticket type of a seat, or how many of each type in a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = TicketTypeChoice)]
pub enum TypeChoice {
    One(String),
    Many(BTreeMap<String, u32>),
}

/// Checks what can be checked without the hold.
pub fn check(types: &TypesBody, faults: &mut FieldFaults) {
    faults.check(types.len() <= CHOICES_MAX, "/types", format!("at most {CHOICES_MAX}"));
    for (name, choice) in types.iter().take(CHOICES_MAX) {
        let pointer = format!("/types/{}", name.chars().take(NAME_MAX).collect::<String>());
        faults.check(name.len() <= NAME_MAX, pointer.clone(), "a seat's id, or a section's");
        let (slugs, is_counted) = match choice {
            TypeChoice::One(ticket_type) => (vec![ticket_type], true),
            TypeChoice::Many(counts) => {
                let is_counted = (1..=TYPES_MAX).contains(&counts.len()) && counts.values().all(|count| *count > 0);
                (counts.keys().take(TYPES_MAX).collect(), is_counted)
            }
        };
        let text = "a ticket type, or how many (at least 1) of each of at most 20 types; [a-z0-9][a-z0-9-]{0,47}";
        faults.check(is_counted && slugs.iter().all(|slug| is_slug(slug)), pointer, text);
    }
}

/// The ticket type of each of the hold's seats, in their order. Empty: nothing was chosen.
pub fn chosen(types: &TypesBody, hold: &HoldFact, event: &Event) -> Result<Vec<String>, Problem> {
    if types.is_empty() {
        return Ok(Vec::new());
    }
    let mut chosen: Vec<Option<&str>> = vec![None; hold.seats.len()];
    for (seat, choice) in types {
        let TypeChoice::One(ticket_type) = choice else { continue };
        let at = event.layout.index_of(seat).and_then(|index| hold.seats.iter().position(|held| *held == index));
        let missing = || Problem::new(Code::SeatNotFound).detail(format!("no seat {seat} in this hold"));
        chosen[at.ok_or_else(missing)?] = Some(ticket_type);
    }
    for (section, choice) in types {
        let TypeChoice::Many(counts) = choice else { continue };
        let is_there = |at: &usize| event.layout.section_of(hold.seats[*at]).is_some_and(|found| found.id == *section);
        let seats: Vec<usize> = (0..hold.seats.len()).filter(is_there).collect();
        if seats.is_empty() {
            return Err(Problem::new(Code::SectionNotFound).detail(format!("no seat of {section} in this hold")));
        }
        let mut open = seats.into_iter().filter(|&at| chosen[at].is_none()).collect::<Vec<_>>().into_iter();
        let each = counts.iter().flat_map(|(ticket_type, count)| (0..*count).map(move |_| ticket_type));
        for ticket_type in each {
            let none_left = || Problem::field(format!("/types/{section}"), "more than the hold has seats there");
            chosen[open.next().ok_or_else(none_left)?] = Some(ticket_type);
        }
    }
    let one = |(at, ticket_type): (usize, Option<&str>)| {
        let ticket_type = ticket_type.unwrap_or_else(|| hold.default_type(at));
        let missing = || Problem::new(Code::TypeNotFound).detail(format!("no ticket type {ticket_type} here"));
        hold.price(at, ticket_type).map(|_| ticket_type.to_owned()).ok_or_else(missing)
    };
    chosen.into_iter().enumerate().map(one).collect()
}
