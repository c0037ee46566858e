//! The random input: an event, a campaign, points, holds with their orders, and refunds, as clients would send them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use stanchion::facts::money::{AMOUNT_MAX, BP_MAX};

#[derive(Debug, Clone)]
pub struct Purchase {
    /// The body of `PUT /v1/admin/events/{event}`.
    pub event: Value,
    /// The body of `PUT /v1/admin/coupons/{campaign}`.
    pub campaign: Value,
    pub grants: Vec<Granted>,
    pub orders: Vec<(Seats, Ordered)>,
    pub refunds: Vec<Back>,
}

#[derive(Debug, Clone)]
pub struct Granted {
    pub amount: i64,
    /// How many days the points last; `None`: for ever.
    pub lasts_days: Option<i64>,
}

/// Which seats are asked for. Without a count, all that there are and that one user may have.
#[derive(Debug, Clone)]
pub enum Seats {
    /// `count` of all named seats, evenly spread, so that the lines of one order have different prices.
    Named {
        count: Option<Index>,
        first: Index,
    },
    Best {
        section: Index,
        count: Option<Index>,
        adjacent: Option<bool>,
    },
}

#[derive(Debug, Clone)]
pub struct Ordered {
    /// Which ticket type each seat is of, in turn; empty: none is chosen.
    pub types: Vec<Index>,
    pub coupon: Coupon,
    pub points: i64,
    pub expected_cash: Option<i64>,
    pub pays: Pays,
}

#[derive(Debug, Clone, Copy)]
pub enum Coupon {
    None,
    Best,
    Claimed,
}

#[derive(Debug, Clone, Copy)]
pub enum Pays {
    WithTheOrder,
    Later,
    Never,
}

#[derive(Debug, Clone)]
pub struct Back {
    pub order: Index,
    /// How many days pass before the refund is asked for.
    pub after_days: u64,
    pub by_admin: bool,
    /// Lines, each with the share of its points and cash, in basis points, that an admin gives back; `None`: the whole
    /// line.
    pub lines: Vec<(Index, Option<i64>)>,
    /// Whether the provider gives the money back; `false`: it refuses for good.
    pub done: bool,
}

pub fn purchases() -> impl Strategy<Value = Purchase> {
    let orders = vec((seats(), ordered()), 1..=3);
    (events(), campaigns(), vec(granted(), 0..=3), orders, vec(back(), 0..=4))
        .prop_map(|(event, campaign, grants, orders, refunds)| Purchase { event, campaign, grants, orders, refunds })
}

/// A number of the range, often one of its ends, and sometimes just beyond.
fn around(least: i64, most: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        100 => least..=most,
        50 => Just(most),
        30 => Just(least),
        1 => Just(most + 1),
        1 => Just(least - 1),
    ]
}

fn events() -> impl Strategy<Value = Value> {
    let most = prop_oneof![16 => 1..=8_i64, 4 => 9..=60_i64, 1 => Just(1_000_i64), 1 => Just(1_001_i64)];
    most.prop_flat_map(|most| {
        let rates = (around(0, BP_MAX), around(0, BP_MAX));
        let earned = (option::of(around(0, 3_660)), option::of(around(0, 3_660)));
        let fees = prop_oneof![9 => vec(around(0, BP_MAX), 0..=3), 1 => vec(0..=BP_MAX, 50)];
        (Just(most), vec(section(most), 1..=3), rates, earned, fees, times(), extras())
    })
    .prop_map(
        |(most, mut sections, (earn_bp, fee_bp), (vest, valid), fees, (starts, closes, zone), (fee, vat_bp))| {
            for (at, section) in sections.iter_mut().enumerate() {
                section["id"] = json!(format!("s{at}"));
            }
            let fees: Vec<Value> =
                (0..).zip(fees).map(|(at, bp): (i64, _)| json!({"days_before": 9 * at, "fee_bp": bp})).collect();
            json!({
                "name": "Hall", "currency": "KRW", "organizer": "o".repeat(48), "seats_per_user": most,
                "sections": sections, "earn_bp": earn_bp, "fee_bp": fee_bp, "earn_vest_days": vest,
                "earn_valid_days": valid, "cancellation_fees": fees, "starts_at": starts, "refunds_close_at": closes,
                "timezone": zone, "booking_fee": fee, "vat_bp": vat_bp,
            })
        },
    )
}

/// A booking fee and a tax.
fn extras() -> impl Strategy<Value = (Option<Value>, Option<i64>)> {
    let amount = prop_oneof![9 => Just(2_000_i64), 9 => 1..=2_000_i64, 3 => Just(0_i64), 1 => Just(-1_i64)];
    let refundable = prop::sample::select(vec!["never", "first_day", "always"]);
    let fee = (amount, refundable).prop_map(|(amount, refundable)| json!({"amount": amount, "refundable": refundable}));
    (option::of(fee), option::of(around(0, BP_MAX)))
}

/// A section of an event in which one user may have `most` seats. Almost half of the prices are as high as such an
/// event may have.
fn section(most: i64) -> impl Strategy<Value = Value> {
    let price = prop_oneof![
        27 => Just(AMOUNT_MAX / most),
        // Room for the booking fee.
        54 => Just((AMOUNT_MAX / most - 2_000).max(0)),
        54 => 1..=200_000_i64,
        15 => 0..=9_i64,
        1 => Just(AMOUNT_MAX / most + 1),
        1 => Just(AMOUNT_MAX),
        1 => Just(i64::MAX / most),
        1 => Just(-1_i64),
    ];
    let seats = move || prop_oneof![4 => 1..=12_i64, 1 => Just(most)];
    let places = prop_oneof![
        3 => vec(seats(), 1..=3).prop_map(|rows| {
            let rows: Vec<Value> =
                (1..).zip(rows).map(|(at, seats): (u32, _)| json!({"id": at.to_string(), "seats": seats})).collect();
            json!({ "rows": rows })
        }),
        1 => seats().prop_map(|capacity| json!({ "capacity": capacity })),
    ];
    let types = prop_oneof![8 => Just(0_usize), 8 => 1..=4_usize, 3 => Just(20_usize), 1 => Just(21_usize)];
    (price, types, places).prop_map(|(price, types, mut section)| {
        section["name"] = json!("Section");
        if types == 0 {
            section["price"] = json!(price);
            return section;
        }
        let one = |at: usize| {
            let id = format!("{}{at}", "t".repeat(40));
            json!({"id": id, "name": "청소년".repeat(16), "price": price / (at as i64 + 1)})
        };
        section["types"] = (0..types).map(one).collect();
        section
    })
}

/// When the event starts, until when refunds may be asked for, and its time zone. The purchase is on 2026-11-20.
fn times() -> impl Strategy<Value = (&'static str, Option<&'static str>, &'static str)> {
    let time = || {
        prop::sample::select(vec![
            "1970-01-01T00:00:00Z",
            "2026-11-25T10:00:00Z",
            "2027-04-01T10:00:00Z",
            "9999-12-31T23:59:59.999Z",
        ])
    };
    let zone = prop::sample::select(vec!["UTC", "Asia/Seoul", "Pacific/Kiritimati", "Pacific/Niue"]);
    (time(), option::of(time()), zone)
}

fn campaigns() -> impl Strategy<Value = Value> {
    let amount = || prop_oneof![2 => around(1, AMOUNT_MAX), 2 => 1..=100_000_i64];
    let percent = (around(1, BP_MAX), option::weighted(0.3, amount()))
        .prop_map(|(bp, most)| json!({"kind": "percent", "percent_bp": bp, "max_discount": most}));
    let fixed = amount().prop_map(|amount| json!({"kind": "fixed", "amount": amount}));
    let funded = prop::sample::select(vec!["platform", "organizer"]);
    let min_spend = option::weighted(0.2, 0..=10_000_i64);
    let ends = option::weighted(0.3, Just("2026-11-22T10:00:00Z"));
    (prop_oneof![percent, fixed], funded, min_spend, ends).prop_map(|(mut campaign, funded, min_spend, ends)| {
        for (field, value) in [
            ("name", json!("Spring")),
            ("stock", json!(5)),
            ("funded_by", json!(funded)),
            ("min_spend", json!(min_spend)),
            ("expires_at", json!(ends)),
        ] {
            campaign[field] = value;
        }
        campaign
    })
}

fn granted() -> impl Strategy<Value = Granted> {
    let amount = prop_oneof![2 => 1..=10_000_i64, 2 => around(1, AMOUNT_MAX)];
    (amount, option::of(0..=400_i64)).prop_map(|(amount, lasts_days)| Granted { amount, lasts_days })
}

fn seats() -> impl Strategy<Value = Seats> {
    let named = any::<(Option<Index>, Index)>().prop_map(|(count, first)| Seats::Named { count, first });
    let best = any::<(Index, Option<Index>, Option<bool>)>();
    prop_oneof![named, best.prop_map(|(section, count, adjacent)| Seats::Best { section, count, adjacent })]
}

fn ordered() -> impl Strategy<Value = Ordered> {
    let coupon = prop::sample::select(vec![Coupon::None, Coupon::Best, Coupon::Claimed]);
    let points = prop_oneof![3 => Just(0_i64), 4 => 1..=10_000_i64, 2 => around(0, AMOUNT_MAX)];
    let expected_cash = option::weighted(0.1, around(0, AMOUNT_MAX));
    let pays = prop::sample::select(vec![Pays::WithTheOrder, Pays::Later, Pays::Never]);
    let types = vec(any::<Index>(), 0..=3);
    (types, coupon, points, expected_cash, pays).prop_map(|(types, coupon, points, expected_cash, pays)| Ordered {
        types,
        coupon,
        points,
        expected_cash,
        pays,
    })
}

fn back() -> impl Strategy<Value = Back> {
    let lines = vec((any::<Index>(), option::of(1..=BP_MAX)), 1..=4);
    let days = prop_oneof![4 => Just(0_u64), 2 => 1..=30_u64, 1 => 31..=4_000_u64];
    (any::<Index>(), days, any::<bool>(), lines, prop::bool::weighted(0.7))
        .prop_map(|(order, after_days, by_admin, lines, done)| Back { order, after_days, by_admin, lines, done })
}
