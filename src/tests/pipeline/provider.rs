//! A payment provider whose answers a test sets.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use parking_lot::Mutex;
use stanchion::facts::ids::{AttemptId, OrderId, RefundId};
use stanchion::payment::{AskOutcome, Charge, Charged, Provider, Return, ReturnAsked, Returned, Unresolved};

/// Why the provider does not know.
pub fn unresolved() -> Unresolved {
    Unresolved::undecided("scripted")
}

/// The provider. A test may change its answers while it runs.
#[derive(Debug, Default)]
pub struct Scripted {
    book: Mutex<Script>,
    /// While a test holds this, no charge is answered.
    pub gate: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Script {
    /// What the provider answers when it is asked about an attempt, by payment key; unknown for other
    /// keys. `ok` and `decline` need no entry: `charge` answers them.
    asked: HashMap<String, AskOutcome>,
    refunds: Option<Returned>,
    /// A set, because an attempt that is repeated takes money only once.
    captured: HashSet<(OrderId, AttemptId)>,
    returned: HashMap<RefundId, u32>,
    /// The orders of all calls to charge, in order.
    charges: Vec<OrderId>,
    /// Refunds that were sent or asked about.
    asked_back: HashSet<RefundId>,
}

impl Scripted {
    /// Sets the answer to questions about attempts with this key.
    pub fn answer(&self, key: &str, asked: AskOutcome) {
        self.book.lock().asked.insert(key.into(), asked);
    }

    /// Sets the answer to every refund; `None`: done.
    pub fn refunds(&self, answer: Option<Returned>) {
        self.book.lock().refunds = answer;
    }

    /// How often money was taken for this order.
    pub fn captures(&self, order: &OrderId) -> usize {
        self.book.lock().captured.iter().filter(|(of, _)| of == order).count()
    }

    /// The orders that were charged or tried to be, in the order of the first call for each.
    pub fn charges(&self) -> Vec<OrderId> {
        let mut seen = HashSet::new();
        self.book.lock().charges.iter().filter(|order| seen.insert((*order).clone())).cloned().collect()
    }

    /// Refunds that the house has sent or asked about.
    pub fn asked(&self) -> HashSet<RefundId> {
        self.book.lock().asked_back.clone()
    }

    pub fn returns(&self, refund: &RefundId) -> u32 {
        self.book.lock().returned.get(refund).copied().unwrap_or(0)
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn charge(&self, charge: &Charge) -> Charged {
        self.book.lock().charges.push(charge.order.clone());
        drop(self.gate.lock().await);
        match charge.key.as_str() {
            "ok" => {
                self.book.lock().captured.insert((charge.order.clone(), charge.attempt.clone()));
                Charged::Captured
            }
            "decline" => Charged::Declined { detail: "no funds".into() },
            "panic" => panic!("a provider that panics"),
            "person" => Charged::Unknown(Unresolved::needs_person("scripted")),
            "silent" => std::future::pending().await,
            _ => Charged::Unknown(unresolved()),
        }
    }

    async fn ask(&self, charge: &Charge) -> AskOutcome {
        let answer = self.book.lock().asked.get(&charge.key).cloned().unwrap_or(AskOutcome::Unknown(unresolved()));
        if answer == AskOutcome::Captured {
            self.book.lock().captured.insert((charge.order.clone(), charge.attempt.clone()));
        }
        answer
    }

    async fn refund(&self, back: &Return) -> Returned {
        let mut book = self.book.lock();
        book.asked_back.insert(RefundId::from(back.name.clone()));
        let answer = book.refunds.clone().unwrap_or(Returned::Done);
        if answer == Returned::Done {
            *book.returned.entry(RefundId::from(back.name.clone())).or_default() += 1;
        }
        answer
    }

    async fn ask_refund(&self, back: &Return) -> ReturnAsked {
        let mut book = self.book.lock();
        book.asked_back.insert(RefundId::from(back.name.clone()));
        match &book.refunds {
            Some(Returned::Refused { detail }) => ReturnAsked::Refused { detail: detail.clone() },
            Some(Returned::WrongAccount { detail }) => ReturnAsked::WrongAccount { detail: detail.clone() },
            Some(Returned::Unknown(unresolved)) => ReturnAsked::Unknown(unresolved.clone()),
            Some(Returned::Done) | None if book.returned.contains_key(&RefundId::from(back.name.clone())) => {
                ReturnAsked::Done
            }
            Some(Returned::Done) | None => ReturnAsked::NotDone,
        }
    }
}
