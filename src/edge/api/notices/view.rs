//! A notice as its receiver gets it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::api::refunds::view::RefundView;

/// The envelope: CloudEvents 1.0 in structured JSON. `data` depends on the type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notice)]
pub struct NoticeView {
    #[schema(example = "1.0")]
    pub specversion: String,
    /// The same in every repeat, and in `webhook-id`.
    #[schema(example = "3-1045-0")]
    pub id: String,
    #[schema(example = "/lanes/3")]
    pub source: String,
    #[schema(example = "stanchion.order.confirmed.v1")]
    pub r#type: String,
    /// The order, user, event or organizer that it is about.
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub subject: String,
    #[schema(example = "2026-11-20T10:03:21Z")]
    pub time: String,
    #[schema(example = "application/json")]
    pub datacontenttype: String,
    /// Later notices of the same source have greater texts.
    #[schema(example = "00000000000004280320")]
    pub sequence: String,
    /// Notices with the same key and source come in their order.
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub partitionkey: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketNotice)]
pub struct TicketNoticeView {
    #[schema(example = "t0360303ae22b998861bce3b28f33eec1be-1")]
    pub ticket: String,
    /// `valid`, `suspended` or `void`.
    #[schema(example = "valid")]
    pub state: Option<&'static str>,
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = "kim")]
    pub user: String,
    #[schema(example = 1)]
    pub line: u32,
    /// `null` in standing sections.
    #[schema(example = "a-1-1")]
    pub seat: Option<String>,
    /// Id of the ticket type.
    #[schema(example = "standard")]
    pub r#type: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefundNotice)]
pub struct RefundNoticeView {
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: String,
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = "kim")]
    pub user: String,
    pub refund: RefundView,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CouponNotice)]
pub struct CouponNoticeView {
    #[schema(example = "welcome")]
    pub campaign: String,
    /// Its number in the campaign.
    #[schema(example = 17)]
    pub number: i64,
    #[schema(example = "kim")]
    pub user: String,
    /// The order that uses or used it.
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointsNotice)]
pub struct PointsNoticeView {
    #[schema(example = "kim")]
    pub user: String,
    /// Above zero when the user got them, below when the user lost them.
    #[schema(example = -3500)]
    pub amount: i64,
    #[schema(example = "o0360303ae22b998861bce3b28f33eec1be")]
    pub order: Option<String>,
    /// The refund that moved them.
    #[schema(example = json!(null))]
    pub refund: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventNotice)]
pub struct EventNoticeView {
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = 4)]
    pub version: i64,
    #[schema(example = "Spring Concert")]
    pub name: String,
    #[schema(example = "Hall One")]
    pub venue: Option<String>,
    #[schema(example = "Asia/Seoul")]
    pub timezone: String,
    #[schema(example = "2027-04-01T10:00:00Z")]
    pub starts_at: String,
    #[schema(example = "2027-04-01T09:00:00Z")]
    pub refunds_close_at: Option<String>,
    /// Earlier orders may now be refunded without a fee.
    #[schema(example = false)]
    pub material_change: bool,
    /// Why it was cancelled.
    #[schema(example = json!(null))]
    pub cancelled: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoomNotice)]
pub struct RoomNoticeView {
    #[schema(example = "spring-hall")]
    pub event: String,
    /// `open`, `paused` or `closed`.
    #[schema(example = "open")]
    pub mode: String,
    /// Visitors in the line.
    #[schema(example = 1800)]
    pub waiting: i64,
    /// Visitors inside.
    #[schema(example = 500)]
    pub inside: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SoldOutNotice)]
pub struct SoldOutNoticeView {
    #[schema(example = "spring-hall")]
    pub event: String,
    /// Seats that are sold.
    #[schema(example = 540)]
    pub sold: i64,
}
