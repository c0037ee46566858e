//! What happens when something dies, hangs or forgets in the middle of a sale.

mod away;
mod crash;
mod gateways;
mod wipe;
