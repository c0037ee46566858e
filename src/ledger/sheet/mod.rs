//! One order with all its rows: how they belong together ([`Sheet`]), how they are read, and the facts they make. Rules
//! about what may happen to an order belong in `ledger::rules`.

mod fact;
mod load;

pub(in crate::ledger) use fact::{order_fact, refund_fact, seat_index};
pub(in crate::ledger) use load::{Sheets, load, shown};

use crate::facts::ids::{AttemptId, OrderId, RefundId};
use crate::facts::order::OrderStatus;
use crate::facts::record::payment_named;
use crate::facts::refund::RefundStatus;
use crate::facts::terms::RefundTerm;
use crate::facts::time::Millis;
use crate::ledger::rules::points;
use crate::ledger::rules::terms::Frozen;
use crate::ledger::store::column::Live;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{LineRow, OrderRow, PaymentRow, RefundLineRow, RefundRow, SpendRow, TicketRow};

/// An order, its lines, tickets, payments, refunds and the points it spent.
#[derive(Debug)]
pub(in crate::ledger) struct Sheet {
    /// One row.
    order: Table<OrderRow>,
    id: OrderId,
    pub terms: Frozen,
    pub lines: Table<LineRow>,
    pub tickets: Table<TicketRow>,
    pub payments: Table<PaymentRow>,
    pub refunds: Table<RefundRow>,
    pub refund_lines: Table<RefundLineRow>,
    pub spends: Table<SpendRow>,
    /// The version was raised in this transaction already.
    touched: bool,
}

/// Whether the database has the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum SheetOrigin {
    Stored,
    New,
}

impl Sheet {
    pub fn new(order: OrderRow, terms: Frozen, origin: SheetOrigin) -> Self {
        let id = order.id.clone();
        let mut table = Table::default();
        match origin {
            SheetOrigin::Stored => table.loaded(order),
            SheetOrigin::New => table.add(order),
        }
        Self {
            order: table,
            id,
            terms,
            lines: Table::default(),
            tickets: Table::default(),
            payments: Table::default(),
            refunds: Table::default(),
            refund_lines: Table::default(),
            spends: Table::default(),
            touched: origin == SheetOrigin::New,
        }
    }

    pub fn order(&self) -> &OrderRow {
        self.order.get(&(self.id.clone(),)).expect("a sheet has its order")
    }

    /// The order, to be changed. Its version rises, once in a transaction, so that its lane follows.
    pub fn change(&mut self) -> &mut OrderRow {
        let order = self.order.get_mut(&(self.id.clone(),)).expect("a sheet has its order");
        if !self.touched {
            self.touched = true;
            order.version += 1;
        }
        order
    }

    pub fn orders(&self) -> &Table<OrderRow> {
        &self.order
    }

    pub fn attempt(&self, id: &AttemptId) -> Option<&PaymentRow> {
        self.payments.get(&(id.clone(),))
    }

    pub fn attempt_mut(&mut self, id: &AttemptId) -> Option<&mut PaymentRow> {
        self.payments.get_mut(&(id.clone(),))
    }

    /// The attempt without a definite answer; never more than one.
    pub fn open_attempt(&self) -> Option<&PaymentRow> {
        self.payments.iter().find(|p| p.opened == Live::Yes)
    }

    /// Whether another attempt, open or captured, names the same payment at the provider as this one.
    pub fn is_named_again(&self, row: &PaymentRow) -> bool {
        let payment = |row: &PaymentRow| payment_named(&row.provider, &row.pay_key).map(str::to_owned);
        let Some(named) = payment(row) else { return false };
        self.payments.iter().any(|other| {
            let counts = other.opened == Live::Yes || other.status == status::CAPTURED;
            other.id != row.id && other.provider == row.provider && counts && payment(other).as_ref() == Some(&named)
        })
    }

    /// Attempts, oldest first.
    pub fn attempts(&self) -> Vec<&PaymentRow> {
        let mut attempts: Vec<_> = self.payments.iter().collect();
        attempts.sort_by_key(|p| (p.created_ms, p.key()));
        attempts
    }

    /// The attempt that paid the order, never one whose money came too late.
    pub fn paid_by(&self) -> Option<&PaymentRow> {
        self.order().confirmed_ms?;
        let in_time = |p: &&PaymentRow| p.status == status::CAPTURED && self.refund(&late_refund(&p.id)).is_none();
        self.attempts().into_iter().find(in_time)
    }

    pub fn refund(&self, id: &RefundId) -> Option<&RefundRow> {
        self.refunds.get(&(id.clone(),))
    }

    pub fn refund_mut(&mut self, id: &RefundId) -> Option<&mut RefundRow> {
        self.refunds.get_mut(&(id.clone(),))
    }

    /// The buyer's cancellation fees, soonest end first. Before the confirmation the free time after it has not begun.
    pub fn refund_terms(&self) -> Vec<RefundTerm> {
        let terms = &self.terms.terms;
        self.order().confirmed_ms.map_or_else(|| terms.refunds.clone(), |at_ms| terms.refunds_from(at_ms))
    }

    /// Refunds, oldest first.
    pub fn refunds_in_order(&self) -> Vec<&RefundRow> {
        let mut refunds: Vec<_> = self.refunds.iter().collect();
        refunds.sort_by_key(|r| (r.requested_ms, r.key()));
        refunds
    }

    /// The refund to be sent next: those of one order go one at a time. One that waits for its buyer holds up no other.
    pub fn next_refund(&self) -> Option<&RefundRow> {
        let can_go = |r: &&RefundRow| r.opened == Live::Yes && !r.awaits_account();
        self.refunds_in_order().into_iter().find(can_go)
    }

    /// Whether the attempt is a payment by deposit.
    pub fn is_deposit(&self, attempt: Option<&AttemptId>) -> bool {
        attempt.and_then(|id| self.attempt(id)).is_some_and(|row| row.deposit_until_ms.is_some())
    }

    /// Whether no money of the order went back, nor may be on its way.
    pub fn can_be_undone(&self) -> bool {
        let is_still_here = |r: &RefundRow| r.status == RefundStatus::Failed || r.awaits_account();
        self.refunds.iter().all(|r| !self.has_lines(&r.id) || is_still_here(r))
    }

    /// Refunds of lines that have no result.
    pub fn open_refunds(&self) -> impl Iterator<Item = &RefundRow> {
        self.refunds.iter().filter(|r| r.opened == Live::Yes && self.has_lines(&r.id))
    }

    pub fn refund_lines_of(&self, id: &RefundId) -> impl Iterator<Item = &RefundLineRow> {
        self.refund_lines.iter().filter(move |l| l.refund == *id)
    }

    /// Gross amount of a line that other refunds than this one have given back.
    pub fn done_before(&self, refund: &RefundId, line: i64) -> i64 {
        let done = |id: &RefundId| self.refund(id).is_some_and(|r| r.status == RefundStatus::Done);
        let parts = self.refund_lines.iter().filter(|part| part.line == line && part.refund != *refund);
        parts.filter(|part| done(&part.refund)).map(|part| part.amount).sum()
    }

    pub fn ticket_of(&self, line: i64) -> Option<&TicketRow> {
        self.tickets.iter().find(|t| t.line == line)
    }

    pub fn ticket_of_mut(&mut self, line: i64) -> Option<&mut TicketRow> {
        self.tickets.iter_mut().find(|t| t.line == line)
    }

    pub fn line(&self, line: i64) -> Option<&LineRow> {
        self.lines.get(&(self.id.clone(), line))
    }

    pub fn line_mut(&mut self, line: i64) -> Option<&mut LineRow> {
        self.lines.get_mut(&(self.id.clone(), line))
    }

    /// Takes `restored` of each row of points spent from the arithmetic.
    pub fn follow_spends(&mut self, spends: &[points::Spend]) {
        for spend in spends {
            let key = (self.id.clone(), i64::from(spend.line), spend.lot.clone());
            self.spends.get_mut(&key).expect("made of these rows").restored = spend.restored;
        }
    }

    /// The status that is stored; `None`: the order is new.
    pub fn stored_status(&self) -> Option<OrderStatus> {
        self.order.stored(&(self.id.clone(),)).map(|order| order.status)
    }

    /// The status of a paid order, as its refunds make it.
    pub fn paid_status(&self) -> OrderStatus {
        let done = |r: &&RefundRow| r.status == RefundStatus::Done && self.has_lines(&r.id);
        let open = |r: &RefundRow| r.opened == Live::Yes && self.has_lines(&r.id);
        if self.lines.iter().all(|l| l.closed) && !self.refunds.iter().any(open) {
            OrderStatus::Refunded
        } else if self.refunds.iter().any(|r| done(&r)) {
            OrderStatus::PartiallyRefunded
        } else {
            OrderStatus::Confirmed
        }
    }

    fn has_lines(&self, refund: &RefundId) -> bool {
        self.refund_lines.iter().any(|l| l.refund == *refund)
    }
}

/// When a refund is due that waits for an account.
pub(in crate::ledger) const NOT_YET_MS: Millis = 9_000_000_000_000_000;

impl RefundRow {
    /// The buyer has yet to name the account that the money goes back to.
    pub fn awaits_account(&self) -> bool {
        self.status == RefundStatus::AwaitingAccount && self.account.is_none()
    }
}

/// The refund of a late attempt. Its id follows from the attempt's, so a repeat gives the same one.
pub(in crate::ledger) fn late_refund(attempt: &AttemptId) -> RefundId {
    RefundId::from(format!("r{}", &attempt.as_str()[1..]))
}

/// The words of `payment.status`.
pub(in crate::ledger) mod status {
    pub const REQUESTED: &str = "requested";
    pub const AWAITING: &str = "awaiting";
    pub const CAPTURED: &str = "captured";
    pub const DECLINED: &str = "declined";
    pub const NOT_DONE: &str = "not_done";
}
