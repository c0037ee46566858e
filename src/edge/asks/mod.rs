//! What bodies of requests look like, and every rule that needs no more than the body itself.
//! Knows no state: what the body names is looked up by the handler.

pub mod event;
pub mod hold;
pub mod order;
pub mod payment;
pub mod points;
pub mod refund;

use super::problem::{FieldError, Problem};
use crate::money::AMOUNT_MAX;

/// Collects what is wrong with a body, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    pub fn check(&mut self, good: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !good {
            self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    /// An amount from 0 (or 1) on.
    pub fn amount(&mut self, amount: i64, least: i64, pointer: &str) {
        let good = (least..=AMOUNT_MAX).contains(&amount);
        self.check(good, pointer, format!("{least} to {AMOUNT_MAX}"));
    }

    /// Text of `least..=most` characters, none of them control characters.
    pub fn text(&mut self, text: &str, least: usize, most: usize, pointer: &str) {
        let good = (least..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        self.check(good, pointer, format!("{least} to {most} characters, no control characters"));
    }

    pub fn verdict(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.problem()) }
    }

    /// The refusal; something must be wrong.
    pub fn problem(self) -> Problem {
        Problem::fields(self.0)
    }
}

impl From<Vec<(String, String)>> for Faults {
    fn from(faults: Vec<(String, String)>) -> Self {
        Self(faults.into_iter().map(|(pointer, detail)| FieldError { pointer, detail }).collect())
    }
}
