//! Single calls to a provider about a payment by deposit.

use serde_json::json;
use stanchion::facts::bank_account::BankAccount;
use stanchion::facts::order::DepositFact;
use stanchion::payment::{AskOutcome, Charge, Charged, Provider, ReturnAsked, Returned};

use super::calls::{ORDER, ask_unresolved, back, charge, portone_at, toss_at};
use super::{portone, toss};
use crate::support::foreign::Mood;

fn deposit(key: &str) -> Charge {
    Charge { deposit_until_ms: Some(1_900_000_000_000), ..charge(key) }
}

fn account(number: &str) -> Option<BankAccount> {
    Some(BankAccount { bank: "20".into(), number: number.into(), holder: "Kim".into() })
}

#[tokio::test]
async fn toss_tells_the_account_and_pays_back_to_one() {
    let server = toss::start().await;
    let provider = toss_at(&server);
    let key = server.contract.open_account(ORDER, 46_000);
    let Charged::Awaiting(told) = provider.charge(&deposit(&key)).await else { panic!("no account") };
    let expires_ms = 4_070_952_000_000;
    let (bank, account_number, holder) = ("20".into(), "X6505636518308".into(), "박토스".into());
    assert_eq!(told, DepositFact { bank, account: account_number, holder, expires_ms });
    assert_eq!(provider.ask(&deposit(&key)).await, AskOutcome::Awaiting(told.clone()));
    server.contract.set(&key, "DONE");
    assert_eq!(provider.ask(&deposit(&key)).await, AskOutcome::Captured);
    // The bank takes it back.
    server.contract.set(&key, "WAITING_FOR_DEPOSIT");
    assert_eq!(provider.ask(&deposit(&key)).await, AskOutcome::Awaiting(told));
    server.contract.set(&key, "DONE");

    let refund = |name: &str, to: Option<BankAccount>| {
        let mut refund = back(&key, name, 10_000);
        refund.account = to;
        refund
    };
    assert!(matches!(provider.refund(&refund("r1", None)).await, Returned::Refused { .. }), "nobody said where to");
    assert!(matches!(provider.refund(&refund("r2", account("0123456"))).await, Returned::WrongAccount { .. }));
    // The next account of the same refund is a call of its own: Toss Payments repeats the answer to the first.
    assert_eq!(provider.refund(&refund("r2-2", account("1234567"))).await, Returned::Done);
    assert_eq!(provider.ask_refund(&refund("r2-2", account("1234567"))).await, ReturnAsked::Done);
    assert_eq!(server.contract.went_to(&key).len(), 1);
    assert_eq!(server.contract.cancelled(&key), 10_000);
}

/// The money may come while the house closes the account.
#[tokio::test]
async fn money_that_is_faster_than_the_closing_is_noticed() {
    let server = toss::start().await;
    let provider = toss_at(&server);
    let key = server.contract.open_account(ORDER, 46_000);
    assert!(matches!(provider.charge(&deposit(&key)).await, Charged::Awaiting(_)));
    let refused = json!({"code": "INVALID_REFUND_ACCOUNT_INFO", "message": "m"});
    server.next("/cancel", Mood::Says(400, refused));
    let asked = provider.ask(&charge(&key)).await;
    assert!(ask_unresolved(&asked).is_some(), "{asked:?}");
    server.contract.set(&key, "DONE");
    assert_eq!(provider.ask(&charge(&key)).await, AskOutcome::Captured);

    let key = server.contract.open_account(ORDER, 46_000);
    let second = Charge { attempt: "p2".into(), ..deposit(&key) };
    assert!(matches!(provider.charge(&second).await, Charged::Awaiting(_)));
    let unwanted = Charge { deposit_until_ms: None, ..second };
    assert!(matches!(provider.ask(&unwanted).await, AskOutcome::Declined { .. }), "nobody waits for it any more");
    assert_eq!(server.contract.status(&key), "CANCELED");
}

#[tokio::test]
async fn portone_tells_the_account_and_pays_back_to_one() {
    let server = portone::start().await;
    let provider = portone_at(&server);
    server.contract.account(ORDER, 46_000);
    let Charged::Awaiting(told) = provider.charge(&deposit(ORDER)).await else { panic!("no account") };
    let expires_ms = 4_070_952_000_000;
    let (bank, number, holder) = ("SHINHAN".into(), "56211234567890".into(), "Stanchion".into());
    assert_eq!(told, DepositFact { bank, account: number, holder, expires_ms });
    server.contract.becomes(ORDER, "PAID");
    assert_eq!(provider.ask(&deposit(ORDER)).await, AskOutcome::Captured);
    let refund = |name: &str, number: &str| {
        let mut refund = back(ORDER, name, 10_000);
        refund.account = account(number);
        refund
    };
    assert!(matches!(provider.refund(&refund("r1", "0123456")).await, Returned::WrongAccount { .. }));
    assert!(matches!(provider.ask_refund(&refund("r1", "0123456")).await, ReturnAsked::WrongAccount { .. }));
    assert_eq!(provider.ask_refund(&refund("r1-2", "1234567")).await, ReturnAsked::NotDone, "another account");
    assert_eq!(provider.refund(&refund("r1-2", "1234567")).await, Returned::Done);
    assert_eq!(server.contract.went_to(ORDER), [json!({"bank": "20", "number": "1234567", "holderName": "Kim"})]);

    server.contract.account(ORDER, 46_000);
    assert!(matches!(provider.ask(&charge(ORDER)).await, AskOutcome::Declined { .. }));
    assert_eq!(server.contract.status(ORDER), "CANCELLED");
}
