//! An event's terms, frozen with an order when it is placed. Later changes of the event do not change them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::facts::time::Millis;

const DAY_MS: Millis = 86_400_000;

/// The terms of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredTerms")]
pub struct Terms {
    /// ISO 4217.
    pub currency: String,
    /// Whose sale it is. The journal's accounts `organizer_payable:<this>:…` are named after it.
    pub organizer: String,
    /// When the event begins.
    pub starts_ms: Millis,
    /// The buyer's cancellation fees, soonest end first, without the free time after the confirmation.
    pub refunds: Vec<RefundTerm>,
    /// The free time after the confirmation; `None`: there is none.
    pub free: Option<FreeCancellation>,
    /// The fee of each ticket, beside its price.
    #[serde(default)]
    pub booking_fee: BookingFee,
    /// The value-added tax that is inside prices and fees, basis points of the sum without it; `None`: the organizer
    /// does not say.
    pub vat_bp: Option<i64>,
    /// How many days after the start earned points become usable; `None`: at once.
    pub earn_vest_days: Option<i64>,
    /// How many days from then on they last; `None`: for ever.
    pub earn_valid_days: Option<i64>,
}

/// A fee of each ticket, which the buyer pays to the platform, in cash alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingFee {
    /// Minor units; 0: there is none.
    pub amount: i64,
    /// Whether a buyer's refund gives it back.
    pub refundable: FeeRefundable,
    /// IANA name of the time zone in which the day of the confirmation is counted.
    pub timezone: String,
}

/// Until when a buyer's refund of a whole ticket gives the booking fee back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeeRefundable {
    /// It is never given back.
    #[default]
    Never,
    /// Until midnight after the confirmation, where the event takes place.
    FirstDay,
    /// As long as there are refunds.
    Always,
}

impl BookingFee {
    /// Whether a buyer's refund at `at_ms` of an order confirmed at `confirmed_ms` gives it back.
    pub fn is_refundable(&self, confirmed_ms: Millis, at_ms: Millis) -> bool {
        match self.refundable {
            FeeRefundable::Never => false,
            FeeRefundable::FirstDay => at_ms < end_of_day(&self.timezone, confirmed_ms, 0),
            FeeRefundable::Always => true,
        }
    }
}

/// When the day ends, in a time zone, that is so many days before the day of `at_ms`. A zone that is not known is UTC.
pub fn end_of_day(timezone: &str, at_ms: Millis, days_before: i64) -> Millis {
    let zone = jiff::tz::TimeZone::get(timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::MAX);
    let day = at.to_zoned(zone.clone()).date();
    let next = day.saturating_sub(jiff::Span::new().days(days_before)).saturating_add(jiff::Span::new().days(1));
    next.to_zoned(zone).map_or(i64::MAX, |midnight| midnight.timestamp().as_millisecond())
}

/// A cancellation fee, and until when it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTerm {
    /// The fee applies before this time; `None`: for ever.
    pub until_ms: Option<Millis>,
    /// The fee, basis points of the gross amount that is refunded.
    pub fee_bp: i64,
}

/// How long after its confirmation an order may be cancelled without a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeCancellation {
    /// This long after the confirmation.
    pub for_ms: Millis,
    /// And not after this time, because the event is near.
    pub until_ms: Millis,
}

impl Terms {
    /// The terms of an event that only says whose sale it is, and when it begins.
    pub fn plain(currency: &str, organizer: &str, starts_ms: Millis) -> Self {
        Self {
            currency: currency.to_owned(),
            organizer: organizer.to_owned(),
            starts_ms,
            refunds: vec![RefundTerm::FREE],
            free: None,
            booking_fee: BookingFee::default(),
            vat_bp: None,
            earn_vest_days: None,
            earn_valid_days: None,
        }
    }

    /// The buyer's cancellation fees for an order that was confirmed at this time, soonest end first.
    pub fn refunds_from(&self, confirmed_ms: Millis) -> Vec<RefundTerm> {
        let free = self.free.map(|free| free.until_ms.min(confirmed_ms + free.for_ms));
        let Some(free_until_ms) = free.filter(|until_ms| *until_ms > confirmed_ms) else { return self.refunds.clone() };
        let outlasts = |term: &&RefundTerm| term.until_ms.is_none_or(|until_ms| until_ms > free_until_ms);
        let later: Vec<RefundTerm> = self.refunds.iter().filter(outlasts).copied().collect();
        // The free time does not outlast the time for refunds.
        let close_ms = self.refunds.last().and_then(|term| term.until_ms);
        let until_ms = if later.is_empty() { close_ms } else { Some(free_until_ms) };
        std::iter::once(RefundTerm { until_ms, fee_bp: 0 }).chain(later).collect()
    }

    /// How long the lane keeps the order for its refunds: until nobody may ask for one. Where the terms have no end,
    /// until the event begins. An order that is refunded later is first brought back from the ledger.
    pub fn refundable_until_ms(&self) -> Millis {
        self.refunds.last().and_then(|term| term.until_ms).unwrap_or(self.starts_ms)
    }
}

impl RefundTerm {
    /// No fee, for ever.
    pub const FREE: RefundTerm = RefundTerm { until_ms: None, fee_bp: 0 };
}

/// The fee of a buyer's refund at `at_ms`, basis points; `None`: the time for refunds is over.
pub fn refund_fee_bp(terms: &[RefundTerm], at_ms: Millis) -> Option<i64> {
    terms.iter().find(|term| term.until_ms.is_none_or(|until_ms| at_ms < until_ms)).map(|term| term.fee_bp)
}

/// Terms as they are stored. Older ones have, instead of `refunds`, a deadline and fees by days of 24 hours.
#[derive(Deserialize)]
struct StoredTerms {
    currency: String,
    organizer: String,
    starts_ms: Millis,
    refunds: Option<Vec<RefundTerm>>,
    refunds_close_ms: Option<Millis>,
    #[serde(default)]
    cancellation_fees: Vec<(i64, i64)>,
    #[serde(default)]
    free: Option<FreeCancellation>,
    #[serde(default)]
    booking_fee: BookingFee,
    vat_bp: Option<i64>,
    earn_vest_days: Option<i64>,
    earn_valid_days: Option<i64>,
}

impl From<StoredTerms> for Terms {
    fn from(written: StoredTerms) -> Self {
        let StoredTerms { currency, organizer, starts_ms, free, earn_vest_days, earn_valid_days, vat_bp, .. } = written;
        let days = |fees: Vec<(i64, i64)>| {
            // A fee of d days applied for as long as d whole days were left, that instant included: hence the + 1.
            schedule(fees, written.refunds_close_ms, |days_before| starts_ms - days_before * DAY_MS + 1)
        };
        let refunds = written.refunds.unwrap_or_else(|| days(written.cancellation_fees));
        let booking_fee = written.booking_fee;
        Terms { currency, organizer, starts_ms, refunds, free, booking_fee, vat_bp, earn_vest_days, earn_valid_days }
    }
}

/// Makes refund terms from (days before the start, fee). Each fee applies until `end_of` its days; the fee with the
/// fewest days applies until `close_ms`. A fee that would end at `close_ms` or later ends there, and later ones are
/// left out. Without fees a refund is free until `close_ms`.
pub fn schedule(
    mut fees: Vec<(i64, i64)>,
    close_ms: Option<Millis>,
    end_of: impl Fn(i64) -> Millis,
) -> Vec<RefundTerm> {
    fees.sort_unstable_by_key(|fee| std::cmp::Reverse(fee.0));
    if fees.is_empty() {
        fees.push((0, 0));
    }
    let mut terms = Vec::with_capacity(fees.len());
    for (at, &(days_before, fee_bp)) in fees.iter().enumerate() {
        let until_ms = (at + 1 < fees.len()).then(|| end_of(days_before));
        if until_ms.is_some_and(|until_ms| close_ms.is_none_or(|close_ms| until_ms < close_ms)) {
            terms.push(RefundTerm { until_ms, fee_bp });
        } else {
            terms.push(RefundTerm { until_ms: close_ms, fee_bp });
            break;
        }
    }
    terms
}

#[cfg(test)]
mod tests;
