//! Changes of the catalogue that become visible while another gateway reads it.

use serde_json::json;
use stanchion::catalog::Catalog;
use stanchion::clock::Clock;
use stanchion::ids::{CampaignId, EventId, LogId};
use stanchion::lane::{Lanes, memory};
use stanchion::ledger::{self, Ledger};

use crate::support::gateway::small_hall;

async fn run(ledger: &Ledger, text: &'static str) {
    let done = ledger.transaction::<_, ledger::Error, _>(move |conn| {
        Box::pin(async move {
            sqlx::query(text).execute(conn).await?;
            Ok(())
        })
    });
    done.await.expect("changes a row");
}

/// Events and campaigns are read one after the other. A change of an event, committed after the events
/// were read, and a younger one of a campaign, committed before the campaigns were: both are seen.
#[tokio::test]
async fn a_change_between_the_two_reads_is_not_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let limit = std::time::Duration::from_secs(5);
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), 2, limit).await.expect("opens");
    let (lanes, clock): (Lanes, _) = (memory::volatile(2), Clock::fixed(1_795_168_800_000));
    for lane in lanes.iter() {
        lane.begin_restore(0, 1, LogId(0)).await.expect("a new generation");
        lane.end_restore(0, 1).await.expect("the same one");
    }
    let catalog = || Catalog::new(ledger.clone(), lanes.clone(), clock.clone(), "KRW");
    let (organizer, gateway) = (catalog(), catalog());
    let hall = serde_json::from_value(small_hall()).expect("a spec");
    organizer.put_event(&EventId::from("hall"), hall).await.expect("stores");
    let spec = json!({"name": "S", "kind": "fixed", "amount": 1000, "stock": 5});
    let spec = serde_json::from_value(spec).expect("a spec");
    organizer.put_campaign(&CampaignId::from("spring"), spec).await.expect("stores");

    // As the two reads find it when the event's change, number 1, is committed between them.
    run(&ledger, "UPDATE event SET seq = 0").await;
    gateway.refresh().await.expect("reads");
    run(&ledger, "UPDATE event SET seq = 1").await;
    assert!(gateway.campaign("spring").is_some() && gateway.event("hall").is_none());
    gateway.refresh().await.expect("reads");
    assert!(gateway.event("hall").is_some(), "the event is seen by the next refresh");
}
