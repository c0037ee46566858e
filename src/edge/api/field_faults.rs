//! What is wrong with a request's body.

use crate::edge::problem::{FieldError, Problem};
use crate::facts::money::AMOUNT_MAX;

/// Collects all faults of a body, so that they are reported at once.
#[derive(Debug, Default)]
pub struct FieldFaults(Vec<FieldError>);

impl FieldFaults {
    pub fn check(&mut self, good: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !good {
            self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    /// Checks that an amount is not below `least` (0 or 1) nor above `AMOUNT_MAX`.
    pub fn amount(&mut self, amount: i64, least: i64, pointer: &str) {
        let good = (least..=AMOUNT_MAX).contains(&amount);
        self.check(good, pointer, format!("{least} to {AMOUNT_MAX}"));
    }

    /// Checks that a text has `least..=most` characters, none of them control characters.
    pub fn text(&mut self, text: &str, least: usize, most: usize, pointer: &str) {
        let good = (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        self.check(good, pointer, format!("{least} to {most} characters, no control characters"));
    }

    pub fn verdict(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.problem()) }
    }

    /// The refusal; there must be a fault.
    pub fn problem(self) -> Problem {
        Problem::fields(self.0)
    }
}

impl From<Vec<(String, String)>> for FieldFaults {
    fn from(faults: Vec<(String, String)>) -> Self {
        Self(faults.into_iter().map(|(pointer, detail)| FieldError { pointer, detail }).collect())
    }
}
