//! How the ledger remembers a lane, how the lane is rebuilt from it, and what the audit reads.

#![deny(missing_docs)]

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::facts::checkpoint::{Checkpoint, DrawsTaken, Look, RestoredOrder};
use crate::facts::coupon::Claim;
use crate::facts::hold::HoldFact;
use crate::facts::ids::{CampaignId, EventId, LogId, SeatIndex, VisitorId};
use crate::facts::order::OrderFact;
use crate::facts::room::{RoomCounts, RoomSettings};
use crate::facts::seat::SeatTally;
use crate::facts::time::Millis;
use crate::lane::Result;
use crate::lane::coupons::CampaignPut;
use crate::lane::events::EventPut;

/// What a writer does with a whole lane.
#[async_trait]
pub trait Recovery {
    /// Up to `max` (1 to [`DRAWN_MAX`]) of the drawn visitors after this one, bytewise by id; `None`: no such event.
    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>>;

    /// What the ledger keeps of a room; `None`: no such event in this lane.
    async fn checkpoint(&self, event: &EventId, told: DrawsTaken) -> Result<Option<Look>>;

    /// Closes the doors of a lane that is to be rebuilt. The lane is recovering from then on. But `read_log` still
    /// answers to the end of the log, also when the lane is behind, so that the writer can take what the doors accepted
    /// to the ledger before `begin_restore` drops it. A lane that was never built or is being rebuilt is left alone.
    async fn seal(&self) -> Result<()>;

    /// As [`seal`](Self::seal), but called by a gateway, and without effect unless the lane is behind what that gateway
    /// has seen of it. Perhaps only that gateway knows; the seal makes the writer rebuild the lane.
    async fn seal_if_behind(&self) -> Result<()>;

    /// Starts rebuilding under a new generation. Everything the lane had is dropped. Until `end_restore`, every
    /// operation answers [`Fault::Recovering`](crate::facts::fault::Fault), except `meta`, the lease, `seal`, and the
    /// four of a rebuilding: `begin_restore`, `restore_event`, `restore_campaign` and `end_restore`.
    ///
    /// The lease stays; the next log id is `log + 1`. A generation below the lane's, or equal to it while the lane is
    /// not being rebuilt, is [`Fault::Contract`](crate::facts::fault::Fault): it would wipe a good lane. The other
    /// three are also refused so outside a rebuilding, or with another generation than the one begun: a writer that was
    /// overtaken must not write into what the next one rebuilds. (A repeat of the last `end_restore` is accepted.)
    async fn begin_restore(&self, now_ms: Millis, generation: u64, log: LogId) -> Result<()>;

    /// Puts an event as the ledger knows it. Replaces the event if it is there already.
    ///
    /// The room begins with the given epoch and nobody waiting. Without a checkpoint it is in round 1, with serial 0,
    /// nobody inside and a full bucket. With one it has the checkpoint's round, serial, total, head, places inside and
    /// spent marks. It is drawing if the checkpoint was, and not otherwise: drawing begins only with a round. Its
    /// bucket is empty, because nobody knows how many were let in since the checkpoint.
    ///
    /// Each order's fact and hold are stored, the hold `Ordered` by the order. Seats take their state, and the order as
    /// owner, even when they were blocked; `taken` counts them for the order's user. An order that is not final leaves
    /// its hold open (counted for its visitor); the hold of a final one has ended now. How long an order stays is
    /// counted from now.
    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()>;

    /// Puts a campaign as the ledger knows it, with all of its claims.
    async fn restore_campaign(
        &self,
        now_ms: Millis,
        generation: u64,
        put: CampaignPut,
        claims: Vec<Claim>,
    ) -> Result<()>;

    /// Opens the lane. Its rooms recover from now on, however long the rebuilding took.
    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()>;

    /// Everything the audit needs of an event; `None`: no such event.
    ///
    /// A store may read it in pages. Each seat fits its owner, and `tally` fits `counts`, but the rest is of one moment
    /// only where the dump is not `torn`. Holds and orders are in order of id, and `taken` is in order of user, without
    /// zeros. Holds are as stored (one that ran out and is not swept reads `Held`), and orders as `orders` shows them.
    /// `counts.mode` is the stored mode, because this call has no time by which to tell the one in force.
    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>>;

    /// Everything the audit needs of a campaign; `None`: no such campaign.
    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>>;
}

/// The operations of [`Recovery`], as metrics name them.
pub const OPERATIONS: &[&str] = &[
    "drawn",
    "checkpoint",
    "seal",
    "seal_if_behind",
    "begin_restore",
    "restore_event",
    "restore_campaign",
    "end_restore",
    "dump_event",
    "dump_campaign",
];

/// Most drawn visitors read at once.
pub const DRAWN_MAX: usize = 5_000;

/// An event as the ledger knows it, to rebuild a lane from.
#[derive(Debug, Clone)]
pub struct EventRestore {
    /// The generation that was begun.
    pub generation: u64,
    /// Layout and settings of the event.
    pub put: EventPut,
    /// Above every epoch given before, so that newcomers stand behind.
    pub epoch: i64,
    /// The room as the ledger has it; `None`: the ledger has nothing of it.
    pub checkpoint: Option<Checkpoint>,
    /// Visitors whose draws are spent, as the ledger has them. The lane does not report them as changes.
    pub spent_draws: Vec<VisitorId>,
    /// How long the room recovers, from `end_restore` on, ms; 0: not at all.
    pub recover_ms: Millis,
    /// Orders whose seats are paying or sold, and whose facts a refund needs.
    pub orders: Vec<RestoredOrder>,
}

/// An event as the audit looks at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventDump {
    /// Version of the event that the lane has.
    pub version: i64,
    /// The tally of the seat string as it was when the counters were read.
    pub tally: SeatTally,
    /// The seat string as it was when the owners were read.
    pub seats: Vec<u8>,
    /// Each taken seat's index and its owner: a hold's id while held, an order's while paying or sold.
    pub owners: Vec<(SeatIndex, String)>,
    /// All holds of which more than the digest is left.
    pub holds: Vec<HoldFact>,
    /// All orders of which more than the digest is left.
    pub orders: Vec<OrderFact>,
    /// Seats held, paying and sold by user.
    pub taken: Vec<(String, i64)>,
    /// The lane's own counters, to compare with the string.
    pub counts: RoomCounts,
    /// Settings of the room.
    pub room: RoomSettings,
    /// Last log id when the reading began.
    pub log_last: u64,
    /// Seats changed, or the lane was rebuilt, while the dump was read.
    pub torn: bool,
}

/// A campaign as the audit looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignDump {
    /// Version of the campaign that the lane has.
    pub version: i64,
    /// Coupons ever to be issued, the claimed ones included.
    pub stock: i64,
    /// The stock less the number of claims, as the lane counts them.
    pub stock_left: i64,
    /// All claims, by number.
    pub claims: Vec<Claim>,
    /// Last log id when the reading began.
    pub log_last: u64,
}
