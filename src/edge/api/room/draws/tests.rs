use super::*;
use crate::ledger::Ledger;
use crate::ledger::draws::{SaveDraw, parts};

#[tokio::test]
async fn nobody_has_a_rank_in_a_list_that_is_not_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::sqlite(&dir.path().join("ledger.db"), 1, Duration::from_secs(3)).await.expect("opens");
    let (event, seed) = (EventId::from("hall"), Seed::new([7; 32]));
    let ids: Vec<VisitorId> = ["a", "b", "c"].map(VisitorId::from).into();
    for (round, visitors) in [(1, 3), (2, 4)] {
        let list_digest = "ab".repeat(32);
        let draw = SaveDraw { event: event.clone(), round, list_digest, visitors, parts: parts(&ids), now_ms: 1 };
        ledger.save_draw(draw).await.expect("stores");
        let draw = ledger.draw(&event, round).await.expect("reads").expect("it is there");
        let scores = scores(&ledger, &event, round, &draw, &seed).await.expect("reads");
        assert_eq!(scores.map(|scores| scores.len()), (round == 1).then_some(3));
    }
}
