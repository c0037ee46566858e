//! A hall of 100,000 sold seats in a lane, what an audit reads of it, and a crowd that keeps the lane busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stanchion::clock::Clock;
use stanchion::facts::checkpoint::{DrawsTaken, RestoredOrder};
use stanchion::facts::conclusion::{Conclusion, SeatTarget};
use stanchion::facts::hold::{HoldFact, HoldState};
use stanchion::facts::ids::{EventId, HoldId, OrderId, UserId, VisitorId};
use stanchion::facts::order::{LineFact, OrderFact, OrderStatus, PaymentFact, TicketFact, TicketState, TotalFact};
use stanchion::facts::place::Token;
use stanchion::facts::room::RoomSettings;
use stanchion::facts::seat::SeatState;
use stanchion::facts::tariff::{PriceList, Tariff, TicketPrice};
use stanchion::facts::terms::{RefundTerm, Terms};
use stanchion::lane::Lane;
use stanchion::lane::board::{EXACT_MAX, Showing};
use stanchion::lane::events::{EventPut, PutEvent};
use stanchion::lane::recovery::EventRestore;
use stanchion::lane::rooms::{ENTER_MAX, Enter, EnterOutcome, Entrant, Pulse};
use stanchion::lane::seats::{HoldAsk, HoldOutcome, Release, ReleaseOutcome, RowRuns, Want};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

pub const SOLD: u32 = 100_000;
/// Free seats beside them, which are held and given back.
const FREE: u32 = 2_000;
/// Seats of an order.
const EACH: u32 = 4;
const PRICE: i64 = 55_000;

const WAITING: usize = 10_000;
const HOLDERS: usize = 10;
/// Each holder holds and gives back once in this time.
const HOLD_EVERY: Duration = Duration::from_millis(50);
const POLLERS: usize = 5;
const POLL_EVERY: Duration = Duration::from_millis(10);
/// Orders that the writer concludes in a second, and orders that one step of `pipeline::conclude` takes.
const CONCLUDED: u32 = 100;
const CONCLUDED_AT_ONCE: u32 = 25;
const WEEK_S: i64 = 7 * 24 * 3_600;
const WEEK_MS: i64 = WEEK_S * 1_000;

fn event() -> EventId {
    EventId::from("hall")
}

fn put() -> EventPut {
    let room = RoomSettings {
        capacity: HOLDERS as i64,
        rate_per_min: 600_000,
        pass_ttl_s: WEEK_S,
        claim_ttl_s: WEEK_S,
        absent_after_s: WEEK_S,
        late_grace_s: 60,
        ..RoomSettings::default()
    };
    EventPut { event: event(), version: 1, seats: SOLD + FREE, blocked: Vec::new(), room, returned: false }
}

/// Builds the lane as after a loss. Its rebuilding must have begun.
pub async fn fill(lane: &dyn Lane, now_ms: i64) {
    let restore = EventRestore {
        generation: 1,
        put: put(),
        epoch: 1,
        checkpoint: None,
        spent_draws: Vec::new(),
        recover_ms: 0,
        orders: (0..SOLD / EACH).map(|nth| sold(nth, now_ms)).collect(),
    };
    lane.restore_event(now_ms, restore).await.expect("restored");
    lane.end_restore(now_ms, 1).await.expect("ended");
}

/// A confirmed order as the ledger tells it.
fn sold(nth: u32, now_ms: i64) -> RestoredOrder {
    let (id, hold) = (OrderId::from(format!("o00{nth:032x}")), HoldId::from(format!("h00{nth:032x}")));
    let user = UserId::from(format!("buyer-{nth}"));
    let seats: Vec<u32> = (nth * EACH..(nth + 1) * EACH).collect();
    let line = |(at, seat): (u32, &u32)| LineFact {
        line: at,
        seat: *seat,
        ticket_type: "standard".into(),
        price: PRICE,
        booking_fee: 0,
        discount: 0,
        points: 0,
        cash: PRICE,
        earn: 550,
        vat: 0,
        refunded: 0,
        fee_refunded: 0,
        closed: false,
        ticket: Some(TicketFact { id: format!("t00{nth:032x}-{at}"), state: TicketState::Valid }),
    };
    let price = PRICE * i64::from(EACH);
    let fact = OrderFact {
        id: id.clone(),
        event: event(),
        user: user.clone(),
        hold: hold.clone(),
        digest: format!("{nth:032x}"),
        status: OrderStatus::Confirmed,
        reason: None,
        version: 2,
        currency: "KRW".into(),
        lines: (1..).zip(&seats).map(line).collect(),
        total: Some(TotalFact { price, booking_fee: 0, discount: 0, points: 0, cash: price, vat: 0 }),
        coupon: None,
        payment: Some(PaymentFact {
            provider: "sandbox".into(),
            status: "captured".into(),
            attempts: 1,
            captured: price,
            cancelled: 0,
        }),
        deposit: None,
        placed_ms: now_ms,
        confirmed_ms: Some(now_ms),
        deadline_ms: now_ms + 600_000,
        refund_terms: vec![RefundTerm::FREE],
    };
    let hold = HoldFact {
        id: hold,
        event: event(),
        user,
        visitor: VisitorId::from(format!("visitor-{nth}")),
        digest: format!("{nth:032x}"),
        state: HoldState::Ordered,
        seats: seats.clone(),
        prices: vec![PRICE; EACH as usize],
        tariff: tariff(),
        terms: Some(terms(now_ms)),
        earn_bp: 100,
        fee_bp: 500,
        created_ms: now_ms - 60_000,
        expires_ms: now_ms + 360_000,
        order: Some(id),
    };
    let seats = seats.into_iter().map(|seat| (seat, SeatState::Sold)).collect();
    RestoredOrder { fact, hold, seats, refundable_until_ms: now_ms + WEEK_MS }
}

fn tariff() -> Tariff {
    let price = TicketPrice { id: "standard".into(), name: "Standard".into(), price: PRICE };
    Tariff::one(PriceList { section: "a".into(), types: vec![price] })
}

fn terms(now_ms: i64) -> Terms {
    Terms::plain("KRW", "hall-co", now_ms + WEEK_MS)
}

/// Puts the same layout again, as after every change of an event.
pub async fn lay_out_again(lane: &dyn Lane, now_ms: i64) {
    assert_eq!(lane.put_event(now_ms, put()).await.expect("an answer"), PutEvent::Done);
}

/// Reads what an audit reads of the hall. Panics when anything is missing.
pub async fn check(lane: &dyn Lane) {
    let dump = lane.dump_event(&event()).await.expect("an answer").expect("the hall");
    let sold = dump.seats.iter().filter(|byte| **byte == SeatState::Sold.byte()).count();
    let owned = dump.owners.iter().filter(|(_, owner)| owner.starts_with('o')).count();
    assert_eq!((sold, owned), (SOLD as usize, SOLD as usize));
    assert_eq!((dump.tally.sold, dump.counts.sold), (i64::from(SOLD), i64::from(SOLD)));
    assert_eq!(dump.orders.len(), (SOLD / EACH) as usize);
    let bought = dump.taken.iter().filter(|(user, taken)| user.starts_with("buyer-") && *taken == i64::from(EACH));
    assert_eq!(bought.count(), (SOLD / EACH) as usize);
    lane.read_log(stanchion::facts::ids::LogId(0), 500).await.expect("an answer");
}

/// Holders, pollers, and the calls that a gateway and a writer make by themselves, until they are told to stop.
pub struct Crowd {
    tasks: Vec<JoinHandle<()>>,
    holds: Arc<Mutex<Vec<f64>>>,
}

impl Crowd {
    pub async fn start(lane: &Arc<dyn Lane>, clock: &Clock, stop: &Arc<AtomicBool>) -> Self {
        let now_ms = clock.now_ms();
        let inside = enter(&**lane, now_ms, "holder", HOLDERS).await;
        let tokens: Arc<Vec<Token>> = Arc::new(enter(&**lane, now_ms, "waiting", WAITING).await);
        let holds = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for token in inside {
            let holder = Holder { lane: lane.clone(), clock: clock.clone(), visitor: token.visitor };
            tasks.push(tokio::spawn(holder.run(stop.clone(), holds.clone())));
        }
        let next = Arc::new(AtomicUsize::new(0));
        for _ in 0..POLLERS {
            let (lane, clock, tokens, next) = (lane.clone(), clock.clone(), tokens.clone(), next.clone());
            tasks.push(every(POLL_EVERY, stop, move || {
                let (lane, now_ms) = (lane.clone(), clock.now_ms());
                let token = tokens[next.fetch_add(1, Ordering::Relaxed) % tokens.len()].clone();
                async move {
                    lane.poll(now_ms, token).await.expect("an answer").expect("the hall");
                }
            }));
        }
        tasks.extend(by_themselves(lane, clock, stop));
        Self { tasks, holds }
    }

    /// How long each hold took since the last call of this, ms.
    pub fn take_holds(&self) -> Vec<f64> {
        std::mem::take(&mut *self.holds.lock())
    }

    pub async fn end(self) {
        for task in self.tasks {
            task.await.expect("it went well");
        }
    }
}

/// Lets `many` visitors enter, in order; the first ones are inside at once. Returns their tokens.
async fn enter(lane: &dyn Lane, now_ms: i64, name: &str, many: usize) -> Vec<Token> {
    let names: Vec<VisitorId> = (0..many).map(|nth| VisitorId::from(format!("{name}-{nth}"))).collect();
    let mut tokens = Vec::with_capacity(many);
    for few in names.chunks(ENTER_MAX) {
        let visitors = few.iter().map(|visitor| Entrant { visitor: visitor.clone(), draw: None }).collect();
        let enter = Enter { event: event(), round: 0, visitors, waiting_max: 1_000_000 };
        let places = lane.enter(now_ms, enter).await.expect("an answer");
        tokens.extend(few.iter().zip(places).map(|(visitor, place)| match place {
            EnterOutcome::Entered { score, place } => {
                Token { event: event(), visitor: visitor.clone(), score, round: place.counts.round }
            }
            other => panic!("{visitor} enters: {other:?}"),
        }));
    }
    tokens
}

struct Holder {
    lane: Arc<dyn Lane>,
    clock: Clock,
    visitor: VisitorId,
}

impl Holder {
    async fn run(self, stop: Arc<AtomicBool>, holds: Arc<Mutex<Vec<f64>>>) {
        let mut ticks = ticks(HOLD_EVERY);
        let mut nth = 0;
        while !stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            nth += 1;
            let began = Instant::now();
            let hold = self.hold(nth).await;
            holds.lock().push(began.elapsed().as_secs_f64() * 1_000.0);
            let release = Release { event: event(), hold, user: self.user() };
            let outcome = self.lane.release(self.clock.now_ms(), release).await.expect("an answer");
            assert_eq!(outcome, ReleaseOutcome::Released);
        }
    }

    async fn hold(&self, nth: u32) -> HoldId {
        let hold = HoldId::from(format!("h00-{}-{nth}", self.visitor));
        let row = |at: u32| RowRuns { runs: vec![(SOLD + at * 50, 50)] };
        let ask = HoldAsk {
            event: event(),
            hold: hold.clone(),
            digest: "d".into(),
            user: self.user(),
            visitor: self.visitor.clone(),
            want: Want::Adjacent { rows: (0..FREE / 50).map(row).collect(), quantity: EACH, price: PRICE },
            tariff: tariff(),
            terms: terms(self.clock.now_ms()),
            seats_per_user: i64::from(EACH),
            hold_ttl_ms: 60_000,
            earn_bp: 100,
            fee_bp: 500,
        };
        let outcome = self.lane.hold(self.clock.now_ms(), ask).await.expect("an answer");
        assert!(matches!(outcome, HoldOutcome::Held(_)), "{outcome:?}");
        hold
    }

    fn user(&self) -> UserId {
        UserId::from(self.visitor.as_str())
    }
}

/// Starts the calls that a gateway and a writer make by themselves: four pulses a second, and once a second a board,
/// the seats, a checkpoint and the conclusions of a batch of orders.
fn by_themselves(lane: &Arc<dyn Lane>, clock: &Clock, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    let second = Duration::from_secs(1);
    let asking = || (lane.clone(), clock.clone());
    let (lane, clock) = asking();
    let pulse = every(second / 4, stop, move || {
        let (lane, now_ms) = (lane.clone(), clock.now_ms());
        async move {
            lane.pulse(now_ms, Pulse { event: event(), work_max: 500 }).await.expect("an answer");
        }
    });
    let (lane, clock) = asking();
    let looks = every(second, stop, move || {
        let (lane, now_ms) = (lane.clone(), clock.now_ms());
        async move {
            let showing = Showing { event: event(), exact: EXACT_MAX };
            lane.board(now_ms, showing).await.expect("an answer").expect("the hall");
            lane.seats(&event()).await.expect("an answer").expect("the hall");
            let told = DrawsTaken { round: 1, changes: 0, max: 1_000 };
            lane.checkpoint(&event(), told).await.expect("an answer").expect("the hall");
        }
    });
    let (lane, clock) = asking();
    let version = AtomicUsize::new(2);
    let concludes = every(second, stop, move || {
        let (lane, now_ms) = (lane.clone(), clock.now_ms());
        let version = version.fetch_add(1, Ordering::Relaxed) as i64 + 1;
        async move {
            for first in (0..CONCLUDED).step_by(CONCLUDED_AT_ONCE as usize) {
                let conclusions =
                    (first..first + CONCLUDED_AT_ONCE).map(|nth| concluded(nth, version, now_ms)).collect();
                lane.conclude(now_ms, &event(), conclusions, None).await.expect("an answer");
            }
        }
    });
    vec![pulse, looks, concludes]
}

/// A conclusion that gives an order a newer version and changes nothing else.
fn concluded(nth: u32, version: i64, now_ms: i64) -> Conclusion {
    let RestoredOrder { fact, hold: _, seats, refundable_until_ms } = sold(nth, now_ms);
    Conclusion {
        fact: OrderFact { version, ..fact },
        seats: seats.into_iter().map(|(seat, _)| (seat, SeatTarget::Sold)).collect(),
        held_until_ms: None,
        refundable_until_ms,
        refunds: Vec::new(),
    }
}

/// Does something at a steady rate. A turn that comes late delays the turns after it.
fn every<F>(period: Duration, stop: &Arc<AtomicBool>, mut act: impl FnMut() -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send,
{
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut ticks = ticks(period);
        while !stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            act().await;
        }
    })
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
