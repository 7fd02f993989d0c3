//! The placeholder in each of its dresses, and what only resembles it.

use super::*;

#[test]
fn every_dress_is_recognised() {
    let bytes: Vec<String> = PLACEHOLDER.bytes().map(|b| b.to_string()).collect();
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
        assert!(is_placeholder(&raw), "{raw}");
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
    ] {
        assert!(!is_placeholder(raw), "{raw}");
    }
}
