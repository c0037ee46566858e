//! Cases of `put_campaign` and `claim`.

use std::sync::Arc;

use stanchion::facts::coupon::Claim;
use stanchion::facts::ids::LogId;
use stanchion::lane::Lane;
use stanchion::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};

use super::cases;
use crate::lane::conformance::ask::{self, SECOND, START};
use crate::lane::conformance::stores::next_generation;

cases![
    stock_counts_down,
    claims_are_refused_in_order,
    no_coupon_past_its_end_is_handed_out,
    a_repeat_answers_the_same_claim,
    a_repeat_is_worth_what_was_claimed,
    a_campaign_changes,
];

const SPRING: &str = "spring";

async fn put(lane: &Arc<dyn Lane>, put: CampaignPut) -> PutCampaign {
    lane.put_campaign(START, put).await.expect("an answer")
}

async fn claim(lane: &Arc<dyn Lane>, key: &str, who: &str) -> ClaimOutcome {
    lane.claim(START, ask::claim(SPRING, key, who)).await.expect("an answer")
}

async fn stock_counts_down(lane: Arc<dyn Lane>) {
    assert_eq!(put(&lane, ask::campaign_put(SPRING, 2)).await, PutCampaign::Done);
    assert_eq!(claim(&lane, "a", "kim").await, ClaimOutcome::Claimed { number: 1, stock_left: 1 });
    assert_eq!(claim(&lane, "b", "lee").await, ClaimOutcome::Claimed { number: 2, stock_left: 0 });
    assert_eq!(claim(&lane, "c", "park").await, ClaimOutcome::SoldOut);
    let log = lane.read_log(LogId(0), 10).await.expect("an answer");
    assert_eq!(log.iter().map(|entry| entry.number).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(log[0].id, ask::claim(SPRING, "a", "kim").record.id);
    let dump = lane.dump_campaign(&SPRING.into()).await.expect("an answer").expect("the campaign");
    assert_eq!((dump.version, dump.stock, dump.stock_left, dump.log_last), (1, 2, 0, 2));
    let users: Vec<&str> = dump.claims.iter().map(|claim| claim.user.as_str()).collect();
    assert_eq!(users, ["kim", "lee"], "by number");
}

async fn claims_are_refused_in_order(lane: Arc<dyn Lane>) {
    let ask = |key: &str, who: &str| ClaimAsk { log_max: 1, ..ask::claim(SPRING, key, who) };
    let claim = async |at, key: &str, who: &str| lane.claim(at, ask(key, who)).await.expect("an answer");
    assert_eq!(claim(START, "a", "kim").await, ClaimOutcome::NoCampaign);
    let times = |stock| CampaignPut {
        opens_at_ms: START + SECOND,
        closes_at_ms: START + 3 * SECOND,
        ..ask::campaign_put(SPRING, stock)
    };
    put(&lane, times(1)).await;
    assert_eq!(claim(START + SECOND - 1, "a", "kim").await, ClaimOutcome::NotOpen);
    assert_eq!(claim(START + SECOND, "a", "kim").await, ClaimOutcome::Claimed { number: 1, stock_left: 0 });
    assert_eq!(claim(START + 3 * SECOND, "b", "kim").await, ClaimOutcome::NotOpen);
    assert_eq!(claim(START + 3 * SECOND - 1, "b", "kim").await, ClaimOutcome::AlreadyClaimed);
    assert_eq!(claim(START + SECOND, "b", "lee").await, ClaimOutcome::SoldOut);
    put(&lane, times(2)).await;
    assert_eq!(claim(START + SECOND, "b", "lee").await, ClaimOutcome::Full, "one record waits");
    lane.trim(LogId(1)).await.expect("an answer");
    assert_eq!(claim(START + SECOND, "b", "lee").await, ClaimOutcome::Claimed { number: 2, stock_left: 0 });
}

async fn no_coupon_past_its_end_is_handed_out(lane: Arc<dyn Lane>) {
    let ends = |version, expires_at_ms| CampaignPut { version, expires_at_ms, ..ask::campaign_put(SPRING, 5) };
    put(&lane, ends(1, START + SECOND)).await;
    let claim = async |at, key: &str, who: &str| lane.claim(at, ask::claim(SPRING, key, who)).await.expect("an answer");
    assert_eq!(claim(START + SECOND - 1, "a", "kim").await, ClaimOutcome::Claimed { number: 1, stock_left: 4 });
    assert_eq!(claim(START + SECOND, "b", "lee").await, ClaimOutcome::NotOpen);
    put(&lane, ends(2, START + 2 * SECOND)).await;
    assert_eq!(claim(START + SECOND, "b", "lee").await, ClaimOutcome::Claimed { number: 2, stock_left: 3 });
    let generation = next_generation();
    lane.begin_restore(START, generation, LogId(2)).await.expect("a new generation");
    lane.restore_campaign(START, generation, ends(2, START + 2 * SECOND), vec![]).await.expect("while restoring");
    lane.end_restore(START, generation).await.expect("the same generation");
    assert_eq!(
        claim(START + 2 * SECOND, "c", "park").await,
        ClaimOutcome::NotOpen,
        "a rebuilt lane hands none out either"
    );
}

async fn a_repeat_is_worth_what_was_claimed(lane: Arc<dyn Lane>) {
    put(&lane, ask::campaign_put(SPRING, 2)).await;
    let under = |version, expires_ms| ClaimAsk { version, expires_ms, ..ask::claim(SPRING, "a", "kim") };
    lane.claim(START, under(4, Some(START + SECOND))).await.expect("an answer");
    let claim = Claim { version: 4, expires_ms: Some(START + SECOND), ..ask::claimed("a", 1, "kim") };
    let again = lane.claim(START + 9 * SECOND, under(5, None)).await.expect("an answer");
    assert_eq!(again, ClaimOutcome::Repeated { claim: claim.clone(), stock_left: 1 });
    let dump = lane.dump_campaign(&SPRING.into()).await.expect("an answer").expect("the campaign");
    assert_eq!(dump.claims, [claim]);
}

async fn a_repeat_answers_the_same_claim(lane: Arc<dyn Lane>) {
    put(&lane, ask::campaign_put(SPRING, 2)).await;
    claim(&lane, "a", "kim").await;
    claim(&lane, "b", "lee").await;
    let repeated = || ClaimOutcome::Repeated { claim: ask::claimed("a", 1, "kim"), stock_left: 0 };
    assert_eq!(claim(&lane, "a", "kim").await, repeated());
    let other = ClaimAsk { digest: "other".to_owned(), ..ask::claim(SPRING, "a", "kim") };
    assert_eq!(lane.claim(START, other).await.expect("an answer"), ClaimOutcome::KeyReused);
    put(&lane, CampaignPut { closes_at_ms: 1, ..ask::campaign_put(SPRING, 2) }).await;
    assert_eq!(claim(&lane, "a", "kim").await, repeated(), "a repeat is answered before all checks");
    assert_eq!(lane.meta().await.expect("an answer").backlog, 2, "nothing is logged twice");
}

async fn a_campaign_changes(lane: Arc<dyn Lane>) {
    let version = |version, stock| CampaignPut { version, ..ask::campaign_put(SPRING, stock) };
    put(&lane, version(3, 2)).await;
    claim(&lane, "a", "kim").await;
    claim(&lane, "b", "lee").await;
    assert_eq!(put(&lane, version(2, 0)).await, PutCampaign::Stale(3));
    assert_eq!(put(&lane, version(4, 1)).await, PutCampaign::StockClaimed(2));
    assert_eq!(put(&lane, version(3, 3)).await, PutCampaign::Done, "an equal version is applied again");
    assert_eq!(claim(&lane, "c", "kim").await, ClaimOutcome::AlreadyClaimed);
    put(&lane, CampaignPut { per_user: 2, ..version(4, 3) }).await;
    assert_eq!(claim(&lane, "c", "kim").await, ClaimOutcome::Claimed { number: 3, stock_left: 0 });
}
