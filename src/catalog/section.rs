//! A section as its organizer describes it: its seats, and what they cost.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::{NAME, SpecFaults, is_text};
use crate::facts::ids::is_slug;
use crate::facts::money::AMOUNT_MAX;
use crate::facts::tariff::{PriceList, STANDARD, TicketPrice};

/// Bounds of one event: the seat string and the answers made of it stay small enough to serve whole.
const SEATS_MAX: u64 = 200_000;
const SECTIONS_MAX: usize = 200;
/// Many, because a field of benches has many rows.
const ROWS_MAX: usize = 5_000;
/// Ticket types of a section, and the length of their names. Each hold carries them.
const TYPES_MAX: usize = 20;
const TYPE_NAME_MAX: usize = 50;

/// Named seats (`rows`) or a standing section (`capacity`), never both. One `price`, or several `types`, never both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutSection, example = json!({
    "id": "a", "name": "Floor A", "rows": [{"id": "1", "seats": 40}], "types": [
        {"id": "adult", "name": "Adult", "price": 55000}, {"id": "youth", "name": "Youth (7-18)", "price": 38500},
    ],
}))]
pub struct SectionSpec {
    pub id: String,
    pub name: String,
    /// Minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// Ticket types: whom a seat is for, and what it costs them. The first is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<TypeSpec>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<RowSpec>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutType)]
pub struct TypeSpec {
    #[schema(example = "youth")]
    pub id: String,
    #[schema(example = "Youth (7-18)")]
    pub name: String,
    /// Minor units.
    #[schema(example = 38500)]
    pub price: i64,
    #[serde(rename = "for", default)]
    pub sold_to: SoldTo,
}

/// Who may choose a ticket type: everybody, or only an admin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventPutTypeFor)]
pub enum SoldTo {
    #[default]
    Public,
    Admin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutRow)]
pub struct RowSpec {
    /// 1 to 8 letters and digits (no dash, so that seat ids read one way only).
    #[schema(example = "1")]
    pub id: String,
    #[schema(example = 40)]
    pub seats: u32,
}

impl SectionSpec {
    /// What a buyer may choose from: everything, if the buyer is an admin. A section without ticket types has one.
    pub fn price_list(&self, buyer: SoldTo) -> PriceList {
        let may_buy = |found: &&TypeSpec| buyer == SoldTo::Admin || found.sold_to == SoldTo::Public;
        let types = self.types.iter().flatten().filter(may_buy);
        let price =
            |found: &TypeSpec| TicketPrice { id: found.id.clone(), name: found.name.clone(), price: found.price };
        let standard = self.price.map(|price| TicketPrice { id: STANDARD.into(), name: "Standard".into(), price });
        PriceList { section: self.id.clone(), types: types.map(price).chain(standard).collect() }
    }

    /// The price of the default ticket type, minor units.
    pub fn default_price(&self) -> i64 {
        self.price.or_else(|| Some(self.types.as_ref()?.first()?.price)).unwrap_or_default()
    }

    /// What is wrong with its prices, by JSON pointer within the section.
    fn price_faults(&self, seats_per_user: i64, booking_fee: i64) -> SpecFaults {
        let mut faults = SpecFaults::new();
        let mut amount = |price: i64, pointer: String| {
            let most = price.checked_add(booking_fee).and_then(|each| each.checked_mul(seats_per_user.max(1)));
            if !(0..=AMOUNT_MAX).contains(&price) {
                faults.push((pointer, format!("0 to {AMOUNT_MAX} minor units")));
            } else if most.is_none_or(|sum| sum > AMOUNT_MAX) {
                let text = "with the booking fee, times seats_per_user";
                faults.push((pointer, format!("{text} at most {AMOUNT_MAX}: nobody could order what they may hold")));
            }
        };
        let types = match (self.price, &self.types) {
            (Some(price), None) => {
                amount(price, "/price".into());
                return faults;
            }
            (None, Some(types)) => types,
            (Some(_), Some(_)) | (None, None) => return vec![("/price".into(), "either a price, or types".into())],
        };
        for (i, found) in types.iter().enumerate() {
            amount(found.price, format!("/types/{i}/price"));
        }
        let mut check = |good: bool, pointer: String, detail: &str| {
            if !good {
                faults.push((pointer, detail.to_owned()));
            }
        };
        check((1..=TYPES_MAX).contains(&types.len()), "/types".into(), &format!("1 to {TYPES_MAX}"));
        for (i, found) in types.iter().enumerate() {
            let twice = types[..i].iter().any(|other| other.id == found.id);
            check(is_slug(&found.id), format!("/types/{i}/id"), "a slug: [a-z0-9][a-z0-9-]{0,47}");
            check(!twice, format!("/types/{i}/id"), "given twice");
            check(
                is_text(&found.name, 1, TYPE_NAME_MAX),
                format!("/types/{i}/name"),
                "1 to 50 characters, not only blanks, no control characters",
            );
        }
        let is_public = types.first().is_none_or(|first| first.sold_to == SoldTo::Public);
        check(is_public, "/types/0/for".into(), "public: the first is what a buyer gets who chooses none");
        faults
    }
}

/// Everything that is wrong with an event's sections. `booking_fee` is that of each ticket.
pub(super) fn faults(sections: &[SectionSpec], seats_per_user: i64, booking_fee: i64) -> SpecFaults {
    let mut faults = SpecFaults::new();
    let mut seats: u64 = 0;
    if sections.len() > SECTIONS_MAX {
        faults.push(("/sections".into(), format!("at most {SECTIONS_MAX}")));
    }
    for (i, section) in sections.iter().enumerate() {
        let at = |field: &str| format!("/sections/{i}{field}");
        if !is_slug(&section.id) {
            faults.push((at("/id"), "a slug: [a-z0-9][a-z0-9-]{0,47}".into()));
        }
        if sections[..i].iter().any(|other| other.id == section.id) {
            faults.push((at("/id"), "given twice".into()));
        }
        if !is_text(&section.name, 1, 200) {
            faults.push((at("/name"), NAME.into()));
        }
        let prices = section.price_faults(seats_per_user, booking_fee);
        faults.extend(prices.into_iter().map(|(pointer, text)| (at(&pointer), text)));
        match (&section.rows, section.capacity) {
            (Some(rows), None) => {
                seats += rows.iter().map(|r| u64::from(r.seats)).sum::<u64>();
                faults.extend(row_faults(rows, &at("/rows")));
            }
            (None, Some(capacity)) => {
                seats += u64::from(capacity);
                if capacity == 0 {
                    faults.push((at("/capacity"), "at least 1".into()));
                }
            }
            (Some(_), Some(_)) | (None, None) => {
                faults.push((at(""), "either rows or a capacity".into()));
            }
        }
    }
    if seats > SEATS_MAX {
        faults.push(("/sections".into(), format!("{seats} seats; at most {SEATS_MAX} in an event")));
    }
    faults
}

fn row_faults(rows: &[RowSpec], pointer: &str) -> SpecFaults {
    let mut faults = SpecFaults::new();
    if rows.is_empty() || rows.len() > ROWS_MAX {
        faults.push((pointer.to_owned(), format!("1 to {ROWS_MAX} rows")));
    }
    let mut seen = HashSet::new();
    for (i, row) in rows.iter().enumerate() {
        let shape = (1..=8).contains(&row.id.len()) && row.id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !shape {
            faults.push((format!("{pointer}/{i}/id"), "1 to 8 letters and digits".into()));
        }
        if !seen.insert(&row.id) {
            faults.push((format!("{pointer}/{i}/id"), "given twice".into()));
        }
        if !(1..=1_000).contains(&row.seats) {
            faults.push((format!("{pointer}/{i}/seats"), "1 to 1000".into()));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
