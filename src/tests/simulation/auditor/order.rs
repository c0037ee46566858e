//! An order as an answer showed it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{number, text};
use super::offer::SeatTypes;

pub struct Order {
    pub user: String,
    pub event: String,
    pub hold: String,
    pub status: String,
    /// The order could not be written, so what it was accepted with is not shown.
    pub is_unprocessable: bool,
    pub coupon: Option<String>,
    pub lines: Vec<Line>,
    pub cash: Option<i64>,
    /// A refund was asked for.
    pub refunding: bool,
    /// A deposit may pay it, which the bank may take back.
    pub by_deposit: bool,
    /// When the order was first seen in this status.
    pub since_ms: i64,
    /// It was seen before its lane was set back, and not since.
    pub is_set_back: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub seat: Option<String>,
    pub ticket_type: String,
    pub price: i64,
    pub fee: i64,
    pub discount: i64,
    pub points: i64,
    pub cash: i64,
    pub earn: i64,
    pub refunded: i64,
    pub is_valid: bool,
}

impl Order {
    pub fn of(user: &str, order: &Value, at_ms: i64) -> Self {
        let lines = order["lines"].as_array().into_iter().flatten();
        Self {
            user: user.to_owned(),
            event: text(order, "event"),
            hold: text(order, "hold"),
            status: text(order, "status"),
            is_unprocessable: order["reason"] == "UNPROCESSABLE",
            coupon: order["coupon"].as_str().map(str::to_owned),
            lines: lines.map(Line::of).collect(),
            cash: order["total"]["cash"].as_i64(),
            refunding: false,
            by_deposit: text(order, "status") == "awaiting_deposit",
            since_ms: at_ms,
            is_set_back: false,
        }
    }

    pub fn is_live(&self) -> bool {
        !matches!(self.status.as_str(), "rejected" | "refunded")
    }

    /// Paid, and not wholly refunded.
    pub fn is_sold(&self) -> bool {
        matches!(self.status.as_str(), "confirmed" | "partially_refunded")
    }

    /// Paid, whatever was refunded since.
    pub fn is_paid(&self) -> bool {
        self.is_sold() || self.status == "refunded"
    }

    /// Only refunds can still change the status.
    pub fn is_final(&self) -> bool {
        rank(&self.status) >= FINAL
    }

    /// The named seats with a valid ticket, each with its event.
    pub fn seats(&self) -> BTreeSet<String> {
        let valid = self.lines.iter().filter(|line| line.is_valid);
        valid.filter_map(|line| line.seat.as_ref()).map(|seat| format!("{}/{seat}", self.event)).collect()
    }

    /// Each seat with its ticket type, sorted.
    pub fn types(&self) -> SeatTypes {
        let mut types: Vec<_> = self.lines.iter().map(|line| (line.seat.clone(), line.ticket_type.clone())).collect();
        types.sort();
        types
    }

    pub fn tickets(&self) -> usize {
        self.lines.iter().filter(|line| line.is_valid).count()
    }

    /// What is wrong with the order by itself.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (n, line) in self.lines.iter().enumerate() {
            let Line { price, fee, discount, points, cash, refunded, .. } = *line;
            if price + fee != discount + points + cash
                || cash < fee
                || [price, fee, discount, points, cash, refunded].iter().any(|part| *part < 0)
            {
                faults.push(format!("INV-10: line {} costs {price} + {fee} = {discount} + {points} + {cash}", n + 1));
            }
            if refunded > points + cash {
                faults.push(format!("INV-10: of line {} {refunded} was refunded, {} paid", n + 1, points + cash));
            }
        }
        let cash: i64 = self.lines.iter().map(|line| line.cash).sum();
        if self.cash.is_some_and(|total| total != cash) {
            faults.push(format!("INV-10: its lines cost {cash}, and in all {:?}", self.cash));
        }
        faults
    }

    /// Whether this is an earlier status than the one of `later`.
    pub fn is_before(&self, later: &Order) -> bool {
        rank(&self.status) < rank(&later.status)
    }

    /// What contradicts `before`, which was shown earlier.
    pub fn contradicts(&self, before: &Order) -> Vec<String> {
        let mut faults = Vec::new();
        if before.user != self.user {
            faults.push(format!("it was of {} and is of {}", before.user, self.user));
        }
        let (from, to) = (rank(&before.status), rank(&self.status));
        let undone = before.by_deposit && before.status == "confirmed" && to <= FINAL;
        if undone {
            return faults;
        }
        if from > to
            || (from == FINAL && to == FINAL && before.status != self.status)
            || (before.status == "rejected" && to > FINAL)
        {
            faults.push(format!("it was {} and is {}", before.status, self.status));
        }
        let money = |order: &Order| -> Vec<_> {
            let lines = order.lines.iter();
            lines.map(|line| (line.seat.clone(), line.price, line.fee, line.discount, line.points, line.cash)).collect()
        };
        // A rejected order has no lines.
        if !before.lines.is_empty() && !self.lines.is_empty() && money(before) != money(self) {
            faults.push(format!("INV-10: its lines were {:?} and are {:?}", money(before), money(self)));
        }
        let given_back = |order: &Order| order.lines.iter().map(|line| line.refunded).sum::<i64>();
        if given_back(before) > given_back(self) && self.is_live() {
            faults.push(format!("{} of it was refunded, and now {}", given_back(before), given_back(self)));
        }
        faults
    }
}

impl Line {
    fn of(line: &Value) -> Self {
        Self {
            seat: line["seat"].as_str().map(str::to_owned),
            ticket_type: text(line, "type"),
            price: number(line, "price"),
            fee: number(line, "fee"),
            discount: number(line, "discount"),
            points: number(line, "points"),
            cash: number(line, "cash"),
            earn: number(line, "earn"),
            refunded: number(line, "refunded"),
            is_valid: line["ticket"]["state"] == "valid",
        }
    }
}

/// From this rank on, only a refund changes an order.
const FINAL: u8 = 2;

fn rank(status: &str) -> u8 {
    match status {
        "accepted" => 0,
        "pending_payment" | "paying" | "awaiting_deposit" => 1,
        "rejected" | "confirmed" => FINAL,
        "partially_refunded" => 3,
        _ => 4,
    }
}
