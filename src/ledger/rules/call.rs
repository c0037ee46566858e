//! The calls to the payment provider that the ledger has committed to.

use crate::facts::ids::{AttemptId, OrderId, RefundId};
use crate::facts::order::OrderStatus;
use crate::facts::time::Millis;
use crate::ledger::sheet::{Sheet, status};
use crate::ledger::store::column::Live;
use crate::ledger::store::rows::PaymentRow;

/// A call without a definite answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenCall {
    Charge(Charging),
    /// An attempt that has its answer. Its provider says that something happened to it.
    Look(Charging),
    Refund(Returning),
}

/// An open attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charging {
    pub attempt: AttemptId,
    pub order: OrderId,
    pub provider: String,
    pub key: String,
    pub amount: i64,
    pub currency: String,
    /// The attempt may be charged before this time; from then on the provider is only asked for its result. `None`: it
    /// is only asked, because the order no longer waits for the attempt or the attempt was put off.
    pub charge_until_ms: Option<Millis>,
    /// When it was opened.
    pub since_ms: Millis,
    /// When the call is to be made, or its result asked for.
    pub due_ms: Millis,
    /// `None`: the money moves at once.
    pub deposit: Option<Depositing>,
}

/// A payment by deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depositing {
    /// By when the money must be there.
    pub until_ms: Millis,
    pub stage: DepositStage,
    /// The buyer was given an account to pay into.
    pub has_account: bool,
    /// How often the bank has taken the money back.
    pub undone: i64,
}

/// How far a payment by deposit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositStage {
    /// The buyer has no account to pay into yet.
    Asked,
    /// The buyer has one.
    Awaited,
    /// The money is there, and pays the order.
    Paid,
    /// The money is there, and a part of it was refunded or may be on its way back.
    PaidAndRefunded,
    /// Nothing waits for the money any more: the account is to be closed.
    Unwanted,
}

/// An open refund: the oldest open one of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    pub refund: RefundId,
    pub order: OrderId,
    pub attempt: AttemptId,
    pub provider: String,
    /// The provider's own token for the captured payment.
    pub key: String,
    pub amount: i64,
    pub currency: String,
    /// No tax is inside the amount, as the order's terms say.
    pub is_tax_free: bool,
    pub reason: String,
    /// When it was asked for.
    pub since_ms: Millis,
    /// When the call is to be made, or its result asked for.
    pub due_ms: Millis,
    /// It was never put off, so it is sent. Of one that was put off, the result is asked for first.
    pub is_new: bool,
    /// The account that the money of a deposit goes to, sealed.
    pub account: Option<String>,
    /// How many accounts before this one were wrong.
    pub accounts: i64,
}

/// Names a call. Its text is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallId {
    Charge(AttemptId),
    /// Whether a deposit has come: its charge was answered with an account.
    Deposit(AttemptId),
    Look(AttemptId),
    Refund(RefundId),
}

impl CallId {
    pub fn as_str(&self) -> &str {
        match self {
            CallId::Charge(attempt) | CallId::Deposit(attempt) | CallId::Look(attempt) => attempt.as_str(),
            CallId::Refund(refund) => refund.as_str(),
        }
    }
}

impl OpenCall {
    pub fn id(&self) -> CallId {
        match self {
            OpenCall::Charge(charging) => match &charging.deposit {
                Some(deposit) if deposit.has_account => CallId::Deposit(charging.attempt.clone()),
                Some(_) | None => CallId::Charge(charging.attempt.clone()),
            },
            OpenCall::Look(charging) => CallId::Look(charging.attempt.clone()),
            OpenCall::Refund(returning) => CallId::Refund(returning.refund.clone()),
        }
    }

    pub fn order(&self) -> &OrderId {
        match self {
            OpenCall::Charge(charging) | OpenCall::Look(charging) => &charging.order,
            OpenCall::Refund(returning) => &returning.order,
        }
    }

    pub fn due_ms(&self) -> Millis {
        match self {
            OpenCall::Charge(charging) | OpenCall::Look(charging) => charging.due_ms,
            OpenCall::Refund(returning) => returning.due_ms,
        }
    }

    /// The call, due at this time. Of a look, it is the time of its hint.
    pub fn due_at(mut self, due_ms: Millis) -> Self {
        if let OpenCall::Look(charging) = &mut self {
            charging.due_ms = due_ms;
        }
        self
    }

    /// When the call was first to be made.
    pub fn since_ms(&self) -> Millis {
        match self {
            OpenCall::Charge(charging) | OpenCall::Look(charging) => charging.since_ms,
            OpenCall::Refund(returning) => returning.since_ms,
        }
    }
}

impl Sheet {
    /// The calls for the order's open attempt and for its next refund.
    pub(in crate::ledger) fn calls(&self) -> Vec<OpenCall> {
        let order = self.order();
        let charge = self.open_attempt().map(|row| {
            let is_new = row.due_ms <= row.created_ms && row.status == status::REQUESTED;
            let may_charge = order.status == OrderStatus::Paying && is_new;
            OpenCall::Charge(self.charging(row, may_charge.then_some(order.deadline_ms)))
        });
        let back = self.next_refund().and_then(|row| {
            let attempt = self.attempt(row.attempt.as_ref()?)?;
            Some(OpenCall::Refund(Returning {
                refund: row.id.clone(),
                order: order.id.clone(),
                attempt: attempt.id.clone(),
                provider: attempt.provider.clone(),
                key: attempt.pay_key.clone(),
                amount: row.cash,
                currency: order.currency.clone(),
                is_tax_free: self.terms.terms.vat_bp == Some(0),
                reason: row.reason.clone(),
                since_ms: row.requested_ms,
                due_ms: row.due_ms,
                is_new: row.due_ms <= row.requested_ms,
                account: row.account.clone(),
                accounts: row.accounts,
            }))
        });
        charge.into_iter().chain(back).collect()
    }

    /// Questions about attempts that took no money, in case their provider says that they did; and about deposits, in case
    /// the bank took the money back.
    pub(in crate::ledger) fn looks(&self) -> impl Iterator<Item = OpenCall> {
        let may_change = |row: &PaymentRow| match &*row.status {
            status::DECLINED | status::NOT_DONE => true,
            status::CAPTURED => row.deposit_until_ms.is_some() && self.paid_by().is_some_and(|paid| paid.id == row.id),
            _ => false,
        };
        let took_none = move |row: &&PaymentRow| row.opened == Live::No && may_change(row);
        let alone = |row: &&PaymentRow| !self.is_named_again(row);
        self.payments.iter().filter(took_none).filter(alone).map(|row| OpenCall::Look(self.charging(row, None)))
    }

    fn charging(&self, row: &PaymentRow, charge_until_ms: Option<Millis>) -> Charging {
        let order = self.order();
        Charging {
            attempt: row.id.clone(),
            order: order.id.clone(),
            provider: row.provider.clone(),
            key: row.pay_key.clone(),
            amount: row.amount,
            currency: order.currency.clone(),
            charge_until_ms,
            since_ms: row.created_ms,
            due_ms: row.due_ms,
            deposit: row.deposit_until_ms.map(|until_ms| Depositing {
                until_ms: row.deposit.as_ref().map_or(until_ms, |deposit| until_ms.min(deposit.expires_ms)),
                stage: self.deposit_stage(row),
                has_account: row.deposit.is_some(),
                undone: order.undone,
            }),
        }
    }

    fn deposit_stage(&self, row: &PaymentRow) -> DepositStage {
        let status = self.order().status;
        match &*row.status {
            status::CAPTURED if self.can_be_undone() => DepositStage::Paid,
            status::CAPTURED => DepositStage::PaidAndRefunded,
            status::REQUESTED if status == OrderStatus::Paying => DepositStage::Asked,
            status::AWAITING if status == OrderStatus::AwaitingDeposit => DepositStage::Awaited,
            _ => DepositStage::Unwanted,
        }
    }
}
