//! A house without a gateway: lanes, a ledger, and a pipeline on them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stanchion::client::Reach;
use stanchion::clock::Clock;
use stanchion::config::{Config, load_from};
use stanchion::facts::coupon::CouponChoice;
use stanchion::facts::ids::{
    AttemptId, EventId, FactKind, HoldId, LaneId, OrderId, RefundId, Scope, SeatIndex, UserId, VisitorId, fact_id,
};
use stanchion::facts::notice::Notice;
use stanchion::facts::order::{OrderFact, OrderStatus};
use stanchion::facts::points::PointsAsk;
use stanchion::facts::record::{PaymentAsk, Record, RecordBody, VERSION};
use stanchion::facts::refund::{RefundBy, RefundFact, RefundStatus};
use stanchion::facts::room::{Mode, ReleaseOn, RoomSettings};
use stanchion::facts::tariff::Tariff;
use stanchion::facts::terms::{RefundTerm, Terms};
use stanchion::facts::time::Millis;
use stanchion::lane::coupons::CampaignPut;
use stanchion::lane::events::EventPut;
use stanchion::lane::orders::{Checkout, CheckoutOutcome, Pay, PayOutcome, Refund, RefundOutcome};
use stanchion::lane::rooms::{Enter, Entrant};
use stanchion::lane::seats::{HoldAsk, HoldOutcome, Want};
use stanchion::lane::{Lane, Lanes, memory, redis};
use stanchion::ledger::Ledger;
use stanchion::payment::{Provider, Registry};
use stanchion::pipeline::{
    Broker, EventSource, HouseKey, OutboxParts, OutboxSettings, Pipeline, PipelineParts, PipelineSettings, RoomSource,
    Sources, Views, audit,
};
use stanchion::shutdown::Stop;
use stanchion::{clock, shutdown};

use crate::pipeline::provider::Scripted;
use crate::support::{dialect, servers};

pub const HALL: &str = "hall";
pub const LANE: LaneId = LaneId(1);
const LANES: u16 = 2;
const PRICE: i64 = 1_000;

/// Where lanes and books are kept.
#[derive(Debug, Clone, Copy)]
pub enum Store {
    /// Volatile lanes and SQLite.
    Embedded,
    /// Redis and MariaDB.
    Servers,
}

impl Store {
    /// New, empty lanes.
    async fn lanes(self) -> Lanes {
        match self {
            Store::Embedded => memory::volatile(LANES),
            Store::Servers => {
                let mut config = defaults().redis;
                config.url = servers::redis_url().await;
                // The tests set the house's time, so it is not the server's.
                config.skew_max_ms = 0;
                config.pool = 2;
                Lanes::new(redis::connect(&config, LANES).await.expect("connects"))
            }
        }
    }
}

fn defaults() -> Config {
    match load_from("", std::iter::empty()) {
        Ok(config) => config,
        Err(faults) => panic!("the defaults are good: {faults:?}"),
    }
}

/// A house with one hall of 100 seats. [`House::close`] stops and audits it.
pub struct House {
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub clock: Clock,
    pub provider: Arc<Scripted>,
    /// Whether the provider was taken out of the configuration.
    pub unconfigured: bool,
    pub settings: PipelineSettings,
    /// Where writers that are started from now on send notices, beside the webhooks.
    pub kafka: Option<Arc<dyn Broker>>,
    /// The settings that the organizer wants.
    room: Arc<Mutex<RoomSettings>>,
    store: Store,
    folder: Arc<tempfile::TempDir>,
    running: Vec<(Stop, tokio::task::JoinHandle<()>)>,
}

impl House {
    /// A house whose lanes are built, without a writer.
    pub async fn open(store: Store) -> Self {
        let url = match store {
            Store::Embedded => None,
            Store::Servers => {
                dialect::read_all();
                Some(servers::mysql_url().await)
            }
        };
        Self::with_books(store, url).await
    }

    /// `url` names a MySQL database for the ledger; `None`: SQLite.
    pub async fn with_books(store: Store, url: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Duration::from_secs(3);
        let ledger = match url {
            None => Ledger::sqlite(&folder.path().join("ledger.db"), 4, limit).await.expect("opens"),
            Some(url) => Ledger::mysql(&url, None, 4, 4, limit).await.expect("connects"),
        };
        let settings = PipelineSettings {
            batch_max: 100,
            idle: Duration::from_millis(20),
            lease_ms: 2_000,
            call_limit: Duration::from_millis(100),
            unknown_ms: 3_600_000,
            calls_max: 8,
            record_keep_ms: 30 * 86_400_000,
            event_keep_ms: 30 * 86_400_000,
            currency: "KRW".into(),
        };
        let house = Self {
            lanes: store.lanes().await,
            store,
            ledger,
            clock: Clock::fixed(1_795_168_800_000),
            provider: Arc::default(),
            unconfigured: false,
            settings,
            kafka: None,
            room: Arc::new(Mutex::new(open_room())),
            folder: Arc::new(folder),
            running: Vec::new(),
        };
        for lane in house.lanes.iter() {
            house.pipeline().rebuild(lane.id()).await.expect("a first boot");
        }
        house
    }

    /// The same house with new, empty lanes.
    pub async fn wiped(mut self) -> Self {
        self.lanes = self.store.lanes().await;
        self
    }

    pub fn lane(&self) -> &dyn Lane {
        self.lanes.get(LANE).expect("there is").as_ref()
    }

    fn providers(&self) -> Registry {
        let scripted = (!self.unconfigured).then(|| self.provider.clone() as Arc<dyn Provider>);
        scripted.into_iter().collect()
    }

    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(PipelineParts {
            lanes: self.lanes.clone(),
            ledger: self.ledger.clone(),
            providers: self.providers(),
            account_key: None,
            sources: Arc::new(Hall(self.room.clone())),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            outbox: outbox(self.kafka.clone()),
        })
    }

    /// Starts another writer.
    pub fn start(&mut self) -> Pipeline {
        let pipeline = self.pipeline();
        let (stop, stopping) = shutdown::channel();
        let run = pipeline.clone();
        self.running.push((stop, tokio::spawn(async move { run.run(stopping).await })));
        pipeline
    }

    /// Changes the settings that the organizer wants. The lane does not know them until it is told.
    pub fn set(&self, change: impl FnOnce(&mut RoomSettings)) {
        change(&mut self.room.lock().expect("nobody panics with it"));
    }

    /// The hall as the catalogue has it.
    pub async fn hall(&self) -> EventPut {
        let events = Hall(self.room.clone()).events(LANE).await.expect("no store to ask");
        events.into_iter().next().expect("one hall").put
    }

    /// Ends all writers as a crash would, wherever they wait, and lets their leases run out.
    pub async fn crash(&mut self) {
        for (_stop, running) in self.running.drain(..) {
            running.abort();
            let _ = running.await;
        }
        self.clock.advance(Duration::from_millis(2_001));
    }

    /// Stops all writers and waits until they have ended.
    pub async fn stop(&mut self) {
        for (stop, running) in self.running.drain(..) {
            stop.now();
            running.await.expect("no panic");
        }
    }

    /// Waits for an empty log, stops the writers, and audits the house.
    pub async fn close(mut self) {
        eventually("the log is empty", async || self.lane().meta().await.is_ok_and(|meta| meta.backlog == 0)).await;
        self.stop().await;
        let report = audit::run(&self.lanes, &self.ledger, &self.clock).await.expect("audits");
        assert!(report.ok, "{report:?}");
        drop(self.folder);
    }

    /// Lets the user `name` enter, hold these seats and order them.
    pub async fn order(&self, name: &str, seats: &[SeatIndex], payment: Option<&str>) -> OrderId {
        self.order_at(PRICE, name, seats, payment).await
    }

    /// As [`House::order`], at this price for each seat.
    pub async fn order_at(&self, price: i64, name: &str, seats: &[SeatIndex], payment: Option<&str>) -> OrderId {
        let (hold, order) = (HoldId::from(id(FactKind::Hold, name)), OrderId::from(id(FactKind::Order, name)));
        let (event, user, visitor) = (EventId::from(HALL), UserId::from(name), VisitorId::from(name));
        let now_ms = self.clock.now_ms();
        let enter = Enter {
            event: event.clone(),
            round: 0,
            visitors: vec![Entrant { visitor: visitor.clone(), draw: None }],
            waiting_max: 1_000,
        };
        self.lane().enter(now_ms, enter).await.expect("answers");
        let ask = HoldAsk {
            event: event.clone(),
            hold: hold.clone(),
            digest: "d".into(),
            user: user.clone(),
            visitor,
            want: Want::Named(seats.iter().map(|seat| (*seat, price)).collect()),
            tariff: Tariff::default(),
            terms: Terms::plain("KRW", "hall-co", now_ms + 8_640_000_000),
            seats_per_user: 100,
            hold_ttl_ms: 420_000,
            earn_bp: 100,
            fee_bp: 500,
        };
        let held = self.lane().hold(now_ms, ask).await.expect("answers");
        assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
        let placed = self.lane().checkout(now_ms, checkout(&hold, &order, &user, payment, now_ms)).await;
        assert!(matches!(placed, Ok(CheckoutOutcome::Placed(_))), "{placed:?}");
        order
    }

    pub async fn pay(&self, order: &OrderId, name: &str, key: &str) -> PayOutcome {
        let fact = self.fact(order).await;
        let attempt = AttemptId::from(id(FactKind::Attempt, name));
        let amount = fact.total.map_or(0, |total| total.cash);
        let payment = PaymentAsk { provider: "scripted".into(), key: key.into(), deposit_until_ms: None };
        let body = RecordBody::PaymentRequested {
            v: VERSION,
            order: order.clone(),
            attempt: attempt.clone(),
            payment,
            amount,
        };
        let pay = Pay {
            order: order.clone(),
            user: fact.user,
            attempt: attempt.clone(),
            digest: "d".into(),
            amount,
            attempts_max: 10,
            record: Record { id: attempt.into_string(), body },
            log_max: 1_000,
        };
        self.lane().pay(self.clock.now_ms(), pay).await.expect("answers")
    }

    pub async fn refund(&self, order: &OrderId, name: &str, lines: &[u32]) -> RefundId {
        let refund = RefundId::from(id(FactKind::Refund, name));
        let lines: Vec<(u32, Option<i64>)> = lines.iter().map(|line| (*line, None)).collect();
        let body = RecordBody::RefundRequested {
            v: VERSION,
            order: order.clone(),
            refund: refund.clone(),
            digest: "d".into(),
            by: RefundBy::Admin,
            lines: lines.clone(),
            reason: "test".into(),
        };
        let fact = RefundFact {
            id: refund.clone(),
            order: order.clone(),
            digest: "d".into(),
            status: RefundStatus::Requested,
            reason: "test".into(),
            failure: None,
            cash: 0,
            points_restored: 0,
            earn_clawed: 0,
            fee: 0,
            booking_fee: 0,
            lines: Vec::new(),
            requested_ms: self.clock.now_ms(),
        };
        let ask = Refund {
            order: order.clone(),
            user: None,
            by: RefundBy::Admin,
            refund: refund.clone(),
            digest: "d".into(),
            lines,
            fact,
            record: Record { id: refund.to_string(), body },
            log_max: 1_000,
        };
        let asked = self.lane().refund(self.clock.now_ms(), ask).await.expect("answers");
        assert_eq!(asked, RefundOutcome::Accepted);
        refund
    }

    pub async fn fact(&self, order: &OrderId) -> OrderFact {
        let mut facts = self.lane().orders(std::slice::from_ref(order)).await.expect("answers");
        facts.pop().flatten().expect("the lane knows it")
    }

    pub async fn until(&self, order: &OrderId, status: OrderStatus) -> OrderFact {
        eventually(&format!("{order} is {status:?}"), async || self.fact(order).await.status == status).await;
        self.fact(order).await
    }

    pub async fn until_refund(&self, refund: &RefundId, status: RefundStatus) {
        eventually(&format!("{refund} is {status:?}"), async || {
            let fact = self.lane().get_refund(refund).await.expect("answers");
            fact.is_some_and(|fact| fact.status == status)
        })
        .await;
    }

    /// Waits until the lane is no longer recovering.
    pub async fn until_whole(&self) {
        eventually("the lane is whole", async || self.lane().meta().await.is_ok_and(|meta| !meta.recovering)).await;
    }

    /// The states of `count` seats from `first` on, one letter each.
    pub async fn seats(&self, first: usize, count: usize) -> String {
        let map = self.lane().seats(&EventId::from(HALL)).await.expect("answers").expect("is there");
        String::from_utf8(map.seats[first..first + count].to_vec()).expect("letters")
    }
}

fn checkout(hold: &HoldId, order: &OrderId, user: &UserId, payment: Option<&str>, now_ms: i64) -> Checkout {
    let event = EventId::from(HALL);
    let deadline_ms = now_ms + 600_000;
    let terms = Terms::plain("KRW", "hall-co", now_ms + 8_640_000_000);
    let fact = OrderFact {
        id: order.clone(),
        event: event.clone(),
        user: user.clone(),
        hold: hold.clone(),
        digest: "d".into(),
        status: OrderStatus::Accepted,
        reason: None,
        version: 0,
        currency: "KRW".into(),
        lines: Vec::new(),
        total: None,
        coupon: None,
        payment: None,
        deposit: None,
        placed_ms: now_ms,
        confirmed_ms: None,
        deadline_ms,
        refund_terms: vec![RefundTerm::FREE],
    };
    let body = RecordBody::OrderPlaced {
        v: VERSION,
        order: order.clone(),
        event: event.clone(),
        hold: hold.clone(),
        user: user.clone(),
        digest: "d".into(),
        types: Vec::new(),
        coupon: CouponChoice::None,
        points: PointsAsk::NONE,
        least_cash: 0,
        expected_cash: None,
        payment: payment.map(|key| PaymentAsk { provider: "scripted".into(), key: key.into(), deposit_until_ms: None }),
        placed_ms: now_ms,
        deadline_ms,
        terms,
    };
    let record = Record { id: order.to_string(), body };
    Checkout { event, hold: hold.clone(), user: user.clone(), fact, record, log_max: 1_000 }
}

/// An id of the hall's lane.
pub fn id(kind: FactKind, name: &str) -> String {
    fact_id(kind, LANE, Scope { user: name, method: "POST", path: "/test", key: name })
}

/// The attempt to pay that is placed with an order.
pub fn first_attempt(order: &OrderId) -> AttemptId {
    AttemptId::from(format!("p{}", &order.as_str()[1..]))
}

/// Waits until `so` holds, for half a minute at most.
pub async fn eventually(what: &str, so: impl AsyncFn() -> bool) {
    let started = clock::instant();
    while !so().await {
        assert!(started.elapsed() < Duration::from_secs(30), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What deliveries need.
fn outbox(kafka: Option<Arc<dyn Broker>>) -> OutboxParts {
    let pkcs8 = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).expect("random bytes");
    let key = HouseKey::from_pem(&STANDARD.encode(pkcs8)).expect("a key");
    let settings = OutboxSettings {
        reach: Reach::Anywhere,
        limit: Duration::from_millis(200),
        spared_max: Duration::from_millis(20),
        in_flight: 4,
        kafka_in_flight: 16,
        delivered_keep_ms: 3_650 * 86_400_000,
        failed_keep_ms: 3_650 * 86_400_000,
    };
    OutboxParts { settings, views: Arc::new(BareFacts), key, kafka }
}

/// Shows facts in notices as they are. A pipeline without a catalogue has no names to show.
struct BareFacts;

impl Views for BareFacts {
    fn data(&self, notice: &Notice, order: Option<&OrderFact>, _: Millis) -> serde_json::Value {
        serde_json::json!({ "notice": notice, "order": order })
    }
}

fn open_room() -> RoomSettings {
    RoomSettings {
        mode: Mode::Open,
        capacity: 1_000,
        rate_per_min: 6_000_000,
        pass_ttl_s: 86_400,
        claim_ttl_s: 3_600,
        absent_after_s: 3_600,
        late_grace_s: 0,
        release_on: ReleaseOn::Exit,
        ..RoomSettings::default()
    }
}

/// The hall as the only source of events and rooms.
struct Hall(Arc<Mutex<RoomSettings>>);

impl Hall {
    fn room(&self) -> RoomSettings {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

#[async_trait]
impl Sources for Hall {
    async fn events(&self, lane: LaneId) -> Result<Vec<EventSource>, Box<dyn std::error::Error + Send + Sync>> {
        let hall = EventPut {
            event: EventId::from(HALL),
            version: 1,
            seats: 100,
            blocked: Vec::new(),
            room: self.room(),
            returned: false,
        };
        let hall = EventSource { put: hall, recover_ms: 0 };
        Ok(if lane == LANE { vec![hall] } else { Vec::new() })
    }

    fn rooms(&self, lane: LaneId) -> Vec<RoomSource> {
        let hall = RoomSource { event: EventId::from(HALL), order: self.room().order };
        if lane == LANE { vec![hall] } else { Vec::new() }
    }

    fn over(&self, _: LaneId, _: i64) -> Vec<(EventId, i64)> {
        Vec::new()
    }

    fn cancelled(&self, _: LaneId) -> Vec<(EventId, String)> {
        Vec::new()
    }

    fn past(&self, _: LaneId) -> Vec<(EventId, i64)> {
        Vec::new()
    }

    async fn campaigns(&self, _: LaneId) -> Result<Vec<CampaignPut>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Vec::new())
    }
}
