//! What requests, rebuilds and audits read: rows as facts.
//!
//! A read comes from the primary when its user may have just changed the rows, or when it decides about money. Histories
//! may come from a replica. What one user is shown comes from it only while it has all that the primary has of the user.
//! Long lists are read in pages, so that each read has a bound.
//!
//! Every read may fail with an [`Error`](super::Error). It changes nothing, so it may always be repeated.

#![deny(missing_docs)]

mod cancelled;
mod coupons;
mod deliveries;
mod letters;
mod of_user;
mod orders;
mod payments;
mod points;
mod quote;
mod rebuild;
mod refunds;
pub(in crate::ledger) mod row;
mod tickets;
mod unsettled;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use cancelled::{CancelledOrders, Uncancelled};
pub use coupons::CouponEntry;
pub use deliveries::DeliveryEntry;
pub use orders::OrderFilter;
pub use payments::PaymentEntry;
pub use points::{LotEntry, MoveEntry, PointsBalance};
pub use refunds::RefundQuote;
pub use tickets::TicketEntry;
pub use unsettled::{CallEntry, CallFilter, LetterEntry};

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPart<T> {
    /// The items of this part, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: this is the last page.
    pub next: Option<Cursor>,
}

/// The place in a list after which a page begins. Clients see it as opaque text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(in crate::ledger) number: i64,
    pub(in crate::ledger) id: String,
}

impl Cursor {
    /// The inverse of `to_string`; `None` when the text does not have that form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (number, id) = text.split_once(':')?;
        Some(Self { number: number.parse().ok()?, id: id.to_owned() })
    }

    /// The start of a list that begins with the highest numbers.
    fn newest() -> Self {
        Self { number: i64::MAX, id: String::new() }
    }

    /// The start of a list that begins with the lowest numbers, 0 among them.
    pub(in crate::ledger) fn first() -> Self {
        Self { number: -1, id: String::new() }
    }

    /// The start of a list that begins with the lowest ids.
    fn lowest() -> Self {
        Self { number: 0, id: String::new() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{}:{}", self.number, self.id)))
    }
}

/// Makes a page of rows read with `LIMIT limit + 1`: one more row than fits means that there is a next page.
pub(in crate::ledger) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> Cursor) -> ListPart<T> {
    let fits = limit as usize;
    let more = items.len() > fits;
    items.truncate(fits);
    let next = if more { items.last().map(cursor) } else { None };
    ListPart { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor { number: -7, id: "o07:a".to_owned() };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for bad in ["", "x", "!!", "OjE"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let cursor = |n: &i64| Cursor { number: *n, id: String::new() };
        assert_eq!(page(vec![1, 2, 3], 2, cursor), ListPart { items: vec![1, 2], next: Some(cursor(&2)) });
        assert_eq!(page(vec![1, 2], 2, cursor), ListPart { items: vec![1, 2], next: None });
        assert_eq!(page(vec![], 2, cursor), ListPart { items: vec![], next: None });
    }
}
