//! An event's seat map: the seat string cut into sections and rows.

use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{Event, Strip};
use crate::facts::ids::SeatIndex;
use crate::facts::seat::{SeatMap, SeatState};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatMap)]
pub struct SeatsView {
    /// Grows with every change of a seat.
    #[schema(example = 812)]
    pub version: u64,
    pub sections: Vec<SeatSectionView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatMapSection)]
pub struct SeatSectionView {
    #[schema(example = "a")]
    pub id: String,
    #[schema(example = "Floor A")]
    pub name: String,
    /// Price of the default ticket type, minor units.
    #[schema(example = 55000)]
    pub price: i64,
    #[schema(example = 5)]
    pub capacity: u32,
    #[schema(example = 2)]
    pub free: u32,
    /// Empty in standing sections.
    pub rows: Vec<RowView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatMapRow)]
pub struct RowView {
    #[schema(example = "1")]
    pub id: String,
    /// One letter a seat, from number 1: `f` free, `h` held, `p` paying, `s` sold, `b` blocked.
    #[schema(example = "ffhsb")]
    pub seats: String,
}

impl SeatsView {
    pub fn new(event: &Event, map: &SeatMap) -> Self {
        let sections = event.spec.sections.iter().filter_map(|spec| {
            let section = event.layout.section(&spec.id)?;
            Some(SeatSectionView {
                id: spec.id.clone(),
                name: spec.name.clone(),
                price: spec.default_price(),
                capacity: section.capacity(),
                free: count(section.indexes().map(|seat| state(map, seat))),
                rows: section
                    .active_rows()
                    .map(|row| RowView { id: row.id.clone(), seats: letters(row, map) })
                    .collect(),
            })
        });
        Self { version: map.version, sections: sections.collect() }
    }
}

/// The tag of this map. It changes whenever the answer does. The checksum of the seat string is part of it, because an
/// event that leaves its lane and is put there again counts the versions of its map anew.
pub fn etag(event: &Event, map: &SeatMap) -> String {
    format!("\"{}-{}-{:08x}\"", event.version, map.version, crc32fast::hash(&map.seats))
}

fn letters(row: &Strip, map: &SeatMap) -> String {
    row.indexes().map(|seat| char::from(state(map, seat))).collect()
}

/// The letter of a seat. A seat that the lane has not been told of yet is not on sale, so it counts as blocked.
fn state(map: &SeatMap, seat: SeatIndex) -> u8 {
    map.seats.get(seat as usize).copied().unwrap_or(SeatState::Blocked.byte())
}

fn count(states: impl Iterator<Item = u8>) -> u32 {
    states.map(|state| u32::from(state == SeatState::Free.byte())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Layout;
    use crate::facts::ids::{EventId, LaneId};
    use crate::ledger::draws::DrawSecret;

    fn event() -> Event {
        let spec = serde_json::from_value(serde_json::json!({
            "name": "x", "starts_at": "2027-01-01T00:00:00Z", "currency": "KRW", "organizer": "o",
            "sections": [
                {"id": "a", "name": "Floor", "price": 5, "rows": [{"id": "1", "seats": 3}, {"id": "2", "seats": 2}]},
                {"id": "ga", "name": "Standing", "price": 3, "capacity": 2}
            ]
        }))
        .expect("an event");
        let layout = Layout::of(&spec, &Layout::default());
        Event {
            id: EventId::from("x"),
            lane: LaneId(0),
            version: 1,
            spec,
            layout,
            draw: DrawSecret::default(),
            birth: None,
            away: false,
            returned: false,
        }
    }

    #[test]
    fn a_map_is_cut_into_sections_and_rows() {
        let view = SeatsView::new(&event(), &SeatMap { version: 9, seats: b"fhpsbf".to_vec() });
        let json = serde_json::to_value(&view).expect("json");
        let expected = serde_json::json!({"version": 9, "sections": [
            {"id": "a", "name": "Floor", "price": 5, "capacity": 5, "free": 1,
             "rows": [{"id": "1", "seats": "fhp"}, {"id": "2", "seats": "sb"}]},
            {"id": "ga", "name": "Standing", "price": 3, "capacity": 2, "free": 1, "rows": []},
        ]});
        assert_eq!(json, expected, "the seventh seat is not in the lane yet");
    }

    #[test]
    fn another_map_has_another_etag() {
        let map = |version, seats: &[u8]| SeatMap { version, seats: seats.to_vec() };
        let event = event();
        let tag = etag(&event, &map(1, b"ff"));
        assert_eq!(tag, etag(&event, &map(1, b"ff")));
        for other in [map(2, b"ff"), map(1, b"fh")] {
            assert_ne!(tag, etag(&event, &other));
        }
        let renamed = Event { version: 2, ..event };
        assert_ne!(tag, etag(&renamed, &map(1, b"ff")));
    }
}
