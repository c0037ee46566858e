//! What is given back when an order fails, by the step after which it fails: seats, coupon, points, money and deposit, each
//! exactly once, whatever comes twice, together, or again at the end.

mod cases;

use super::*;
use crate::facts::conclusion::SeatTarget;
use crate::facts::order::Reason;
use crate::ledger::AccountNamed;
use crate::ledger::writer::{due_calls, overdue};
use cases::Step::*;
use cases::{By, Step, cases};

/// How the records come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Come {
    Once,
    /// Each one twice in a row, in one batch.
    Twice,
    /// All of them once more at the end, as after a writer's death or from an older copy of the lane.
    AgainAtTheEnd,
}

struct Trial {
    desk: Desk,
    buy: Buy,
    entries: Vec<Entry>,
    last: Option<Conclusion>,
    /// How often an account was named.
    accounts: usize,
}

impl Trial {
    async fn open(by: By) -> Self {
        let mut desk = Desk::open().await;
        desk.grant("kim", "g", 400, None).await;
        desk.campaign("spring", serde_json::json!({"name": "S", "kind": "fixed", "amount": 100, "stock": 5})).await;
        desk.claim("spring", 1, "kim").await;
        let buy = Buy {
            coupon: CouponChoice::Best,
            points: 400,
            payment: (by != By::Nothing).then_some("ok"),
            deposit_until_ms: (by == By::Deposit).then_some(desk.now_ms + DAY_MS),
            ..desk.buy("a", 0, &[1_000, 500])
        };
        Self { desk, buy, entries: Vec::new(), last: None, accounts: 0 }
    }

    async fn write(&mut self, entry: Entry, come: Come) {
        let mut batch = vec![entry.clone()];
        if come == Come::Twice {
            batch.push(entry.clone());
        }
        self.entries.push(entry);
        let written = self.desk.write(batch).await.expect("writes");
        self.last = written.conclusions.last().map(|(_, conclusion)| conclusion.clone());
    }

    fn attempt(&self, name: &str) -> AttemptId {
        if name == "p" { self.buy.attempt() } else { AttemptId::from(id("p", name)) }
    }

    fn refund(&self, name: &str) -> RefundId {
        match name.strip_prefix("late ") {
            Some(attempt) => RefundId::from(format!("r{}", &self.attempt(attempt).as_str()[1..])),
            None => RefundId::from(id("r", name)),
        }
    }

    async fn take(&mut self, at: usize, step: Step, come: Come) {
        let order = self.buy.order();
        let body = match step {
            Wait(ms) => {
                self.desk.now_ms += ms;
                return;
            }
            Account(refund) => {
                self.accounts += 1;
                let (refund, text) = (self.refund(refund), format!("sealed {}", self.accounts));
                let named = self.desk.ledger.name_account(&order, &refund, &text, self.desk.now_ms).await;
                assert_eq!(named.expect("writes"), AccountNamed::Done);
                return;
            }
            Requested(attempt) => RecordBody::PaymentRequested {
                v: VERSION,
                order,
                attempt: self.attempt(attempt),
                payment: PaymentAsk { provider: "sandbox".into(), key: "ok".into(), deposit_until_ms: None },
                amount: 1_000,
            },
            Resulted(attempt, result) => {
                RecordBody::PaymentResulted { v: VERSION, order, attempt: self.attempt(attempt), result }
            }
            Cancelled => RecordBody::OrderCancelled { v: VERSION, order },
            Overdue => {
                let now_ms = self.desk.now_ms;
                let over = overdue(&self.desk.ledger, LANE, now_ms, UNKNOWN_MS, 9).await.expect("reads");
                assert_eq!(over.len(), 1, "its time is over");
                RecordBody::OrderExpired { v: VERSION, order, reason: over[0].reason }
            }
            Refund(refund, by, lines) => RecordBody::RefundRequested {
                v: VERSION,
                order,
                refund: self.refund(refund),
                digest: "d".into(),
                by,
                lines,
                reason: String::new(),
            },
            Returned(refund, result) => {
                RecordBody::RefundResulted { v: VERSION, order, refund: self.refund(refund), result }
            }
        };
        let entry = self.desk.entry(&format!("step {at}"), body);
        self.write(entry, come).await;
    }

    /// Nobody has anything of the order.
    async fn is_undone(&self, what: &str) {
        let (desk, order) = (&self.desk, self.desk.order(&self.buy.order()).await);
        assert!(matches!(order.status, OrderStatus::Rejected | OrderStatus::Refunded), "{what}: {:?}", order.status);
        assert_ne!(order.reason, Some(Reason::Unprocessable), "{what}");
        let last = self.last.as_ref().expect("concluded");
        assert!(last.seats.iter().all(|(_, target)| *target == SeatTarget::Free), "{what}: seats {:?}", last.seats);
        let points = desk.ledger.points(&"kim".into(), desk.now_ms).await.expect("reads");
        assert_eq!((desk.balance("kim").await, points.debt), (400, 0), "{what}: points");
        let coupons = desk.ledger.coupons_of(&"kim".into(), None, 9, desk.now_ms).await.expect("reads");
        assert_eq!(coupons.items[0].state, "issued", "{what}: the coupon");
        let (captured, back) = order.payment.as_ref().map_or((0, 0), |payment| (payment.captured, payment.cancelled));
        assert_eq!(captured, back, "{what}: money");
        for account in [
            "provider_receivable:%",
            "organizer_payable:%",
            "deposits_in_suspense",
            "refunds_pending",
            "points_in_orders",
            "coupon_expense",
            "fee_revenue",
        ] {
            assert_eq!(desk.journal(account).await, 0, "{what}: {account}");
        }
        assert_eq!(desk.journal("points_liability").await, -400, "{what}: the grant alone");
        let open = due_calls(&desk.ledger, LANE, desk.now_ms + DAY_MS, 9, HashSet::new()).await.expect("reads");
        assert_eq!((open.open, open.calls), (0, Vec::new()), "{what}: calls to providers are open");
    }
}

#[tokio::test]
async fn whatever_fails_is_given_back_exactly_once() {
    for come in [Come::Once, Come::Twice, Come::AgainAtTheEnd] {
        for (what, by, steps) in cases() {
            let mut told = Trial::open(by).await;
            let placed = told.buy.clone().entry(&mut told.desk);
            told.write(placed, come).await;
            for (at, step) in steps.into_iter().enumerate() {
                told.take(at, step, come).await;
            }
            told.is_undone(what).await;
            if come == Come::AgainAtTheEnd {
                let version = told.desk.order(&told.buy.order()).await.version;
                let again = told.desk.write(told.entries.clone()).await.expect("writes");
                assert!(again.outcomes.iter().all(|(_, outcome)| *outcome == RecordOutcome::Repeated), "{what}");
                told.is_undone(what).await;
                let requests = told.entries.iter().filter(|entry| entry.body.contains("payment.requested")).count();
                assert!(told.desk.order(&told.buy.order()).await.version - version <= requests as i64, "{what}");
            }
        }
    }
}
