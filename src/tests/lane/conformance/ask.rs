//! Complete arguments of a lane's operations, for the cases to vary: a hall with two rows of four seats and a standing
//! section of four, its room, its holds and orders. All of them are on lane 0.

use stanchion::facts::conclusion::{Conclusion, SeatTarget};
use stanchion::facts::coupon::{Claim, CouponChoice};
use stanchion::facts::hold::HoldFact;
use stanchion::facts::ids::{
    AttemptId, CampaignId, ClaimId, EventId, FactKind, HoldId, LaneId, OrderId, RefundId, Scope, SeatIndex, UserId,
    VisitorId, fact_id,
};
use stanchion::facts::order::{LineFact, OrderFact, OrderStatus, TotalFact};
use stanchion::facts::place::Token;
use stanchion::facts::points::PointsAsk;
use stanchion::facts::record::{PaymentAsk, Record, RecordBody, VERSION};
use stanchion::facts::refund::{RefundBy, RefundFact, RefundLineFact, RefundStatus};
use stanchion::facts::room::{Mode, RoomSettings, score};
use stanchion::facts::tariff::{PriceList, Tariff, TicketPrice};
use stanchion::facts::terms::{BookingFee, FeeRefundable, FreeCancellation, RefundTerm, Terms};
use stanchion::facts::time::Millis;
use stanchion::lane::board::Showing;
use stanchion::lane::coupons::{CampaignPut, ClaimAsk};
use stanchion::lane::events::EventPut;
use stanchion::lane::orders::{Cancel, Checkout, Pay, Refund};
use stanchion::lane::rooms::{Enter, Entrant, Pulse};
use stanchion::lane::seats::{HoldAsk, Release, RowRuns, Want};

/// The time at which every case begins.
pub const START: Millis = 1_800_000_000_000;
pub const SECOND: i64 = 1_000;
pub const DAY: i64 = 86_400_000;
pub const PRICE: i64 = 55_000;
pub const SEATS: u32 = 12;
pub const HOLD_TTL_MS: i64 = 30 * SECOND;
pub const PAYMENT_TTL_MS: i64 = 40 * SECOND;
/// A bound that no case reaches by chance.
pub const MANY: i64 = 1_000;

pub fn id(kind: FactKind, key: &str) -> String {
    fact_id(kind, LaneId(0), Scope { user: "", method: "POST", path: "/", key })
}

pub fn event(name: &str) -> EventId {
    EventId::from(name)
}

pub fn user(name: &str) -> UserId {
    UserId::from(name)
}

pub fn visitor(name: &str) -> VisitorId {
    VisitorId::from(name)
}

pub fn hold_id(key: &str) -> HoldId {
    HoldId::from(id(FactKind::Hold, key))
}

pub fn order_id(key: &str) -> OrderId {
    OrderId::from(id(FactKind::Order, key))
}

pub fn settings() -> RoomSettings {
    RoomSettings {
        mode: Mode::Open,
        capacity: 2,
        rate_per_min: 6_000,
        pass_ttl_s: 60,
        claim_ttl_s: 10,
        absent_after_s: 20,
        late_grace_s: 30,
        ..RoomSettings::default()
    }
}

pub fn put(name: &str) -> EventPut {
    EventPut { event: event(name), version: 1, seats: SEATS, blocked: vec![], room: settings(), returned: false }
}

pub fn enter(name: &str, who: &str) -> Enter {
    enter_all(name, &[who])
}

pub fn enter_all(name: &str, all: &[&str]) -> Enter {
    let visitors = all.iter().map(|who| Entrant { visitor: visitor(who), draw: None }).collect();
    Enter { event: event(name), round: 1, visitors, waiting_max: MANY }
}

pub fn token(name: &str, who: &str, serial: i64) -> Token {
    Token { event: event(name), visitor: visitor(who), score: score(1, serial), round: 1 }
}

pub fn showing(name: &str, exact: i64) -> Showing {
    Showing { event: event(name), exact }
}

pub fn pulse(name: &str) -> Pulse {
    Pulse { event: event(name), work_max: MANY }
}

/// The hall's rows: row 1 has seats 0 to 3, row 2 has seats 4 to 7.
pub fn rows() -> Vec<RowRuns> {
    vec![RowRuns { runs: vec![(0, 4)] }, RowRuns { runs: vec![(4, 4)] }]
}

/// The standing section: seats 8 to 11.
pub fn standing() -> Vec<RowRuns> {
    vec![RowRuns { runs: vec![(8, 4)] }]
}

pub fn named(seats: &[SeatIndex]) -> Want {
    Want::Named(seats.iter().map(|seat| (*seat, PRICE)).collect())
}

pub fn hold(name: &str, key: &str, who: &str, want: Want) -> HoldAsk {
    HoldAsk {
        event: event(name),
        hold: hold_id(key),
        digest: "d".to_owned(),
        user: user(who),
        visitor: visitor(who),
        want,
        tariff: tariff(),
        terms: terms(),
        seats_per_user: 4,
        hold_ttl_ms: HOLD_TTL_MS,
        earn_bp: 100,
        fee_bp: 500,
    }
}

/// Two ticket types, whose names are not only ASCII.
pub fn tariff() -> Tariff {
    let price = |id: &str, name: &str, price| TicketPrice { id: id.to_owned(), name: name.to_owned(), price };
    let types = vec![price("adult", "Adult", PRICE), price("youth", "청소년 \"7–18\"", 7)];
    Tariff { lists: vec![PriceList { section: "a".to_owned(), types }], list_of: Vec::new() }
}

/// Terms with every part.
pub fn terms() -> Terms {
    let booking_fee =
        BookingFee { amount: 2_000, refundable: FeeRefundable::FirstDay, timezone: "Asia/Seoul".to_owned() };
    let free = Some(FreeCancellation { for_ms: DAY, until_ms: START + DAY });
    let (vat_bp, earn_vest_days, earn_valid_days) = (Some(1_000), Some(1), Some(30));
    Terms { booking_fee, free, vat_bp, earn_vest_days, earn_valid_days, ..Terms::plain("KRW", "hall-co", START) }
}

pub fn release(name: &str, key: &str, who: &str) -> Release {
    Release { event: event(name), hold: hold_id(key), user: user(who) }
}

/// The checkout of a hold, as a gateway asks for it.
pub fn checkout(name: &str, key: &str, hold_key: &str, who: &str, now_ms: Millis) -> Checkout {
    let (order, deadline_ms) = (order_id(key), now_ms + PAYMENT_TTL_MS);
    let fact = OrderFact {
        id: order.clone(),
        event: event(name),
        user: user(who),
        hold: hold_id(hold_key),
        digest: "d".to_owned(),
        status: OrderStatus::Accepted,
        reason: None,
        version: 0,
        currency: "KRW".to_owned(),
        lines: vec![],
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
        event: event(name),
        hold: hold_id(hold_key),
        user: user(who),
        digest: "d".to_owned(),
        types: Vec::new(),
        coupon: CouponChoice::None,
        points: PointsAsk::NONE,
        least_cash: 0,
        expected_cash: None,
        payment: None,
        placed_ms: now_ms,
        deadline_ms,
        terms: Terms::plain("KRW", "hall-co", now_ms + DAY),
    };
    Checkout {
        event: event(name),
        hold: hold_id(hold_key),
        user: user(who),
        fact,
        record: Record { id: order.into_string(), body },
        log_max: MANY,
    }
}

pub fn pay(key: &str, attempt: &str, who: &str, amount: i64) -> Pay {
    let (order, attempt) = (order_id(key), AttemptId::from(id(FactKind::Attempt, &format!("{key}/{attempt}"))));
    let payment = PaymentAsk { provider: "sandbox".to_owned(), key: "ok".to_owned(), deposit_until_ms: None };
    let body =
        RecordBody::PaymentRequested { v: VERSION, order: order.clone(), attempt: attempt.clone(), payment, amount };
    let record = Record { id: attempt.to_string(), body };
    Pay { order, user: user(who), attempt, digest: "d".to_owned(), amount, attempts_max: 10, record, log_max: MANY }
}

pub fn cancel(key: &str, who: &str) -> Cancel {
    let order = order_id(key);
    let body = RecordBody::OrderCancelled { v: VERSION, order: order.clone() };
    Cancel { record: Record { id: format!("{order}.cancelled"), body }, order, user: user(who) }
}

pub fn refund_id(key: &str, refund: &str) -> RefundId {
    RefundId::from(id(FactKind::Refund, &format!("{key}/{refund}")))
}

pub fn refund_fact(key: &str, refund: &str, status: RefundStatus) -> RefundFact {
    RefundFact {
        id: refund_id(key, refund),
        order: order_id(key),
        digest: "d".to_owned(),
        status,
        reason: "ill".to_owned(),
        failure: None,
        cash: 0,
        points_restored: 0,
        earn_clawed: 0,
        fee: 0,
        booking_fee: 0,
        lines: vec![RefundLineFact { line: 1, amount: 0, booking_fee: 0, cash: 0, points: 0, earn: 0 }],
        requested_ms: START,
    }
}

pub fn refund(key: &str, refund: &str, who: Option<&str>, lines: &[(u32, Option<i64>)]) -> Refund {
    let (order, id) = (order_id(key), refund_id(key, refund));
    let by = if who.is_some() { RefundBy::Buyer } else { RefundBy::Admin };
    let body = RecordBody::RefundRequested {
        v: VERSION,
        order: order.clone(),
        refund: id.clone(),
        digest: "d".to_owned(),
        by,
        lines: lines.to_vec(),
        reason: "ill".to_owned(),
    };
    Refund {
        order,
        user: who.map(user),
        by,
        refund: id.clone(),
        digest: "d".to_owned(),
        lines: lines.to_vec(),
        fact: refund_fact(key, refund, RefundStatus::Requested),
        record: Record { id: id.into_string(), body },
        log_max: MANY,
    }
}

/// The conclusion that the writer would make for an order on this hold: a line for each seat, and one target for all
/// seats.
pub fn conclusion(
    hold: &HoldFact,
    placed: &OrderFact,
    version: i64,
    status: OrderStatus,
    target: SeatTarget,
) -> Conclusion {
    let lines: Vec<LineFact> = (1..).zip(hold.seats.iter().zip(&hold.prices)).map(line).collect();
    let price = hold.prices.iter().sum();
    Conclusion {
        fact: OrderFact {
            status,
            version,
            lines,
            total: Some(TotalFact { price, booking_fee: 0, discount: 0, points: 0, cash: price, vat: 0 }),
            ..placed.clone()
        },
        seats: hold.seats.iter().map(|seat| (*seat, target)).collect(),
        held_until_ms: None,
        refundable_until_ms: START + 30 * DAY,
        refunds: vec![],
    }
}

fn line((line, (seat, price)): (u32, (&SeatIndex, &i64))) -> LineFact {
    LineFact {
        line,
        seat: *seat,
        ticket_type: "adult".to_owned(),
        price: *price,
        booking_fee: 0,
        discount: 0,
        points: 0,
        cash: *price,
        earn: 0,
        vat: 0,
        refunded: 0,
        fee_refunded: 0,
        closed: false,
        ticket: None,
    }
}

pub fn campaign_put(name: &str, stock: i64) -> CampaignPut {
    CampaignPut {
        campaign: CampaignId::from(name),
        version: 1,
        stock,
        per_user: 1,
        opens_at_ms: 0,
        closes_at_ms: 0,
        expires_at_ms: 0,
    }
}

pub fn claim_id(key: &str) -> ClaimId {
    ClaimId::from(id(FactKind::Claim, key))
}

pub fn claim(name: &str, key: &str, who: &str) -> ClaimAsk {
    let claim = claim_id(key);
    let body = RecordBody::CouponClaimed {
        v: VERSION,
        claim: claim.clone(),
        campaign: CampaignId::from(name),
        user: user(who),
        digest: "d".to_owned(),
        version: 1,
        expires_ms: None,
    };
    ClaimAsk {
        campaign: CampaignId::from(name),
        record: Record { id: claim.to_string(), body },
        claim,
        digest: "d".to_owned(),
        user: user(who),
        version: 1,
        expires_ms: None,
        log_max: MANY,
    }
}

/// The claim that [`claim`] makes.
pub fn claimed(key: &str, number: i64, who: &str) -> Claim {
    let (claim, user) = (claim_id(key), user(who));
    Claim { claim, number, user, digest: "d".to_owned(), version: 1, expires_ms: None }
}

/// An `order.expired`: a record that the pipeline writes.
pub fn expired(record: &str, key: &str) -> Record {
    let reason = stanchion::facts::order::Reason::PaymentExpired;
    let body = RecordBody::OrderExpired { v: VERSION, order: order_id(key), reason };
    Record { id: record.to_owned(), body }
}
