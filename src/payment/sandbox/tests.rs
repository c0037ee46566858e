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
        deposit_until_ms: None,
        age: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_deposit_comes_and_goes_by_its_script() {
    let sandbox = Sandbox::new();
    let at = |key: &str, age_s: u64, deposit_until_ms: Option<i64>| Charge {
        deposit_until_ms,
        age: Duration::from_secs(age_s),
        ..charge("p1", key)
    };
    for (key, age_s, is_there) in [
        ("deposit", 9_999, false),
        ("deposit-5", 0, false),
        ("deposit-5", 5, true),
        ("deposit-5-60", 59, true),
        ("deposit-5-60", 60, false),
        ("deposit-5-60-90", 90, true),
    ] {
        let became = sandbox.ask(&at(key, age_s, Some(7_000))).await;
        match (is_there, &became) {
            (true, AskOutcome::Captured) => {}
            (false, AskOutcome::Awaiting(deposit)) => assert_eq!(deposit.expires_ms, 7_000, "{key}"),
            _ => panic!("{key} after {age_s} s: {became:?}"),
        }
    }
    assert!(matches!(sandbox.charge(&at("deposit-5", 0, Some(7_000))).await, Charged::Awaiting(_)));
    // An account that the house does not want any more is closed.
    assert!(matches!(sandbox.ask(&at("deposit", 9, None)).await, AskOutcome::Declined { .. }));
    assert!(matches!(sandbox.charge(&at("deposit", 0, None)).await, Charged::Declined { .. }));
    for strange in ["deposits", "deposit-", "deposit-x"] {
        assert_eq!(SandboxScript::of(strange), SandboxScript::Foreign, "{strange}");
    }
}

async fn answer(sandbox: &Sandbox, charge: &Charge) -> Option<Charged> {
    tokio::time::timeout(Duration::from_millis(1), sandbox.charge(charge)).await.ok()
}

#[tokio::test]
async fn the_key_is_the_script() {
    let sandbox = Sandbox::new();
    let declined = Charged::Declined { detail: declined(&SandboxScript::Decline) };
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
