//! What happens when something dies, hangs or forgets in the middle of a sale.

pub mod away;
mod crash;
mod gateways;
mod wipe;
