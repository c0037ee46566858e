//! The doors of the inventory, on lanes in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::orders::OrderRequest;
use super::{Busy, Inventory, InventorySettings, Waited};
use crate::clock::Clock;
use crate::facts::conclusion::{Conclusion, SeatTarget};
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{EventId, FactKind, HoldId, LaneId, OrderId, Scope, UserId, VisitorId, fact_id};
use crate::facts::order::{OrderFact, OrderStatus, TotalFact};
use crate::facts::points::PointsAsk;
use crate::facts::room::RoomSettings;
use crate::facts::seat::SeatMap;
use crate::facts::tariff::Tariff;
use crate::facts::terms::Terms;
use crate::lane::events::EventPut;
use crate::lane::orders::{CancelOutcome, CheckoutOutcome};
use crate::lane::rooms::{Enter, Entrant};
use crate::lane::seats::{HoldAsk, HoldOutcome, Want};
use crate::lane::{Lanes, memory};

const NOW: i64 = 1_000_000;

struct House {
    inventory: Arc<Inventory>,
    lanes: Lanes,
    nudges: Arc<AtomicUsize>,
}

impl House {
    async fn new(waits_max: usize) -> Self {
        let lanes = memory::volatile(1);
        let lane = lanes.get(LaneId(0)).expect("the only one");
        lane.begin_restore(0, 1, crate::facts::ids::LogId(0)).await.expect("an empty lane");
        lane.end_restore(0, 1).await.expect("begun");
        let room = RoomSettings { capacity: 10, rate_per_min: 60_000, late_grace_s: 60, ..RoomSettings::default() };
        let put = EventPut { event: event(), version: 1, seats: 4, blocked: Vec::new(), room, returned: false };
        lane.put_event(NOW, put).await.expect("a good event");
        let enter = Enter {
            event: event(),
            round: 0,
            visitors: vec![Entrant { visitor: visitor(), draw: None }],
            waiting_max: 10,
        };
        lane.enter(NOW, enter).await.expect("there is room");

        let nudges = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&nudges);
        let nudge = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let settings =
            InventorySettings { log_max: 100, attempts_max: 10, waits_max, coupon_secrets: vec![b"secret".to_vec()] };
        let inventory = Arc::new(Inventory::new(lanes.clone(), Clock::fixed(NOW), nudge, settings));
        Self { inventory, lanes, nudges }
    }

    async fn hold(&self) -> HoldId {
        let hold = HoldId::from(id(FactKind::Hold));
        let ask = HoldAsk {
            event: event(),
            hold: hold.clone(),
            digest: "d".into(),
            user: user(),
            visitor: visitor(),
            want: Want::Named(vec![(0, 10)]),
            tariff: Tariff::default(),
            terms: Terms::plain("KRW", "o", NOW),
            seats_per_user: 4,
            hold_ttl_ms: 60_000,
            earn_bp: 0,
            fee_bp: 0,
        };
        let outcome = self.inventory.hold(LaneId(0), ask).await.expect("an answer");
        assert!(matches!(outcome, HoldOutcome::Held(_)), "{outcome:?}");
        hold
    }

    async fn place(&self, hold: HoldId) -> CheckoutOutcome {
        let placing = OrderRequest {
            order: OrderId::from(id(FactKind::Order)),
            event: event(),
            hold,
            user: user(),
            digest: "d".into(),
            types: Vec::new(),
            coupon: CouponChoice::None,
            points: PointsAsk::NONE,
            least_cash: 0,
            expected_cash: None,
            payment: None,
            payment_ttl_ms: 60_000,
            terms: Terms::plain("KRW", "o", NOW),
        };
        self.inventory.place(placing).await.expect("an answer").outcome
    }

    /// An order just accepted.
    async fn order(&self) -> OrderId {
        let outcome = self.place(self.hold().await).await;
        assert!(matches!(outcome, CheckoutOutcome::Placed(_)), "{outcome:?}");
        OrderId::from(id(FactKind::Order))
    }

    async fn fact(&self, order: &OrderId) -> OrderFact {
        self.inventory.order(order).await.expect("an answer").expect("an order")
    }

    /// Tells the lane what the ledger says.
    async fn conclude(&self, order: &OrderId, status: OrderStatus, seat: SeatTarget) {
        let fact = self.fact(order).await;
        let total = Some(TotalFact { price: 10, booking_fee: 0, discount: 0, points: 0, cash: 10, vat: 0 });
        let conclusion = Conclusion {
            fact: OrderFact { status, total, version: fact.version + 1, ..fact },
            seats: vec![(0, seat)],
            held_until_ms: None,
            refundable_until_ms: NOW,
            refunds: Vec::new(),
        };
        let lane = self.lanes.get(LaneId(0)).expect("the only one");
        lane.conclude(NOW, &event(), vec![conclusion], None).await.expect("concluded");
    }

    fn waits(&self, order: &OrderId) -> tokio::task::JoinHandle<Result<Waited, Busy>> {
        let (inventory, order) = (Arc::clone(&self.inventory), order.clone());
        tokio::spawn(async move { inventory.wait(&order, Duration::from_secs(60)).await })
    }
}

fn event() -> EventId {
    EventId::from("hall")
}

fn visitor() -> VisitorId {
    VisitorId::from("v")
}

fn user() -> UserId {
    UserId::from("kim")
}

fn id(kind: FactKind) -> String {
    fact_id(kind, LaneId(0), Scope { user: "kim", method: "POST", path: "/", key: "k" })
}

#[tokio::test]
async fn those_who_wait_hear_of_the_end() {
    let house = House::new(10).await;
    let order = house.order().await;
    assert_eq!(house.nudges.load(Ordering::Relaxed), 1);
    assert!(!house.inventory.rests(&house.fact(&order).await));
    let waiting = [house.waits(&order), house.waits(&order)];
    house.conclude(&order, OrderStatus::Confirmed, SeatTarget::Sold).await;
    for waiting in waiting {
        let waited = waiting.await.expect("it ends").expect("few wait");
        assert!(matches!(&waited, Waited::Rests(fact) if fact.status == OrderStatus::Confirmed), "{waited:?}");
    }
}

#[tokio::test]
async fn a_wait_has_an_end_and_a_bound() {
    let house = House::new(1).await;
    let order = house.order().await;
    let (first, second) = tokio::join!(
        house.inventory.wait(&order, Duration::from_millis(1)),
        house.inventory.wait(&order, Duration::from_millis(1)),
    );
    assert!(matches!(first, Ok(Waited::TimeOver)));
    assert!(matches!(second, Err(Busy)), "one too many");

    let stranger = OrderId::from(format!("o00{}", "a".repeat(32)));
    let waited = house.inventory.wait(&stranger, Duration::from_secs(60)).await;
    assert!(matches!(waited, Ok(Waited::Gone)));
    let elsewhere = OrderId::from(format!("off{}", "a".repeat(32)));
    assert!(matches!(house.inventory.wait(&elsewhere, Duration::from_secs(60)).await, Ok(Waited::Gone)));
}

#[tokio::test]
async fn a_cancelled_order_does_not_wait_for_its_buyer() {
    let house = House::new(10).await;
    let order = house.order().await;
    house.conclude(&order, OrderStatus::PendingPayment, SeatTarget::Paying).await;
    assert!(house.inventory.rests(&house.fact(&order).await));

    let cancelled = house.inventory.cancel(order.clone(), user()).await.expect("an answer");
    assert!(matches!(cancelled, CancelOutcome::Accepted(_)), "{cancelled:?}");
    assert!(!house.inventory.rests(&house.fact(&order).await));
    let waiting = house.waits(&order);
    house.conclude(&order, OrderStatus::Rejected, SeatTarget::Free).await;
    let waited = waiting.await.expect("it ends");
    assert!(matches!(&waited, Ok(Waited::Rests(fact)) if fact.status == OrderStatus::Rejected), "{waited:?}");
}

#[tokio::test]
async fn a_crowd_shares_one_copy_of_the_map() {
    let house = House::new(1).await;
    let (event, lane) = (event(), LaneId(0));
    let seats = house.inventory.seats();
    let (one, two) = tokio::join!(seats.get(lane, &event), seats.get(lane, &event));
    let map = |got: crate::lane::Result<Option<Arc<SeatMap>>>| got.expect("an answer").expect("an event");
    let (one, two) = (map(one), map(two));
    assert_eq!(one.seats, b"ffff");
    assert!(Arc::ptr_eq(&one, &two), "one read serves both");
    assert!(seats.get(lane, &EventId::from("none")).await.expect("an answer").is_none());
}

#[tokio::test]
async fn ids_of_elsewhere_are_not_found() {
    let house = House::new(1).await;
    for hold in ["", "h", "hff00000000000000000000000000000000", "o0000000000000000000000000000000000"] {
        let hold = HoldId::from(hold);
        assert_eq!(house.inventory.get_hold(&event(), &hold).await.expect("an answer"), None);
        assert_eq!(house.place(hold).await, CheckoutOutcome::NotFound);
    }
    assert_eq!(house.nudges.load(Ordering::Relaxed), 0);
}
