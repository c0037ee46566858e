//! Which seats each user has: held, ordered, sold, given back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::{number, text};
use super::hold::Hold;
use super::offer::SeatTypes;
use super::order::Order;
use super::refund::Refund;
use super::{Found, STALE_MS, When};
use crate::bank::Bank;
use crate::people::SEATS_PER_USER;

#[derive(Default)]
pub struct Hall {
    holds: BTreeMap<String, Hold>,
    orders: BTreeMap<String, Order>,
    /// By order: the cash that its buyer agreed to pay.
    expected: BTreeMap<String, i64>,
    /// By order: the ticket types that its buyer chose, each with its seat, sorted.
    chosen: BTreeMap<String, SeatTypes>,
    /// Events that may be cancelled, each with whether it is for certain.
    ended: BTreeMap<String, bool>,
    /// By the order's id and the refund's own.
    refunds: BTreeMap<(String, String), Refund>,
}

impl Hall {
    pub fn lost(&mut self) {
        self.holds.values_mut().for_each(|hold| hold.over = true);
    }

    pub fn set_back(&mut self) {
        self.orders.values_mut().for_each(|order| order.is_set_back = true);
        self.refunds.values_mut().for_each(|refund| refund.is_set_back = true);
    }

    pub fn given_back(&mut self, hold: &str) {
        if let Some(hold) = self.holds.get_mut(hold) {
            hold.over = true;
        }
    }

    pub fn held(&mut self, user: &str, when: When, hold: &Value, found: &mut Found) {
        // A repeat may show a hold that has ended or was ordered.
        if hold["state"] != "held" {
            return;
        }
        let (id, new) = (text(hold, "id"), Hold::of(user, when, hold));
        if let Some(known) = self.holds.get(&id) {
            let is_another = new.offer.is_some() && known.offer.is_some() && known.offer != new.offer;
            if known.user != user || known.seats != new.seats || is_another {
                let (was, is) = ((&known.user, &known.seats, &known.offer), (user, &new.seats, &new.offer));
                found.says(format!("hold {id} was {was:?}, and is {is:?}"));
            }
            return;
        }
        for (other, known) in self.holds.iter().filter(|(_, known)| known.is_live(when.at_ms)) {
            if !known.seats.is_disjoint(&new.seats) {
                found.says(format!("INV-3: hold {id} of {user} has seats that hold {other} has"));
            }
        }
        for (order, known) in self.orders.iter().filter(|(_, known)| known.is_sold() && !known.refunding) {
            if !known.seats().is_disjoint(&new.seats) {
                found.says(format!("INV-3: hold {id} of {user} has seats that order {order} has"));
            }
        }
        let has = new.count + self.seats_of(user, &new.event, when.at_ms);
        if has > SEATS_PER_USER {
            found.says(format!("{user} has {has} seats of {}, and may have {SEATS_PER_USER}", new.event));
        }
        self.holds.insert(id, new);
    }

    /// How many seats a user has for certain.
    fn seats_of(&self, user: &str, event: &str, at_ms: i64) -> usize {
        let holds = self.holds.values().filter(|hold| hold.user == user && hold.event == event && hold.is_live(at_ms));
        let orders =
            self.orders.values().filter(|order| order.user == user && order.event == event && !order.refunding);
        holds.map(|hold| hold.count).sum::<usize>() + orders.map(Order::tickets).sum::<usize>()
    }

    pub fn order(&mut self, user: &str, when: When, order: &Value, found: &mut Found) {
        let id = text(order, "id");
        // An order that is only accepted is shown without its lines and its total.
        let mut new = Order::of(user, order, when.at_ms);
        new.faults().into_iter().for_each(|fault| found.says(format!("order {id}: {fault}")));
        if let Some(known) = self.orders.get(&id) {
            if known.is_set_back && new.is_before(known) {
                return;
            }
            new.contradicts(known).into_iter().for_each(|fault| found.says(format!("order {id}: {fault}")));
            new.refunding = known.refunding;
            new.by_deposit |= known.by_deposit;
            if known.status == new.status {
                new.since_ms = known.since_ms;
            }
            if new.event.is_empty() {
                (new.event, new.hold) = (known.event.clone(), known.hold.clone());
            }
        }
        new.refunding |= new.by_deposit || self.ended.contains_key(&new.event);
        let expected = self.expected.get(&id).filter(|expected| new.cash.is_some_and(|cash| cash != **expected));
        if let Some(expected) = expected.filter(|_| new.is_live()) {
            found.says(format!("order {id} costs {:?}, and was to cost {expected} or not to be", new.cash));
        }
        if !new.lines.is_empty() && !new.is_unprocessable {
            let offer = self.holds.get(&new.hold).and_then(|hold| hold.offer.as_ref());
            if offer.is_some_and(|offer| !offer.sells(&new)) {
                found.says(format!("order {id} is of {:?}, and its hold said otherwise: {offer:?}", new.lines));
            }
            let types = new.types();
            if self.chosen.get(&id).is_some_and(|chosen| *chosen != types) {
                found.says(format!("order {id} has the types {types:?}, and was to have {:?}", self.chosen[&id]));
            }
        }
        // A sold order stays sold until money is asked back. The present state of any other order is unknown.
        let stays = |order: &Order| order.is_sold() && !order.refunding;
        for (other, known) in self.orders.iter().filter(|(other, known)| **other != id && stays(known) && stays(&new)) {
            if !known.seats().is_disjoint(&new.seats()) {
                found.says(format!("INV-3: orders {id} and {other} have tickets of one seat"));
            }
            if known.hold == new.hold && !new.hold.is_empty() {
                found.says(format!("INV-3: orders {id} and {other} are of one hold"));
            }
            if new.coupon.is_some() && known.coupon == new.coupon {
                found.says(format!("INV-11: orders {id} and {other} have one coupon"));
            }
        }
        self.orders.insert(id, new);
    }

    pub fn expects(&mut self, order: &str, cash: i64) {
        self.expected.insert(order.to_owned(), cash);
    }

    pub fn may_end(&mut self, event: &str) {
        self.ended.entry(event.to_owned()).or_insert(false);
        self.orders.values_mut().filter(|order| order.event == event).for_each(|order| order.refunding = true);
    }

    pub fn ended(&mut self, event: &str) {
        self.ended.insert(event.to_owned(), true);
    }

    pub fn has_ended(&self, event: &str) -> bool {
        self.ended.get(event) == Some(&true)
    }

    pub fn chose(&mut self, order: &str, types: SeatTypes) {
        self.chosen.insert(order.to_owned(), types);
    }

    pub fn refunding(&mut self, order: &str) {
        if let Some(order) = self.orders.get_mut(order) {
            order.refunding = true;
        }
    }

    pub fn by_deposit(&mut self, order: &str) {
        if let Some(order) = self.orders.get_mut(order) {
            (order.refunding, order.by_deposit) = (true, true);
        }
    }

    pub fn refunds(&mut self, order: &str, shown: &Value, found: &mut Found) {
        for refund in shown["items"].as_array().into_iter().flatten() {
            let (id, new) = ((order.to_owned(), text(refund, "id")), Refund::of(refund));
            let before = self.refunds.get(&id);
            if before.is_some_and(|before| before.is_set_back && new.is_before(before)) {
                continue;
            }
            let faults = new.faults().into_iter().chain(before.into_iter().flat_map(|before| new.contradicts(before)));
            faults.for_each(|fault| found.says(format!("refund {} of order {order}: {fault}", id.1)));
            self.refunds.insert(id, new);
        }
    }

    /// The refunds of an order that are done.
    fn given_back_of(&self, order: &str) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(move |((of, _), refund)| of == order && refund.is_done()).map(|(_, refund)| refund)
    }

    /// Checks that a page shows no seat as free that somebody has.
    pub fn seats(&mut self, event: &str, when: When, map: &Value, found: &mut Found) {
        let before_ms = when.asked_ms - STALE_MS;
        let free = seats_that(event, map, |letter| letter == 'f');
        let has = |seats: &BTreeSet<String>, since_ms: i64| since_ms < before_ms && !seats.is_disjoint(&free);
        let held = self.holds.iter().filter(|(_, hold)| hold.is_live(when.at_ms) && has(&hold.seats, hold.since_ms));
        held.for_each(|(id, _)| found.says(format!("INV-1: {event} shows seats of hold {id} as free")));
        let sold = self.orders.iter().filter(|(_, order)| !order.refunding && has(&order.seats(), order.since_ms));
        sold.for_each(|(id, _)| found.says(format!("INV-1: {event} shows seats of order {id} as free")));
    }

    pub fn accepted(&self) -> Vec<(String, String)> {
        self.orders.iter().map(|(id, order)| (id.clone(), order.user.clone())).collect()
    }

    /// The points that a user's paid orders earned, less those spent on them, both after refunds.
    pub fn points_of(&self, user: &str) -> i64 {
        let paid = self.orders.iter().filter(|(_, order)| order.user == user && order.is_paid());
        paid.map(|(id, order)| {
            let bought: i64 = order.lines.iter().map(|line| line.earn - line.points).sum();
            bought + self.given_back_of(id).map(|refund| refund.points - refund.earn).sum::<i64>()
        })
        .sum()
    }

    /// Paid orders, each with its refunds that are done.
    pub fn paid(&self) -> impl Iterator<Item = (&Order, Vec<&Refund>)> {
        let paid = self.orders.iter().filter(|(_, order)| order.is_paid());
        paid.map(|(id, order)| (order, self.given_back_of(id).filter(|refund| !refund.is_of_late_money()).collect()))
    }

    /// The live order that has this coupon.
    pub fn order_with(&self, coupon: &str) -> Option<&Order> {
        self.orders.values().find(|order| order.is_live() && order.coupon.as_deref() == Some(coupon))
    }

    /// Checks at the end that every seat is free or sold, and that the sold seats are those of the valid
    /// tickets.
    pub fn close_event(&self, event: &str, map: &Value, found: &mut Found) {
        let tickets: usize = self.orders.values().filter(|order| order.event == event).map(Order::tickets).sum();
        let sections: Vec<&Value> = map["sections"].as_array().into_iter().flatten().collect();
        let sum = |field| sections.iter().map(|section| number(section, field)).sum::<i64>();
        let taken = sum("capacity") - sum("free");
        if taken != tickets as i64 {
            found.says(format!("INV-1: {taken} seats of {event} are taken, and {tickets} tickets are valid"));
        }
        let sold = seats_that(event, map, |letter| letter == 's');
        let kept = seats_that(event, map, |letter| letter != 's' && letter != 'f');
        if !kept.is_empty() {
            found.says(format!("seats are kept for nothing: {kept:?}"));
        }
        let mine: BTreeSet<String> =
            self.orders.values().filter(|order| order.event == event).flat_map(Order::seats).collect();
        if sold != mine {
            let (more, less): (Vec<_>, Vec<_>) = (sold.difference(&mine).collect(), mine.difference(&sold).collect());
            found.says(format!(
                "INV-1: {event} shows {more:?} as sold, which are nobody's, and {less:?} not, which are"
            ));
        }
    }

    /// Checks at the end that every order is final. Of a paid order the bank keeps exactly its cash less its refunds,
    /// of an unpaid one nothing.
    pub fn close(&self, bank: &Bank, found: &mut Found) {
        for (id, order) in &self.orders {
            let (paid, back) = bank.of(id);
            let cash = order.cash.unwrap_or(0);
            // Money that came too late, or twice, is none of the order's.
            let of_order = self.given_back_of(id).filter(|refund| !refund.is_of_late_money());
            let given_back: i64 = of_order.map(|refund| refund.cash).sum();
            let should = if order.is_paid() { cash - given_back } else { 0 };
            for (number, line) in (1..).zip(&order.lines).filter(|_| order.is_paid()) {
                let given_back: i64 = self.given_back_of(id).map(|refund| refund.amount_of(number)).sum();
                if line.refunded != given_back {
                    let refunded = line.refunded;
                    found.says(format!(
                        "INV-10: line {number} of order {id} says {refunded} was given back, its refunds {given_back}"
                    ));
                }
            }
            if self.has_ended(&order.event) && order.is_sold() {
                found.says(format!("order {id} ends {}, and its event was cancelled", order.status));
            }
            if !order.is_final() || paid - back != should {
                let status = &order.status;
                found.says(format!(
                    "INV-10: order {id} ends {status} over {cash}; the bank took {paid}, gave back {back}, and should keep {should}"
                ));
            }
        }
        for order in bank.orders().difference(&self.orders.keys().cloned().collect()) {
            let (paid, back) = bank.of(order);
            if paid != back {
                found.says(format!("INV-4: the bank keeps {} of order {order}, which nobody knows", paid - back));
            }
        }
    }
}

/// The named seats of a map whose letter passes `is`, each with its event.
fn seats_that(event: &str, map: &Value, is: impl Fn(char) -> bool) -> BTreeSet<String> {
    let mut seats = BTreeSet::new();
    for section in map["sections"].as_array().into_iter().flatten() {
        for row in section["rows"].as_array().into_iter().flatten() {
            let letters = row["seats"].as_str().unwrap_or_default().chars();
            for (at, _) in letters.enumerate().filter(|(_, letter)| is(*letter)) {
                seats.insert(format!("{event}/{}-{}-{}", text(section, "id"), text(row, "id"), at + 1));
            }
        }
    }
    seats
}
