//! What counts as the same.

use super::*;
use crate::change::decimal::decimal_text;
use serde_json::json;
use std::sync::Arc;

fn decimal(text: &str) -> Value {
    Value::Decimal(decimal_text(text).expect("a decimal"))
}

fn document(json: Json) -> Value {
    Value::Json(Arc::new(json))
}

#[test]
fn equal_meanings_are_the_same() {
    for (a, b) in [
        (decimal("1.50"), decimal("1.5")),
        (decimal("1E+3"), decimal("1000.00")),
        (decimal("NaN"), decimal("NAN")),
        (decimal("-0.00"), decimal("0")),
        (Value::Float(f64::NAN), Value::Float(f64::NAN)),
        (Value::Float(0.0), Value::Float(-0.0)),
        (Value::Int(5), Value::Float(5.0)),
        (Value::Int(5), decimal("5.0")),
        (document(json!({"a": 1, "b": [1.0]})), document(json!({"b": [1], "a": 1}))),
        (
            Value::Map(vec![("a".into(), Value::Int(1)), ("b".into(), Value::Null)]),
            Value::Map(vec![("b".into(), Value::Null), ("a".into(), Value::Int(1))]),
        ),
        (Value::Array(vec![decimal("1.0")]), Value::Array(vec![decimal("1")])),
    ] {
        assert!(a.same(&b) && b.same(&a), "{a:?} {b:?}");
    }
}

#[test]
fn different_meanings_differ() {
    for (a, b) in [
        (decimal("1.50"), decimal("1.51")),
        (decimal("NaN"), decimal("0")),
        (Value::Float(f64::NAN), Value::Float(0.0)),
        (Value::Null, Value::Text("".into())),
        (Value::Null, Value::Unavailable),
        (Value::Int(1), Value::Bool(true)),
        (Value::Int(i128::from(u64::MAX)), Value::Float(18446744073709551615.0 + 4096.0)),
        (document(json!([1, 2])), document(json!([2, 1]))),
        (document(json!({"a": null})), document(json!({}))),
        (document(json!(9007199254740993u64)), document(json!(9007199254740992u64))),
        (Value::Array(vec![Value::Int(1)]), Value::Array(vec![])),
    ] {
        assert!(!a.same(&b) && !b.same(&a), "{a:?} {b:?}");
    }
}

#[test]
fn integers_beyond_64_bits_become_texts() {
    assert_eq!(Value::Int(u64::MAX.into()).canonical(), json!(u64::MAX));
    assert_eq!(Value::Int(i128::from(u64::MAX) + 1).canonical(), json!("18446744073709551616"));
    assert_eq!(Value::Int(i64::MIN.into()).canonical(), json!(i64::MIN));
}

#[test]
fn plain_texts_for_people() {
    assert_eq!(Value::Array(vec!["a".into(), "b".into()].into_iter().map(Value::Text).collect()).plain(), "a, b");
    assert_eq!(decimal("0.001").plain(), "0.001");
    assert_eq!(decimal("-12.5").plain(), "-12.5");
    assert_eq!(Value::Float(1.5).plain(), "1.5");
    assert_eq!(Value::Null.plain(), "");
}

#[test]
fn maps_are_the_same_in_any_order_and_with_a_key_twice() {
    let map = |entries: &[(&str, i128)]| {
        Value::Map(entries.iter().map(|(key, value)| ((*key).into(), Value::Int(*value))).collect())
    };
    assert!(map(&[("a", 1), ("b", 2)]).same(&map(&[("b", 2), ("a", 1)])));
    assert!(!map(&[("a", 1), ("b", 2)]).same(&map(&[("a", 1), ("b", 3)])));
    let twice = map(&[("a", 1), ("a", 2)]);
    assert!(twice.same(&twice.clone()));
}
