use super::*;

fn section(prices: serde_json::Value) -> SectionSpec {
    let mut whole = serde_json::json!({"id": "a", "name": "A", "capacity": 5});
    whole.as_object_mut().expect("an object").extend(prices.as_object().expect("an object").clone());
    serde_json::from_value(whole).expect("a section")
}

#[test]
fn a_section_has_one_price_or_several_types() {
    use serde_json::json;
    let pointers = |prices| {
        let found = faults(&[section(prices)], 4, 2_000);
        found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>()
    };
    let adult = json!({"id": "adult", "name": "Adult", "price": 55_000});
    let guest = json!({"id": "guest", "name": "Guest", "price": 0, "for": "admin"});
    assert!(pointers(json!({"price": 0})).is_empty());
    assert!(pointers(json!({"types": [adult, guest]})).is_empty());
    assert_eq!(pointers(json!({})), ["/sections/0/price"]);
    assert_eq!(pointers(json!({"price": 1, "types": [adult]})), ["/sections/0/price"]);
    assert_eq!(pointers(json!({"types": []})), ["/sections/0/types"]);
    assert_eq!(pointers(json!({"types": [guest, adult]})), ["/sections/0/types/0/for"]);
    assert_eq!(pointers(json!({"types": [adult, adult]})), ["/sections/0/types/1/id"]);
    let many: Vec<_> = (0..21).map(|i| json!({"id": format!("t{i}"), "name": "T", "price": 1})).collect();
    assert_eq!(pointers(json!({"types": many})), ["/sections/0/types"]);
    let odd = json!({"id": "A", "name": " ", "price": -1});
    assert_eq!(pointers(json!({"types": [odd]})), ["price", "id", "name"].map(|f| format!("/sections/0/types/0/{f}")));
    // Four seats at this price and with this fee are one unit too many.
    assert!(pointers(json!({"price": AMOUNT_MAX / 4 - 2_000})).is_empty());
    assert_eq!(pointers(json!({"price": AMOUNT_MAX / 4 - 1_999})), ["/sections/0/price"]);
}

#[test]
fn buyers_see_the_public_types() {
    let both = section(serde_json::json!({"types": [
        {"id": "adult", "name": "Adult", "price": 55_000}, {"id": "guest", "name": "Guest", "price": 0, "for": "admin"},
    ]}));
    let list = both.price_list(SoldTo::Public);
    assert_eq!((list.price("adult"), list.price("guest"), both.default_price()), (Some(55_000), None, 55_000));
    assert_eq!(both.price_list(SoldTo::Admin).price("guest"), Some(0));
    let plain = section(serde_json::json!({"price": 7}));
    assert_eq!((plain.price_list(SoldTo::Public).price(STANDARD), plain.default_price()), (Some(7), 7));
}
