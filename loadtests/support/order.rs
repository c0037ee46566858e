//! Whether turns come in the order of entry.

/// An entry and its turn. A lower turn is earlier; equal turns are together.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub asked_ns: u64,
    pub answered_ns: u64,
    pub turn: i64,
}

/// The number of pairs in which one visitor was answered before the other asked. Of other pairs nobody can say who came
/// first.
pub fn pairs(turns: &[Turn]) -> u64 {
    let mut answered: Vec<u64> = turns.iter().map(|turn| turn.answered_ns).collect();
    answered.sort_unstable();
    turns.iter().map(|turn| answered.partition_point(|&at| at < turn.asked_ns) as u64).sum()
}

/// The number of these pairs in which the later visitor has the earlier turn.
///
/// Goes through questions and answers in order of time. An answer puts its turn into a Fenwick tree. A question counts
/// the turns in the tree that come after its own. O(n log n).
pub fn violations(turns: &[Turn]) -> u64 {
    let mut ranks: Vec<i64> = turns.iter().map(|turn| turn.turn).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let rank = |turn: i64| ranks.partition_point(|&other| other < turn);
    // At one instant questions come first, because an answer of the same instant does not count as before them.
    let mut moments: Vec<(u64, bool, usize)> = turns
        .iter()
        .flat_map(|turn| {
            let rank = rank(turn.turn);
            [(turn.asked_ns, false, rank), (turn.answered_ns, true, rank)]
        })
        .collect();
    moments.sort_unstable();
    let (mut tree, mut inside, mut violations) = (vec![0_u64; ranks.len() + 1], 0, 0);
    for (_, is_answer, rank) in moments {
        if is_answer {
            inside += 1;
            let mut at = rank + 1;
            while at < tree.len() {
                tree[at] += 1;
                at += at & at.wrapping_neg();
            }
        } else {
            let (mut not_after, mut at) = (0, rank + 1);
            while at > 0 {
                not_after += tree[at];
                at -= at & at.wrapping_neg();
            }
            violations += inside - not_after;
        }
    }
    violations
}

/// Checks the counting itself on small examples, before a test relies on it.
pub fn check() {
    let turn = |asked_ns, answered_ns, turn| Turn { asked_ns, answered_ns, turn };
    let (first, second, beside) = (turn(0, 10, 1), turn(11, 20, 2), turn(5, 30, 0));
    assert_eq!((pairs(&[first, second, beside]), violations(&[first, second, beside])), (1, 0));
    let overtaken = [turn(0, 10, 5), turn(11, 20, 2), turn(12, 21, 5), turn(22, 30, 1)];
    assert_eq!((pairs(&overtaken), violations(&overtaken)), (5, 4));
}
