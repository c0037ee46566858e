use super::*;

#[test]
fn a_refund_changes_its_key_by_the_hour_and_rests_in_between() {
    let mut back = Return {
        name: "r1".into(),
        account: None,
        attempt: "p1".into(),
        order: "o1".into(),
        key: "k".into(),
        amount: 1,
        currency: "KRW".into(),
        is_tax_free: false,
        reason: String::new(),
        age: Duration::ZERO,
    };
    for (minutes, key) in [
        (0, Some("r1")),
        (59, Some("r1")),
        (60, None),
        (64, None),
        (65, Some("r1.1")),
        (120, None),
        (125, Some("r1.2")),
    ] {
        back.age = Duration::from_secs(minutes * 60);
        assert_eq!(once(&back).as_deref(), key, "{minutes} min");
    }
}
