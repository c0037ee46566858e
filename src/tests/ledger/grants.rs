//! Grants: one key is granted once, however often it is sent and however many requests come at once.

use stanchion::facts::ids::UserId;
use stanchion::ledger::Ledger;
use stanchion::ledger::grant::{Grant, Granted};
use stanchion::ledger::rules::points::MoveKind;

use crate::ledger::rows::{on_both, run};

on_both! {
    a_key_grants_once
    twenty_at_once_grant_once
    many_grants_to_a_new_wallet_all_count
    a_grant_pays_debt_first
}

fn grant(id: &str, amount: i64) -> Grant {
    Grant {
        id: id.to_owned(),
        digest: amount.to_string(),
        user: UserId::from("kim"),
        amount,
        currency: "KRW".to_owned(),
        expires_ms: Some(9_000),
        reason: "welcome".to_owned(),
    }
}

async fn a_key_grants_once(ledger: &Ledger) {
    let first = ledger.grant(grant("g1", 100), 10).await.expect("grants");
    let Granted::Done { lot, balance: 100 } = first else { panic!("{first:?}") };
    let again = ledger.grant(grant("g1", 100), 20).await.expect("answers");
    assert_eq!(again, Granted::Repeated { lot: lot.clone(), balance: 100 });
    assert_eq!(ledger.grant(grant("g1", 101), 20).await.expect("answers"), Granted::KeyReused);
    let other = ledger.grant(grant("g2", 50), 20).await.expect("grants");
    assert!(matches!(other, Granted::Done { balance: 150, .. }), "{other:?}");

    let points = ledger.points(&"kim".into(), 8_999).await.expect("reads");
    assert_eq!((points.balance, points.debt, points.lots.len()), (150, 0, 2));
    assert_eq!((points.lots[0].id.as_str(), points.lots[0].remaining), (lot.as_str(), 100));
    assert_eq!(ledger.points(&"kim".into(), 9_000).await.expect("reads").balance, 0);
    let audit = ledger.audit_money().await.expect("audits");
    assert_eq!(audit.violations, Vec::<String>::new());
    assert_eq!(audit.checked, 3);
}

async fn twenty_at_once_grant_once(ledger: &Ledger) {
    let asked = (0..20).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.grant(grant("g1", 70), 10).await })
    });
    let mut done = 0;
    for asked in asked.collect::<Vec<_>>() {
        match asked.await.expect("runs").expect("answers") {
            Granted::Done { balance, .. } => {
                assert_eq!(balance, 70);
                done += 1;
            }
            Granted::Repeated { balance, .. } => assert_eq!(balance, 70),
            Granted::KeyReused => panic!("the same body"),
        }
    }
    assert_eq!(done, 1);
}

async fn many_grants_to_a_new_wallet_all_count(ledger: &Ledger) {
    let asked = (0..20).map(|n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.grant(grant(&format!("g{n}"), 1), n).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        assert!(matches!(asked.await.expect("runs").expect("grants"), Granted::Done { .. }));
    }
    assert_eq!(ledger.points(&"kim".into(), 100).await.expect("reads").balance, 20);
    assert_eq!(ledger.audit_money().await.expect("audits").violations, Vec::<String>::new());
}

async fn a_grant_pays_debt_first(ledger: &Ledger) {
    run(ledger, "INSERT INTO wallet (user_id, version, balance, debt) VALUES ('kim', 1, 0, 30)").await.expect("a row");
    assert!(matches!(ledger.grant(grant("g1", 20), 1).await.expect("grants"), Granted::Done { balance: 0, .. }));
    assert!(matches!(ledger.grant(grant("g2", 20), 2).await.expect("grants"), Granted::Done { balance: 10, .. }));
    let points = ledger.points(&"kim".into(), 5).await.expect("reads");
    assert_eq!((points.balance, points.debt, points.lots.len()), (10, 0, 1));
    let first = ledger.point_moves(&"kim".into(), None, 3).await.expect("reads");
    let rest = ledger.point_moves(&"kim".into(), first.next, 3).await.expect("reads");
    let moves: Vec<_> = first.items.iter().chain(&rest.items).map(|m| (m.kind, m.amount)).collect();
    let (debt, grant) = (MoveKind::Debt, MoveKind::Grant);
    assert_eq!(moves, [(debt, -10), (grant, 20), (debt, -20), (grant, 20)]);
    assert_eq!(rest.next, None);
    assert_eq!(ledger.audit_money().await.expect("audits").violations, Vec::<String>::new());
}
