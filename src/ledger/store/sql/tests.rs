use super::*;

#[test]
fn one_key_column_makes_a_simple_case() {
    let rows = [vec!["x".into(), 1i64.into(), Value::Null], vec!["y".into(), 2i64.into(), 3i64.into()]];
    let (text, values) = case_update("t", &["id"], &["a", "b"], &rows);
    assert_eq!(
        text,
        "UPDATE t SET a = CASE id WHEN ? THEN ? WHEN ? THEN ? ELSE a END, \
         b = CASE id WHEN ? THEN ? WHEN ? THEN ? ELSE b END WHERE id IN (?, ?)"
    );
    assert_eq!(values.len(), text.matches('?').count());
    assert_eq!(values[5], &Value::Null);
}

#[test]
fn more_key_columns_make_a_searched_case() {
    let rows = [vec!["x".into(), 1i64.into(), 9i64.into()]];
    let (text, values) = case_update("t", &["k", "l"], &["a"], &rows);
    assert_eq!(text, "UPDATE t SET a = CASE  WHEN k = ? AND l = ? THEN ? ELSE a END WHERE (k = ? AND l = ?)");
    assert_eq!(values.len(), text.matches('?').count());
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
