//! Whether the notices tell what the orders came to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Found;
use super::fields::{number, text};

/// All notices of a history, those of one lane in their order.
pub struct Notices<'n>(&'n [Value]);

/// The notices about one order.
#[derive(Default)]
struct Story<'n>(Vec<&'n Value>);

impl<'n> Notices<'n> {
    pub fn of(notices: &'n [Value]) -> Self {
        Self(notices)
    }

    /// How often a bank took the deposit of an order back that owed its organizer something. Tickets that cost nothing do
    /// not, though their booking fee may have been paid by deposit.
    pub fn undone(&self) -> i64 {
        let costs = |notice: &&Value| {
            let lines = notice["data"]["lines"].as_array();
            lines.into_iter().flatten().any(|line| number(line, "price") > 0)
        };
        self.0.iter().filter(|notice| kind(notice) == "order.deposit_undone").filter(costs).count() as i64
    }

    /// Compares them with all orders, as an admin is shown them in the end.
    pub fn check(&self, orders: &[Value], found: &mut Found) {
        let mut ids = BTreeSet::new();
        let mut last: BTreeMap<String, String> = BTreeMap::new();
        let mut stories: BTreeMap<String, Story> = BTreeMap::new();
        for notice in self.0 {
            let (id, source, sequence) = (text(notice, "id"), text(notice, "source"), text(notice, "sequence"));
            if !ids.insert(id.clone()) {
                found.says(format!("the notice {id} was told twice"));
            }
            if last.insert(source, sequence.clone()).is_some_and(|before| before >= sequence) {
                found.says(format!("the notice {id} has the number {sequence}, which is not above the one before"));
            }
            if ["order", "ticket", "refund"].contains(&kind(notice).split('.').next().unwrap_or_default()) {
                stories.entry(text(notice, "partitionkey")).or_default().0.push(notice);
            }
        }
        let known: BTreeSet<String> = orders.iter().map(|order| text(order, "id")).collect();
        for order in stories.keys().filter(|order| !known.contains(*order)) {
            found.says(format!("order {order} is told of, and nobody is shown it"));
        }
        for order in orders {
            let id = text(order, "id");
            let story = stories.remove(&id).unwrap_or_default();
            for fault in story.faults(order) {
                let told: Vec<&str> = story.0.iter().map(|notice| kind(notice)).collect();
                found.says(format!("order {id}, which is {}, was told as {told:?}: {fault}", text(order, "status")));
            }
            self.check_points(order, found);
        }
    }

    /// What a paid order cost in points was told.
    fn check_points(&self, order: &Value, found: &mut Found) {
        let id = text(order, "id");
        let spent: i64 = self
            .0
            .iter()
            .filter(|notice| kind(notice) == "points.spent" && notice["data"]["order"] == id)
            .map(|notice| number(&notice["data"], "amount"))
            .sum();
        let cost = number(&order["total"], "points");
        if !order["confirmed_at"].is_null() && spent != -cost {
            found.says(format!("order {id} cost {cost} points, and {spent} were told"));
        }
    }
}

impl Story<'_> {
    fn count(&self, wanted: &str) -> usize {
        self.0.iter().filter(|notice| kind(notice) == wanted).count()
    }

    fn faults(&self, order: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let status = text(order, "status");
        if self.0.first().is_none_or(|first| kind(first) != "order.placed") || self.count("order.placed") != 1 {
            faults.push("it does not begin with the one order.placed".to_owned());
        }
        let is_paid = !order["confirmed_at"].is_null();
        let (confirmed, undone) = (self.count("order.confirmed"), self.count("order.deposit_undone"));
        if confirmed != undone + usize::from(is_paid) {
            faults.push(format!("order.confirmed {confirmed} times, order.deposit_undone {undone} times"));
        }
        for (wanted, so) in [("order.rejected", status == "rejected"), ("order.refunded", status == "refunded")] {
            if self.count(wanted) != usize::from(so) {
                faults.push(format!("{wanted} {} times", self.count(wanted)));
            }
        }
        for line in order["lines"].as_array().into_iter().flatten() {
            let tickets = self.0.iter().filter(|notice| kind(notice).starts_with("ticket."));
            let last = tickets.rev().find(|notice| notice["data"]["line"] == line["line"]);
            let told = last.map_or(&Value::Null, |notice| &notice["data"]["state"]);
            if *told != line["ticket"]["state"] {
                faults.push(format!(
                    "the ticket of line {} is {}, told was {told}",
                    line["line"], line["ticket"]["state"]
                ));
            }
        }
        let mut refunds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for notice in self.0.iter().filter(|notice| kind(notice).starts_with("refund.")) {
            refunds.entry(text(&notice["data"]["refund"], "id")).or_default().push(kind(notice));
        }
        for (refund, told) in refunds {
            let of_deposit = told.iter().filter(|kind| **kind != "refund.awaiting_account").copied();
            if !matches!(of_deposit.collect::<Vec<_>>()[..], ["refund.requested", "refund.done" | "refund.failed"]) {
                faults.push(format!("refund {refund} was told as {told:?}"));
            }
        }
        let done = self.0.iter().filter(|notice| kind(notice) == "refund.done");
        let sent: i64 = done.map(|notice| number(&notice["data"]["refund"], "cash")).sum();
        let cancelled = number(&order["payment"], "cancelled");
        if sent != cancelled {
            faults.push(format!("{cancelled} went back, told were {sent}"));
        }
        faults
    }
}

fn kind(notice: &Value) -> &str {
    let kind = notice["type"].as_str().unwrap_or_default();
    kind.strip_prefix("stanchion.").and_then(|rest| rest.strip_suffix(".v1")).unwrap_or_default()
}
