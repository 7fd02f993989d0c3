//! The placeholder in each of its dresses, and what only resembles it.

use super::*;

#[test]
fn every_dress_is_recognised() {
    let bytes: Vec<String> = DEFAULT.bytes().map(|b| b.to_string()).collect();
    for raw in [
        r#""__debezium_unavailable_value""#.to_owned(),
        r#""X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#.to_owned(),
        r#""5f5f646562657A69756d5f756e617661696c61626c655f76616c7565""#.to_owned(),
        r#"["__debezium_unavailable_value"]"#.to_owned(),
        r#"["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]"#.to_owned(),
        r#"["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]"#.to_owned(),
        format!("[{}]", bytes.join(",")),
        format!("[ {} ]", bytes.join(" , ")),
        r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#.to_owned(),
        r#""{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}""#.to_owned(),
        r#""{\"__debezium_unavailable_value\": \"__debezium_unavailable_value\"}""#.to_owned(),
    ] {
        assert!(Placeholders::default().is_raw(&raw), "{raw}");
        assert!(Placeholders::new(["other"]).is_raw(&raw), "{raw}");
    }
}

#[test]
fn values_that_mention_it_are_values() {
    for raw in [
        r#""about __debezium_unavailable_value""#,
        r#"["__debezium_unavailable_value","b"]"#,
        r#"["a","__debezium_unavailable_value"]"#,
        r#"{"__debezium_unavailable_value":"x"}"#,
        r#"{"__debezium_unavailable_value":"__debezium_unavailable_value","b":1}"#,
        r#"[95,95,100,101,98,101,122,105,117,109,95,1]"#,
        r#""{\"__debezium_unavailable_value\":1,\"b\":\"____________\"}""#,
        "12345678901234567890123456789012345",
        r#""not sent""#,
    ] {
        assert!(!Placeholders::default().is_raw(raw), "{raw}");
    }
}

#[test]
fn a_configured_one_wears_the_same_dresses() {
    // The uuid is what Java makes of the bytes of "é\"".
    let configured = "é\"";
    let more = Placeholders::new([configured, ""]);
    for raw in [
        r#""é\"""#,
        r#""w6ki""#,
        r#""c3a922""#,
        r#"["é\""]"#,
        "[195,169,34]",
        "[-61,-87,34]",
        r#"{"é\"":"é\""}"#,
        r#""{\"é\\\"\": \"é\\\"\"}""#,
    ] {
        assert!(more.is_raw(raw), "{raw}");
        assert!(!Placeholders::default().is_raw(raw), "{raw}");
    }
    // In a document, how its name begins is looked at first.
    for (configured, raw) in [
        (" x", r#""{ \" x\":\" x\"}""#),
        ("\\x", r#""{\"\\\\x\":\"\\\\x\"}""#),
        ("x", r#""{\"\u0078\":\"x\"}""#),
        ("x", r#""{\n\"x\":\"x\"}""#),
    ] {
        assert!(Placeholders::new([configured]).is_raw(raw), "{raw}");
    }
    assert_eq!(Placeholders::new(["hex:c3A922"]), more);
    assert!(Placeholders::new(["hex:xyz"]).is_raw(r#""hex:xyz""#));
    let uuid = Dress::new("x").uuid;
    // MD5 of "x" is 9dd4e461268c8034f5c8564e155c67a6; version 3 and the variant replace six of its bits.
    assert_eq!(uuid, "9dd4e461-268c-3034-b5c8-564e155c67a6");
    for value in [
        Value::Text("x".into()),
        Value::Bytes(b"x"[..].into()),
        Value::Array(vec![Value::Text(uuid.into())]),
        Value::Array(vec![Value::Int(120)]),
        Value::Array(vec![Value::Timestamp(Bounded::Finite(120_000))]),
        Value::Array(vec![Value::Time(120_000_000)]),
        Value::Map(vec![("x".into(), Value::Text("x".into()))]),
        Value::Text("{ \"x\": \"x\" }".into()),
    ] {
        assert!(Placeholders::new(["x"]).is_value(&value), "{value:?}");
        assert!(!Placeholders::default().is_value(&value), "{value:?}");
    }
    assert!(!Placeholders::new([""]).is_value(&Value::Text("".into())));
}
