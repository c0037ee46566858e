//! Draws in the ledger: the first one stays, and its list is read back part by part.

use stanchion::facts::ids::{EventId, VisitorId};
use stanchion::ledger::Ledger;
use stanchion::ledger::catalog::Put;
use stanchion::ledger::draws::{SaveDraw, StoredDraw, parts};

use crate::ledger::catalog::event;
use crate::ledger::rows::on_both;

on_both! {
    a_draw_reads_back
    the_first_draw_of_a_round_stays
    of_many_who_draw_at_once_one_has
    a_large_draw
    a_refused_change_of_an_event_that_left_keeps_its_lists
}

fn ids(count: usize) -> Vec<VisitorId> {
    (0..count).map(|n| VisitorId::from(format!("u-{n:032x}"))).collect()
}

fn draw(event: &str, round: i64, list_digest: &str, count: usize) -> SaveDraw {
    SaveDraw {
        event: EventId::from(event),
        round,
        list_digest: list_digest.to_owned(),
        visitors: i64::try_from(count).expect("few"),
        parts: parts(&ids(count)),
        now_ms: 7,
    }
}

async fn stored(ledger: &Ledger, event: &str, round: i64) -> Option<(StoredDraw, Vec<String>)> {
    let event = EventId::from(event);
    let draw = ledger.draw(&event, round).await.expect("reads")?;
    let mut bodies = Vec::new();
    while let Some(body) = ledger.draw_part(&event, round, bodies.len().try_into().expect("few")).await.expect("reads")
    {
        bodies.push(body);
    }
    assert_eq!(i64::try_from(bodies.len()), Ok(draw.parts));
    Some((draw, bodies))
}

async fn a_draw_reads_back(ledger: &Ledger) {
    assert_eq!(stored(ledger, "hall", 1).await, None);
    for (event, round, count) in [("hall", 1, 12_345), ("hall", 2, 0), ("other", 1, 1)] {
        let draw = draw(event, round, &"ab".repeat(32), count);
        assert_eq!(ledger.save_draw(draw.clone()).await.expect("answers"), Put::Done);
        let (read, bodies) = stored(ledger, event, round).await.expect("it is there");
        assert_eq!((&read.list_digest, read.visitors, read.at_ms), (&draw.list_digest, draw.visitors, 7));
        assert_eq!(bodies, draw.parts);
    }
    assert_eq!(stored(ledger, "hall", 1).await.expect("it is there").1.join("\n").lines().count(), 12_345);
    assert_eq!(stored(ledger, "hall", 3).await, None);
}

async fn the_first_draw_of_a_round_stays(ledger: &Ledger) {
    assert_eq!(ledger.save_draw(draw("hall", 1, "first", 6_000)).await.expect("answers"), Put::Done);
    assert_eq!(ledger.save_draw(draw("hall", 1, "second", 20_000)).await.expect("answers"), Put::Conflict);
    let (read, bodies) = stored(ledger, "hall", 1).await.expect("it is there");
    assert_eq!((read.list_digest.as_str(), bodies), ("first", parts(&ids(6_000))));
}

async fn of_many_who_draw_at_once_one_has(ledger: &Ledger) {
    let drawing = (0..8).map(|n| {
        let (ledger, draw) = (ledger.clone(), draw("hall", 1, &n.to_string(), 5_000 * (n + 1)));
        tokio::spawn(async move { (n, ledger.save_draw(draw).await) })
    });
    let mut winners = Vec::new();
    for drawn in drawing.collect::<Vec<_>>() {
        match drawn.await.expect("runs") {
            (n, Ok(Put::Done)) => winners.push(n),
            (_, Ok(Put::Conflict)) => {}
            (_, Err(error)) => panic!("{error}"),
        }
    }
    let (read, bodies) = stored(ledger, "hall", 1).await.expect("it is there");
    assert_eq!(winners.iter().map(usize::to_string).collect::<Vec<_>>(), [read.list_digest]);
    assert_eq!(bodies.len(), winners[0] + 1);
}

async fn a_large_draw(ledger: &Ledger) {
    let large = draw("hall", 1, "large", 300_000);
    assert_eq!(ledger.save_draw(large.clone()).await.expect("answers"), Put::Done);
    let (read, bodies) = stored(ledger, "hall", 1).await.expect("it is there");
    assert_eq!((read.parts, read.visitors), (60, 300_000));
    assert!(bodies == large.parts, "every part reads back");
}

async fn a_refused_change_of_an_event_that_left_keeps_its_lists(ledger: &Ledger) {
    let hall = EventId::from("hall");
    assert_eq!(ledger.put_event(event("hall", 1), None, 1).await.expect("stores"), Put::Done);
    assert_eq!(ledger.save_draw(draw("hall", 1, "first", 3)).await.expect("answers"), Put::Done);
    assert!(ledger.retire_event(&hall, 1, 0).await.expect("answers"));
    assert_eq!(ledger.put_event(event("hall", 2), Some(1), 2).await.expect("answers"), Put::Conflict);
    assert!(stored(ledger, "hall", 1).await.is_some());
    // The event comes back, and draws by another secret. So the old list is gone.
    assert_eq!(ledger.put_event(event("hall", 3), Some(2), 3).await.expect("stores"), Put::Done);
    assert_eq!(stored(ledger, "hall", 1).await, None);
}
