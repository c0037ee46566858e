//! Changes of the catalogue that are committed while another gateway reads it, and changes whose gateway died between
//! the ledger and their lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stanchion::catalog::{Catalog, PutCampaignOutcome, PutEventOutcome};
use stanchion::clock::Clock;
use stanchion::facts::ids::{CampaignId, EventId, LogId};
use stanchion::lane::coupons::ClaimOutcome;
use stanchion::lane::{Lanes, memory};
use stanchion::ledger::store::between::{Between, DatabaseCall};
use stanchion::ledger::{self, Ledger};

use crate::lane::conformance::ask::{self, START};
use crate::lane::conformance::hand::stage;
use crate::support::gateway::small_hall;

/// A ledger, lanes, and a clock. A gateway in these tests is only a catalogue on them.
struct House {
    ledger: Ledger,
    lanes: Lanes,
    clock: Clock,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Duration::from_secs(5);
        let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), 2, limit).await.expect("opens");
        Self { ledger, lanes: lanes().await, clock: Clock::stopped(START), _folder: folder }
    }

    fn gateway(&self) -> Catalog {
        self.gateway_on(self.lanes.clone())
    }

    fn gateway_on(&self, lanes: Lanes) -> Catalog {
        Catalog::new(self.ledger.clone(), lanes, self.clock.clone(), "KRW")
    }

    /// A gateway whose changes reach the ledger but not the lanes of the others.
    async fn dying_gateway(&self) -> Catalog {
        let dying = self.gateway_on(lanes().await);
        dying.refresh().await.expect("reads");
        dying
    }

    /// Lets more time pass than a gateway has to take back a change that it made.
    async fn wait(&self, gateway: &Catalog) {
        for _ in 0..2 {
            gateway.refresh().await.expect("reads");
            gateway.apply_pending().await;
            self.clock.advance(Duration::from_secs(10));
        }
        gateway.apply_pending().await;
    }
}

/// Counts the calls to a database.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Between for Counting {
    fn before(&self) -> ledger::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn at_commit(&self) -> ledger::Result<()> {
        Ok(())
    }

    fn after(&self) -> ledger::Result<()> {
        Ok(())
    }

    fn carry<'c>(&self, call: DatabaseCall<'c>) -> DatabaseCall<'c> {
        call
    }
}

/// Every gateway looks at the catalogue several times a second, so a look without news must cost little.
#[tokio::test]
async fn a_look_at_a_catalogue_without_news_is_one_read() {
    let (house, counting) = (House::open().await, Arc::new(Counting::default()));
    let ledger = house.ledger.clone().through(counting.clone());
    let looking = Catalog::new(ledger, house.lanes.clone(), house.clock.clone(), "KRW");
    let changing = house.gateway();
    let looks = async || {
        let before = counting.0.load(Ordering::Relaxed);
        looking.refresh().await.expect("reads");
        counting.0.load(Ordering::Relaxed) - before
    };
    for name in ["Hall", "Great Hall"] {
        let mut spec = small_hall();
        spec["name"] = json!(name);
        put_hall(&changing, &spec).await;
        assert_eq!(looks().await, 3, "the number of the last change, then events and campaigns");
        assert_eq!(looking.event(stage::HALL).expect("it is there").spec.name, name);
        assert_eq!(looks().await, 1);
    }
    put_campaign(&changing, 5).await;
    assert_eq!(looks().await, 3);
    assert!(looking.campaign("spring").is_some());
    assert_eq!(looks().await, 1);
}

async fn lanes() -> Lanes {
    let lanes = memory::volatile(2);
    for lane in lanes.iter() {
        lane.begin_restore(0, 1, LogId(0)).await.expect("a new generation");
        lane.end_restore(0, 1).await.expect("the same one");
    }
    lanes
}

async fn put_hall(gateway: &Catalog, spec: &Value) -> PutEventOutcome {
    let spec = serde_json::from_value(spec.clone()).expect("a spec");
    gateway.put_event(&EventId::from(stage::HALL), spec).await.expect("answers")
}

async fn put_campaign(gateway: &Catalog, stock: i64) -> PutCampaignOutcome {
    let spec = json!({"name": "S", "kind": "fixed", "amount": 1000, "stock": stock, "per_user": 9});
    let spec = serde_json::from_value(spec).expect("a spec");
    gateway.put_campaign(&CampaignId::from("spring"), spec).await.expect("answers")
}

/// The gateway that made the change is dead. Another gateway takes the change back after ten seconds.
#[tokio::test]
async fn a_change_that_its_lane_refuses_does_not_stay_in_the_ledger() {
    let house = House::open().await;
    let (organizer, other) = (house.gateway(), house.gateway());
    put_hall(&organizer, &small_hall()).await;
    put_campaign(&organizer, 5).await;
    let event = organizer.event(stage::HALL).expect("it is on sale");
    let hall = house.lanes.get(event.lane).expect("it is there");
    stage::inside(hall, START, "kim").await;
    stage::held(hall, START, "h", "kim", &[9]).await;
    let spring = house.lanes.get(organizer.campaign("spring").expect("it is on sale").lane).expect("it is there");
    let claim = async |key: &str| spring.claim(START, ask::claim("spring", key, "kim")).await.expect("an answer");
    for key in ["c1", "c2", "c3"] {
        assert!(matches!(claim(key).await, ClaimOutcome::Claimed { .. }));
    }

    let dying = house.dying_gateway().await;
    let mut smaller = small_hall();
    smaller["sections"][0]["rows"][0]["seats"] = json!(5);
    assert!(matches!(put_hall(&dying, &smaller).await, PutEventOutcome::Changed(_)));
    assert!(matches!(put_campaign(&dying, 2).await, PutCampaignOutcome::Changed(_)));

    house.wait(&other).await;
    let shown = |gateway: &Catalog| {
        let (event, campaign) = (gateway.event(stage::HALL), gateway.campaign("spring"));
        (
            event.expect("it is on sale").spec.sections[0].rows.as_ref().expect("rows")[0].seats,
            campaign.expect("it is on sale").spec.stock,
        )
    };
    assert_eq!(shown(&other), (10, 5));
    let new = house.gateway();
    new.refresh().await.expect("reads");
    assert_eq!(shown(&new), (10, 5), "a new gateway reads the same from the ledger");
    assert!(matches!(claim("c4").await, ClaimOutcome::Claimed { .. }));
    // Later changes are made as usual.
    let mut dearer = small_hall();
    dearer["sections"][0]["price"] = json!(60_000);
    assert!(matches!(put_hall(&other, &dearer).await, PutEventOutcome::Changed(_)));
    assert!(matches!(put_campaign(&other, 6).await, PutCampaignOutcome::Changed(_)));
}

/// A second PUT of the refused change is a conflict. The ledger then has the former stock again.
#[tokio::test]
async fn a_change_that_is_refused_the_second_time_is_taken_back_whole() {
    let house = House::open().await;
    let organizer = house.gateway();
    put_campaign(&organizer, 5).await;
    let spring = house.lanes.get(organizer.campaign("spring").expect("it is on sale").lane).expect("it is there");
    for key in ["c1", "c2", "c3"] {
        spring.claim(START, ask::claim("spring", key, "kim")).await.expect("an answer");
    }
    for is_rebuilt in [false, true] {
        let dying = house.dying_gateway().await;
        put_campaign(&dying, 2).await;
        if is_rebuilt {
            // The lane is lost meanwhile and rebuilt from the ledger, so it has the same wrong stock.
            let put = dying.campaign("spring").expect("it is on sale").lane_put();
            let claims = (1..=3).map(|number| ask::claimed(&format!("c{number}"), number, "kim")).collect();
            spring.begin_restore(START, 2, LogId(9)).await.expect("a new generation");
            spring.restore_campaign(START, 2, put, claims).await.expect("restores");
            spring.end_restore(START, 2).await.expect("the same one");
        }
        organizer.refresh().await.expect("reads");
        let again = put_campaign(&organizer, 2).await;
        assert!(matches!(again, PutCampaignOutcome::StockClaimed(3)), "{again:?}");
        let new = house.gateway();
        new.refresh().await.expect("reads");
        assert_eq!(new.campaign("spring").expect("it is on sale").spec.stock, 5);
    }
    let after = spring.claim(START, ask::claim("spring", "c4", "kim")).await.expect("an answer");
    assert!(matches!(after, ClaimOutcome::Claimed { .. }), "{after:?}");
}

async fn run(ledger: &Ledger, text: &'static str) {
    let done = ledger.transaction::<_, ledger::Error, _>(move |conn| {
        Box::pin(async move {
            sqlx::query(text).execute(conn).await?;
            Ok(())
        })
    });
    done.await.expect("changes a row");
}

/// Events and campaigns are read one after the other. Between the two reads, an older change of an event and a younger
/// one of a campaign are committed. Both must be seen in the end.
#[tokio::test]
async fn a_change_between_the_two_reads_is_not_missed() {
    let house = House::open().await;
    let (organizer, gateway, ledger) = (house.gateway(), house.gateway(), &house.ledger);
    put_campaign(&organizer, 5).await;
    let hall = serde_json::from_value(small_hall()).expect("a spec");
    organizer.put_event(&EventId::from("hall"), hall).await.expect("stores");
    put_campaign(&organizer, 6).await;

    // This is what the two reads find when the first change was committed before them, and the second and the third
    // are committed between them.
    run(ledger, "UPDATE counter SET value = 1").await;
    run(ledger, "UPDATE event SET seq = 0").await;
    gateway.refresh().await.expect("reads");
    assert!(gateway.event("hall").is_none());
    assert_eq!(gateway.campaign("spring").expect("it was read").spec.stock, 6);
    run(ledger, "UPDATE event SET seq = 2").await;
    run(ledger, "UPDATE counter SET value = 3").await;
    gateway.refresh().await.expect("reads");
    assert!(gateway.event("hall").is_some(), "the event is seen by the next refresh");
}
