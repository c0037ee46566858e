//! Refunds: what is owed is written at once, the seat is freed when the money is back, and a refusal for
//! good undoes it by mirror moves. Knows no provider.

use super::coupon;
use super::journal::{Account, Sale, Transaction, taken_back};
use super::pay::refusal;
use super::row::{Live, Standing};
use super::rows::{Move, Refund, RefundLine, Spend};
use super::sheet::Sheet;
use super::wallets::short;
use super::{Book, Outcome};
use crate::clock::Millis;
use crate::ids::{OrderId, RefundId};
use crate::lane::order::{OrderStatus, RefundStatus, TicketState};
use crate::lane::record::{RefundBy, RefundResult};
use crate::ledger::points::{self, LineRefund, Step};

const NO_REFUND: &str = "NO_REFUND";
const REFUND_CLOSED: &str = "REFUND_CLOSED";

/// The fields of `refund.requested`.
pub(super) struct Asking<'r> {
    pub order: &'r OrderId,
    pub refund: &'r RefundId,
    pub digest: &'r str,
    pub by: RefundBy,
    /// (line, gross); no amount: all that is left.
    pub lines: &'r [(u32, Option<i64>)],
    pub reason: &'r str,
    /// When it was asked: deadline and fee go by this, not by when the writer came to it.
    pub at_ms: Millis,
}

impl Book {
    /// `refund.requested`. A refusal leaves a failed refund for its buyer to see.
    pub(super) fn refund_requested(&mut self, ask: &Asking<'_>) -> Outcome {
        let Some(sheet) = self.sheets.get_mut(ask.order) else { return Outcome::Refused(refusal::NO_ORDER) };
        if sheet.refund(ask.refund).is_some() {
            return Outcome::Done;
        }
        sheet.change();
        match plan(sheet, ask) {
            Err(failure) => {
                let failed = Refund {
                    opened: Live::No,
                    status: RefundStatus::Failed,
                    failure: Some(failure.into()),
                    ..row(sheet, ask, &[], self.now_ms)
                };
                sheet.refunds.add(failed);
                Outcome::Refused(failure)
            }
            Ok(lines) => {
                self.owe(ask, &lines);
                Outcome::Done
            }
        }
    }

    /// Writes everything but the money: lines, points, suspended tickets. Without money it is done.
    fn owe(&mut self, ask: &Asking<'_>, lines: &[LineRefund]) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(ask.order).expect("the caller has it");
        let refund = row(sheet, ask, lines, now_ms);
        let user = sheet.order().user_id.clone();
        let wallet = self.wallets.get_mut(&user).expect("accounts concerned were locked first");
        let step = format!("{}.requested", ask.refund);
        let step = Step { id: &step, now_ms, order: Some(ask.order), refund: Some(ask.refund) };
        let mut spends: Vec<points::Spend> = sheet.spends.iter().map(Spend::arithmetic).collect();
        for part in lines {
            wallet.restore(step, &mut spends, part.line, part.points);
            wallet.claw_back(step, ask.order, part.line, part.earn);
            sheet.apply(ask.refund, part);
        }
        sheet.follow_spends(&spends);

        let postings = owed(&refund).postings(
            format!("{}.requested", ask.refund),
            &sheet.order().currency,
            Some(ask.order),
            now_ms,
        );
        postings.into_iter().for_each(|posting| self.postings.add(posting));
        let cash = refund.cash;
        sheet.refunds.add(refund);
        if cash == 0 {
            self.refunded(ask.order, ask.refund);
        }
    }

    /// `refund.resulted`.
    pub(super) fn refund_resulted(&mut self, order: &OrderId, id: &RefundId, result: &RefundResult) -> Outcome {
        let Some(sheet) = self.sheets.get(order) else { return Outcome::Refused(refusal::NO_ORDER) };
        let Some(refund) = sheet.refund(id) else { return Outcome::Refused(NO_REFUND) };
        if refund.opened == Live::No {
            return Outcome::Refused(REFUND_CLOSED);
        }
        match result {
            RefundResult::Done => self.refunded(order, id),
            RefundResult::Refused { detail } => self.refund_refused(order, id, detail),
        }
        Outcome::Done
    }

    /// The money is back, or there was none: seats are free, and with the last line the coupon.
    fn refunded(&mut self, id: &OrderId, refund: &RefundId) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.refund_mut(refund).expect("the caller has it");
        row.opened = Live::No;
        row.status = RefundStatus::Done;
        row.updated_ms = now_ms;
        let row = row.clone();
        let lines = sheet.refund_lines_of(refund);
        for line in lines.iter().filter(|line| line.closes) {
            let ticket = sheet.ticket_of_mut(line.line).expect("a sold line has a ticket");
            ticket.live = Live::No;
            ticket.state = Standing::Issued(TicketState::Void);
            self.taken.remove(&(ticket.event.clone(), ticket.seat));
        }
        let transaction = money_back(sheet, &row, &lines);
        let postings = transaction.postings(format!("{refund}.done"), &sheet.order().currency, Some(id), now_ms);
        postings.into_iter().for_each(|posting| self.postings.add(posting));
        if lines.is_empty() {
            // Late money: the order is over and stays so.
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

    /// The provider refused for good: mirror moves, and the ticket lives again.
    fn refund_refused(&mut self, id: &OrderId, refund: &RefundId, detail: &str) {
        let now_ms = self.now_ms;
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let row = sheet.refund_mut(refund).expect("the caller has it");
        row.opened = Live::No;
        row.status = RefundStatus::Failed;
        row.failure = Some(short(detail));
        row.updated_ms = now_ms;
        let row = row.clone();
        sheet.change();
        let lines = sheet.refund_lines_of(refund);
        if lines.is_empty() {
            return;
        }
        let parts: Vec<(u32, i64, i64)> = lines
            .iter()
            .map(|line| (u32::try_from(line.line).expect("lines are few"), line.points, line.earn))
            .collect();
        lines.iter().for_each(|line| sheet.undo(refund, line));
        let mut spends: Vec<points::Spend> = sheet.spends.iter().map(Spend::arithmetic).collect();
        let done = self.moves_of(refund);
        let sheet = self.sheets.get_mut(id).expect("the caller has it");
        let user = sheet.order().user_id.clone();
        let step = format!("{refund}.refused");
        let step = Step { id: &step, now_ms, order: Some(id), refund: Some(refund) };
        let wallet = self.wallets.get_mut(&user).expect("accounts concerned were locked first");
        wallet.undo_refund(step, id, &done, &mut spends, &parts);
        sheet.follow_spends(&spends);
        let postings =
            owed(&row).reversed().postings(format!("{refund}.refused"), &sheet.order().currency, Some(id), now_ms);
        postings.into_iter().for_each(|posting| self.postings.add(posting));
    }

    /// The moves a refund made when it was requested: read before, or made in this transaction.
    fn moves_of(&self, refund: &RefundId) -> Vec<points::Move> {
        let new = self.wallets.values().flat_map(|wallet| wallet.moves());
        let stored = self.moves.iter();
        let stored = stored.filter_map(|row: &Move| row.arithmetic().ok());
        stored.chain(new.cloned()).filter(|step| step.refund.as_ref() == Some(refund)).collect()
    }
}

impl Sheet {
    /// Writes a line's part of a refund: the line moves on, a closed one's ticket is suspended.
    fn apply(&mut self, refund: &RefundId, part: &LineRefund) {
        let number = i64::from(part.line);
        let line = self.line_mut(number).expect("planned from these lines");
        let mut after = line.arithmetic();
        after.apply(part);
        line.follow(&after);
        if part.closes {
            let ticket = self.ticket_of_mut(number).expect("a sold line has a ticket");
            ticket.state = Standing::Issued(TicketState::Suspended);
        }
        self.refund_lines.add(RefundLine {
            refund: refund.clone(),
            line: number,
            amount: part.amount,
            cash: part.cash,
            points: part.points,
            earn: part.earn,
            fee_points: part.fee_points,
            closes: part.closes,
        });
    }

    /// The inverse of `apply`; a ticket stays suspended while another open refund closes its line.
    fn undo(&mut self, refund: &RefundId, part: &RefundLine) {
        let line = self.line_mut(part.line).expect("a refund's lines are the order's");
        let mut after = line.arithmetic();
        after.undo(&LineRefund {
            line: line.number(),
            amount: part.amount,
            cash: part.cash,
            points: part.points,
            earn: part.earn,
            fee: part.amount - part.cash - part.points,
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
        if ticket.state == Standing::Issued(TicketState::Suspended) && !awaited {
            ticket.state = Standing::Issued(TicketState::Valid);
        }
    }
}

/// What each line gives back, or why nothing can be.
fn plan(sheet: &Sheet, ask: &Asking<'_>) -> Result<Vec<LineRefund>, &'static str> {
    let paid = matches!(sheet.order().status, OrderStatus::Confirmed | OrderStatus::PartiallyRefunded);
    let fee_bp = match ask.by {
        RefundBy::Buyer if sheet.terms.refunds_closed(ask.at_ms) => return Err("NOT_REFUNDABLE"),
        RefundBy::Buyer => sheet.terms.cancellation_bp(ask.at_ms),
        RefundBy::Admin => 0,
    };
    if !paid {
        return Err("NOT_REFUNDABLE");
    }
    if ask.lines.is_empty() {
        return Err("EMPTY");
    }
    let mut parts: Vec<LineRefund> = Vec::with_capacity(ask.lines.len());
    for &(number, gross) in ask.lines {
        let line = sheet.line(i64::from(number)).ok_or("LINE_NOT_FOUND")?.arithmetic();
        if parts.iter().any(|part| part.line == number) {
            return Err("OVER_REFUND");
        }
        parts.push(line.refund(gross.unwrap_or(line.left()), fee_bp).ok_or("OVER_REFUND")?);
    }
    Ok(parts)
}

fn row(sheet: &Sheet, ask: &Asking<'_>, lines: &[LineRefund], now_ms: Millis) -> Refund {
    Refund {
        id: ask.refund.clone(),
        order_id: ask.order.clone(),
        lane: sheet.order().lane,
        attempt: sheet.paid_by().map(|attempt| attempt.id.clone()),
        digest: ask.digest.to_owned(),
        reason: short(ask.reason),
        cash: lines.iter().map(|part| part.cash).sum(),
        points: lines.iter().map(|part| part.points).sum(),
        earn: lines.iter().map(|part| part.earn).sum(),
        fee: lines.iter().map(|part| part.fee).sum(),
        requested_ms: ask.at_ms,
        opened: Live::Yes,
        status: RefundStatus::Requested,
        failure: None,
        updated_ms: now_ms,
    }
}

fn owed(refund: &Refund) -> Transaction {
    let mut transaction = Transaction::default();
    transaction
        .post(Account::RefundsPending, refund.points)
        .post(Account::PointsLiability, refund.earn - refund.points)
        .post(Account::MarketingPoints, -refund.earn);
    transaction
}

fn money_back(sheet: &Sheet, refund: &Refund, lines: &[RefundLine]) -> Transaction {
    let order = sheet.order();
    let provider = refund.attempt.as_ref().and_then(|id| sheet.attempt(id)).map(|attempt| attempt.provider.clone());
    let mut transaction = Transaction::default();
    if let Some(provider) = provider {
        transaction.post(Account::Cash(provider), -refund.cash);
    }
    if lines.is_empty() {
        transaction.post(Account::UnappliedCash, refund.cash);
        return transaction;
    }
    transaction.post(Account::RefundsPending, -refund.points);
    let organizer = Account::Organizer(sheet.terms.terms.organizer.clone());
    transaction.post(organizer.clone(), -refund.fee);
    for part in lines {
        let line = sheet.line(part.line).expect("a refund's lines are the order's");
        let back: Sale =
            taken_back(line, order.fee_bp, &sheet.terms, sheet.done_before(&refund.id, part.line), part.amount);
        transaction
            .post(organizer.clone(), back.sale - back.fee)
            .post(Account::PlatformFee, back.fee)
            .post(Account::Discount, -back.discount);
    }
    transaction
}
