//! Compares the ledger with what a payment provider says: payment by payment, asked at the provider or read from its
//! settlement file. It only reads.
//!
//! What differs at the first look may be under way. So it is looked at again after a while, and counts only when it still
//! differs.

mod file;
mod payment;

use std::collections::BTreeMap;
use std::time::Duration;

pub use file::{Columns, FileFault, FilePayment, read_file};
pub use payment::{Difference, HousePayment};

use crate::facts::fault::Fault;
use crate::facts::record::payment_named;
use crate::facts::time::Millis;
use crate::lane::Lanes;
use crate::ledger::read::PaymentEntry;
use crate::ledger::{self, Ledger};
use crate::payment::{PaymentBooked, Provider, Unresolved};

/// Attempts in one read.
const PAGE: u32 = 500;

/// How long what differs may be under way.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// How much earlier than the time of a file a payment may have been made that the file gives back.
const GIVEN_BACK_WITHIN_MS: Millis = 400 * 86_400_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the ledger could not be read")]
    Ledger(#[from] ledger::Error),
    #[error("a lane could not be read")]
    Lane(#[from] Fault),
}

/// What is compared.
pub struct Reconcile<'r> {
    pub ledger: &'r Ledger,
    pub lanes: &'r Lanes,
    pub provider: &'r dyn Provider,
    pub from_ms: Millis,
    pub until_ms: Millis,
}

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Payments compared.
    pub payments: usize,
    /// What the ledger says that was captured of them, and given back. Minor units.
    pub captured: i64,
    pub returned: i64,
    pub differences: Vec<Difference>,
    /// Payments that the provider could not tell of, each with the reason.
    pub unanswered: Vec<(String, String)>,
}

impl Reconcile<'_> {
    /// Asks the provider about every payment of the time. `progress` is told how many were asked.
    pub async fn ask(&self, progress: impl Fn(usize)) -> Result<Reconciled, Error> {
        let payments = self.payments(self.from_ms, |_, _| true).await?;
        let mut done = Reconciled::default();
        let mut again: Vec<&HousePayment> = Vec::new();
        for (nth, payment) in payments.values().enumerate() {
            progress(nth);
            done.count(payment);
            match self.booked(payment).await {
                Err(unresolved) => done.unanswered.push((payment.key.clone(), unresolved.detail)),
                Ok(booked) if payment.fits(booked) && self.lane_fits(payment).await? => {}
                Ok(_) => again.push(payment),
            }
        }
        if again.is_empty() {
            return Ok(done);
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        let now = self.payments(self.from_ms, |_, _| true).await?;
        for payment in again.into_iter().filter_map(|payment| now.get(&payment.key)) {
            match self.booked(payment).await {
                Err(unresolved) => done.unanswered.push((payment.key.clone(), unresolved.detail)),
                Ok(booked) => done.differences.extend(payment.difference(self.provider.name(), booked)),
            }
            done.differences.extend(self.lane_difference(payment).await?);
        }
        Ok(done)
    }

    /// Compares with the provider's settlement file of the time.
    pub async fn compare(&self, file: &BTreeMap<String, FilePayment>) -> Result<Reconciled, Error> {
        let within = |at_ms: Millis| (self.from_ms..self.until_ms).contains(&at_ms);
        let concerns = |key: &str, entry: &PaymentEntry| {
            file.contains_key(key) || within(entry.updated_ms) || entry.returned_within > 0
        };
        let payments = self.payments(self.from_ms - GIVEN_BACK_WITHIN_MS, concerns).await?;
        let mut done = Reconciled::default();
        for payment in payments.values() {
            done.count(payment);
            let row = file.get(&payment.key).copied().unwrap_or_default();
            done.differences.extend(payment.difference_in_file(row, within(payment.updated_ms)));
        }
        let unknown = file.iter().filter(|(key, _)| !payments.contains_key(*key));
        done.differences.extend(unknown.map(|(key, row)| Difference::unknown(key, *row)));
        Ok(done)
    }

    async fn booked(&self, payment: &HousePayment) -> Result<PaymentBooked, Unresolved> {
        Ok(self.provider.booked(&payment.key, &payment.currency).await?.unwrap_or_default())
    }

    /// The payments that attempts from this time on name, by their key at the provider.
    async fn payments(
        &self,
        from_ms: Millis,
        concerns: impl Fn(&str, &PaymentEntry) -> bool,
    ) -> Result<BTreeMap<String, HousePayment>, Error> {
        let (mut found, mut after) = (BTreeMap::new(), None);
        loop {
            let (made, within) = ((from_ms, self.until_ms), (self.from_ms, self.until_ms));
            let part = self.ledger.payments(self.provider.name(), made, within, after, PAGE).await?;
            for entry in part.items {
                let key = payment_named(self.provider.name(), &entry.key).unwrap_or(entry.id.as_str()).to_owned();
                if !concerns(&key, &entry) {
                    continue;
                }
                found.entry(key.clone()).or_insert_with(|| HousePayment::new(key, &entry)).add(entry);
            }
            match part.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn lane_fits(&self, payment: &HousePayment) -> Result<bool, Error> {
        Ok(self.lane_difference(payment).await?.is_none())
    }

    /// What the lane shows otherwise of the orders that the payment pays. An order that has left its lane is not shown.
    async fn lane_difference(&self, payment: &HousePayment) -> Result<Option<Difference>, Error> {
        for entry in &payment.attempts {
            let Some(lane) = self.lanes.get(entry.lane) else { continue };
            let shown = lane.orders(std::slice::from_ref(&entry.order)).await?.pop().flatten();
            let Some(shown) = shown.and_then(|order| order.payment) else { continue };
            if shown.captured < entry.captured || shown.cancelled < entry.returned {
                return Ok(Some(Difference::in_lane(payment, entry, shown.captured, shown.cancelled)));
            }
        }
        Ok(None)
    }
}

impl Reconciled {
    fn count(&mut self, payment: &HousePayment) {
        self.payments += 1;
        self.captured += payment.captured;
        self.returned += payment.returned;
    }
}
