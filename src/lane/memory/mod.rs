//! The embedded lanes: every operation in plain Rust, one lane = one mutex, all lanes one journal. The rules stand at
//! the traits in `lane`; this is their executable model.
//!
//! An operation decides and emits *effects* (`effect`), which are applied at once and journaled. The answer is given
//! when the lane's last effect is on disk, so no answer says what a crash could take back. There is no cache, no
//! background work but the journal's own thread, and no clock.

mod boards;
mod campaigns;
mod checkpoint;
mod dump;
mod effect;
mod embedded;
mod events;
mod hold_book;
mod holds;
mod journal;
mod line;
mod log_queue;
mod logs;
mod order_book;
mod orders;
mod pick;
mod pulse;
mod recent;
mod restore;
mod room;
mod rooms;
mod seats;
mod settle;
mod state;
mod step;
mod stock;

pub use embedded::{open, open_keeping, read_only, volatile};
pub use journal::OpenError;
pub use journal::lock::locked;
