//! The only place where shared state changes, one atomic step at a time.
//! Knows nothing of HTTP, SQL or why a step is taken.
//!
//! A lane is the unit of atomicity: one Redis hash slot, or one mutex of the embedded store. [`Lane`]
//! has one method per operation. Refusals are values of the outcome enums; a [`Fault`] means *unknown*:
//! the step may or may not have happened, and every operation may safely be repeated.

pub mod board;
pub mod campaign;
pub mod checkpoint;
pub mod event;
pub mod hold;
pub mod log;
pub mod memory;
pub mod order;
pub mod record;
pub mod redis;
pub mod room;
pub mod terms;

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Millis;
use crate::ids::{CampaignId, EventId, HoldId, LaneId, LogId, OrderId, RefundId, VisitorId};

pub use board::{Board, Presence, Showing};
pub use campaign::{CampaignDump, CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
pub use checkpoint::{Checkpoint, DrawChange, Draws, Insider, Look, SpentChunk, Told};
pub use event::{EventDump, EventPut, EventRestore, PutEvent, Retired, SeatMap, SeatState};
pub use hold::{HoldAsk, HoldFact, HoldOutcome, HoldState, Release, ReleaseOutcome, Want};
pub use log::{Entry, Lease, Meta};
pub use order::{
    Cancel, CancelOutcome, Checkout, CheckoutOutcome, OrderFact, Pay, PayOutcome, Refund, RefundFact, RefundOutcome,
    Settlement,
};
pub use room::{Enter, EnterOutcome, Entrant, Place, Pulse, Pulsed, RoomCounts, Token};

/// Why an operation gave no answer. All may be retried with the same arguments.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The lane's state is missing or older than what was seen before; the writer rebuilds it.
    #[error("lane {0} is recovering")]
    Recovering(LaneId),
    /// No answer, or no answer that can be believed: unknown whether the step happened.
    #[error("lane {lane} did not answer")]
    Unavailable {
        lane: LaneId,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bug in the caller (arity, range); nothing was changed.
    #[error("lane {lane} refused a malformed call: {detail}")]
    Contract { lane: LaneId, detail: String },
}

pub type Result<T> = std::result::Result<T, Fault>;

/// So many of what has ended of a user and event (holds; rejected and refunded orders) stay whole for a day. Of older
/// ones only what tells a repeat does, so that nobody fills a lane with what they gave back.
pub const RECENT_MAX: usize = 20;

/// How long what has ended is kept in its lane, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub i64);

impl Default for Keep {
    /// A day.
    fn default() -> Self {
        Self(86_400_000)
    }
}

/// One lane. All ids given to it must belong to it; the caller routes.
///
/// Time comes in as `now_ms`, never from the store's own clock. Every operation is idempotent by the
/// ids in its arguments. All work of a call is bounded by its arguments.
#[async_trait]
pub trait Lane: Send + Sync + 'static {
    fn id(&self) -> LaneId;

    // --- events and rooms ---

    /// Creates an event or changes its layout and room, all or nothing. Never frees what is taken.
    async fn put_event(&self, now_ms: Millis, put: EventPut) -> Result<PutEvent>;
    /// Drops an event whose time is over, with its orders, and remembers at which version it left: from then on only a
    /// rebuilding brings it back (and forgets what had left: the writer tells it anew). A newer version in the lane, or anybody who waits, is inside, holds or pays: nothing
    /// is changed. Of one that is not there it is remembered.
    async fn retire_event(&self, now_ms: Millis, event: &EventId, version: i64) -> Result<Retired>;
    /// Takes places in line, up to 500 in one step; admits at once while nobody waits and there is room.
    /// In the visitors' order.
    async fn enter(&self, now_ms: Millis, enter: Enter) -> Result<Vec<EnterOutcome>>;
    /// A visitor's present place. Marks them seen; claims an admission; brings a late one back;
    /// puts back whoever is in no set, of this round and not spent.
    async fn poll(&self, now_ms: Millis, token: Token) -> Result<Option<Place>>;
    /// What many polls can be answered from; reads only. `None`: no such event in this lane.
    async fn board(&self, now_ms: Millis, showing: Showing) -> Result<Option<Board>>;
    /// Marks up to 1,000 visitors of one event seen; brings back the late ones and puts back whoever is
    /// in no set, of this round and not spent. In their order; `None`: no such event.
    async fn presence(&self, now_ms: Millis, event: &EventId, tokens: Vec<Token>) -> Result<Option<Vec<Presence>>>;
    /// The visitor leaves for good; `false` when there was no such place.
    async fn leave(&self, now_ms: Millis, token: Token) -> Result<bool>;
    /// Expires places and holds, then admits. Any gateway, any time; paced by the caller, bounded inside.
    async fn pulse(&self, now_ms: Millis, pulse: Pulse) -> Result<Option<Pulsed>>;
    /// The room's counts; `None`: no such event in this lane.
    async fn room(&self, now_ms: Millis, event: &EventId) -> Result<Option<RoomCounts>>;
    /// When this visitor's place inside expires; `None`: not inside.
    async fn inside(&self, now_ms: Millis, event: &EventId, visitor: &VisitorId) -> Result<Option<Millis>>;

    /// Puts who has a live pass back inside a recovering room, until then; whether they are inside now.
    async fn readmit(&self, now_ms: Millis, token: Token, until_ms: Millis) -> Result<bool>;
    /// Up to `max` (1 to 5,000) of the drawn after this one, bytewise by visitor; `None`: no such event.
    async fn drawn(&self, event: &EventId, after: Option<&VisitorId>, max: usize) -> Result<Option<Vec<VisitorId>>>;
    /// What the ledger keeps of a room; `None`: no such event in this lane.
    async fn checkpoint(&self, event: &EventId, told: Told) -> Result<Option<Look>>;

    // --- seats and holds ---

    /// The seat string. `None`: no such event.
    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>>;
    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome>;
    /// A hold as it stands at `now_ms` (one past its time reads as expired); `None`: never heard of it.
    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>>;
    async fn release(&self, now_ms: Millis, release: Release) -> Result<ReleaseOutcome>;

    // --- orders ---

    /// Hold to paying seats, and `order.placed` to the log, in one step.
    async fn checkout(&self, now_ms: Millis, checkout: Checkout) -> Result<CheckoutOutcome>;
    /// Appends `payment.requested` for an order that waits for the buyer.
    async fn pay(&self, now_ms: Millis, pay: Pay) -> Result<PayOutcome>;
    /// Appends `order.cancelled` for an order that waits for the buyer.
    async fn cancel(&self, now_ms: Millis, cancel: Cancel) -> Result<CancelOutcome>;
    /// Appends `refund.requested` for a confirmed order.
    async fn refund(&self, now_ms: Millis, refund: Refund) -> Result<RefundOutcome>;
    /// The public status of orders, in the order asked.
    async fn orders(&self, ids: &[OrderId]) -> Result<Vec<Option<OrderFact>>>;
    async fn get_refund(&self, id: &RefundId) -> Result<Option<RefundFact>>;
    /// Brings seats, holds and public statuses to what the ledger says; drops the log up to `trim`.
    /// All settlements are of one event.
    async fn settle(
        &self,
        now_ms: Millis,
        event: &EventId,
        settlements: Vec<Settlement>,
        trim: Option<LogId>,
    ) -> Result<()>;

    // --- coupons ---

    async fn put_campaign(&self, now_ms: Millis, put: CampaignPut) -> Result<PutCampaign>;
    async fn claim(&self, now_ms: Millis, ask: ClaimAsk) -> Result<ClaimOutcome>;

    // --- the log, for the pipeline ---

    /// Up to `max` records after `after`, oldest first.
    async fn read_log(&self, after: LogId, max: usize) -> Result<Vec<Entry>>;
    /// Appends the pipeline's own records; a record id still in the log is not appended again (the doors
    /// append without asking: their facts guard them). `oldest_ms` is the first waiting record's time.
    async fn append(&self, now_ms: Millis, records: Vec<record::Record>) -> Result<()>;
    /// Drops the log up to and including `upto`.
    async fn trim(&self, upto: LogId) -> Result<()>;
    /// Takes or renews the writer's lease; `None`: another holds it.
    async fn lease(&self, now_ms: Millis, owner: &str, ttl_ms: i64) -> Result<Option<Lease>>;
    /// Gives the lease back early.
    async fn unlease(&self, owner: &str) -> Result<()>;
    /// Generation, last log id, length and oldest record of the log. Answers also while recovering.
    async fn meta(&self) -> Result<Meta>;

    // --- recovery and audit ---

    /// Closes the doors of a lane that is to be rebuilt: it is recovering from here on, but `read_log`
    /// answers to the end, also of a lane that is behind: what the doors accepted is taken to the ledger
    /// before `begin_restore` drops it. A lane never built or being rebuilt is left alone.
    async fn seal(&self) -> Result<()>;
    /// As `seal`, by a gateway and only while the lane is behind what that gateway has seen of it: then only
    /// it knows, and the writer is to rebuild the lane.
    async fn seal_if_behind(&self) -> Result<()>;
    /// Starts rebuilding under a new generation: everything the lane had is dropped, every other
    /// operation but `meta`, the lease, `seal` and these four answers [`Fault::Recovering`] until `end_restore`.
    ///
    /// The lease stays; the next log id is `log + 1`. A generation below the lane's, or equal to it while
    /// it is not recovering, is [`Fault::Contract`] (it would wipe a good lane), as are the three others
    /// outside a restore or of another generation than the one begun: whoever was overtaken must not write
    /// into what the next one rebuilds. (A repeat of the last `end_restore` is well.)
    async fn begin_restore(&self, now_ms: Millis, generation: u64, log: LogId) -> Result<()>;
    async fn restore_event(&self, now_ms: Millis, restore: EventRestore) -> Result<()>;
    async fn restore_campaign(
        &self,
        now_ms: Millis,
        generation: u64,
        put: CampaignPut,
        claims: Vec<campaign::Claim>,
    ) -> Result<()>;
    /// Opens the lane. Its rooms recover from now on, however long the rebuilding took.
    async fn end_restore(&self, now_ms: Millis, generation: u64) -> Result<()>;
    /// Everything the audit needs of an event.
    async fn dump_event(&self, event: &EventId) -> Result<Option<EventDump>>;
    async fn dump_campaign(&self, campaign: &CampaignId) -> Result<Option<CampaignDump>>;
}

/// All lanes of a store, by number.
#[derive(Clone)]
pub struct Lanes(Arc<Vec<Arc<dyn Lane>>>);

impl Lanes {
    /// `lanes[i].id()` must be `i`.
    pub fn new(lanes: Vec<Arc<dyn Lane>>) -> Self {
        assert!(!lanes.is_empty() && lanes.len() <= 256, "between 1 and 256 lanes");
        for (i, lane) in lanes.iter().enumerate() {
            assert_eq!(usize::from(lane.id().0), i, "lanes are stored by number");
        }
        Self(Arc::new(lanes))
    }

    /// `None` when there is no such lane (an id from elsewhere).
    pub fn get(&self, id: LaneId) -> Option<&Arc<dyn Lane>> {
        self.0.get(usize::from(id.0))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Lane>> {
        self.0.iter()
    }

    pub fn count(&self) -> u16 {
        u16::try_from(self.0.len()).expect("at most 256")
    }
}
