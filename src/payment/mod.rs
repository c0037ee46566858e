//! Payment providers, as the pipeline needs them: charge, refund, and ask what became of either.
//!
//! A provider never decides what *unknown* means: an answer that is not definite is a [`Unresolved`], and the caller asks
//! later. The caller sets the time limits. It may drop a call at any await and repeat it with the same key.
//!
//! Which fields each provider is sent, and what its answers mean, stands in `README.md` beside this file.

#![deny(missing_docs)]

mod amount;
mod client;
mod codes;
pub mod portone;
pub mod sandbox;
mod signature;
pub mod toss;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;

pub use client::ProviderFault;

use crate::facts::bank_account::BankAccount;
use crate::facts::ids::{AttemptId, FactKind, OrderId, fact_lane};
use crate::facts::order::DepositFact;
use crate::facts::time::Millis;

/// One attempt to pay an order. `attempt` is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Id of the attempt.
    pub attempt: AttemptId,
    /// The order that is paid.
    pub order: OrderId,
    /// Minor units, above zero.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The provider's own token for this payment.
    pub key: String,
    /// The house takes a deposit for it, and waits for it until this time. `None`: it takes none (any more), and an account
    /// that a buyer could pay into is closed.
    pub deposit_until_ms: Option<Millis>,
    /// How long ago the attempt was opened.
    pub age: Duration,
}

/// Money sent back from a captured attempt. `name` is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// Names the refund at the provider: its id, and which of the accounts that its buyer named this is, from the second
    /// on. The same for every repeat.
    pub name: String,
    /// Where the money of a deposit goes. `None`: the way it came.
    pub account: Option<BankAccount>,
    /// The captured attempt whose money goes back.
    pub attempt: AttemptId,
    /// The order that was paid.
    pub order: OrderId,
    /// The provider's own token for the captured payment.
    pub key: String,
    /// Minor units, above zero.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// No tax is inside the amount, as the event says.
    pub is_tax_free: bool,
    /// The reason of the refund; may be empty.
    pub reason: String,
    /// How long ago the refund was asked for.
    pub age: Duration,
}

/// Why a call has no definite answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// What kind it is; it decides how the caller goes on.
    pub kind: UnresolvedKind,
    /// For an operator: at most 255 characters, no secrets.
    pub detail: String,
}

/// The ways in which a call can be unresolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnresolvedKind {
    /// The provider gave no answer, or answered that it cannot: a time-out, a lost connection, an error of its own.
    /// Many of these in a row mean that it is down.
    Away,
    /// The provider answered that the call is not decided yet.
    Undecided,
    /// Time alone will not settle it: our key is refused, or the provider knows of something that the house does not.
    NeedsPerson,
}

impl Unresolved {
    /// See [`UnresolvedKind::Away`].
    pub fn away(detail: impl AsRef<str>) -> Self {
        Self { kind: UnresolvedKind::Away, detail: short(detail.as_ref()) }
    }

    /// See [`UnresolvedKind::Undecided`].
    pub fn undecided(detail: impl AsRef<str>) -> Self {
        Self { kind: UnresolvedKind::Undecided, detail: short(detail.as_ref()) }
    }

    /// See [`UnresolvedKind::NeedsPerson`].
    pub fn needs_person(detail: impl AsRef<str>) -> Self {
        Self { kind: UnresolvedKind::NeedsPerson, detail: short(detail.as_ref()) }
    }
}

/// What a buyer reads when an account that they could pay into is closed.
pub(crate) const NO_DEPOSIT: &str = "no deposit is waited for; the account is closed";

/// What became of a refund of which a payment shows these cancellations. One that is done counts before one that is not
/// decided, and that before one that failed.
pub(crate) fn best_of(found: impl Iterator<Item = ReturnAsked>) -> ReturnAsked {
    let (mut done, mut best) = (0, ReturnAsked::NotDone);
    for one in found {
        match one {
            ReturnAsked::Done => done += 1,
            ReturnAsked::Unknown(_) => best = one,
            ReturnAsked::Refused { .. } | ReturnAsked::WrongAccount { .. } if best == ReturnAsked::NotDone => {
                best = one
            }
            ReturnAsked::Refused { .. } | ReturnAsked::WrongAccount { .. } | ReturnAsked::NotDone => {}
        }
    }
    match done {
        0 => best,
        1 => ReturnAsked::Done,
        _ => ReturnAsked::Unknown(Unresolved::needs_person("the refund was made more than once")),
    }
}

/// The text as an order's id; `None`: the house makes no such ids.
pub(crate) fn order_id(text: &str) -> Option<OrderId> {
    fact_lane(FactKind::Order, text).map(|_| OrderId::from(text))
}

/// A text of a provider as the house keeps it: without control characters, at most 255 characters.
pub(crate) fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(255).collect()
}

/// A text of an account as the house keeps it: without control characters, at most 64 characters.
pub(crate) fn brief(text: &str) -> String {
    short(text).chars().take(64).collect()
}

/// The answer to a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// The provider took the money.
    Captured,
    /// The buyer has this account to pay into, and the money is not there yet.
    Awaiting(DepositFact),
    /// The provider declined for good; no money moved.
    Declined {
        /// A text that a buyer may read: at most 255 characters, nothing internal.
        detail: String,
    },
    /// The provider gave no answer, or none that can be believed.
    Unknown(Unresolved),
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskOutcome {
    /// The provider took the money.
    Captured,
    /// The buyer has this account to pay into, and the money is not there (any more).
    Awaiting(DepositFact),
    /// The provider declined for good; no money moved.
    Declined {
        /// As in [`Charged::Declined`].
        detail: String,
    },
    /// The provider knows that the charge never happened and never will.
    NotDone,
    /// The provider gave no answer, or none that can be believed.
    Unknown(Unresolved),
}

/// The answer to a refund that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// The money is back.
    Done,
    /// The provider refused for good; no money moved.
    Refused {
        /// A text that a buyer may read: at most 255 characters, nothing internal.
        detail: String,
    },
    /// The money cannot go to this account. No money moved; it may go to another.
    WrongAccount {
        /// As in [`Returned::Refused`].
        detail: String,
    },
    /// The provider gave no answer, or none that can be believed.
    Unknown(Unresolved),
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnAsked {
    /// The money is back.
    Done,
    /// The provider refused for good; no money moved.
    Refused {
        /// As in [`Returned::Refused`].
        detail: String,
    },
    /// As [`Returned::WrongAccount`].
    WrongAccount {
        /// As in [`Returned::Refused`].
        detail: String,
    },
    /// The provider has never seen the refund: send it again.
    NotDone,
    /// The provider gave no answer, or none that can be believed.
    Unknown(Unresolved),
}

/// What a provider's books say of one payment. Minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PaymentBooked {
    /// What it took from the buyer.
    pub captured: i64,
    /// What it gave back of that.
    pub returned: i64,
}

/// A message that a provider sent by itself, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<'a> {
    /// The headers of its request.
    pub headers: &'a HeaderMap,
    /// The body of its request.
    pub body: &'a [u8],
    /// When it came.
    pub at_ms: Millis,
}

/// Why a webhook says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFault {
    /// This provider sends none, or the secret that verifies them is not configured.
    NotTaken,
    /// It is not signed by the provider, it is old, or it cannot be read.
    Refused,
}

/// A payment provider. Every call is idempotent by its key.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The name that orders and attempts use.
    fn name(&self) -> &'static str;
    /// Takes the money. A repeat with the same attempt takes nothing more.
    async fn charge(&self, charge: &Charge) -> Charged;
    /// Asks what became of a charge.
    async fn ask(&self, charge: &Charge) -> AskOutcome;
    /// Sends money back. A repeat with the same refund sends nothing more.
    async fn refund(&self, back: &Return) -> Returned;
    /// Asks what became of a refund.
    async fn ask_refund(&self, back: &Return) -> ReturnAsked;
    /// Reads what the provider's books say of a payment, and changes nothing. `None`: it knows no such payment.
    async fn booked(&self, _key: &str, _currency: &str) -> Result<Option<PaymentBooked>, Unresolved> {
        Err(Unresolved::needs_person("this provider keeps no books"))
    }
    /// The order that a webhook is about; `None`: none of ours. Nothing else of it is believed: it says when to ask.
    fn hint(&self, _webhook: Webhook<'_>) -> Result<Option<OrderId>, WebhookFault> {
        Err(WebhookFault::NotTaken)
    }
}

/// The configured providers, by the name that orders and attempts use; clones share them.
#[derive(Clone, Default)]
pub struct Registry(Arc<BTreeMap<&'static str, Arc<dyn Provider>>>);

impl Registry {
    /// The provider of this name; `None` when it is not configured (any more).
    pub fn get(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.0.get(name).cloned()
    }

    /// The names of the configured providers.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl FromIterator<Arc<dyn Provider>> for Registry {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Provider>>>(providers: I) -> Self {
        Self(Arc::new(providers.into_iter().map(|provider| (provider.name(), provider)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_cancellations_the_one_that_is_done_counts() {
        let refused = || ReturnAsked::Refused { detail: "x".into() };
        let pending = || ReturnAsked::Unknown(Unresolved::undecided("REQUESTED"));
        let best = |found: Vec<ReturnAsked>| best_of(found.into_iter());
        assert_eq!(best(vec![]), ReturnAsked::NotDone);
        assert_eq!(best(vec![refused()]), refused());
        assert_eq!(best(vec![refused(), ReturnAsked::Done]), ReturnAsked::Done);
        assert_eq!(best(vec![pending(), refused()]), pending());
        assert_eq!(best(vec![refused(), pending()]), pending());
        assert_eq!(best(vec![pending(), ReturnAsked::Done, refused()]), ReturnAsked::Done);
        let twice = best(vec![ReturnAsked::Done, ReturnAsked::Done]);
        assert!(matches!(twice, ReturnAsked::Unknown(why) if why.kind == UnresolvedKind::NeedsPerson));
    }
}
