//! What the seats of a hold cost: the prices of all ticket types, as they were when the hold was made.

use serde::{Deserialize, Serialize};

use crate::facts::ids::SeatIndex;

/// The ticket type of a section that names none.
pub const STANDARD: &str = "standard";

/// The price of one ticket type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPrice {
    /// Id of the ticket type, unique within its section.
    pub id: String,
    /// As people read it.
    pub name: String,
    /// Minor units.
    pub price: i64,
}

/// The ticket types of a section that buyers may choose from. The first is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Id of the section.
    pub section: String,
    /// Never empty.
    pub types: Vec<TicketPrice>,
}

impl PriceList {
    /// The price of a ticket type; `None`: there is no such type.
    pub fn price(&self, ticket_type: &str) -> Option<i64> {
        self.types.iter().find(|found| found.id == ticket_type).map(|found| found.price)
    }
}

/// The price lists of a hold's seats. Empty in holds that were made before there were ticket types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// One for each section that the hold has seats of.
    pub lists: Vec<PriceList>,
    /// For each of the hold's seats, in its order, which of `lists` it is sold by. Empty: all by the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list_of: Vec<usize>,
}

impl Tariff {
    /// The tariff of seats that are all in one section.
    pub fn one(list: PriceList) -> Self {
        Self { lists: vec![list], list_of: Vec::new() }
    }

    /// The list by which the hold's seat number `at` (from 0) is sold; `None`: the hold has no list for it.
    pub fn list(&self, at: usize) -> Option<&PriceList> {
        let list = if self.list_of.is_empty() { 0 } else { *self.list_of.get(at)? };
        self.lists.get(list)
    }
}

/// A seat in an order, with its ticket type and that type's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartSeat {
    /// Index of the seat.
    pub seat: SeatIndex,
    /// Id of the ticket type.
    pub ticket_type: String,
    /// Minor units.
    pub price: i64,
}

/// Seats from index 0 on, of the standard type.
#[cfg(test)]
pub fn standard(prices: &[i64]) -> Vec<CartSeat> {
    let seat = |(seat, &price)| CartSeat { seat, ticket_type: STANDARD.to_owned(), price };
    (0..).zip(prices).map(seat).collect()
}
