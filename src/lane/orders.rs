//! Orders as their lane has them: the doors of the log, and the public status of orders. The ledger has the truth; a
//! lane keeps the last public status that the ledger gave it.

#![deny(missing_docs)]

use crate::facts::conclusion::Conclusion;
use crate::facts::ids::{AttemptId, EventId, HoldId, LogId, OrderId, RefundId, UserId};
use crate::facts::order::OrderFact;
use crate::facts::record::Record;
use crate::facts::refund::{RefundBy, RefundFact};
use crate::facts::time::Millis;
use crate::lane::Result;
use async_trait::async_trait;

/// What happens to orders.
#[async_trait]
pub trait Orders {
    /// Turns a hold's seats to paying and appends `order.placed` to the log, in one step.
    ///
    /// The repeat by order id is answered first. Then checked in this order: hold found (no event: not found), owner,
    /// state (a held one with `expires ≤ now` is `Expired`), log: `backlog ≥ log_max` is `Full`. The mode is not
    /// checked.
    ///
    /// Placed: those seats that the hold owns become `p` and the order's. The hold is `Ordered`, and the sweep leaves
    /// it alone. The fact is stored as given, and the record is appended with the hold as it now stands. The visitor's
    /// place inside (if there is one) lasts at least until the order's deadline.
    async fn checkout(&self, now_ms: Millis, checkout: Checkout) -> Result<CheckoutOutcome>;

    /// Appends `payment.requested` for an order that waits for the buyer.
    ///
    /// Checked in this order: order found; the repeat by attempt id (an attempt's id names one order); owner; `paying`
    /// or a pending pay: `InProgress`; not `pending_payment`, a pending cancel or `deadline ≤ now`: `NotPayable`;
    /// `attempts_max` attempts that the ledger knows of: `TooMany`; the amount against `total.cash` (no total: 0); the
    /// log.
    async fn pay(&self, now_ms: Millis, pay: Pay) -> Result<PayOutcome>;

    /// Appends `order.cancelled` for an order that waits for the buyer to pay, at once or by deposit. A second cancel of
    /// the same order changes nothing.
    ///
    /// Checked in this order: order found; owner; a pending cancel, or rejected as `CANCELLED`: `Accepted` again;
    /// `paying` or a pending pay: `InProgress`; neither `pending_payment` nor `awaiting_deposit`: `NotCancellable`.
    async fn cancel(&self, now_ms: Millis, cancel: Cancel) -> Result<CancelOutcome>;

    /// Appends `refund.requested` for a confirmed order.
    ///
    /// Checked in this order: an amount below 1: [`Fault::Contract`](crate::facts::fault::Fault); the repeat by refund
    /// id; order found; owner; status confirmed or partially refunded, else `NotRefundable`; by a buyer whose time is
    /// over: `Closed`. Then line by line as asked: exists, not closed, amount at most `price − discount − refunded`.
    /// Then the log.
    async fn refund(&self, now_ms: Millis, refund: Refund) -> Result<RefundOutcome>;

    /// The public status of orders, in the order asked.
    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>>;

    /// A refund's public status; `None`: the lane does not have it.
    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>>;

    /// Brings seats, holds and public statuses to what the ledger says; drops the log up to `trim`. All conclusions are
    /// of one event.
    ///
    /// A conclusion is applied when `fact.version` is above the lane's, or when the lane has no such order; otherwise
    /// it is skipped. Its `refunds` are stored in either case, each unless the lane's has a higher status (requested <
    /// awaiting account = sent < done = failed); only when it is skipped and the lane has no more than the order's
    /// digest, they are skipped too. No such event: all conclusions are skipped. A seat is moved only if the order owns it. Counters
    /// (`taken`, a visitor's open holds, the room's counts) follow. In detail:
    /// - The lane's order stands on another hold than the ledger's: its id was used before, and left the lane. That
    ///   other hold, if `Ordered` by this order, ends as if it had run out.
    /// - The order *goes back to its hold* when any target is `Held` and the hold is known and `Ordered` by this order.
    ///   Then the hold is `Held` again without an order and expires at `held_until_ms` (none: as before), and the
    ///   visitor's place inside, if there is one, lasts at least as long. When the order does not go back, `Held` means
    ///   `Free`.
    /// - The hold *ends* when the status is final, the order does not go back, and the hold is known, `Ordered` by this
    ///   order and not ended before. Then the visitor's open holds go down. If also the status is not rejected,
    ///   `release_on` is order, and the visitor has no open hold and is inside, the place is spent. (Places other than
    ///   inside stay: they are another time in line.)
    async fn conclude(
        &self,
        now_ms: Millis,
        event: &EventId,
        conclusions: Vec<Conclusion>,
        trim: Option<LogId>,
    ) -> Result<()>;
}

/// The operations of [`Orders`], as metrics name them.
pub const OPERATIONS: &[&str] = &["checkout", "pay", "cancel", "refund", "orders", "get_refund", "conclude"];

/// A hold that is to be ordered.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The event of the hold.
    pub event: EventId,
    /// The hold to be bought.
    pub hold: HoldId,
    /// The buyer, who must be the hold's user.
    pub user: UserId,
    /// The status to show until the writer has decided (`accepted`, version 0). Its `digest` decides repeats.
    pub fact: OrderFact,
    /// `order.placed`, without its hold: the lane adds that.
    pub record: Record,
    /// The lane answers `Full` when its log has this number of records.
    pub log_max: i64,
}

/// What became of a `checkout`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer, moved once")]
pub enum CheckoutOutcome {
    /// The order is placed. Its record has this position in the log.
    Placed(LogId),
    /// This order was placed before, with the same digest: its present status.
    Repeated(OrderFact),
    /// This order was placed before, with the same digest, and has been rejected or refunded since. Only its digest is
    /// left.
    Past,
    /// This order was placed before, with another digest.
    KeyReused,
    /// The lane has no such event or hold.
    NotFound,
    /// The hold is another user's.
    NotOwner,
    /// Another order has the hold.
    AlreadyOrdered,
    /// The hold's time ran out.
    Expired,
    /// The hold was given back.
    Released,
    /// The log is full. The same order may be tried again later.
    Full,
}

/// A payment attempt. `record` is `payment.requested`; its id is the attempt's.
#[derive(Debug, Clone)]
pub struct Pay {
    /// The order to be paid.
    pub order: OrderId,
    /// The user who asks, who must be the order's buyer.
    pub user: UserId,
    /// Id of the attempt.
    pub attempt: AttemptId,
    /// Digest of the request, which decides repeats.
    pub digest: String,
    /// Cash that the buyer agrees to pay, minor units. It must be what is due.
    pub amount: i64,
    /// Most attempts of one order, the one that came with the checkout included.
    pub attempts_max: i64,
    /// `payment.requested`.
    pub record: Record,
    /// The lane answers `Full` when its log has this number of records.
    pub log_max: i64,
}

/// What became of a `pay`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayOutcome {
    /// The attempt is in the log. The order is shown as `paying`.
    Accepted(OrderFact),
    /// This attempt was accepted before, with the same digest: the order's present status.
    Repeated(OrderFact),
    /// This attempt was accepted before, with another digest.
    KeyReused,
    /// The lane has no such order. The ledger may have it.
    NotFound,
    /// The order is another user's.
    NotOwner,
    /// Another attempt has no result yet.
    InProgress,
    /// The order does not wait for its payment, is to be cancelled, or is past its deadline.
    NotPayable,
    /// The order has had as many attempts as it may.
    TooMany,
    /// The amount is not what is due.
    AmountMismatch {
        /// Cash that is due, minor units.
        due: i64,
    },
    /// The log is full. The same attempt may be tried again later.
    Full,
}

/// An order that its buyer does not want to pay.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// The order to be cancelled.
    pub order: OrderId,
    /// The user who asks, who must be the order's buyer.
    pub user: UserId,
    /// `order.cancelled`.
    pub record: Record,
}

/// What became of a `cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer, moved once")]
pub enum CancelOutcome {
    /// The order is or will be cancelled: its present status.
    Accepted(OrderFact),
    /// The lane has no such order. The ledger may have it.
    NotFound,
    /// The order is another user's.
    NotOwner,
    /// An attempt to pay has no result yet.
    InProgress,
    /// The order does not wait for its payment.
    NotCancellable,
}

/// Lines of an order that are to be refunded.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The order of the lines.
    pub order: OrderId,
    /// The user who asks, who must be the order's buyer; `None`: an admin asks.
    pub user: Option<UserId>,
    /// By which terms the refund is asked for.
    pub by: RefundBy,
    /// Id of the refund.
    pub refund: RefundId,
    /// Digest of the request, which decides repeats.
    pub digest: String,
    /// (line, gross amount in minor units); no amount: all that is left of the line. No repeats.
    pub lines: Vec<(u32, Option<i64>)>,
    /// The status to show until the writer has decided (`requested`).
    pub fact: RefundFact,
    /// `refund.requested`.
    pub record: Record,
    /// The lane answers `Full` when its log has this number of records.
    pub log_max: i64,
}

/// What became of a `refund`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The refund is in the log. The writer decides on it.
    Accepted,
    /// This refund was asked for before, with the same digest: its present status.
    Repeated(RefundFact),
    /// This refund was asked for before, with another digest.
    KeyReused,
    /// The lane has no such order. The ledger may have it.
    NotFound,
    /// The order is another user's.
    NotOwner,
    /// The order is neither confirmed nor partially refunded.
    NotRefundable,
    /// The buyer's time for refunds is over.
    Closed,
    /// This line is refunded already, or less is left of it than was asked for.
    OverRefund {
        /// Number of the line.
        line: u32,
    },
    /// The order has no such line.
    LineNotFound {
        /// The number that was asked for.
        line: u32,
    },
    /// The log is full. The same refund may be tried again later.
    Full,
}
