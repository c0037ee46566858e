//! Which seats of the map a visitor chooses.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

/// How many of the foremost choices a visitor looks at. They are few, so that the crowd fights over them.
const LOOKS_AT: usize = 6;

/// Names of `party` adjacent free seats of a section: one of the first few choices from the front. `None`: no row has
/// that many free seats side by side.
pub fn adjacent(map: &Value, section: &str, party: usize, rng: &mut StdRng) -> Option<Vec<String>> {
    let section = map["sections"].as_array()?.iter().find(|s| s["id"] == section)?;
    let mut choices = Vec::new();
    for row in section["rows"].as_array()? {
        let seats = row["seats"].as_str()?.as_bytes();
        for (start, block) in seats.windows(party).enumerate() {
            if block.iter().all(|s| *s == b'f') {
                choices.push((row["id"].as_str()?, start));
            }
        }
        if choices.len() >= LOOKS_AT {
            break;
        }
    }
    let first = choices.get(rng.random_range(0..choices.len().clamp(1, LOOKS_AT)))?;
    let id = section["id"].as_str()?;
    Some((first.1..first.1 + party).map(|i| format!("{id}-{}-{}", first.0, i + 1)).collect())
}

/// Sections with free places, most free first.
pub fn sections_left(map: &Value) -> Vec<String> {
    let mut left: Vec<(u64, &str)> = map["sections"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|s| Some((s["free"].as_u64().filter(|free| *free > 0)?, s["id"].as_str()?)))
        .collect();
    left.sort_by(|a, b| b.cmp(a));
    left.into_iter().map(|(_, id)| id.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use serde_json::json;

    use super::*;

    fn map() -> Value {
        json!({"version": 3, "sections": [
            {"id": "a", "free": 5, "rows": [{"id": "1", "seats": "hffs"}, {"id": "2", "seats": "ffpf"}]},
            {"id": "b", "free": 0, "rows": [{"id": "1", "seats": "ss"}]},
            {"id": "ga", "free": 9, "rows": []},
        ]})
    }

    #[test]
    fn named_seats_are_free_and_adjacent() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut chosen: Vec<String> =
            (0..50).filter_map(|_| adjacent(&map(), "a", 2, &mut rng)).map(|s| s.join(" ")).collect();
        chosen.sort();
        chosen.dedup();
        assert_eq!(chosen, ["a-1-2 a-1-3", "a-2-1 a-2-2"]);
        assert_eq!(adjacent(&map(), "a", 3, &mut rng), None);
        assert_eq!(adjacent(&map(), "b", 1, &mut rng), None);
        assert_eq!(adjacent(&map(), "ga", 1, &mut rng), None);
        assert_eq!(adjacent(&json!({}), "a", 1, &mut rng), None);
    }

    #[test]
    fn sections_with_most_left_come_first() {
        assert_eq!(sections_left(&map()), ["ga", "a"]);
        assert!(sections_left(&json!({})).is_empty());
    }
}
