//! What happens when something dies, hangs or forgets in the middle of a sale.

pub mod away;
mod cancel;
mod clock;
mod crash;
mod gateways;
mod wipe;
