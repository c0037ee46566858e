//! An event as its organizer describes it, and the check of its rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::layout::Layout;
use super::room::RoomSpec;
use super::section::{self, SectionSpec};
use crate::facts::draw::{Birth, DrawKey};
use crate::facts::hold::HoldFact;
use crate::facts::ids::{EventId, LaneId, SeatIndex, is_slug};
use crate::facts::money::{AMOUNT_MAX, BP_MAX};
use crate::facts::room::{AdmissionOrder, Mode, Room};
use crate::facts::terms;
use crate::facts::terms::{BookingFee, FeeRefundable, FreeCancellation, RefundTerm, Terms};
use crate::facts::time::{Millis, Timestamp, is_zone};
use crate::lane::events::EventPut;
use crate::ledger::draws::DrawSecret;

/// A week, in seconds, and ten years, in days.
pub(super) const TTL_S_MAX: i64 = 7 * 24 * 3600;
const DAYS_MAX: i64 = 3_660;
/// Longest free time after a confirmation, hours: a year.
const FREE_HOURS_MAX: i64 = 8_760;

/// An event in the catalogue: what `PUT /v1/admin/events/{event}` said, and the event's lane.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    pub lane: LaneId,
    pub version: i64,
    pub spec: EventSpec,
    pub layout: Layout,
    /// What its draws are made from; given once for each creation of the event.
    pub draw: DrawSecret,
    /// Which creation of the event this is; `None`: it has nothing to draw from.
    pub birth: Option<Birth>,
    /// The event has left its lane, until it is put again.
    pub away: bool,
    /// The event has left its lane at least once.
    pub returned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPut)]
pub struct EventSpec {
    pub name: String,
    #[serde(default)]
    pub category: String,
    #[serde(default)]
    pub venue: String,
    /// IANA name; answers stay UTC, pages show local times.
    #[serde(default = "utc")]
    pub timezone: String,
    pub starts_at: Timestamp,
    #[serde(default)]
    pub opens_at: Option<Timestamp>,
    #[serde(default)]
    pub closes_at: Option<Timestamp>,
    /// ISO 4217.
    pub currency: String,
    pub organizer: String,
    /// May be empty: a room without seats.
    pub sections: Vec<SectionSpec>,
    #[serde(default = "four")]
    pub seats_per_user: i64,
    #[serde(default = "seven_minutes")]
    pub hold_ttl_s: i64,
    #[serde(default = "ten_minutes")]
    pub payment_ttl_s: i64,
    /// No deposit is waited for after this time; `null`: after the start.
    #[serde(default)]
    pub deposit_until: Option<Timestamp>,
    #[serde(default)]
    pub earn_bp: i64,
    #[serde(default)]
    pub fee_bp: i64,
    /// What each ticket costs beside its price; `null`: nothing.
    #[serde(default)]
    pub booking_fee: Option<BookingFeeSpec>,
    /// The value-added tax that is inside prices and fees, basis points of the sum without it. 0: tax-free, and
    /// providers are told so. `null`: not said.
    #[serde(default)]
    pub vat_bp: Option<i64>,
    #[serde(default)]
    pub cancellation_fees: Vec<CancellationFee>,
    /// No fee so soon after the confirmation; `null`: from the first second on the fees count.
    #[serde(default)]
    pub free_cancellation: Option<FreeHours>,
    #[serde(default)]
    pub refunds_close_at: Option<Timestamp>,
    /// Only in a change: the date or the venue is new. Orders from before the change can be refunded free until
    /// `refunds_close_at`.
    #[serde(default, skip_serializing)]
    pub material_change: bool,
    /// When the last such change was made. The server sets it.
    #[serde(default)]
    pub material_change_at: Option<Timestamp>,
    /// The organizer cancelled it. The server sets it, and nothing is changed any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<EventCancellation>,
    #[serde(default)]
    pub earn_vest_days: Option<i64>,
    #[serde(default)]
    pub earn_valid_days: Option<i64>,
    #[serde(default)]
    pub room: RoomSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutFee)]
pub struct CancellationFee {
    #[schema(example = 10)]
    pub days_before: i64,
    #[schema(example = 1000)]
    pub fee_bp: i64,
}

/// A fee of each ticket, paid in cash alone, to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutBookingFee)]
pub struct BookingFeeSpec {
    /// Minor units.
    #[schema(example = 2000)]
    pub amount: i64,
    /// Whether a buyer who gives a ticket back gets it back: `never`, `first_day` (until midnight after the confirmation,
    /// where the event takes place) or `always`.
    #[serde(default)]
    pub refundable: FeeRefundable,
}

/// When and why an event was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventCancellation)]
pub struct EventCancellation {
    pub at: Timestamp,
    #[schema(example = "the singer is ill")]
    pub reason: String,
}

/// How long after its confirmation an order may be cancelled without a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventPutFreeCancellation)]
pub struct FreeHours {
    #[schema(example = 24)]
    pub hours: i64,
    /// The event is so near then that the fees count all the same: calendar days before the start.
    #[schema(example = 3)]
    pub until_days_before: i64,
}

/// What a name has to be.
pub(super) const NAME: &str = "1 to 200 characters, not only blanks, no control characters";

/// Text of `least..=most` characters that people can read: with `least` above 0 not only blanks.
pub(super) fn is_text(text: &str, least: usize, most: usize) -> bool {
    let length = (least..=most).contains(&text.chars().count());
    length && !text.chars().any(char::is_control) && (least == 0 || !text.trim().is_empty())
}

/// What is wrong with a field, by JSON pointer.
pub type SpecFaults = Vec<(String, String)>;

impl EventSpec {
    /// Everything that is wrong with it, empty when it is fit to be sold.
    pub fn faults(&self) -> SpecFaults {
        let mut faults = SpecFaults::new();
        let mut check = |good: bool, pointer: &str, detail: &str| {
            if !good {
                faults.push((pointer.to_owned(), detail.to_owned()));
            }
        };
        check(is_text(&self.name, 1, 200), "/name", NAME);
        check(is_text(&self.category, 0, 100), "/category", "at most 100 characters, no control characters");
        check(is_text(&self.venue, 0, 200), "/venue", "at most 200 characters, no control characters");
        check(is_zone(&self.timezone), "/timezone", "an IANA time zone, e.g. Asia/Seoul");
        let currency = self.currency.len() == 3 && self.currency.bytes().all(|b| b.is_ascii_uppercase());
        check(currency, "/currency", "three capital letters (ISO 4217)");
        check(is_slug(&self.organizer), "/organizer", "a slug: [a-z0-9][a-z0-9-]{0,47}");
        if let (Some(opens), Some(closes)) = (self.opens_at, self.closes_at) {
            check(opens < closes, "/closes_at", "after opens_at");
        }
        check((1..=1_000).contains(&self.seats_per_user), "/seats_per_user", "1 to 1000");
        check((1..=TTL_S_MAX).contains(&self.hold_ttl_s), "/hold_ttl_s", "1 to 604800 seconds");
        check((1..=TTL_S_MAX).contains(&self.payment_ttl_s), "/payment_ttl_s", "1 to 604800 seconds");
        check(self.deposit_until.is_none_or(|at| at <= self.starts_at), "/deposit_until", "not after starts_at");
        check((0..=BP_MAX).contains(&self.earn_bp), "/earn_bp", "0 to 10000 basis points");
        check((0..=BP_MAX).contains(&self.fee_bp), "/fee_bp", "0 to 10000 basis points");
        check(self.cancellation_fees.len() <= 50, "/cancellation_fees", "at most 50");
        for (i, fee) in self.cancellation_fees.iter().enumerate() {
            let days = (0..=DAYS_MAX).contains(&fee.days_before);
            check(days, &format!("/cancellation_fees/{i}/days_before"), "0 to 3660 days");
            let twice = self.cancellation_fees[..i].iter().any(|other| other.days_before == fee.days_before);
            check(!twice, &format!("/cancellation_fees/{i}/days_before"), "given twice");
            let bp = (0..=BP_MAX).contains(&fee.fee_bp);
            check(bp, &format!("/cancellation_fees/{i}/fee_bp"), "0 to 10000 basis points");
        }
        if let Some(FreeHours { hours, until_days_before }) = self.free_cancellation {
            check((1..=FREE_HOURS_MAX).contains(&hours), "/free_cancellation/hours", "1 to 8760 hours");
            let days = (0..=DAYS_MAX).contains(&until_days_before);
            check(days, "/free_cancellation/until_days_before", "0 to 3660 days");
        }
        for (days, pointer) in [(self.earn_vest_days, "/earn_vest_days"), (self.earn_valid_days, "/earn_valid_days")] {
            check(days.is_none_or(|d| (0..=DAYS_MAX).contains(&d)), pointer, "0 to 3660 days, or null");
        }
        if let Some(vat_bp) = self.vat_bp {
            check((0..=BP_MAX).contains(&vat_bp), "/vat_bp", "0 to 10000 basis points, or null");
        }
        let booking_fee = self.booking_fee.map_or(0, |fee| fee.amount);
        check(
            (0..=AMOUNT_MAX).contains(&booking_fee),
            "/booking_fee/amount",
            &format!("0 to {AMOUNT_MAX} minor units"),
        );
        faults.extend(section::faults(&self.sections, self.seats_per_user, booking_fee));
        faults.extend(self.room.faults("/room"));
        if self.room.mode == Mode::Scheduled && self.opens_at.is_none() {
            faults.push(("/opens_at".into(), "required when the room's mode is scheduled".into()));
        }
        faults
    }

    /// When the day ends that is so many days before the day of the start, where the event takes place.
    fn end_of_day(&self, days_before: i64) -> Millis {
        terms::end_of_day(&self.timezone, self.starts_at.0, days_before)
    }

    /// The buyer's cancellation fees without the free time after the confirmation. Each ends with its day.
    fn refund_terms(&self) -> Vec<RefundTerm> {
        let fees = self.cancellation_fees.iter().map(|fee| (fee.days_before, fee.fee_bp)).collect();
        terms::schedule(fees, self.refunds_close_at.map(|at| at.0), |days_before| self.end_of_day(days_before))
    }

    /// The terms that an order keeps as they are when it is placed.
    pub fn terms(&self) -> Terms {
        Terms {
            currency: self.currency.clone(),
            organizer: self.organizer.clone(),
            starts_ms: self.starts_at.0,
            refunds: self.refund_terms(),
            free: self.free_cancellation.map(|free| FreeCancellation {
                for_ms: free.hours * 3_600_000,
                until_ms: self.end_of_day(free.until_days_before),
            }),
            booking_fee: self.booking_fee.map_or_else(BookingFee::default, |fee| BookingFee {
                amount: fee.amount,
                refundable: fee.refundable,
                timezone: self.timezone.clone(),
            }),
            vat_bp: self.vat_bp,
            earn_vest_days: self.earn_vest_days,
            earn_valid_days: self.earn_valid_days,
        }
    }
}

impl Event {
    /// The section of a seat, as its organizer describes it; `None`: no such seat, or its section was dropped.
    pub fn section_of(&self, seat: SeatIndex) -> Option<&SectionSpec> {
        let section = self.layout.section_of(seat)?;
        self.section(&section.id)
    }

    /// A section as its organizer describes it.
    pub fn section(&self, id: &str) -> Option<&SectionSpec> {
        self.spec.sections.iter().find(|section| section.id == id)
    }

    /// The event's room, as its doors know it.
    pub fn room(&self) -> Room {
        let room = &self.spec.room;
        Room {
            event: self.id.clone(),
            lane: self.lane,
            patience_ms: room.absent_after_s.min(room.claim_ttl_s) * 1000,
            absent_ms: room.absent_after_s * 1000,
            grace_ms: room.late_grace_s * 1000,
            recover_ms: room.recover_s * 1000,
            draw: self.draw.bytes().filter(|_| room.order == AdmissionOrder::Lottery).map(DrawKey),
            birth: self.birth,
            stay_ms: room.pass_ttl_s * 1000,
        }
    }

    pub fn terms(&self) -> Terms {
        self.spec.terms()
    }

    /// The terms of an order of this hold: those that the hold froze. After a material change the start, the refunds
    /// and what follows from them are as they are now, because that is what the buyer orders. A hold that froze no
    /// terms showed no booking fee, and costs none.
    pub fn terms_for(&self, hold: &HoldFact) -> Terms {
        match &hold.terms {
            None => Terms { booking_fee: BookingFee::default(), ..self.terms() },
            Some(frozen) if self.spec.material_change_at.is_some_and(|at| hold.created_ms < at.0) => {
                Terms { booking_fee: frozen.booking_fee.clone(), vat_bp: frozen.vat_bp, ..self.terms() }
            }
            Some(frozen) => frozen.clone(),
        }
    }

    /// The refund terms of an order placed at `placed_ms`: the `frozen` ones that it was placed with, or better ones if
    /// the event was changed since.
    pub fn refund_terms(&self, placed_ms: Millis, frozen: &[RefundTerm], now_ms: Millis) -> Vec<RefundTerm> {
        if !self.frees_refunds(placed_ms, now_ms) {
            return frozen.to_vec();
        }
        let close_at = self.spec.refunds_close_at.filter(|_| self.spec.cancelled.is_none());
        vec![RefundTerm { until_ms: close_at.map(|at| at.0), fee_bp: 0 }]
    }

    /// Whether a refund is free, because the event was cancelled, or was changed materially after the order was placed.
    /// After a change it is free until `refunds_close_at` as it is now.
    pub fn frees_refunds(&self, placed_ms: Millis, now_ms: Millis) -> bool {
        if self.spec.cancelled.is_some() {
            return true;
        }
        let changed = self.spec.material_change_at.is_some_and(|at| placed_ms < at.0);
        changed && self.spec.refunds_close_at.is_none_or(|at| now_ms < at.0)
    }

    /// Whether the event began before `at_ms`, and its sale closed before then or its room is closed. A room that
    /// nobody closes stays: it may stand before a shop for years.
    pub fn was_over(&self, at_ms: Millis) -> bool {
        let is_closed = self.spec.room.mode == Mode::Closed || self.spec.closes_at.is_some_and(|at| at.0 < at_ms);
        is_closed && self.spec.starts_at.0 < at_ms
    }

    /// The whole state its lane should have.
    pub fn lane_put(&self) -> EventPut {
        EventPut {
            event: self.id.clone(),
            version: self.version,
            seats: self.layout.seats,
            blocked: self.layout.blocked(),
            returned: self.returned,
            room: self.spec.room.settings(self.spec.opens_at, self.spec.closes_at),
        }
    }
}

fn utc() -> String {
    "UTC".into()
}

fn four() -> i64 {
    4
}

fn seven_minutes() -> i64 {
    420
}

fn ten_minutes() -> i64 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::RowSpec;

    fn spec(json: &str) -> EventSpec {
        serde_json::from_str(json).expect("an event")
    }

    fn event(spec: EventSpec) -> Event {
        let layout = Layout::of(&spec, &Layout::default());
        let (id, lane, draw) = ("x".into(), LaneId(0), DrawSecret::default());
        Event { id, lane, version: 1, spec, layout, draw, birth: None, away: false, returned: false }
    }

    const SMALL: &str = r#"{"name":"x","starts_at":"2027-01-01T00:00:00Z","currency":"KRW","organizer":"o",
        "sections":[{"id":"a","name":"A","price":1,"rows":[{"id":"1","seats":2}]}]}"#;

    #[test]
    fn the_least_event_is_whole() {
        let spec = spec(SMALL);
        assert_eq!(spec.faults(), SpecFaults::new());
        assert_eq!((spec.hold_ttl_s, spec.room.capacity, spec.earn_bp), (420, 500, 0));
    }

    #[test]
    fn a_day_of_a_cancellation_fee_ends_at_midnight_where_the_event_is() {
        let mut spec = spec(SMALL);
        let at = |text: &str| Timestamp(crate::facts::time::parse_rfc3339(text).expect("a time"));
        let fees = [(10, 0), (3, 1_000), (0, 3_000)];
        spec.cancellation_fees = fees.map(|(days_before, fee_bp)| CancellationFee { days_before, fee_bp }).to_vec();
        // In the evening in Berlin, where the clocks went forward four days before.
        (spec.timezone, spec.starts_at) = ("Europe/Berlin".into(), at("2027-04-01T18:00:00Z"));
        let ends = |spec: &EventSpec| {
            let until = |term: &RefundTerm| term.until_ms.map(crate::facts::time::rfc3339);
            spec.refund_terms().iter().map(until).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(ends(&spec), [text("2027-03-22T23:00:00Z"), text("2027-03-29T22:00:00Z"), None]);
        // In the early morning in Seoul it is still yesterday in London.
        (spec.timezone, spec.starts_at) = ("Asia/Seoul".into(), at("2027-03-31T20:00:00Z"));
        spec.refunds_close_at = Some(at("2027-03-31T00:00:00Z"));
        let close = text("2027-03-31T00:00:00Z");
        assert_eq!(ends(&spec), [text("2027-03-22T15:00:00Z"), text("2027-03-29T15:00:00Z"), close]);
    }

    #[test]
    fn a_changed_event_frees_refunds_until_they_close() {
        let mut spec = spec(SMALL);
        spec.material_change_at = Some(Timestamp(100));
        let frees = |spec: &EventSpec, placed_ms, now_ms| event(spec.clone()).frees_refunds(placed_ms, now_ms);
        assert!(frees(&spec, 99, i64::MAX) && !frees(&spec, 100, 101), "only orders of before the change");
        spec.refunds_close_at = Some(Timestamp(500));
        assert!(frees(&spec, 99, 499) && !frees(&spec, 99, 500));
    }

    #[test]
    fn a_section_has_rows_for_a_field_of_benches_and_no_more() {
        let mut spec = spec(SMALL);
        let rows = |n: usize| Some((1..=n).map(|n| RowSpec { id: n.to_string(), seats: 1 }).collect());
        spec.sections[0].rows = rows(5_000);
        assert_eq!(spec.faults(), SpecFaults::new());
        spec.sections[0].rows = rows(5_001);
        let pointers: Vec<_> = spec.faults().into_iter().map(|fault| fault.0).collect();
        assert_eq!(pointers, ["/sections/0/rows"]);
    }

    #[test]
    fn an_event_is_over_when_it_began_and_is_closed() {
        let starts_ms = spec(SMALL).starts_at.0;
        let over = |change: fn(&mut EventSpec), at_ms: Millis| {
            let mut spec = spec(SMALL);
            change(&mut spec);
            event(spec).was_over(at_ms)
        };
        assert!(!over(|_| (), starts_ms + 1), "nobody closed it");
        assert!(over(|spec| spec.room.mode = Mode::Closed, starts_ms + 1));
        assert!(!over(|spec| spec.room.mode = Mode::Closed, starts_ms));
        assert!(over(|spec| spec.closes_at = Some(spec.starts_at), starts_ms + 1));
        assert!(!over(|spec| spec.closes_at = Some(Timestamp(spec.starts_at.0 + 9)), starts_ms + 9));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut bad = spec(SMALL);
        bad.currency = "won".into();
        bad.hold_ttl_s = 0;
        bad.room.capacity = -1;
        bad.sections[0].rows = Some(vec![RowSpec { id: "1-2".into(), seats: 0 }]);
        bad.room.mode = Mode::Scheduled;
        let pointers: Vec<_> = bad.faults().into_iter().map(|f| f.0).collect();
        assert_eq!(
            pointers,
            [
                "/currency",
                "/hold_ttl_s",
                "/sections/0/rows/0/id",
                "/sections/0/rows/0/seats",
                "/room/capacity",
                "/opens_at"
            ]
        );
    }
}
