//! `order.placed`: guards, coupon, points, price, and the rows of an order.

use super::coupon::ChosenCoupon;
use super::left_to_pay::{LeftToPay, PointsRefusal, points_spent};
use super::line::{Cart, Priced, price_order};
use super::placed::{PlacedFields, agree, check};
use super::points::WalletStep;
use super::terms::Frozen;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{AttemptId, OrderId, SeatIndex};
use crate::facts::order::{OrderStatus, Reason};
use crate::facts::record::PaymentAsk;
use crate::facts::tariff::{CartSeat, STANDARD};
use crate::facts::time::Millis;
use crate::ledger::journal::{Account, Title, Transaction};
use crate::ledger::sheet::{Sheet, SheetOrigin, status};
use crate::ledger::store::column::{Live, TicketStanding};
use crate::ledger::store::rows::{LineRow, OrderRow, PaymentRow, SpendRow, TicketRow};
use crate::ledger::writer::{BatchFailure, Book, RecordOutcome};

/// How long a hold lasts at least after the first refusal of an order on it, ms.
const HELD_AGAIN_MS: i64 = 60_000;

/// Why an order is refused, and the price its buyer is shown.
struct OrderRefusal {
    reason: Reason,
    priced: Priced,
    coupon: Option<ChosenCoupon>,
}

impl Book {
    pub(in crate::ledger) fn place(
        &mut self,
        hold: Option<&HoldFact>,
        ask: PlacedFields<'_>,
    ) -> Result<RecordOutcome, BatchFailure> {
        let record = ask.order.as_str();
        let hold = hold.ok_or_else(|| BatchFailure::record(record, "the entry carries no hold"))?;
        agree(&ask, hold)?;
        if self.rejects {
            let seat = |seat: &SeatIndex| CartSeat { seat: *seat, ticket_type: STANDARD.to_owned(), price: 0 };
            let seats: Vec<CartSeat> = hold.seats.iter().map(seat).collect();
            let priced = price_order(Cart::plain(&seats, 0));
            self.refuse(&ask, hold, OrderRefusal { reason: Reason::Unprocessable, priced, coupon: None });
            return Ok(RecordOutcome::Refused(Reason::Unprocessable.as_str()));
        }
        let seats = hold.cart(ask.types).ok_or_else(|| BatchFailure::record(record, "no such ticket type"))?;
        check(&ask, hold, &seats)?;
        match self.price(&ask, hold, Cart::by_terms(&seats, hold.earn_bp, ask.terms)) {
            Ok((priced, coupon)) => {
                self.accept(&ask, hold, &priced, coupon);
                Ok(RecordOutcome::Done)
            }
            Err(refusal) => {
                let reason = refusal.reason;
                self.refuse(&ask, hold, *refusal);
                Ok(RecordOutcome::Refused(reason.as_str()))
            }
        }
    }

    /// What the order costs and which coupon it uses, or why it is refused.
    fn price(
        &self,
        ask: &PlacedFields<'_>,
        hold: &HoldFact,
        cart: Cart<'_>,
    ) -> Result<(Priced, Option<ChosenCoupon>), Box<OrderRefusal>> {
        let plain = price_order(cart);
        let refuse = |reason, priced, coupon| Box::new(OrderRefusal { reason, priced, coupon });
        let gone = |seat: &u32| self.taken.contains(&(ask.event.clone(), i64::from(*seat)));
        if hold.seats.iter().any(gone) || self.held.contains(ask.hold) {
            return Err(refuse(Reason::SeatsLost, plain, None));
        }
        let Ok(coupon) = self.choose(ask, plain.price) else {
            return Err(refuse(Reason::CouponUnavailable, plain, None));
        };
        let discount = coupon.as_ref().map_or(0, |chosen| chosen.discount.min(plain.price));
        let wallet = &self.wallets[ask.user];
        let usable = if wallet.debt > 0 { 0 } else { wallet.usable(self.now_ms) };
        let due = LeftToPay { tickets: plain.price - discount, fees: plain.booking_fee, least_cash: ask.least_cash };
        let points = match points_spent(due, ask.points, usable) {
            Ok(points) => points,
            Err(PointsRefusal::Insufficient) => return Err(refuse(Reason::InsufficientPoints, plain, None)),
            Err(PointsRefusal::BelowMinimum) => return Err(refuse(Reason::AmountBelowMinimum, plain, None)),
        };
        let priced = price_order(Cart { discount, points, ..cart });
        if ask.expected_cash.is_some_and(|expected| expected != priced.cash) {
            // Shown with its discount but without points: a refused order spends none.
            let shown = price_order(Cart { discount, points: 0, ..cart });
            return Err(refuse(Reason::PriceChanged, shown, coupon));
        }
        Ok((priced, coupon))
    }

    fn accept(&mut self, ask: &PlacedFields<'_>, hold: &HoldFact, priced: &Priced, coupon: Option<ChosenCoupon>) {
        let mut sheet = self.sheet(ask, hold, priced, coupon.as_ref());
        let order = sheet.change();
        order.live = Live::Yes;
        order.status = OrderStatus::PendingPayment;
        self.held.insert(ask.hold.clone());
        for line in &priced.lines {
            self.taken.insert((ask.event.clone(), i64::from(line.seat)));
            sheet.tickets.add(ticket(ask, i64::from(line.line), i64::from(line.seat), self.now_ms));
        }
        if let Some(chosen) = coupon {
            self.reserve(chosen, ask);
        }
        self.spend(ask, priced, &mut sheet);
        if let Some(payment) = ask.payment.filter(|_| priced.cash > 0) {
            sheet.change().status = OrderStatus::Paying;
            sheet.payments.add(self.attempt(ask.order, first_attempt(ask.order), payment, priced.cash));
        }
        self.sheets.insert(ask.order.clone(), sheet);
        if priced.cash == 0 {
            self.confirm(ask.order);
        }
    }

    fn refuse(&mut self, ask: &PlacedFields<'_>, hold: &HoldFact, refusal: OrderRefusal) {
        let mut sheet = self.sheet(ask, hold, &refusal.priced, refusal.coupon.as_ref());
        let order = sheet.change();
        order.reason = Some(refusal.reason);
        // A hold gets more time once: otherwise one refused order a minute would keep the seats for ever, unpaid.
        let least_ms = if self.ordered.insert(ask.hold.clone()) { self.now_ms + HELD_AGAIN_MS } else { 0 };
        order.held_until_ms = refusal.reason.back_to_hold().then(|| hold.expires_ms.max(least_ms));
        self.sheets.insert(ask.order.clone(), sheet);
    }

    /// The order's rows, without tickets, points spent and payment. Its status is `Rejected` unless the caller changes
    /// it.
    fn sheet(&self, ask: &PlacedFields<'_>, hold: &HoldFact, priced: &Priced, coupon: Option<&ChosenCoupon>) -> Sheet {
        let terms = Frozen { terms: ask.terms.clone(), funded_by: coupon.map(|chosen| chosen.funded_by) };
        let order = OrderRow {
            id: ask.order.clone(),
            lane: i64::from(self.lane.0),
            event: ask.event.clone(),
            user_id: ask.user.clone(),
            hold: ask.hold.clone(),
            visitor: hold.visitor.clone(),
            digest: ask.digest.to_owned(),
            currency: ask.terms.currency.clone(),
            price: priced.price,
            booking_fee: priced.booking_fee,
            discount: priced.discount,
            points: priced.points,
            cash: priced.cash,
            vat: priced.vat,
            coupon_campaign: coupon.map(|chosen| chosen.coupon.campaign.clone()),
            coupon_number: coupon.map(|chosen| chosen.coupon.number),
            coupon_version: coupon.map(|chosen| chosen.coupon.version),
            earn_bp: hold.earn_bp,
            fee_bp: hold.fee_bp,
            terms: serde_json::to_string(&terms).expect("plain data"),
            placed_ms: ask.placed_ms,
            hold_created_ms: hold.created_ms,
            hold_digest: hold.digest.clone(),
            live: Live::No,
            status: OrderStatus::Rejected,
            reason: None,
            version: 1,
            deadline_ms: ask.deadline_ms,
            confirmed_ms: None,
            held_until_ms: None,
            undone: 0,
        };
        let mut sheet = Sheet::new(order, terms, SheetOrigin::New);
        for line in &priced.lines {
            sheet.lines.add(LineRow {
                order_id: ask.order.clone(),
                line: i64::from(line.line),
                seat: i64::from(line.seat),
                ticket_type: line.ticket_type.clone(),
                price: line.price,
                booking_fee: line.booking_fee,
                discount: line.discount,
                points: line.points,
                cash: line.cash,
                earn: line.earn,
                vat: line.vat,
                refunded: 0,
                fee_refunded: 0,
                points_refunded: 0,
                earn_clawed: 0,
                closed: false,
            });
        }
        sheet
    }

    fn spend(&mut self, ask: &PlacedFields<'_>, priced: &Priced, sheet: &mut Sheet) {
        if priced.points == 0 {
            return;
        }
        let now_ms = self.now_ms;
        let wallet = self.wallet(ask.user);
        let step = format!("{}.swept", ask.order);
        let expired = wallet.expire(WalletStep { id: &step, now_ms, order: None, refund: None });
        let step = format!("{}.placed", ask.order);
        let step = WalletStep { id: &step, now_ms, order: Some(ask.order), refund: None };
        let lines: Vec<(u32, i64)> = priced.lines.iter().map(|line| (line.line, line.points)).collect();
        let spends = wallet.spend(step, &lines).expect("what is usable was looked at");
        spends.iter().for_each(|spend| sheet.spends.add(SpendRow::of(spend, ask.order)));

        let (order, currency) = (ask.order, ask.terms.currency.as_str());
        let mut swept = Transaction::default();
        swept.post(Account::PointsLiability, expired).post(Account::PointsExpired, -expired);
        let title = Title { of: order.as_str(), event: "swept", currency, order: None, at_ms: now_ms };
        self.journal.post(title, swept);

        let mut transaction = Transaction::default();
        transaction.post(Account::PointsLiability, priced.points).post(Account::PointsInOrders, -priced.points);
        let title = Title { of: order.as_str(), event: "placed", currency, order: Some(order), at_ms: now_ms };
        self.journal.post(title, transaction);
    }

    /// A new open attempt.
    pub(in crate::ledger) fn attempt(
        &self,
        order: &OrderId,
        id: AttemptId,
        ask: &PaymentAsk,
        amount: i64,
    ) -> PaymentRow {
        PaymentRow {
            id,
            order_id: order.clone(),
            lane: i64::from(self.lane.0),
            provider: ask.provider.clone(),
            pay_key: ask.key.clone(),
            amount,
            created_ms: self.now_ms,
            deposit_until_ms: ask.deposit_until_ms,
            opened: Live::Yes,
            status: status::REQUESTED.into(),
            detail: None,
            updated_ms: self.now_ms,
            due_ms: self.now_ms,
            deposit: None,
        }
    }
}

/// The attempt that comes with the order itself. Its id follows from the order's, so a repeat gives the same one.
fn first_attempt(order: &OrderId) -> AttemptId {
    AttemptId::from(format!("p{}", &order.as_str()[1..]))
}

fn ticket(ask: &PlacedFields<'_>, line: i64, seat: i64, now_ms: Millis) -> TicketRow {
    TicketRow {
        id: format!("t{}-{line}", &ask.order.as_str()[1..]),
        event: ask.event.clone(),
        seat,
        order_id: ask.order.clone(),
        line,
        user_id: ask.user.clone(),
        issued_ms: now_ms,
        live: Live::Yes,
        state: TicketStanding::Reserved,
    }
}
