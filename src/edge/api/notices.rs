//! What a webhook's endpoint is shown: the data of a notice, as the API shows the same things to an admin.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::admin::settlements::view::SettlementView;
use super::orders::view::{AdminOrderView, OrderView};
use super::refunds::view::RefundView;
use crate::catalog::Event;
use crate::edge::router::{SchemaOf, schema_of};
use crate::facts::notice::{Notice, NoticeKind};
use crate::facts::order::OrderFact;
use crate::facts::time::Millis;

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

/// The data of a notice. `order`: the order it is about; `event`: that order's, `None` when the catalogue does not have
/// it any more.
pub fn data(notice: &Notice, order: Option<&OrderFact>, event: Option<&Event>, at_ms: Millis) -> Value {
    let (order_id, event_id, user) = match order {
        Some(order) => (order.id.to_string(), order.event.to_string(), order.user.to_string()),
        None => Default::default(),
    };
    // Nobody but the buyer is told of an account.
    let view = || order.map(|order| OrderView { deposit: None, ..OrderView::new(order, event, None, at_ms) });
    match notice {
        Notice::Order { .. } => json!(view().map(|order| AdminOrderView { user, order })),
        Notice::Ticket { line, ticket, .. } => {
            let shown = view().and_then(|order| order.lines.into_iter().find(|shown| shown.line == *line));
            let (seat, ticket_type, state) = match shown {
                Some(line) => (line.seat, Some(line.r#type), line.ticket.map(|ticket| ticket.state)),
                None => (None, None, None),
            };
            json!(TicketNoticeView {
                ticket: ticket.clone(),
                state,
                order: order_id,
                event: event_id,
                user,
                line: *line,
                seat,
                r#type: ticket_type,
            })
        }
        Notice::Refund { refund, .. } => {
            json!(RefundNoticeView { order: order_id, event: event_id, user, refund: RefundView::new(refund) })
        }
        Notice::Coupon { campaign, number, user, order, .. } => json!(CouponNoticeView {
            campaign: campaign.to_string(),
            number: *number,
            user: user.to_string(),
            order: order.as_ref().map(ToString::to_string),
        }),
        Notice::Points { user, amount, order, refund, .. } => json!(PointsNoticeView {
            user: user.to_string(),
            amount: *amount,
            order: order.as_ref().map(ToString::to_string),
            refund: refund.as_ref().map(ToString::to_string),
        }),
        Notice::Settlement { settlement, .. } => json!(SettlementView::new(settlement)),
        // It was written in the transaction that tells of it.
        Notice::Event { data, .. } => data.clone(),
    }
}

/// The schema of a kind's data.
fn schema(kind: NoticeKind) -> SchemaOf {
    match kind {
        NoticeKind::OrderPlaced
        | NoticeKind::OrderConfirmed
        | NoticeKind::OrderDepositUndone
        | NoticeKind::OrderRejected
        | NoticeKind::OrderPartiallyRefunded
        | NoticeKind::OrderRefunded => schema_of::<AdminOrderView>,
        NoticeKind::TicketIssued | NoticeKind::TicketSuspended | NoticeKind::TicketVoided => {
            schema_of::<TicketNoticeView>
        }
        NoticeKind::CouponClaimed | NoticeKind::CouponUsed | NoticeKind::CouponReturned => {
            schema_of::<CouponNoticeView>
        }
        NoticeKind::PointsEarned
        | NoticeKind::PointsSpent
        | NoticeKind::PointsRestored
        | NoticeKind::PointsClawedBack
        | NoticeKind::PointsCorrected
        | NoticeKind::PointsExpired => schema_of::<PointsNoticeView>,
        NoticeKind::RefundRequested
        | NoticeKind::RefundAwaitingAccount
        | NoticeKind::RefundDone
        | NoticeKind::RefundFailed => schema_of::<RefundNoticeView>,
        NoticeKind::EventCreated | NoticeKind::EventChanged | NoticeKind::EventCancelled => {
            schema_of::<EventNoticeView>
        }
        NoticeKind::EventSoldOut => schema_of::<SoldOutNoticeView>,
        NoticeKind::RoomOpened | NoticeKind::RoomPaused | NoticeKind::RoomClosed => schema_of::<RoomNoticeView>,
        NoticeKind::SettlementClosed | NoticeKind::SettlementPaid => schema_of::<SettlementView>,
    }
}

/// What a kind of notice tells, for the document.
fn says(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::OrderPlaced => "The ledger has the order",
        NoticeKind::OrderConfirmed => "It is paid, or costs no cash",
        NoticeKind::OrderDepositUndone => "The bank took back the deposit that paid it; it waits for the money again",
        NoticeKind::OrderRejected => "It was refused, cancelled or not paid in time",
        NoticeKind::OrderPartiallyRefunded => "A refund is done, and not all lines are refunded",
        NoticeKind::OrderRefunded => "All lines are refunded",
        NoticeKind::TicketIssued => {
            "The ticket is valid: sold, or valid again after a refund that failed or a deposit that came again"
        }
        NoticeKind::TicketSuspended => {
            "A refund of the ticket is under way, or its deposit was taken back; it lets nobody in"
        }
        NoticeKind::TicketVoided => "The ticket is void for good",
        NoticeKind::CouponClaimed => "A user got a coupon",
        NoticeKind::CouponUsed => "A confirmed order used the coupon",
        NoticeKind::CouponReturned => "The coupon may be used again",
        NoticeKind::PointsEarned => "Points of a confirmed order",
        NoticeKind::PointsSpent => "Points that pay for an order",
        NoticeKind::PointsRestored => "Spent points that came back",
        NoticeKind::PointsClawedBack => "Earned points that a refund took, or a deposit that was taken back",
        NoticeKind::PointsCorrected => "What a refund did to points is undone, because the provider refused it",
        NoticeKind::PointsExpired => "Points whose time was over",
        NoticeKind::RefundRequested => "Somebody asked for a refund",
        NoticeKind::RefundAwaitingAccount => "The buyer must name the account that a deposit goes back to",
        NoticeKind::RefundDone => "The money is on its way to the buyer",
        NoticeKind::RefundFailed => "The provider refused the refund",
        NoticeKind::EventCreated => "An event was put for the first time",
        NoticeKind::EventChanged => "An event was put again",
        NoticeKind::EventCancelled => "An event was cancelled",
        NoticeKind::EventSoldOut => "All seats that are on sale are sold",
        NoticeKind::RoomOpened => "The room lets visitors in",
        NoticeKind::RoomPaused => "The room lets nobody in for a while",
        NoticeKind::RoomClosed => "The room takes nobody and lets nobody in",
        NoticeKind::SettlementClosed => "What an organizer is owed for a month is fixed",
        NoticeKind::SettlementPaid => "The organizer has the money of a month",
    }
}

/// The schemas that the document of webhooks names.
pub fn schemas(named: &mut Vec<(String, RefOr<Schema>)>) {
    schema_of::<NoticeView>(named);
    for kind in NoticeKind::ALL {
        schema(kind)(named);
    }
}

/// The `webhooks` of an OpenAPI document: one a kind of notice.
pub fn document() -> Value {
    let webhook = |kind: NoticeKind| {
        let data = schema(kind)(&mut Vec::new());
        let content = json!({
            "allOf": [{"$ref": "#/components/schemas/Notice"}],
            "properties": {"type": {"const": kind.cloud_type()}, "data": data},
            "required": ["data"],
        });
        let post = json!({
            "operationId": kind.as_str(),
            "summary": says(kind),
            "description": "Signed as Standard Webhooks 1.0 says: `webhook-id`, `webhook-timestamp`, `webhook-signature`. \
                It may come twice.",
            "requestBody": {"required": true, "content": {"application/cloudevents+json": {"schema": content}}},
            "responses": {
                "2XX": {"description": "Taken"},
                "410": {"description": "Send nothing any more: the webhook is disabled"},
                "default": {"description": "Not taken: it comes again"},
            },
        });
        (kind.as_str().to_owned(), json!({"post": post}))
    };
    Value::Object(NoticeKind::ALL.into_iter().map(webhook).collect())
}
