//! What a hold offers: for each of its seats the ticket types with their prices, and the booking fee.

use serde_json::Value;

use super::fields::{number, text};
use super::order::Order;

/// Seats with their ticket types, sorted; `None`: a standing place.
pub type SeatTypes = Vec<(Option<String>, String)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    seats: Vec<SeatOffer>,
    fee: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SeatOffer {
    seat: Option<String>,
    /// Ticket types and prices; the first is the default.
    types: Vec<(String, i64)>,
}

impl Offer {
    /// `None`: the hold was rebuilt with its order, and does not say what it offered.
    pub fn of(hold: &Value) -> Option<Self> {
        let seats = hold["seats"].as_array()?.iter().map(|seat| {
            let of_section = |section: &&Value| section["id"] == seat["section"];
            let section = hold["sections"].as_array()?.iter().find(of_section)?;
            let types = section["types"].as_array()?.iter().map(|found| (text(found, "id"), number(found, "price")));
            Some(SeatOffer { seat: seat["id"].as_str().map(str::to_owned), types: types.collect() })
        });
        Some(Self { seats: seats.collect::<Option<Vec<_>>>()?, fee: number(hold, "fee") })
    }

    /// The ticket types of each seat.
    pub fn types(&self) -> Vec<Vec<String>> {
        self.seats.iter().map(|seat| seat.types.iter().map(|(id, _)| id.clone()).collect()).collect()
    }

    /// Each seat with its ticket type, if these are chosen, in the order in which seats and types are named.
    pub fn chosen(&self, choices: &[Option<String>]) -> SeatTypes {
        let choices = choices.iter().cloned().chain(std::iter::repeat(None));
        let one = |(seat, choice): (&SeatOffer, Option<String>)| {
            (seat.seat.clone(), choice.unwrap_or_else(|| seat.types[0].0.clone()))
        };
        let mut chosen: Vec<_> = self.seats.iter().zip(choices).map(one).collect();
        chosen.sort();
        chosen
    }

    /// Whether the order's lines are seats of this offer at its prices.
    pub fn sells(&self, order: &Order) -> bool {
        let is_offered = |(offer, line): (&SeatOffer, &super::order::Line)| {
            let price = offer.types.iter().find(|(id, _)| *id == line.ticket_type).map(|(_, price)| *price);
            offer.seat == line.seat && price == Some(line.price) && line.fee == self.fee
        };
        self.seats.len() == order.lines.len() && self.seats.iter().zip(&order.lines).all(is_offered)
    }
}
