//! An event as everybody sees it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{BookingFeeSpec, Event, EventCancellation, FreeHours, Identity, SoldTo};
use crate::facts::tariff::{PriceList, TicketPrice};
use crate::facts::time::rfc3339;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    #[schema(example = "spring-hall")]
    pub id: String,
    #[schema(example = "Spring Concert")]
    pub name: String,
    #[schema(example = "concert")]
    pub category: String,
    #[schema(example = "Spring Hall")]
    pub venue: String,
    /// IANA name of the venue's time zone.
    #[schema(example = "Asia/Seoul")]
    pub timezone: String,
    #[schema(example = "2027-04-01T10:00:00Z")]
    pub starts_at: String,
    #[schema(example = "2026-11-20T10:00:00Z")]
    pub opens_at: Option<String>,
    #[schema(example = json!(null))]
    pub closes_at: Option<String>,
    /// From this time on buyers get no refund; `null`: no such time.
    #[schema(example = "2027-03-31T15:00:00Z")]
    pub refunds_close_at: Option<String>,
    /// ISO 4217.
    #[schema(example = "KRW")]
    pub currency: String,
    #[schema(example = "hall-co")]
    pub organizer: String,
    pub sections: Vec<SectionView>,
    /// Most seats one user may have.
    #[schema(example = 4)]
    pub seats_per_user: i64,
    #[schema(example = 420)]
    pub hold_ttl_s: i64,
    #[schema(example = 600)]
    pub payment_ttl_s: i64,
    /// Points earned on cash paid, basis points.
    #[schema(example = 100)]
    pub earn_bp: i64,
    /// What each ticket costs beside its price; `null`: nothing.
    #[schema(required)]
    pub booking_fee: Option<BookingFeeSpec>,
    /// The value-added tax inside prices and fees, basis points of the sum without it; `null`: not said.
    #[schema(required, example = 1000)]
    pub vat_bp: Option<i64>,
    pub cancellation_fees: Vec<FeeView>,
    /// No fee so soon after the confirmation; `null`: the fees count at once.
    #[schema(required)]
    pub free_cancellation: Option<FreeHours>,
    /// When and why the event was cancelled; `null`: it was not.
    #[schema(required, example = json!(null))]
    pub cancelled: Option<EventCancellation>,
    /// `browser`: anyone may enter the line; `user`: signed-in users only, one place for each.
    #[schema(example = "browser")]
    pub identity: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventSection)]
pub struct SectionView {
    #[schema(example = "a")]
    pub id: String,
    #[schema(example = "Floor A")]
    pub name: String,
    /// Price of the default ticket type, minor units.
    #[schema(example = 55000)]
    pub price: i64,
    /// Whom a seat is for, and what it costs them. The first is the default.
    pub types: Vec<TicketTypeView>,
    #[schema(example = 40)]
    pub capacity: u32,
    /// Whether this is a standing section. Its seats have no names.
    #[schema(example = false)]
    pub standing: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketType)]
pub struct TicketTypeView {
    #[schema(example = "youth")]
    pub id: String,
    #[schema(example = "Youth (7-18)")]
    pub name: String,
    /// Minor units.
    #[schema(example = 38500)]
    pub price: i64,
}

pub fn ticket_types(list: &PriceList) -> Vec<TicketTypeView> {
    let view =
        |found: &TicketPrice| TicketTypeView { id: found.id.clone(), name: found.name.clone(), price: found.price };
    list.types.iter().map(view).collect()
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventCancellationFee)]
pub struct FeeView {
    /// The fee applies while at least this many days are left. Of several such fees, the one with the most days counts.
    /// The fee with the fewest days applies until `refunds_close_at`, also when fewer days are left.
    #[schema(example = 10)]
    pub days_before: i64,
    #[schema(example = 1000)]
    pub fee_bp: i64,
}

impl EventView {
    pub fn new(event: &Event) -> Self {
        let spec = &event.spec;
        let sections = spec.sections.iter().filter_map(|section| {
            let laid_out = event.layout.section(&section.id)?;
            Some(SectionView {
                id: section.id.clone(),
                name: section.name.clone(),
                price: section.default_price(),
                types: ticket_types(&section.price_list(SoldTo::Public)),
                capacity: laid_out.capacity(),
                standing: laid_out.is_standing(),
            })
        });
        let fees = spec.cancellation_fees.iter();
        Self {
            id: event.id.to_string(),
            name: spec.name.clone(),
            category: spec.category.clone(),
            venue: spec.venue.clone(),
            timezone: spec.timezone.clone(),
            starts_at: rfc3339(spec.starts_at.0),
            opens_at: spec.opens_at.map(|at| rfc3339(at.0)),
            closes_at: spec.closes_at.map(|at| rfc3339(at.0)),
            refunds_close_at: spec.refunds_close_at.map(|at| rfc3339(at.0)),
            currency: spec.currency.clone(),
            organizer: spec.organizer.clone(),
            sections: sections.collect(),
            seats_per_user: spec.seats_per_user,
            hold_ttl_s: spec.hold_ttl_s,
            payment_ttl_s: spec.payment_ttl_s,
            earn_bp: spec.earn_bp,
            booking_fee: spec.booking_fee,
            vat_bp: spec.vat_bp,
            cancellation_fees: fees.map(|f| FeeView { days_before: f.days_before, fee_bp: f.fee_bp }).collect(),
            free_cancellation: spec.free_cancellation,
            cancelled: spec.cancelled.clone(),
            identity: match spec.room.identity {
                Identity::Browser => "browser",
                Identity::User => "user",
            },
        }
    }
}
