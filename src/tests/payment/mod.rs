//! Payment providers: each against a server that speaks its published contract and misbehaves on demand.

mod calls;
mod deposit_calls;
mod deposits;
mod house;
mod portone;
mod portone_calls;
mod reconcile;
mod toss;
