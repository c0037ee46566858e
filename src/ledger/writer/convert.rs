//! Converts between rows and the types of the arithmetic in `ledger::rules`.

use crate::facts::ids::{OrderId, UserId};
use crate::ledger::Error;
use crate::ledger::rules::line::FrozenLine;
use crate::ledger::rules::points;
use crate::ledger::rules::points::{LotOrigin, Wallet};
use crate::ledger::store::rows::{LineRow, LotRow, MoveRow, SpendRow, WalletRow};

impl LotRow {
    pub(in crate::ledger) fn arithmetic(&self) -> Result<points::Lot, Error> {
        let origin = LotOrigin::parse(&self.origin).ok_or_else(|| Error::Unreadable {
            table: "point_lot",
            column: "origin",
            key: self.id.clone(),
            detail: self.origin.clone(),
        })?;
        Ok(points::Lot {
            id: self.id.clone(),
            origin,
            granted: self.granted,
            remaining: self.remaining,
            usable_ms: self.usable_ms,
            expires_ms: self.expires_ms,
            created_ms: self.created_ms,
            line: self.order_id.clone().zip(self.line.and_then(|line| u32::try_from(line).ok())),
        })
    }

    pub(in crate::ledger) fn of(lot: &points::Lot, user: &UserId) -> Self {
        Self {
            id: lot.id.clone(),
            user_id: user.clone(),
            origin: lot.origin.as_str().to_owned(),
            granted: lot.granted,
            usable_ms: lot.usable_ms,
            expires_ms: lot.expires_ms,
            created_ms: lot.created_ms,
            order_id: lot.line.as_ref().map(|(order, _)| order.clone()),
            line: lot.line.as_ref().map(|(_, line)| i64::from(*line)),
            remaining: lot.remaining,
        }
    }
}

impl MoveRow {
    pub(in crate::ledger) fn of(step: &points::Move, user: &UserId) -> Self {
        Self {
            id: step.id.clone(),
            user_id: user.clone(),
            at_ms: step.at_ms,
            kind: step.kind.as_str().to_owned(),
            amount: step.amount,
            lot: Some(step.lot.clone()),
            order_id: step.order.clone(),
            refund: step.refund.clone(),
        }
    }

    pub(in crate::ledger) fn arithmetic(&self) -> Result<points::Move, Error> {
        let kind = points::MoveKind::parse(&self.kind).ok_or_else(|| Error::Unreadable {
            table: "point_move",
            column: "kind",
            key: self.id.clone(),
            detail: self.kind.clone(),
        })?;
        Ok(points::Move {
            id: self.id.clone(),
            at_ms: self.at_ms,
            kind,
            amount: self.amount,
            lot: self.lot.clone().unwrap_or_default(),
            order: self.order_id.clone(),
            refund: self.refund.clone(),
        })
    }
}

impl WalletRow {
    pub(in crate::ledger) fn of(wallet: &Wallet) -> Self {
        Self { user_id: wallet.user.clone(), balance: wallet.balance(), debt: wallet.debt, lapse_ms: wallet.lapse_ms() }
    }
}

impl LineRow {
    pub(in crate::ledger) fn arithmetic(&self) -> FrozenLine {
        FrozenLine {
            line: self.number(),
            seat: u32::try_from(self.seat).expect("seats come from a lane"),
            ticket_type: self.ticket_type.clone(),
            price: self.price,
            booking_fee: self.booking_fee,
            discount: self.discount,
            points: self.points,
            cash: self.cash,
            earn: self.earn,
            vat: self.vat,
            refunded: self.refunded,
            fee_refunded: self.fee_refunded,
            points_refunded: self.points_refunded,
            earn_clawed: self.earn_clawed,
            closed: self.closed,
        }
    }

    /// Takes over what a refund changed, or what undoing it changed.
    pub(in crate::ledger) fn follow(&mut self, line: &FrozenLine) {
        self.refunded = line.refunded;
        self.fee_refunded = line.fee_refunded;
        self.points_refunded = line.points_refunded;
        self.earn_clawed = line.earn_clawed;
        self.closed = line.closed;
    }

    pub(in crate::ledger) fn number(&self) -> u32 {
        u32::try_from(self.line).expect("lines are few")
    }
}

impl SpendRow {
    pub(in crate::ledger) fn arithmetic(&self) -> points::Spend {
        points::Spend {
            line: u32::try_from(self.line).expect("lines are few"),
            lot: self.lot.clone(),
            seq: self.seq,
            amount: self.amount,
            restored: self.restored,
            spent_ms: self.spent_ms,
        }
    }

    pub(in crate::ledger) fn of(spend: &points::Spend, order: &OrderId) -> Self {
        Self {
            order_id: order.clone(),
            line: i64::from(spend.line),
            lot: spend.lot.clone(),
            seq: spend.seq,
            amount: spend.amount,
            spent_ms: spend.spent_ms,
            restored: spend.restored,
        }
    }
}
