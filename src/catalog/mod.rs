//! Events and coupon campaigns: what is on sale, and by which rules. Ledger first, then the lane.
//! Knows no visitors and no orders.

mod event;
mod layout;

pub use event::{
    CancellationFee, Control, Event, EventSpec, Faults, Identity, Order, RoomPatch, RoomSpec, RowSpec, SectionSpec,
};
pub use layout::{Layout, Section, Strip};
