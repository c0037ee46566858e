//! The embedded lanes: every operation in plain Rust, one lane = one mutex, all lanes one WAL. The rules stand at
//! the traits in `lane`; this is their executable model.
//!
//! An operation decides and emits *effects* (`effect`), which are applied at once and journaled. The answer is given
//! when the lane's last effect is on disk, so no answer says what a crash could take back. There is no cache, no
//! background work but the WAL's own thread, and no clock.

mod boards;
mod checkpoint;
mod conclude;
mod coupons;
mod dump;
mod effect;
mod embedded;
mod event_seats;
mod events;
mod hold_book;
mod line;
mod log;
mod log_queue;
mod order_book;
mod orders;
mod pick;
mod pulse;
mod recent;
mod recovery;
mod room;
mod rooms;
mod seats;
mod state;
mod step;
mod stock;
mod wal;

pub use embedded::{open, open_keeping, read_only, volatile};
pub use wal::OpenError;
pub use wal::lock::locked;
