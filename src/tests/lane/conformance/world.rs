//! A world so small that random steps meet each other: two events, four visitors, three users, a handful of keys. A
//! step is some numbers; the world makes calls of them from what it has seen so far.

use stanchion::facts::checkpoint::DrawsTaken;
use stanchion::facts::conclusion::SeatTarget;
use stanchion::facts::hold::{HoldFact, HoldState};
use stanchion::facts::ids::{LogId, SeatIndex};
use stanchion::facts::order::{OrderStatus, PaymentFact};
use stanchion::facts::place::Token;
use stanchion::facts::room;
use stanchion::facts::room::{AdmissionOrder, Control, Mode, ReleaseOn, SCORES};
use stanchion::facts::terms::RefundTerm;
use stanchion::facts::time::Millis;
use stanchion::lane::events::EventPut;
use stanchion::lane::rooms::{EnterOutcome, Entrant};
use stanchion::lane::seats::{RowRuns, Want};
use stanchion::lane::{Lane, RECENT_MAX};

use super::ask::{self, SECOND, START};
use super::choice::{Choice, Kind};
use super::known::{Known, digest, order_key, some};
use super::operation::{Answer, Operation};

pub const EVENTS: [&str; 2] = ["hall", "club"];
pub const VISITORS: [&str; 4] = ["v0", "v1", "v2", "v3"];
pub const USERS: [&str; 3] = ["kim", "lee", "park"];
pub const KEYS: [&str; 5] = ["k0", "k1", "k2", "k3", "k4"];
/// Keys for holding or ordering many times: more than `RECENT_MAX`, so that the oldest do not stay whole.
pub fn churned() -> impl Iterator<Item = String> {
    (0..RECENT_MAX + 3).map(|at| format!("c{at}"))
}
pub const CAMPAIGN: &str = "spring";
pub const OWNERS: [&str; 2] = ["w0", "w1"];
/// How far a step moves the time: not at all, to the edges of a second, by the times of `ask::settings`, and rarely by
/// a day.
const TIMES: [i64; 20] = [
    0,
    1,
    999,
    SECOND,
    SECOND,
    SECOND,
    2 * SECOND,
    2 * SECOND,
    5 * SECOND,
    5 * SECOND,
    9 * SECOND,
    10 * SECOND,
    10 * SECOND,
    20 * SECOND,
    20 * SECOND,
    30 * SECOND,
    30 * SECOND,
    40 * SECOND,
    61 * SECOND,
    ask::DAY,
];

pub struct World {
    pub now_ms: Millis,
    /// After this time a waiting visitor counts as absent.
    pub absent_after_s: i64,
    /// Every token that was given.
    pub tokens: Vec<Token>,
    versions: [i64; 2],
    pub lengths: [u32; 2],
    pub epoch: i64,
}

/// One of these, which must not be empty.
pub fn pick<T: Copy>(from: &[T], by: u8) -> T {
    from[usize::from(by) % from.len()]
}

impl World {
    pub fn new(absent_after_s: i64) -> Self {
        Self { now_ms: START, absent_after_s, tokens: vec![], versions: [1; 2], lengths: [ask::SEATS; 2], epoch: 1 }
    }

    /// What is there before the first step. It is made in three acts. The first opens both events, puts a campaign with
    /// a stock of three, and lets three visitors in. The second makes their holds and orders two of them. The third has
    /// one order paid and one waiting for its payment.
    pub async fn beginning(&self, act: usize, lane: &dyn Lane) -> Vec<Operation> {
        let [name, _] = EVENTS;
        let fact_key = |at: usize| format!("{name}/{}", KEYS[at]);
        match act {
            0 => {
                let put = |name| {
                    let mut put = ask::put(name);
                    put.room.absent_after_s = self.absent_after_s;
                    put.room.capacity = 3;
                    // Short, so that holds and orders outlast the places from which they were made.
                    put.room.pass_ttl_s = 15;
                    Operation::PutEvent(put)
                };
                let campaign = Operation::PutCampaign(ask::campaign_put(CAMPAIGN, 3));
                let enter = |at: usize| Operation::Enter(ask::enter(name, VISITORS[at]));
                vec![put(EVENTS[0]), put(EVENTS[1]), campaign, enter(0), enter(1), enter(2)]
            }
            1 => {
                let hold = |at: usize, seats: &[SeatIndex]| {
                    let mut hold = ask::hold(name, &fact_key(at), VISITORS[at], ask::named(seats));
                    hold.user = ask::user(USERS[at]);
                    Operation::Hold(hold)
                };
                let checkout = |at: usize| {
                    let key = fact_key(at);
                    Operation::Checkout(Box::new(ask::checkout(name, &key, &key, USERS[at], self.now_ms)))
                };
                vec![hold(0, &[0, 1]), hold(1, &[4]), hold(2, &[8]), checkout(0), checkout(1)]
            }
            _ => {
                let known = Known::of(lane, name, self.now_ms).await;
                let conclude = |at: usize, status, target| {
                    let order = known.orders.iter().find(|order| order_key(order) == fact_key(at))?;
                    let hold = known.holds.iter().find(|hold| hold.id == order.hold)?;
                    let mut conclusion = ask::conclusion(hold, order, 1, status, target);
                    let until_ms = Some(self.now_ms + 10 * SECOND);
                    conclusion.fact.refund_terms = vec![RefundTerm { until_ms, fee_bp: 0 }];
                    let (provider, status) = ("sandbox".to_owned(), "declined".to_owned());
                    conclusion.fact.payment =
                        Some(PaymentFact { provider, status, attempts: 2, captured: 0, cancelled: 0 });
                    Some(Operation::Conclude(ask::event(name), vec![conclusion], None))
                };
                let paid = conclude(0, OrderStatus::Confirmed, SeatTarget::Sold);
                let unpaid = conclude(1, OrderStatus::PendingPayment, SeatTarget::Paying);
                paid.into_iter().chain(unpaid).collect()
            }
        }
    }

    /// The calls of this step. `lane` is asked for the facts that an operation is made from.
    pub async fn operations(&mut self, choice: &Choice, lane: &dyn Lane) -> Vec<Operation> {
        let [a, b, c, d, e, f] = choice.picks;
        // Mostly the step is about the first event. Then the second must stay as it is.
        let name = if a % 8 == 7 { EVENTS[1] } else { EVENTS[0] };
        let known = Known::of(lane, name, self.now_ms).await;
        let (visitor, user, key) = (pick(&VISITORS, b), pick(&USERS, c), pick(&KEYS, d));
        let fact_key = format!("{name}/{key}");
        let log_max = pick(&[ask::MANY, ask::MANY, ask::MANY, ask::MANY, ask::MANY, ask::MANY, ask::MANY, 2], f);
        match choice.kind {
            Kind::Wait => {
                self.now_ms += pick(&TIMES, a);
                vec![]
            }
            Kind::PutEvent => vec![Operation::PutEvent(self.put_event(choice))],
            Kind::Retire => {
                let at = usize::from(a % 8 != 0);
                let version = self.versions[at] + pick(&[0, 0, 0, 1, -1], b);
                // An event that has left comes back only by a rebuild, even when it is put again.
                let mut again = ask::put(EVENTS[at]);
                (again.version, again.seats, again.returned) = (version + 1, self.lengths[at], c % 2 == 0);
                again.room.absent_after_s = self.absent_after_s;
                let retire = Operation::RetireEvent(ask::event(EVENTS[at]), version);
                if d % 4 == 0 { vec![retire, Operation::PutEvent(again)] } else { vec![retire] }
            }
            Kind::Enter => {
                let mut enter = ask::enter(if d % 16 == 15 { "nowhere" } else { name }, visitor);
                enter.waiting_max = pick(&[ask::MANY, ask::MANY, 1, 0], c);
                enter.round = pick(&[1, 1, 2], d);
                for also in 0..e % 4 {
                    enter.visitors.push(Entrant {
                        visitor: ask::visitor(pick(&VISITORS, (f / 4).wrapping_add(also))),
                        draw: None,
                    });
                }
                for (at, entrant) in (0u8..).zip(&mut enter.visitors) {
                    entrant.draw = pick(&[None, Some(-7), Some(-7), Some(-40)], f.wrapping_add(at));
                }
                vec![Operation::Enter(enter)]
            }
            Kind::Poll if f % 4 == 3 => {
                let token = self.token(choice);
                let event = token.event.clone();
                let others = self.tokens.iter().rev().filter(|other| other.event == event).take(usize::from(e % 6));
                let tokens = std::iter::once(token).chain(others.cloned()).collect();
                vec![Operation::Presence(event, tokens)]
            }
            Kind::Poll => vec![Operation::Poll(self.token(choice))],
            Kind::Leave => vec![Operation::Leave(self.token(choice))],
            Kind::Pulse => {
                let mut pulse = ask::pulse(if c % 16 == 15 { "nowhere" } else { name });
                pulse.work_max = pick(&[ask::MANY, ask::MANY, 1, 2], b);
                vec![Operation::Pulse(pulse)]
            }
            Kind::Look => vec![
                Operation::Room(ask::event(name)),
                Operation::Board(ask::showing(name, pick(&[1, 1, 2, 500, 0, 2_001], b))),
                Operation::Inside(ask::event(name), ask::visitor(visitor)),
                Operation::Readmit(self.token(choice), self.now_ms + pick(&[0, SECOND, 60 * SECOND], f)),
                Operation::Drawn(
                    ask::event(name),
                    pick(&[None, Some(visitor)], d).map(ask::visitor),
                    usize::from(e % 4),
                ),
                Operation::Checkpoint(
                    ask::event(name),
                    DrawsTaken {
                        round: pick(&[1, 1, 2, 0], b),
                        changes: pick(&[0, 1, 2, 5], c),
                        max: pick(&[1, 2, 5_000, 0], d),
                    },
                ),
                Operation::Seats(ask::event(name)),
                Operation::Meta,
            ],
            Kind::Hold => {
                let at = known.insiders.get(usize::from(b) % 4).copied();
                let who = at.filter(|_| c % 16 != 15).unwrap_or(usize::from(b) % VISITORS.len());
                let name = if c % 32 == 14 { "nowhere" } else { name };
                let mut hold = ask::hold(name, &fact_key, VISITORS[who], want(e, f));
                // Mostly each visitor has one user; two visitors share one.
                hold.user = ask::user(if c % 8 == 7 { user } else { USERS[who % USERS.len()] });
                hold.digest = digest(f);
                hold.seats_per_user = pick(&[4, 12, 12, 2], c / 64);
                vec![Operation::Hold(hold)]
            }
            Kind::GetHold => {
                let hold = some(&known.holds, d).map_or_else(|| ask::hold_id(&fact_key), |hold| hold.id.clone());
                vec![Operation::GetHold(ask::event(name), hold)]
            }
            Kind::Release => {
                let mut release = ask::release(name, &fact_key, user);
                if let Some(hold) = known.hold(d, |hold| hold.state == HoldState::Held) {
                    release.hold = hold.id.clone();
                    release.user = if c % 8 == 7 { release.user } else { hold.user.clone() };
                }
                vec![Operation::Release(release)]
            }
            Kind::Checkout => {
                let mut checkout =
                    ask::checkout(name, &fact_key, &format!("{name}/{}", pick(&KEYS, e)), user, self.now_ms);
                let is_held = e % 4 != 3;
                if let Some(hold) = known.hold(e / 4, |hold| (hold.state == HoldState::Held) == is_held) {
                    checkout.hold = hold.id.clone();
                    checkout.fact.hold = hold.id.clone();
                    checkout.user = if b % 8 == 7 { checkout.user } else { hold.user.clone() };
                    checkout.fact.user = checkout.user.clone();
                }
                checkout.fact.digest = digest(c);
                checkout.log_max = log_max;
                // Real ids differ by user, and the ids made of these keys do not. So the id of an order that has left
                // is not used again: it might be another user's.
                let has_left = known.orders.iter().all(|order| order.id != checkout.fact.id)
                    && known.owners.iter().any(|owner| owner == checkout.fact.id.as_str());
                if has_left { vec![] } else { vec![Operation::Checkout(Box::new(checkout))] }
            }
            Kind::Churn => self.churn(choice, &known, name),
            Kind::Pay => {
                let order = known.order(d, &[OrderStatus::PendingPayment]);
                let due = order.and_then(|order| order.total.as_ref()).map_or(0, |total| total.cash);
                let key = order.map_or(fact_key, order_key);
                let mut pay = ask::pay(&key, pick(&["p0", "p1"], b), user, due + i64::from(e % 8 == 7));
                if let (Some(order), false) = (order, c % 8 == 7) {
                    pay.user = order.user.clone();
                }
                pay.digest = digest(c);
                pay.attempts_max = pick(&[10, 10, 10, 2], e);
                pay.log_max = log_max;
                vec![Operation::Pay(pay)]
            }
            Kind::Cancel => {
                let order = known.order(d, &[OrderStatus::PendingPayment]);
                let mut cancel = ask::cancel(&order.map_or(fact_key, order_key), user);
                if let (Some(order), false) = (order, c % 8 == 7) {
                    cancel.user = order.user.clone();
                }
                vec![Operation::Cancel(cancel)]
            }
            Kind::Refund => {
                let order = known.order(d, &[OrderStatus::Confirmed, OrderStatus::PartiallyRefunded]);
                let amount = pick(&[None, None, None, Some(1), Some(ask::PRICE), Some(ask::PRICE + 1), Some(0)], e);
                let lines = [(u32::from(e / 8 % 3) + 1, amount), (u32::from(e / 32 % 3) + 1, None)];
                let lines = if b % 2 == 0 { &lines[..1] } else { &lines[..] };
                let asker = match c % 8 {
                    0 => None,
                    1 => Some(user),
                    _ => order.map(|order| order.user.as_str()),
                };
                let key = order.map_or(fact_key, order_key);
                let mut refund = ask::refund(&key, pick(&["r0", "r1"], b / 2), asker, lines);
                refund.digest = digest(c / 8);
                refund.fact.digest = refund.digest.clone();
                refund.log_max = log_max;
                vec![Operation::Refund(refund)]
            }
            Kind::Orders => {
                let ids = KEYS.map(|key| ask::order_id(&format!("{name}/{key}")));
                let key = known.order(d, &[]).map_or(fact_key, order_key);
                let refunds = ["r0", "r1"].map(|refund| Operation::GetRefund(ask::refund_id(&key, refund)));
                let [first, second] = refunds;
                vec![Operation::Orders(ids.to_vec()), first, second]
            }
            Kind::Conclude => self.conclude(choice, &known, name),
            Kind::PutCampaign => {
                let mut put = ask::campaign_put(CAMPAIGN, pick(&[1, 3, 5], b));
                put.version = pick(&[0, 1, 2], c);
                put.per_user = pick(&[1, 2], d);
                put.expires_at_ms = if a % 8 == 7 { self.now_ms + SECOND } else { 0 };
                put.opens_at_ms = pick(&[0, 0, self.now_ms, self.now_ms + SECOND], e);
                put.closes_at_ms = pick(&[0, 0, 0, 0, self.now_ms, self.now_ms + SECOND], f);
                vec![Operation::PutCampaign(put)]
            }
            Kind::Claim => {
                let mut claim = ask::claim(if a % 16 == 15 { "nowhere" } else { CAMPAIGN }, key, user);
                claim.digest = digest(b);
                claim.version = i64::from(c % 3);
                claim.expires_ms = (d % 2 == 0).then_some(self.now_ms + SECOND);
                claim.log_max = log_max;
                vec![Operation::Claim(claim)]
            }
            Kind::Log => {
                let after = LogId(u64::from(b % 8));
                let mut log = vec![Operation::ReadLog(after, usize::from(c % 5)), Operation::Meta];
                if d % 2 == 0 {
                    log.push(Operation::Trim(LogId(u64::from(e % 12))));
                }
                log
            }
            Kind::Append => {
                let records = vec![
                    ask::expired(pick(&["x0", "x1"], b), &fact_key),
                    ask::expired(pick(&["x1", "x2"], c), &fact_key),
                ];
                vec![Operation::Append(records), Operation::ReadLog(LogId(0), 100)]
            }
            Kind::Lease => {
                let owner = pick(&OWNERS, a);
                let lease = Operation::Lease(owner, pick(&[SECOND, 10 * SECOND], b));
                if c % 4 == 0 { vec![Operation::Unlease(owner)] } else { vec![lease, Operation::Meta] }
            }
            Kind::Restore => self.restore(choice, lane).await,
            // The driver of the sequences reopens the store.
            Kind::Reopen => vec![],
        }
    }

    /// One visitor holds and gives back, or orders one hold and is refused, so often that the oldest of these no longer
    /// stay whole. Then any of them is repeated.
    fn churn(&self, choice: &Choice, known: &Known, name: &str) -> Vec<Operation> {
        let [_, b, c, d, e, _] = choice.picks;
        let fact_key = |key: &str| format!("{name}/{key}");
        let repeated = fact_key(&format!("c{}", usize::from(e) % RECENT_MAX));
        let mut operations = vec![];
        let order_of = |hold: &HoldFact, key: &str| {
            let mut checkout = ask::checkout(name, key, "", hold.user.as_str(), self.now_ms);
            (checkout.hold, checkout.fact.hold) = (hold.id.clone(), hold.id.clone());
            checkout
        };
        match known.hold(d, |hold| hold.state == HoldState::Held).filter(|_| b % 2 == 0) {
            Some(hold) => {
                for key in churned() {
                    let checkout = order_of(hold, &fact_key(&key));
                    let rejected = ask::conclusion(hold, &checkout.fact, 1, OrderStatus::Rejected, SeatTarget::Held);
                    operations.push(Operation::Checkout(Box::new(checkout)));
                    operations.push(Operation::Conclude(ask::event(name), vec![rejected], None));
                }
                let mut checkout = order_of(hold, &repeated);
                checkout.fact.digest = digest(c);
                let again =
                    ask::conclusion(hold, &checkout.fact, i64::from(e % 3), OrderStatus::Rejected, SeatTarget::Free);
                operations.push(Operation::Checkout(Box::new(checkout)));
                operations.push(Operation::Conclude(ask::event(name), vec![again], None));
            }
            None => {
                let who = known.insiders.get(usize::from(b) % 4).copied().unwrap_or_default();
                let hold = |key: &str| {
                    let mut hold = ask::hold(name, key, VISITORS[who], want(8, 0));
                    hold.user = ask::user(USERS[who % USERS.len()]);
                    hold
                };
                for key in churned() {
                    operations.push(Operation::Hold(hold(&fact_key(&key))));
                    operations.push(Operation::Release(ask::release(name, &fact_key(&key), USERS[who % USERS.len()])));
                }
                let mut repeat = hold(&repeated);
                repeat.digest = digest(c);
                operations.push(Operation::Hold(repeat));
                operations.push(Operation::GetHold(ask::event(name), ask::hold_id(&repeated)));
            }
        }
        operations
    }

    /// Learns from an answer for later steps.
    pub fn hear(&mut self, operation: &Operation, answer: &Answer) {
        match (operation, answer) {
            (Operation::Enter(enter), Answer::Entered(outcomes)) => {
                for (entrant, outcome) in enter.visitors.iter().zip(outcomes) {
                    let (score, round) = match outcome {
                        EnterOutcome::Entered { score, place } | EnterOutcome::Known { score, place } => {
                            (*score, place.counts.round)
                        }
                        EnterOutcome::Closed
                        | EnterOutcome::Full
                        | EnterOutcome::OtherRound
                        | EnterOutcome::NoEvent => continue,
                    };
                    let (event, visitor) = (enter.event.clone(), entrant.visitor.clone());
                    self.tokens.push(Token { event, visitor, score, round });
                }
            }
            (Operation::PutEvent(put), Answer::Other(text)) if text == "Done" => {
                if let Some(at) = EVENTS.iter().position(|name| *name == put.event.as_str()) {
                    self.versions[at] = put.version;
                    self.lengths[at] = put.seats;
                }
            }
            _ => {}
        }
    }

    fn put_event(&self, choice: &Choice) -> EventPut {
        let [a, b, c, d, e, f] = choice.picks;
        let at = usize::from(a % 8 == 7);
        let mut put = ask::put(EVENTS[at]);
        put.version = self.versions[at] + pick(&[1, 1, 1, 0, -1], b);
        put.returned = f % 8 == 3;
        put.seats = self.lengths[at] + pick(&[0, 0, 0, 1], b);
        put.blocked =
            pick::<&[(SeatIndex, SeatIndex)]>(&[&[], &[], &[(3, 4)], &[(0, 2), (10, 12)], &[(4, 4)], &[(9, 40)]], c)
                .to_vec();
        let room = &mut put.room;
        let other = [Mode::Scheduled, Mode::Paused, Mode::Drain, Mode::Closed];
        room.mode = if d % 2 == 0 { Mode::Open } else { pick(&other, d / 2) };
        room.capacity = pick(&[2, 2, 1, 3, 3, 4, 4, 0], e);
        room.rate_per_min = pick(&[6_000, 6_000, 6_000, 600, 60, 60, 1, 0], e / 8);
        room.late_grace_s = pick(&[30, 30, 0], e / 64);
        room.pass_ttl_s = pick(&[60, 60, 10, 1], c / 8);
        room.absent_after_s = self.absent_after_s;
        room.opens_at_ms = pick(&[0, self.now_ms, self.now_ms + SECOND], f);
        room.closes_at_ms = if f / 4 % 8 == 7 { self.now_ms + 20 * SECOND } else { 0 };
        room.order = pick(&[AdmissionOrder::Fifo, AdmissionOrder::Lottery], d / 16);
        room.control = pick(&[Control::Fixed, Control::Adaptive], e / 16);
        room.release_on = pick(&[ReleaseOn::Order, ReleaseOn::Order, ReleaseOn::Exit], f / 32);
        put
    }

    /// Mostly a token that was given, one of the newest; sometimes one that never was.
    fn token(&self, choice: &Choice) -> Token {
        let [a, b, c, d, e, _] = choice.picks;
        let given = self.tokens.iter().rev().nth(usize::from(b) % self.tokens.len().clamp(1, 6));
        match given {
            Some(given) if c % 8 != 0 => given.clone(),
            _ => {
                let mut token = ask::token(pick(&EVENTS, a), pick(&VISITORS, d), i64::from(e % 9));
                token.round = pick(&[1, 1, 2], a);
                token.score = pick(&[token.score, room::score(2, 3), -7, SCORES.end() + 1], d / 4);
                token
            }
        }
    }
}

fn want(by: u8, more: u8) -> Want {
    let split_row = vec![RowRuns { runs: vec![(6, 2), (0, 2)] }, RowRuns { runs: vec![(2, 4)] }];
    let quantity = if more % 16 == 15 { 0 } else { u32::from(more % 4) + 1 };
    match by % 16 {
        0..=3 => ask::named(&[SeatIndex::from(more % 13)]),
        4..=6 => ask::named(&[SeatIndex::from(more % 6), SeatIndex::from(more % 6 + 1 + more / 64)]),
        7 => ask::named(pick::<&[SeatIndex]>(&[&[], &[2, 1], &[3, 3], &[4, 5, 6], &[8, 9], &[8, 10]], more)),
        8 | 9 => Want::Separate { rows: ask::standing(), quantity, price: ask::PRICE },
        10 => Want::Separate { rows: ask::rows(), quantity, price: ask::PRICE },
        11..=13 => Want::Adjacent { rows: ask::rows(), quantity, price: ask::PRICE },
        _ => Want::Adjacent { rows: split_row, quantity, price: ask::PRICE },
    }
}
