//! Single calls to a provider: what its answers mean, and what is done twice. Here those to Toss Payments.

use std::time::Duration;

use serde_json::json;
use stanchion::payment::portone::Portone;
use stanchion::payment::toss::Toss;
use stanchion::payment::{AskOutcome, Charge, Charged, Provider, Return, ReturnAsked, Returned, UnresolvedKind};

use super::{portone, toss};
use crate::support::foreign::{Mood, Server};

pub const ORDER: &str = "o039f86d081884c7d659a2feaa0c55ad01";

pub fn charge(key: &str) -> Charge {
    Charge {
        attempt: "p1".into(),
        order: ORDER.into(),
        amount: 46_000,
        currency: "KRW".into(),
        key: key.to_owned(),
        deposit_until_ms: None,
        age: Duration::ZERO,
    }
}

pub fn back(key: &str, refund: &str, amount: i64) -> Return {
    Return {
        name: refund.to_owned(),
        account: None,
        attempt: "p1".into(),
        order: ORDER.into(),
        key: key.to_owned(),
        amount,
        currency: "KRW".into(),
        is_tax_free: false,
        reason: "ill\n".to_owned() + &"x".repeat(400),
        age: Duration::ZERO,
    }
}

pub fn toss_at(server: &Server<toss::Toss>) -> Toss {
    Toss::new(&server.url, toss::SECRET_KEY).expect("a key")
}

pub fn portone_at(server: &Server<portone::Portone>) -> Portone {
    Portone::new(&server.url, portone::SECRET, portone::WEBHOOK_SECRET, portone::STORE, false).expect("a secret")
}

pub fn charge_unresolved(answer: &Charged) -> Option<UnresolvedKind> {
    if let Charged::Unknown(unresolved) = answer { Some(unresolved.kind) } else { None }
}

pub fn ask_unresolved(answer: &AskOutcome) -> Option<UnresolvedKind> {
    if let AskOutcome::Unknown(unresolved) = answer { Some(unresolved.kind) } else { None }
}

pub fn declined(answer: &Charged) -> Option<&str> {
    if let Charged::Declined { detail } = answer { Some(detail) } else { None }
}

/// What every provider does when its server is away: nothing is believed.
pub async fn silences<C: crate::support::foreign::Contract>(
    server: &Server<C>,
    provider: &dyn Provider,
    path: &'static str,
    key: &str,
) {
    for mood in [
        Mood::Gone,
        Mood::Page(502),
        Mood::Page(200),
        Mood::Says(503, json!({"code": "ANYTHING", "type": "ANYTHING"})),
        Mood::Says(200, json!("not a document")),
    ] {
        server.next(path, mood);
        let answer = provider.charge(&charge(key)).await;
        assert!(charge_unresolved(&answer).is_some(), "{answer:?}");
    }
    server.next(path, Mood::SilentAfter);
    let answer = tokio::time::timeout(Duration::from_millis(300), provider.charge(&charge(key))).await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn toss_is_believed_only_when_it_is_definite() {
    let server = toss::start().await;
    let provider = toss_at(&server);
    let key = server.contract.open(ORDER, 46_000);
    for (status, code, kind) in [
        (500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", UnresolvedKind::Away),
        (400, "PROVIDER_ERROR", UnresolvedKind::Undecided),
        (409, "IDEMPOTENT_REQUEST_PROCESSING", UnresolvedKind::Undecided),
        (400, "ALREADY_PROCESSED_PAYMENT", UnresolvedKind::Undecided),
        (400, "A_CODE_OF_TOMORROW", UnresolvedKind::Undecided),
        (401, "UNAUTHORIZED_KEY", UnresolvedKind::NeedsPerson),
        (400, "INVALID_API_KEY", UnresolvedKind::NeedsPerson),
    ] {
        server.next("/confirm", Mood::Says(status, json!({"code": code, "message": "m"})));
        assert_eq!(charge_unresolved(&provider.charge(&charge(&key)).await), Some(kind), "{code}");
    }
    for code in ["REJECT_CARD_PAYMENT", "INVALID_CARD_NUMBER", "EXCEED_MAX_AMOUNT", "BELOW_MINIMUM_AMOUNT"] {
        server.next("/confirm", Mood::Says(403, json!({"code": code, "message": "한도 초과\u{7}"})));
        assert_eq!(declined(&provider.charge(&charge(&key)).await), Some("한도 초과 "), "{code}");
    }
    silences(&server, &provider, "/confirm", &key).await;
    // The last of them was done.
    assert_eq!(provider.ask(&charge(&key)).await, AskOutcome::Captured);
    assert_eq!(provider.charge(&charge(&key)).await, Charged::Captured, "the same attempt answers the same");
    let mut other = charge(&key);
    other.attempt = "p2".into();
    assert_eq!(charge_unresolved(&provider.charge(&other).await), Some(UnresolvedKind::Undecided), "done already");
}

#[tokio::test]
async fn toss_tells_what_became_of_a_payment() {
    let server = toss::start().await;
    let provider = toss_at(&server);
    let key = server.contract.open(ORDER, 46_000);
    for (status, answer) in [
        ("READY", None),
        ("IN_PROGRESS", None),
        ("DONE", Some(AskOutcome::Captured)),
        ("EXPIRED", Some(AskOutcome::NotDone)),
        ("CANCELED", Some(AskOutcome::Declined { detail: "the payment was cancelled".into() })),
        ("A_STATUS_OF_TOMORROW", None),
    ] {
        server.contract.set(&key, status);
        let asked = provider.ask(&charge(&key)).await;
        match answer {
            Some(answer) => assert_eq!(asked, answer, "{status}"),
            None => assert_eq!(ask_unresolved(&asked), Some(UnresolvedKind::Undecided), "{status}"),
        }
    }
    server.contract.fail(&key, "REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다.");
    let detail = "결제 승인이 거절되었습니다.".to_owned();
    assert_eq!(provider.ask(&charge(&key)).await, AskOutcome::Declined { detail });
    assert_eq!(provider.ask(&charge("tgen_nobody")).await, AskOutcome::NotDone);
    assert!(declined(&provider.charge(&charge("tgen_nobody")).await).is_some());

    let others = server.contract.open("another-order", 46_000);
    server.contract.set(&others, "DONE");
    assert!(matches!(provider.ask(&charge(&others)).await, AskOutcome::Declined { .. }), "nobody pays with it twice");
    let less = server.contract.open(ORDER, 45_000);
    server.contract.set(&less, "DONE");
    assert_eq!(ask_unresolved(&provider.ask(&charge(&less)).await), Some(UnresolvedKind::NeedsPerson));
}

#[tokio::test]
async fn toss_sends_a_refund_once() {
    let server = toss::start().await;
    let provider = toss_at(&server);
    let key = server.contract.open(ORDER, 46_000);
    assert_eq!(provider.charge(&charge(&key)).await, Charged::Captured);
    let one = back(&key, "r1", 10_000);
    assert_eq!(provider.ask_refund(&one).await, ReturnAsked::NotDone);
    server.next("/cancel", Mood::SaysAfter(500, json!({"code": "FAILED_INTERNAL_SYSTEM_PROCESSING"})));
    assert!(matches!(provider.refund(&one).await, Returned::Unknown(_)));
    assert_eq!(provider.ask_refund(&one).await, ReturnAsked::Done);
    assert_eq!(provider.refund(&one).await, Returned::Done, "the same refund answers the same");
    assert_eq!(server.contract.cancelled(&key), 10_000);
    let two = back(&key, "r2", 10_000);
    assert_eq!(provider.ask_refund(&two).await, ReturnAsked::NotDone, "r1 is none of r2's");
    assert_eq!(provider.refund(&two).await, Returned::Done);
    assert_eq!(server.contract.cancelled(&key), 20_000);
    let reason = &server.contract.reasons(&key)[0];
    assert!(reason.starts_with("ill xxx") && reason.ends_with("x [r1]") && reason.chars().count() == 200, "{reason}");

    for (status, code, refused) in [
        (403, "EXCEED_MAX_REFUND_DUE", true),
        (400, "INVALID_REFUND_ACCOUNT_NUMBER", true),
        (403, "NOT_CANCELABLE_AMOUNT", false),
        (400, "ALREADY_CANCELED_PAYMENT", false),
        (500, "FAILED_REFUND_PROCESS", false),
    ] {
        server.next("/cancel", Mood::Says(status, json!({"code": code, "message": "m"})));
        let answer = provider.refund(&back(&key, "r3", 1_000)).await;
        assert_eq!(matches!(answer, Returned::Refused { .. }), refused, "{code}: {answer:?}");
    }
    let too_much = provider.refund(&back(&key, "r4", 40_000)).await;
    assert!(
        matches!(&too_much, Returned::Unknown(unresolved) if unresolved.kind == UnresolvedKind::NeedsPerson),
        "{too_much:?}"
    );
}

#[tokio::test]
async fn an_account_to_pay_into_is_closed_where_deposits_are_not_taken() {
    let server = toss::start().await;
    let key = server.contract.open(ORDER, 46_000);
    server.contract.set(&key, "WAITING_FOR_DEPOSIT");
    assert!(declined(&toss_at(&server).charge(&charge(&key)).await).is_some_and(|detail| detail.contains("deposit")));
    assert_eq!(server.contract.status(&key), "CANCELED");

    let server = portone::start().await;
    server.contract.set(ORDER, 46_000, "VIRTUAL_ACCOUNT_ISSUED");
    assert!(
        declined(&portone_at(&server).charge(&charge(ORDER)).await).is_some_and(|detail| detail.contains("deposit"))
    );
}
