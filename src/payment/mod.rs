//! Payment providers, as the pipeline needs them: charge, refund, and ask what became of either.
//!
//! A provider never decides what *unknown* means: an answer that is not definite is [`Charged::Unknown`], and the
//! caller asks later. The caller sets the time limits. It may drop a call at any await and repeat it with the same key.

pub mod sandbox;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::facts::ids::{AttemptId, OrderId, RefundId};

/// One attempt to pay an order. `attempt` is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub attempt: AttemptId,
    pub order: OrderId,
    /// Minor units, above zero.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The provider's own token for this payment.
    pub key: String,
}

/// Money sent back from a captured attempt. `refund` is the provider's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    pub refund: RefundId,
    pub attempt: AttemptId,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    Captured,
    /// Declined for good. `detail` is for the buyer: at most 255 characters, nothing internal.
    Declined {
        detail: String,
    },
    /// No answer, or none that can be believed.
    Unknown,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskOutcome {
    Captured,
    Declined {
        detail: String,
    },
    /// The provider knows that the charge never happened and never will.
    NotDone,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    Done,
    /// Refused for good.
    Refused {
        detail: String,
    },
    Unknown,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnAsked {
    Done,
    Refused {
        detail: String,
    },
    /// The provider has never seen the refund: send it again.
    NotDone,
    Unknown,
}

/// A payment provider. Every call is idempotent by its key.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The name that orders and attempts use.
    fn name(&self) -> &'static str;
    async fn charge(&self, charge: &Charge) -> Charged;
    async fn ask(&self, charge: &Charge) -> AskOutcome;
    async fn refund(&self, back: &Return) -> Returned;
    async fn ask_refund(&self, back: &Return) -> ReturnAsked;
}

/// The configured providers, by the name that orders and attempts use; clones share them.
#[derive(Clone, Default)]
pub struct Registry(Arc<BTreeMap<&'static str, Arc<dyn Provider>>>);

impl Registry {
    /// The provider of this name; `None` when it is not configured (any more).
    pub fn get(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.0.get(name).cloned()
    }
}

impl FromIterator<Arc<dyn Provider>> for Registry {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Provider>>>(providers: I) -> Self {
        Self(Arc::new(providers.into_iter().map(|provider| (provider.name(), provider)).collect()))
    }
}
