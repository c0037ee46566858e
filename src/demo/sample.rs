//! The sample on-sale: a hall, its room, a coupon campaign. Only names and numbers, as the admin API takes them.

use serde_json::{Value, json};

use crate::facts::time::{Millis, rfc3339};

const DAY_MS: Millis = 24 * 3600 * 1000;

/// Points granted to every visitor before the doors open.
pub const POINTS_EACH: i64 = 10_000;
pub const COUPONS: u64 = 500;
/// The standing section; its seats have no names.
pub const STANDING: &str = "ga";
pub const STANDING_CAPACITY: usize = 600;
pub const STANDING_PRICE: i64 = 44_000;
/// Of each ticket.
pub const BOOKING_FEE: i64 = 1_000;

pub struct SampleSection {
    pub id: &'static str,
    pub name: &'static str,
    /// For an adult.
    pub price: i64,
    pub rows: usize,
    /// Seats in a row.
    pub seats: usize,
}

/// The seated sections: 2,400 seats.
pub const SECTIONS: [SampleSection; 3] = [
    SampleSection { id: "floor", name: "Floor", price: 132_000, rows: 12, seats: 40 },
    SampleSection { id: "tier", name: "First tier", price: 99_000, rows: 20, seats: 48 },
    SampleSection { id: "balcony", name: "Balcony", price: 66_000, rows: 24, seats: 40 },
];

/// All places for sale.
pub fn capacity() -> usize {
    SECTIONS.iter().map(|s| s.rows * s.seats).sum::<usize>() + STANDING_CAPACITY
}

/// Ids of the seated sections, and of the standing one after them.
pub fn section_ids() -> Vec<String> {
    SECTIONS.iter().map(|s| s.id).chain([STANDING]).map(str::to_owned).collect()
}

/// Body of `PUT /v1/admin/events/{event}`.
///
/// The times are a demo's. A hold, a payment or an absence takes minutes on a real evening, and seconds here, so that a
/// short run shows all of it. `absent_after_s` stays above the longest pause that the gateway asks for between two
/// polls.
pub fn event(now_ms: Millis, currency: &str) -> Value {
    let mut sections: Vec<Value> = SECTIONS.iter().map(seated).collect();
    sections.push(
        json!({"id": STANDING, "name": "Standing", "types": types(STANDING_PRICE), "capacity": STANDING_CAPACITY}),
    );
    json!({
        "name": "Spring Concert", "category": "concert", "venue": "Demo Hall", "timezone": "Asia/Seoul",
        "starts_at": rfc3339(now_ms + 30 * DAY_MS), "currency": currency, "organizer": "hall-co",
        "sections": sections,
        "seats_per_user": 4, "hold_ttl_s": 20, "payment_ttl_s": 20, "earn_bp": 100, "fee_bp": 500,
        "booking_fee": {"amount": BOOKING_FEE, "refundable": "first_day"}, "vat_bp": 1_000,
        "room": {
            "mode": "open", "order": "fifo", "identity": "browser", "capacity": 400, "rate_per_min": 2400,
            "pass_ttl_s": 120, "claim_ttl_s": 15, "absent_after_s": 20, "late_grace_s": 20, "release_on": "order",
        },
    })
}

fn seated(section: &SampleSection) -> Value {
    let rows: Vec<Value> =
        (1..=section.rows).map(|row| json!({"id": row.to_string(), "seats": section.seats})).collect();
    json!({"id": section.id, "name": section.name, "types": types(section.price), "rows": rows})
}

/// Three ticket types, of which adults are the default.
fn types(price: i64) -> Value {
    json!([
        {"id": "adult", "name": "Adult", "price": price},
        {"id": "youth", "name": "Youth (7-18)", "price": price * 7 / 10},
        {"id": "child", "name": "Child (under 7)", "price": price / 2},
    ])
}

/// Body of `PUT /v1/admin/coupons/{campaign}`: 10 %, at most 10,000, one each.
pub fn campaign(now_ms: Millis, event: &str) -> Value {
    json!({
        "name": "Welcome", "kind": "percent", "percent_bp": 1000, "max_discount": 10_000, "min_spend": 50_000,
        "stock": COUPONS, "per_user": 1, "expires_at": rfc3339(now_ms + 60 * DAY_MS), "events": [event],
        "funded_by": "platform",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hall_is_as_promised() {
        assert_eq!(capacity(), 3_000);
        let event = event(1_763_632_800_000, "KRW");
        let seats: u64 = event["sections"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|s| match s["rows"].as_array() {
                Some(rows) => rows.iter().filter_map(|r| r["seats"].as_u64()).sum(),
                None => s["capacity"].as_u64().expect("a number"),
            })
            .sum();
        assert_eq!(seats, 3_000);
        assert_eq!(event["starts_at"], "2025-12-20T10:00:00Z");
        assert_eq!(section_ids(), ["floor", "tier", "balcony", STANDING]);
    }
}
