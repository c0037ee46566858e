//! `refund.requested`: everything but the money is written at once.

use super::line::LineRefund;
use super::pay::refusal;
use super::points;
use super::points::WalletStep;
use crate::facts::ids::{OrderId, RefundId};
use crate::facts::order::{OrderStatus, TicketState};
use crate::facts::refund::{RefundBy, RefundRefusal, RefundStatus};
use crate::facts::terms::refund_fee_bp;
use crate::facts::time::Millis;
use crate::ledger::journal::{Account, Title, Transaction};
use crate::ledger::sheet::{NOT_YET_MS, Sheet};
use crate::ledger::store::column::{Live, TicketStanding, short};
use crate::ledger::store::rows::{RefundLineRow, RefundRow, SpendRow};
use crate::ledger::writer::{Book, RecordOutcome};

/// The outcome of a cancelled event's refund where nothing is left to refund.
const NOTHING_LEFT: &str = "NOTHING_LEFT";

/// The fields of `refund.requested`.
pub(in crate::ledger) struct Asking<'r> {
    pub order: &'r OrderId,
    pub refund: &'r RefundId,
    pub digest: &'r str,
    pub by: RefundBy,
    /// (line, gross); without an amount, all that is left.
    pub lines: &'r [(u32, Option<i64>)],
    pub reason: &'r str,
    /// When the refund was asked for. Deadline and fee depend on this time, not on when the writer handles the record.
    pub at_ms: Millis,
}

impl Book {
    /// `refund.requested`. A refusal leaves a failed refund for its buyer to see.
    pub(in crate::ledger) fn refund_requested(&mut self, ask: &Asking<'_>) -> RecordOutcome {
        let Some(sheet) = self.sheets.get_mut(ask.order) else { return RecordOutcome::Refused(refusal::NO_ORDER) };
        if sheet.refund(ask.refund).is_some() {
            return RecordOutcome::Done;
        }
        let left = match ask.by {
            RefundBy::EventCancelled => sheet.open_lines(),
            RefundBy::Buyer | RefundBy::BuyerAfterChange | RefundBy::Admin => Vec::new(),
        };
        // Somebody else has asked for all of it meanwhile. That is no failure which a buyer should see.
        if ask.by == RefundBy::EventCancelled && left.is_empty() {
            return RecordOutcome::Refused(NOTHING_LEFT);
        }
        let lines = if left.is_empty() { ask.lines } else { &left };
        sheet.change();
        match parts(sheet, ask.by, lines, ask.at_ms) {
            Err(refusal) => {
                let failed = RefundRow {
                    opened: Live::No,
                    status: RefundStatus::Failed,
                    failure: Some(refusal.as_str().into()),
                    ..row(sheet, ask, &[], self.now_ms)
                };
                sheet.refunds.add(failed);
                RecordOutcome::Refused(refusal.as_str())
            }
            Ok(lines) => {
                self.owe(ask, &lines);
                RecordOutcome::Done
            }
        }
    }

    /// Writes everything but the money: lines, points, suspended tickets. A refund without cash is done at once.
    fn owe(&mut self, ask: &Asking<'_>, lines: &[LineRefund]) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(ask.order).expect("the caller has it");
        let refund = row(sheet, ask, lines, now_ms);
        let user = sheet.order().user_id.clone();
        let wallet = self.wallets.get_mut(&user).expect("wallets concerned were locked first");
        let step = format!("{}.requested", ask.refund);
        let step = WalletStep { id: &step, now_ms, order: Some(ask.order), refund: Some(ask.refund) };
        let mut spends: Vec<points::Spend> = sheet.spends.iter().map(SpendRow::arithmetic).collect();
        for part in lines {
            wallet.restore(step, &mut spends, part.line, part.points);
            wallet.claw_back(step, ask.order, part.line, part.earn);
            sheet.apply(ask.refund, part);
        }
        sheet.follow_spends(&spends);

        let currency = &sheet.order().currency;
        let title =
            Title { of: ask.refund.as_str(), event: "requested", currency, order: Some(ask.order), at_ms: now_ms };
        self.journal.post(title, owed(&refund));
        let cash = refund.cash;
        sheet.refunds.add(refund);
        if cash == 0 {
            self.refunded(ask.order, ask.refund);
        }
    }
}

impl Sheet {
    /// All that is left of a paid order, as refunds name it.
    fn open_lines(&self) -> Vec<(u32, Option<i64>)> {
        let is_paid = matches!(self.order().status, OrderStatus::Confirmed | OrderStatus::PartiallyRefunded);
        let open = self.lines.iter().filter(|line| is_paid && !line.closed);
        open.map(|line| (line.arithmetic().line, None)).collect()
    }

    /// Writes a line's part of a refund. If the refund closes the line, its ticket is suspended.
    fn apply(&mut self, refund: &RefundId, part: &LineRefund) {
        let number = i64::from(part.line);
        let line = self.line_mut(number).expect("planned from these lines");
        let mut after = line.arithmetic();
        after.apply(part);
        line.follow(&after);
        if part.closes {
            let ticket = self.ticket_of_mut(number).expect("a sold line has a ticket");
            // A line that was closed before, and was opened again because an earlier refund failed, has none any more.
            if ticket.live == Live::Yes {
                ticket.state = TicketStanding::Issued(TicketState::Suspended);
            }
        }
        self.refund_lines.add(RefundLineRow {
            refund: refund.clone(),
            line: number,
            amount: part.amount,
            booking_fee: part.booking_fee,
            cash: part.cash,
            points: part.points,
            earn: part.earn,
            fee_points: part.fee_points,
            closes: part.closes,
        });
    }
}

/// What a refund that is asked for at `at_ms` gives back of each line, or why nothing can be. `lines`: (line, gross);
/// without an amount, all that is left.
pub(in crate::ledger) fn parts(
    sheet: &Sheet,
    by: RefundBy,
    lines: &[(u32, Option<i64>)],
    at_ms: Millis,
) -> Result<Vec<LineRefund>, RefundRefusal> {
    let paid = matches!(sheet.order().status, OrderStatus::Confirmed | OrderStatus::PartiallyRefunded);
    let fee_bp = match by {
        RefundBy::Buyer => refund_fee_bp(&sheet.refund_terms(), at_ms).ok_or(RefundRefusal::NotRefundable)?,
        RefundBy::BuyerAfterChange | RefundBy::Admin | RefundBy::EventCancelled => 0,
    };
    if !paid {
        return Err(RefundRefusal::NotRefundable);
    }
    if lines.is_empty() {
        return Err(RefundRefusal::Empty);
    }
    let confirmed_ms = sheet.order().confirmed_ms.unwrap_or(at_ms);
    let with_booking_fee = match by {
        RefundBy::Buyer => sheet.terms.terms.booking_fee.is_refundable(confirmed_ms, at_ms),
        RefundBy::BuyerAfterChange | RefundBy::Admin | RefundBy::EventCancelled => true,
    };
    let mut parts: Vec<LineRefund> = Vec::with_capacity(lines.len());
    for &(number, gross) in lines {
        let line = sheet.line(i64::from(number)).ok_or(RefundRefusal::LineNotFound)?.arithmetic();
        if parts.iter().any(|part| part.line == number) {
            return Err(RefundRefusal::OverRefund);
        }
        let part = line.refund(gross.unwrap_or(line.left()), fee_bp, with_booking_fee);
        parts.push(part.ok_or(RefundRefusal::OverRefund)?);
    }
    Ok(parts)
}

fn row(sheet: &Sheet, ask: &Asking<'_>, lines: &[LineRefund], now_ms: Millis) -> RefundRow {
    let attempt = sheet.paid_by().map(|attempt| attempt.id.clone());
    let cash: i64 = lines.iter().map(|part| part.cash).sum();
    let to_account = cash > 0 && sheet.is_deposit(attempt.as_ref());
    RefundRow {
        id: ask.refund.clone(),
        order_id: ask.order.clone(),
        lane: sheet.order().lane,
        attempt,
        digest: ask.digest.to_owned(),
        reason: short(ask.reason),
        cash,
        points: lines.iter().map(|part| part.points).sum(),
        earn: lines.iter().map(|part| part.earn).sum(),
        fee: lines.iter().map(|part| part.fee).sum(),
        booking_fee: lines.iter().map(|part| part.booking_fee).sum(),
        requested_ms: ask.at_ms,
        opened: Live::Yes,
        status: if to_account { RefundStatus::AwaitingAccount } else { RefundStatus::Requested },
        failure: None,
        updated_ms: now_ms,
        due_ms: if to_account { NOT_YET_MS } else { ask.at_ms },
        account: None,
        accounts: 0,
    }
}

/// What a refund posts when it is requested, before its money is back.
pub(in crate::ledger) fn owed(refund: &RefundRow) -> Transaction {
    let mut transaction = Transaction::default();
    transaction
        .post(Account::RefundsPending, refund.points)
        .post(Account::PointsLiability, refund.earn - refund.points)
        .post(Account::PointsExpense, -refund.earn);
    transaction
}
