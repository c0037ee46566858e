//! A worked example, exact to the unit, and what must hold for all orders and refunds.

use proptest::prelude::*;

use super::*;
use crate::facts::ids::{OrderId, RefundId, UserId};
use crate::facts::tariff::standard;
use crate::facts::time::{Millis, parse_rfc3339};
use crate::ledger::rules::line::{Cart, FrozenLine, LineRefund, price_order};

fn day(text: &str) -> Millis {
    parse_rfc3339(&format!("{text}T00:00:00Z")).expect("a day")
}

fn lot(id: &str, amount: i64, expires: &str) -> Lot {
    Lot {
        id: id.to_owned(),
        origin: LotOrigin::Grant,
        granted: amount,
        remaining: amount,
        usable_ms: 0,
        expires_ms: Some(day(expires)),
        created_ms: 0,
        line: None,
    }
}

fn step<'a>(id: &'a str, now_ms: Millis, order: &'a OrderId) -> WalletStep<'a> {
    WalletStep { id, now_ms, order: Some(order), refund: None }
}

/// An order of one user, as the writer has it in memory.
struct Bought {
    order: OrderId,
    lines: Vec<FrozenLine>,
    spends: Vec<Spend>,
    wallet: Wallet,
}

impl Bought {
    /// Refunds part of a line, and answers what it pays out, restores and claws back.
    fn refund(&mut self, id: &str, now_ms: Millis, line: usize, gross: i64, fee_bp: i64) -> LineRefund {
        let refund = self.lines[line].refund(gross, fee_bp, true).expect("so much is left");
        let step = WalletStep { id, now_ms, order: Some(&self.order), refund: None };
        self.wallet.expire(step);
        self.wallet.restore(step, &mut self.spends, refund.line, refund.points);
        self.wallet.claw_back(step, &self.order, refund.line, refund.earn);
        self.lines[line].apply(&refund);
        refund
    }

    fn remaining(&self, lot: &str) -> i64 {
        self.wallet.lots().find(|l| l.id == lot).expect("a lot").remaining
    }
}

#[test]
fn the_worked_example() {
    let bought_ms = day("2026-11-20");
    let order = OrderId::from("o1");
    let seats = standard(&[55_000, 55_000, 33_000]);
    let priced = price_order(Cart { discount: 10_000, points: 10_000, ..Cart::plain(&seats, 100) });
    let rows: Vec<_> = priced.lines.iter().map(|l| (l.price, l.discount, l.net(), l.points, l.cash, l.earn)).collect();
    assert_eq!(
        rows,
        [
            (55_000, 3_846, 51_154, 3_846, 47_308, 473),
            (55_000, 3_846, 51_154, 3_846, 47_308, 473),
            (33_000, 2_308, 30_692, 2_308, 28_384, 283),
        ]
    );
    assert_eq!(
        (priced.price, priced.discount, priced.points, priced.cash, priced.earn),
        (143_000, 10_000, 10_000, 123_000, 1_229)
    );

    let lots = vec![lot("L3", 4_000, "2027-06-30"), lot("L1", 3_000, "2026-12-31"), lot("L2", 5_000, "2027-03-31")];
    let mut wallet = Wallet::new(UserId::from("kim"), 12_000, 0, lots);
    let wanted: Vec<(u32, i64)> = priced.lines.iter().map(|l| (l.line, l.points)).collect();
    let spends = wallet.spend(step("spend", bought_ms, &order), &wanted).expect("enough");
    let rows: Vec<_> = spends.iter().map(|s| (s.line, s.lot.as_str(), s.amount)).collect();
    assert_eq!(rows, [(1, "L1", 3_000), (1, "L2", 846), (2, "L2", 3_846), (3, "L2", 308), (3, "L3", 2_000)]);

    for line in &priced.lines {
        let earned = NewLot {
            origin: LotOrigin::Earn,
            amount: line.earn,
            usable_ms: bought_ms,
            expires_ms: Some(day("2027-01-31")),
            line: Some((order.clone(), line.line)),
        };
        wallet.credit(step("earn", bought_ms, &order), earned);
    }
    // Another order spends exactly the earned points before they end: they are the soonest to expire.
    let elsewhere = OrderId::from("o2");
    wallet.spend(step("elsewhere", day("2027-01-30"), &elsewhere), &[(1, 1_229)]).expect("enough");
    assert_eq!(wallet.balance(), 2_000);

    let mut bought = Bought { order, lines: priced.lines, spends, wallet };
    let moved = |r: LineRefund| (r.cash, r.points, r.earn, r.closes);
    assert_eq!(moved(bought.refund("rB", day("2027-02-01"), 1, 51_154, 0)), (47_308, 3_846, 473, true));
    assert_eq!(bought.remaining("L2"), 3_846 - 473);
    assert_eq!(moved(bought.refund("rA", day("2027-02-02"), 0, 51_154, 0)), (47_308, 3_846, 473, true));
    let again = bought.wallet.lots().find(|l| l.origin == LotOrigin::Restore).expect("L1'").clone();
    assert_eq!((again.granted, again.remaining, again.expires_ms), (3_000, 3_000 - 473, Some(day("2027-03-15"))));
    assert_eq!(moved(bought.refund("rC1", day("2027-02-03"), 2, 10_000, 0)), (9_249, 751, 92, false));
    assert_eq!(bought.remaining("L3"), 2_000 + 751);
    assert_eq!(moved(bought.refund("rC2", day("2027-02-03"), 2, 20_692, 0)), (19_135, 1_557, 191, true));

    assert_eq!(bought.remaining(&again.id), 2_244);
    assert_eq!(bought.remaining("L2"), 4_527);
    assert_eq!(bought.remaining("L3"), 4_000);
    assert_eq!(bought.wallet.debt, 0);
    assert_eq!(bought.wallet.balance(), 12_000 - 1_229);
}

#[test]
fn a_claw_back_that_finds_nothing_is_debt_and_the_next_credit_pays_it() {
    let order = OrderId::from("o1");
    let mut wallet = Wallet::new(UserId::from("kim"), 100, 0, vec![lot("L", 100, "2030-01-01")]);
    wallet.claw_back(step("r", 1, &order), &order, 1, 250);
    assert_eq!((wallet.balance(), wallet.debt), (0, 150));

    let grant = |amount| NewLot { origin: LotOrigin::Grant, amount, usable_ms: 0, expires_ms: None, line: None };
    assert_eq!(wallet.credit(step("none", 2, &order), grant(0)), None);
    wallet.credit(step("small", 2, &order), grant(40));
    assert_eq!((wallet.balance(), wallet.debt), (0, 110));
    let id = wallet.credit(step("large", 3, &order), grant(500)).expect("a lot");
    assert_eq!((wallet.balance(), wallet.debt), (390, 0));
    let rows: Vec<_> = wallet.moves().iter().map(|m| (m.id.as_str(), m.kind, m.amount)).collect();
    assert_eq!(
        rows,
        [
            ("r/001", MoveKind::ClawBack, -100),
            ("small/002", MoveKind::Grant, 40),
            ("small/003", MoveKind::Debt, -40),
            ("large/002", MoveKind::Grant, 500),
            ("large/003", MoveKind::Debt, -110),
        ]
    );
    assert_eq!(wallet.new_lots().last().map(|l| (&l.id, l.remaining)), Some((&id, 390)));
    assert_eq!(wallet.changed_lots().count(), 1);
}

#[test]
fn lots_that_are_expired_or_not_yet_usable_do_not_pay() {
    let mut lots = vec![lot("gone", 10, "2026-01-01"), lot("later", 10, "2027-01-01"), lot("now", 10, "2028-01-01")];
    lots[1].usable_ms = day("2026-12-01");
    let now = day("2026-06-01");
    assert_eq!(spend_plan(&lots, &[(1, 11)], now), Err(Insufficient { usable: 10 }));
    let plan = spend_plan(&lots, &[(1, 4), (2, 0), (3, 6)], now).expect("enough");
    let rows: Vec<_> = plan.iter().map(|s| (s.seq, s.line, s.lot.as_str(), s.amount)).collect();
    assert_eq!(rows, [(1, 1, "now", 4), (2, 3, "now", 6)]);

    let mut wallet = Wallet::new(UserId::from("kim"), 30, 0, lots);
    assert_eq!(wallet.usable(now), 10);
    wallet.expire(step("x", now, &OrderId::from("o")));
    assert_eq!(wallet.balance(), 20);
}

#[test]
fn lots_are_taken_soonest_to_expire_then_oldest_then_by_id() {
    let mut lots: Vec<Lot> = ["d", "c", "b", "a"].iter().map(|id| lot(id, 1, "2027-01-01")).collect();
    lots[0].expires_ms = None;
    lots[1].created_ms = 5;
    let plan = spend_plan(&lots, &[(1, 4)], 0).expect("enough");
    assert_eq!(plan.iter().map(|s| s.lot.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

#[test]
fn a_fee_is_taken_from_cash_first_and_the_line_is_used_up_all_the_same() {
    let priced = price_order(Cart { points: 950, ..Cart::plain(&standard(&[1_000]), 100) });
    let mut line = priced.lines[0].clone();
    let refund = line.refund(1_000, 1_000, false).expect("all of it");
    assert_eq!((refund.cash, refund.points, refund.fee, refund.fee_points), (0, 900, 100, 50));
    line.apply(&refund);
    assert_eq!((line.left(), line.points_refunded, line.closed), (0, 950, true));
    assert_eq!(line.refund(0, 0, false), None);
    line.undo(&refund);
    assert_eq!(line, priced.lines[0]);
}

#[test]
fn a_line_that_cost_nothing_can_be_refunded_once() {
    let priced = price_order(Cart { discount: 900, points: 10, ..Cart::plain(&standard(&[500, 0]), 10_000) });
    assert_eq!((priced.discount, priced.points, priced.cash), (500, 0, 0));
    let mut line = priced.lines[1].clone();
    let refund = line.refund(0, 500, false).expect("it frees the seat");
    assert_eq!((refund.cash, refund.points, refund.earn, refund.fee, refund.closes), (0, 0, 0, 0, true));
    line.apply(&refund);
    assert_eq!(line.refund(0, 500, false), None);
}

#[test]
fn a_refused_refund_leaves_the_wallet_as_it_was() {
    let (order, refund) = (OrderId::from("o1"), RefundId::from("r1"));
    let lots = vec![lot("L1", 300, "2026-12-31"), lot("L2", 500, "2030-01-01")];
    let mut wallet = Wallet::new(UserId::from("kim"), 800, 0, lots);
    let mut spends = wallet.spend(step("s", day("2026-11-20"), &order), &[(1, 400)]).expect("enough");
    let (spends_before, balance_before) = (spends.clone(), wallet.balance());
    wallet.stored();

    // L1 has expired: its 300 come back as a lot of 41 days. 900 are clawed back, but there are only 800: 100 are debt.
    let at = day("2027-02-02");
    let asked = WalletStep { id: "r1", now_ms: at, order: Some(&order), refund: Some(&refund) };
    wallet.restore(asked, &mut spends, 1, 400);
    wallet.claw_back(asked, &order, 1, 900);
    assert_eq!((wallet.balance(), wallet.debt), (0, 100));
    let done = wallet.moves().to_vec();

    let refused = WalletStep { id: "r1:refused", now_ms: at + 1, ..asked };
    wallet.undo_refund(refused, &order, &done, &mut spends, &[(1, 400, 900)]);
    assert_eq!(spends, spends_before);
    assert_eq!((wallet.balance(), wallet.debt), (balance_before, 0));
}

#[test]
fn debt_that_was_paid_meanwhile_comes_back_when_the_refund_is_refused() {
    let (order, refund) = (OrderId::from("o1"), RefundId::from("r1"));
    let mut wallet = Wallet::new(UserId::from("kim"), 0, 0, Vec::new());
    let asked = WalletStep { id: "r1", now_ms: 5, order: Some(&order), refund: Some(&refund) };
    wallet.claw_back(asked, &order, 1, 70);
    let done = wallet.moves().to_vec();
    let grant = NewLot { origin: LotOrigin::Grant, amount: 50, usable_ms: 0, expires_ms: None, line: None };
    wallet.credit(step("g", 6, &order), grant);
    assert_eq!((wallet.balance(), wallet.debt), (0, 20));
    wallet.undo_refund(WalletStep { id: "r1:refused", ..asked }, &order, &done, &mut [], &[(1, 0, 70)]);
    assert_eq!((wallet.balance(), wallet.debt), (50, 0));
}

/// (prices, discount, points wanted, earn_bp, fee_bp, lots, cuts): cuts are (line, how much of what is left, ‰).
type Case = (Vec<i64>, i64, i64, i64, i64, Vec<(i64, i64)>, Vec<(usize, i64)>);

fn cases() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(0..200_000i64, 1..6),
        0..300_000i64,
        0..300_000i64,
        0..=2_000i64,
        prop_oneof![Just(0i64), 0..=10_000i64],
        prop::collection::vec((1..80_000i64, 0..2_000i64), 1..8),
        // Often all that is left.
        prop::collection::vec((0..6usize, prop_oneof![2 => 0..=1_000i64, 1 => Just(1_000)]), 0..25),
    )
}

const BOOKING_FEE: i64 = 77;

fn buy(prices: &[i64], discount: i64, points: i64, earn_bp: i64, lots: &[(i64, i64)]) -> Bought {
    let now = day("2026-11-20");
    let lots: Vec<Lot> = lots
        .iter()
        .enumerate()
        .map(|(at, &(amount, days))| {
            let mut lot = lot(&format!("L{at}"), amount, "2026-11-21");
            lot.expires_ms = (days < 1_900).then(|| day("2026-11-21") + days * 86_400_000);
            lot
        })
        .collect();
    let have: i64 = lots.iter().map(|l| l.remaining).sum();
    let mut wallet = Wallet::new(UserId::from("kim"), have, 0, lots);
    let order = OrderId::from("o1");
    let seats = standard(prices);
    let cart = Cart { booking_fee: BOOKING_FEE, discount, points: points.min(have), ..Cart::plain(&seats, earn_bp) };
    let lines = price_order(cart).lines;
    let wanted: Vec<_> = lines.iter().map(|l| (l.line, l.points)).collect();
    let spends = wallet.spend(step("s", now, &order), &wanted).expect("enough");
    for line in &lines {
        let earned = NewLot {
            origin: LotOrigin::Earn,
            amount: line.earn,
            usable_ms: now,
            expires_ms: None,
            line: Some((order.clone(), line.line)),
        };
        wallet.credit(step("e", now, &order), earned);
    }
    Bought { order, lines, spends, wallet }
}

fn assert_consistent(bought: &Bought) {
    let held: i64 = bought.wallet.lots().map(|l| l.remaining).sum();
    assert_eq!(held, bought.wallet.balance(), "the lots are what is left of the moves");
    for line in &bought.lines {
        assert_eq!(line.price + BOOKING_FEE, line.discount + line.points + line.cash);
        assert!((0..=BOOKING_FEE).contains(&line.fee_refunded));
        assert!(line.refunded <= line.net() && line.refunded >= 0);
        assert!((0..=line.points).contains(&line.points_refunded));
        assert!((0..=line.cash - BOOKING_FEE).contains(&(line.refunded - line.points_refunded)));
        assert!((0..=line.earn).contains(&line.earn_clawed));
        let spends = || bought.spends.iter().filter(|s| s.line == line.line);
        assert_eq!(spends().map(|s| s.amount).sum::<i64>(), line.points);
        assert!(spends().all(|s| (0..=s.amount).contains(&s.restored)));
        assert!(spends().map(|s| s.restored).sum::<i64>() <= line.points_refunded);
    }
}

proptest! {
    #[test]
    fn any_split_of_refunds_returns_exactly_what_was_paid(
        (prices, discount, points, earn_bp, fee_bp, lots, cuts) in cases()
    ) {
        let mut bought = buy(&prices, discount, points, earn_bp, &lots);
        let mut now = day("2026-11-22");
        let mut back = vec![(0, 0, 0, 0, 0); bought.lines.len()];
        let last = (0..bought.lines.len()).map(|line| (line, 1_000));
        for (at, (line, part)) in cuts.into_iter().chain(last).enumerate() {
            let line = line % bought.lines.len();
            let gross = crate::facts::money::mul_div(bought.lines[line].left(), part, 1_000);
            if bought.lines[line].refund(gross, fee_bp, false).is_none() {
                continue;
            }
            now += 50 * 86_400_000;
            let r = bought.refund(&format!("r{at}"), now, line, gross, fee_bp);
            prop_assert_eq!(r.amount + r.booking_fee, r.cash + r.points + r.fee);
            prop_assert!(r.cash >= 0 && r.points >= 0 && r.earn >= 0 && (0..=r.fee).contains(&r.fee_points));
            let sum = &mut back[line];
            *sum = (sum.0 + r.cash + r.fee - r.fee_points, sum.1 + r.points + r.fee_points, sum.2 + r.earn,
                sum.3 + r.points, sum.4 + r.fee);
            assert_consistent(&bought);
        }
        for (line, (cash, points, earn, restored, fee)) in bought.lines.iter().zip(back) {
            prop_assert!(line.closed);
            prop_assert_eq!((cash, points, earn), (line.cash, line.points, line.earn));
            let rows: i64 = bought.spends.iter().filter(|s| s.line == line.line).map(|s| s.restored).sum();
            prop_assert_eq!(rows, restored);
            prop_assert!(fee_bp > 0 || fee == 0);
        }
    }

    #[test]
    fn refunds_undone_in_any_order_never_pay_a_tender_above_what_it_paid(
        (prices, discount, points, earn_bp, fee_bp, lots, cuts) in cases(),
        undo in prop::collection::vec(any::<bool>(), 25),
    ) {
        let mut bought = buy(&prices, discount, points, earn_bp, &lots);
        let now = day("2026-11-22");
        let mut done: Vec<(usize, LineRefund, Vec<Move>)> = Vec::new();
        for (at, (line, part)) in cuts.into_iter().enumerate() {
            let line = line % bought.lines.len();
            let id = format!("r{at}");
            if undo[at] && !done.is_empty() {
                let (line, refund, moves) = done.remove(at % done.len());
                let (step, order) = (WalletStep { id: &id, now_ms: now, order: None, refund: None }, bought.order.clone());
                let took = [(refund.line, refund.points, refund.earn)];
                bought.wallet.undo_refund(step, &order, &moves, &mut bought.spends, &took);
                bought.lines[line].undo(&refund);
            } else {
                let gross = crate::facts::money::mul_div(bought.lines[line].left(), part, 1_000);
                if bought.lines[line].refund(gross, fee_bp, false).is_none() {
                    continue;
                }
                let before = bought.wallet.moves().len();
                let refund = bought.refund(&id, now, line, gross, fee_bp);
                done.push((line, refund, bought.wallet.moves()[before..].to_vec()));
            }
            assert_consistent(&bought);
        }
        // The rest of every line is refunded: the refunds that were not undone then sum to what was paid.
        for line in 0..bought.lines.len() {
            if bought.lines[line].closed {
                continue;
            }
            let left = bought.lines[line].left();
            bought.refund(&format!("last{line}"), now, line, left, 0);
            let line = &bought.lines[line];
            let back = (line.refunded, line.points_refunded, line.earn_clawed, line.fee_refunded);
            prop_assert_eq!(back, (line.net(), line.points, line.earn, BOOKING_FEE));
        }
        assert_consistent(&bought);
    }

    #[test]
    fn an_order_that_failed_gives_back_every_point(
        (prices, discount, points, earn_bp, _, lots, _) in cases()
    ) {
        let mut bought = buy(&prices, discount, points, earn_bp, &lots);
        let before = bought.wallet.balance();
        let spent: i64 = bought.spends.iter().map(|s| s.amount).sum();
        let order = bought.order.clone();
        bought.wallet.restore_all(step("x", day("2026-11-20"), &order), &mut bought.spends);
        prop_assert_eq!(bought.wallet.balance(), before + spent);
        prop_assert!(bought.spends.iter().all(|s| s.restored == s.amount));
    }
}
