//! The audit of a store without a running writer: work under way is no violation.

use std::sync::Arc;

use stanchion::facts::ids::{CampaignId, ClaimId, LogId, UserId};
use stanchion::facts::record::{PaymentResult, Record, RecordBody, VERSION};
use stanchion::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome};
use stanchion::ledger::catalog::{CampaignRow, EventRow, Put};
use stanchion::ledger::draws::DrawSecret;
use stanchion::ledger::writer;
use stanchion::ledger::writer::Batch;
use stanchion::pipeline::audit;

use crate::pipeline::support::{HALL, House, LANE, Store, first_attempt};

/// A writer was killed between commit and conclude, and the log has a claim that it has not read. The log shows that
/// both are on their way.
#[tokio::test]
async fn what_the_log_still_has_is_on_its_way() {
    let house = House::open(Store::Embedded).await;
    let now_ms = house.clock.now_ms();
    let event = EventRow {
        id: HALL.into(),
        lane: LANE,
        version: 1,
        seq: 0,
        spec: "{}".to_owned(),
        layout: "{}".to_owned(),
        draw: DrawSecret::default(),
        away: false,
        returned: false,
        told: None,
    };
    assert_eq!(house.ledger.put_event(event, None, now_ms).await.expect("stores"), Put::Done);
    let campaign = CampaignId::from("spring");
    let row =
        CampaignRow { id: campaign.clone(), lane: LANE, version: 1, seq: 0, stock: 5, spec: r#"{"stock":5}"#.into() };
    assert_eq!(house.ledger.put_campaign(row, None, now_ms).await.expect("stores"), Put::Done);
    let put = CampaignPut {
        campaign: campaign.clone(),
        version: 1,
        stock: 5,
        per_user: 1,
        opens_at_ms: 0,
        closes_at_ms: 0,
        expires_at_ms: 0,
    };
    house.lane().put_campaign(now_ms, put).await.expect("answers");

    let order = house.order("kim", &[0], Some("ok")).await;
    let (attempt, result) = (first_attempt(&order), PaymentResult::Captured);
    let body = RecordBody::PaymentResulted { v: VERSION, order: order.clone(), attempt, result };
    house.lane().append(now_ms, vec![Record { id: "captured".to_owned(), body }]).await.expect("answers");
    let entries = Arc::from(house.lane().read_log(LogId(0), 10).await.expect("answers"));
    let batch = Batch { lane: LANE, entries, now_ms, unknown_ms: 1_000 };
    assert_eq!(writer::write(&house.ledger, batch).await.expect("commits").conclusions.len(), 1);

    let (claim, user) = (ClaimId::from("k1"), UserId::from("kim"));
    let body = RecordBody::CouponClaimed {
        v: VERSION,
        claim: claim.clone(),
        campaign: campaign.clone(),
        user: user.clone(),
        digest: "d".to_owned(),
        version: 1,
        expires_ms: None,
    };
    let record = Record { id: "k1".to_owned(), body };
    let ask =
        ClaimAsk { campaign, claim, digest: "d".to_owned(), user, version: 1, expires_ms: None, record, log_max: 100 };
    let claimed = house.lane().claim(now_ms, ask).await.expect("answers");
    assert_eq!(claimed, ClaimOutcome::Claimed { number: 1, stock_left: 4 });

    let report = audit::run(&house.lanes, &house.ledger, &house.clock).await.expect("audits");
    assert!(report.ok, "{report:?}");

    // Without the log's records the same is a violation.
    let last = house.lane().meta().await.expect("answers").log_last;
    house.lane().trim(last).await.expect("answers");
    let report = audit::run(&house.lanes, &house.ledger, &house.clock).await.expect("audits");
    let violated: Vec<_> = report.invariants.iter().filter(|f| !f.violations.is_empty()).map(|f| f.id).collect();
    assert_eq!(violated, ["INV-3", "INV-4", "INV-11"], "{report:?}");

    // Once its deadline is past, the audit names an order that nothing will end.
    let is_named = async |house: &House| {
        let report = audit::run(&house.lanes, &house.ledger, &house.clock).await.expect("audits");
        report.invariants.iter().flat_map(|f| &f.violations).any(|text| text.contains("accepted and not written"))
    };
    assert!(!is_named(&house).await, "its buyer may still pay");
    house.clock.advance(std::time::Duration::from_secs(24 * 3600));
    assert!(is_named(&house).await);
}

/// A smaller stock stands in the ledger for a moment. Then the lane refuses it, and it is taken back.
#[tokio::test]
async fn a_change_that_is_taken_back_is_no_violation() {
    let house = House::open(Store::Embedded).await;
    let now_ms = house.clock.now_ms();
    let campaign = CampaignId::from("spring");
    let row = |version, stock| CampaignRow {
        id: CampaignId::from("spring"),
        lane: LANE,
        version,
        seq: 0,
        stock,
        spec: "{}".to_owned(),
    };
    assert_eq!(house.ledger.put_campaign(row(1, 5), None, now_ms).await.expect("stores"), Put::Done);
    let put = CampaignPut {
        campaign: campaign.clone(),
        version: 1,
        stock: 5,
        per_user: 2,
        opens_at_ms: 0,
        closes_at_ms: 0,
        expires_at_ms: 0,
    };
    house.lane().put_campaign(now_ms, put).await.expect("answers");
    for name in ["k1", "k2"] {
        let (claim, user) = (ClaimId::from(name), UserId::from("kim"));
        let body = RecordBody::CouponClaimed {
            v: VERSION,
            claim: claim.clone(),
            campaign: campaign.clone(),
            user: user.clone(),
            digest: "d".to_owned(),
            version: 1,
            expires_ms: None,
        };
        let record = Record { id: name.to_owned(), body };
        let (campaign, digest) = (campaign.clone(), "d".to_owned());
        let ask = ClaimAsk { campaign, claim, digest, user, version: 1, expires_ms: None, record, log_max: 100 };
        assert!(matches!(house.lane().claim(now_ms, ask).await.expect("answers"), ClaimOutcome::Claimed { .. }));
    }
    let entries = Arc::from(house.lane().read_log(LogId(0), 10).await.expect("answers"));
    writer::write(&house.ledger, Batch { lane: LANE, entries, now_ms, unknown_ms: 1_000 }).await.expect("commits");

    assert_eq!(house.ledger.put_campaign(row(2, 1), Some(1), now_ms).await.expect("stores"), Put::Done);
    let audited = async || audit::run(&house.lanes, &house.ledger, &house.clock).await.expect("audits");
    let taken_back = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        house.ledger.put_campaign(row(3, 5), Some(2), now_ms).await.expect("stores")
    };
    let (report, put) = tokio::join!(audited(), taken_back);
    assert_eq!(put, Put::Done);
    assert!(report.ok, "{report:?}");

    assert_eq!(house.ledger.put_campaign(row(4, 1), Some(3), now_ms).await.expect("stores"), Put::Done);
    assert!(!audited().await.ok, "it stays so");
}
