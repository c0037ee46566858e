//! What a paid order brings about: valid tickets, a used coupon, earned points, a journal transaction; and how a deposit
//! that the bank takes back undoes all of it.

use super::coupon::state;
use super::points::{LotOrigin, NewLot, WalletStep};
use crate::facts::ids::OrderId;
use crate::facts::order::{OrderStatus, TicketState};
use crate::ledger::journal::{Account, Sale, Title, Transaction};
use crate::ledger::sheet::Sheet;
use crate::ledger::store::column::TicketStanding;
use crate::ledger::store::rows::OrderRow;
use crate::ledger::writer::Book;

impl Book {
    /// The order is paid, or costs no cash.
    pub(in crate::ledger) fn confirm(&mut self, id: &OrderId) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let order = sheet.change();
        order.status = OrderStatus::Confirmed;
        order.confirmed_ms = Some(now_ms);
        let coupon = order.coupon_campaign.clone().zip(order.coupon_number);
        for ticket in sheet.tickets.iter_mut() {
            ticket.state = TicketStanding::Issued(TicketState::Valid);
        }
        if let Some(coupon) = coupon.and_then(|key| self.coupons.get_mut(&key)) {
            coupon.state = state::USED.into();
        }

        let order = sheet.order();
        let (usable_ms, expires_ms) = sheet.terms.earned_life(now_ms);
        let step = again(format!("{id}.earned"), order);
        let step = WalletStep { id: &step, now_ms, order: Some(id), refund: None };
        let wallet = self.wallets.get_mut(&order.user_id).expect("wallets concerned were locked first");
        for line in sheet.lines.iter() {
            let line_of = Some((id.clone(), line.number()));
            let lot = NewLot { origin: LotOrigin::Earn, amount: line.earn, usable_ms, expires_ms, line: line_of };
            wallet.credit(step, lot);
        }

        let event = again("confirmed".to_owned(), order);
        let title = Title { of: id.as_str(), event: &event, currency: &order.currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, sale(sheet));
    }

    /// The bank took the deposit back: the order is as it was before it was paid, but its tickets are suspended. Earned
    /// points that the buyer no longer has become debt.
    pub(in crate::ledger) fn undo_confirm(&mut self, id: &OrderId) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let transaction = sale(sheet).reversed();
        let order = sheet.change();
        order.status = OrderStatus::AwaitingDeposit;
        order.confirmed_ms = None;
        order.undone += 1;
        let coupon = order.coupon_campaign.clone().zip(order.coupon_number);
        for ticket in sheet.tickets.iter_mut() {
            ticket.state = TicketStanding::Issued(TicketState::Suspended);
        }
        if let Some(coupon) = coupon.and_then(|key| self.coupons.get_mut(&key)) {
            coupon.state = state::RESERVED.into();
        }

        let order = sheet.order();
        let step = format!("{id}.undone-{}", order.undone);
        let step = WalletStep { id: &step, now_ms, order: Some(id), refund: None };
        let wallet = self.wallets.get_mut(&order.user_id).expect("wallets concerned were locked first");
        for line in sheet.lines.iter() {
            wallet.claw_back(step, id, line.number(), line.earn);
        }

        let event = format!("undone-{}", order.undone);
        let title = Title { of: id.as_str(), event: &event, currency: &order.currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, transaction);
    }
}

/// The name of what happens each time that the order is paid.
fn again(name: String, order: &OrderRow) -> String {
    if order.undone == 0 { name } else { format!("{name}-{}", order.undone) }
}

fn sale(sheet: &Sheet) -> Transaction {
    let order = sheet.order();
    let mut transaction = Transaction::default();
    if let Some(attempt) = sheet.paid_by() {
        transaction.post(Account::ProviderReceivable(attempt.provider.clone()), order.cash);
    }
    transaction.post(Account::PointsInOrders, order.points);
    for line in sheet.lines.iter() {
        Sale::of(line, order.fee_bp, &sheet.terms).post(&sheet.terms.terms.organizer, &mut transaction);
        transaction.post(Account::PointsExpense, line.earn).post(Account::PointsLiability, -line.earn);
    }
    transaction
}
