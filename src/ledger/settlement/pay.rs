//! An organizer has the money of a closed settlement.

use super::close::tell;
use super::{id, stored};
use crate::facts::notice::NoticeKind;
use crate::facts::period::Period;
use crate::facts::settlement::{SettlementFact, SettlementState};
use crate::facts::time::Millis;
use crate::ledger::journal::{self, Account, PayablePart, Title, Transaction};
use crate::ledger::{Conn, Ledger, Result};

/// Which settlement was paid, and by which payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidAsk {
    pub organizer: String,
    pub period: Period,
    /// Of the bank's transfer. At most 255 characters.
    pub reference: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is paid, by this call or an earlier one with the same reference.
    Paid(SettlementFact),
    /// It is not closed.
    NotClosed,
    /// It was paid with another reference.
    OtherReference(SettlementFact),
}

impl Ledger {
    /// Notes that a closed settlement was paid. A repeat changes nothing.
    pub async fn settlement_paid(&self, ask: PaidAsk, now_ms: Millis) -> Result<Settled> {
        self.transaction(move |tx| Box::pin(async move { pay(tx, &ask, now_ms).await })).await
    }
}

async fn pay(tx: &mut Conn, ask: &PaidAsk, now_ms: Millis) -> Result<Settled> {
    let (organizer, id) = (&ask.organizer, id(&ask.organizer, ask.period));
    let text = "UPDATE settlement SET state = 'paid', paid_ms = ?, reference = ? WHERE id = ? AND state = 'closed'";
    let query = sqlx::query(text).bind(now_ms).bind(ask.reference.clone()).bind(id.clone());
    let is_first = query.execute(&mut *tx).await?.rows_affected() == 1;
    let Some(settlement) = stored(tx, organizer, ask.period).await? else { return Ok(Settled::NotClosed) };
    if !is_first {
        return Ok(match settlement.state {
            SettlementState::Open | SettlementState::Closing | SettlementState::Closed => Settled::NotClosed,
            SettlementState::Paid if settlement.reference.as_deref() == Some(&*ask.reference) => {
                Settled::Paid(settlement)
            }
            SettlementState::Paid => Settled::OtherReference(settlement),
        });
    }
    let amount = settlement.payable.amount();
    let mut transaction = Transaction::default();
    transaction.post(PayablePart::Payouts.account(organizer), amount).post(Account::Payouts, -amount);
    let title = Title { of: &id, event: "paid", currency: &settlement.currency, order: None, at_ms: now_ms };
    journal::write(tx, title, transaction).await?;
    tell(tx, organizer, ask.period, NoticeKind::SettlementPaid, now_ms).await?;
    Ok(Settled::Paid(settlement))
}
