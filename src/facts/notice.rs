//! What the house tells others of: the notices in the outbox.
//!
//! A notice is written in the transaction that it tells of. [`Told`] is what one such transaction step tells, as the
//! outbox keeps it. It holds facts; what the world is shown of them is made when they are delivered.

use serde::{Deserialize, Serialize};

use crate::facts::ids::{CampaignId, EventId, OrderId, RefundId, UserId};
use crate::facts::order::OrderFact;
use crate::facts::refund::RefundFact;
use crate::facts::settlement::SettlementFact;

/// What a notice is about. Its word is the part of the CloudEvents type between `stanchion.` and the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// The ledger has the order.
    #[serde(rename = "order.placed")]
    OrderPlaced,
    /// It is paid, or costs no cash.
    #[serde(rename = "order.confirmed")]
    OrderConfirmed,
    /// The bank took the deposit back that paid it. It waits for the money again.
    #[serde(rename = "order.deposit_undone")]
    OrderDepositUndone,
    /// It was refused, cancelled or not paid in time.
    #[serde(rename = "order.rejected")]
    OrderRejected,
    /// A refund of it is done, and not all its lines are refunded.
    #[serde(rename = "order.partially_refunded")]
    OrderPartiallyRefunded,
    /// All its lines are refunded.
    #[serde(rename = "order.refunded")]
    OrderRefunded,
    /// A ticket is valid: sold, or valid again.
    #[serde(rename = "ticket.issued")]
    TicketIssued,
    /// A refund of a ticket is under way, or its deposit was taken back; it lets nobody in.
    #[serde(rename = "ticket.suspended")]
    TicketSuspended,
    /// A ticket is void for good.
    #[serde(rename = "ticket.voided")]
    TicketVoided,
    /// A user got a coupon.
    #[serde(rename = "coupon.claimed")]
    CouponClaimed,
    /// A confirmed order used a coupon.
    #[serde(rename = "coupon.used")]
    CouponUsed,
    /// A used coupon may be used again.
    #[serde(rename = "coupon.returned")]
    CouponReturned,
    /// Points of a confirmed order.
    #[serde(rename = "points.earned")]
    PointsEarned,
    /// Points that pay for an order.
    #[serde(rename = "points.spent")]
    PointsSpent,
    /// Spent points that came back.
    #[serde(rename = "points.restored")]
    PointsRestored,
    /// Earned points that a refund took, or a deposit that was taken back.
    #[serde(rename = "points.clawed_back")]
    PointsClawedBack,
    /// What a refund did to points is undone, because the provider refused it.
    #[serde(rename = "points.corrected")]
    PointsCorrected,
    /// Points whose time was over.
    #[serde(rename = "points.expired")]
    PointsExpired,
    /// Somebody asked for a refund.
    #[serde(rename = "refund.requested")]
    RefundRequested,
    /// The money came as a deposit, and the buyer must name the account that it shall go back to.
    #[serde(rename = "refund.awaiting_account")]
    RefundAwaitingAccount,
    /// The money is on its way to the buyer.
    #[serde(rename = "refund.done")]
    RefundDone,
    /// The provider refused it.
    #[serde(rename = "refund.failed")]
    RefundFailed,
    /// An event was put for the first time.
    #[serde(rename = "event.created")]
    EventCreated,
    /// An event was put again.
    #[serde(rename = "event.changed")]
    EventChanged,
    /// An event was cancelled.
    #[serde(rename = "event.cancelled")]
    EventCancelled,
    /// All seats that are on sale are sold.
    #[serde(rename = "event.sold_out")]
    EventSoldOut,
    /// The room lets visitors in.
    #[serde(rename = "room.opened")]
    RoomOpened,
    /// The room lets nobody in for a while.
    #[serde(rename = "room.paused")]
    RoomPaused,
    /// The room takes nobody and lets nobody in.
    #[serde(rename = "room.closed")]
    RoomClosed,
    /// What an organizer is owed for a month is fixed.
    #[serde(rename = "settlement.closed")]
    SettlementClosed,
    /// The organizer has the money of a month.
    #[serde(rename = "settlement.paid")]
    SettlementPaid,
}

impl NoticeKind {
    /// All kinds.
    pub const ALL: [NoticeKind; 31] = [
        NoticeKind::OrderPlaced,
        NoticeKind::OrderConfirmed,
        NoticeKind::OrderDepositUndone,
        NoticeKind::OrderRejected,
        NoticeKind::OrderPartiallyRefunded,
        NoticeKind::OrderRefunded,
        NoticeKind::TicketIssued,
        NoticeKind::TicketSuspended,
        NoticeKind::TicketVoided,
        NoticeKind::CouponClaimed,
        NoticeKind::CouponUsed,
        NoticeKind::CouponReturned,
        NoticeKind::PointsEarned,
        NoticeKind::PointsSpent,
        NoticeKind::PointsRestored,
        NoticeKind::PointsClawedBack,
        NoticeKind::PointsCorrected,
        NoticeKind::PointsExpired,
        NoticeKind::RefundRequested,
        NoticeKind::RefundAwaitingAccount,
        NoticeKind::RefundDone,
        NoticeKind::RefundFailed,
        NoticeKind::EventCreated,
        NoticeKind::EventChanged,
        NoticeKind::EventCancelled,
        NoticeKind::EventSoldOut,
        NoticeKind::RoomOpened,
        NoticeKind::RoomPaused,
        NoticeKind::RoomClosed,
        NoticeKind::SettlementClosed,
        NoticeKind::SettlementPaid,
    ];

    /// Noun and verb with a dot between, as subscriptions name it.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::OrderPlaced => "order.placed",
            NoticeKind::OrderConfirmed => "order.confirmed",
            NoticeKind::OrderDepositUndone => "order.deposit_undone",
            NoticeKind::OrderRejected => "order.rejected",
            NoticeKind::OrderPartiallyRefunded => "order.partially_refunded",
            NoticeKind::OrderRefunded => "order.refunded",
            NoticeKind::TicketIssued => "ticket.issued",
            NoticeKind::TicketSuspended => "ticket.suspended",
            NoticeKind::TicketVoided => "ticket.voided",
            NoticeKind::CouponClaimed => "coupon.claimed",
            NoticeKind::CouponUsed => "coupon.used",
            NoticeKind::CouponReturned => "coupon.returned",
            NoticeKind::PointsEarned => "points.earned",
            NoticeKind::PointsSpent => "points.spent",
            NoticeKind::PointsRestored => "points.restored",
            NoticeKind::PointsClawedBack => "points.clawed_back",
            NoticeKind::PointsCorrected => "points.corrected",
            NoticeKind::PointsExpired => "points.expired",
            NoticeKind::RefundRequested => "refund.requested",
            NoticeKind::RefundAwaitingAccount => "refund.awaiting_account",
            NoticeKind::RefundDone => "refund.done",
            NoticeKind::RefundFailed => "refund.failed",
            NoticeKind::EventCreated => "event.created",
            NoticeKind::EventChanged => "event.changed",
            NoticeKind::EventCancelled => "event.cancelled",
            NoticeKind::EventSoldOut => "event.sold_out",
            NoticeKind::RoomOpened => "room.opened",
            NoticeKind::RoomPaused => "room.paused",
            NoticeKind::RoomClosed => "room.closed",
            NoticeKind::SettlementClosed => "settlement.closed",
            NoticeKind::SettlementPaid => "settlement.paid",
        }
    }

    /// The CloudEvents type.
    pub fn cloud_type(self) -> String {
        format!("stanchion.{}.v1", self.as_str())
    }
}

/// What one step of a transaction tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The order that the notices are about, as it stood after the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderFact>,
    /// In the order in which they are told.
    pub notices: Vec<Notice>,
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Notice {
    /// About the whole order.
    Order {
        /// What happened.
        kind: NoticeKind,
    },
    /// About the ticket of one of the order's lines.
    Ticket {
        /// What happened.
        kind: NoticeKind,
        /// Number of the line.
        line: u32,
        /// Id of the ticket.
        ticket: String,
    },
    /// About a refund of the order.
    Refund {
        /// What happened.
        kind: NoticeKind,
        /// The refund as it stood after the step.
        refund: Box<RefundFact>,
    },
    /// About a coupon.
    Coupon {
        /// What happened.
        kind: NoticeKind,
        /// Its campaign.
        campaign: CampaignId,
        /// Its number in the campaign.
        number: i64,
        /// Who has it.
        user: UserId,
        /// The order that uses or used it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
    },
    /// About points of a user.
    Points {
        /// What happened.
        kind: NoticeKind,
        /// Whose they are.
        user: UserId,
        /// How many: above zero when the user got them, below when the user lost them.
        amount: i64,
        /// The order they were spent on or earned by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        /// The refund that moved them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund: Option<RefundId>,
    },
    /// About an event on sale.
    Event {
        /// What happened.
        kind: NoticeKind,
        /// Which.
        event: EventId,
        /// What the world is shown.
        data: serde_json::Value,
    },
    /// About what an organizer is owed.
    Settlement {
        /// What happened.
        kind: NoticeKind,
        /// The settlement as it stood then.
        settlement: Box<SettlementFact>,
    },
}

impl Notice {
    /// What happened.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Notice::Order { kind }
            | Notice::Ticket { kind, .. }
            | Notice::Refund { kind, .. }
            | Notice::Coupon { kind, .. }
            | Notice::Points { kind, .. }
            | Notice::Event { kind, .. }
            | Notice::Settlement { kind, .. } => *kind,
        }
    }
}

/// Which notices somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticePattern {
    /// `order.*`: all of a noun.
    Noun(String),
    /// One kind.
    Kind(NoticeKind),
    /// `*`
    All,
}

impl NoticePattern {
    /// `None`: it names no kind and no noun.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(NoticePattern::All);
        }
        if let Some(noun) = text.strip_suffix(".*") {
            let known = NoticeKind::ALL.into_iter().any(|kind| kind.as_str().split('.').next() == Some(noun));
            return known.then(|| NoticePattern::Noun(noun.to_owned()));
        }
        NoticeKind::ALL.into_iter().find(|kind| kind.as_str() == text).map(NoticePattern::Kind)
    }

    /// Whether a notice of this kind is wanted.
    pub fn matches(&self, kind: NoticeKind) -> bool {
        match self {
            NoticePattern::All => true,
            NoticePattern::Kind(wanted) => *wanted == kind,
            NoticePattern::Noun(noun) => kind.as_str().split('.').next() == Some(noun),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_word() {
        for kind in NoticeKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
            assert_eq!(NoticePattern::parse(kind.as_str()), Some(NoticePattern::Kind(kind)));
        }
        assert_eq!(NoticeKind::OrderConfirmed.cloud_type(), "stanchion.order.confirmed.v1");
    }

    #[test]
    fn a_pattern_is_a_kind_a_noun_or_all() {
        let orders = NoticePattern::parse("order.*").expect("a noun");
        assert!(orders.matches(NoticeKind::OrderPlaced) && !orders.matches(NoticeKind::TicketIssued));
        let placed = NoticePattern::parse("order.placed").expect("a kind");
        assert!(placed.matches(NoticeKind::OrderPlaced) && !placed.matches(NoticeKind::OrderConfirmed));
        assert!(NoticeKind::ALL.into_iter().all(|kind| NoticePattern::All.matches(kind)));
        for wrong in ["", "order", "order.", "orders.*", "ord.*", ".*", "order.*.v1", "order.sent", "**"] {
            assert_eq!(NoticePattern::parse(wrong), None, "{wrong:?}");
        }
    }
}
