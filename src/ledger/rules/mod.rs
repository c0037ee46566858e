//! What may happen to an order, a coupon and points. A rule changes rows in memory; it reads and writes no database.

pub(in crate::ledger) mod call;
pub(in crate::ledger) mod confirm;
pub(in crate::ledger) mod coupon;
pub mod coupons;
pub mod left_to_pay;
pub mod line;
pub(in crate::ledger) mod pay;
pub(in crate::ledger) mod place;
pub(in crate::ledger) mod placed;
pub mod points;
pub mod quote;
pub(in crate::ledger) mod refund;
pub(in crate::ledger) mod refunded;
pub(in crate::ledger) mod release;
pub(in crate::ledger) mod terms;
mod told;
