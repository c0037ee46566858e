//! Amounts: integers of minor units, and the one rule by which a sum is split over lines.

/// Largest amount accepted anywhere, in minor units or points. The sum of a thousand of them fits an i64 with room to
/// spare.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Largest number of basis points: the whole.
pub const BP_MAX: i64 = 10_000;

/// `⌊amount · bp / 10000⌋`.
pub fn share_bp(amount: i64, bp: i64) -> i64 {
    mul_div(amount, bp, BP_MAX)
}

/// `⌊a · b / d⌋` in 128 bits; 0 when `d` is 0. No argument may be negative, `b` at most `d`.
pub fn mul_div(a: i64, b: i64, d: i64) -> i64 {
    debug_assert!(a >= 0 && (0..=d).contains(&b), "a share of {b}/{d} of {a}");
    if d == 0 {
        return 0;
    }
    i64::try_from(i128::from(a) * i128::from(b) / i128::from(d)).expect("a share is at most the whole")
}

/// Splits `total` in proportion to `weights`, exactly: `⌊total · w / W⌋` each, and the units left over
/// go one each to the largest remainders, ties to the lowest line. With `W = 0` all parts are zero.
///
/// With `total ≤ W` no part is above its weight. Nothing may be negative.
pub fn alloc(total: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i128 = weights.iter().map(|&w| i128::from(w)).sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let product = |w: i64| i128::from(total) * i128::from(w);
    let mut parts: Vec<i64> =
        weights.iter().map(|&w| i64::try_from(product(w) / whole).expect("a part is at most the total")).collect();
    let left = usize::try_from(total - parts.iter().sum::<i64>()).expect("floors never sum above the total");
    let mut lines: Vec<usize> = (0..weights.len()).collect();
    // A stable sort keeps the lowest line first among equal remainders.
    lines.sort_by_key(|&line| std::cmp::Reverse(product(weights[line]) % whole));
    for &line in lines.iter().take(left) {
        parts[line] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_worked_example() {
        assert_eq!(alloc(10_000, &[55_000, 55_000, 33_000]), [3_846, 3_846, 2_308]);
        assert_eq!(alloc(10_000, &[51_154, 51_154, 30_692]), [3_846, 3_846, 2_308]);
    }

    #[test]
    fn the_edges() {
        assert_eq!(alloc(5, &[0, 0]), [0, 0]);
        assert_eq!(alloc(0, &[3, 4]), [0, 0]);
        assert!(alloc(1, &[]).is_empty());
        assert_eq!(alloc(1, &[1, 1, 1]), [1, 0, 0]);
        assert_eq!(alloc(2, &[1, 0, 1, 1]), [1, 0, 1, 0]);
        assert_eq!(share_bp(AMOUNT_MAX, BP_MAX), AMOUNT_MAX);
        assert_eq!(mul_div(7, 0, 0), 0);
    }

    proptest! {
        #[test]
        fn a_split_is_exact_and_fair(
            weights in prop::collection::vec(0..=AMOUNT_MAX, 1..40),
            share in 0..=1_000_000i64,
        ) {
            let whole: i64 = weights.iter().sum();
            let total = mul_div(whole, share, 1_000_000);
            let parts = alloc(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), if whole == 0 { 0 } else { total });
            for (&part, &weight) in parts.iter().zip(&weights) {
                // Within one unit of the true share, and never above the weight.
                let off = i128::from(part) * i128::from(whole) - i128::from(total) * i128::from(weight);
                prop_assert!(off.abs() <= i128::from(whole));
                prop_assert!((0..=weight).contains(&part));
            }
        }
    }
}
