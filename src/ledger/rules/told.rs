//! What a record's step tells the world: the difference between its order before and after.

use std::collections::BTreeMap;

use super::coupon::state;
use super::points::MoveKind;
use crate::facts::ids::{CampaignId, OrderId, RefundId, UserId};
use crate::facts::notice::{Notice, NoticeKind, Told};
use crate::facts::order::{OrderStatus, TicketState};
use crate::facts::refund::RefundStatus;
use crate::ledger::sheet::{Sheet, order_fact, refund_fact};
use crate::ledger::store::column::TicketStanding;
use crate::ledger::writer::Book;

/// What of an order a step may change, as it was before the step. Empty before the ledger had the order.
#[derive(Debug, Default)]
pub(in crate::ledger) struct OrderBefore {
    status: Option<OrderStatus>,
    tickets: BTreeMap<i64, TicketStanding>,
    /// The status, and how many accounts were wrong.
    refunds: BTreeMap<RefundId, (RefundStatus, i64)>,
    coupon_used: bool,
    /// How many moves of points the user's wallet had in this transaction.
    moves: usize,
}

impl Book {
    /// `placed_by`: the user of an order that the ledger does not have.
    pub(in crate::ledger) fn before(&self, order: &OrderId, placed_by: Option<&UserId>) -> OrderBefore {
        let moves = |user: &UserId| self.wallets.get(user).map_or(0, |wallet| wallet.moves().len());
        let Some(sheet) = self.sheets.get(order) else {
            return OrderBefore { moves: placed_by.map_or(0, moves), ..OrderBefore::default() };
        };
        OrderBefore {
            status: Some(sheet.order().status),
            tickets: sheet.tickets.iter().map(|ticket| (ticket.line, ticket.state)).collect(),
            refunds: sheet.refunds.iter().map(|refund| (refund.id.clone(), (refund.status, refund.accounts))).collect(),
            coupon_used: self.coupon_used(sheet),
            moves: moves(&sheet.order().user_id),
        }
    }

    fn coupon_used(&self, sheet: &Sheet) -> bool {
        let key = sheet.order().coupon_campaign.clone().zip(sheet.order().coupon_number);
        key.and_then(|key| self.coupons.get(&key)).is_some_and(|coupon| coupon.state == state::USED)
    }

    /// Notes what the step tells of its order.
    pub(in crate::ledger) fn tell(&mut self, order: &OrderId, before: &OrderBefore) {
        let Some(sheet) = self.sheets.get(order) else { return };
        let mut notices: Vec<Notice> = Vec::new();
        let row = sheet.order();
        for kind in order_kinds(before, sheet) {
            notices.push(Notice::Order { kind });
        }
        for ticket in sheet.tickets.iter() {
            if let Some(kind) = ticket_kind(before.tickets.get(&ticket.line).copied(), ticket.state) {
                let line = u32::try_from(ticket.line).expect("lines are few");
                notices.push(Notice::Ticket { kind, line, ticket: ticket.id.clone() });
            }
        }
        for refund in sheet.refunds_in_order() {
            let fact = || Box::new(refund_fact(refund, sheet.refund_lines_of(&refund.id)));
            let was = before.refunds.get(&refund.id).copied();
            if was.is_none() {
                notices.push(Notice::Refund { kind: NoticeKind::RefundRequested, refund: fact() });
            }
            let became = match refund.status {
                RefundStatus::AwaitingAccount => Some(NoticeKind::RefundAwaitingAccount),
                RefundStatus::Done => Some(NoticeKind::RefundDone),
                RefundStatus::Failed => Some(NoticeKind::RefundFailed),
                RefundStatus::Requested | RefundStatus::Sent => None,
            };
            let stage = (refund.status, refund.accounts);
            if let Some(kind) = became.filter(|_| was != Some(stage)) {
                notices.push(Notice::Refund { kind, refund: fact() });
            }
        }
        let coupon = row.coupon_campaign.clone().zip(row.coupon_number);
        let kind = match (before.coupon_used, self.coupon_used(sheet)) {
            (false, true) => Some(NoticeKind::CouponUsed),
            (true, false) => Some(NoticeKind::CouponReturned),
            (true, true) | (false, false) => None,
        };
        if let Some((kind, (campaign, number))) = kind.zip(coupon) {
            let (user, order) = (row.user_id.clone(), Some(order.clone()));
            notices.push(Notice::Coupon { kind, campaign, number, user, order });
        }
        notices.extend(self.moves_since(&row.user_id, before.moves));
        if !notices.is_empty() {
            let told = Told { order: Some(order_fact(sheet)), notices };
            self.told.push(told);
        }
    }

    /// Notes that a user got a coupon.
    pub(in crate::ledger) fn tell_claim(&mut self, campaign: &CampaignId, number: i64, user: &UserId) {
        let (campaign, user) = (campaign.clone(), user.clone());
        let claimed = Notice::Coupon { kind: NoticeKind::CouponClaimed, campaign, number, user, order: None };
        self.told.push(Told { order: None, notices: vec![claimed] });
    }

    /// The moves of points after the first so many, those of one kind and cause as one.
    fn moves_since(&self, user: &UserId, before: usize) -> Vec<Notice> {
        let moves = self.wallets.get(user).map_or(&[][..], |wallet| wallet.moves());
        let mut notices: Vec<Notice> = Vec::new();
        for step in moves.get(before..).unwrap_or_default() {
            let kind = match step.kind {
                MoveKind::Grant => continue,
                MoveKind::Earn => NoticeKind::PointsEarned,
                MoveKind::Spend => NoticeKind::PointsSpent,
                MoveKind::Restore => NoticeKind::PointsRestored,
                MoveKind::ClawBack | MoveKind::Debt => NoticeKind::PointsClawedBack,
                MoveKind::Expire => NoticeKind::PointsExpired,
                MoveKind::Correct => NoticeKind::PointsCorrected,
            };
            let same = notices.iter_mut().find_map(|notice| match notice {
                Notice::Points { kind: other, amount, order, refund, .. }
                    if *other == kind && *order == step.order && *refund == step.refund =>
                {
                    Some(amount)
                }
                _ => None,
            });
            match same {
                Some(amount) => *amount += step.amount,
                None => notices.push(Notice::Points {
                    kind,
                    user: user.clone(),
                    amount: step.amount,
                    order: step.order.clone(),
                    refund: step.refund.clone(),
                }),
            }
        }
        notices
    }
}

fn order_kinds(before: &OrderBefore, sheet: &Sheet) -> Vec<NoticeKind> {
    let now = sheet.order().status;
    let placed = before.status.is_none().then_some(NoticeKind::OrderPlaced);
    let is_done = |id: &RefundId| sheet.refund(id).is_some_and(|refund| refund.status == RefundStatus::Done);
    let done_before = before.refunds.values().filter(|(status, _)| *status == RefundStatus::Done).count();
    let done_now = sheet.refunds.iter().filter(|refund| is_done(&refund.id)).count();
    let changed = before.status != Some(now);
    let was_paid = before.status == Some(OrderStatus::Confirmed);
    let became = match now {
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => None,
        OrderStatus::AwaitingDeposit => was_paid.then_some(NoticeKind::OrderDepositUndone),
        // After a refund that failed, the order stands as it stood.
        OrderStatus::Confirmed => changed.then_some(NoticeKind::OrderConfirmed),
        OrderStatus::Rejected => changed.then_some(NoticeKind::OrderRejected),
        OrderStatus::PartiallyRefunded => (done_now > done_before).then_some(NoticeKind::OrderPartiallyRefunded),
        OrderStatus::Refunded => changed.then_some(NoticeKind::OrderRefunded),
    };
    placed.into_iter().chain(became).collect()
}

/// A ticket that is reserved is none yet.
fn ticket_kind(before: Option<TicketStanding>, now: TicketStanding) -> Option<NoticeKind> {
    let TicketStanding::Issued(state) = now else { return None };
    if before == Some(now) {
        return None;
    }
    let was_issued = matches!(before, Some(TicketStanding::Issued(_)));
    match state {
        TicketState::Valid => Some(NoticeKind::TicketIssued),
        TicketState::Suspended => was_issued.then_some(NoticeKind::TicketSuspended),
        TicketState::Void => was_issued.then_some(NoticeKind::TicketVoided),
    }
}
