//! `refund.resulted`: the money is back and seats are free, or the provider refused for good and the refund is undone.

use super::line::LineRefund;
use super::pay::refusal;
use super::pay::refusal::NO_DEPOSIT;
use super::points::WalletStep;
use super::refund::owed;
use super::{coupon, points};
use crate::facts::ids::{OrderId, RefundId};
use crate::facts::order::{OrderStatus, TicketState};
use crate::facts::record::RefundResult;
use crate::facts::refund::RefundStatus;
use crate::ledger::journal::{Account, PayablePart, Sale, Title, Transaction};
use crate::ledger::sheet::{NOT_YET_MS, Sheet};
use crate::ledger::store::column::{Live, TicketStanding, short};
use crate::ledger::store::rows::{MoveRow, RefundLineRow, RefundRow, SpendRow};
use crate::ledger::writer::{Book, RecordOutcome};

const NO_REFUND: &str = "NO_REFUND";
const REFUND_CLOSED: &str = "REFUND_CLOSED";

impl Book {
    /// `refund.resulted`.
    pub(in crate::ledger) fn refund_resulted(
        &mut self,
        order: &OrderId,
        id: &RefundId,
        result: &RefundResult,
    ) -> RecordOutcome {
        let Some(sheet) = self.sheets.get(order) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        let Some(refund) = sheet.refund(id) else { return RecordOutcome::Refused(NO_REFUND) };
        if refund.opened == Live::No {
            return RecordOutcome::Refused(REFUND_CLOSED);
        }
        match result {
            RefundResult::Done => self.refunded(order, id),
            RefundResult::Refused { detail } => self.refund_refused(order, id, detail),
            RefundResult::WrongAccount { .. } if refund.status != RefundStatus::AwaitingAccount => {
                return RecordOutcome::Refused(NO_DEPOSIT);
            }
            RefundResult::WrongAccount { detail } => self.account_refused(order, id, detail),
        }
        RecordOutcome::Done
    }

    /// The money waits for another account.
    fn account_refused(&mut self, id: &OrderId, refund: &RefundId, detail: &str) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.refund_mut(refund).expect("the caller has it");
        row.failure = Some(short(detail));
        row.account = None;
        row.accounts += 1;
        row.due_ms = NOT_YET_MS;
        row.updated_ms = now_ms;
        sheet.change();
    }

    /// The money is back, or there was none. The seats of closed lines become free. The coupon becomes free with the
    /// last line.
    pub(in crate::ledger) fn refunded(&mut self, id: &OrderId, refund: &RefundId) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.refund_mut(refund).expect("the caller has it");
        row.opened = Live::No;
        row.status = RefundStatus::Done;
        row.failure = None;
        row.account = None;
        row.updated_ms = now_ms;
        let row = row.clone();
        let lines: Vec<_> = sheet.refund_lines_of(refund).cloned().collect();
        for line in lines.iter().filter(|line| line.closes) {
            let ticket = sheet.ticket_of_mut(line.line).expect("a sold line has a ticket");
            // Of a line that an earlier refund closed, and that was opened again since: its seat may be another's.
            if ticket.live == Live::No {
                continue;
            }
            ticket.live = Live::No;
            ticket.state = TicketStanding::Issued(TicketState::Void);
            self.taken.remove(&(ticket.event.clone(), ticket.seat));
        }
        let transaction = money_back(sheet, &row, &lines);
        let currency = &sheet.order().currency;
        let title = Title { of: refund.as_str(), event: "done", currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, transaction);
        if lines.is_empty() {
            // Late money: the order's status stays as it is.
            sheet.change();
            return;
        }
        let status = sheet.paid_status();
        let order = sheet.change();
        order.status = status;
        let key = order.coupon_campaign.clone().zip(order.coupon_number);
        if status == OrderStatus::Refunded
            && let Some(row) = key.and_then(|key| self.coupons.get_mut(&key))
            && row.order_id.as_ref() == Some(id)
        {
            coupon::give_back(row, now_ms);
        }
    }

    /// The provider refused for good: the refund's moves are undone, and its tickets are valid again.
    pub(super) fn refund_refused(&mut self, id: &OrderId, refund: &RefundId, detail: &str) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.refund_mut(refund).expect("the caller has it");
        row.opened = Live::No;
        row.status = RefundStatus::Failed;
        row.failure = Some(short(detail));
        row.account = None;
        row.updated_ms = now_ms;
        let row = row.clone();
        sheet.change();
        let lines: Vec<_> = sheet.refund_lines_of(refund).cloned().collect();
        if lines.is_empty() {
            return;
        }
        let parts: Vec<(u32, i64, i64)> = lines
            .iter()
            .map(|line| (u32::try_from(line.line).expect("lines are few"), line.points, line.earn))
            .collect();
        lines.iter().for_each(|line| sheet.undo(refund, line));
        let mut spends: Vec<points::Spend> = sheet.spends.iter().map(SpendRow::arithmetic).collect();
        let done = self.moves_of(refund);
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let user = sheet.order().user_id.clone();
        let step = format!("{refund}.refused");
        let step = WalletStep { id: &step, now_ms, order: Some(id), refund: Some(refund) };
        let wallet = self.wallets.get_mut(&user).expect("wallets concerned were locked first");
        wallet.undo_refund(step, id, &done, &mut spends, &parts);
        sheet.follow_spends(&spends);
        let currency = &sheet.order().currency;
        let title = Title { of: refund.as_str(), event: "refused", currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, owed(&row).reversed());
    }

    /// The moves a refund made when it was requested, whether they are stored or made in this transaction.
    fn moves_of(&self, refund: &RefundId) -> Vec<points::Move> {
        let new = self.wallets.values().flat_map(|wallet| wallet.moves());
        let stored = self.moves.iter();
        let stored = stored.map(|row: &MoveRow| row.arithmetic().expect("looked at when it was read"));
        stored.chain(new.cloned()).filter(|step| step.refund.as_ref() == Some(refund)).collect()
    }
}

impl Sheet {
    /// The inverse of `apply`, except that a ticket stays suspended while another open refund closes its line.
    fn undo(&mut self, refund: &RefundId, part: &RefundLineRow) {
        let line = self.line_mut(part.line).expect("a refund's lines are the order's");
        let mut after = line.arithmetic();
        after.undo(&LineRefund {
            line: line.number(),
            amount: part.amount,
            booking_fee: part.booking_fee,
            cash: part.cash,
            points: part.points,
            earn: part.earn,
            fee: part.amount + part.booking_fee - part.cash - part.points,
            fee_points: part.fee_points,
            closes: part.closes,
        });
        line.follow(&after);
        let open = |id: &RefundId| self.refund(id).is_some_and(|other| other.opened == Live::Yes);
        let awaited = self
            .refund_lines
            .iter()
            .any(|other| other.refund != *refund && other.line == part.line && other.closes && open(&other.refund));
        let ticket = self.ticket_of_mut(part.line).expect("a sold line has a ticket");
        if ticket.state == TicketStanding::Issued(TicketState::Suspended) && !awaited {
            ticket.state = TicketStanding::Issued(TicketState::Valid);
        }
    }
}

fn money_back(sheet: &Sheet, refund: &RefundRow, lines: &[RefundLineRow]) -> Transaction {
    let order = sheet.order();
    let provider = refund.attempt.as_ref().and_then(|id| sheet.attempt(id)).map(|attempt| attempt.provider.clone());
    let mut transaction = Transaction::default();
    if let Some(provider) = provider {
        transaction.post(Account::ProviderReceivable(provider), -refund.cash);
    }
    if lines.is_empty() {
        transaction.post(Account::DepositsInSuspense, refund.cash);
        return transaction;
    }
    transaction.post(Account::RefundsPending, -refund.points);
    let organizer = &sheet.terms.terms.organizer;
    transaction.post(PayablePart::CancellationFees.account(organizer), -refund.fee);
    for part in lines {
        let line = sheet.line(part.line).expect("a refund's lines are the order's");
        let before = sheet.done_before(&refund.id, part.line);
        let back = Sale::taken_back(line, order.fee_bp, &sheet.terms, before, part.amount, part.booking_fee);
        back.reversed().post(organizer, &mut transaction);
    }
    transaction
}
