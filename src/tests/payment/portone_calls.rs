//! Single calls to PortOne.

use serde_json::json;
use stanchion::payment::{AskOutcome, Charged, Provider as _, ReturnAsked, Returned, UnresolvedKind};

use super::calls::{ORDER, ask_unresolved, back, charge, charge_unresolved, declined, portone_at, silences};
use super::portone;
use crate::support::foreign::Mood;

#[tokio::test]
async fn portone_is_believed_only_for_what_it_shows() {
    let server = portone::start().await;
    let provider = portone_at(&server);
    let key = format!("{ORDER}-1");
    server.contract.set(&key, 46_000, "PAID");
    assert_eq!(provider.charge(&charge(&key)).await, Charged::Captured);
    silences(&server, &provider, "-1", &key).await;
    for (status, answer) in [
        ("READY", Some(AskOutcome::NotDone)),
        ("FAILED", Some(AskOutcome::Declined { detail: "no funds".into() })),
        ("CANCELLED", Some(AskOutcome::Declined { detail: "the payment was cancelled".into() })),
        ("PAY_PENDING", None),
        ("A_STATUS_OF_TOMORROW", None),
    ] {
        server.contract.set(&key, 46_000, status);
        let asked = provider.ask(&charge(&key)).await;
        match answer {
            Some(answer) => assert_eq!(asked, answer, "{status}"),
            None => assert_eq!(ask_unresolved(&asked), Some(UnresolvedKind::Undecided), "{status}"),
        }
    }
    assert!(declined(&provider.charge(&charge(&format!("{ORDER}-2"))).await).is_some(), "nothing was paid");
    server.contract.set(&key, 46_000, "PAID");
    server.contract.test(&key);
    assert!(declined(&provider.charge(&charge(&key)).await).is_some_and(|detail| detail.contains("test")), "no money");
    server.contract.set(&key, 46_000, "A_STATUS_OF_TOMORROW");
    server.contract.set("o1", 46_000, "PAID");
    assert!(declined(&provider.charge(&charge("o1")).await).is_some(), "it belongs to another order");
    assert_eq!(server.contract.cancelled("o1"), 0, "and is not touched");
    server.next("-1", Mood::Says(401, json!({"type": "UNAUTHORIZED"})));
    assert_eq!(ask_unresolved(&provider.ask(&charge(&key)).await), Some(UnresolvedKind::NeedsPerson));
}

#[tokio::test]
async fn portone_gives_back_what_is_not_the_amount() {
    let server = portone::start().await;
    let provider = portone_at(&server);
    for paid in [45_999, 46_001] {
        server.contract.set(ORDER, paid, "PAID");
        server.next("/cancel", Mood::SaysAfter(502, json!({"type": "PG_PROVIDER"})));
        let answer = provider.charge(&charge(ORDER)).await;
        assert_eq!(charge_unresolved(&answer), Some(UnresolvedKind::Away), "{answer:?}");
        assert!(matches!(provider.ask(&charge(ORDER)).await, AskOutcome::Declined { .. }));
        assert_eq!(server.contract.cancelled(ORDER), paid);
    }
}

#[tokio::test]
async fn portone_confirms_where_the_shop_confirms() {
    let server = portone::start().await;
    let provider = portone_at(&server);
    server.contract.set(ORDER, 46_000, "READY");
    assert!(declined(&provider.charge(&charge(&format!("{ORDER}/wrong"))).await).is_some());
    let key = format!("{ORDER}/token");
    assert_eq!(
        ask_unresolved(&provider.ask(&charge(&key)).await),
        Some(UnresolvedKind::Undecided),
        "it may be under way"
    );
    server.next("/confirm", Mood::SaysAfter(502, json!({"type": "PG_PROVIDER"})));
    assert_eq!(charge_unresolved(&provider.charge(&charge(&key)).await), Some(UnresolvedKind::Away));
    assert_eq!(provider.ask(&charge(&key)).await, AskOutcome::Captured);
    assert_eq!(
        charge_unresolved(&provider.charge(&charge(&key)).await),
        Some(UnresolvedKind::Undecided),
        "paid already: ask"
    );
}

#[tokio::test]
async fn portone_sends_a_refund_once() {
    let server = portone::start().await;
    let provider = portone_at(&server);
    server.contract.set(ORDER, 46_000, "PAID");
    let one = back(ORDER, "r1", 10_000);
    assert_eq!(provider.ask_refund(&one).await, ReturnAsked::NotDone);
    server.next("/cancel", Mood::SaysAfter(502, json!({"type": "PG_PROVIDER"})));
    assert!(matches!(provider.refund(&one).await, Returned::Unknown(_)));
    assert_eq!(provider.ask_refund(&one).await, ReturnAsked::Done);
    assert_eq!(provider.refund(&one).await, Returned::Done);
    assert_eq!(server.contract.cancelled(ORDER), 10_000);
    // Somebody else cancels between the look and the call.
    let broken = json!({"type": "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN"});
    server.next("/cancel", Mood::Says(409, broken));
    let two = back(ORDER, "r2", 10_000);
    assert!(
        matches!(provider.refund(&two).await, Returned::Unknown(unresolved) if unresolved.kind == UnresolvedKind::Undecided)
    );
    for (becomes, settled) in
        [("SUCCEEDED", ReturnAsked::Done), ("FAILED", ReturnAsked::Refused { detail: "the refund failed".into() })]
    {
        server.contract.set(ORDER, 46_000, "PAID");
        server.contract.cancels_as(ORDER, "REQUESTED");
        assert!(
            matches!(provider.refund(&two).await, Returned::Unknown(unresolved) if unresolved.kind == UnresolvedKind::Undecided)
        );
        assert!(matches!(provider.refund(&two).await, Returned::Unknown(_)), "it is not sent again");
        server.contract.settle(ORDER, becomes);
        assert_eq!(provider.ask_refund(&two).await, settled);
    }
    let too_much = provider.refund(&back(ORDER, "r3", 90_000)).await;
    assert!(
        matches!(&too_much, Returned::Unknown(unresolved) if unresolved.kind == UnresolvedKind::NeedsPerson),
        "{too_much:?}"
    );
}
