//! What a webhook's endpoint is shown: the data of a notice, as the API shows the same things to an admin.

pub mod view;

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use self::view::{
    CouponNoticeView, EventNoticeView, NoticeView, PointsNoticeView, RefundNoticeView, RoomNoticeView,
    SoldOutNoticeView, TicketNoticeView,
};
use super::admin::settlements::view::SettlementView;
use super::orders::view::{AdminOrderView, OrderView};
use super::refunds::view::RefundView;
use crate::catalog::Event;
use crate::edge::router::{SchemaOf, schema_of};
use crate::facts::notice::{Notice, NoticeKind};
use crate::facts::order::OrderFact;
use crate::facts::time::Millis;

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
