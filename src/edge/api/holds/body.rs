//! The body of `POST …/holds`: named seats, or the best ones of a section.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::catalog::{Event, SoldTo};
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::{Code, Problem};
use crate::facts::ids::is_slug;
use crate::facts::tariff::Tariff;
use crate::inventory::Want;

/// Most seats in a request. No event allows one user more.
const SEATS_MAX: usize = 1_000;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = HoldRequest)]
pub struct HoldBody {
    /// Ids of seats: all of them are held, or none.
    #[schema(example = json!(["a-1-1", "a-1-2"]))]
    pub seats: Option<Vec<String>>,
    /// Instead of `seats`: the best seats of this section.
    #[schema(example = json!(null))]
    pub section: Option<String>,
    #[schema(example = json!(null))]
    pub quantity: Option<i64>,
    /// True by default; ignored in standing sections.
    #[schema(example = json!(null))]
    pub adjacent: Option<bool>,
}

/// What a well-formed body asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum HoldWish {
    Named(Vec<String>),
    Best { section: String, quantity: u32, adjacent: Adjacent },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjacent {
    Required,
    Optional,
}

impl HoldBody {
    pub fn asked(self) -> Result<HoldWish, Problem> {
        match (self.seats, self.section) {
            (Some(seats), None) => {
                let mut faults = FieldFaults::default();
                faults.check(self.quantity.is_none(), "/quantity", "only with a section");
                faults.check(self.adjacent.is_none(), "/adjacent", "only with a section");
                faults.check(seats.len() <= SEATS_MAX, "/seats", format!("at most {SEATS_MAX}"));
                for (i, seat) in seats.iter().enumerate().take(SEATS_MAX) {
                    faults.check(is_seat(seat), format!("/seats/{i}"), "an id of a seat: SECTION-ROW-NUMBER");
                }
                faults.verdict()?;
                named(seats)
            }
            (None, Some(section)) => {
                let quantity = self.quantity.unwrap_or(1);
                let mut faults = FieldFaults::default();
                faults.check(is_slug(&section), "/section", "a slug: [a-z0-9][a-z0-9-]{0,47}");
                let most = i64::try_from(SEATS_MAX).expect("a thousand");
                faults.check((0..=most).contains(&quantity), "/quantity", format!("1 to {SEATS_MAX}"));
                faults.verdict()?;
                let quantity = u32::try_from(quantity).expect("checked above");
                if quantity == 0 {
                    return Err(Code::Empty.into());
                }
                let adjacent = if self.adjacent.unwrap_or(true) { Adjacent::Required } else { Adjacent::Optional };
                Ok(HoldWish::Best { section, quantity, adjacent })
            }
            (Some(_), Some(_)) | (None, None) => Err(Problem::field("", "either seats, or section and quantity")),
        }
    }
}

fn named(seats: Vec<String>) -> Result<HoldWish, Problem> {
    if seats.is_empty() {
        return Err(Code::Empty.into());
    }
    let mut sorted: Vec<&str> = seats.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::new(Code::DuplicateSeat).detail(format!("{} is named twice", pair[0]))),
        None => Ok(HoldWish::Named(seats)),
    }
}

impl HoldWish {
    /// The same request in the form that the event's lane takes: with the indexes and prices of the named seats, and with
    /// the prices of all ticket types that `buyer` may choose.
    pub fn want(&self, event: &Event, buyer: SoldTo) -> Result<(Want, Tariff), Problem> {
        match self {
            HoldWish::Named(seats) => {
                let mut wanted = Vec::with_capacity(seats.len());
                for seat in seats {
                    let found = event.layout.index_of(seat).and_then(|at| Some((at, event.section_of(at)?)));
                    wanted
                        .push(found.ok_or_else(|| Problem::new(Code::SeatNotFound).detail(format!("no seat {seat}")))?);
                }
                wanted.sort_unstable_by_key(|(at, _)| *at);
                let mut tariff = Tariff::default();
                for (_, section) in &wanted {
                    let known = tariff.lists.iter().position(|list| list.section == section.id);
                    tariff.list_of.push(known.unwrap_or(tariff.lists.len()));
                    if known.is_none() {
                        tariff.lists.push(section.price_list(buyer));
                    }
                }
                let named = wanted.into_iter().map(|(at, section)| (at, section.default_price()));
                Ok((Want::Named(named.collect()), tariff))
            }
            HoldWish::Best { section, quantity, adjacent } => {
                let (Some(found), Some(spec)) = (event.layout.section(section), event.section(section)) else {
                    return Err(Code::SectionNotFound.into());
                };
                let (rows, quantity, price) = (found.pick_rows(), *quantity, spec.default_price());
                let want = match adjacent {
                    Adjacent::Required if !found.is_standing() => Want::Adjacent { rows, quantity, price },
                    Adjacent::Required | Adjacent::Optional => Want::Separate { rows, quantity, price },
                };
                Ok((want, Tariff::one(spec.price_list(buyer))))
            }
        }
    }
}

/// Whether the text has the form `SECTION-ROW-NUMBER`. `SECTION-NUMBER` is let through too, though it names no seat.
fn is_seat(text: &str) -> bool {
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    let number_good =
        (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    let place_good = (1..=57).contains(&place.len())
        && !place.starts_with('-')
        && place.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    number_good && place_good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: serde_json::Value) -> Result<HoldWish, (Code, Vec<String>)> {
        let body: HoldBody = serde_json::from_value(json).expect("fits the schema");
        body.asked().map_err(|p| (p.code, p.errors.into_iter().map(|e| e.pointer).collect()))
    }

    #[test]
    fn seats_or_a_section() {
        use serde_json::json;
        assert_eq!(
            asked(json!({"seats": ["a-1-1", "a-1-2"]})),
            Ok(HoldWish::Named(vec!["a-1-1".into(), "a-1-2".into()]))
        );
        let best = |quantity, adjacent| HoldWish::Best { section: "ga".into(), quantity, adjacent };
        assert_eq!(asked(json!({"section": "ga"})), Ok(best(1, Adjacent::Required)));
        assert_eq!(asked(json!({"section": "ga", "quantity": 3, "adjacent": false})), Ok(best(3, Adjacent::Optional)));
        let validation = |json, pointers: &[&str]| {
            let pointers = pointers.iter().map(|p| (*p).to_owned()).collect();
            assert_eq!(asked(json), Err((Code::Validation, pointers)));
        };
        validation(json!({}), &[""]);
        validation(json!({"seats": [], "section": "a"}), &[""]);
        validation(
            json!({"seats": ["a-1-1", "A B", "a-1-01", "-1-1", "a-1"], "quantity": 1}),
            &["/quantity", "/seats/1", "/seats/2", "/seats/3"],
        );
        validation(json!({"section": "A", "quantity": -1}), &["/section", "/quantity"]);
        validation(json!({"section": "a", "quantity": 1001}), &["/quantity"]);
        let code = |json| asked(json).expect_err("refused").0;
        assert_eq!(code(json!({"seats": []})), Code::Empty);
        assert_eq!(code(json!({"section": "a", "quantity": 0})), Code::Empty);
        assert_eq!(code(json!({"seats": ["a-1-1", "a-1-2", "a-1-1"]})), Code::DuplicateSeat);
    }
}
