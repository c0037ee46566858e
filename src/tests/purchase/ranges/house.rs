//! The stages of a purchase without HTTP: the checks of bodies, the catalogue, the inventory, a lane in memory, and the
//! ledger on SQLite or MariaDB.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::sample::Index;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stanchion::catalog::{Catalog, Event, PutCampaignOutcome, PutEventOutcome, SoldTo};
use stanchion::clock::Clock;
use stanchion::edge::api::admin::points::body::GrantBody;
use stanchion::edge::api::holds::body::HoldBody;
use stanchion::edge::api::orders::body::OrderBody;
use stanchion::edge::api::orders::types;
use stanchion::edge::api::refunds::body::{AdminRefundBody, RefundBody};
use stanchion::facts::coupon::CouponChoice;
use stanchion::facts::hold::HoldFact;
use stanchion::facts::ids::{
    AttemptId, CampaignId, ClaimId, CouponRef, EventId, FactKind, HoldId, LaneId, LogId, OrderId, RefundId, Scope,
    UserId, VisitorId, fact_id,
};
use stanchion::facts::order::{OrderFact, OrderStatus};
use stanchion::facts::record::{PaymentAsk, PaymentResult, Record, RecordBody, RefundResult, VERSION};
use stanchion::facts::refund::RefundBy;
use stanchion::inventory::claims::ClaimRequest;
use stanchion::inventory::orders::{OrderRequest, Paying};
use stanchion::inventory::refunds::Refunding;
use stanchion::inventory::{Inventory, InventorySettings};
use stanchion::lane::coupons::ClaimOutcome;
use stanchion::lane::orders::{CancelOutcome, CheckoutOutcome, PayOutcome, RefundOutcome};
use stanchion::lane::rooms::{Enter, Entrant};
use stanchion::lane::seats::{HoldAsk, HoldOutcome};
use stanchion::lane::{Lane, Lanes, memory};
use stanchion::ledger::catalog::LaneMark;
use stanchion::ledger::wallets::Grant;
use stanchion::ledger::writer::{Batch, OpenCall, RecordOutcome};
use stanchion::ledger::{Ledger, writer};
use stanchion::pipeline::audit;

use crate::support::servers;

use super::purchase::{Back, Coupon, Granted, Ordered, Pays, Seats};

const LANE: LaneId = LaneId(0);
const LOG_MAX: i64 = 1_000;
/// The longest texts that the checks of bodies allow, in characters. `long` fills them with characters of four bytes.
const KEY: usize = 255;
const PROVIDER: usize = 32;
const REASON: usize = 200;
const DAY_S: u64 = 86_400;
/// 2026-11-20T10:00:00Z.
const NOW_MS: i64 = 1_795_168_800_000;

/// Where the ledger is kept. SQLite stores any text in any column; MariaDB refuses text that does not fit.
#[derive(Debug, Clone, Copy)]
pub enum Books {
    Sqlite,
    MariaDb,
}

pub struct House {
    lanes: Lanes,
    ledger: Ledger,
    clock: Clock,
    catalog: Catalog,
    inventory: Inventory,
    /// How many idempotency keys were given so far.
    keys: u32,
    _folder: tempfile::TempDir,
}

impl House {
    pub async fn open(books: Books) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Duration::from_secs(30);
        let opened = match books {
            Books::Sqlite => Ledger::sqlite(&folder.path().join("ledger.db"), 1, limit).await,
            Books::MariaDb => Ledger::mysql(&servers::mysql_url().await, None, 1, 1, limit).await,
        };
        let ledger = opened.expect("a new database");
        let mark = LaneMark { generation: 1, log_last: LogId(0), epoch: 1 };
        ledger.set_lane_mark(LANE, 0, mark).await.expect("a mark");
        let lanes = memory::volatile(1);
        let lane = lanes.get(LANE).expect("the only one");
        lane.begin_restore(NOW_MS, 1, LogId(0)).await.expect("an empty lane");
        lane.end_restore(NOW_MS, 1).await.expect("begun");
        let clock = Clock::fixed(NOW_MS);
        let settings = InventorySettings {
            log_max: LOG_MAX,
            attempts_max: 10,
            waits_max: 1,
            coupon_secrets: vec![b"secret".to_vec()],
        };
        Self {
            catalog: Catalog::new(ledger.clone(), lanes.clone(), clock.clone(), "KRW"),
            inventory: Inventory::new(lanes.clone(), clock.clone(), Arc::new(|_| ()), settings),
            lanes,
            ledger,
            clock,
            keys: 0,
            _folder: folder,
        }
    }

    fn lane(&self) -> &Arc<dyn Lane> {
        self.lanes.get(LANE).expect("the only one")
    }

    /// Puts the event on sale and lets the buyer in; `None`: the catalogue refuses the event.
    pub async fn event(&self, body: &Value) -> Option<Arc<Event>> {
        let id = EventId::from("h".repeat(48));
        let put = self.catalog.put_event(&id, read(body)?).await.expect("an answer");
        let event = match put {
            PutEventOutcome::Created(event) => event,
            PutEventOutcome::Invalid(_) => return None,
            other => panic!("a new event: {other:?}"),
        };
        let visitors = vec![Entrant { visitor: visitor(), draw: None }];
        let enter = Enter { event: id, round: 0, visitors, waiting_max: 10 };
        self.lane().enter(NOW_MS, enter).await.expect("an answer");
        Some(event)
    }

    /// Puts the campaign and claims a coupon of it. Returns the coupon's id; `None`: the catalogue refuses the
    /// campaign.
    pub async fn coupon(&mut self, body: &Value) -> Option<String> {
        let id = CampaignId::from("c".repeat(48));
        let put = self.catalog.put_campaign(&id, read(body)?).await.expect("an answer");
        let campaign = match put {
            PutCampaignOutcome::Created(campaign) => campaign,
            PutCampaignOutcome::Invalid(_) => return None,
            other => panic!("a new campaign: {other:?}"),
        };
        let version = campaign.version;
        let claiming = ClaimRequest {
            campaign: id.clone(),
            claim: ClaimId::from(self.fact(FactKind::Claim)),
            digest: "d".into(),
            user: user(),
            version,
            expires_ms: campaign.spec.expires_at.map(|at| at.0),
        };
        let ClaimOutcome::Claimed { number, .. } = self.inventory.claim(LANE, claiming).await.expect("an answer")
        else {
            panic!("there are coupons");
        };
        Some(self.inventory.coupons().sign(&CouponRef { campaign: id, number, version }, &user()))
    }

    pub async fn grant(&mut self, granted: &Granted) {
        let body = json!({ "amount": granted.amount, "reason": long(REASON) });
        let body: GrantBody = read(&body).expect("fits the schema");
        if body.check().is_err() {
            return;
        }
        self.keys += 1;
        let now_ms = self.clock.now_ms();
        let expires_ms = granted.lasts_days.map(|days| now_ms + days * DAY_S as i64 * 1_000);
        let grant = Grant {
            id: format!("g{}", self.keys),
            digest: "d".into(),
            user: user(),
            amount: body.amount,
            currency: "KRW".into(),
            expires_ms,
            reason: body.reason,
        };
        self.ledger.grant(grant, now_ms).await.expect("an answer");
    }

    /// Holds seats as `POST …/holds` does; `None`: the checks or the lane refuse.
    pub async fn hold(&mut self, event: &Event, seats: &Seats) -> Option<HoldFact> {
        let body: HoldBody = read(&asked(event, seats)).expect("fits the schema");
        let (want, tariff) = body.asked().ok()?.want(event, SoldTo::Public).ok()?;
        let ask = HoldAsk {
            event: event.id.clone(),
            hold: HoldId::from(self.fact(FactKind::Hold)),
            digest: "d".into(),
            user: user(),
            visitor: visitor(),
            want,
            tariff,
            terms: event.terms(),
            seats_per_user: event.spec.seats_per_user,
            hold_ttl_ms: event.spec.hold_ttl_s * 1_000,
            earn_bp: event.spec.earn_bp,
            fee_bp: event.spec.fee_bp,
        };
        match self.inventory.hold(LANE, ask).await.expect("an answer") {
            HoldOutcome::Held(fact) => Some(fact),
            HoldOutcome::SoldOut | HoldOutcome::NoBlock => None,
            HoldOutcome::Taken(_) | HoldOutcome::LimitExceeded { .. } | HoldOutcome::NotInside => None,
            other => panic!("a hold of a new key in an open event: {other:?}"),
        }
    }

    /// Orders a hold as `POST /v1/orders` does and lets the writer write it; `None`: the checks refuse.
    pub async fn place(
        &mut self,
        event: &Event,
        hold: &HoldFact,
        order: &Ordered,
        coupon: Option<&str>,
    ) -> Option<OrderId> {
        let coupon = match order.coupon {
            Coupon::None => None,
            Coupon::Best => Some("best"),
            Coupon::Claimed => coupon,
        };
        let payment =
            matches!(order.pays, Pays::WithTheOrder).then(|| json!({"provider": long(PROVIDER), "key": long(KEY)}));
        let body = json!({
            "event": event.id, "hold": hold.id, "types": chosen(event, hold, &order.types), "coupon": coupon, "points": order.points,
            "expected_cash": order.expected_cash, "payment": payment,
        });
        let body: OrderBody = read(&body).expect("fits the schema");
        body.check().ok()?;
        let coupon = match body.coupon.as_deref() {
            None => CouponChoice::None,
            Some("best") => CouponChoice::Best,
            Some(id) => CouponChoice::One(self.inventory.coupons().verify(id, &user()).expect("signed here")),
        };
        let payment = body.payment.map(|part| part.allowed(&[long(PROVIDER)], None).expect("configured"));
        let placing = OrderRequest {
            order: OrderId::from(self.fact(FactKind::Order)),
            event: event.id.clone(),
            hold: HoldId::from(body.hold),
            user: user(),
            digest: "d".into(),
            types: types::chosen(&body.types, hold, event).ok()?,
            coupon,
            points: body.points.ask(),
            least_cash: 0,
            expected_cash: body.expected_cash,
            payment,
            payment_ttl_ms: event.spec.payment_ttl_s * 1_000,
            terms: event.terms(),
        };
        let placed = self.inventory.place(placing).await.expect("an answer");
        assert!(matches!(placed.outcome, CheckoutOutcome::Placed(_)), "{:?}", placed.outcome);
        let placing = |outcome: &RecordOutcome| matches!(outcome, RecordOutcome::Done | RecordOutcome::Refused(_));
        self.write(placing).await;
        Some(placed.order)
    }

    /// Pays an order that waits for its payment.
    pub async fn pay(&mut self, order: &OrderId) {
        let fact = self.order(order).await;
        if fact.status != OrderStatus::PendingPayment {
            return;
        }
        let paying = Paying {
            order: order.clone(),
            user: user(),
            attempt: AttemptId::from(self.fact(FactKind::Attempt)),
            digest: "d".into(),
            payment: PaymentAsk { provider: long(PROVIDER), key: long(KEY), deposit_until_ms: None },
            amount: fact.total.expect("it is written").cash,
        };
        let outcome = self.inventory.pay(paying).await.expect("an answer");
        assert!(matches!(outcome, PayOutcome::Accepted(_)), "{outcome:?}");
        self.write(is_done).await;
        assert_eq!(self.order(order).await.status, OrderStatus::Confirmed);
    }

    pub async fn cancel(&mut self, order: &OrderId) {
        match self.inventory.cancel(order.clone(), user()).await.expect("an answer") {
            CancelOutcome::Accepted(_) => self.write(is_done).await,
            CancelOutcome::NotCancellable => {}
            other => panic!("nothing else is under way: {other:?}"),
        }
    }

    /// Asks after some days for a refund of lines. The order's terms or its lane may refuse it.
    pub async fn refund(&mut self, order: &OrderId, back: &Back) {
        self.clock.advance(Duration::from_secs(back.after_days * DAY_S));
        let fact = self.order(order).await;
        let mut seen = BTreeSet::new();
        let mut lines = Vec::new();
        for (line, share_bp) in &back.lines {
            let line = line.get(&fact.lines);
            if !seen.insert(line.line) {
                continue;
            }
            let part = share_bp
                .map(|bp| stanchion::facts::money::share_bp(line.points + line.cash, bp))
                .filter(|_| back.by_admin);
            lines.push(match part {
                Some(amount) => json!({"line": line.line, "amount": amount}),
                None => json!({"line": line.line}),
            });
        }
        let body = json!({ "lines": lines, "reason": long(REASON) });
        let (by, lines) = match back.by_admin {
            true => (RefundBy::Admin, read::<AdminRefundBody>(&body).expect("fits the schema").lines()),
            false => (RefundBy::Buyer, read::<RefundBody>(&body).expect("fits the schema").lines()),
        };
        if let Ok((lines, reason)) = lines {
            self.give_back(order, by, lines, reason, back.done).await;
        }
    }

    /// Refunds, as an admin, every line that is not closed.
    pub async fn refund_the_rest(&mut self, order: &OrderId) {
        let fact = self.order(order).await;
        let lines: Vec<_> = fact.lines.iter().filter(|line| !line.closed).map(|line| (line.line, None)).collect();
        if !lines.is_empty() {
            self.give_back(order, RefundBy::Admin, lines, long(REASON), true).await;
        }
    }

    async fn give_back(
        &mut self,
        order: &OrderId,
        by: RefundBy,
        lines: Vec<(u32, Option<i64>)>,
        reason: String,
        done: bool,
    ) {
        let refunding = Refunding {
            order: order.clone(),
            user: (by == RefundBy::Buyer).then(user),
            by,
            refund: RefundId::from(self.fact(FactKind::Refund)),
            digest: "d".into(),
            lines,
            reason,
        };
        match self.inventory.refund(refunding).await.expect("an answer") {
            RefundOutcome::Accepted => self.written(is_done, done).await,
            RefundOutcome::Closed | RefundOutcome::OverRefund { .. } | RefundOutcome::NotRefundable => {}
            other => panic!("a refund of a new key: {other:?}"),
        }
    }

    /// The order, which must be the same in its lane and in the ledger.
    pub async fn order(&self, order: &OrderId) -> OrderFact {
        let shown = self.inventory.order(order).await.expect("an answer").expect("it is in its lane");
        let written = self.ledger.order(order).await.expect("an answer").expect("it is written");
        assert_eq!(shown, written);
        shown
    }

    async fn write(&mut self, may: impl Fn(&RecordOutcome) -> bool) {
        self.written(may, true).await;
    }

    /// Writes the log to the ledger, concludes, and appends the provider's answers, until the log is empty. Every
    /// outcome must pass `may`. The provider captures every payment; `returned` says whether it gives money back or
    /// refuses to for good.
    async fn written(&mut self, may: impl Fn(&RecordOutcome) -> bool, returned: bool) {
        loop {
            let entries = self.lane().read_log(LogId(0), 100).await.expect("an answer");
            let Some(upto) = entries.last().map(|entry| entry.log) else { return };
            let now_ms = self.clock.now_ms();
            let batch = Batch { lane: LANE, entries: entries.into(), now_ms, unknown_ms: 1_000 };
            let written = match writer::write(&self.ledger, batch).await {
                Ok(written) => written,
                Err(failure) => panic!("a record was accepted and cannot be written: {failure}"),
            };
            for (kind, outcome) in &written.outcomes {
                assert!(may(outcome), "{kind}: {outcome:?}");
            }
            for (event, conclusion) in written.conclusions {
                self.lane().conclude(now_ms, &event, vec![conclusion], None).await.expect("an answer");
            }
            self.lane().trim(upto).await.expect("an answer");
            let answers = written.calls.into_iter().map(|call| answer(call, returned)).collect();
            self.lane().append(now_ms, answers).await.expect("an answer");
        }
    }

    pub async fn audit(&self) {
        let report = audit::run(&self.lanes, &self.ledger, &self.clock).await.expect("audits");
        assert!(report.ok, "{report:?}");
    }

    /// The id of a new fact, under a new idempotency key.
    fn fact(&mut self, kind: FactKind) -> String {
        self.keys += 1;
        let key = self.keys.to_string();
        fact_id(kind, LANE, Scope { user: user().as_str(), method: "POST", path: "/", key: &key })
    }
}

fn read<T: DeserializeOwned>(body: &Value) -> Option<T> {
    serde_json::from_value(body.clone()).ok()
}

fn is_done(outcome: &RecordOutcome) -> bool {
    *outcome == RecordOutcome::Done
}

/// The provider's answer to a call.
fn answer(call: OpenCall, returned: bool) -> Record {
    let order = call.order().clone();
    let id = format!("{}.answered", call.id().as_str());
    let body = match call {
        OpenCall::Charge(charging) | OpenCall::Look(charging) => RecordBody::PaymentResulted {
            v: VERSION,
            order,
            attempt: charging.attempt,
            result: PaymentResult::Captured,
        },
        OpenCall::Refund(returning) => {
            let refused = RefundResult::Refused { detail: "card closed".into() };
            let result = if returned { RefundResult::Done } else { refused };
            RecordBody::RefundResulted { v: VERSION, order, refund: returning.refund, result }
        }
    };
    Record { id, body }
}

/// The body of a request to hold these seats.
fn asked(event: &Event, seats: &Seats) -> Value {
    let most = usize::try_from(event.spec.seats_per_user).expect("at least 1");
    match seats {
        Seats::Named { count, first } => {
            let names: Vec<String> = (0..event.layout.seats).filter_map(|seat| event.layout.name(seat)).collect();
            if names.is_empty() {
                return json!({ "seats": [] });
            }
            let most = most.min(names.len());
            let count = count.map_or(most, |count| count.index(most) + 1);
            let (step, first) = (names.len() / count, first.index(names.len()));
            let seats: Vec<&String> = (0..count).map(|at| &names[(first + at * step) % names.len()]).collect();
            json!({ "seats": seats })
        }
        Seats::Best { section, count, adjacent } => {
            let section = section.get(&event.spec.sections);
            let free = event.layout.section(&section.id).map_or(1, |found| found.capacity() as usize);
            let most = most.min(free);
            let quantity = count.map_or(most, |count| count.index(most) + 1);
            json!({ "section": section.id, "quantity": quantity, "adjacent": adjacent })
        }
    }
}

/// Ticket types for the seats of a hold: by seat, and by section for seats without a name.
fn chosen(event: &Event, hold: &HoldFact, wanted: &[Index]) -> Value {
    let mut chosen = json!({});
    for (at, (&seat, wanted)) in hold.seats.iter().zip(wanted.iter().cycle()).enumerate() {
        let list = hold.tariff.list(at).expect("each seat has a list");
        let id = &wanted.get(&list.types).id;
        match event.layout.name(seat) {
            Some(name) => chosen[name] = json!(id),
            None => {
                let count = chosen[&list.section][id].as_u64().unwrap_or(0);
                chosen[&list.section][id] = json!(count + 1);
            }
        }
    }
    chosen
}

fn long(chars: usize) -> String {
    "𝒦".repeat(chars)
}

fn user() -> UserId {
    UserId::from(long(128))
}

fn visitor() -> VisitorId {
    VisitorId::from("v")
}
