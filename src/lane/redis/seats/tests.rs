use super::*;

fn frame() -> Frame {
    Frame {
        id: HoldId::from("h1"),
        event: EventId::from("hall"),
        user: UserId::from("kim"),
        visitor: VisitorId::from("v1"),
        digest: "d".to_owned(),
        tariff: Tariff::default(),
        terms: None,
        earn_bp: 100,
        fee_bp: 500,
        created_ms: 1,
    }
}

#[test]
fn a_state_says_what_changed() {
    let held = frame().with_state("h 9 1,2 500,600 ").expect("well formed");
    assert_eq!((held.state, held.expires_ms, held.order), (HoldState::Held, 9, None));
    assert_eq!((held.seats, held.prices), (vec![1, 2], vec![500, 600]));
    let ordered = frame().with_state("o 9 1 500 o1").expect("well formed");
    assert_eq!((ordered.state, ordered.order), (HoldState::Ordered, Some(OrderId::from("o1"))));
    for bad in ["", "h", "x 9 1 500 ", "h 9 a 500 ", "h 9 1 500"] {
        assert!(frame().with_state(bad).is_err(), "{bad:?}");
    }
}
