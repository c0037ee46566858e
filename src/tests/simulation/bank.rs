//! The payment provider of a history. It keeps the only true account of the money, and its answers depend on the
//! weather.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use stanchion::clock::{self, Instant};
use stanchion::facts::ids::{AttemptId, OrderId, RefundId};
use stanchion::payment::{
    AskOutcome, Charge, Charged, Provider, Return, ReturnAsked, Returned, Unresolved, Webhook, WebhookFault,
};

use super::weather::{Kind, Weather};

pub struct Bank {
    weather: Arc<Weather>,
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    /// Orders of which the house is still to be told that something happened.
    news: BTreeSet<OrderId>,
    charges: BTreeMap<AttemptId, ChargeEntry>,
    refunds: BTreeMap<RefundId, (OrderId, i64)>,
}

#[derive(Clone)]
struct ChargeEntry {
    order: OrderId,
    /// The amount that is taken; `None`: declined, or answered as not done.
    amount: Option<i64>,
    /// Until then nobody is told what becomes of the charge.
    under_way_until: Instant,
    /// The bank says that it took no money, and takes so much at this time.
    after_all: Option<(Instant, i64)>,
}

impl Account {
    /// Takes what is taken after all by now.
    fn settle(&mut self) {
        for charge in self.charges.values_mut() {
            if let Some((_, amount)) = charge.after_all.filter(|(at, _)| *at <= clock::instant()) {
                (charge.amount, charge.after_all) = (Some(amount), None);
                self.news.insert(charge.order.clone());
            }
        }
    }
}

impl ChargeEntry {
    fn is_under_way(&self) -> bool {
        clock::instant() < self.under_way_until
    }
}

impl Bank {
    pub fn new(weather: Arc<Weather>) -> Arc<Self> {
        Arc::new(Self { weather, account: Mutex::default() })
    }

    /// Orders that the bank tells the house of, until [`told`](Self::told).
    pub fn news(&self) -> Vec<OrderId> {
        let mut account = self.account.lock();
        account.settle();
        account.news.iter().cloned().collect()
    }

    /// Whether the bank will take money that it has said it did not take.
    pub fn has_more(&self) -> bool {
        let mut account = self.account.lock();
        account.settle();
        !account.news.is_empty() || account.charges.values().any(|charge| charge.after_all.is_some())
    }

    /// The house has noted a webhook about this order.
    pub fn told(&self, order: &OrderId) {
        self.account.lock().news.remove(order);
    }

    /// When the bank takes the money after all; `None`: never, as it should be.
    fn after_all(&self, amount: i64) -> Option<(Instant, i64)> {
        // Declines are rare, so each has several chances.
        let strikes = (0..8).any(|_| self.weather.strikes(Kind::BankAfterAll));
        strikes.then(|| (clock::instant() + self.weather.delay(5_000, 120_000), amount))
    }

    /// What the buyer of an order has paid, and got back.
    pub fn of(&self, order: &str) -> (i64, i64) {
        let account = self.account.lock();
        let paid = account.charges.values().filter(|charge| charge.order.as_str() == order);
        let back = account.refunds.values().filter(|(of, _)| of.as_str() == order);
        (paid.filter_map(|charge| charge.amount).sum(), back.map(|(_, amount)| amount).sum())
    }

    /// The orders of which an attempt has reached the bank.
    pub fn orders(&self) -> BTreeSet<String> {
        self.account.lock().charges.values().map(|charge| charge.order.to_string()).collect()
    }

    async fn slow(&self) {
        if self.weather.strikes(Kind::BankSlow) {
            tokio::time::sleep(self.weather.delay(100, 8_000)).await;
        }
    }
}

#[async_trait]
impl Provider for Bank {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn charge(&self, charge: &Charge) -> Charged {
        self.slow().await;
        if self.weather.strikes(Kind::BankDeaf) {
            return Charged::Unknown(Unresolved::away("deaf"));
        }
        let amount = (charge.key != "decline").then_some(charge.amount);
        let is_late = self.weather.strikes(Kind::BankLate);
        let time = if is_late { self.weather.delay(10_000, 240_000) } else { Duration::ZERO };
        let after_all = if amount.is_none() { self.after_all(charge.amount) } else { None };
        let new =
            ChargeEntry { order: charge.order.clone(), amount, under_way_until: clock::instant() + time, after_all };
        let entry = self.account.lock().charges.entry(charge.attempt.clone()).or_insert(new).clone();
        self.slow().await;
        match entry.amount {
            _ if entry.is_under_way() => Charged::Unknown(Unresolved::undecided("under way")),
            _ if self.weather.strikes(Kind::BankSilent) => Charged::Unknown(Unresolved::away("silent")),
            Some(_) => Charged::Captured,
            None => Charged::Declined { detail: "no funds".into() },
        }
    }

    async fn ask(&self, charge: &Charge) -> AskOutcome {
        self.slow().await;
        if self.weather.strikes(Kind::BankSilent) {
            return AskOutcome::Unknown(Unresolved::away("silent"));
        }
        let after_all = self.after_all(charge.amount);
        let mut account = self.account.lock();
        account.settle();
        match account.charges.get(&charge.attempt) {
            Some(charge) if charge.is_under_way() => AskOutcome::Unknown(Unresolved::undecided("under way")),
            Some(ChargeEntry { amount: Some(_), .. }) => AskOutcome::Captured,
            Some(ChargeEntry { amount: None, .. }) => AskOutcome::Declined { detail: "no funds".into() },
            None => {
                // An attempt that the bank calls not done is never done later, but for an unkind bank's.
                let order = charge.order.clone();
                let entry = ChargeEntry { order, amount: None, under_way_until: clock::instant(), after_all };
                account.charges.insert(charge.attempt.clone(), entry);
                AskOutcome::NotDone
            }
        }
    }

    async fn refund(&self, back: &Return) -> Returned {
        self.slow().await;
        if self.weather.strikes(Kind::BankDeaf) {
            return Returned::Unknown(Unresolved::away("deaf"));
        }
        {
            let mut account = self.account.lock();
            let Some(ChargeEntry { order, .. }) = account.charges.get(&back.attempt).cloned() else {
                return Returned::Refused { detail: "never charged".into() };
            };
            account.refunds.entry(RefundId::from(back.name.clone())).or_insert((order, back.amount));
        }
        self.slow().await;
        match self.weather.strikes(Kind::BankSilent) {
            true => Returned::Unknown(Unresolved::away("silent")),
            false => Returned::Done,
        }
    }

    /// A webhook is the order's id.
    fn hint(&self, webhook: Webhook<'_>) -> Result<Option<OrderId>, WebhookFault> {
        serde_json::from_slice(webhook.body).map(Some).map_err(|_| WebhookFault::Refused)
    }

    async fn ask_refund(&self, back: &Return) -> ReturnAsked {
        self.slow().await;
        match self.account.lock().refunds.contains_key(&RefundId::from(back.name.clone())) {
            _ if self.weather.strikes(Kind::BankSilent) => ReturnAsked::Unknown(Unresolved::away("silent")),
            true => ReturnAsked::Done,
            false => ReturnAsked::NotDone,
        }
    }
}
