//! The book on SQLite: records in, rows and conclusions out.

mod cancellations;
mod compensation;
mod dead_letters;
mod deposit_refunds;
mod deposits;
mod orders;
mod payments;
mod refunds;
mod worked_example;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::facts::conclusion::Conclusion;
use crate::facts::coupon::CouponChoice;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{AttemptId, CampaignId, ClaimId, CouponRef, LogId, RefundId, VisitorId};
use crate::facts::order::{OrderFact, OrderStatus};
use crate::facts::points::PointsAsk;
use crate::facts::record::{Entry, PaymentAsk, PaymentResult, RecordBody, RefundResult, VERSION};
use crate::facts::refund::{RefundBy, RefundFact};
use crate::facts::tariff::Tariff;
use crate::facts::terms::Terms;
use crate::ledger::Ledger;
use crate::ledger::catalog::{CampaignRow, LaneMark};
use crate::ledger::wallets::Grant;

const LANE: LaneId = LaneId(7);
const UNKNOWN_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 86_400_000;

/// 2026-11-20T10:00:00Z.
pub const NOW_MS: i64 = 1_795_168_800_000;

/// A ledger with a clock and a log of its own. The audit runs after every batch it writes.
pub struct Desk {
    pub ledger: Ledger,
    pub now_ms: i64,
    pub terms: Terms,
    log: u64,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let ledger = Ledger::sqlite(&path, 2, Duration::from_secs(5)).await.expect("opens");
        ledger.set_lane_mark(LANE, 0, LaneMark { generation: 1, log_last: LogId(0), epoch: 1 }).await.expect("a mark");
        let terms = Terms::plain("KRW", "hall-co", NOW_MS + 200 * DAY_MS);
        Self { ledger, now_ms: NOW_MS, terms, log: 0, _folder: folder }
    }

    /// The next entry of the log.
    pub fn entry(&mut self, id: &str, body: RecordBody) -> Entry {
        self.log += 1;
        let body = serde_json::to_string(&body).expect("json");
        Entry { log: LogId(self.log), id: id.into(), at_ms: self.now_ms, body, hold: None, number: None }
    }

    pub async fn write(&self, entries: Vec<Entry>) -> Result<BatchWritten, BatchFailure> {
        let batch = Batch { lane: LANE, entries: Arc::from(entries), now_ms: self.now_ms, unknown_ms: UNKNOWN_MS };
        let written = write(&self.ledger, batch).await;
        self.audit().await;
        written
    }

    /// Writes one record that can be done.
    pub async fn one(&mut self, id: &str, body: RecordBody) -> (RecordOutcome, BatchWritten) {
        let entry = self.entry(id, body);
        let written = self.write(vec![entry]).await.expect("writes");
        (written.outcomes[0].1, written)
    }

    pub async fn audit(&self) {
        let checked = [
            self.ledger.audit_orders().await.expect("audits"),
            self.ledger.audit_money().await.expect("audits"),
            self.ledger.audit_coupons().await.expect("audits"),
        ];
        for checked in checked {
            assert_eq!(checked.violations, Vec::<String>::new());
        }
    }

    pub async fn grant(&self, user: &str, id: &str, amount: i64, expires_ms: Option<i64>) -> String {
        let (id, digest, user, currency) = (id.into(), "d".into(), user.into(), "KRW".into());
        let grant = Grant { id, digest, user, amount, currency, expires_ms, reason: "test".into() };
        match self.ledger.grant(grant, self.now_ms).await.expect("grants") {
            crate::ledger::wallets::Granted::Done { lot, .. } => lot,
            other => panic!("{other:?}"),
        }
    }

    pub async fn campaign(&self, id: &str, spec: serde_json::Value) {
        let row = CampaignRow {
            id: id.into(),
            lane: LANE,
            version: 1,
            seq: 0,
            stock: spec["stock"].as_i64().expect("a stock"),
            spec: spec.to_string(),
        };
        self.ledger.put_campaign(row, None, self.now_ms).await.expect("a campaign");
    }

    pub async fn order(&self, id: &OrderId) -> OrderFact {
        self.ledger.order(id).await.expect("reads").expect("is there")
    }

    pub async fn refund(&self, id: &RefundId) -> RefundFact {
        self.ledger.refund(id).await.expect("reads").expect("is there")
    }

    /// What is left of a user's lots, by id.
    pub async fn lots(&self, user: &str) -> Vec<(String, i64)> {
        let points = self.ledger.points(&user.into(), self.now_ms).await.expect("reads");
        let mut lots: Vec<_> = points.lots.into_iter().map(|lot| (lot.id, lot.remaining)).collect();
        lots.sort();
        lots
    }

    pub async fn balance(&self, user: &str) -> i64 {
        self.lots(user).await.iter().map(|lot| lot.1).sum()
    }

    /// Sum of the entries of the accounts whose text is like this.
    pub async fn journal(&self, account: &'static str) -> i64 {
        self.ledger
            .read("test", crate::ledger::ReadSource::Primary, move |conn| {
                Box::pin(async move {
                    let text = "SELECT COALESCE(SUM(amount), 0) FROM journal_entry WHERE account LIKE ?";
                    Ok(sqlx::query_scalar(text).bind(account).fetch_one(conn).await?)
                })
            })
            .await
            .expect("reads")
    }

    /// A builder of an order of `prices`, with the seats from `first` on.
    pub fn buy(&self, order: &str, first: u32, prices: &[i64]) -> Buy {
        Buy {
            order: id("o", order),
            user: "kim".into(),
            seats: (first..).take(prices.len()).collect(),
            prices: prices.to_vec(),
            tariff: Tariff::default(),
            types: Vec::new(),
            coupon: CouponChoice::None,
            points: 0,
            expected_cash: None,
            payment: Some("ok"),
            deposit_until_ms: None,
            fee_bp: 0,
            terms: self.terms.clone(),
        }
    }

    pub async fn place(&mut self, buy: &Buy) -> (RecordOutcome, BatchWritten) {
        let entry = buy.entry(self);
        let written = self.write(vec![entry]).await.expect("writes");
        (written.outcomes[0].1, written)
    }

    /// Places an order and captures its payment.
    pub async fn bought(&mut self, buy: &Buy) -> OrderId {
        let (outcome, written) = self.place(buy).await;
        assert_eq!(outcome, RecordOutcome::Done);
        if let [OpenCall::Charge(charging)] = &written.calls[..] {
            let attempt = charging.attempt.clone();
            let (outcome, _) = self.resulted(&attempt, &buy.order(), PaymentResult::Captured).await;
            assert_eq!(outcome, RecordOutcome::Done);
        }
        let order = buy.order();
        assert_eq!(self.order(&order).await.status, OrderStatus::Confirmed);
        order
    }

    pub async fn resulted(
        &mut self,
        attempt: &AttemptId,
        order: &OrderId,
        result: PaymentResult,
    ) -> (RecordOutcome, BatchWritten) {
        let word = serde_json::to_value(&result).expect("json")["result"].as_str().expect("a word").to_owned();
        let body = RecordBody::PaymentResulted { v: VERSION, order: order.clone(), attempt: attempt.clone(), result };
        self.one(&format!("{attempt}.{word}"), body).await
    }

    pub async fn ask_refund(
        &mut self,
        refund: &str,
        order: &OrderId,
        by: RefundBy,
        lines: &[(u32, Option<i64>)],
    ) -> (RefundId, RecordOutcome, BatchWritten) {
        let refund = RefundId::from(id("r", &format!("refund {refund}")));
        let body = RecordBody::RefundRequested {
            v: VERSION,
            order: order.clone(),
            refund: refund.clone(),
            digest: "d".into(),
            by,
            lines: lines.to_vec(),
            reason: "cannot come".into(),
        };
        let (outcome, written) = self.one(refund.as_str(), body).await;
        (refund, outcome, written)
    }

    pub async fn refunded(
        &mut self,
        refund: &RefundId,
        order: &OrderId,
        result: RefundResult,
    ) -> (RecordOutcome, BatchWritten) {
        let word = serde_json::to_value(&result).expect("json")["result"].as_str().expect("a word").to_owned();
        let body = RecordBody::RefundResulted { v: VERSION, order: order.clone(), refund: refund.clone(), result };
        let tag = format!("{refund}.{word}");
        self.one(&tag, body).await
    }

    pub async fn claim(&mut self, campaign: &str, number: i64, user: &str) -> RecordOutcome {
        let claim = ClaimId::from(id("k", &format!("{campaign}{number}")));
        let body = RecordBody::CouponClaimed {
            v: VERSION,
            claim: claim.clone(),
            campaign: CampaignId::from(campaign),
            user: user.into(),
            digest: "d".into(),
            version: 1,
            expires_ms: None,
        };
        let mut entry = self.entry(claim.as_str(), body);
        entry.number = Some(number);
        self.write(vec![entry]).await.expect("writes").outcomes[0].1
    }
}

/// An order to be placed.
#[derive(Clone)]
pub struct Buy {
    pub order: String,
    pub user: String,
    pub seats: Vec<u32>,
    pub prices: Vec<i64>,
    pub tariff: Tariff,
    pub types: Vec<String>,
    pub coupon: CouponChoice,
    pub points: i64,
    pub expected_cash: Option<i64>,
    pub payment: Option<&'static str>,
    pub deposit_until_ms: Option<Millis>,
    pub fee_bp: i64,
    pub terms: Terms,
}

impl Buy {
    pub fn order(&self) -> OrderId {
        OrderId::from(self.order.clone())
    }

    pub fn attempt(&self) -> AttemptId {
        AttemptId::from(format!("p{}", &self.order[1..]))
    }

    pub fn entry(&self, desk: &mut Desk) -> Entry {
        let hold = HoldFact {
            id: HoldId::from(format!("h{}", &self.order[1..])),
            event: EventId::from("hall"),
            user: self.user.as_str().into(),
            visitor: VisitorId::from("v"),
            digest: "d".into(),
            state: HoldState::Ordered,
            seats: self.seats.clone(),
            prices: self.prices.clone(),
            tariff: self.tariff.clone(),
            terms: Some(self.terms.clone()),
            earn_bp: 100,
            fee_bp: self.fee_bp,
            created_ms: desk.now_ms - 1_000,
            expires_ms: desk.now_ms + 10_000,
            order: Some(self.order()),
        };
        let body = RecordBody::OrderPlaced {
            v: VERSION,
            order: self.order(),
            event: hold.event.clone(),
            hold: hold.id.clone(),
            user: hold.user.clone(),
            digest: "d".into(),
            types: self.types.clone(),
            coupon: self.coupon.clone(),
            points: PointsAsk::Amount(self.points),
            least_cash: 0,
            expected_cash: self.expected_cash,
            payment: self.payment.map(|key| PaymentAsk {
                provider: "sandbox".into(),
                key: key.into(),
                deposit_until_ms: self.deposit_until_ms,
            }),
            placed_ms: desk.now_ms,
            deadline_ms: desk.now_ms + 600_000,
            terms: self.terms.clone(),
        };
        let mut entry = desk.entry(&self.order, body);
        entry.hold = Some(hold);
        entry
    }
}

/// An id of this lane: a fact's letter, the lane, and 32 hex digits made from `name`.
pub fn id(letter: &str, name: &str) -> String {
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(name.as_bytes()));
    format!("{letter}{LANE}{}", &digest[..32])
}

/// The one conclusion of a batch about one order.
pub fn concluded(written: &BatchWritten) -> &Conclusion {
    match &written.conclusions[..] {
        [(_, only)] => only,
        other => panic!("{} conclusions", other.len()),
    }
}
