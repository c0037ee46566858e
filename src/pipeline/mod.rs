//! Carries what was accepted from the lanes' logs to the ledger, and talks to the payment provider.
//! Knows no HTTP.

pub mod audit;
