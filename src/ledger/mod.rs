//! The book of record: every row and all SQL.
//!
//! - [`store`]: the database, its tables, its migrations;
//! - [`rules`]: what may happen to an order, a coupon, points; no SQL;
//! - [`journal`]: double entry, through which all money moves;
//! - `sheet`: one order with all its rows, and the facts they make;
//! - [`writer`]: a batch of records in one transaction;
//! - [`read`]: what requests, rebuildings and audits read;
//! - [`settlement`]: what organizers are owed, month by month;
//! - [`wallets`]: points that move without a lane's record.
//!
//! One SQL text runs on SQLite, MariaDB and MySQL. No part of the ledger asks a lane.

pub mod audit;
pub mod campaign_version;
pub mod catalog;
pub mod checkpoints;
pub mod draws;
pub mod error;
pub mod journal;
pub mod outbox;
pub mod provider_payout;
pub mod read;
mod refund_account;
mod retention;
pub mod rules;
pub mod settlement;
mod sheet;
pub mod store;
pub mod wallets;
pub mod writer;

pub use error::{Cause, Error, Guard};
pub use refund_account::AccountNamed;
pub use store::db::{Conn, Ledger, Reader};
pub use store::replica::ReadSource;

pub type Result<T> = std::result::Result<T, Error>;
