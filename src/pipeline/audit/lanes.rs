//! Compares one lane with itself and with the ledger. A violation within the lane's own state is a fact. A difference
//! from the ledger is only a suspicion at first. It does not count while the log still has a record about it, however
//! long that takes: a store that no writer tends is sound all the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Error, seats};
use crate::clock::Clock;
use crate::facts::ids::{CampaignId, EventId, LogId, OrderId, SeatIndex};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::record::RecordBody;
use crate::facts::seat::SeatState;
use crate::facts::time::Millis;
use crate::lane::Lane;
use crate::lane::recovery::{CampaignDump, EventDump};
use crate::ledger::Ledger;
use crate::ledger::audit::LiveSeat;

/// Rows and records read in one go.
const PAGE: usize = 500;

/// Names a difference, so that two looks can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DifferenceKey {
    pub invariant: &'static str,
    what: String,
    about: Vec<RecordTarget>,
}

/// What a record in the log may still change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum RecordTarget {
    Order(OrderId),
    Claim(CampaignId, i64),
}

/// One look at a lane.
#[derive(Debug, Default)]
pub struct Compared {
    pub checked: Vec<(&'static str, u64)>,
    pub violations: Vec<(&'static str, String)>,
    pub differences: BTreeMap<DifferenceKey, String>,
    /// The lane's last log id, when the look began to read the last of its events and campaigns.
    pub log_last: LogId,
}

impl Compared {
    fn differs(&mut self, invariant: &'static str, what: String, about: Vec<RecordTarget>, text: String) {
        self.differences.insert(DifferenceKey { invariant, what, about }, text);
    }

    fn count(&mut self, invariant: &'static str, things: usize) {
        self.checked.push((invariant, u64::try_from(things).unwrap_or(u64::MAX)));
    }
}

/// Looks at every event and campaign of the lane.
pub async fn compare(lane: &dyn Lane, ledger: &Ledger, clock: &Clock) -> Result<Compared, Error> {
    let mut compared = Compared::default();
    for event in events_of(lane, ledger).await? {
        let Some(dump) = lane.dump_event(&event).await? else {
            let text = format!("{event}: in the ledger, not in its lane");
            compared.differs("INV-1", format!("event {event}"), Vec::new(), text);
            continue;
        };
        compared.log_last = compared.log_last.max(LogId(dump.log_last));
        compared.count("INV-1", dump.seats.len());
        compared.count("INV-2", dump.holds.len());
        let live = ledger.live_seats(&event).await?;
        let counters = seats::counters(event.as_str(), &dump);
        compared.violations.extend(counters.into_iter().map(|text| ("INV-1", text)));
        let found = seats::check(event.as_str(), &dump, &live, clock.now_ms());
        let inv2 = found.inv2.into_iter().map(|text| ("INV-2", text));
        for (invariant, text) in found.inv1.into_iter().map(|text| ("INV-1", text)).chain(inv2) {
            match dump.torn {
                // The event changed while it was read: what does not fit may come from two moments.
                true => compared.differs(invariant, text.clone(), Vec::new(), text),
                false => compared.violations.push((invariant, text)),
            }
        }
        tickets(&event, &dump, &live, &mut compared);
        orders(ledger, &dump, clock.now_ms(), &mut compared).await?;
    }
    for campaign in campaigns_of(lane, ledger).await? {
        let Some(dump) = lane.dump_campaign(&campaign).await? else {
            let text = format!("{campaign}: in the ledger, not in its lane");
            compared.differs("INV-11", format!("campaign {campaign}"), Vec::new(), text);
            continue;
        };
        compared.log_last = compared.log_last.max(LogId(dump.log_last));
        stock(&campaign, &dump, &mut compared);
        let ledger_claims = ledger.claimed(&campaign).await?;
        let lane_claims: HashMap<i64, &str> = dump.claims.iter().map(|c| (c.number, c.user.as_str())).collect();
        let numbers: HashSet<i64> = ledger_claims.keys().chain(lane_claims.keys()).copied().collect();
        for number in numbers {
            let (here, there) = (lane_claims.get(&number), ledger_claims.get(&number).map(|u| u.as_str()));
            if here.copied() != there {
                let text = format!("{campaign}: claim {number} is not the same in lane and ledger");
                let about = vec![RecordTarget::Claim(campaign.clone(), number)];
                compared.differs("INV-11", format!("claim {campaign} {number}"), about, text);
            }
        }
    }
    if !compared.differences.is_empty() {
        let mut waiting = in_log(lane).await?;
        waiting.extend(put_aside(ledger, compared.differences.keys()).await?);
        compared.differences.retain(|key, _| !key.about.iter().any(|about| waiting.contains(about)));
    }
    Ok(compared)
}

/// INV-3 across lane and ledger: a seat is sold in the lane exactly when the ledger has a live ticket of a paid order
/// for it.
fn tickets(event: &EventId, dump: &EventDump, live: &[LiveSeat], compared: &mut Compared) {
    compared.count("INV-3", live.len());
    let owners: HashMap<SeatIndex, &str> = dump.owners.iter().map(|(seat, owner)| (*seat, owner.as_str())).collect();
    let tickets: HashMap<SeatIndex, &LiveSeat> = live.iter().map(|l| (l.seat, l)).collect();
    for (at, &byte) in dump.seats.iter().enumerate() {
        let seat = SeatIndex::try_from(at).unwrap_or(SeatIndex::MAX);
        let state = SeatState::from_byte(byte);
        let ticket = tickets.get(&seat);
        let agrees = match (state, ticket) {
            (Some(SeatState::Sold), Some(ticket)) => {
                is_paid(ticket.status) && owners.get(&seat) == Some(&ticket.order.as_str())
            }
            (Some(SeatState::Sold), None) => false,
            // The order may not be in the ledger yet; INV-4 covers that.
            (Some(SeatState::Paying), ticket) => {
                ticket.is_none_or(|t| !is_paid(t.status) && owners.get(&seat) == Some(&t.order.as_str()))
            }
            (Some(SeatState::Free | SeatState::Held | SeatState::Blocked) | None, Some(_)) => false,
            (Some(SeatState::Free | SeatState::Held | SeatState::Blocked) | None, None) => true,
        };
        if !agrees {
            let text = format!(
                "{event}: seat {seat} is {:?} in the lane, {} in the ledger",
                char::from(byte),
                ticket.map_or("without a live ticket", |t| t.status.as_str())
            );
            let owner = owners.get(&seat).map(|order| OrderId::from(*order));
            let about =
                owner.into_iter().chain(ticket.map(|ticket| ticket.order.clone())).map(RecordTarget::Order).collect();
            compared.differs("INV-3", format!("seat {event} {seat}"), about, text);
        }
    }
}

fn is_paid(status: OrderStatus) -> bool {
    match status {
        OrderStatus::Confirmed | OrderStatus::PartiallyRefunded | OrderStatus::Refunded => true,
        OrderStatus::Accepted
        | OrderStatus::PendingPayment
        | OrderStatus::Paying
        | OrderStatus::AwaitingDeposit
        | OrderStatus::Rejected => false,
    }
}

/// INV-4: an accepted order is in the log, the ledger or the dead letters, and the lane shows each order as the ledger
/// has it.
async fn orders(ledger: &Ledger, dump: &EventDump, now_ms: Millis, compared: &mut Compared) -> Result<(), Error> {
    compared.count("INV-4", dump.orders.len());
    for page in dump.orders.chunks(PAGE) {
        let ids: Vec<OrderId> = page.iter().map(|o| o.id.clone()).collect();
        let known = ledger.known_orders(&ids).await?;
        for order in page {
            unwritten(order, now_ms, compared);
            let version = known.versions.get(&order.id);
            if version.is_none() {
                let text = format!("order {} is neither in the ledger nor among the dead letters", order.id);
                compared.differs(
                    "INV-4",
                    format!("lost {}", order.id),
                    vec![RecordTarget::Order(order.id.clone())],
                    text,
                );
            }
            if version.is_some_and(|v| *v != order.version) {
                let text = format!("order {} is at version {} in its lane, not the ledger's", order.id, order.version);
                compared.differs(
                    "INV-4",
                    format!("version {}", order.id),
                    vec![RecordTarget::Order(order.id.clone())],
                    text,
                );
            }
        }
    }
    Ok(())
}

/// INV-4: an accepted order is written. An order that is past its deadline and has no record left in the log never will
/// be. (A written order past its deadline ends as soon as a writer tends the lane, so it is no violation in a store
/// that no writer tends.)
fn unwritten(order: &OrderFact, now_ms: Millis, compared: &mut Compared) {
    let late_ms = now_ms - order.deadline_ms;
    if order.status == OrderStatus::Accepted && late_ms > 0 {
        let (id, late_s) = (&order.id, late_ms / 1_000);
        let text = format!("order {id} is accepted and not written, {late_s} s after its deadline");
        compared.differs("INV-4", format!("unwritten {id}"), vec![RecordTarget::Order(id.clone())], text);
    }
}

/// Those orders among these differences that have a dead letter. The letter waits for a person, and the order with it.
async fn put_aside(ledger: &Ledger, keys: impl Iterator<Item = &DifferenceKey>) -> Result<Vec<RecordTarget>, Error> {
    let orders = keys.flat_map(|key| &key.about).filter_map(|about| match about {
        RecordTarget::Order(order) => Some(order.clone()),
        RecordTarget::Claim(..) => None,
    });
    let (orders, mut dead): (Vec<OrderId>, _) = (orders.collect(), Vec::new());
    for page in orders.chunks(PAGE) {
        dead.extend(ledger.known_orders(page).await?.dead.into_iter().map(RecordTarget::Order));
    }
    Ok(dead)
}

/// Orders and claims with a record in the log.
async fn in_log(lane: &dyn Lane) -> Result<HashSet<RecordTarget>, Error> {
    let mut waiting = HashSet::new();
    let mut after = LogId::default();
    loop {
        let entries = lane.read_log(after, PAGE).await?;
        let Some(last) = entries.last() else { return Ok(waiting) };
        after = last.log;
        for entry in &entries {
            let Ok(body) = serde_json::from_str::<RecordBody>(&entry.body) else { continue };
            waiting.extend(body.order().cloned().map(RecordTarget::Order));
            if let (RecordBody::CouponClaimed { campaign, .. }, Some(number)) = (&body, entry.number) {
                waiting.insert(RecordTarget::Claim(campaign.clone(), number));
            }
        }
    }
}

/// INV-11, the lane's half: the stock left and the claims add up to the stock that was issued, and the claims are
/// numbered 1 to n without a gap.
fn stock(campaign: &CampaignId, dump: &CampaignDump, compared: &mut Compared) {
    let claims = i64::try_from(dump.claims.len()).unwrap_or(i64::MAX);
    compared.count("INV-11", dump.claims.len());
    if dump.stock_left + claims != dump.stock {
        let text =
            format!("{campaign}: {} left and {claims} claimed are not the {} issued", dump.stock_left, dump.stock);
        compared.violations.push(("INV-11", text));
    }
    let numbers: HashSet<i64> = dump.claims.iter().map(|c| c.number).collect();
    if (1..=claims).any(|number| !numbers.contains(&number)) {
        compared.violations.push(("INV-11", format!("{campaign}: the {claims} claims are not numbered 1 to {claims}")));
    }
}

async fn events_of(lane: &dyn Lane, ledger: &Ledger) -> Result<Vec<EventId>, Error> {
    let mut found = Vec::new();
    let mut seq = 0;
    loop {
        let rows = ledger.events_since(seq, PAGE as i64).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        seq = last.seq;
        found.extend(rows.into_iter().filter(|r| r.lane == lane.id() && !r.away).map(|r| r.id));
    }
}

async fn campaigns_of(lane: &dyn Lane, ledger: &Ledger) -> Result<Vec<CampaignId>, Error> {
    let mut found = Vec::new();
    let mut seq = 0;
    loop {
        let rows = ledger.campaigns_since(seq, PAGE as i64).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        seq = last.seq;
        found.extend(rows.into_iter().filter(|r| r.lane == lane.id()).map(|r| r.id));
    }
}
