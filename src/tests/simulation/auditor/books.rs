//! What the organizer is owed, counted from what buyers were shown.

use serde_json::Value;

use super::Found;
use super::campaigns::Campaigns;
use super::fields::{number, text};
use super::hall::Hall;
use super::order::Order;
use super::refund::Refund;

/// What the organizer's settlements were shown to be.
#[derive(Default)]
pub struct Books {
    /// A month as it was when it was closed.
    closed: Option<Value>,
}

impl Books {
    /// The office was told what became of its month.
    pub fn settled(&mut self, early: bool, settlement: &Value, found: &mut Found) {
        if !early {
            if settlement["code"] != "PERIOD_NOT_OVER" {
                found.says(format!("a month that is not over was closed by mistake: {settlement}"));
            }
            return;
        }
        if !["closed", "paid"].contains(&settlement["state"].as_str().unwrap_or_default()) {
            return found.says(format!("a month was not closed on purpose: {settlement}"));
        }
        if let Some(before) = self.closed.replace(settlement.clone()) {
            Self::compare(&before, settlement, found);
        }
    }

    fn compare(before: &Value, now: &Value, found: &mut Found) {
        let fixed =
            ["entries", "tickets", "coupons", "platform_fee", "cancellation_fees", "amount", "until", "closed_at"];
        for field in fixed.into_iter().filter(|field| before[field] != now[field]) {
            let (was, is) = (&before[field], &now[field]);
            found.says(format!("INV-12: {field} of a closed month was {was} and is {is}"));
        }
    }

    /// Compares all settlements with what was sold and given back. `undone`: how often a bank took a deposit
    /// back that the organizer was owed something of.
    pub fn close(&self, settlements: &[Value], hall: &Hall, campaigns: &Campaigns, undone: i64, found: &mut Found) {
        if let Some(before) = &self.closed {
            match settlements.iter().find(|settlement| settlement["period"] == before["period"]) {
                Some(now) => Self::compare(before, now, found),
                None => found.says(format!("the month {} was closed, and is not shown", text(before, "period"))),
            }
        }
        let sum = |field: &str| settlements.iter().map(|settlement| number(settlement, field)).sum::<i64>();
        let (entries, amount) = owed(hall, campaigns.are_the_organizers());
        // A sale that the bank undid is two entries, and nothing in sum.
        let (is, should) = ((sum("entries"), sum("amount")), (entries + 2 * undone, amount));
        if is != should {
            found.says(format!("INV-12: settlements have {is:?} (entries, amount), and should have {should:?}"));
        }
    }
}

/// How many sales and refunds the organizer is settled for, and what they come to. The house takes no fee of its own in a
/// history. `organizer_pays`: whether coupons are the organizer's cost.
fn owed(hall: &Hall, organizer_pays: bool) -> (i64, i64) {
    let (mut entries, mut amount) = (0, 0);
    for (order, refunds) in hall.paid() {
        // What costs nothing is no entry.
        let costs = |line: i64| order.lines.get(line as usize - 1).is_some_and(|line| line.price > 0);
        entries += i64::from(order.lines.iter().any(|line| line.price > 0));
        entries += refunds.iter().filter(|refund| refund.lines().any(costs)).count() as i64;
        amount += kept(order, &refunds, organizer_pays);
    }
    (entries, amount)
}

/// What the organizer keeps of an order.
fn kept(order: &Order, refunds: &[&Refund], organizer_pays: bool) -> i64 {
    let of_line = |(number, line): (i64, &super::order::Line)| {
        let back: i64 = refunds.iter().map(|refund| refund.gross_of(number)).sum();
        let is_closed = refunds.iter().any(|refund| refund.lines().any(|of| of == number));
        match (organizer_pays, line.price - line.discount) {
            (true, net) => net - back,
            (false, 0) if is_closed => 0,
            (false, 0) => line.price,
            (false, net) => line.price - line.price * back / net,
        }
    };
    (1..).zip(&order.lines).map(of_line).sum()
}
