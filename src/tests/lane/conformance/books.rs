//! Operations that the ledger causes in a lane: conclusions, and everything after a loss.

use stanchion::facts::checkpoint::{DRAWS_MAX, DrawChange, DrawsTaken, RestoredOrder};
use stanchion::facts::conclusion::{Conclusion, SeatTarget};
use stanchion::facts::coupon::Claim;
use stanchion::facts::hold::HoldFact;
use stanchion::facts::ids::{CampaignId, EventId, LogId, SeatIndex};
use stanchion::facts::order::{OrderFact, OrderStatus, Reason, TicketFact, TicketState};
use stanchion::facts::refund::RefundStatus;
use stanchion::facts::seat::SeatState;
use stanchion::lane::Lane;
use stanchion::lane::recovery::EventRestore;

use super::ask::{self, SECOND};
use super::choice::Choice;
use super::known::{Known, order_key, some};
use super::operation::Operation;
use super::stores::next_generation;
use super::world::{CAMPAIGN, EVENTS, KEYS, World, pick};

impl World {
    /// A conclusion of an order that the lane has or, rarely, of one that it does not have.
    pub fn conclude(&self, choice: &Choice, known: &Known, name: &str) -> Vec<Operation> {
        let [_, b, c, d, e, f] = choice.picks;
        let trim = (f % 4 == 0).then(|| LogId(u64::from(f / 4 % 16)));
        let event = ask::event(if e / 8 == 31 { "nowhere" } else { name });
        let not_final = [OrderStatus::Accepted, OrderStatus::PendingPayment, OrderStatus::Paying];
        let unknown = || {
            let hold = some(&known.holds, c)?;
            let mut fact = ask::checkout(name, &format!("{name}/{}", pick(&KEYS, d)), "", "", self.now_ms).fact;
            (fact.hold, fact.user) = (hold.id.clone(), hold.user.clone());
            let owns_none = known.owners.iter().all(|owner| owner != fact.id.as_str());
            let is_new = owns_none && known.orders.iter().all(|order| order.id != fact.id);
            is_new.then_some(fact)
        };
        let order = if b % 16 == 15 { unknown() } else { known.order(d, &not_final).cloned() };
        let hold = order.as_ref().and_then(|order| known.holds.iter().find(|hold| hold.id == order.hold));
        let conclusions = match (&order, hold) {
            (Some(order), Some(hold)) => {
                let version = (order.version + pick(&[1, 1, 1, 1, 1, 2, 0, -1], e)).max(0);
                vec![self.conclusion(choice, hold, order, version)]
            }
            _ => vec![],
        };
        vec![Operation::Conclude(event, conclusions, trim)]
    }

    /// A target state as the writer makes it: the seats follow from the status.
    fn conclusion(&self, choice: &Choice, hold: &HoldFact, order: &OrderFact, version: i64) -> Conclusion {
        let [_, b, c, _, _, f] = choice.picks;
        let of = |status, target| ask::conclusion(hold, order, version, status, target);
        let concluded = match order.status {
            // 9: the bank took the deposit back.
            OrderStatus::Confirmed => pick(&[3, 4, 5, 9], b),
            OrderStatus::PartiallyRefunded => pick(&[3, 4, 5], b),
            OrderStatus::AwaitingDeposit => pick(&[3, 3, 6, 8, 9], b),
            OrderStatus::Refunded => 5,
            OrderStatus::Rejected => 6,
            OrderStatus::Accepted => pick(&[1, 1, 1, 1, 3, 3, 6, 7], b),
            OrderStatus::PendingPayment | OrderStatus::Paying => pick(&[1, 1, 1, 2, 3, 3, 6, 8, 9], b),
        };
        let mut conclusion = match concluded {
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
            9 => of(OrderStatus::AwaitingDeposit, SeatTarget::Paying),
            _ => {
                let mut cancelled = of(OrderStatus::Rejected, SeatTarget::Free);
                cancelled.fact.reason = Some(Reason::Cancelled);
                cancelled
            }
        };
        conclusion.refundable_until_ms = self.now_ms + pick(&[ask::DAY, 60 * SECOND, 0], f);
        match concluded {
            3 | 4 => {
                conclusion.fact.confirmed_ms = Some(self.now_ms);
                let ticket = TicketFact { id: "t".to_owned(), state: TicketState::Valid };
                conclusion.fact.lines[0].ticket = Some(ticket);
            }
            6 => conclusion.fact.reason = conclusion.fact.reason.or(Some(Reason::PaymentExpired)),
            7 => {
                conclusion.fact.reason = Some(Reason::PriceChanged);
                conclusion.held_until_ms = Some(self.now_ms + pick(&[60 * SECOND, 60 * SECOND, 0], f));
            }
            _ => {}
        }
        if c % 2 == 0 {
            let key = order_key(order);
            let mut refund = ask::refund_fact(&key, pick(&["r0", "r1"], c / 2), pick(&RefundStatus::ALL, c / 4));
            refund.cash = version;
            conclusion.refunds.push(refund);
        }
        conclusion
    }

    /// Loses the lane and rebuilds it from what a ledger would know of it.
    pub async fn restore(&mut self, choice: &Choice, lane: &dyn Lane) -> Vec<Operation> {
        let [_, _, _, c, d, _] = choice.picks;
        let generation = next_generation();
        self.epoch += 10;
        let log = lane.meta().await.map_or(LogId(0), |meta| meta.log_last);
        let mut operations =
            vec![Operation::BeginRestore(generation, log), Operation::Meta, Operation::Room(ask::event(EVENTS[0]))];
        for (at, name) in EVENTS.iter().enumerate() {
            let Ok(Some(dump)) = lane.dump_event(&EventId::from(*name)).await else { continue };
            let told = DrawsTaken { round: 0, changes: 0, max: DRAWS_MAX };
            let look = lane.checkpoint(&EventId::from(*name), told).await.ok().flatten().filter(|_| c % 4 != 3);
            let spent_draws = look.iter().flat_map(|look| &look.draws.changes).filter_map(|change| match change {
                DrawChange::Spent(visitor) => Some(visitor.clone()),
                DrawChange::Unspent(_) => None,
            });
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
                Some(RestoredOrder { fact: order.clone(), hold: hold.clone(), seats, refundable_until_ms: self.now_ms })
            });
            let orders = orders.collect();
            let restore = EventRestore {
                generation,
                put,
                epoch: self.epoch,
                spent_draws: spent_draws.collect(),
                checkpoint: look.map(|look| look.room),
                recover_ms: pick(&[0, 5 * SECOND], d),
                orders,
            };
            operations.push(Operation::RestoreEvent(restore));
        }
        let claims: Vec<Claim> = match lane.dump_campaign(&CampaignId::from(CAMPAIGN)).await {
            Ok(Some(dump)) => dump.claims,
            Ok(None) | Err(_) => vec![],
        };
        let stock = claims.len() as i64 + i64::from(choice.picks[1] % 3);
        operations.push(Operation::RestoreCampaign(generation, ask::campaign_put(CAMPAIGN, stock), claims));
        if choice.picks[2].is_multiple_of(4) {
            operations.push(Operation::EndRestore(generation + 1));
        }
        operations.push(Operation::EndRestore(generation));
        operations
    }
}
