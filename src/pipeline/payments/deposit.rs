//! What an account that a buyer pays into means for the call that asks about it.

use crate::facts::order::DepositFact;
use crate::facts::record::PaymentResult;
use crate::facts::time::Millis;
use crate::ledger::writer::{Charging, DepositStage, OpenCall};
use crate::payment::Unresolved;

/// By when the money of a deposit must be there, for which the buyer has an account.
pub(super) fn awaited_until(call: &OpenCall) -> Option<Millis> {
    let (OpenCall::Charge(charging) | OpenCall::Look(charging)) = call else { return None };
    let deposit = charging.deposit.as_ref()?;
    (deposit.stage == DepositStage::Awaited).then_some(deposit.until_ms)
}

impl Charging {
    pub(super) fn is_paid(&self) -> bool {
        let stage = self.deposit.as_ref().map(|deposit| deposit.stage);
        matches!(stage, Some(DepositStage::Paid | DepositStage::PaidAndRefunded))
    }

    /// How often the bank has taken the money back, after this result.
    pub(super) fn undone_with(&self, result: &PaymentResult) -> i64 {
        let is_undone = self.is_paid() && matches!(result, PaymentResult::Awaiting { .. });
        self.deposit.as_ref().map_or(0, |deposit| deposit.undone) + i64::from(is_undone)
    }

    /// Until when a deposit is waited for; `None`: it is not.
    pub(super) fn deposit_until_ms(&self, now_ms: Millis) -> Option<Millis> {
        let deposit = self.deposit.as_ref()?;
        let wanted = match deposit.stage {
            DepositStage::Asked | DepositStage::Awaited => now_ms < deposit.until_ms,
            // The ledger says how long a deposit is waited for that the bank took back.
            DepositStage::Paid | DepositStage::PaidAndRefunded => true,
            DepositStage::Unwanted => false,
        };
        wanted.then_some(deposit.until_ms)
    }

    /// What follows when the money is not there (any more).
    pub(super) fn awaiting(&self, deposit: DepositFact) -> Result<PaymentResult, Unresolved> {
        match self.deposit.as_ref().map(|known| known.stage) {
            Some(DepositStage::Asked | DepositStage::Paid) => Ok(PaymentResult::Awaiting { deposit }),
            Some(DepositStage::Awaited) => Err(Unresolved::undecided("the deposit of its buyer")),
            Some(DepositStage::PaidAndRefunded) => {
                Err(Unresolved::needs_person("the bank took a deposit back, and a part of it was refunded before"))
            }
            Some(DepositStage::Unwanted) | None => Err(Unresolved::undecided("its account is not closed yet")),
        }
    }
}
