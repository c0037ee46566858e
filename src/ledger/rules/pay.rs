//! Payments of an order: attempts, their results, deadlines, cancelling.

use crate::facts::ids::{AttemptId, OrderId, RefundId};
use crate::facts::order::{DepositFact, OrderStatus, Reason};
use crate::facts::record::{PaymentAsk, PaymentResult};
use crate::facts::refund::{DEPOSIT_UNDONE, RefundStatus};
use crate::facts::time::Millis;
use crate::ledger::journal::{Account, Title, Transaction};
use crate::ledger::sheet::{NOT_YET_MS, late_refund, status};
use crate::ledger::store::column::{Live, short};
use crate::ledger::store::rows::RefundRow;
use crate::ledger::writer::{BatchFailure, Book, RecordOutcome};

/// When the provider is first asked whether a deposit has come.
const FIRST_LOOK_MS: i64 = 15_000;

/// How long an order waits for another way to pay after its deposit has failed.
const PAY_OTHERWISE_MS: i64 = 300_000;

/// Why a record about an order is refused. A closed set, for metrics and `record_done`.
pub(in crate::ledger) mod refusal {
    pub const NO_ORDER: &str = "NO_ORDER";
    pub const NO_ATTEMPT: &str = "NO_ATTEMPT";
    pub const ATTEMPT_CLOSED: &str = "ATTEMPT_CLOSED";
    pub const NOT_PAYABLE: &str = "NOT_PAYABLE";
    pub const IN_PROGRESS: &str = "PAYMENT_IN_PROGRESS";
    pub const AMOUNT: &str = "AMOUNT_MISMATCH";
    pub const NOT_CANCELLABLE: &str = "NOT_CANCELLABLE";
    pub const NOT_DUE: &str = "NOT_DUE";
    pub const NO_DEPOSIT: &str = "NO_DEPOSIT";
}

impl Book {
    /// `payment.requested`. Even a refusal raises the order's version, so that the conclusion corrects the lane.
    pub(in crate::ledger) fn payment_requested(
        &mut self,
        id: &OrderId,
        attempt: &AttemptId,
        ask: &PaymentAsk,
        amount: i64,
        at_ms: Millis,
    ) -> Result<RecordOutcome, BatchFailure> {
        BatchFailure::check_amount(attempt.as_str(), amount)?;
        let row = self.attempt(id, attempt.clone(), ask, amount);
        let Some(sheet) = self.sheets.get_mut(id) else { return Ok(RecordOutcome::Refused(refusal::NO_ORDER)) };
        if sheet.attempt(attempt).is_some() {
            return Ok(RecordOutcome::Done);
        }
        let order = sheet.change();
        if order.status != OrderStatus::PendingPayment || at_ms >= order.deadline_ms {
            return Ok(RecordOutcome::Refused(refusal::NOT_PAYABLE));
        }
        if amount != order.cash {
            return Ok(RecordOutcome::Refused(refusal::AMOUNT));
        }
        if sheet.open_attempt().is_some() {
            return Ok(RecordOutcome::Refused(refusal::IN_PROGRESS));
        }
        sheet.change().status = OrderStatus::Paying;
        sheet.payments.add(row);
        Ok(RecordOutcome::Done)
    }

    /// `payment.resulted`.
    pub(in crate::ledger) fn payment_resulted(
        &mut self,
        id: &OrderId,
        attempt: &AttemptId,
        result: &PaymentResult,
    ) -> RecordOutcome {
        if let PaymentResult::Awaiting { deposit } = result {
            return self.deposit_awaited(id, attempt, deposit);
        }
        let now_ms = self.now_ms;
        let Some(sheet) = self.sheets.get_mut(id) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        let order_status = sheet.order().status;
        let is_named_again = sheet.attempt(attempt).is_some_and(|row| sheet.is_named_again(row));
        let Some(row) = sheet.attempt_mut(attempt) else { return RecordOutcome::Refused(refusal::NO_ATTEMPT) };
        let was_open = row.opened == Live::Yes;
        let (word, detail) = match result {
            PaymentResult::Captured if row.status == status::CAPTURED => {
                return RecordOutcome::Refused(refusal::ATTEMPT_CLOSED);
            }
            // The money is counted with the other attempt.
            PaymentResult::Captured if !was_open && is_named_again => {
                return RecordOutcome::Refused(refusal::ATTEMPT_CLOSED);
            }
            PaymentResult::Captured => (status::CAPTURED, None),
            PaymentResult::Declined { .. } | PaymentResult::NotDone if !was_open => {
                return RecordOutcome::Refused(refusal::ATTEMPT_CLOSED);
            }
            PaymentResult::Declined { detail } => (status::DECLINED, Some(short(detail))),
            PaymentResult::NotDone => (status::NOT_DONE, None),
            PaymentResult::Awaiting { .. } => unreachable!("taken above"),
        };
        row.opened = Live::No;
        row.status = word.into();
        row.detail = detail;
        row.updated_ms = now_ms;
        let captured = word == status::CAPTURED;
        let alone = sheet.open_attempt().is_none();
        let order = sheet.change();
        match order_status {
            OrderStatus::Paying if was_open && !captured => order.status = OrderStatus::PendingPayment,
            OrderStatus::Paying | OrderStatus::AwaitingDeposit if was_open && captured => self.confirm(id),
            // Another way to pay is welcome, for a moment: the seats have waited long.
            OrderStatus::AwaitingDeposit if was_open => {
                order.status = OrderStatus::PendingPayment;
                order.deadline_ms = order.deadline_ms.min(now_ms + PAY_OTHERWISE_MS);
            }
            // The attempt was closed without this money. The order still waits for its payment, so the money pays it.
            OrderStatus::PendingPayment if captured && alone => self.confirm(id),
            OrderStatus::Accepted
            | OrderStatus::PendingPayment
            | OrderStatus::Paying
            | OrderStatus::AwaitingDeposit
            | OrderStatus::Confirmed
            | OrderStatus::PartiallyRefunded
            | OrderStatus::Refunded
            | OrderStatus::Rejected => {
                if captured {
                    self.late(id, attempt);
                }
            }
        }
        RecordOutcome::Done
    }

    /// The buyer has an account to pay into. Or the bank took a deposit back that had paid the order: then the order waits
    /// again, until the deadline that it had. Its refunds that wait for an account fail.
    fn deposit_awaited(&mut self, id: &OrderId, attempt: &AttemptId, deposit: &DepositFact) -> RecordOutcome {
        let now_ms = self.now_ms;
        let Some(sheet) = self.sheets.get_mut(id) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        let order_status = sheet.order().status;
        let paid_by_it = sheet.paid_by().is_some_and(|paid| paid.id == *attempt);
        let may_undo = order_status == OrderStatus::Confirmed && paid_by_it && sheet.can_be_undone();
        let unsent: Vec<RefundId> = sheet.open_refunds().map(|refund| refund.id.clone()).collect();
        let Some(row) = sheet.attempt(attempt) else { return RecordOutcome::Refused(refusal::NO_ATTEMPT) };
        let Some(until_ms) = row.deposit_until_ms else { return RecordOutcome::Refused(refusal::NO_DEPOSIT) };
        let is_asked_for = row.opened == Live::Yes && row.status == status::REQUESTED;
        if !(is_asked_for && order_status == OrderStatus::Paying || may_undo) {
            return RecordOutcome::Refused(refusal::ATTEMPT_CLOSED);
        }
        if may_undo {
            // There is nothing to give back any more.
            unsent.iter().for_each(|refund| self.refund_refused(id, refund, DEPOSIT_UNDONE));
            self.undo_confirm(id);
        } else {
            let order = sheet.change();
            order.status = OrderStatus::AwaitingDeposit;
            order.deadline_ms = until_ms.min(deposit.expires_ms);
        }
        let row = self.sheets.get_mut(id).and_then(|sheet| sheet.attempt_mut(attempt)).expect("found above");
        row.status = status::AWAITING.into();
        row.opened = Live::Yes;
        row.updated_ms = now_ms;
        // It was answered, so the provider is only asked from now on.
        row.due_ms = (now_ms + FIRST_LOOK_MS).min(until_ms).max(now_ms + 1);
        row.deposit = Some(deposit.clone());
        RecordOutcome::Done
    }

    /// Money that came after the order's end, or twice, is sent back whole.
    fn late(&mut self, id: &OrderId, attempt: &AttemptId) {
        let now_ms = self.now_ms;
        let lane = i64::from(self.lane.0);
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.attempt(attempt).expect("the caller has it").clone();
        let is_deposit = row.deposit_until_ms.is_some();
        sheet.refunds.add(RefundRow {
            id: late_refund(attempt),
            order_id: id.clone(),
            lane,
            attempt: Some(attempt.clone()),
            digest: String::new(),
            reason: "paid too late".into(),
            booking_fee: 0,
            cash: row.amount,
            points: 0,
            earn: 0,
            fee: 0,
            requested_ms: now_ms,
            opened: Live::Yes,
            status: if is_deposit { RefundStatus::AwaitingAccount } else { RefundStatus::Requested },
            failure: None,
            updated_ms: now_ms,
            due_ms: if is_deposit { NOT_YET_MS } else { now_ms },
            account: None,
            accounts: 0,
        });
        let mut transaction = Transaction::default();
        transaction
            .post(Account::ProviderReceivable(row.provider), row.amount)
            .post(Account::DepositsInSuspense, -row.amount);
        let currency = &sheet.order().currency;
        let title = Title { of: attempt.as_str(), event: "late", currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, transaction);
    }

    /// `order.expired`. An order without an open attempt ends at its deadline. An order with one ends `unknown_ms`
    /// later, because its seats cannot wait longer. That attempt stays open, and its result is asked for. An account that
    /// a buyer could pay into is closed at the deadline, so that the order has no open attempt then.
    pub(in crate::ledger) fn expired(&mut self, id: &OrderId, reason: Reason) -> RecordOutcome {
        let (now_ms, unknown_ms) = (self.now_ms, self.unknown_ms);
        let Some(sheet) = self.sheets.get_mut(id) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        let open = sheet.open_attempt().is_some();
        let order = sheet.change();
        match order.status {
            OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {}
            OrderStatus::Accepted
            | OrderStatus::Confirmed
            | OrderStatus::PartiallyRefunded
            | OrderStatus::Refunded
            | OrderStatus::Rejected => return RecordOutcome::Refused(refusal::NOT_PAYABLE),
        }
        let limit_ms = if open { order.deadline_ms + unknown_ms } else { order.deadline_ms };
        if now_ms < limit_ms {
            return RecordOutcome::Refused(refusal::NOT_DUE);
        }
        self.release(id, reason);
        RecordOutcome::Done
    }

    /// `order.cancelled`. A buyer who has not paid in yet may go; the account is closed.
    pub(in crate::ledger) fn cancelled(&mut self, id: &OrderId) -> RecordOutcome {
        let Some(sheet) = self.sheets.get_mut(id) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        let open = sheet.open_attempt().is_some();
        match sheet.change().status {
            OrderStatus::PendingPayment if !open => {}
            OrderStatus::AwaitingDeposit => {}
            OrderStatus::Accepted
            | OrderStatus::PendingPayment
            | OrderStatus::Paying
            | OrderStatus::Confirmed
            | OrderStatus::PartiallyRefunded
            | OrderStatus::Refunded
            | OrderStatus::Rejected => return RecordOutcome::Refused(refusal::NOT_CANCELLABLE),
        }
        self.release(id, Reason::Cancelled);
        RecordOutcome::Done
    }
}
