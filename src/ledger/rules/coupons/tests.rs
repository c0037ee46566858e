use super::*;

fn spec(json: serde_json::Value) -> CampaignSpec {
    let mut whole = serde_json::json!({"name": "Spring", "kind": "percent", "stock": 10});
    let object = whole.as_object_mut().expect("an object");
    object.extend(json.as_object().expect("an object").clone());
    serde_json::from_value(whole).expect("a spec")
}

fn off(spec: &CampaignSpec, gross: i64) -> Result<i64, Unusable> {
    spec.discount(Basket { event: &"hall".into(), gross }, None, 0)
}

#[test]
fn percent_with_a_cap_and_fixed() {
    let ten = spec(serde_json::json!({"percent_bp": 1000, "max_discount": 10_000}));
    assert_eq!(off(&ten, 143_000), Ok(10_000));
    assert_eq!(off(&ten, 99_999), Ok(9_999));
    assert_eq!(off(&ten, 9), Ok(0));
    let fixed = spec(serde_json::json!({"kind": "fixed", "amount": 5_000}));
    assert_eq!(off(&fixed, 143_000), Ok(5_000));
    assert_eq!(off(&fixed, 3_000), Ok(3_000));
}

#[test]
fn minimum_scope_and_validity() {
    let narrow = spec(serde_json::json!({"percent_bp": 1, "min_spend": 100, "events": ["hall"]}));
    assert_eq!(off(&narrow, 99), Err(Unusable::BelowMinimum(100)));
    assert_eq!(off(&narrow, 10_000), Ok(1));
    let other = Basket { event: &"arena".into(), gross: 1_000 };
    assert_eq!(narrow.discount(other, None, 0), Err(Unusable::OtherEvent));
    let here = Basket { event: &"hall".into(), gross: 1_000 };
    assert_eq!(narrow.discount(here, Some(5), 5), Err(Unusable::Expired));
    assert_eq!(narrow.discount(here, Some(5), 4), Ok(0));
}

#[test]
fn the_best_is_the_largest_then_the_soonest_then_the_lowest() {
    let (ten, twenty) = (spec(serde_json::json!({"percent_bp": 1000})), spec(serde_json::json!({"percent_bp": 2000})));
    // A later version of their campaign does not change what these coupons are worth.
    let mut versions = SpecsByVersion::from([(("a".into(), 1), ten.clone()), (("a".into(), 2), twenty.clone())]);
    for campaign in ["b", "c", "d"] {
        versions.insert((campaign.into(), 1), twenty.clone());
        versions.insert((campaign.into(), 2), ten.clone());
    }
    let coupon = |campaign: &str, number, expires_ms| Coupon {
        coupon: CouponRef { campaign: campaign.into(), number, version: 1 },
        expires_ms,
    };
    let basket = Basket { event: &"hall".into(), gross: 1_000 };
    let mine = [
        coupon("a", 1, Some(9)),
        coupon("d", 2, None),
        coupon("c", 2, Some(50)),
        coupon("c", 1, Some(50)),
        coupon("b", 7, Some(50)),
    ];
    let best = |skip: usize, now_ms| {
        let (chosen, spec, off) = super::best(&mine[..5 - skip], &versions, basket, now_ms)?;
        assert_eq!(spec, if off == 200 { &twenty } else { &ten });
        Some((chosen.coupon.campaign.to_string(), chosen.coupon.number, off))
    };
    assert_eq!(best(0, 0), Some(("b".into(), 7, 200)));
    assert_eq!(best(1, 0), Some(("c".into(), 1, 200)));
    assert_eq!(best(0, 50), Some(("d".into(), 2, 200)));
    assert_eq!(best(4, 9), None);
}

#[test]
fn of_too_many_those_that_end_soonest_are_compared() {
    let versions = SpecsByVersion::from([
        (("a".into(), 1), spec(serde_json::json!({"percent_bp": 1000}))),
        (("b".into(), 1), spec(serde_json::json!({"percent_bp": 2000}))),
    ]);
    let coupon = |campaign: &str, number: i64| Coupon {
        coupon: CouponRef { campaign: campaign.into(), number, version: 1 },
        expires_ms: Some(number),
    };
    let few = COMPARED_MAX as i64;
    let basket = Basket { event: &"hall".into(), gross: 1_000 };
    let off = |last: i64| {
        let mine: Vec<Coupon> = [coupon("b", last)].into_iter().chain((1..=few).map(|n| coupon("a", n))).collect();
        super::best(&mine, &versions, basket, 0).map(|(_, _, off)| off)
    };
    assert_eq!(off(few + 1), Some(100));
    assert_eq!(off(1), Some(200));
}

#[test]
fn a_spec_reads_back_as_it_was_written() {
    let spec = spec(serde_json::json!({
        "percent_bp": 500, "per_user": 2, "opens_at": "2026-11-20T10:00:00Z", "expires_at": null,
        "events": ["hall"], "funded_by": "organizer"
    }));
    let text = serde_json::to_string(&spec).expect("json");
    assert_eq!(serde_json::from_str::<CampaignSpec>(&text).expect("a spec"), spec);
    assert!(serde_json::from_str::<CampaignSpec>(r#"{"name":"x","kind":"percent","stock":1,"color":1}"#).is_err());
}
