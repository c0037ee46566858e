//! The tables the writer reads and writes, column by column.

use sqlx::any::AnyRow;

use super::column::{Column, Live, TicketStanding};
use super::row::{Row, keyed, rows};
use super::sql::Value;
use crate::facts::ids::{AttemptId, CampaignId, ClaimId, EventId, HoldId, OrderId, RefundId, UserId, VisitorId};
use crate::facts::order::{DepositFact, OrderStatus, Reason};
use crate::facts::refund::RefundStatus;
use crate::facts::time::Millis;
use crate::ledger::Result;

rows! {
    OrderRow in "orders"
    key { id: OrderId }
    fixed {
        lane: i64, event: EventId, user_id: UserId, hold: HoldId, visitor: VisitorId, digest: String,
        currency: String, price: i64, booking_fee: i64, discount: i64, points: i64, cash: i64, vat: i64,
        coupon_campaign: Option<CampaignId>, coupon_number: Option<i64>, coupon_version: Option<i64>, earn_bp: i64, fee_bp: i64,
        terms: String, placed_ms: Millis, hold_created_ms: Millis,
        hold_digest: String,
    }
    changing {
        live: Live, status: OrderStatus, reason: Option<Reason>, version: i64, deadline_ms: Millis,
        confirmed_ms: Option<Millis>, held_until_ms: Option<Millis>, undone: i64,
    }

    LineRow in "order_line"
    key { order_id: OrderId, line: i64 }
    fixed {
        seat: i64, ticket_type: String, price: i64, booking_fee: i64, discount: i64, points: i64, cash: i64, earn: i64,
        vat: i64,
    }
    changing { refunded: i64, fee_refunded: i64, points_refunded: i64, earn_clawed: i64, closed: bool }

    TicketRow in "ticket"
    key { id: String }
    fixed { event: EventId, seat: i64, order_id: OrderId, line: i64, user_id: UserId, issued_ms: Millis }
    changing { live: Live, state: TicketStanding }

    PaymentRow in "payment"
    key { id: AttemptId }
    fixed {
        order_id: OrderId, lane: i64, provider: String, pay_key: String, amount: i64, created_ms: Millis,
        deposit_until_ms: Option<Millis>,
    }
    changing {
        opened: Live, status: String, detail: Option<String>, updated_ms: Millis, due_ms: Millis,
        deposit: Option<DepositFact>,
    }

    RefundRow in "refund"
    key { id: RefundId }
    fixed {
        order_id: OrderId, lane: i64, attempt: Option<AttemptId>, digest: String, reason: String,
        cash: i64, points: i64, earn: i64, fee: i64, booking_fee: i64, requested_ms: Millis,
    }
    changing {
        opened: Live, status: RefundStatus, failure: Option<String>, updated_ms: Millis, due_ms: Millis,
        account: Option<String>, accounts: i64,
    }

    RefundLineRow in "refund_line"
    key { refund: RefundId, line: i64 }
    fixed { amount: i64, booking_fee: i64, cash: i64, points: i64, earn: i64, fee_points: i64, closes: bool }
    changing {}

    CouponRow in "coupon"
    key { campaign: CampaignId, number: i64 }
    fixed { user_id: UserId, version: i64, claimed_ms: Millis, expires_ms: Option<Millis> }
    changing { claim: Option<ClaimId>, digest: Option<String>, state: String, order_id: Option<OrderId> }

    WalletRow in "wallet"
    key { user_id: UserId }
    fixed {}
    changing { balance: i64, debt: i64, lapse_ms: Option<Millis> }

    LotRow in "point_lot"
    key { id: String }
    fixed {
        user_id: UserId, origin: String, granted: i64, usable_ms: Millis, expires_ms: Option<Millis>,
        created_ms: Millis, order_id: Option<OrderId>, line: Option<i64>,
    }
    changing { remaining: i64 }

    SpendRow in "point_spend"
    key { order_id: OrderId, line: i64, lot: String }
    fixed { seq: i64, amount: i64, spent_ms: Millis }
    changing { restored: i64 }

    MoveRow in "point_move"
    key { id: String }
    fixed {
        user_id: UserId, at_ms: Millis, kind: String, amount: i64, lot: Option<String>,
        order_id: Option<OrderId>, refund: Option<RefundId>,
    }
    changing {}

    PostingRow in "journal_entry"
    key { transaction_id: String, entry: i64 }
    fixed { account: String, amount: i64, currency: String, order_id: Option<OrderId>, at_ms: Millis }
    changing {}

    DoneRow in "record_done"
    key { id: String }
    fixed { lane: i64, log: i64, order_id: Option<OrderId>, outcome: String, done_ms: Millis }
    changing {}

    DeadRow in "dead_letter"
    key { id: String }
    fixed {
        lane: i64, log: i64, order_id: Option<OrderId>, at_ms: Millis, entry: String, error: String,
        died_ms: Millis,
    }
    changing {}
}
