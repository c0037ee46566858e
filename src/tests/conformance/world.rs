//! A small world in which random steps meet each other: two events, four visitors, three users, a handful
//! of keys. Steps are numbers; the world makes calls of them from what it has seen so far.

use proptest::prelude::*;
use stanchion::clock::Millis;
use stanchion::ids::{CampaignId, EventId, LogId, SeatIndex};
use stanchion::lane::campaign::Claim;
use stanchion::lane::hold::{HoldFact, Row};
use stanchion::lane::order::{OrderStatus, Reason, RefundStatus, SeatTarget, TicketFact, TicketState};
use stanchion::lane::room::{Mode, ReleaseOn};
use stanchion::lane::{
    EnterOutcome, EventPut, EventRestore, Lane, OrderFact, SeatState, Settlement, Token, Want, event::RestoredOrder,
};

use super::ask::{self, SECOND, START};
use super::operation::{Answer, Operation};
use super::stores::next_generation;

pub const EVENTS: [&str; 2] = ["hall", "club"];
const VISITORS: [&str; 4] = ["v0", "v1", "v2", "v3"];
const USERS: [&str; 3] = ["kim", "lee", "park"];
const KEYS: [&str; 4] = ["k0", "k1", "k2", "k3"];
pub const CAMPAIGN: &str = "spring";
pub const OWNERS: [&str; 2] = ["w0", "w1"];
/// No step at all, the edges of a second, the times of `ask::settings`, a day.
const TIMES: [i64; 10] = [0, 1, 999, SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND, 40 * SECOND, 61 * SECOND, ask::DAY];

/// A step, all choices open: each number is taken modulo what there is to choose from.
#[derive(Debug, Clone)]
pub struct Choice {
    pub kind: Kind,
    pub picks: [u8; 6],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wait,
    PutEvent,
    Enter,
    Poll,
    Leave,
    Pulse,
    Look,
    Hold,
    GetHold,
    Release,
    Checkout,
    Pay,
    Cancel,
    Refund,
    Orders,
    Settle,
    PutCampaign,
    Claim,
    Log,
    Append,
    Lease,
    Restore,
    Reopen,
}

pub fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let kinds = prop_oneof![
        6 => Just(Kind::Wait),
        2 => Just(Kind::PutEvent),
        8 => Just(Kind::Enter),
        8 => Just(Kind::Poll),
        2 => Just(Kind::Leave),
        8 => Just(Kind::Pulse),
        2 => Just(Kind::Look),
        12 => Just(Kind::Hold),
        2 => Just(Kind::GetHold),
        3 => Just(Kind::Release),
        8 => Just(Kind::Checkout),
        4 => Just(Kind::Pay),
        3 => Just(Kind::Cancel),
        4 => Just(Kind::Refund),
        2 => Just(Kind::Orders),
        12 => Just(Kind::Settle),
        1 => Just(Kind::PutCampaign),
        4 => Just(Kind::Claim),
        2 => Just(Kind::Log),
        2 => Just(Kind::Append),
        2 => Just(Kind::Lease),
        1 => Just(Kind::Restore),
        2 => Just(Kind::Reopen),
    ];
    let choice = (kinds, any::<[u8; 6]>()).prop_map(|(kind, picks)| Choice { kind, picks });
    prop::collection::vec(choice, 1..120)
}

pub struct World {
    pub now_ms: Millis,
    /// After so long a waiting visitor counts as absent.
    pub absent_after_s: i64,
    /// Every token ever given, and some that never were.
    pub tokens: Vec<Token>,
    versions: [i64; 2],
    lengths: [u32; 2],
    epoch: i64,
}

fn pick<T: Copy>(from: &[T], by: u8) -> T {
    from[usize::from(by) % from.len()]
}

impl World {
    pub fn new(absent_after_s: i64) -> Self {
        Self { now_ms: START, absent_after_s, tokens: vec![], versions: [1; 2], lengths: [ask::SEATS; 2], epoch: 1 }
    }

    /// What stands before the first step: both events open, a campaign of three.
    pub fn beginning(&self) -> Vec<Operation> {
        let put = |name| {
            let mut put = ask::put(name);
            put.room.absent_after_s = self.absent_after_s;
            Operation::PutEvent(put)
        };
        vec![put(EVENTS[0]), put(EVENTS[1]), Operation::PutCampaign(ask::campaign_put(CAMPAIGN, 3))]
    }

    /// What to call for this step. `lane` is asked for facts that an operation must be made from.
    pub async fn operations(&mut self, choice: &Choice, lane: &dyn Lane) -> Vec<Operation> {
        let [a, b, c, d, e, f] = choice.picks;
        // The second event is there to be left alone, mostly.
        let name = pick(&[EVENTS[0], EVENTS[0], EVENTS[0], EVENTS[1]], a);
        let (visitor, user) = (pick(&VISITORS, b), pick(&USERS, c));
        let key = pick(&KEYS, d);
        let log_max = pick(&[ask::MANY, ask::MANY, ask::MANY, 2], f);
        match choice.kind {
            Kind::Wait => {
                self.now_ms += pick(&TIMES, a);
                vec![]
            }
            Kind::PutEvent => vec![Operation::PutEvent(self.put_event(choice))],
            Kind::Enter => {
                let mut enter = ask::enter(pick(&[name, name, name, "nowhere"], d), visitor);
                enter.waiting_max = pick(&[ask::MANY, ask::MANY, 1, 0], c);
                vec![Operation::Enter(enter)]
            }
            Kind::Poll => vec![Operation::Poll(self.token(choice))],
            Kind::Leave => vec![Operation::Leave(self.token(choice))],
            Kind::Pulse => {
                let mut pulse = ask::pulse(pick(&[name, name, name, "nowhere"], c));
                pulse.work_max = pick(&[ask::MANY, 1, 2], b);
                vec![Operation::Pulse(pulse)]
            }
            Kind::Look => vec![
                Operation::Room(ask::event(name)),
                Operation::Inside(ask::event(name), ask::visitor(visitor)),
                Operation::Seats(ask::event(name)),
                Operation::Meta,
            ],
            Kind::Hold => {
                let mut hold = ask::hold(name, &format!("{name}/{key}"), visitor, want(e, f));
                hold.user = ask::user(user);
                hold.digest = pick(&["d", "d", "d", "other"], f).to_owned();
                hold.seats_per_user = pick(&[4, 4, 2], e);
                vec![Operation::Hold(hold)]
            }
            Kind::GetHold => vec![Operation::GetHold(ask::event(name), ask::hold_id(&format!("{name}/{key}")))],
            Kind::Release => {
                let hold = self.hold(lane, name, key).await;
                let mut release = ask::release(name, &format!("{name}/{key}"), user);
                if let (Some(hold), true) = (hold, e % 4 != 0) {
                    release.user = hold.user;
                }
                vec![Operation::Release(release)]
            }
            Kind::Checkout => {
                let hold = self.hold(lane, name, pick(&KEYS, e)).await;
                let hold_key = format!("{name}/{}", pick(&KEYS, e));
                let order_key = format!("{name}/{key}");
                let mut checkout = ask::checkout(name, &order_key, &hold_key, user, self.now_ms);
                if let (Some(hold), true) = (hold, b % 8 != 0) {
                    checkout.fact.user = hold.user.clone();
                    checkout.user = hold.user;
                }
                checkout.fact.digest = pick(&["d", "d", "d", "d", "other"], b).to_owned();
                checkout.log_max = log_max;
                vec![Operation::Checkout(Box::new(checkout))]
            }
            Kind::Pay => {
                let order = self.order(lane, name, key).await;
                let due = order.as_ref().and_then(|order| order.total.as_ref()).map_or(0, |total| total.cash);
                let mut pay =
                    ask::pay(&format!("{name}/{key}"), pick(&["p0", "p1"], b), user, due + pick(&[0, 0, 0, 1], e));
                if let (Some(order), true) = (order, c % 4 != 0) {
                    pay.user = order.user;
                }
                pay.digest = pick(&["d", "d", "d", "d", "other"], c).to_owned();
                pay.log_max = log_max;
                vec![Operation::Pay(pay)]
            }
            Kind::Cancel => {
                let mut cancel = ask::cancel(&format!("{name}/{key}"), user);
                if let (Some(order), true) = (self.order(lane, name, key).await, c % 4 != 0) {
                    cancel.user = order.user;
                }
                vec![Operation::Cancel(cancel)]
            }
            Kind::Refund => {
                let lines =
                    [(u32::from(b % 3) + 1, pick(&[None, None, Some(1), Some(ask::PRICE), Some(ask::PRICE + 1)], e))];
                let owner = self.order(lane, name, key).await.map(|order| order.user.0);
                let asker = pick(&[0, 1, 1, 1, 2], c);
                let asker = match asker {
                    0 => None,
                    1 => owner.as_deref().or(Some(user)),
                    _ => Some(user),
                };
                let mut refund = ask::refund(&format!("{name}/{key}"), pick(&["r0", "r1"], b / 3), asker, &lines);
                refund.digest = pick(&["d", "d", "d", "d", "other"], c).to_owned();
                refund.log_max = log_max;
                vec![Operation::Refund(refund)]
            }
            Kind::Orders => {
                let ids = KEYS.map(|key| ask::order_id(&format!("{name}/{key}")));
                let refund = ask::refund_id(&format!("{name}/{key}"), pick(&["r0", "r1"], b));
                vec![Operation::Orders(ids.to_vec()), Operation::GetRefund(refund)]
            }
            Kind::Settle => self.settle(choice, lane, name).await,
            Kind::PutCampaign => {
                let mut put = ask::campaign_put(CAMPAIGN, pick(&[1, 3, 5], b));
                put.version = pick(&[0, 1, 2], c);
                put.per_user = pick(&[1, 2], d);
                put.opens_at_ms = pick(&[0, 0, self.now_ms, self.now_ms + SECOND], e);
                put.closes_at_ms = pick(&[0, 0, self.now_ms, self.now_ms + SECOND], f);
                vec![Operation::PutCampaign(put)]
            }
            Kind::Claim => {
                let mut claim = ask::claim(pick(&[CAMPAIGN, CAMPAIGN, CAMPAIGN, "nowhere"], a), key, user);
                claim.digest = pick(&["d", "d", "d", "other"], b).to_owned();
                claim.log_max = log_max;
                vec![Operation::Claim(claim), Operation::DumpCampaign(CampaignId::from(CAMPAIGN))]
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
                let key = format!("{name}/{key}");
                let records =
                    vec![ask::expired(pick(&["x0", "x1"], b), &key), ask::expired(pick(&["x1", "x2"], c), &key)];
                vec![Operation::Append(records), Operation::ReadLog(LogId(0), 100)]
            }
            Kind::Lease => {
                let owner = pick(&OWNERS, a);
                let lease = Operation::Lease(owner, pick(&[SECOND, 10 * SECOND], b));
                if c % 4 == 0 { vec![Operation::Unlease(owner)] } else { vec![lease, Operation::Meta] }
            }
            Kind::Restore => self.restore(choice, lane).await,
            // The driver's to do.
            Kind::Reopen => vec![],
        }
    }

    /// Learns from an answer what later steps may use.
    pub fn hear(&mut self, operation: &Operation, answer: &Answer) {
        match (operation, answer) {
            (Operation::Enter(enter), Answer::Entered(outcome)) => {
                let (serial, epoch, round) = match outcome {
                    EnterOutcome::Entered { serial, epoch, round, .. }
                    | EnterOutcome::Known { serial, epoch, round, .. } => (*serial, *epoch, *round),
                    EnterOutcome::Closed | EnterOutcome::Full | EnterOutcome::NoEvent => return,
                };
                let (event, visitor) = (enter.event.clone(), enter.visitor.clone());
                self.tokens.push(Token { event, visitor, serial, epoch, round });
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
        let at = usize::from(a % 4 == 3);
        let mut put = ask::put(EVENTS[at]);
        put.version = self.versions[at] + pick(&[1, 1, 1, 0, -1], b);
        put.seats = self.lengths[at] + pick(&[0, 0, 0, 1], b);
        put.blocked =
            pick::<&[(SeatIndex, SeatIndex)]>(&[&[], &[], &[(3, 4)], &[(0, 2), (10, 12)], &[(4, 4)], &[(9, 40)]], c)
                .to_vec();
        let room = &mut put.room;
        room.mode = pick(&[Mode::Open, Mode::Open, Mode::Scheduled, Mode::Paused, Mode::Drain, Mode::Closed], d);
        room.capacity = pick(&[2, 1, 3, 0], e);
        room.rate_per_min = pick(&[6_000, 60, 1, 0], e / 4);
        room.late_grace_s = pick(&[30, 30, 0], e / 16);
        room.absent_after_s = self.absent_after_s;
        room.opens_at_ms = pick(&[0, self.now_ms, self.now_ms + SECOND], f);
        room.closes_at_ms = pick(&[0, 0, 0, self.now_ms + 20 * SECOND], f / 4);
        room.release_on = pick(&[ReleaseOn::Order, ReleaseOn::Order, ReleaseOn::Exit], f / 16);
        put
    }

    /// Mostly one that was given, the newest ones first; sometimes none that ever was.
    fn token(&self, choice: &Choice) -> Token {
        let [a, b, c, d, e, _] = choice.picks;
        let given = self.tokens.iter().rev().nth(usize::from(b) % self.tokens.len().clamp(1, 6));
        match given {
            Some(given) if c % 8 != 0 => given.clone(),
            _ => {
                let mut token = ask::token(pick(&EVENTS, a), pick(&VISITORS, d), i64::from(e % 9));
                token.round = pick(&[1, 1, 2], a);
                token.epoch = pick(&[1, 2, 1, 1_500], d / 4);
                token
            }
        }
    }

    async fn hold(&self, lane: &dyn Lane, name: &str, key: &str) -> Option<HoldFact> {
        let hold = ask::hold_id(&format!("{name}/{key}"));
        lane.get_hold(self.now_ms, &ask::event(name), &hold).await.ok().flatten()
    }

    async fn order(&self, lane: &dyn Lane, name: &str, key: &str) -> Option<OrderFact> {
        let found = lane.orders(&[ask::order_id(&format!("{name}/{key}"))]).await;
        found.ok().and_then(|mut found| found.pop().flatten())
    }

    /// The writer's word on an order the lane has, or (rarely) on one it has not.
    async fn settle(&self, choice: &Choice, lane: &dyn Lane, name: &str) -> Vec<Operation> {
        let [_, b, c, d, e, f] = choice.picks;
        let key = pick(&KEYS, d);
        let trim = (f % 4 == 0).then(|| LogId(u64::from(f / 4 % 16)));
        let event = ask::event(pick(&[name, name, name, name, name, name, name, "nowhere"], e / 8));
        let order = match self.order(lane, name, key).await {
            Some(order) => order,
            None if b % 8 == 0 => {
                let hold = format!("{name}/{}", pick(&KEYS, c));
                ask::checkout(name, &format!("{name}/{key}"), &hold, pick(&USERS, c), self.now_ms).fact
            }
            None => return vec![Operation::Settle(event, vec![], trim)],
        };
        let hold = lane.get_hold(self.now_ms, &ask::event(name), &order.hold).await.ok().flatten();
        let Some(hold) = hold else { return vec![Operation::Settle(event, vec![], trim)] };
        let version = (order.version + pick(&[1, 1, 1, 2, 0, -1], e)).max(0);
        let settlement = self.settlement(choice, &hold, &order, version);
        vec![Operation::Settle(event, vec![settlement], trim)]
    }

    /// A target state as the writer makes it: what the status is, the seats follow.
    fn settlement(&self, choice: &Choice, hold: &HoldFact, order: &OrderFact, version: i64) -> Settlement {
        let [_, b, c, _, _, f] = choice.picks;
        let of = |status, target| ask::settlement(hold, order, version, status, target);
        let settled = match order.status {
            OrderStatus::Confirmed | OrderStatus::PartiallyRefunded => pick(&[3, 4, 5], b),
            OrderStatus::Refunded => 5,
            OrderStatus::Rejected => 6,
            OrderStatus::Accepted | OrderStatus::PendingPayment | OrderStatus::Paying => {
                pick(&[1, 1, 2, 3, 3, 6, 7, 8], b)
            }
        };
        let mut settlement = match settled {
            1 => of(OrderStatus::PendingPayment, SeatTarget::Paying),
            2 => of(OrderStatus::Paying, SeatTarget::Paying),
            3 => of(OrderStatus::Confirmed, SeatTarget::Sold),
            4 => {
                let mut part = of(OrderStatus::PartiallyRefunded, SeatTarget::Sold);
                part.seats[0].1 = SeatTarget::Free;
                part.fact.lines[0].closed = true;
                part.fact.lines[0].refunded = part.fact.lines[0].price;
                part
            }
            5 => of(OrderStatus::Refunded, SeatTarget::Free),
            6 => of(OrderStatus::Rejected, SeatTarget::Free),
            7 => of(OrderStatus::Rejected, SeatTarget::Held),
            _ => {
                let mut cancelled = of(OrderStatus::Rejected, SeatTarget::Free);
                cancelled.fact.reason = Some(Reason::Cancelled);
                cancelled
            }
        };
        match settled {
            3 | 4 => {
                settlement.fact.confirmed_ms = Some(self.now_ms);
                let ticket = TicketFact { id: "t".to_owned(), state: TicketState::Valid };
                settlement.fact.lines[0].ticket = Some(ticket);
            }
            6 => settlement.fact.reason = settlement.fact.reason.or(Some(Reason::PaymentExpired)),
            7 => {
                settlement.fact.reason = Some(Reason::PriceChanged);
                settlement.held_until_ms = Some(self.now_ms + pick(&[60 * SECOND, 60 * SECOND, 0], f));
            }
            _ => {}
        }
        let order_key = KEYS.iter().flat_map(|key| EVENTS.map(|name| format!("{name}/{key}")));
        let order_key = order_key.into_iter().find(|key| ask::order_id(key) == order.id);
        if let (Some(key), true) = (order_key, c % 2 == 0) {
            let statuses = [RefundStatus::Requested, RefundStatus::Sent, RefundStatus::Done, RefundStatus::Failed];
            let mut refund = ask::refund_fact(&key, pick(&["r0", "r1"], c / 2), pick(&statuses, c / 4));
            refund.cash = version;
            settlement.refunds.push(refund);
        }
        settlement
    }

    /// The lane is lost, and rebuilt from what a ledger would know of it.
    async fn restore(&mut self, choice: &Choice, lane: &dyn Lane) -> Vec<Operation> {
        let generation = next_generation();
        self.epoch += 10;
        let log = lane.meta().await.map_or(LogId(0), |meta| meta.log_last);
        let mut operations =
            vec![Operation::BeginRestore(generation, log), Operation::Meta, Operation::Room(ask::event(EVENTS[0]))];
        for (at, name) in EVENTS.iter().enumerate() {
            let Ok(Some(dump)) = lane.dump_event(&EventId::from(*name)).await else { continue };
            let mut put = ask::put(name);
            put.version = dump.version;
            put.seats = self.lengths[at];
            put.room = dump.room;
            put.blocked =
                (0..put.seats).zip(&dump.seats).filter(|(_, seat)| **seat == b'b').map(|(i, _)| (i, i + 1)).collect();
            let orders = dump.orders.iter().filter(|order| order.version > 0).filter_map(|order| {
                let hold =
                    dump.holds.iter().find(|hold| hold.id == order.hold && hold.order.as_ref() == Some(&order.id))?;
                let live = dump.owners.iter().filter(|(_, owner)| owner == order.id.as_str());
                let state = |seat: SeatIndex| SeatState::from_byte(dump.seats[seat as usize]).expect("a seat's byte");
                let seats = live.map(|(seat, _)| (*seat, state(*seat))).collect();
                Some(RestoredOrder { fact: order.clone(), hold: hold.clone(), seats })
            });
            let orders = orders.collect();
            let restore = EventRestore { put, epoch: self.epoch, orders, now_ms: self.now_ms };
            operations.push(Operation::RestoreEvent(restore));
        }
        let claims: Vec<Claim> = match lane.dump_campaign(&CampaignId::from(CAMPAIGN)).await {
            Ok(Some(dump)) => dump.claims,
            Ok(None) | Err(_) => vec![],
        };
        let stock = claims.len() as i64 + i64::from(choice.picks[1] % 3);
        operations.push(Operation::RestoreCampaign(ask::campaign_put(CAMPAIGN, stock), claims));
        if choice.picks[2].is_multiple_of(4) {
            operations.push(Operation::EndRestore(generation + 1));
        }
        operations.push(Operation::EndRestore(generation));
        operations
    }
}

fn want(by: u8, more: u8) -> Want {
    let split_row = vec![Row { runs: vec![(6, 2), (0, 2)] }, Row { runs: vec![(2, 4)] }];
    let quantity = u32::from(more % 4);
    match by % 8 {
        0 | 1 => ask::named(&[SeatIndex::from(more % 13)]),
        2 => ask::named(&[SeatIndex::from(more % 6), SeatIndex::from(more % 6 + 1 + more / 64)]),
        3 => ask::named(pick::<&[SeatIndex]>(&[&[], &[2, 1], &[3, 3], &[4, 5, 6]], more)),
        4 => Want::Separate { rows: ask::standing(), quantity, price: ask::PRICE },
        5 => Want::Separate { rows: ask::rows(), quantity, price: ask::PRICE },
        6 => Want::Adjacent { rows: ask::rows(), quantity, price: ask::PRICE },
        _ => Want::Adjacent { rows: split_row, quantity, price: ask::PRICE },
    }
}
