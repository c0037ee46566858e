//! Rows of the catalogue: a change of a version that is no longer the stored one is refused, every change gets a new
//! number, and texts may be as large as a hall.

use stanchion::facts::ids::{CampaignId, EventId, LaneId, LogId};
use stanchion::ledger::Ledger;
use stanchion::ledger::catalog::{CampaignRow, EventRow, LaneMark, Put};
use stanchion::ledger::draws::DrawSecret;

use crate::ledger::rows::on_both;

on_both! {
    a_change_over_another_one_is_refused
    changes_of_events_and_campaigns_are_numbered_together
    many_changes_at_once_have_numbers_of_their_own
    a_lane_is_remembered
    an_events_draw_secret_is_given_once
}

pub fn event(id: &str, version: i64) -> EventRow {
    EventRow {
        id: EventId::from(id),
        lane: LaneId(5),
        version,
        seq: 0,
        // This is longer than a TEXT column holds (64 KiB), and has characters of one to four bytes.
        spec: format!("{version} é 김 🎟 ").repeat(10_000),
        layout: "{}".to_owned(),
        draw: DrawSecret::default(),
        away: false,
        returned: false,
        told: None,
    }
}

async fn a_change_over_another_one_is_refused(ledger: &Ledger) {
    assert_eq!(ledger.put_event(event("hall", 1), None, 10).await.expect("stores"), Put::Done);
    assert_eq!(ledger.put_event(event("hall", 1), None, 10).await.expect("stores"), Put::Conflict);
    assert_eq!(ledger.put_event(event("hall", 2), Some(1), 11).await.expect("stores"), Put::Done);
    assert_eq!(ledger.put_event(event("hall", 3), Some(1), 12).await.expect("stores"), Put::Conflict);
    let stored = ledger.events_since(0, 10).await.expect("reads");
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].version, &stored[0].spec), (2, &event("hall", 2).spec));
}

async fn changes_of_events_and_campaigns_are_numbered_together(ledger: &Ledger) {
    let campaign = |version| CampaignRow {
        id: CampaignId::from("spring"),
        lane: LaneId(9),
        version,
        seq: 0,
        stock: 500,
        spec: "{}".to_owned(),
    };
    ledger.put_event(event("a", 1), None, 1).await.expect("stores");
    assert_eq!(ledger.put_campaign(campaign(1), None, 1).await.expect("stores"), Put::Done);
    ledger.put_event(event("b", 1), None, 1).await.expect("stores");
    ledger.put_event(event("a", 2), Some(1), 1).await.expect("stores");
    assert_eq!(ledger.put_campaign(campaign(2), Some(7), 1).await.expect("stores"), Put::Conflict);

    let events = ledger.events_since(0, 10).await.expect("reads");
    assert_eq!(events.iter().map(|e| (e.id.as_str(), e.seq)).collect::<Vec<_>>(), [("b", 3), ("a", 4)]);
    assert_eq!(ledger.events_since(3, 10).await.expect("reads").len(), 1);
    assert_eq!(ledger.events_since(0, 1).await.expect("reads")[0].id.as_str(), "b");
    assert_eq!(ledger.campaigns_since(0, 10).await.expect("reads")[0].seq, 2);
    assert_eq!(ledger.lanes_known().await.expect("reads"), 10);
}

async fn many_changes_at_once_have_numbers_of_their_own(ledger: &Ledger) {
    let changes = (0..12).map(|n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.put_event(event(&format!("e{n}"), 1), None, 1).await })
    });
    for change in changes.collect::<Vec<_>>() {
        assert_eq!(change.await.expect("runs").expect("stores"), Put::Done);
    }
    let seqs: Vec<i64> = ledger.events_since(0, 100).await.expect("reads").iter().map(|e| e.seq).collect();
    assert_eq!(seqs, (1..=12).collect::<Vec<_>>());
}

async fn a_lane_is_remembered(ledger: &Ledger) {
    assert_eq!(ledger.lanes_known().await.expect("reads"), 0);
    assert_eq!(ledger.lane_mark(LaneId(3)).await.expect("reads"), LaneMark::default());
    let mark = |generation| LaneMark { generation, log_last: LogId(7), epoch: 4 };
    for (before, generation) in [(0, 2), (2, 3)] {
        let set = ledger.set_lane_mark(LaneId(3), before, mark(generation)).await.expect("stores");
        assert_eq!(set, Put::Done);
        assert_eq!(ledger.lane_mark(LaneId(3)).await.expect("reads"), mark(generation));
    }
    // Of two writers that saw the same generation, the second cannot begin the next one.
    for before in [0, 2] {
        let set = ledger.set_lane_mark(LaneId(3), before, mark(before + 1)).await.expect("answers");
        assert_eq!(set, Put::Conflict, "{before}");
    }
    assert_eq!(ledger.lane_mark(LaneId(3)).await.expect("reads"), mark(3));
    assert_eq!(ledger.lanes_known().await.expect("reads"), 4);
}

async fn an_events_draw_secret_is_given_once(ledger: &Ledger) {
    let stored = || async { ledger.events_since(0, 1).await.expect("reads").remove(0).draw };
    // An event that was stored before there were draws has no secret.
    ledger.put_event(event("hall", 1), None, 1).await.expect("stores");
    assert_eq!(stored().await, DrawSecret::default());
    let (first, second) = (DrawSecret::random(), DrawSecret::random());
    for (version, draw) in [(2, &first), (3, &second), (4, &DrawSecret::default())] {
        let row = EventRow { draw: draw.clone(), ..event("hall", version) };
        assert_eq!(ledger.put_event(row, Some(version - 1), 1).await.expect("stores"), Put::Done);
        assert_eq!(stored().await, first);
    }
    let row = EventRow { draw: second.clone(), ..event("new", 1) };
    assert_eq!(ledger.put_event(row, None, 1).await.expect("stores"), Put::Done);
    assert_eq!(ledger.events_since(0, 2).await.expect("reads")[1].draw, second);
}
