//! What the pipeline needs of a payment provider: charge, refund, and asking what became of either.
//! Knows no orders' states, no points and no SQL.
//!
//! A provider never decides what *unknown* means: whatever is not a definite answer is
//! [`Charged::Unknown`], and the caller asks later. Time limits are the caller's; a call may be dropped
//! at any await and repeated with the same key.

pub mod sandbox;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::ids::{AttemptId, OrderId, RefundId};

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
    /// For good. `detail` is for the buyer: at most 255 characters, nothing internal.
    Declined {
        detail: String,
    },
    /// No answer, or none that can be believed.
    Unknown,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Captured,
    Declined {
        detail: String,
    },
    /// The provider knows it never happened and never will.
    NotDone,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    Done,
    /// For good.
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
    /// Never seen: send it again.
    NotDone,
    Unknown,
}

/// A payment provider. Every call is idempotent by its key.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// As orders name it.
    fn name(&self) -> &'static str;
    async fn charge(&self, charge: &Charge) -> Charged;
    async fn ask(&self, charge: &Charge) -> Asked;
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
