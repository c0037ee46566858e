//! An event as it was put, with the fields that the gateway adds.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{
    BookingFeeSpec, CancellationFee, Event, EventCancellation, EventSpec, FreeHours, RoomSpec, SectionSpec,
};
use crate::facts::time::Timestamp;

#[derive(Serialize, ToSchema)]
#[schema(as = AdminEvent)]
pub struct AdminEventView<'a> {
    #[schema(example = "spring-hall")]
    pub id: &'a str,
    /// Grows with every change. In quotes it is the ETag.
    #[schema(example = 3)]
    pub version: i64,
    #[schema(example = 7)]
    pub lane: u16,
    #[schema(example = "Spring Concert")]
    pub name: &'a str,
    #[schema(example = "concert")]
    pub category: &'a str,
    #[schema(example = "Spring Hall")]
    pub venue: &'a str,
    /// IANA name.
    #[schema(example = "Asia/Seoul")]
    pub timezone: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2027-04-01T10:00:00Z")]
    pub starts_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime, example = "2026-11-20T10:00:00Z")]
    pub opens_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime, example = json!(null))]
    pub closes_at: Option<Timestamp>,
    /// ISO 4217.
    #[schema(example = "KRW")]
    pub currency: &'a str,
    #[schema(example = "hall-co")]
    pub organizer: &'a str,
    pub sections: &'a [SectionSpec],
    /// Most seats one user may have.
    #[schema(example = 4)]
    pub seats_per_user: i64,
    #[schema(example = 420)]
    pub hold_ttl_s: i64,
    #[schema(example = 600)]
    pub payment_ttl_s: i64,
    /// No deposit is waited for after this time; `null`: after the start.
    #[schema(required, value_type = Option<String>, format = DateTime, example = json!(null))]
    pub deposit_until: Option<Timestamp>,
    /// Points earned on cash paid, basis points.
    #[schema(example = 100)]
    pub earn_bp: i64,
    /// The platform's fee on the organizer's sales, basis points.
    #[schema(example = 500)]
    pub fee_bp: i64,
    /// What each ticket costs beside its price; `null`: nothing.
    #[schema(required)]
    pub booking_fee: Option<BookingFeeSpec>,
    /// The value-added tax inside prices and fees, basis points of the sum without it; `null`: not said.
    #[schema(required, example = 1000)]
    pub vat_bp: Option<i64>,
    pub cancellation_fees: &'a [CancellationFee],
    /// No fee so soon after the confirmation; `null`: the fees count at once.
    #[schema(required)]
    pub free_cancellation: Option<FreeHours>,
    /// From this time on buyers get no refund; `null`: no such time.
    #[schema(required, value_type = Option<String>, format = DateTime, example = "2027-03-31T15:00:00Z")]
    pub refunds_close_at: Option<Timestamp>,
    /// When the date or venue was last changed, as `material_change` noted.
    #[schema(required, value_type = Option<String>, format = DateTime, example = json!(null))]
    pub material_change_at: Option<Timestamp>,
    /// When and why the event was cancelled; `null`: it was not.
    #[schema(required, example = json!(null))]
    pub cancelled: Option<&'a EventCancellation>,
    #[schema(required, example = json!(null))]
    pub earn_vest_days: Option<i64>,
    #[schema(required, example = 365)]
    pub earn_valid_days: Option<i64>,
    pub room: &'a RoomSpec,
}

impl<'a> AdminEventView<'a> {
    pub fn new(event: &'a Event) -> Self {
        // Named one by one: this does not compile when an event gains a field, so the view is not forgotten.
        let EventSpec {
            name,
            category,
            venue,
            timezone,
            starts_at,
            opens_at,
            closes_at,
            currency,
            organizer,
            sections,
            seats_per_user,
            hold_ttl_s,
            payment_ttl_s,
            deposit_until,
            earn_bp,
            fee_bp,
            booking_fee,
            vat_bp,
            cancellation_fees,
            free_cancellation,
            refunds_close_at,
            material_change: _,
            material_change_at,
            cancelled,
            earn_vest_days,
            earn_valid_days,
            room,
        } = &event.spec;
        Self {
            id: event.id.as_str(),
            version: event.version,
            lane: event.lane.0,
            name,
            category,
            venue,
            timezone,
            starts_at: *starts_at,
            opens_at: *opens_at,
            closes_at: *closes_at,
            currency,
            organizer,
            sections,
            seats_per_user: *seats_per_user,
            hold_ttl_s: *hold_ttl_s,
            payment_ttl_s: *payment_ttl_s,
            deposit_until: *deposit_until,
            earn_bp: *earn_bp,
            fee_bp: *fee_bp,
            booking_fee: *booking_fee,
            vat_bp: *vat_bp,
            cancellation_fees,
            free_cancellation: *free_cancellation,
            refunds_close_at: *refunds_close_at,
            material_change_at: *material_change_at,
            cancelled: cancelled.as_ref(),
            earn_vest_days: *earn_vest_days,
            earn_valid_days: *earn_valid_days,
            room,
        }
    }
}
