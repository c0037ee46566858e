use proptest::prelude::*;

use super::*;

// The expected values are computed in Python from the key 00 01 … 1f:
//
//   seed = hmac.digest(key, b"stanchion draw\0hall\0" + (1).to_bytes(8, "big"), "sha256")
//   score = (int.from_bytes(hmac.digest(seed, b"kim", "sha256"), "big") >> 210) - 2**46
fn key() -> DrawKey {
    DrawKey(std::array::from_fn(|n| u8::try_from(n).expect("32 of them")))
}

#[test]
fn a_seed_is_of_its_event_and_round() {
    let seed = key().seed(&"hall".into(), 1);
    assert_eq!(seed.to_hex(), "6885cc03a33cf840af1f5379c77ce8d5661c97592be71c714a31563d49d6f9d8");
    assert_eq!(seed.commitment(), "d9cec05afaa908eaa05b7420764926772b98268fa7f57f1065de358a41cd90a5");
    let next = key().seed(&"hall".into(), 2);
    assert_eq!(next.to_hex(), "636d508fb861fe7653537b894c8cd9d096eea03366fe5e26638172e2e7433d93");
    assert_ne!(seed, key().seed(&"dome".into(), 1));
}

#[test]
fn scores_are_what_anyone_computes() {
    let seed = key().seed(&"hall".into(), 1);
    for (visitor, score) in
        [("kim", -1_624_268_613_067), ("lee", -15_645_212_563_376), ("9f-_AbC0123456789xyzAB", -65_555_111_918_852)]
    {
        assert_eq!(seed.score(&visitor.into()), score, "{visitor}");
    }
}

#[test]
fn a_lists_digest() {
    let of = |ids: &[&str]| list_digest(&ids.iter().map(|id| VisitorId::from(*id)).collect::<Vec<_>>());
    assert_eq!(of(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(of(&["kim"]), "26ae784d194a5760464348329af4eb9fca2b27bbf823742c968a61543e3a1153");
    assert_eq!(of(&["a", "b", "c"]), "ea7fb08b7a2dc4619ffb7c7bb38d95a2047935fa165d71b12efd3852a2e6d0cc");
}

#[test]
fn nothing_secret_prints() {
    assert_eq!(format!("{:?} {:?}", key(), key().seed(&"hall".into(), 1)), "DrawKey Seed");
}

proptest! {
    #[test]
    fn scores_stand_before_every_serial(bytes: [u8; 32], visitor in "[!-~]{1,40}") {
        let score = Seed::new(bytes).score(&VisitorId::from(visitor));
        prop_assert!((-(1 << 46)..0).contains(&score), "{score}");
    }

    /// Scores have the order of the whole MACs, as far as 46 bits can tell them apart.
    #[test]
    fn scores_have_the_order_of_the_macs(bytes: [u8; 32], one in "[a-z]{1,9}", other in "[a-z]{1,9}") {
        let mac = |visitor: &str| {
            let mut mac = keyed(&bytes);
            mac.update(visitor.as_bytes());
            let drawn: [u8; 32] = mac.finalize().into_bytes().into();
            drawn
        };
        let seed = Seed::new(bytes);
        let scores = seed.score(&one.as_str().into()).cmp(&seed.score(&other.as_str().into()));
        prop_assert!(scores.is_eq() || scores == mac(&one).cmp(&mac(&other)));
    }
}
