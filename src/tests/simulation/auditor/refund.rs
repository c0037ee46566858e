//! A refund as an answer showed it.

use serde_json::Value;

use super::fields::{number, text};

pub struct Refund {
    pub status: String,
    pub cash: i64,
    pub points: i64,
    pub earn: i64,
    fee: i64,
    /// It sends back money that came too late.
    is_late: bool,
    lines: Vec<Part>,
    /// It was seen before its lane was set back, and not since.
    pub is_set_back: bool,
}

/// The part of a line that is given back.
struct Part {
    line: i64,
    amount: i64,
    booking_fee: i64,
    cash: i64,
    points: i64,
    earn: i64,
}

impl Refund {
    pub fn of(refund: &Value) -> Self {
        let lines = refund["lines"].as_array().into_iter().flatten();
        Self {
            status: text(refund, "status"),
            cash: number(refund, "cash"),
            points: number(refund, "points_restored"),
            earn: number(refund, "earn_clawed"),
            fee: number(refund, "fee"),
            is_late: refund["reason"] == "paid too late",
            lines: lines.map(Part::of).collect(),
            is_set_back: false,
        }
    }

    /// It sends back money that came too late, whole.
    pub fn is_of_late_money(&self) -> bool {
        self.is_late && self.lines.is_empty()
    }

    pub fn is_done(&self) -> bool {
        self.status == "done"
    }

    /// What the refund gives back of a line, gross, with its booking fee.
    pub fn amount_of(&self, line: i64) -> i64 {
        self.lines.iter().filter(|part| part.line == line).map(|part| part.amount + part.booking_fee).sum()
    }

    /// The lines that it gives back, or parts of them.
    pub fn lines(&self) -> impl Iterator<Item = i64> {
        self.lines.iter().map(|part| part.line)
    }

    /// What it gives back of a line, gross, without the booking fee.
    pub fn gross_of(&self, line: i64) -> i64 {
        self.lines.iter().filter(|part| part.line == line).map(|part| part.amount).sum()
    }

    /// What is wrong with the refund by itself.
    pub fn faults(&self) -> Vec<String> {
        let sum = |of: fn(&Part) -> i64| self.lines.iter().map(of).sum::<i64>();
        let mut faults = Vec::new();
        let (should, is) = (
            (sum(|part| part.cash), sum(|part| part.points), sum(|part| part.earn)),
            (self.cash + self.fee, self.points, self.earn),
        );
        // Money that came too late goes back whole. It is of no line.
        let is_whole = self.is_late && self.lines.is_empty() && (self.points, self.earn, self.fee) == (0, 0, 0);
        if self.is_done() && should != is && !is_whole {
            faults.push(format!("INV-10: its lines give back {should:?}, and in all {is:?} (cash, points, earned)"));
        }
        if self.lines.iter().any(|part| self.is_done() && part.amount + part.booking_fee != part.cash + part.points) {
            faults.push("INV-10: a line's part is not its cash and points".to_owned());
        }
        faults
    }

    /// Whether this is an earlier status than the one of `later`.
    pub fn is_before(&self, later: &Refund) -> bool {
        rank(&self.status) < rank(&later.status)
    }

    /// What contradicts `before`, which was shown earlier.
    pub fn contradicts(&self, before: &Refund) -> Vec<String> {
        let (from, to) = (rank(&before.status), rank(&self.status));
        let is_back = from > to || (from == FINAL && before.status != self.status);
        is_back.then(|| format!("it was {} and is {}", before.status, self.status)).into_iter().collect()
    }
}

impl Part {
    fn of(part: &Value) -> Self {
        Self {
            line: number(part, "line"),
            amount: number(part, "amount"),
            booking_fee: number(part, "booking_fee"),
            cash: number(part, "cash"),
            points: number(part, "points"),
            earn: number(part, "earn"),
        }
    }
}

const FINAL: u8 = 2;

fn rank(status: &str) -> u8 {
    match status {
        "requested" => 0,
        "awaiting_account" | "sent" => 1,
        _ => FINAL,
    }
}
