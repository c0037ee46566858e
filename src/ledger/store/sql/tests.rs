use super::*;

/// The texts and values of an update, one a statement.
fn updates<'r>(key: &[&str], columns: &[&str], rows: &'r [Vec<Value>]) -> Vec<(String, Vec<&'r Value>)> {
    let (case, groups) = grouped(key.len(), rows);
    let updates: Vec<_> = groups.iter().map(|group| case_update("t", key, case, columns, group)).collect();
    for (text, values) in &updates {
        assert_eq!(values.len(), text.matches('?').count(), "{text}");
    }
    updates
}

#[test]
fn one_key_column_makes_a_simple_case() {
    let rows = [vec!["x".into(), 1i64.into(), Value::Null], vec!["y".into(), 2i64.into(), 3i64.into()]];
    let all = updates(&["id"], &["a", "b"], &rows);
    let [(text, values)] = &all[..] else { panic!("one statement") };
    assert_eq!(
        text,
        "UPDATE t SET a = CASE id WHEN ? THEN ? WHEN ? THEN ? ELSE a END, \
         b = CASE id WHEN ? THEN ? WHEN ? THEN ? ELSE b END WHERE id IN (?, ?)"
    );
    assert_eq!(values[5], &Value::Null);
}

#[test]
fn of_more_key_columns_one_that_differs_makes_it() {
    let row = |k: &str, l: i64| vec![k.into(), l.into(), 9i64.into()];
    let rows = [row("x", 1), row("x", 2), row("x", 3)];
    let all = updates(&["k", "l"], &["a"], &rows);
    let [(text, values)] = &all[..] else { panic!("one statement") };
    let case = "UPDATE t SET a = CASE l WHEN ? THEN ? WHEN ? THEN ? WHEN ? THEN ? ELSE a END";
    assert_eq!(text, &format!("{case} WHERE k = ? AND l IN (?, ?, ?)"));
    assert_eq!(values[5..], [&9i64.into(), &"x".into(), &1i64.into(), &2i64.into(), &3i64.into()]);

    // Two lines of each order: a statement for the first ones, and one for the second.
    let rows: Vec<_> = ["x", "y", "z", "w"].into_iter().flat_map(|k| [row(k, 1), row(k, 2)]).collect();
    let all = updates(&["k", "l"], &["a"], &rows);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|(text, _)| text.ends_with("WHERE l = ? AND k IN (?, ?, ?, ?)")), "{all:?}");
    assert_eq!(all[1].1[8..], [&2i64.into(), &"x".into(), &"y".into(), &"z".into(), &"w".into()]);
}

#[test]
fn keys_with_little_in_common_make_a_searched_case() {
    let rows = ["x", "y", "z"].map(|k| vec![k.into(), k.into(), 9i64.into()]);
    let all = updates(&["k", "l"], &["a"], &rows);
    let [(text, _)] = &all[..] else { panic!("one statement") };
    let (when, this) = (" WHEN k = ? AND l = ? THEN ?".repeat(3), "(k = ? AND l = ?)");
    assert_eq!(text, &format!("UPDATE t SET a = CASE{when} ELSE a END WHERE {this} OR {this} OR {this}"));
}

#[test]
fn lists_come_in_few_lengths() {
    let lengths = |n: usize, most| pieces(&vec![0; n], most).map(<[_]>::len).collect::<Vec<_>>();
    assert_eq!(lengths(37, 1_000), [32, 4, 1]);
    assert_eq!(lengths(300, 100), [64, 64, 64, 64, 32, 8, 4]);
    assert_eq!(lengths(0, 100), [0; 0]);
    let keys: Vec<Value> = (0..1_003).map(|n: i64| n.into()).collect();
    let lists: Vec<_> = key_lists(&keys).collect();
    assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [128; 8]);
    assert_eq!(lists[7].last(), Some(&&Value::Int(1_002)), "padded with the last one");
    assert_eq!(key_lists(&[]).count(), 0);
}
