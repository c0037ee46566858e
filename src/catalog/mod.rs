//! The catalogue of events and coupon campaigns: what is on sale, and by which rules. A change goes to the ledger
//! first, then to the lane.

mod campaign;
mod event;
mod layout;
mod room;
mod section;
mod store;

pub use crate::ledger::wallets::{Grant, Granted as GrantOutcome};
pub use campaign::{Campaign, faults as campaign_faults};
pub use event::{BookingFeeSpec, CancellationFee, Event, EventCancellation, EventSpec, FreeHours, SpecFaults};
pub use layout::{Layout, Section, Strip};
pub use room::{Identity, RoomPatch, RoomSpec};
pub use section::{RowSpec, SectionSpec, SoldTo};
pub use store::{Catalog, Edited, Error, PutCampaignOutcome, PutEventOutcome, Result};
