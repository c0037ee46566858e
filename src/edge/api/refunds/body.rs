//! The bodies of refund requests. A buyer gives back whole lines; an admin may also refund parts of a line.

use std::collections::HashSet;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::{Code, Problem};

/// Most lines an order can have.
const LINES_MAX: usize = 1_000;
const REASON_MAX: usize = 200;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundRequest)]
pub struct RefundBody {
    pub lines: Vec<LinePart>,
    #[serde(default)]
    #[schema(example = "my friend is ill")]
    pub reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundRequestLine)]
pub struct LinePart {
    #[schema(example = 1)]
    pub line: u32,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminRefundRequest)]
pub struct AdminRefundBody {
    pub lines: Vec<AdminLinePart>,
    #[serde(default)]
    #[schema(example = "the view is blocked")]
    pub reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminRefundRequestLine)]
pub struct AdminLinePart {
    #[schema(example = 1)]
    pub line: u32,
    /// Gross (cash and points) without the booking fee, minor units; if missing, all that is left of the line. The booking
    /// fee goes back with the last part.
    #[serde(default)]
    #[schema(example = 10000)]
    pub amount: Option<i64>,
}

/// Pairs (line, gross amount) as a lane takes them, and the reason.
pub type Lines = (Vec<(u32, Option<i64>)>, String);

impl RefundBody {
    pub fn lines(self) -> Result<Lines, Problem> {
        lines(self.lines.into_iter().map(|part| (part.line, None)).collect(), self.reason)
    }
}

impl AdminRefundBody {
    pub fn lines(self) -> Result<Lines, Problem> {
        lines(self.lines.into_iter().map(|part| (part.line, part.amount)).collect(), self.reason)
    }
}

fn lines(lines: Vec<(u32, Option<i64>)>, reason: String) -> Result<Lines, Problem> {
    let mut faults = FieldFaults::default();
    let mut seen = HashSet::new();
    faults.check(lines.len() <= LINES_MAX, "/lines", format!("at most {LINES_MAX}"));
    for (i, (line, amount)) in lines.iter().enumerate().take(LINES_MAX) {
        faults.check(seen.insert(*line), format!("/lines/{i}/line"), "named twice");
        if let Some(amount) = amount {
            faults.amount(*amount, 1, &format!("/lines/{i}/amount"));
        }
    }
    faults.text(&reason, 0, REASON_MAX, "/reason");
    faults.verdict()?;
    if lines.is_empty() {
        return Err(Code::Empty.into());
    }
    Ok((lines, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_once_and_amounts_are_positive() {
        let body = |json: serde_json::Value| serde_json::from_value::<AdminRefundBody>(json).expect("fits").lines();
        let json = serde_json::json!({"lines": [{"line": 2}, {"line": 3, "amount": 10}], "reason": "ill"});
        assert_eq!(body(json).expect("good"), (vec![(2, None), (3, Some(10))], "ill".to_owned()));
        let bad = serde_json::json!({"lines": [{"line": 2, "amount": 0}, {"line": 2}], "reason": "a\nb"});
        let pointers: Vec<_> = body(bad).expect_err("refused").errors.into_iter().map(|e| e.pointer).collect();
        assert_eq!(pointers, ["/lines/0/amount", "/lines/1/line", "/reason"]);
        assert_eq!(body(serde_json::json!({"lines": []})).expect_err("refused").code, Code::Empty);
    }
}
