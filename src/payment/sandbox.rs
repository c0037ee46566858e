//! The sandbox, the built-in payment provider: the payment key says what happens. It moves no money.
//!
//! Answers follow from the key alone, so they are the same after a restart. The book in memory only counts captures, so
//! that a test can check "one capture an attempt" against it.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{AskOutcome, Charge, Charged, Provider, Return, ReturnAsked, Returned, Unresolved};
use crate::facts::ids::AttemptId;
use crate::facts::order::DepositFact;

/// Attempts the book remembers; the oldest are forgotten first.
const BOOK_MAX: usize = 100_000;

/// What a payment key makes the sandbox do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SandboxScript {
    Ok,
    Decline,
    /// The sandbox captures and does not answer. To a question it answers captured.
    TimeoutThenOk,
    /// The sandbox captures and answers unknown, as after an error. To a question it answers captured.
    ErrorThenOk,
    /// The sandbox neither captures nor answers. To a question it answers not done.
    Never,
    /// The sandbox gives the buyer an account. So many seconds after the charge the money comes, so many after it the bank
    /// takes it back, and so on in turn.
    Deposit {
        turns: Vec<u64>,
    },
    /// The key is none of the sandbox's. The sandbox declines.
    Foreign,
}

impl SandboxScript {
    fn of(key: &str) -> Self {
        match key {
            "ok" => SandboxScript::Ok,
            "decline" => SandboxScript::Decline,
            "timeout-then-ok" => SandboxScript::TimeoutThenOk,
            "error-then-ok" => SandboxScript::ErrorThenOk,
            "never" => SandboxScript::Never,
            _ => Self::deposit(key).unwrap_or(SandboxScript::Foreign),
        }
    }

    /// `deposit`, or `deposit-5-60` for money that comes after 5 seconds and is taken back after 60.
    fn deposit(key: &str) -> Option<Self> {
        let turns = key.strip_prefix("deposit")?;
        let turns = turns.split('-').skip(1).map(|turn| turn.parse().ok()).collect::<Option<Vec<u64>>>()?;
        let is_one = key == "deposit" || key.starts_with("deposit-");
        is_one.then_some(SandboxScript::Deposit { turns })
    }
}

/// What has become of a deposit.
fn deposited(turns: &[u64], charge: &Charge) -> AskOutcome {
    let done = turns.iter().filter(|turn| charge.age.as_secs() >= **turn).count();
    match charge.deposit_until_ms {
        _ if done % 2 == 1 => AskOutcome::Captured,
        Some(expires_ms) => {
            let (bank, account, holder) = ("Sandbox".to_owned(), "900-1234-5678".to_owned(), "Stanchion".to_owned());
            AskOutcome::Awaiting(DepositFact { bank, account, holder, expires_ms })
        }
        None => AskOutcome::Declined { detail: super::NO_DEPOSIT.to_owned() },
    }
}

/// The number of an account into which the sandbox cannot pay.
const WRONG_ACCOUNT: &str = "0000000000";

/// The sandbox and what it did.
#[derive(Debug, Default)]
pub struct Sandbox {
    book: Mutex<SandboxBook>,
}

#[derive(Debug, Default)]
struct SandboxBook {
    /// The amount captured for each attempt.
    captured: HashMap<AttemptId, i64>,
    /// The attempts in the order in which they came, so that the oldest can be forgotten.
    order: VecDeque<AttemptId>,
    /// Captures ever made; a repeated attempt does not count.
    captures: u64,
}

impl SandboxBook {
    fn capture(&mut self, charge: &Charge) {
        if self.captured.contains_key(&charge.attempt) {
            return;
        }
        if self.order.len() == BOOK_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.captured.remove(&oldest);
        }
        self.captured.insert(charge.attempt.clone(), charge.amount);
        self.order.push_back(charge.attempt.clone());
        self.captures += 1;
    }
}

impl Sandbox {
    /// A sandbox with an empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Captures made since the start, each attempt once.
    pub fn captures(&self) -> u64 {
        self.book.lock().captures
    }

    /// What was captured for this attempt, minor units; `None`: nothing, or the book has forgotten it.
    pub fn captured(&self, attempt: &AttemptId) -> Option<i64> {
        self.book.lock().captured.get(attempt).copied()
    }
}

fn declined(script: &SandboxScript) -> String {
    match script {
        SandboxScript::Foreign => "the sandbox knows no such payment key".to_owned(),
        _ => "declined by the sandbox".to_owned(),
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn charge(&self, charge: &Charge) -> Charged {
        let script = SandboxScript::of(&charge.key);
        match script {
            SandboxScript::Ok => {
                self.book.lock().capture(charge);
                Charged::Captured
            }
            SandboxScript::TimeoutThenOk => {
                self.book.lock().capture(charge);
                std::future::pending().await
            }
            SandboxScript::ErrorThenOk => {
                self.book.lock().capture(charge);
                Charged::Unknown(Unresolved::away("500"))
            }
            SandboxScript::Never => std::future::pending().await,
            SandboxScript::Deposit { turns } => match deposited(&turns, charge) {
                AskOutcome::Captured => {
                    self.book.lock().capture(charge);
                    Charged::Captured
                }
                AskOutcome::Awaiting(deposit) => Charged::Awaiting(deposit),
                _ => Charged::Declined { detail: super::NO_DEPOSIT.to_owned() },
            },
            SandboxScript::Decline | SandboxScript::Foreign => Charged::Declined { detail: declined(&script) },
        }
    }

    async fn ask(&self, charge: &Charge) -> AskOutcome {
        let script = SandboxScript::of(&charge.key);
        match script {
            SandboxScript::Ok | SandboxScript::TimeoutThenOk | SandboxScript::ErrorThenOk => {
                // After a restart the book is empty, but the money was taken before it.
                self.book.lock().capture(charge);
                AskOutcome::Captured
            }
            SandboxScript::Never => AskOutcome::NotDone,
            SandboxScript::Deposit { turns } => {
                let became = deposited(&turns, charge);
                if became == AskOutcome::Captured {
                    self.book.lock().capture(charge);
                }
                became
            }
            SandboxScript::Decline | SandboxScript::Foreign => AskOutcome::Declined { detail: declined(&script) },
        }
    }

    async fn refund(&self, back: &Return) -> Returned {
        match &back.account {
            Some(account) if account.number == WRONG_ACCOUNT => {
                Returned::WrongAccount { detail: "the sandbox's bank knows no such account".to_owned() }
            }
            Some(_) | None => Returned::Done,
        }
    }

    async fn ask_refund(&self, back: &Return) -> ReturnAsked {
        match self.refund(back).await {
            Returned::WrongAccount { detail } => ReturnAsked::WrongAccount { detail },
            _ => ReturnAsked::Done,
        }
    }
}

#[cfg(test)]
mod tests;
