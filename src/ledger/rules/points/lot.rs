//! Lots of points, the order in which they are taken, and which lot paid for which line.

use std::cmp::Ordering;

use crate::facts::ids::OrderId;
use crate::facts::time::Millis;

pub type LotId = String;

/// Where a lot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotOrigin {
    Grant,
    Earn,
    Restore,
}

impl LotOrigin {
    pub fn as_str(self) -> &'static str {
        match self {
            LotOrigin::Grant => "grant",
            LotOrigin::Earn => "earn",
            LotOrigin::Restore => "restore",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [LotOrigin::Grant, LotOrigin::Earn, LotOrigin::Restore].into_iter().find(|o| o.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    pub id: LotId,
    pub origin: LotOrigin,
    pub granted: i64,
    pub remaining: i64,
    /// The lot cannot be spent before this time.
    pub usable_ms: Millis,
    /// `None`: never.
    pub expires_ms: Option<Millis>,
    pub created_ms: Millis,
    /// The line that earned it.
    pub line: Option<(OrderId, u32)>,
}

impl Lot {
    pub fn is_expired(&self, now_ms: Millis) -> bool {
        self.expires_ms.is_some_and(|at| at <= now_ms)
    }

    pub fn is_usable(&self, now_ms: Millis) -> bool {
        self.remaining > 0 && self.usable_ms <= now_ms && !self.is_expired(now_ms)
    }

    /// The order of taking: expires soonest first, none last; then oldest; then id.
    pub fn order(&self, other: &Self) -> Ordering {
        let expiry = |lot: &Self| lot.expires_ms.unwrap_or(Millis::MAX);
        (expiry(self), self.created_ms, &self.id).cmp(&(expiry(other), other.created_ms, &other.id))
    }
}

/// Part of a line that one lot paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// From 1.
    pub line: u32,
    pub lot: LotId,
    /// In which order the lots were taken, over all lines of the order, from 1.
    pub seq: i64,
    pub amount: i64,
    /// Given back so far.
    pub restored: i64,
    pub spent_ms: Millis,
}

/// Fewer usable points than wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insufficient {
    pub usable: i64,
}

/// Which lots pay for which line. Lots are taken in [`Lot::order`] and pay the lines one after the other. `lines` is
/// (line, points).
pub fn spend_plan(lots: &[Lot], lines: &[(u32, i64)], now_ms: Millis) -> Result<Vec<Spend>, Insufficient> {
    let mut usable: Vec<&Lot> = lots.iter().filter(|lot| lot.is_usable(now_ms)).collect();
    usable.sort_by(|a, b| a.order(b));
    let have: i64 = usable.iter().map(|lot| lot.remaining).sum();
    let wanted: i64 = lines.iter().map(|&(_, points)| points).sum();
    if wanted > have {
        return Err(Insufficient { usable: have });
    }

    let mut spends: Vec<Spend> = Vec::new();
    let mut source = usable.into_iter().map(|lot| (lot, lot.remaining));
    let mut open: Option<(&Lot, i64)> = None;
    for &(line, points) in lines {
        let mut missing = points;
        while missing > 0 {
            let (lot, left) = match open.take() {
                Some(open) => open,
                None => source.next().expect("the sum was checked"),
            };
            let amount = missing.min(left);
            missing -= amount;
            open = (left > amount).then_some((lot, left - amount));
            let seq = i64::try_from(spends.len() + 1).expect("few lots");
            spends.push(Spend { line, lot: lot.id.clone(), seq, amount, restored: 0, spent_ms: now_ms });
        }
    }
    Ok(spends)
}
