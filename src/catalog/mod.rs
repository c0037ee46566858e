//! The catalogue of events and coupon campaigns: what is on sale, and by which rules. A change goes to the ledger
//! first, then to the lane.

mod campaign;
mod event;
mod layout;
mod room;
mod store;

pub use crate::ledger::grant::{Grant, Granted as GrantOutcome};
pub use campaign::{Campaign, faults as campaign_faults};
pub use event::{CancellationFee, Event, EventSpec, FreeHours, RowSpec, SectionSpec, SpecFaults};
pub use layout::{Layout, Section, Strip};
pub use room::{Identity, RoomPatch, RoomSpec};
pub use store::{Catalog, Edited, Error, PutCampaignOutcome, PutEventOutcome, Result};
