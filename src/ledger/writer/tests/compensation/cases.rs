//! The histories: each fails after another step.

use super::super::{DAY_MS, NOW_MS, UNKNOWN_MS};
use crate::facts::order::DepositFact;
use crate::facts::record::{PaymentResult, RefundResult};
use crate::facts::refund::RefundBy;

/// A step of a history.
#[derive(Clone)]
pub enum Step {
    /// Time passes, ms.
    Wait(i64),
    Requested(&'static str),
    Resulted(&'static str, PaymentResult),
    Cancelled,
    /// The writer looks for orders whose time is over.
    Overdue,
    /// All that is left, or these lines.
    Refund(&'static str, RefundBy, Vec<(u32, Option<i64>)>),
    /// Its buyer names the account that a deposit goes back to.
    Account(&'static str),
    Returned(&'static str, RefundResult),
}

use Step::*;

fn captured() -> PaymentResult {
    PaymentResult::Captured
}

fn declined() -> PaymentResult {
    PaymentResult::Declined { detail: "no".into() }
}

fn awaiting() -> PaymentResult {
    let (bank, account, holder) = ("B".to_owned(), "1".to_owned(), String::new());
    PaymentResult::Awaiting { deposit: DepositFact { bank, account, holder, expires_ms: NOW_MS + DAY_MS } }
}

fn refused() -> RefundResult {
    RefundResult::Refused { detail: "no".into() }
}

fn wrong() -> RefundResult {
    RefundResult::WrongAccount { detail: "no".into() }
}

/// How the order is paid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    Nothing,
    Card,
    Deposit,
}

/// Each case fails after another step. In the end nobody has anything of it.
pub fn cases() -> Vec<(&'static str, By, Vec<Step>)> {
    let all = || Vec::from([(1, None), (2, None)]);
    let late = || Wait(700_000);
    let days = || Wait(2 * DAY_MS);
    vec![
        ("placed, then cancelled", By::Nothing, vec![Cancelled]),
        ("placed, then not paid in time", By::Nothing, vec![late(), Overdue]),
        ("declined, then cancelled", By::Card, vec![Resulted("p", declined()), Cancelled]),
        (
            "declined twice, then not paid in time",
            By::Card,
            vec![Resulted("p", declined()), Requested("q"), Resulted("q", declined()), late(), Overdue],
        ),
        ("not done, then not paid in time", By::Card, vec![Resulted("p", PaymentResult::NotDone), late(), Overdue]),
        (
            "unknown for too long, then declined",
            By::Card,
            vec![Wait(600_000 + UNKNOWN_MS), Overdue, Resulted("p", declined())],
        ),
        (
            "unknown for too long, then captured",
            By::Card,
            vec![
                Wait(600_000 + UNKNOWN_MS),
                Overdue,
                Resulted("p", captured()),
                Returned("late p", RefundResult::Done),
            ],
        ),
        (
            "declined, cancelled, and captured after all",
            By::Card,
            vec![
                Resulted("p", declined()),
                Cancelled,
                Resulted("p", captured()),
                Returned("late p", RefundResult::Done),
            ],
        ),
        (
            "paid twice, then refunded",
            By::Card,
            vec![
                Resulted("p", declined()),
                Requested("q"),
                Resulted("q", captured()),
                Resulted("p", captured()),
                Returned("late p", RefundResult::Done),
                Refund("r", RefundBy::Buyer, all()),
                Returned("r", RefundResult::Done),
            ],
        ),
        (
            "paid, then refunded line by line",
            By::Card,
            vec![
                Resulted("p", captured()),
                Refund("r", RefundBy::Buyer, vec![(1, None)]),
                Refund("s", RefundBy::Buyer, vec![(2, None)]),
                Returned("r", RefundResult::Done),
                Returned("s", RefundResult::Done),
            ],
        ),
        (
            "paid, a refund refused, and refunded in parts",
            By::Card,
            vec![
                Resulted("p", captured()),
                Refund("r", RefundBy::Admin, all()),
                Returned("r", refused()),
                Refund("s", RefundBy::Admin, vec![(1, Some(100))]),
                Returned("s", RefundResult::Done),
                Refund("t", RefundBy::EventCancelled, vec![]),
                Returned("t", RefundResult::Done),
            ],
        ),
        (
            "a deposit that is not waited for any more",
            By::Deposit,
            vec![Resulted("p", awaiting()), Cancelled, Resulted("p", declined())],
        ),
        (
            "a deposit that does not come",
            By::Deposit,
            vec![Resulted("p", awaiting()), days(), Resulted("p", declined()), Overdue],
        ),
        (
            "a deposit whose provider is away at its deadline, and which had come",
            By::Deposit,
            vec![
                Resulted("p", awaiting()),
                days(),
                Overdue,
                Resulted("p", captured()),
                Account("late p"),
                Returned("late p", RefundResult::Done),
            ],
        ),
        (
            "a deposit that the bank takes back for good",
            By::Deposit,
            vec![
                Resulted("p", awaiting()),
                Resulted("p", captured()),
                Resulted("p", awaiting()),
                days(),
                Resulted("p", declined()),
                Overdue,
            ],
        ),
        (
            "a deposit that is taken back, comes again, and goes back to the second account",
            By::Deposit,
            vec![
                Resulted("p", awaiting()),
                Resulted("p", captured()),
                Refund("r", RefundBy::Buyer, all()),
                Resulted("p", awaiting()),
                Resulted("p", captured()),
                Refund("s", RefundBy::Buyer, all()),
                Account("s"),
                Returned("s", wrong()),
                Account("s"),
                Returned("s", RefundResult::Done),
            ],
        ),
    ]
}
