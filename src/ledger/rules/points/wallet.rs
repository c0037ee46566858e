//! A wallet with its lots. Every step changes lots and records the changes as moves. The caller holds the lock of the
//! wallet's row.
//!
//! Each move changes one lot. A lot's moves sum to what remains of it; all moves sum to the balance. Debt is kept
//! beside the balance: points that a claw-back wanted and did not find. Points that come in later pay it first (`debt`
//! moves, always negative, from the lot that came in).

use std::collections::HashMap;

use super::lot::{Insufficient, Lot, LotId, LotOrigin, Spend, spend_plan};
use crate::facts::ids::{OrderId, RefundId, UserId};
use crate::facts::time::Millis;

/// Least life of a lot that replaces an expired one, days. Points given back live as long as was left when they were
/// spent and no longer, so that cancelling never prolongs them.
const MIN_RESTORE_DAYS: i64 = 0;

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    Grant,
    Earn,
    Spend,
    Restore,
    ClawBack,
    Debt,
    Expire,
    /// Undoes a move of a refund that the provider refused, or takes points back that an admin says were given wrongly.
    Correct,
}

impl MoveKind {
    pub const ALL: [MoveKind; 8] = [
        MoveKind::Grant,
        MoveKind::Earn,
        MoveKind::Spend,
        MoveKind::Restore,
        MoveKind::ClawBack,
        MoveKind::Debt,
        MoveKind::Expire,
        MoveKind::Correct,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            MoveKind::Grant => "grant",
            MoveKind::Earn => "earn",
            MoveKind::Spend => "spend",
            MoveKind::Restore => "restore",
            MoveKind::ClawBack => "claw_back",
            MoveKind::Debt => "debt",
            MoveKind::Expire => "expire",
            MoveKind::Correct => "correct",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A row of `point_move`: `amount` is signed and never 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub id: String,
    pub at_ms: Millis,
    pub kind: MoveKind,
    pub amount: i64,
    pub lot: LotId,
    pub order: Option<OrderId>,
    pub refund: Option<RefundId>,
}

/// Why the wallet changes. `id` names this step for ever (at most 56 characters): moves and new lots
/// are named after it.
#[derive(Debug, Clone, Copy)]
pub struct WalletStep<'a> {
    pub id: &'a str,
    pub now_ms: Millis,
    pub order: Option<&'a OrderId>,
    pub refund: Option<&'a RefundId>,
}

/// A lot to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLot {
    pub origin: LotOrigin,
    pub amount: i64,
    pub usable_ms: Millis,
    pub expires_ms: Option<Millis>,
    pub line: Option<(OrderId, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Kept,
    Changed,
    New,
}

/// A user's points, their lots, and what has changed since it was loaded.
///
/// The caller loads every lot that a spend row or a move to be undone names, and, when points are spent or taken back,
/// every lot with something left. Points given back to a lot that is missing go to a new lot that never expires.
#[derive(Debug, Clone)]
pub struct Wallet {
    pub user: UserId,
    pub debt: i64,
    balance: i64,
    /// No points expire before this time; `None`: none will.
    lapse_ms: Option<Millis>,
    lots: Vec<(Lot, Mark)>,
    moves: Vec<Move>,
    /// How many names of moves and lots each step has used up.
    named: HashMap<String, u32>,
}

impl Wallet {
    pub fn new(user: UserId, balance: i64, debt: i64, lots: Vec<Lot>) -> Self {
        let lots = lots.into_iter().map(|lot| (lot, Mark::Kept)).collect();
        Self { user, debt, balance, lapse_ms: None, lots, moves: Vec::new(), named: HashMap::new() }
    }

    /// The same wallet, of which no points expire before this time.
    pub fn lapsing(self, lapse_ms: Option<Millis>) -> Self {
        Self { lapse_ms, ..self }
    }

    /// No points expire before this time; `None`: none will. It may be too early, never too late.
    pub fn lapse_ms(&self) -> Option<Millis> {
        self.lapse_ms
    }

    /// Finds out exactly when points expire next. All lots with something left are loaded.
    pub fn find_lapse(&mut self) {
        self.lapse_ms = self.lots().filter(|lot| lot.remaining > 0).filter_map(|lot| lot.expires_ms).min();
    }

    /// Sum of all moves, including the new ones. Expired points count until [`Self::expire`] writes them off.
    pub fn balance(&self) -> i64 {
        self.balance
    }

    /// Points that can be spent now.
    pub fn usable(&self, now_ms: Millis) -> i64 {
        self.lots().filter(|lot| lot.is_usable(now_ms)).map(|lot| lot.remaining).sum()
    }

    pub fn lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.iter().map(|(lot, _)| lot)
    }

    pub fn new_lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.iter().filter(|(_, mark)| *mark == Mark::New).map(|(lot, _)| lot)
    }

    /// Lots that were loaded and whose `remaining` has changed.
    pub fn changed_lots(&self) -> impl Iterator<Item = &Lot> {
        self.lots.iter().filter(|(_, mark)| *mark == Mark::Changed).map(|(lot, _)| lot)
    }

    /// New moves, in order.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Forgets all changes, because they are stored.
    pub fn stored(&mut self) {
        self.moves.clear();
        for (_, mark) in &mut self.lots {
            *mark = Mark::Kept;
        }
    }

    /// Writes off the points that have expired. Returns how many.
    pub fn expire(&mut self, step: WalletStep<'_>) -> i64 {
        let before = self.balance;
        for at in 0..self.lots.len() {
            let lot = &self.lots[at].0;
            if lot.remaining > 0 && lot.is_expired(step.now_ms) {
                self.change(step, at, MoveKind::Expire, -lot.remaining);
            }
        }
        before - self.balance
    }

    /// Writes off one lot.
    pub fn expire_lot(&mut self, step: WalletStep<'_>, lot: &str) {
        let at = self.find(lot).expect("the caller took it from this wallet");
        self.change(step, at, MoveKind::Expire, -self.lots[at].0.remaining);
    }

    /// A grant, or what a line earned. Nothing happens for an amount of 0.
    pub fn credit(&mut self, step: WalletStep<'_>, lot: NewLot) -> Option<LotId> {
        let kind = match lot.origin {
            LotOrigin::Grant => MoveKind::Grant,
            LotOrigin::Earn => MoveKind::Earn,
            LotOrigin::Restore => MoveKind::Restore,
        };
        self.add(step, kind, lot)
    }

    /// Pays lines with points: (line, points). All or nothing.
    pub fn spend(&mut self, step: WalletStep<'_>, lines: &[(u32, i64)]) -> Result<Vec<Spend>, Insufficient> {
        let lots: Vec<Lot> = self.lots().cloned().collect();
        let spends = spend_plan(&lots, lines, step.now_ms)?;
        for spend in &spends {
            let at = self.find(&spend.lot).expect("planned from these lots");
            self.change(step, at, MoveKind::Spend, -spend.amount);
        }
        Ok(spends)
    }

    /// Gives `amount` back to the lots that paid a line, last taken first, and notes it in the line's spend rows.
    /// `spends` may be in any order and may have rows of other lines. `amount` is at most what the line's rows have not
    /// given back yet.
    pub fn restore(&mut self, step: WalletStep<'_>, spends: &mut [Spend], line: u32, amount: i64) {
        let mut rows: Vec<&mut Spend> = spends.iter_mut().filter(|spend| spend.line == line).collect();
        rows.sort_by_key(|spend| std::cmp::Reverse(spend.seq));
        let mut missing = amount;
        for spend in rows {
            let part = missing.min(spend.amount - spend.restored);
            spend.restored += part;
            missing -= part;
            self.give_back(step, MoveKind::Restore, &spend.lot, part, spend.spent_ms);
        }
        assert_eq!(missing, 0, "line {line}: more points to restore than were spent");
    }

    /// Gives back everything an order spent: it failed before it was confirmed.
    pub fn restore_all(&mut self, step: WalletStep<'_>, spends: &mut [Spend]) {
        let mut lines: Vec<u32> = spends.iter().map(|spend| spend.line).collect();
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
            let left = spends.iter().filter(|s| s.line == line).map(|s| s.amount - s.restored).sum();
            self.restore(step, spends, line, left);
        }
    }

    /// Takes earned points back: from the lot that the line earned, then from the other lots in order, including those
    /// that are not usable yet. The rest becomes debt.
    pub fn claw_back(&mut self, step: WalletStep<'_>, order: &OrderId, line: u32, amount: i64) {
        let first = self.lots().position(|lot| is_earned_by(lot, order, line));
        self.take(step, MoveKind::ClawBack, first, amount);
    }

    /// An admin takes points back: from the lots in order. The rest becomes debt.
    pub fn correct(&mut self, step: WalletStep<'_>, amount: i64) {
        self.take(step, MoveKind::Correct, None, amount);
    }

    /// Undoes a refund that the provider refused for good: points it clawed back return, points it restored are taken
    /// again. `done` are the refund's own moves; `lines` is (line, points restored, earned points taken).
    ///
    /// Points of a lot that expired meanwhile return in a new lot, with the life that was left when they were taken.
    pub fn undo_refund(
        &mut self,
        step: WalletStep<'_>,
        order: &OrderId,
        done: &[Move],
        spends: &mut [Spend],
        lines: &[(u32, i64, i64)],
    ) {
        let clawed: Vec<&Move> = done.iter().filter(|m| m.kind == MoveKind::ClawBack).collect();
        let from_lots: i64 = clawed.iter().map(|m| -m.amount).sum();
        let from_debt = lines.iter().map(|&(_, _, earn)| earn).sum::<i64>() - from_lots;
        let forgiven = from_debt.min(self.debt);
        self.debt -= forgiven;
        for clawed in clawed {
            self.give_back(step, MoveKind::Correct, &clawed.lot, -clawed.amount, clawed.at_ms);
        }
        // Debt that other points have paid since: those points are gone, so a new lot replaces them.
        let paid = NewLot {
            origin: LotOrigin::Restore,
            amount: from_debt - forgiven,
            usable_ms: step.now_ms,
            expires_ms: None,
            line: None,
        };
        self.add(step, MoveKind::Correct, paid);

        for restored in done.iter().filter(|m| m.kind == MoveKind::Restore) {
            let at = self.find(&restored.lot);
            self.take(step, MoveKind::Correct, at, restored.amount);
        }
        for &(line, points, _) in lines {
            unrestore(spends, line, points);
        }
        debug_assert!(done.iter().all(|m| m.order.as_ref().is_none_or(|o| o == order)), "moves of {order} only");
    }

    /// Takes `amount` from the lot at `first`, then from the others in order; the rest becomes debt.
    fn take(&mut self, step: WalletStep<'_>, kind: MoveKind, first: Option<usize>, amount: i64) {
        let mut others: Vec<usize> = (0..self.lots.len()).filter(|&at| Some(at) != first).collect();
        others.sort_by(|&a, &b| self.lots[a].0.order(&self.lots[b].0));
        let mut missing = amount;
        for at in first.into_iter().chain(others) {
            let lot = &self.lots[at].0;
            if lot.is_expired(step.now_ms) {
                continue;
            }
            let part = missing.min(lot.remaining);
            missing -= part;
            self.change(step, at, kind, -part);
        }
        self.debt += missing;
    }

    /// Returns points to the lot they were taken from at `taken_ms`, or to a new lot when that one has expired or is
    /// not loaded.
    fn give_back(&mut self, step: WalletStep<'_>, kind: MoveKind, lot: &str, amount: i64, taken_ms: Millis) {
        let Some(at) = self.find(lot) else {
            let lot =
                NewLot { origin: LotOrigin::Restore, amount, usable_ms: step.now_ms, expires_ms: None, line: None };
            self.add(step, kind, lot);
            return;
        };
        let old = &self.lots[at].0;
        match old.expires_ms {
            Some(expired) if old.is_expired(step.now_ms) => {
                let life = (expired - taken_ms).max(MIN_RESTORE_DAYS * DAY_MS);
                let lot = NewLot {
                    origin: LotOrigin::Restore,
                    amount,
                    usable_ms: step.now_ms,
                    expires_ms: Some(step.now_ms + life),
                    line: None,
                };
                self.add(step, kind, lot);
            }
            Some(_) | None => {
                self.change(step, at, kind, amount);
                self.pay_debt(step, at, amount);
            }
        }
    }

    fn add(&mut self, step: WalletStep<'_>, kind: MoveKind, new: NewLot) -> Option<LotId> {
        if new.amount == 0 {
            return None;
        }
        let id = self.name(step);
        let lot = Lot {
            id: id.clone(),
            origin: new.origin,
            granted: new.amount,
            remaining: 0,
            usable_ms: new.usable_ms,
            expires_ms: new.expires_ms,
            created_ms: step.now_ms,
            line: new.line,
        };
        self.lots.push((lot, Mark::New));
        let at = self.lots.len() - 1;
        self.change(step, at, kind, new.amount);
        self.pay_debt(step, at, new.amount);
        Some(id)
    }

    fn pay_debt(&mut self, step: WalletStep<'_>, at: usize, incoming: i64) {
        let paid = self.debt.min(incoming);
        self.debt -= paid;
        self.change(step, at, MoveKind::Debt, -paid);
    }

    fn change(&mut self, step: WalletStep<'_>, at: usize, kind: MoveKind, amount: i64) {
        if amount == 0 {
            return;
        }
        let id = self.name(step);
        let (lot, mark) = &mut self.lots[at];
        lot.remaining += amount;
        if amount > 0 {
            self.lapse_ms = self.lapse_ms.into_iter().chain(lot.expires_ms).min();
        }
        assert!(lot.remaining >= 0, "lot {} would hold less than nothing", lot.id);
        if *mark == Mark::Kept {
            *mark = Mark::Changed;
        }
        self.balance += amount;
        self.moves.push(Move {
            id,
            at_ms: step.now_ms,
            kind,
            amount,
            lot: lot.id.clone(),
            order: step.order.cloned(),
            refund: step.refund.cloned(),
        });
    }

    fn find(&self, lot: &str) -> Option<usize> {
        self.lots.iter().position(|(known, _)| known.id == lot)
    }

    fn name(&mut self, step: WalletStep<'_>) -> String {
        let count = self.named.entry(step.id.to_owned()).or_insert(0);
        *count += 1;
        format!("{}/{count:03}", step.id)
    }
}

fn is_earned_by(lot: &Lot, order: &OrderId, line: u32) -> bool {
    lot.origin == LotOrigin::Earn && lot.line.as_ref().is_some_and(|(o, l)| o == order && *l == line)
}

/// The inverse of restoring: it undoes first what was given back last.
fn unrestore(spends: &mut [Spend], line: u32, points: i64) {
    let mut rows: Vec<&mut Spend> = spends.iter_mut().filter(|spend| spend.line == line).collect();
    rows.sort_by_key(|spend| spend.seq);
    let mut missing = points;
    for spend in rows {
        let part = missing.min(spend.restored);
        spend.restored -= part;
        missing -= part;
    }
    assert_eq!(missing, 0, "line {line}: more points to take again than were restored");
}
