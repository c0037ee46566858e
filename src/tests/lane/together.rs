//! Operations that go to a Redis lane in one call are answered as if each had come by itself.

use std::sync::Arc;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::Builder;
use fred::types::config::Config;
use futures_util::future::join_all;
use stanchion::facts::fault::Fault;
use stanchion::facts::ids::{LaneId, LogId};
use stanchion::facts::time::Millis;
use stanchion::lane::coupons::{CampaignPut, ClaimAsk, ClaimOutcome, PutCampaign};
use stanchion::lane::{Lane, memory};

use crate::lane::conformance::ask::{self, MANY, SECOND, START};
use crate::lane::conformance::stores::{fresh_at, next_generation, redis};
use crate::lane::contract::steps;
use crate::support::proxy::{Mode, Proxy};
use crate::support::servers::OwnRedis;

const ROUNDS: u64 = 60;
/// Claims of a round, which come together.
const CLAIMS: usize = 130;

/// Claims of few users with few keys, so that all outcomes come.
fn claims(rng: &mut fastrand::Rng, name: &str) -> Vec<(Millis, ClaimAsk)> {
    let users = rng.usize(2..40);
    let keys = rng.usize(5..200);
    let log_max = if rng.u8(..) < 60 { rng.i64(1..40) } else { MANY };
    let one = |_| {
        let user = rng.usize(..users);
        // A key is its user's, but for a few that are somebody else's digest.
        let mut ask = ask::claim(name, &format!("{name}-{}", rng.usize(..keys)), &format!("user-{user}"));
        if rng.u8(..) < 20 {
            ask.digest = "another".to_owned();
        }
        ask.log_max = log_max;
        (START + rng.i64(0..6) * SECOND, ask)
    };
    (0..CLAIMS).map(one).collect()
}

/// A stock that may end, a limit that may be reached, and times that some claims are outside of.
fn campaign(rng: &mut fastrand::Rng, name: &str) -> CampaignPut {
    CampaignPut {
        per_user: rng.i64(1..6),
        opens_at_ms: if rng.bool() { START + SECOND } else { 0 },
        closes_at_ms: if rng.bool() { START + 5 * SECOND } else { 0 },
        ..ask::campaign_put(name, rng.i64(1..100))
    }
}

async fn client(url: &str) -> Client {
    let client = Builder::from_config(Config::from_url(url).expect("an address")).build().expect("a client");
    client.init().await.expect("the server is ready");
    client
}

#[tokio::test]
async fn claims_together_are_answered_as_one_by_one() {
    let server = OwnRedis::start().await;
    let (lanes, counter) = (redis(&server.url()).await, client(&server.url()).await);
    let models = memory::volatile(1);
    let mut met = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..ROUNDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let generation = next_generation();
        let (lane, model) = (fresh_at(&lanes, generation).await, fresh_at(&models, generation).await);
        let name = format!("c{seed}");
        // In some rounds there is no campaign.
        if seed % 10 > 0 {
            let put = campaign(&mut rng, &name);
            for lane in [&lane, &model] {
                assert_eq!(lane.put_campaign(START, put.clone()).await.expect("an answer"), PutCampaign::Done);
            }
        }
        let claims = claims(&mut rng, &name);
        let before = steps(&counter).await;
        let here = join_all(claims.iter().map(|(at, ask)| lane.claim(*at, ask.clone()))).await;
        let steps = steps(&counter).await - before;
        for ((at, ask), here) in claims.iter().zip(here) {
            let (here, there) = (here.expect("an answer"), model.claim(*at, ask.clone()).await.expect("an answer"));
            assert_eq!(here, there, "seed {seed}: {ask:?}");
            let word = format!("{here:?}");
            let word = word.split([' ', '(', '{']).next().expect("a word").to_owned();
            *met.entry(word).or_default() += 1;
        }
        assert_eq!(steps, 2, "the first hundred of {CLAIMS} go in one call, the others in the next");
        let all = usize::try_from(MANY).unwrap_or(usize::MAX).min(1_000);
        let (here, there) = (lane.read_log(LogId(0), all).await, model.read_log(LogId(0), all).await);
        assert_eq!(here.expect("an answer"), there.expect("an answer"), "seed {seed}");
        let id = name.as_str().into();
        let (here, there) = (lane.dump_campaign(&id).await, model.dump_campaign(&id).await);
        assert_eq!(here.expect("an answer"), there.expect("an answer"), "seed {seed}");
        lane.trim(LogId(u64::MAX >> 12)).await.expect("an answer");
        assert_eq!(lane.read_log(LogId(0), 1).await.expect("an answer"), []);
    }
    let outcomes = ["AlreadyClaimed", "Claimed", "Full", "KeyReused", "NoCampaign", "NotOpen", "Repeated", "SoldOut"];
    assert_eq!(met.keys().collect::<Vec<_>>(), outcomes, "{met:?}");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_to_all_who_waited_for_it() {
    let server = OwnRedis::start().await;
    let sure = fresh_at(&redis(&server.url()).await, 1).await;
    sure.put_campaign(START, ask::campaign_put("c", 5)).await.expect("an answer");
    let proxy = Proxy::to(server.address()).await;
    let lanes = redis(&format!("redis://{}/0", proxy.addr)).await;
    let lane: Arc<dyn Lane> = lanes.get(LaneId(0)).expect("it is there").clone();
    let claim = async |n: usize| lane.claim(START, ask::claim("c", &format!("k{n}"), &format!("user-{n}"))).await;

    proxy.set(Mode::CutAnswer);
    let lost = join_all((0..8).map(claim)).await;
    assert!(lost.iter().all(|lost| matches!(lost, Err(Fault::Unavailable { .. }))), "{lost:?}");
    proxy.set(Mode::Pass);
    let mut outcomes = join_all((0..8).map(claim)).await;
    while outcomes.iter().any(Result::is_err) {
        outcomes = join_all((0..8).map(claim)).await;
    }
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome.expect("answered") {
            ClaimOutcome::Repeated { claim, stock_left: 0 } => assert_eq!(claim.number, n as i64 + 1),
            ClaimOutcome::SoldOut => assert!(n >= 5, "user-{n} was there before"),
            other => panic!("user-{n}: {other:?}"),
        }
    }
    assert_eq!(sure.read_log(LogId(0), 100).await.expect("an answer").len(), 5, "each claim is there once");
}

#[tokio::test]
async fn whoever_goes_away_takes_nobody_with_them() {
    let server = OwnRedis::start().await;
    let lane = fresh_at(&redis(&server.url()).await, 1).await;
    lane.put_campaign(START, ask::campaign_put("c", 50)).await.expect("an answer");
    let claims = (0..20).map(|n| {
        let (lane, ask) = (lane.clone(), ask::claim("c", &format!("k{n}"), &format!("user-{n}")));
        tokio::spawn(async move { lane.claim(START, ask).await })
    });
    let claims: Vec<_> = claims.collect();
    tokio::task::yield_now().await;
    // The first one began the call that all others wait for.
    claims[0].abort();
    for (n, claim) in claims.into_iter().enumerate() {
        match claim.await {
            Ok(outcome) => assert!(matches!(outcome, Ok(ClaimOutcome::Claimed { .. })), "{outcome:?}"),
            Err(gone) => assert!(n == 0 && gone.is_cancelled()),
        }
    }
    assert_eq!(lane.read_log(LogId(0), 100).await.expect("an answer").len(), 20);
}

#[tokio::test]
async fn a_lane_that_is_rebuilt_answers_all_so() {
    let server = OwnRedis::start().await;
    let lane = fresh_at(&redis(&server.url()).await, 1).await;
    lane.put_campaign(START, ask::campaign_put("c", 50)).await.expect("an answer");
    lane.begin_restore(START, 2, LogId(0)).await.expect("a new generation");
    let claims = (0..5).map(|n| lane.claim(START, ask::claim("c", &format!("k{n}"), "kim")));
    let answers = join_all(claims).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(Fault::Recovering(LaneId(0))))), "{answers:?}");
}
