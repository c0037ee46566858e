//! A house full of placed orders that nobody has written yet: two tickets each, of two types, with a booking fee, a
//! coupon and points.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use sqlx::{Connection as _, Executor as _};
use stanchion::clock::Clock;
use stanchion::config::{self, Config, load_from};
use stanchion::facts::coupon::CouponChoice;
use stanchion::facts::ids::{
    CampaignId, CouponRef, EventId, FactKind, HoldId, LaneId, OrderId, Scope, UserId, VisitorId, fact_id,
};
use stanchion::facts::notice::Notice;
use stanchion::facts::order::{OrderFact, OrderStatus};
use stanchion::facts::points::PointsAsk;
use stanchion::facts::record::{PaymentAsk, Record, RecordBody, VERSION};
use stanchion::facts::room::RoomSettings;
use stanchion::facts::tariff::{PriceList, Tariff, TicketPrice};
use stanchion::facts::terms::{BookingFee, FeeRefundable, RefundTerm, Terms};
use stanchion::facts::time::Millis;
use stanchion::lane::coupons::CampaignPut;
use stanchion::lane::events::EventPut;
use stanchion::lane::orders::{Checkout, CheckoutOutcome};
use stanchion::lane::rooms::{ENTER_MAX, Enter, Entrant};
use stanchion::lane::seats::{HoldAsk, HoldOutcome, Want};
use stanchion::lane::{self, Lane, Lanes};
use stanchion::ledger::Ledger;
use stanchion::payment::sandbox::Sandbox;
use stanchion::payment::{Provider, Registry};
use stanchion::pipeline::{
    EventSource, HouseKey, OutboxParts, OutboxSettings, Pipeline, PipelineParts, PipelineSettings, RoomSource, Sources,
    Views,
};
use stanchion::shutdown;

/// What is sold.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// One event in each.
    pub lanes: u16,
    pub orders: usize,
    /// The orders are paid at once: by the sandbox, which answers at once.
    pub paid: bool,
}

/// Calls to the lanes under way while the orders are placed.
const TOGETHER: usize = 64;
/// Rows in one insert.
const ROWS: usize = 500;
const GRANTED: i64 = 5_000;
const SPENT: i64 = 3_000;
const DAY_MS: i64 = 86_400_000;

/// Orders in the lanes' logs.
pub struct Sale {
    shape: Shape,
    config: Config,
    url: String,
    lanes: Lanes,
    ledger: Ledger,
    clock: Clock,
}

impl Sale {
    /// Places the orders. No writer runs.
    pub async fn prepare(shape: Shape, redis: &str, url: &str) -> Self {
        let config = load_from("", std::iter::empty()).expect("the defaults are good");
        let per_lane = shape.orders.div_ceil(usize::from(shape.lanes));
        let store = config::RedisConfig { url: redis.to_owned(), pool: 8, ..config.redis.clone() };
        let lanes = Lanes::new(lane::redis::connect(&store, shape.lanes).await.expect("the server is ready"));
        let (pools, limit) = (&config.ledger, Duration::from_secs(20));
        let ledger = Ledger::mysql(url, None, pools.write_pool, pools.read_pool, limit).await.expect("connects");
        let sale = Self { shape, config, url: url.to_owned(), lanes, ledger, clock: Clock::system() };
        for lane in sale.lanes.iter() {
            sale.pipeline().rebuild(lane.id()).await.expect("a first boot");
        }
        sale.endow().await;
        for lane in sale.lanes.iter() {
            sale.place(lane.as_ref(), per_lane).await;
        }
        sale
    }

    fn pipeline(&self) -> Pipeline {
        let sandbox: Arc<dyn Provider> = Arc::new(Sandbox::new());
        let mut settings = PipelineSettings::new(&self.config);
        settings.lease_ms = 60_000;
        Pipeline::new(PipelineParts {
            lanes: self.lanes.clone(),
            ledger: self.ledger.clone(),
            providers: [sandbox].into_iter().collect::<Registry>(),
            account_key: None,
            sources: Arc::new(Halls { lanes: self.shape.lanes, seats: self.seats() }),
            clock: self.clock.clone(),
            settings,
            outbox: OutboxParts {
                settings: OutboxSettings::new(&self.config.outbox),
                views: Arc::new(Nobody),
                key: HouseKey::from_pem(KEY).expect("a key"),
                kafka: None,
            },
        })
    }

    fn seats(&self) -> u32 {
        2 * self.shape.orders.div_ceil(usize::from(self.shape.lanes)) as u32
    }

    /// Gives every buyer points and a coupon, as the ledger would have them.
    async fn endow(&self) {
        let mut conn = sqlx::MySqlConnection::connect(&self.url).await.expect("the server is there");
        let spec = r#"{"name": "Ten", "kind": "percent", "percent_bp": 1000, "max_discount": 10000, "stock": 1000000}"#;
        let campaign = format!(
            "INSERT INTO campaign (id, lane, version, seq, stock, spec, created_ms, updated_ms) \
             VALUES ('ten', 0, 1, 1, 1000000, '{spec}', 1, 1); \
             INSERT INTO campaign_version (campaign, version, spec, since_ms) VALUES ('ten', 1, '{spec}', 1)"
        );
        conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(campaign))).await.expect("a campaign");
        let all: Vec<usize> = (0..self.shape.orders).collect();
        for part in all.chunks(ROWS) {
            let rows = |row: &dyn Fn(usize) -> String| part.iter().map(|nth| row(*nth)).collect::<Vec<_>>().join(", ");
            let text = [
                format!(
                    "INSERT INTO wallet (user_id, version, balance, debt) VALUES {}",
                    rows(&|n| format!("('u{n}', 1, {GRANTED}, 0)"))
                ),
                format!(
                    "INSERT INTO point_lot (id, user_id, origin, granted, remaining, usable_ms, expires_ms, created_ms) VALUES {}",
                    rows(&|n| format!("('g{n}/001', 'u{n}', 'grant', {GRANTED}, {GRANTED}, 1, NULL, 1)"))
                ),
                format!(
                    "INSERT INTO point_move (id, user_id, at_ms, kind, amount, lot, digest) VALUES {}",
                    rows(&|n| format!("('g{n}/002', 'u{n}', 1, 'grant', {GRANTED}, 'g{n}/001', 'd')"))
                ),
                format!(
                    "INSERT INTO journal_entry (transaction_id, entry, account, amount, currency, at_ms) VALUES {}",
                    rows(&|n| format!(
                        "('g{n}.granted', 1, 'points_liability', -{GRANTED}, 'KRW', 1), \
                         ('g{n}.granted', 2, 'points_expense', {GRANTED}, 'KRW', 1)"
                    ))
                ),
                format!(
                    "INSERT INTO coupon (campaign, number, user_id, version, state, claimed_ms) VALUES {}",
                    rows(&|n| format!("('ten', {}, 'u{n}', 1, 'issued', 1)", n + 1))
                ),
            ];
            for text in text {
                conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("new rows");
            }
        }
    }

    /// Lets the buyers of a lane's event in, and places their orders.
    async fn place(&self, lane: &dyn Lane, many: usize) {
        let (now_ms, event, first) = (self.clock.now_ms(), hall(lane.id()), usize::from(lane.id().0) * many);
        let last = (first + many).min(self.shape.orders);
        let all: Vec<usize> = (first..last).collect();
        for part in all.chunks(ENTER_MAX) {
            let visitors = part.iter().map(|n| Entrant { visitor: VisitorId::from(format!("v{n}")), draw: None });
            let enter = Enter { event: event.clone(), round: 0, visitors: visitors.collect(), waiting_max: 10_000_000 };
            lane.enter(now_ms, enter).await.expect("answers");
        }
        stream::iter(&all).for_each_concurrent(TOGETHER, |nth| self.order(lane, &event, *nth, *nth - first)).await;
    }

    async fn order(&self, lane: &dyn Lane, event: &EventId, nth: usize, at: usize) {
        let (now_ms, user) = (self.clock.now_ms(), format!("u{nth}"));
        let id = |kind| fact_id(kind, lane.id(), Scope { user: &user, method: "POST", path: "/sale", key: "1" });
        let (hold, order) = (HoldId::from(id(FactKind::Hold)), OrderId::from(id(FactKind::Order)));
        let (user, seat) = (UserId::from(&*user), 2 * at as u32);
        let terms = Terms {
            booking_fee: BookingFee { amount: 2_000, refundable: FeeRefundable::Never, timezone: "Asia/Seoul".into() },
            vat_bp: Some(1_000),
            ..Terms::plain("KRW", "hall-co", now_ms + 100 * DAY_MS)
        };
        let price = |id: &str, price| TicketPrice { id: id.into(), name: id.into(), price };
        let list = PriceList { section: "a".into(), types: vec![price("adult", 55_000), price("youth", 38_500)] };
        let ask = HoldAsk {
            event: event.clone(),
            hold: hold.clone(),
            digest: "d".into(),
            user: user.clone(),
            visitor: VisitorId::from(format!("v{nth}")),
            want: Want::Named(vec![(seat, 55_000), (seat + 1, 55_000)]),
            tariff: Tariff { lists: vec![list], list_of: vec![0, 0] },
            terms: terms.clone(),
            seats_per_user: 4,
            hold_ttl_ms: 3_600_000,
            earn_bp: 100,
            fee_bp: 500,
        };
        let held = lane.hold(now_ms, ask).await.expect("answers");
        assert!(matches!(held, HoldOutcome::Held(_)), "{held:?}");
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
            deadline_ms: now_ms + 3_600_000,
            refund_terms: vec![RefundTerm::FREE],
        };
        let coupon = CouponRef { campaign: CampaignId::from("ten"), version: 1, number: nth as i64 + 1 };
        let body = RecordBody::OrderPlaced {
            v: VERSION,
            order: order.clone(),
            event: event.clone(),
            hold: hold.clone(),
            user: user.clone(),
            digest: "d".into(),
            types: vec!["adult".into(), "youth".into()],
            coupon: CouponChoice::One(coupon),
            points: PointsAsk::Amount(SPENT),
            least_cash: 0,
            expected_cash: None,
            payment: self.shape.paid.then(|| PaymentAsk {
                provider: "sandbox".into(),
                key: "ok".into(),
                deposit_until_ms: None,
            }),
            placed_ms: now_ms,
            deadline_ms: now_ms + 3_600_000,
            terms,
        };
        let record = Record { id: order.to_string(), body };
        let checkout = Checkout { event: event.clone(), hold, user, fact, record, log_max: 10_000_000 };
        let placed = lane.checkout(now_ms, checkout).await.expect("answers");
        assert!(matches!(placed, CheckoutOutcome::Placed(_)), "{placed:?}");
    }

    /// Writes them all; returns how long it took.
    pub async fn write(&self) -> Duration {
        let pipeline = self.pipeline();
        let (stop, stopping) = shutdown::channel();
        let began = Instant::now();
        let running = tokio::spawn(async move { pipeline.run(stopping).await });
        let done = if self.shape.paid { "confirmed" } else { "pending_payment" };
        let mut conn = sqlx::MySqlConnection::connect(&self.url).await.expect("the server is there");
        let count = format!("SELECT COUNT(*) FROM orders WHERE status = '{done}'");
        let took = loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut backlog = 0;
            for lane in self.lanes.iter() {
                // A look that fails is taken for work that is left.
                backlog += lane.meta().await.map_or(1, |meta| meta.backlog);
            }
            let took = began.elapsed();
            if backlog == 0 {
                let many: i64 =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(count.clone())).fetch_one(&mut conn).await.expect("a count");
                if many == self.shape.orders as i64 {
                    break took;
                }
            }
            assert!(took < Duration::from_secs(600), "the orders are never written");
        };
        stop.now();
        running.await.expect("no panic");
        took
    }

    /// Audits the ledger.
    pub async fn check(&self) {
        let checked = [self.ledger.audit_orders().await, self.ledger.audit_money().await];
        for checked in checked.map(|checked| checked.expect("audits")) {
            assert_eq!(checked.violations, Vec::<String>::new());
        }
        self.ledger.close().await;
    }
}

fn hall(lane: LaneId) -> EventId {
    EventId::from(format!("hall-{}", lane.0))
}

/// One hall in each lane.
struct Halls {
    lanes: u16,
    seats: u32,
}

#[async_trait]
impl Sources for Halls {
    async fn events(&self, lane: LaneId) -> Result<Vec<EventSource>, Box<dyn std::error::Error + Send + Sync>> {
        assert!(lane.0 < self.lanes, "a lane of the house");
        let week_s = 7 * 24 * 3_600;
        let room = RoomSettings {
            capacity: 10_000_000,
            rate_per_min: 600_000_000,
            pass_ttl_s: week_s,
            claim_ttl_s: week_s,
            absent_after_s: week_s,
            ..RoomSettings::default()
        };
        let (event, blocked) = (hall(lane), Vec::new());
        let put = EventPut { event, version: 1, seats: self.seats, blocked, room, returned: false };
        Ok(vec![EventSource { put, recover_ms: 0 }])
    }

    fn rooms(&self, lane: LaneId) -> Vec<RoomSource> {
        vec![RoomSource { event: hall(lane), order: RoomSettings::default().order }]
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

/// Nobody has subscribed to notices.
struct Nobody;

impl Views for Nobody {
    fn data(&self, _: &Notice, _: Option<&OrderFact>, _: Millis) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// A key that signs nothing here.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
