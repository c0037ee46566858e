//! What a lane is told of an order: a pure function of the order's rows. It depends on no record and no time, so that
//! concluding twice is the same as concluding once.

use super::sheet::{Sheet, status};
use crate::facts::conclusion::{Conclusion, SeatTarget};
use crate::facts::ids::{CouponRef, RefundId, SeatIndex};
use crate::facts::order::{LineFact, OrderFact, OrderStatus, PaymentFact, TicketFact, TicketState, TotalFact};
use crate::facts::refund::{RefundFact, RefundLineFact, RefundStatus};
use crate::ledger::store::column::TicketStanding;
use crate::ledger::store::rows::{LineRow, RefundRow};

/// The target state of an order in its lane.
pub(in crate::ledger) fn conclusion(sheet: &Sheet) -> Conclusion {
    Conclusion {
        fact: fact(sheet),
        seats: sheet.lines.iter().map(|line| (seat(line), target(sheet, line))).collect(),
        held_until_ms: sheet.order().held_until_ms,
        refundable_until_ms: sheet.terms.terms.refundable_until_ms(),
        refunds: sheet.refunds_in_order().into_iter().map(|refund| refund_fact(sheet, refund)).collect(),
    }
}

fn target(sheet: &Sheet, line: &LineRow) -> SeatTarget {
    let order = sheet.order();
    match order.status {
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => SeatTarget::Paying,
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded => {
            match sheet.ticket_of(line.line).map(|t| t.state) {
                Some(TicketStanding::Issued(TicketState::Void)) | None => SeatTarget::Free,
                Some(
                    TicketStanding::Reserved | TicketStanding::Issued(TicketState::Valid | TicketState::Suspended),
                ) => SeatTarget::Sold,
            }
        }
        OrderStatus::Rejected => match order.held_until_ms {
            Some(_) => SeatTarget::Held,
            None => SeatTarget::Free,
        },
    }
}

/// The whole public state of an order.
pub(in crate::ledger) fn fact(sheet: &Sheet) -> OrderFact {
    let order = sheet.order();
    let coupon = order.coupon_campaign.clone().zip(order.coupon_number);
    let version = order.coupon_version.unwrap_or(0);
    OrderFact {
        id: order.id.clone(),
        event: order.event.clone(),
        user: order.user_id.clone(),
        hold: order.hold.clone(),
        digest: order.digest.clone(),
        status: order.status,
        reason: order.reason,
        version: order.version,
        currency: order.currency.clone(),
        lines: sheet.lines.iter().map(|line| line_fact(sheet, line)).collect(),
        total: Some(TotalFact { price: order.price, discount: order.discount, points: order.points, cash: order.cash }),
        coupon: coupon.map(|(campaign, number)| CouponRef { campaign, number, version }.to_string()),
        payment: payment_fact(sheet),
        placed_ms: order.placed_ms,
        confirmed_ms: order.confirmed_ms,
        deadline_ms: order.deadline_ms,
        refund_terms: sheet.terms.terms.refunds.clone(),
    }
}

fn line_fact(sheet: &Sheet, line: &LineRow) -> LineFact {
    let ticket = sheet.ticket_of(line.line).and_then(|ticket| match ticket.state {
        TicketStanding::Reserved => None,
        // A seat given back before it was paid never had a ticket to show.
        TicketStanding::Issued(state) => {
            sheet.order().confirmed_ms.map(|_| TicketFact { id: ticket.id.clone(), state })
        }
    });
    LineFact {
        line: u32::try_from(line.line).expect("lines are few"),
        seat: seat(line),
        price: line.price,
        discount: line.discount,
        points: line.points,
        cash: line.cash,
        earn: line.earn,
        refunded: line.refunded,
        closed: line.closed,
        ticket,
    }
}

fn payment_fact(sheet: &Sheet) -> Option<PaymentFact> {
    let attempts = sheet.attempts();
    let last = attempts.last()?;
    let captured = attempts.iter().filter(|p| p.status == status::CAPTURED).map(|p| p.amount).sum();
    let done = sheet.refunds.iter().filter(|r| r.status == RefundStatus::Done);
    Some(PaymentFact {
        provider: last.provider.clone(),
        status: last.status.clone(),
        attempts: u32::try_from(attempts.len()).expect("attempts are few"),
        captured,
        cancelled: done.map(|r| r.cash).sum(),
    })
}

fn refund_fact(sheet: &Sheet, refund: &RefundRow) -> RefundFact {
    RefundFact {
        id: refund.id.clone(),
        order: refund.order_id.clone(),
        digest: refund.digest.clone(),
        status: refund.status,
        reason: refund.reason.clone(),
        failure: refund.failure.clone(),
        cash: refund.cash,
        points_restored: refund.points,
        earn_clawed: refund.earn,
        fee: refund.fee,
        lines: refund_lines(sheet, &refund.id),
        requested_ms: refund.requested_ms,
    }
}

fn refund_lines(sheet: &Sheet, refund: &RefundId) -> Vec<RefundLineFact> {
    let lines = sheet.refund_lines_of(refund).into_iter();
    lines
        .map(|l| RefundLineFact {
            line: u32::try_from(l.line).expect("lines are few"),
            amount: l.amount,
            cash: l.cash,
            points: l.points,
            earn: l.earn,
        })
        .collect()
}

fn seat(line: &LineRow) -> SeatIndex {
    SeatIndex::try_from(line.seat).expect("seats come from a lane")
}
