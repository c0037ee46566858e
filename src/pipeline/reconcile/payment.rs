//! One payment at a provider, as the ledger has it, and how it differs from what the provider says.

use std::fmt;

use super::FilePayment;
use crate::facts::ids::OrderId;
use crate::facts::time::Millis;
use crate::ledger::read::PaymentEntry;
use crate::payment::PaymentBooked;

/// A payment with the attempts that name it: usually one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HousePayment {
    /// The provider's name of it.
    pub key: String,
    /// ISO 4217.
    pub currency: String,
    pub attempts: Vec<PaymentEntry>,
    /// Some attempt has no definite answer yet.
    pub is_open: bool,
    /// Minor units.
    pub captured: i64,
    pub returned: i64,
    /// What of that was given back in the time that is compared.
    pub returned_within: i64,
    /// What refunds under way may have given back already.
    pub returning: i64,
    /// When an attempt got its last answer.
    pub updated_ms: Millis,
}

impl HousePayment {
    pub(super) fn new(key: String, first: &PaymentEntry) -> Self {
        Self {
            key,
            currency: first.currency.clone(),
            attempts: Vec::new(),
            is_open: false,
            captured: 0,
            returned: 0,
            returned_within: 0,
            returning: 0,
            updated_ms: 0,
        }
    }

    pub(super) fn add(&mut self, entry: PaymentEntry) {
        self.is_open |= entry.is_open;
        self.captured += entry.captured;
        self.returned += entry.returned;
        self.returned_within += entry.returned_within;
        self.returning += entry.returning;
        self.updated_ms = self.updated_ms.max(entry.updated_ms);
        self.attempts.push(entry);
    }

    /// Whether the provider has as much of the buyer's money as the ledger says. A refund under way may be done there,
    /// and so may a payment.
    pub(super) fn fits(&self, booked: PaymentBooked) -> bool {
        let kept = self.captured - self.returned;
        let theirs = booked.captured - booked.returned;
        self.is_open || (kept - self.returning..=kept).contains(&theirs)
    }

    pub(super) fn difference(&self, provider: &str, booked: PaymentBooked) -> Option<Difference> {
        let says =
            |who: &str, captured: i64, returned: i64| format!("{who} has {captured} captured and {returned} returned");
        let (ours, theirs) =
            (says("the ledger", self.captured, self.returned), says(provider, booked.captured, booked.returned));
        let amount = (self.captured - self.returned) - (booked.captured - booked.returned);
        (!self.fits(booked)).then(|| self.differs(amount, format!("{ours}, {theirs}")))
    }

    /// `is_of_its_time`: the payment was captured in the time of the file. At the edges of that time the provider's clock may
    /// say otherwise, so what the ledger knows of other times is survived.
    pub(super) fn difference_in_file(&self, row: FilePayment, is_of_its_time: bool) -> Option<Difference> {
        let should = if is_of_its_time { self.captured } else { 0 };
        if row.captured != should && !(row.captured == self.captured && row.captured > 0) {
            let text = format!("the ledger has {should} captured, the file {}", row.captured);
            return Some(self.differs(should - row.captured, text));
        }
        let (least, most) = (self.returned_within, self.returned + self.returning);
        let should = row.returned.clamp(least, most);
        let text = format!("the ledger has {should} returned, the file {}", row.returned);
        (should != row.returned).then(|| self.differs(row.returned - should, text))
    }

    fn differs(&self, amount: i64, text: String) -> Difference {
        Difference {
            key: self.key.clone(),
            order: self.attempts.first().map(|entry| entry.order.clone()),
            amount,
            text,
        }
    }
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The provider's name of the payment.
    pub key: String,
    /// `None`: the ledger has no such payment.
    pub order: Option<OrderId>,
    /// What the ledger has more than the other, minor units.
    pub amount: i64,
    /// Who says what.
    pub text: String,
}

impl Difference {
    pub(super) fn unknown(key: &str, row: FilePayment) -> Self {
        let text = format!(
            "the ledger has no such payment, the file has {} captured, {} returned",
            row.captured, row.returned
        );
        Self { key: key.to_owned(), order: None, amount: row.returned - row.captured, text }
    }

    pub(super) fn in_lane(payment: &HousePayment, entry: &PaymentEntry, captured: i64, returned: i64) -> Self {
        let text = format!(
            "the ledger has {} captured and {} returned, its lane {captured} and {returned}",
            entry.captured, entry.returned
        );
        let amount = (entry.captured - entry.returned) - (captured - returned);
        Self { key: payment.key.clone(), order: Some(entry.order.clone()), amount, text }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.order.as_ref().map_or("no order", OrderId::as_str);
        write!(f, "{order}, payment {}: {} ({:+})", self.key, self.text, self.amount)
    }
}
