//! The facts of an order and of a refund: pure functions of their rows. The writer tells them to the lane, and readers
//! answer with them, so both say the same.

use super::{Sheet, status};
use crate::facts::ids::{CouponRef, SeatIndex};
use crate::facts::order::{
    DepositFact, LineFact, OrderFact, OrderStatus, PaymentFact, TicketFact, TicketState, TotalFact,
};
use crate::facts::refund::{RefundFact, RefundLineFact, RefundStatus};
use crate::ledger::store::column::TicketStanding;
use crate::ledger::store::rows::{LineRow, RefundLineRow, RefundRow};

/// The whole public state of an order.
pub(in crate::ledger) fn order_fact(sheet: &Sheet) -> OrderFact {
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
        total: Some(TotalFact {
            price: order.price,
            booking_fee: order.booking_fee,
            discount: order.discount,
            points: order.points,
            cash: order.cash,
            vat: order.vat,
        }),
        coupon: coupon.map(|(campaign, number)| CouponRef { campaign, number, version }.to_string()),
        payment: payment_fact(sheet),
        deposit: deposit_fact(sheet),
        placed_ms: order.placed_ms,
        confirmed_ms: order.confirmed_ms,
        deadline_ms: order.deadline_ms,
        refund_terms: sheet.refund_terms(),
    }
}

fn line_fact(sheet: &Sheet, line: &LineRow) -> LineFact {
    let ticket = sheet.ticket_of(line.line).and_then(|ticket| match ticket.state {
        TicketStanding::Reserved => None,
        // A seat given back before it was paid never had a ticket to show.
        TicketStanding::Issued(TicketState::Void) if sheet.order().confirmed_ms.is_none() => None,
        TicketStanding::Issued(state) => Some(TicketFact { id: ticket.id.clone(), state }),
    });
    LineFact {
        line: number(line.line),
        seat: seat_index(line.seat),
        ticket_type: line.ticket_type.clone(),
        price: line.price,
        booking_fee: line.booking_fee,
        discount: line.discount,
        points: line.points,
        cash: line.cash,
        earn: line.earn,
        vat: line.vat,
        refunded: line.refunded,
        fee_refunded: line.fee_refunded,
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

/// Where the buyer pays in, while the order waits for it.
fn deposit_fact(sheet: &Sheet) -> Option<DepositFact> {
    let awaits = sheet.order().status == OrderStatus::AwaitingDeposit;
    sheet.open_attempt().filter(|_| awaits).and_then(|attempt| attempt.deposit.clone())
}

/// A refund with these lines.
pub(in crate::ledger) fn refund_fact<'l>(
    refund: &RefundRow,
    lines: impl IntoIterator<Item = &'l RefundLineRow>,
) -> RefundFact {
    RefundFact {
        id: refund.id.clone(),
        order: refund.order_id.clone(),
        digest: refund.digest.clone(),
        status: match refund.status {
            RefundStatus::AwaitingAccount if !refund.awaits_account() => RefundStatus::Sent,
            status => status,
        },
        reason: refund.reason.clone(),
        failure: refund.failure.clone(),
        cash: refund.cash,
        points_restored: refund.points,
        earn_clawed: refund.earn,
        fee: refund.fee,
        booking_fee: refund.booking_fee,
        lines: lines.into_iter().map(refund_line_fact).collect(),
        requested_ms: refund.requested_ms,
    }
}

fn refund_line_fact(line: &RefundLineRow) -> RefundLineFact {
    RefundLineFact {
        line: number(line.line),
        amount: line.amount,
        booking_fee: line.booking_fee,
        cash: line.cash,
        points: line.points,
        earn: line.earn,
    }
}

fn number(line: i64) -> u32 {
    u32::try_from(line).expect("lines are few")
}

/// A seat's index, as rows have it.
pub(in crate::ledger) fn seat_index(seat: i64) -> SeatIndex {
    SeatIndex::try_from(seat).expect("seats come from a lane")
}
