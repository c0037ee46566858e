//! INV-12: what an organizer is owed stands in one settlement at most, and a settlement is the sum of its entries.
//!
//! The key of `settlement_entry` lets no transaction stand in two. A settlement may have more entries than one read should
//! sum, so its sum is made of pages.

use super::rules::{Rule, Walk};
use super::{CheckedKeys, PAGE};
use crate::facts::period::Period;
use crate::facts::settlement::{Payable, SettlementFact, SettlementState};
use crate::ledger::{Ledger, Result};

pub(super) const ENTRIES_OF: Walk = Walk {
    table: "settlement_entry",
    key: "transaction_id",
    rules: &[Rule {
        says: "an entry of a settlement is another organizer's, or was booked too late for it:",
        finds: "SELECT s.transaction_id AS found FROM settlement_entry s \
                LEFT JOIN settlement t ON t.id = s.settlement AND s.at_ms < t.until_ms \
                LEFT JOIN journal_entry j ON j.transaction_id = s.transaction_id AND j.at_ms = s.at_ms \
                AND j.account = CONCAT('organizer_payable:', t.organizer, ':tickets') \
                WHERE s.transaction_id > ? AND s.transaction_id <= ? AND j.transaction_id IS NULL",
    }],
};

pub(super) const PAYOUTS: Walk = Walk {
    table: "settlement",
    key: "id",
    rules: &[Rule {
        says: "what was paid to the organizer is not what the settlement says:",
        finds: "SELECT t.id AS found FROM settlement t WHERE t.id > ? AND t.id <= ? \
                AND COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                    WHERE j.transaction_id = CONCAT(t.id, '.paid') AND j.account = 'payouts'), 0) \
                <> CASE WHEN t.state = 'paid' \
                    THEN -(t.tickets + t.coupons + t.platform_fee + t.cancellation_fees) ELSE 0 END",
    }],
};

impl Ledger {
    /// INV-12: settlements are the sums of their entries, and their payments are booked.
    pub async fn audit_settlements(&self) -> Result<CheckedKeys> {
        let mut checked = self.audit(&[&ENTRIES_OF, &PAYOUTS]).await?;
        let mut after = None;
        loop {
            let page = self.stored_settlements(after, PAGE).await?;
            for settlement in &page {
                // One that is being closed changes while it is read.
                if settlement.state != SettlementState::Closing && !self.is_sum(settlement).await? {
                    let SettlementFact { organizer, period, .. } = settlement;
                    let text = format!("a settlement is not the sum of its entries: {organizer}.{period}");
                    checked.violations.push(text);
                }
            }
            let is_last = (page.len() as i64) < PAGE;
            match page.into_iter().next_back().filter(|_| !is_last) {
                Some(last) => after = Some(last),
                None => return Ok(checked),
            }
        }
    }

    async fn is_sum(&self, settlement: &SettlementFact) -> Result<bool> {
        let Some(period) = Period::parse(&settlement.period) else { return Ok(false) };
        let (mut payable, mut entries, mut after) = (Payable::default(), 0, None);
        loop {
            let part = self.written_entries(&settlement.organizer, period, after, PAGE as u32).await?;
            for entry in &part.items {
                payable.add(entry.payable);
                entries += 1;
            }
            match part.next {
                Some(next) => after = Some(next),
                None => return Ok(payable == settlement.payable && entries == settlement.entries),
            }
        }
    }
}
