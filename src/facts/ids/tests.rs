use super::*;

const SCOPE: Scope<'static> = Scope { user: "kim", method: "POST", path: "/v1/orders", key: "k1" };

#[test]
fn a_fact_id_names_its_kind_and_lane() {
    let id = fact_id(FactKind::Order, LaneId(7), SCOPE);
    assert!(id.starts_with("o07"));
    assert_eq!(fact_lane(FactKind::Order, &id), Some(LaneId(7)));
    assert_eq!(fact_lane(FactKind::Hold, &id), None);
    assert_eq!(fact_lane(FactKind::Order, "o0"), None);
    assert_eq!(fact_lane(FactKind::Order, &id.to_uppercase()), None);
}

#[test]
fn parts_of_a_scope_cannot_run_into_each_other() {
    let moved = Scope { path: "/v1/orde", key: "rsk1", ..SCOPE };
    assert_ne!(fact_id(FactKind::Order, LaneId(0), SCOPE), fact_id(FactKind::Order, LaneId(0), moved));
}

#[test]
fn equal_json_values_have_equal_digests() {
    let a: serde_json::Value = serde_json::from_str(r#"{"a":1,"b":[2]}"#).expect("json");
    let b: serde_json::Value = serde_json::from_str(r#"{ "b": [2], "a": 1 }"#).expect("json");
    assert_eq!(body_digest(&a), body_digest(&b));
}

#[test]
fn slugs_and_users() {
    for good in ["a", "spring-hall", "0-1"] {
        assert!(is_slug(good), "{good}");
    }
    for bad in ["", "-a", "A", "a_b", "é", &"x".repeat(49)] {
        assert!(!is_slug(bad), "{bad}");
    }
    assert!(is_user("kim@example.org") && is_user("김"));
    assert!(!is_user("") && !is_user(" kim") && !is_user("k\n") && !is_user(&"x".repeat(129)));
}
