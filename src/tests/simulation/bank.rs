//! The payment provider of a history. It keeps the only true account of the money, and its answers depend on the
//! weather.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use stanchion::clock::{self, Instant};
use stanchion::facts::ids::{AttemptId, OrderId, RefundId};
use stanchion::facts::order::DepositFact;
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
    /// The buyer was given an account to pay into.
    deposit: Option<BankDeposit>,
}

/// An account that a buyer pays into.
#[derive(Clone)]
struct BankDeposit {
    /// What is to be paid in.
    due: i64,
    /// When the money comes, is taken back, comes again, the next first.
    turns: Vec<Instant>,
    is_open: bool,
}

impl Account {
    /// Takes what is taken after all by now.
    fn settle(&mut self) {
        for charge in self.charges.values_mut() {
            if let Some((_, amount)) = charge.after_all.filter(|(at, _)| *at <= clock::instant()) {
                (charge.amount, charge.after_all) = (Some(amount), None);
                self.news.insert(charge.order.clone());
            }
            let Some(deposit) = &mut charge.deposit else { continue };
            // What the house has sent back, nobody takes back.
            let is_spent = self.refunds.values().any(|(order, _)| *order == charge.order);
            while deposit.turns.first().is_some_and(|at| *at <= clock::instant()) {
                deposit.turns.remove(0);
                match charge.amount {
                    None if deposit.is_open => charge.amount = Some(deposit.due),
                    Some(_) if !is_spent => charge.amount = None,
                    None | Some(_) => continue,
                }
                self.news.insert(charge.order.clone());
            }
        }
    }

    /// What has become of a deposit; `None`: the charge is none.
    fn deposited(&mut self, charge: &Charge) -> Option<AskOutcome> {
        self.settle();
        let entry = self.charges.get_mut(&charge.attempt)?;
        let deposit = entry.deposit.as_mut()?;
        Some(match (entry.amount, charge.deposit_until_ms) {
            (Some(_), _) => AskOutcome::Captured,
            (None, Some(expires_ms)) if deposit.is_open => {
                let (bank, account, holder) = ("Bank".to_owned(), "1234567890".to_owned(), "House".to_owned());
                AskOutcome::Awaiting(DepositFact { bank, account, holder, expires_ms })
            }
            (None, _) => {
                deposit.is_open = false;
                deposit.turns.clear();
                AskOutcome::Declined { detail: "the account is closed".into() }
            }
        })
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
        let will_change = |charge: &ChargeEntry| {
            charge.after_all.is_some() || charge.deposit.as_ref().is_some_and(|deposit| !deposit.turns.is_empty())
        };
        !account.news.is_empty() || account.charges.values().any(will_change)
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

    /// The account for a buyer who wants to pay into one, and when the money comes and goes.
    fn deposit(&self, charge: &Charge) -> Option<BankDeposit> {
        charge.deposit_until_ms.filter(|_| charge.key == "deposit")?;
        let mut at = clock::instant() + self.weather.delay(1_000, 120_000);
        let mut turns = vec![at];
        // Deposits are rare, so each has several chances.
        while turns.len() < 5 && (0..8).any(|_| self.weather.strikes(Kind::BankUndone)) {
            at += self.weather.delay(1_000, 40_000);
            turns.push(at);
        }
        Some(BankDeposit { due: charge.amount, turns, is_open: true })
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
        let deposit = self.deposit(charge);
        let amount = (charge.key == "ok").then_some(charge.amount);
        let is_late = self.weather.strikes(Kind::BankLate);
        let time = if is_late { self.weather.delay(10_000, 240_000) } else { Duration::ZERO };
        let declined = amount.is_none() && deposit.is_none();
        let after_all = if declined { self.after_all(charge.amount) } else { None };
        let new = ChargeEntry {
            order: charge.order.clone(),
            amount,
            under_way_until: clock::instant() + time,
            after_all,
            deposit,
        };
        let entry = self.account.lock().charges.entry(charge.attempt.clone()).or_insert(new).clone();
        self.slow().await;
        match entry.amount {
            _ if entry.is_under_way() => Charged::Unknown(Unresolved::undecided("under way")),
            _ if self.weather.strikes(Kind::BankSilent) => Charged::Unknown(Unresolved::away("silent")),
            _ if entry.deposit.is_some() => match self.account.lock().deposited(charge) {
                Some(AskOutcome::Captured) => Charged::Captured,
                Some(AskOutcome::Awaiting(deposit)) => Charged::Awaiting(deposit),
                _ => Charged::Declined { detail: "the account is closed".into() },
            },
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
            Some(ChargeEntry { deposit: Some(_), .. }) => account.deposited(charge).expect("it is one"),
            Some(ChargeEntry { amount: Some(_), .. }) => AskOutcome::Captured,
            Some(ChargeEntry { amount: None, .. }) => AskOutcome::Declined { detail: "no funds".into() },
            None => {
                // An attempt that the bank calls not done is never done later, but for an unkind bank's.
                let order = charge.order.clone();
                let deposit = None;
                let entry = ChargeEntry { order, amount: None, under_way_until: clock::instant(), after_all, deposit };
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
            account.settle();
            let Some(ChargeEntry { order, deposit, amount, .. }) = account.charges.get(&back.attempt).cloned() else {
                return Returned::Refused { detail: "never charged".into() };
            };
            if deposit.is_some() {
                let to = back.account.as_ref().expect("a deposit goes back to an account");
                if amount.is_none() {
                    return Returned::Refused { detail: "taken back".into() };
                }
                if to.number.starts_with('0') {
                    return Returned::WrongAccount { detail: "no such account".into() };
                }
            }
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
