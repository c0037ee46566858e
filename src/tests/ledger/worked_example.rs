//! The worked example of `rules::points` through the writer's own transactions, on both databases: records go in; rows,
//! facts and an audit come out. After every record the ledger's facts equal those in the conclusion for the lane.

use std::sync::Arc;

use stanchion::facts::coupon::CouponChoice;
use stanchion::facts::hold::{HoldFact, HoldState};
use stanchion::facts::ids::{CampaignId, FactKind, LaneId, LogId, OrderId, RefundId, Scope, UserId, fact_id};
use stanchion::facts::order::{OrderStatus, TicketState};
use stanchion::facts::points::PointsAsk;
use stanchion::facts::record::{Entry, PaymentAsk, PaymentResult, RecordBody, RefundResult, VERSION};
use stanchion::facts::refund::{RefundBy, RefundFact, RefundStatus};
use stanchion::facts::tariff::Tariff;
use stanchion::facts::terms::Terms;
use stanchion::facts::time::{Millis, parse_rfc3339};
use stanchion::ledger::catalog::{CampaignRow, LaneMark};
use stanchion::ledger::wallets::Grant;
use stanchion::ledger::writer::{Batch, OpenCall, RecordOutcome};
use stanchion::ledger::{Ledger, writer};

use crate::ledger::rows::on_both;

on_both! {
    the_worked_example
    a_refund_that_the_provider_refuses_leaves_everything_as_it_was
    an_order_that_is_never_paid_gives_everything_back
}

const LANE: LaneId = LaneId(1);
const USER: &str = "kim";

fn day(text: &str) -> Millis {
    parse_rfc3339(&format!("{text}T00:00:00Z")).expect("a day")
}

fn id(kind: FactKind, key: &str) -> String {
    fact_id(kind, LANE, Scope { user: USER, method: "POST", path: "/", key })
}

/// One lane's log and the ledger it flows into.
struct Log<'l> {
    ledger: &'l Ledger,
    last: u64,
}

impl Log<'_> {
    async fn begin(ledger: &Ledger) -> Log<'_> {
        let mark = LaneMark { generation: 1, log_last: LogId(0), epoch: 0 };
        ledger.set_lane_mark(LANE, 0, mark).await.expect("stores");
        let spec = r#"{"name": "Ten", "kind": "percent", "percent_bp": 1000, "max_discount": 10000, "stock": 9}"#;
        let id = CampaignId::from("ten");
        let row = CampaignRow { id, lane: LANE, version: 1, seq: 0, stock: 9, spec: spec.to_owned() };
        ledger.put_campaign(row, None, 1).await.expect("stores");
        let lots = [("L1", 3_000, "2026-12-31"), ("L2", 5_000, "2027-03-31"), ("L3", 4_000, "2027-06-30")];
        for (id, amount, expires) in lots {
            let grant = Grant {
                id: id.to_owned(),
                digest: id.to_owned(),
                user: UserId::from(USER),
                amount,
                currency: "KRW".to_owned(),
                expires_ms: Some(day(expires)),
                reason: "welcome".to_owned(),
            };
            ledger.grant(grant, day("2026-11-01")).await.expect("grants");
        }
        let mut log = Log { ledger, last: 0 };
        let claim = RecordBody::CouponClaimed {
            v: VERSION,
            claim: fact_id(FactKind::Claim, LANE, Scope { user: USER, method: "POST", path: "/", key: "c" })
                .as_str()
                .into(),
            campaign: CampaignId::from("ten"),
            user: UserId::from(USER),
            digest: "d".to_owned(),
            version: 1,
            expires_ms: None,
        };
        log.write(day("2026-11-02"), claim, None).await;
        log
    }

    /// Writes one record. Checks that the ledger's facts equal the conclusion's, and audits the rows.
    async fn write(
        &mut self,
        now_ms: Millis,
        body: RecordBody,
        hold: Option<HoldFact>,
    ) -> (RecordOutcome, Vec<OpenCall>) {
        self.last += 1;
        let entry = Entry {
            log: LogId(self.last),
            id: format!("{}:{}", body.kind(), self.last),
            at_ms: now_ms,
            number: matches!(body, RecordBody::CouponClaimed { .. }).then_some(1),
            body: serde_json::to_string(&body).expect("plain data"),
            hold,
        };
        let entries: Arc<[Entry]> = Arc::new([entry]);
        let batch = Batch { lane: LANE, entries, now_ms, unknown_ms: 3_600_000 };
        let written = writer::write(self.ledger, batch).await.expect("writes");
        for (_, conclusion) in &written.conclusions {
            let order = &conclusion.fact.id;
            let fact = self.ledger.order(order).await.expect("reads").expect("was written");
            assert_eq!(fact, conclusion.fact, "the ledger and the conclusion say the same of an order");
            assert_eq!(self.ledger.refunds_of(order).await.expect("reads"), conclusion.refunds);
        }
        for checked in [
            self.ledger.audit_orders().await.expect("audits"),
            self.ledger.audit_money().await.expect("audits"),
            self.ledger.audit_coupons().await.expect("audits"),
        ] {
            assert_eq!(checked.violations, Vec::<String>::new(), "after {}", body.kind());
        }
        (written.outcomes[0].1, written.calls)
    }

    /// Places an order. It must cost the expected cash.
    async fn place(&mut self, now_ms: Millis, key: &str, prices: &[i64], ask: Ask) -> (OrderId, Vec<OpenCall>) {
        let order = OrderId::from(id(FactKind::Order, key));
        let first = self.last as u32 * 100;
        let hold = HoldFact {
            id: id(FactKind::Hold, key).as_str().into(),
            event: "hall".into(),
            user: UserId::from(USER),
            visitor: "v1".into(),
            digest: "d".to_owned(),
            state: HoldState::Ordered,
            seats: (first..).take(prices.len()).collect(),
            prices: prices.to_vec(),
            tariff: Tariff::default(),
            terms: None,
            earn_bp: 100,
            fee_bp: 500,
            created_ms: now_ms,
            expires_ms: now_ms + 420_000,
            order: Some(order.clone()),
        };
        let body = RecordBody::OrderPlaced {
            v: VERSION,
            order: order.clone(),
            event: "hall".into(),
            hold: hold.id.clone(),
            user: UserId::from(USER),
            digest: "d".to_owned(),
            types: Vec::new(),
            coupon: ask.coupon,
            points: PointsAsk::Amount(ask.points),
            least_cash: 0,
            expected_cash: Some(ask.cash),
            payment: Some(PaymentAsk { provider: "sandbox".to_owned(), key: "ok".to_owned(), deposit_until_ms: None }),
            placed_ms: now_ms,
            deadline_ms: now_ms + 600_000,
            // From 2026-11-20 to 2027-01-31.
            terms: Terms { earn_valid_days: Some(72), ..Terms::plain("KRW", "hall-co", day("2027-05-01")) },
        };
        let (outcome, calls) = self.write(now_ms, body, Some(hold)).await;
        assert_eq!(outcome, RecordOutcome::Done);
        (order, calls)
    }

    async fn captured(&mut self, now_ms: Millis, order: &OrderId, calls: &[OpenCall]) {
        let [OpenCall::Charge(charge)] = calls else { panic!("one charge: {calls:?}") };
        let result = PaymentResult::Captured;
        let (order, attempt) = (order.clone(), charge.attempt.clone());
        self.write(now_ms, RecordBody::PaymentResulted { v: VERSION, order, attempt, result }, None).await;
    }

    async fn ask_refund(
        &mut self,
        now_ms: Millis,
        order: &OrderId,
        key: &str,
        line: u32,
        gross: Option<i64>,
    ) -> RefundId {
        let refund = RefundId::from(id(FactKind::Refund, key));
        let body = RecordBody::RefundRequested {
            v: VERSION,
            order: order.clone(),
            refund: refund.clone(),
            digest: "d".to_owned(),
            by: RefundBy::Admin,
            lines: vec![(line, gross)],
            reason: "ill".to_owned(),
        };
        let (outcome, _) = self.write(now_ms, body, None).await;
        assert_eq!(outcome, RecordOutcome::Done);
        refund
    }

    async fn refund_ends(
        &mut self,
        now_ms: Millis,
        order: &OrderId,
        refund: &RefundId,
        result: RefundResult,
    ) -> RefundFact {
        let (order, refund) = (order.clone(), refund.clone());
        let body = RecordBody::RefundResulted { v: VERSION, order, refund: refund.clone(), result };
        self.write(now_ms, body, None).await;
        self.ledger.refund(&refund).await.expect("reads").expect("was written")
    }

    async fn refunded(&mut self, on: &str, order: &OrderId, line: u32, gross: Option<i64>) -> (i64, i64, i64) {
        let key = format!("{on} {line} {gross:?}");
        let refund = self.ask_refund(day(on), order, &key, line, gross).await;
        let fact = self.refund_ends(day(on) + 1, order, &refund, RefundResult::Done).await;
        assert_eq!(fact.status, RefundStatus::Done);
        (fact.cash, fact.points_restored, fact.earn_clawed)
    }

    /// The points left in each lot, soonest to expire first.
    async fn lots(&self, on: &str) -> Vec<i64> {
        let points = self.ledger.points(&UserId::from(USER), day(on)).await.expect("reads");
        assert_eq!(points.debt, 0);
        assert_eq!(points.balance, points.lots.iter().map(|lot| lot.remaining).sum::<i64>());
        points.lots.iter().map(|lot| lot.remaining).collect()
    }

    async fn status(&self, order: &OrderId) -> OrderStatus {
        self.ledger.order(order).await.expect("reads").expect("was written").status
    }
}

/// What an order asks for.
struct Ask {
    coupon: CouponChoice,
    points: i64,
    cash: i64,
}

const HALL: [i64; 3] = [55_000, 55_000, 33_000];

fn example() -> Ask {
    Ask { coupon: CouponChoice::Best, points: 10_000, cash: 123_000 }
}

async fn the_worked_example(ledger: &Ledger) {
    let mut log = Log::begin(ledger).await;
    let bought = day("2026-11-20");
    let (order, calls) = log.place(bought, "o1", &HALL, example()).await;
    log.captured(bought + 5, &order, &calls).await;
    assert_eq!(log.lots("2026-11-20").await, [473, 473, 283, 2_000]);

    // Another order spends the earned points a day before they expire. It takes exactly those: L1 is empty, so they are
    // the soonest to expire.
    let ask = Ask { coupon: CouponChoice::None, points: 1_229, cash: 0 };
    let (elsewhere, calls) = log.place(day("2027-01-30"), "o2", &[1_229], ask).await;
    assert!(calls.is_empty());
    assert_eq!(log.status(&elsewhere).await, OrderStatus::Confirmed);
    assert_eq!(log.lots("2027-01-30").await, [2_000]);

    assert_eq!(log.refunded("2027-02-01", &order, 2, None).await, (47_308, 3_846, 473));
    assert_eq!(log.status(&order).await, OrderStatus::PartiallyRefunded);
    assert_eq!(log.refunded("2027-02-02", &order, 1, None).await, (47_308, 3_846, 473));
    assert_eq!(log.refunded("2027-02-03", &order, 3, Some(10_000)).await, (9_249, 751, 92));
    let line = ledger.order(&order).await.expect("reads").expect("was written").lines.remove(2);
    assert_eq!(line.ticket.expect("a part leaves the ticket").state, TicketState::Valid);
    assert_eq!(log.refunded("2027-02-03", &order, 3, None).await, (19_135, 1_557, 191));

    assert_eq!(log.status(&order).await, OrderStatus::Refunded);
    assert_eq!(log.lots("2027-02-04").await, [2_244, 4_527, 4_000]);
    let lots = ledger.points(&UserId::from(USER), day("2027-02-04")).await.expect("reads").lots;
    assert_eq!(lots[0].expires_ms, Some(day("2027-03-15")));
    let payment = ledger.order(&order).await.expect("reads").expect("was written").payment.expect("paid");
    assert_eq!((payment.captured, payment.cancelled), (123_000, 123_000));
    let coupons = ledger.coupons_of(&UserId::from(USER), None, 10, day("2027-02-04")).await.expect("reads");
    assert_eq!(coupons.items[0].state, "issued");
}

async fn a_refund_that_the_provider_refuses_leaves_everything_as_it_was(ledger: &Ledger) {
    let mut log = Log::begin(ledger).await;
    let bought = day("2026-11-20");
    let (order, calls) = log.place(bought, "o1", &HALL, example()).await;
    log.captured(bought + 5, &order, &calls).await;
    let (before, lots) = (ledger.order(&order).await.expect("reads").expect("is there"), log.lots("2026-11-21").await);

    let refund = log.ask_refund(day("2026-11-21"), &order, "r", 1, None).await;
    let detail = "account closed".to_owned();
    let fact = log.refund_ends(day("2026-11-21") + 1, &order, &refund, RefundResult::Refused { detail }).await;
    assert_eq!((fact.status, fact.failure.as_deref()), (RefundStatus::Failed, Some("account closed")));
    let after = ledger.order(&order).await.expect("reads").expect("is there");
    assert_eq!((after.status, &after.lines), (before.status, &before.lines));
    assert_eq!(log.lots("2026-11-21").await, lots);
    // The refund can be asked for again.
    assert_eq!(log.refunded("2026-11-22", &order, 1, None).await, (47_308, 3_846, 473));
}

async fn an_order_that_is_never_paid_gives_everything_back(ledger: &Ledger) {
    let mut log = Log::begin(ledger).await;
    let (order, calls) = log.place(day("2026-11-20"), "o1", &HALL, example()).await;
    let [OpenCall::Charge(charge)] = &calls[..] else { panic!("one charge: {calls:?}") };
    assert_eq!(log.lots("2026-11-20").await, [2_000]);
    let result = PaymentResult::Declined { detail: "no".to_owned() };
    let declined =
        RecordBody::PaymentResulted { v: VERSION, order: order.clone(), attempt: charge.attempt.clone(), result };
    log.write(day("2026-11-20") + 1, declined, None).await;
    assert_eq!(log.status(&order).await, OrderStatus::PendingPayment);
    log.write(day("2026-11-20") + 2, RecordBody::OrderCancelled { v: VERSION, order: order.clone() }, None).await;
    assert_eq!(log.status(&order).await, OrderStatus::Rejected);
    assert_eq!(log.lots("2026-11-20").await, [3_000, 5_000, 4_000]);
    assert!(ledger.live_seats(&"hall".into()).await.expect("reads").is_empty());
    let (again, _) = log.place(day("2026-11-20") + 3, "o3", &HALL, example()).await;
    assert_eq!(log.status(&again).await, OrderStatus::Paying, "coupon and points are free again");
}
