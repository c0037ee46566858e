//! Stanchion: a high-concurrency ticketing and waiting-room gateway.
//!
//! A request comes in at `edge`, which asks `admission` (the line) and `inventory` (seats, holds, orders). Both take
//! steps in a `lane`. A lane's log goes through the `pipeline` into the `ledger`. `tests/tree/rules.rs` says which
//! stage may use which; every stage may use [`facts`].

pub mod app;
pub mod cli;

pub mod edge;

pub mod admission;
pub mod catalog;
pub mod inventory;
pub mod lane;
pub mod ledger;
pub mod payment;
pub mod pipeline;
pub mod web;

pub mod demo;

pub mod facts;

pub mod client;
pub mod clock;
pub mod config;
pub mod limiter;
pub mod metrics;
pub mod random;
pub mod seal;
pub mod shutdown;

/// Longer texts, for readers of the code and for those who run it.
pub mod docs {
    #[doc = include_str!("docs/visitor.md")]
    pub mod visitor {}

    #[doc = include_str!("docs/order.md")]
    pub mod order {}

    #[doc = include_str!("docs/glossary.md")]
    pub mod glossary {}

    #[doc = include_str!("docs/invariants.md")]
    pub mod invariants {}

    #[doc = include_str!("docs/limits.md")]
    pub mod limits {}

    #[doc = include_str!("docs/operate.md")]
    pub mod operate {}

    #[doc = include_str!("docs/purchase.md")]
    pub mod purchase {}

    #[doc = include_str!("docs/prices.md")]
    pub mod prices {}

    #[doc = include_str!("docs/books.md")]
    pub mod books {}

    #[doc = include_str!("docs/shop.md")]
    pub mod shop {}

    #[doc = include_str!("docs/webhooks.md")]
    pub mod webhooks {}

    #[doc = include_str!("docs/kafka.md")]
    pub mod kafka {}

    #[doc = include_str!("docs/measured.md")]
    pub mod measured {}
}
