//! The end of an order that was never paid: seats, coupon and points go back.

use super::points::WalletStep;
use super::{coupon, points};
use crate::facts::ids::OrderId;
use crate::facts::order::{OrderStatus, Reason, TicketState};
use crate::ledger::journal::{Account, Title, Transaction};
use crate::ledger::store::column::{Live, TicketStanding};
use crate::ledger::store::rows::{PaymentRow, SpendRow};
use crate::ledger::writer::Book;

impl Book {
    /// Rejects an order that was placed and not paid, and undoes what placing it did.
    pub(in crate::ledger) fn release(&mut self, id: &OrderId, reason: Reason) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let order = sheet.change();
        order.status = OrderStatus::Rejected;
        order.reason = Some(reason);
        order.live = Live::No;
        self.held.remove(&order.hold);
        // An account that the buyer could pay into is closed now.
        let is_account = |row: &&mut PaymentRow| row.opened == Live::Yes && row.deposit.is_some();
        if let Some(attempt) = sheet.payments.iter_mut().find(is_account) {
            attempt.due_ms = attempt.due_ms.min(now_ms);
        }
        for ticket in sheet.tickets.iter_mut() {
            ticket.live = Live::No;
            ticket.state = TicketStanding::Issued(TicketState::Void);
            self.taken.remove(&(ticket.event.clone(), ticket.seat));
        }

        let order = sheet.order();
        let user = order.user_id.clone();
        let key = order.coupon_campaign.clone().zip(order.coupon_number);
        if let Some(row) = key.and_then(|key| self.coupons.get_mut(&key)) {
            coupon::give_back(row, now_ms);
        }
        let mut transaction = Transaction::default();
        transaction.post(Account::PointsInOrders, order.points).post(Account::PointsLiability, -order.points);
        let title =
            Title { of: id.as_str(), event: "released", currency: &order.currency, order: Some(id), at_ms: now_ms };
        self.journal.post(title, transaction);

        let mut spends: Vec<points::Spend> = sheet.spends.iter().map(SpendRow::arithmetic).collect();
        let step = format!("{id}.released");
        let step = WalletStep { id: &step, now_ms, order: Some(id), refund: None };
        let wallet = self.wallets.get_mut(&user).expect("wallets concerned were locked first");
        wallet.restore_all(step, &mut spends);
        sheet.follow_spends(&spends);
    }
}
