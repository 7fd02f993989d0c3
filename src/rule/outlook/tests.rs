use super::*;

fn word(condition: &str, op: Op) -> String {
    match outlook(condition, op).expect("it parses") {
        Outlook::Open => "open".to_owned(),
        Outlook::Always => "always".to_owned(),
        Outlook::Never(None) => "never".to_owned(),
        Outlook::Never(Some(Contradiction { first, second })) => {
            format!("never: {} / {}", &condition[first], &condition[second])
        }
        Outlook::Fails(at) => format!("fails: {}", at.map_or("?", |at| &condition[at])),
    }
}

#[test]
fn what_depends_on_the_change_is_left_open() {
    for condition in [
        "before.qty > 0 and after.qty == 0",
        "row.price < 100 or row.price > 200",
        "row.a == 1 and row.b == 2",
        "before.a == 1 and after.a == 2",
        "row.a > 1 and row.a < 2",
        "row.a >= 1 and row.a <= 1",
        "changed('a') and not changed('b')",
        "row.a",
        "row.a is none",
        "'x' in row.tags",
        "row.a | lower == 'x'",
        "row.a != 1 and row.a != 2",
        "table == 'a.b'",
    ] {
        assert_eq!(word(condition, Op::Update), "open", "{condition}");
    }
}

#[test]
fn an_image_that_the_operation_does_not_have_fails() {
    assert_eq!(word("before.a > 1", Op::Create), "fails: before.a");
    assert_eq!(word("row.b == 2 and before.a > 1", Op::Create), "never");
    assert_eq!(word("1 < after.a", Op::Delete), "fails: after.a");
    assert_eq!(word("old('a') == 1", Op::Create), "fails: old('a')");
    assert_eq!(word("delta('a') > 1", Op::Delete), "fails: delta('a')");
    assert_eq!(word("row.a == 1", Op::Truncate), "fails: row.a");
    assert_eq!(word("before.a | float > 1", Op::Read), "fails: before.a");
    assert_eq!(word("op == 'create' or before.a > 1", Op::Create), "always");
    assert_eq!(word("before is not defined or before.a > 1", Op::Create), "always");
    assert_eq!(word("before is defined and before.a > 1", Op::Create), "never");
    assert_eq!(word("before.a | default(0) > 1", Op::Create), "open");
    assert_eq!(word("row.a > 1", Op::Delete), "open");
    assert_eq!(word("changed('a')", Op::Create), "open");
}

#[test]
fn what_is_constant_is_known() {
    assert_eq!(word("true", Op::Update), "always");
    assert_eq!(word("'after.a > 1'", Op::Update), "always");
    assert_eq!(word("1 > 2", Op::Update), "never");
    assert_eq!(word("op == 'u'", Op::Update), "never");
    assert_eq!(word("op in ['create', 'delete']", Op::Update), "never");
    assert_eq!(word("op != 'delete'", Op::Update), "always");
    assert_eq!(word("row.a == 1 if op == 'create' else false", Op::Update), "never");
    assert_eq!(word("not true", Op::Update), "never");
    assert_eq!(word("row.a != row.a", Op::Update), "never");
    assert_eq!(word("after.a > row.a", Op::Update), "never");
    assert_eq!(word("before.a > row.a", Op::Update), "open");
}

#[test]
fn comparisons_that_exclude_each_other_are_found() {
    for (condition, expected) in [
        ("row.a > 5 and row.a < 3", "never: row.a > 5 / row.a < 3"),
        ("row.a > 5 and after.a <= 5", "never: row.a > 5 / after.a <= 5"),
        ("row.a == 'x' and row.b == 1 and row.a == 'y'", "never: row.a == 'x' / row.a == 'y'"),
        ("row.a == 1 and row.a != 1", "never: row.a == 1 / row.a != 1"),
        ("5 < row.a < 4", "never: 5 < row.a / row.a < 4"),
        ("row['a'] == 0 and 0 < row.a", "never: row['a'] == 0 / 0 < row.a"),
        ("table == 'a.b' and table == 'a.c'", "never: table == 'a.b' / table == 'a.c'"),
    ] {
        assert_eq!(word(condition, Op::Update), expected);
    }
}
