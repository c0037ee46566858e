//! Settlements. Each sale and each refund stands in exactly one of them.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stanchion::facts::period::Period;
use stanchion::facts::settlement::{Bookkeeping, Payable, SettlementFact, SettlementState};
use stanchion::facts::time::parse_rfc3339;
use stanchion::ledger::Ledger;
use stanchion::ledger::settlement::{CloseAsk, Closed, EntryKind, PaidAsk, Settled, SettlementEntry};

use crate::ledger::rows::{on_both, run};

on_both! {
    a_month_is_closed_and_paid
    what_is_booked_late_belongs_to_the_next_month
    months_are_closed_in_their_order
    two_who_close_write_each_entry_once
    every_entry_stands_in_one_settlement
    what_breaks_a_settlement_is_found
}

fn at(text: &str) -> i64 {
    parse_rfc3339(text).expect("a time")
}

fn month(text: &str) -> Period {
    Period::parse(text).expect("a month")
}

fn books() -> Bookkeeping {
    Bookkeeping { currency: "KRW".into(), zone: "Asia/Seoul".into() }
}

/// Books sales of one ticket of 10,000 with a fee of 500, at these times.
async fn sell(ledger: &Ledger, organizer: &str, sales: &[(String, i64)]) {
    for chunk in sales.chunks(500) {
        let orders = chunk.iter().map(|(id, at_ms)| {
            format!(
                "('{id}', 1, 'hall', 'kim', 'h{id}', NULL, 'v', 'd', 'confirmed', 1, 'KRW', 10000, 0, 0, 0, 10000, 0, 0, 500, \
                 '{{}}', {at_ms}, {at_ms}, {at_ms}, {at_ms}, '')"
            )
        });
        let entries = chunk.iter().flat_map(|(id, at_ms)| {
            let entry = |nth: i64, account: &str, amount: i64| {
                format!("('{id}.confirmed', {nth}, '{account}', {amount}, 'KRW', '{id}', {at_ms})")
            };
            [
                entry(1, "provider_receivable:sandbox", 10_000),
                entry(2, &format!("organizer_payable:{organizer}:tickets"), -10_000),
                entry(3, &format!("organizer_payable:{organizer}:platform_fee"), 500),
                entry(4, "fee_revenue", -500),
            ]
        });
        let text = format!(
            "INSERT INTO orders (id, lane, event, user_id, hold, live, visitor, digest, status, version, currency, price, \
             booking_fee, discount, points, cash, vat, earn_bp, fee_bp, terms, placed_ms, confirmed_ms, deadline_ms, \
             hold_created_ms, hold_digest) VALUES {}; \
             INSERT INTO journal_entry (transaction_id, entry, account, amount, currency, order_id, at_ms) VALUES {}",
            orders.collect::<Vec<_>>().join(", "),
            entries.collect::<Vec<_>>().join(", ")
        );
        run(ledger, text).await.expect("rows");
    }
}

/// Books the refund of a sale: the organizer keeps a fee of 1,000.
async fn give_back(ledger: &Ledger, organizer: &str, order: &str, at_ms: i64) {
    let text = format!(
        "INSERT INTO journal_entry (transaction_id, entry, account, amount, currency, order_id, at_ms) VALUES \
         ('r{order}.done', 1, 'provider_receivable:sandbox', -9000, 'KRW', '{order}', {at_ms}), \
         ('r{order}.done', 2, 'organizer_payable:{organizer}:tickets', 10000, 'KRW', '{order}', {at_ms}), \
         ('r{order}.done', 3, 'organizer_payable:{organizer}:platform_fee', -500, 'KRW', '{order}', {at_ms}), \
         ('r{order}.done', 4, 'organizer_payable:{organizer}:cancellation_fees', -1000, 'KRW', '{order}', {at_ms}), \
         ('r{order}.done', 5, 'fee_revenue', 500, 'KRW', '{order}', {at_ms})"
    );
    run(ledger, text).await.expect("rows");
}

fn sales(prefix: &str, count: usize, at_ms: i64) -> Vec<(String, i64)> {
    (0..count).map(|nth| (format!("o{prefix}{nth:05}"), at_ms + nth as i64 / 300)).collect()
}

fn ask(organizer: &str, period: &str, early: bool) -> CloseAsk {
    CloseAsk { organizer: organizer.into(), period: month(period), early }
}

/// Closes a month to its end.
async fn close(ledger: &Ledger, ask: CloseAsk, now_ms: i64) -> SettlementFact {
    let (organizer, period) = (ask.organizer.clone(), ask.period);
    let begun = ledger.begin_close(ask, books(), now_ms).await.expect("answers");
    assert!(matches!(begun, Closed::Begun(_)), "{begun:?}");
    while !ledger.close_step(&organizer, period, now_ms).await.expect("a step") {}
    shown(ledger, &organizer, &period.to_string()).await.expect("there")
}

async fn shown(ledger: &Ledger, organizer: &str, period: &str) -> Option<SettlementFact> {
    ledger.settlement(organizer, month(period), &books()).await.expect("reads")
}

/// All entries of a month, read in small pages.
async fn entries(ledger: &Ledger, organizer: &str, period: &str) -> Vec<SettlementEntry> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let part = ledger.settlement_entries(organizer, month(period), &books(), after, 7).await.expect("reads");
        found.extend(part.items);
        match part.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn violations(ledger: &Ledger) -> Vec<String> {
    ledger.audit_settlements().await.expect("audits").violations
}

fn of_sales(count: i64) -> Payable {
    Payable { tickets: 10_000 * count, platform_fee: -500 * count, ..Payable::default() }
}

async fn a_month_is_closed_and_paid(ledger: &Ledger) {
    assert_eq!(shown(ledger, "hall-co", "2026-11").await, None, "nobody knows the organizer");
    let november = at("2026-11-20T03:00:00Z");
    sell(ledger, "hall-co", &sales("a", 2_500, november)).await;
    sell(ledger, "others", &sales("b", 3, november)).await;
    give_back(ledger, "hall-co", "oa00007", november + 86_400_000).await;
    let open = shown(ledger, "hall-co", "2026-11").await.expect("open");
    let mut payable = of_sales(2_499);
    payable.cancellation_fees = 1_000;
    assert_eq!((open.state, open.entries, open.payable), (SettlementState::Open, 2_501, payable));
    assert_eq!(open.until_ms, at("2026-11-30T15:00:00Z"), "the month ends where the books are kept");

    let december = at("2026-12-01T00:00:00Z");
    let begun = ledger.begin_close(ask("hall-co", "2026-11", false), books(), december).await.expect("answers");
    assert!(matches!(begun, Closed::Begun(SettlementFact { state: SettlementState::Closing, .. })), "{begun:?}");
    assert_eq!(ledger.closing().await.expect("reads"), [("hall-co".to_owned(), month("2026-11"))]);
    // One step does not do it, and what is half done is no fault.
    assert!(!ledger.close_step("hall-co", month("2026-11"), december).await.expect("a step"));
    let half = shown(ledger, "hall-co", "2026-11").await.expect("there");
    assert_eq!((half.state, half.entries), (SettlementState::Closing, 1_000));
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    let early = PaidAsk { organizer: "hall-co".into(), period: month("2026-11"), reference: "T-1".into() };
    assert_eq!(ledger.settlement_paid(early.clone(), december).await.expect("answers"), Settled::NotClosed);

    let closed = close(ledger, ask("hall-co", "2026-11", false), december).await;
    assert_eq!((closed.state, closed.entries, closed.payable), (SettlementState::Closed, 2_501, payable));
    assert_eq!((closed.early, closed.closed_ms), (false, Some(december)));
    assert_eq!(close(ledger, ask("hall-co", "2026-11", false), december + 5).await, closed, "a repeat changes nothing");
    let listed = entries(ledger, "hall-co", "2026-11").await;
    assert_eq!(listed.len(), 2_501);
    assert!(listed.is_sorted_by_key(|entry| entry.at_ms));
    let refund = listed.last().expect("the refund");
    assert_eq!(refund.kind, EntryKind::Refund("roa00007".into()));
    let back = Payable { tickets: -10_000, coupons: 0, platform_fee: 500, cancellation_fees: 1_000 };
    assert_eq!((refund.order.as_str(), refund.event.as_str(), refund.payable), ("oa00007", "hall", back));

    let Settled::Paid(paid) = ledger.settlement_paid(early.clone(), december + 9).await.expect("answers") else {
        panic!("not paid")
    };
    assert_eq!(
        (paid.state, paid.paid_ms, paid.reference.as_deref()),
        (SettlementState::Paid, Some(december + 9), Some("T-1"))
    );
    assert_eq!(
        ledger.settlement_paid(early.clone(), december + 10).await.expect("answers"),
        Settled::Paid(paid.clone())
    );
    let other = PaidAsk { reference: "T-2".into(), ..early };
    assert_eq!(ledger.settlement_paid(other, december).await.expect("answers"), Settled::OtherReference(paid.clone()));
    assert_eq!(ledger.settlements("hall-co", &books()).await.expect("reads"), [paid]);
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    assert_eq!(ledger.settlements("others", &books()).await.expect("reads").len(), 1, "another's sales are another's");
}

async fn what_is_booked_late_belongs_to_the_next_month(ledger: &Ledger) {
    let november = at("2026-11-20T03:00:00Z");
    sell(ledger, "hall-co", &sales("a", 2, november)).await;
    close(ledger, ask("hall-co", "2026-11", false), at("2026-12-01T00:00:00Z")).await;
    // Written when the month was closed, with a time of that month.
    sell(ledger, "hall-co", &sales("late", 1, november + 1)).await;
    let november = shown(ledger, "hall-co", "2026-11").await.expect("closed");
    assert_eq!(november.entries, 2, "what is closed never changes");
    let december = shown(ledger, "hall-co", "2026-12").await.expect("open");
    assert_eq!((december.entries, december.payable), (1, of_sales(1)));
    assert_eq!(shown(ledger, "hall-co", "2027-01").await.expect("open").entries, 0, "and to no other");
    let listed = ledger.settlements("hall-co", &books()).await.expect("reads");
    assert_eq!(listed.iter().map(|month| &*month.period).collect::<Vec<_>>(), ["2026-12", "2026-11"]);
    assert_eq!(entries(ledger, "hall-co", "2026-12").await[0].order.as_str(), "olate00000");

    // A month that is closed early ends there.
    sell(ledger, "hall-co", &sales("b", 3, at("2026-12-02T00:00:00Z"))).await;
    let now_ms = at("2026-12-10T00:00:00Z");
    let early = close(ledger, ask("hall-co", "2026-12", true), now_ms).await;
    assert_eq!((early.entries, early.early, early.until_ms), (4, true, now_ms));
    sell(ledger, "hall-co", &sales("c", 5, at("2026-12-11T00:00:00Z"))).await;
    assert_eq!(shown(ledger, "hall-co", "2027-01").await.expect("open").entries, 5);
    let new_year = close(ledger, ask("hall-co", "2027-01", false), at("2027-02-01T00:00:00Z")).await;
    assert_eq!((new_year.entries, new_year.early), (5, false));
    assert_eq!(violations(ledger).await, Vec::<String>::new());
}

async fn months_are_closed_in_their_order(ledger: &Ledger) {
    let now_ms = at("2026-12-20T00:00:00Z");
    let begin = async |period: &str, early| {
        ledger.begin_close(ask("hall-co", period, early), books(), now_ms).await.expect("answers")
    };
    assert_eq!(begin("2026-11", false).await, Closed::NotFound, "nobody knows the organizer");
    sell(ledger, "hall-co", &sales("a", 2, at("2026-09-20T03:00:00Z"))).await;
    sell(ledger, "hall-co", &sales("b", 2, at("2026-11-20T03:00:00Z"))).await;
    assert_eq!(begin("2026-11", false).await, Closed::After(month("2026-09")));
    assert_eq!(begin("2026-12", false).await, Closed::NotOver);
    assert_eq!(begin("2026-12", true).await, Closed::After(month("2026-09")));
    assert_eq!(begin("2027-01", true).await, Closed::NotOver, "it has not begun");
    close(ledger, ask("hall-co", "2026-09", false), now_ms).await;
    // Nothing was booked in October, so it needs no settlement, and cannot get one any more.
    close(ledger, ask("hall-co", "2026-11", false), now_ms).await;
    assert_eq!(begin("2026-10", false).await, Closed::NotFound);
    assert_eq!(shown(ledger, "hall-co", "2026-10").await, None);
    // A month without sales may be closed all the same.
    let empty = close(ledger, ask("hall-co", "2026-12", true), now_ms).await;
    assert_eq!((empty.entries, empty.payable), (0, Payable::default()));
}

async fn two_who_close_write_each_entry_once(ledger: &Ledger) {
    sell(ledger, "hall-co", &sales("a", 4_321, at("2026-11-20T03:00:00Z"))).await;
    let now_ms = at("2026-12-20T00:00:00Z");
    let one = async || {
        let (ask, period) = (ask("hall-co", "2026-11", false), month("2026-11"));
        let begun = ledger.begin_close(ask, books(), now_ms).await.expect("answers");
        assert!(matches!(begun, Closed::Begun(_)), "{begun:?}");
        while !ledger.close_step("hall-co", period, now_ms).await.expect("a step") {}
    };
    tokio::join!(one(), one(), one());
    let closed = shown(ledger, "hall-co", "2026-11").await.expect("closed");
    assert_eq!((closed.entries, closed.payable), (4_321, of_sales(4_321)));
    assert_eq!(violations(ledger).await, Vec::<String>::new());
}

/// Sales, some of them booked late, and closings, early ones too, in any order.
async fn every_entry_stands_in_one_settlement(ledger: &Ledger) {
    for seed in 0..6u64 {
        let mut dice = StdRng::seed_from_u64(seed);
        let organizer = format!("hall-{seed}");
        let (mut now_ms, mut sold) = (at("2026-09-01T00:00:00Z"), Vec::new());
        for step in 0..40 {
            now_ms += dice.random_range(0..10 * 86_400_000);
            let late_ms = if dice.random_bool(0.3) { dice.random_range(0..60 * 86_400_000) } else { 0 };
            let some = sales(&format!("{seed}-{step}-"), dice.random_range(0..5), (now_ms - late_ms).max(1));
            if !some.is_empty() {
                sell(ledger, &organizer, &some).await;
                sold.extend(some.into_iter().map(|(id, _)| format!("{id}.confirmed")));
            }
            if dice.random_bool(0.4) {
                let period = Period::of(now_ms - dice.random_range(0..70 * 86_400_000), "Asia/Seoul");
                let ask = CloseAsk { organizer: organizer.clone(), period, early: dice.random_bool(0.5) };
                if let Closed::Begun(_) = ledger.begin_close(ask, books(), now_ms).await.expect("answers") {
                    while !ledger.close_step(&organizer, period, now_ms).await.expect("a step") {}
                }
            }
        }
        let mut stands: BTreeMap<String, usize> = BTreeMap::new();
        let mut owed = 0;
        for settlement in ledger.settlements(&organizer, &books()).await.expect("reads") {
            owed += settlement.payable.amount();
            let listed = entries(ledger, &organizer, &settlement.period).await;
            assert_eq!(listed.len() as i64, settlement.entries, "seed {seed}, {}", settlement.period);
            listed.into_iter().for_each(|entry| *stands.entry(entry.transaction).or_default() += 1);
        }
        assert_eq!(stands.len(), sold.len(), "seed {seed}: all of them stand somewhere");
        assert!(sold.iter().all(|id| stands.get(id) == Some(&1)), "seed {seed}: each stands once");
        assert_eq!(owed, of_sales(sold.len() as i64).amount(), "seed {seed}");
    }
    assert_eq!(violations(ledger).await, Vec::<String>::new());
}

async fn what_breaks_a_settlement_is_found(ledger: &Ledger) {
    sell(ledger, "hall-co", &sales("a", 1_200, at("2026-11-20T03:00:00Z"))).await;
    sell(ledger, "others", &sales("b", 2, at("2026-11-20T03:00:00Z"))).await;
    let now_ms = at("2026-12-20T00:00:00Z");
    close(ledger, ask("hall-co", "2026-11", false), now_ms).await;
    let paid = PaidAsk { organizer: "hall-co".into(), period: month("2026-11"), reference: "T".into() };
    ledger.settlement_paid(paid, now_ms).await.expect("answers");
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    let entry = "an entry of a settlement is another organizer's, or was booked too late for it:";
    let cases = [
        (
            "UPDATE settlement SET tickets = tickets + 1",
            "UPDATE settlement SET tickets = tickets - 1",
            "a settlement is not the sum of its entries: hall-co.2026-11".to_owned(),
        ),
        (
            "DELETE FROM settlement_entry WHERE transaction_id = 'oa01100.confirmed'",
            "INSERT INTO settlement_entry (transaction_id, settlement, at_ms) \
             SELECT transaction_id, 'hall-co.2026-11', at_ms FROM journal_entry \
             WHERE transaction_id = 'oa01100.confirmed' AND entry = 1",
            "a settlement is not the sum of its entries: hall-co.2026-11".to_owned(),
        ),
        (
            "INSERT INTO settlement_entry (transaction_id, settlement, at_ms) \
             SELECT transaction_id, 'hall-co.2026-11', at_ms FROM journal_entry \
             WHERE transaction_id = 'ob00001.confirmed' AND entry = 1",
            "DELETE FROM settlement_entry WHERE transaction_id = 'ob00001.confirmed'",
            format!("{entry} ob00001.confirmed"),
        ),
        (
            "UPDATE settlement SET until_ms = until_ms - 2592000000",
            "UPDATE settlement SET until_ms = until_ms + 2592000000",
            format!("{entry} oa00000.confirmed"),
        ),
        (
            "UPDATE settlement SET state = 'closed'",
            "UPDATE settlement SET state = 'paid'",
            "what was paid to the organizer is not what the settlement says: hall-co.2026-11".to_owned(),
        ),
    ];
    for (harm, cure, says) in cases {
        run(ledger, harm).await.expect("a change");
        let found = violations(ledger).await;
        assert!(found.contains(&says), "{harm}: {found:?}");
        run(ledger, cure).await.expect("a change");
    }
    assert_eq!(violations(ledger).await, Vec::<String>::new());
}
