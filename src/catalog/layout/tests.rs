use super::*;
use crate::catalog::{RowSpec, SectionSpec};

fn spec(sections: Vec<SectionSpec>) -> EventSpec {
    serde_json::from_value(serde_json::json!({
        "name": "x", "starts_at": "2027-01-01T00:00:00Z", "currency": "KRW", "organizer": "o",
        "sections": sections,
    }))
    .expect("an event")
}

fn rows(id: &str, rows: &[(&str, u32)]) -> SectionSpec {
    let rows = rows.iter().map(|&(id, seats)| RowSpec { id: id.into(), seats }).collect();
    SectionSpec { id: id.into(), name: id.into(), price: Some(10), types: None, rows: Some(rows), capacity: None }
}

fn standing(id: &str, capacity: u32) -> SectionSpec {
    SectionSpec { id: id.into(), name: id.into(), price: Some(5), types: None, rows: None, capacity: Some(capacity) }
}

#[test]
fn seats_are_numbered_in_order() {
    let layout = Layout::of(&spec(vec![rows("a-1", &[("1", 3), ("2", 2)]), standing("ga", 4)]), &Layout::default());
    assert_eq!(layout.seats, 9);
    assert_eq!(layout.index_of("a-1-2-1"), Some(3));
    assert_eq!(layout.name(4).as_deref(), Some("a-1-2-2"));
    assert_eq!(layout.name(5), None, "standing seats have no name");
    assert_eq!(layout.section_of(5).map(|s| s.id.as_str()), Some("ga"));
    for missing in ["a-1-2-3", "a-1-2-0", "a-1-2-01", "a-1-2-+1", "ga-1", "b-1-1", "", "-"] {
        assert_eq!(layout.index_of(missing), None, "{missing}");
    }
}

#[test]
fn a_change_never_moves_a_seat() {
    let first = Layout::of(&spec(vec![rows("a", &[("1", 3), ("2", 3)]), standing("ga", 2)]), &Layout::default());
    let second = Layout::of(&spec(vec![standing("ga", 3), rows("a", &[("1", 5)])]), &first);
    assert_eq!(second.seats, 11);
    assert_eq!(second.index_of("a-1-3"), Some(2));
    assert_eq!(second.index_of("a-1-4"), Some(9), "grown seats stand at the end");
    assert_eq!(second.blocked(), [(3, 6)], "row 2 was dropped");
    assert_eq!(second.section("a").map(|s| s.pick_rows()), Some(vec![RowRuns { runs: vec![(0, 3), (9, 2)] }]));
    let third = Layout::of(&spec(vec![rows("a", &[("1", 2), ("2", 1)])]), &second);
    assert_eq!(third.seats, 11);
    assert_eq!(third.index_of("a-2-1"), Some(3), "a row that comes back has its old seats");
    assert_eq!(third.blocked(), [(2, 3), (4, 11)]);
    assert_eq!(third.section("ga"), None);
    assert_eq!(third.name(9).as_deref(), Some("a-1-4"), "tickets of dropped seats keep their name");
}
