//! Grants: one key is granted once, however often it is sent and however many requests come at once.

use stanchion::facts::ids::UserId;
use stanchion::ledger::rules::points::MoveKind;
use stanchion::ledger::wallets::{Corrected, Correction, Grant, Granted};
use stanchion::ledger::{Error, Ledger};

use crate::ledger::rows::{on_both, run};

on_both! {
    a_key_grants_once
    twenty_at_once_grant_once
    many_grants_to_a_new_wallet_all_count
    a_grant_pays_debt_first
    points_expire_by_themselves
    a_wallet_that_cannot_be_read_does_not_hold_up_the_others
    what_is_taken_back_and_not_there_is_owed
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

async fn points_expire_by_themselves(ledger: &Ledger) {
    let give = async |user: &str, id: &str, amount, expires_ms| {
        let grant = Grant { user: user.into(), expires_ms, ..grant(id, amount) };
        assert!(matches!(ledger.grant(grant, 10).await.expect("grants"), Granted::Done { .. }));
    };
    give("kim", "g1", 100, Some(1_000)).await;
    give("kim", "g2", 50, Some(2_000)).await;
    give("kim", "g3", 7, None).await;
    give("lee", "g4", 30, Some(1_000)).await;
    give("ann", "g5", 30, None).await;
    // Given with a time that was over: a repeat of an old grant may be.
    give("bob", "g6", 9, Some(5)).await;
    let expire = async |now_ms| ledger.expire_points("KRW", 2, now_ms).await.expect("expires");
    assert_eq!(expire(999).await, 1, "bob's");
    assert_eq!(expire(999).await, 0, "nobody's any more");
    assert_eq!(expire(1_000).await, 2);
    assert_eq!(expire(1_000).await, 0);
    let now = async |user: &str| ledger.points(&user.into(), 999).await.expect("reads").balance;
    assert_eq!((now("kim").await, now("lee").await, now("ann").await, now("bob").await), (57, 0, 30, 0));
    let moves = ledger.point_moves(&"kim".into(), None, 9).await.expect("reads").items;
    assert_eq!((moves[0].kind, moves[0].amount), (MoveKind::Expire, -100));
    // A wallet is looked at again when its next points are over, and not before.
    assert_eq!((expire(1_999).await, expire(2_000).await, expire(9_999).await), (0, 1, 0));
    assert_eq!(now("kim").await, 7);
    let audit = ledger.audit_money().await.expect("audits");
    assert_eq!(audit.violations, Vec::<String>::new());
    run(ledger, "UPDATE journal_entry SET amount = amount + 1 WHERE account = 'points_liability'").await.expect("harm");
    let audit = ledger.audit_money().await.expect("audits").violations;
    assert!(audit.iter().any(|text| text.starts_with("points expired that the journal does not have")), "{audit:?}");
}

async fn a_wallet_that_cannot_be_read_does_not_hold_up_the_others(ledger: &Ledger) {
    for (user, id) in [("ann", "g1"), ("kim", "g2"), ("lee", "g3")] {
        let grant = Grant { user: user.into(), expires_ms: Some(1_000), ..grant(id, 50) };
        ledger.grant(grant, 10).await.expect("grants");
    }
    run(ledger, "UPDATE point_lot SET origin = 'odd' WHERE id = 'g1/001'").await.expect("harm");
    let failed = ledger.expire_points("KRW", 9, 1_000).await;
    assert!(matches!(failed, Err(Error::Unreadable { .. })), "{failed:?}");
    for user in ["kim", "lee"] {
        assert_eq!(ledger.point_moves(&user.into(), None, 9).await.expect("reads").items[0].amount, -50, "{user}");
    }
    run(ledger, "UPDATE point_lot SET origin = 'grant' WHERE id = 'g1/001'").await.expect("cure");
    assert_eq!(ledger.expire_points("KRW", 9, 1_000).await.expect("expires"), 1);
}

async fn what_is_taken_back_and_not_there_is_owed(ledger: &Ledger) {
    ledger.grant(grant("g1", 100), 10).await.expect("grants");
    let correction = |id: &str, amount: i64| Correction {
        id: id.into(),
        digest: amount.to_string(),
        user: UserId::from("kim"),
        amount,
        currency: "KRW".into(),
        reason: "granted twice".into(),
    };
    let correct = async |id: &str, amount| ledger.correct_points(correction(id, amount), 20).await.expect("answers");
    assert_eq!(correct("c1", 30).await, Corrected::Done { balance: 70, debt: 0 });
    assert_eq!(correct("c1", 30).await, Corrected::Repeated { balance: 70, debt: 0 }, "a repeat takes nothing");
    assert_eq!(correct("c1", 31).await, Corrected::KeyReused);
    assert_eq!(correct("c2", 100).await, Corrected::Done { balance: 0, debt: 30 });
    assert_eq!(correct("c3", 5).await, Corrected::Done { balance: 0, debt: 35 });
    assert_eq!(
        correct("c3", 5).await,
        Corrected::Repeated { balance: 0, debt: 35 },
        "nor a repeat that found no points"
    );
    assert!(matches!(ledger.grant(grant("g2", 40), 30).await.expect("grants"), Granted::Done { balance: 5, .. }));
    let moves = ledger.point_moves(&"kim".into(), None, 9).await.expect("reads").items;
    let corrected: Vec<_> = moves.iter().filter(|m| m.kind == MoveKind::Correct).map(|m| m.amount).collect();
    assert_eq!(corrected, [-70, -30]);
    assert_eq!(ledger.audit_money().await.expect("audits").violations, Vec::<String>::new());
    run(ledger, "UPDATE point_correction SET amount = 6 WHERE id = 'c3'").await.expect("harm");
    let audit = ledger.audit_money().await.expect("audits").violations;
    assert_eq!(audit, ["points that an admin took back and the journal does not have; the correction is c3"]);
}
