//! What a lane is told of an order: a pure function of the order's rows. It depends on no record and no time, so that
//! concluding twice is the same as concluding once.

use crate::facts::conclusion::{Conclusion, SeatTarget};
use crate::facts::order::{OrderStatus, TicketState};
use crate::ledger::sheet::{Sheet, order_fact, refund_fact, seat_index};
use crate::ledger::store::column::TicketStanding;
use crate::ledger::store::rows::{LineRow, RefundRow};

/// The target state of an order in its lane.
pub(in crate::ledger) fn conclusion(sheet: &Sheet) -> Conclusion {
    let refund = |row: &RefundRow| refund_fact(row, sheet.refund_lines_of(&row.id));
    Conclusion {
        fact: order_fact(sheet),
        seats: sheet.lines.iter().map(|line| (seat_index(line.seat), target(sheet, line))).collect(),
        held_until_ms: sheet.order().held_until_ms,
        refundable_until_ms: sheet.terms.terms.refundable_until_ms(),
        refunds: sheet.refunds_in_order().into_iter().map(refund).collect(),
    }
}

fn target(sheet: &Sheet, line: &LineRow) -> SeatTarget {
    let order = sheet.order();
    match order.status {
        OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying | OrderStatus::AwaitingDeposit => {
            SeatTarget::Paying
        }
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
