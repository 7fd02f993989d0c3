//! Comparing with the other image finds the same extents as scanning.

use super::*;
use proptest::prelude::*;

#[test]
fn a_member_is_its_own_only_under_the_same_spelling() {
    assert_eq!(value_of(r#""a":1"#, "a"), Some("1"));
    assert_eq!(value_of(r#""ab":1"#, "a"), None);
    assert_eq!(value_of(r#""a\":x":1"#, "a\\"), None);
    assert_eq!(value_of(r#""a" :1"#, "a"), None);
}

#[test]
fn numbers_that_begin_alike_are_not_the_same() {
    let mut marks = Marks::default();
    let before = marks.scan(&mut Cursor::new(r#"{"a":12,"b":1}"#)).expect("scans");
    let after = r#"{"a":123,"b":1} "#;
    let mut cursor = Cursor::new(after);
    assert_eq!(marks.twin(before, &mut cursor).expect("scans"), r#"{"a":123,"b":1}"#);
    assert!(marks.twin(before, &mut Cursor::new(r#"{"a":12"b":1}"#)).is_err());
    assert!(marks.twin(before, &mut Cursor::new(r#"{"a":12,"b":1"#)).is_err());
}

proptest! {
    #[test]
    fn a_twin_is_read_as_without_its_brother(before in "[{}\\[\\],:\"ab1\\\\ ]{0,24}", after in "[{}\\[\\],:\"ab1\\\\ ]{0,24}", cut in 0usize..24) {
        for (before, after) in [
            (before.clone(), after.clone()),
            (format!("{{\"a\":{before}}}"), format!("{{\"a\":{after}}}")),
            (format!("{{\"a\":1,\"b\":{before}}}"), format!("{{\"a\":1,\"b\":{after}}}")),
            (format!("{{\"a\":\"{}\"}}", before.replace(['\\', '"'], "")), format!("{{\"a\":\"{}\"}}", after.replace(['\\', '"'], ""))),
        ] {
            let mut marks = Marks::default();
            let Ok(object) = marks.scan(&mut Cursor::new(&before)) else { continue };
            prop_assert_eq!(Cursor::new(&before).value(), Ok(object));
            let mixed = [object.get(..cut).unwrap_or(object), &after].concat();
            for text in [&after, &mixed, &before] {
                let found = marks.twin(object, &mut Cursor::new(text));
                prop_assert_eq!(found.ok(), Cursor::new(text).value().ok(), "{} {}", before, text);
            }
        }
    }
}
