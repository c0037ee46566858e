//! The sandbox, the built-in payment provider: the payment key says what happens. It moves no money.
//!
//! Answers follow from the key alone, so they are the same after a restart. The book in memory only counts captures, so
//! that a test can check "one capture an attempt" against it.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{AskOutcome, Charge, Charged, Provider, Return, ReturnAsked, Returned, Unresolved};
use crate::facts::ids::AttemptId;

/// Attempts the book remembers; the oldest are forgotten first.
const BOOK_MAX: usize = 100_000;

/// What a payment key makes the sandbox do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SandboxScript {
    Ok,
    Decline,
    /// The sandbox captures and does not answer. To a question it answers captured.
    TimeoutThenOk,
    /// The sandbox captures and answers unknown, as after an error. To a question it answers captured.
    ErrorThenOk,
    /// The sandbox neither captures nor answers. To a question it answers not done.
    Never,
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
            _ => SandboxScript::Foreign,
        }
    }
}

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

fn declined(script: SandboxScript) -> String {
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
            SandboxScript::Decline | SandboxScript::Foreign => Charged::Declined { detail: declined(script) },
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
            SandboxScript::Decline | SandboxScript::Foreign => AskOutcome::Declined { detail: declined(script) },
        }
    }

    async fn refund(&self, _back: &Return) -> Returned {
        Returned::Done
    }

    async fn ask_refund(&self, _back: &Return) -> ReturnAsked {
        ReturnAsked::Done
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::ids::OrderId;

    fn charge(attempt: &str, key: &str) -> Charge {
        Charge {
            attempt: attempt.into(),
            order: OrderId::from("o1"),
            amount: 1_000,
            currency: "KRW".into(),
            key: key.into(),
        }
    }

    async fn answer(sandbox: &Sandbox, charge: &Charge) -> Option<Charged> {
        tokio::time::timeout(Duration::from_millis(1), sandbox.charge(charge)).await.ok()
    }

    #[tokio::test]
    async fn the_key_is_the_script() {
        let sandbox = Sandbox::new();
        let declined = Charged::Declined { detail: declined(SandboxScript::Decline) };
        for (key, wanted) in [
            ("ok", Some(Charged::Captured)),
            ("decline", Some(declined)),
            ("timeout-then-ok", None),
            ("error-then-ok", Some(Charged::Unknown(Unresolved::away("500")))),
            ("never", None),
        ] {
            assert_eq!(answer(&sandbox, &charge(key, key)).await, wanted, "{key}");
        }
        for (key, wanted) in [
            ("ok", AskOutcome::Captured),
            ("timeout-then-ok", AskOutcome::Captured),
            ("error-then-ok", AskOutcome::Captured),
            ("never", AskOutcome::NotDone),
        ] {
            assert_eq!(sandbox.ask(&charge(key, key)).await, wanted, "{key}");
        }
        assert!(matches!(answer(&sandbox, &charge("p", "visa")).await, Some(Charged::Declined { .. })));
        assert_eq!(sandbox.captures(), 3);
        assert_eq!(sandbox.captured(&"never".into()), None);
    }

    #[tokio::test]
    async fn an_attempt_is_captured_once() {
        let sandbox = Sandbox::new();
        for _ in 0..3 {
            assert_eq!(sandbox.charge(&charge("p1", "ok")).await, Charged::Captured);
        }
        assert_eq!((sandbox.captures(), sandbox.captured(&"p1".into())), (1, Some(1_000)));
    }

    #[tokio::test]
    async fn the_book_is_bounded() {
        let sandbox = Sandbox::new();
        for i in 0..=BOOK_MAX {
            sandbox.charge(&charge(&format!("p{i}"), "ok")).await;
        }
        assert_eq!(sandbox.captured(&"p0".into()), None);
        assert_eq!(sandbox.book.lock().captured.len(), BOOK_MAX);
    }
}
