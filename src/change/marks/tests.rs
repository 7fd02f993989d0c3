//! Comparing with the other image finds the same extents as scanning.

use super::*;
use proptest::prelude::*;

#[test]
fn a_member_is_its_own_only_under_the_same_spelling() {
    assert_eq!(value_of(r#""a":1"#, "a"), Some("1"));
    assert_eq!(value_of(r#""ab":1"#, "a"), None);
    assert_eq!(value_of(r#""a\":x":1"#, "a\\"), None);
    assert_eq!(value_of(r#""a" :1"#, "a"), None);
    assert_eq!(value_of("\"a\":\n\t \r1", "a"), Some("1"));
}

#[test]
fn numbers_that_begin_alike_are_not_the_same() {
    let mut marks = Marks::default();
    let before = marks.scan(&mut Cursor::new(r#"{"a":12,"b":1}"#), &mut Layout::default()).expect("scans");
    let after = r#"{"a":123,"b":1} "#;
    let mut cursor = Cursor::new(after);
    assert_eq!(marks.twin(before, &mut cursor).expect("scans"), r#"{"a":123,"b":1}"#);
    assert!(marks.twin(before, &mut Cursor::new(r#"{"a":12"b":1}"#)).is_err());
    assert!(marks.twin(before, &mut Cursor::new(r#"{"a":12,"b":1"#)).is_err());
}

#[test]
fn a_long_row_is_marked_as_far_as_marks_go() {
    let row = |count: usize, value: &str| {
        let members: Vec<String> = (0..count).map(|at| format!(r#""column {at}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let long = format!("\"{}\"", "x".repeat(1000));
    for (object, marked, end) in [
        (row(64, "1"), 64, Some(64)),
        (row(65, "1"), 64, None),
        (row(64, "1") + " ", 64, Some(64)),
        (row(70, &long), 64, None),
    ] {
        let (mut marks, mut layout) = (Marks::default(), Layout::default());
        for _ in 0..2 {
            let found = marks.scan(&mut Cursor::new(&object), &mut layout).expect("scans");
            assert_eq!(found, object.trim_end());
            assert_eq!((0..70).filter(|at| marks.member(found, *at).is_some()).count(), marked);
            assert_eq!(marks.end(found), end);
            assert_eq!(marks.twin(found, &mut Cursor::new(&object)).expect("scans"), found);
            assert_eq!(marks.same(0).0, marked);
        }
    }
    // Beyond 64 KiB nothing is marked, and all is found.
    let object = row(40, &format!("\"{}\"", "x".repeat(2000)));
    let mut marks = Marks::default();
    let found = marks.scan(&mut Cursor::new(&object), &mut Layout::default()).expect("scans");
    assert_eq!((found, marks.end(found)), (&*object, None));
    assert!(marks.member(found, 31).is_some() && marks.member(found, 33).is_none());
    assert_eq!(marks.twin(found, &mut Cursor::new(&object)).expect("scans"), object);
}

/// Members by scanning alone, as they are written.
fn members(object: &str) -> Vec<&str> {
    let mut cursor = Cursor::new(object);
    let (mut found, mut first) = (Vec::new(), true);
    if !cursor.open_object() {
        return found;
    }
    while cursor.member(&mut first).unwrap_or(false) {
        let start = cursor.at();
        cursor.skip_key().expect("a key");
        cursor.skip_value().expect("a value");
        found.push(cursor.since(start));
    }
    found
}

proptest! {
    #[test]
    fn known_names_change_nothing(
        rows in prop::collection::vec("\\{(\"(a|b|ab|\\\\u0061|)\":(1|12|\"\"|\"a\"|null|\\{\\}|)[ ]{0,1},?){0,3}[,}]", 1..6),
    ) {
        let mut layout = Layout::default();
        for row in &rows {
            let (mut warm, mut cold) = (Marks::default(), Marks::default());
            let found = warm.scan(&mut Cursor::new(row), &mut layout);
            prop_assert_eq!(found, cold.scan(&mut Cursor::new(row), &mut Layout::default()), "{}", row);
            prop_assert_eq!(found.ok(), Cursor::new(row).value().ok(), "{}", row);
            prop_assert_eq!((warm.count, &warm.ends[..warm.count]), (cold.count, &cold.ends[..cold.count]), "{}", row);
        }
    }

    #[test]
    fn a_twin_is_read_as_without_its_brother(before in "[{}\\[\\],:\"ab1\\\\ ]{0,24}", after in "[{}\\[\\],:\"ab1\\\\ ]{0,24}", cut in 0usize..24) {
        for (before, after) in [
            (before.clone(), after.clone()),
            (format!("{{\"a\":{before}}}"), format!("{{\"a\":{after}}}")),
            (format!("{{\"a\":1,\"b\":{before}}}"), format!("{{\"a\":1,\"b\":{after}}}")),
            (format!("{{\"a\":\"{}\"}}", before.replace(['\\', '"'], "")), format!("{{\"a\":\"{}\"}}", after.replace(['\\', '"'], ""))),
        ] {
            let mut marks = Marks::default();
            let Ok(object) = marks.scan(&mut Cursor::new(&before), &mut Layout::default()) else { continue };
            prop_assert_eq!(Cursor::new(&before).value(), Ok(object));
            let mixed = [object.get(..cut).unwrap_or(object), &after].concat();
            for text in [&after, &mixed, &before] {
                marks.same = 0;
                let found = marks.twin(object, &mut Cursor::new(text));
                prop_assert_eq!(found.ok(), Cursor::new(text).value().ok(), "{} {}", before, text);
                for (at, (old, new)) in members(object).into_iter().zip(found.ok().map(members).unwrap_or_default()).enumerate() {
prop_assert!(marks.same(at).0 == 0 || old == new, "{} {} {}", at, before, text);
                }
            }
        }
    }
}
