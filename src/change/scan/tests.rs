//! The scanner agrees with serde_json about what JSON is.

use super::*;
use crate::change::raw::{document, text};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

fn scans(text: &str) -> Result<&str, &'static str> {
    let mut cursor = Cursor::new(text);
    let raw = cursor.value().map_err(|e| e.what)?;
    cursor.end().map_err(|e| e.what)?;
    Ok(raw)
}

#[test]
fn values_end_where_they_end() {
    for (text, raw) in [
        (r#" {"a":[1,{"b":"}]"}],"c":"\""} "#, r#"{"a":[1,{"b":"}]"}],"c":"\""}"#),
        ("[ ]", "[ ]"),
        ("{ }", "{ }"),
        ("\n-0.5e+10\t", "-0.5e+10"),
        (r#""a long text with \" and \\ and \u00e4 in it""#, r#""a long text with \" and \\ and \u00e4 in it""#),
    ] {
        assert_eq!(scans(text), Ok(raw), "{text}");
    }
}

#[test]
fn ten_thousand_levels_are_an_error_and_a_hundred_are_fine() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(scans(&nested(10_000)), Err("nested too deeply"));
    assert!(scans(&nested(100)).is_ok());
    assert!(scans(&(r#"{"a":"#.repeat(100) + "1" + &"}".repeat(100))).is_ok());
    assert_eq!(document(&nested(127)), serde_json::from_str(&nested(127)).ok());
}

#[test]
fn escapes_resolve_and_lone_surrogates_become_the_replacement_character() {
    for (raw, expected) in [
        (r#""\u0061\n\t\/\\\"\b\f\r""#, "a\n\t/\\\"\u{8}\u{c}\r"),
        (r#""\uD83D\uDE00!""#, "😀!"),
        (r#""\uD83D""#, "\u{FFFD}"),
        (r#""\uDE00\uD83Dx""#, "\u{FFFD}\u{FFFD}x"),
        (r#""\uD83D\u0061""#, "\u{FFFD}a"),
    ] {
        assert_eq!(text(raw).as_deref(), Some(expected), "{raw}");
        assert!(scans(raw).is_ok(), "{raw}");
    }
}

#[test]
fn documents_keep_digits_that_a_double_would_lose() {
    let built = document(r#"{"a":12345678901234567890123,"b":0.1,"c":1e400,"d":18446744073709551615}"#).expect("JSON");
    assert_eq!(built.to_string(), r#"{"a":"12345678901234567890123","b":0.1,"c":"1e400","d":18446744073709551615}"#);
    assert_eq!(document("{"), None);
    assert_eq!(document("1 2"), None);
}

#[test]
fn long_numbers_are_read_to_their_end() {
    let digits = "1234567890123456789012345678901234567890";
    for length in 1..digits.len() {
        for (text, fits) in [
            (digits[..length].to_owned(), true),
            (format!("-{}.{}e+{}", &digits[..length], &digits[..length], &digits[..length]), true),
            (format!("{}:", &digits[..length]), false),
            (format!("{}/", &digits[..length]), false),
            (format!("{}.", &digits[..length]), false),
            (format!("0{}", &digits[..length]), false),
            (format!("{}e", &digits[..length]), false),
            (format!("{}\u{80}", &digits[..length]), false),
        ] {
            assert_eq!(scans(&text).is_ok(), fits, "{text}");
            assert_eq!(number_length(text.as_bytes()).is_some_and(|l| l == text.len()), fits, "{text}");
        }
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|f| serde_json::Number::from_f64(f).map_or(Json::Null, Json::Number)),
        "\\PC{0,20}".prop_map(Json::from),
        "[\\x00-\\x7f]{0,20}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec(("[\\x00-\\x7f]{0,6}", inner), 0..5)
                .prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_rebuilt_as_serde_json_builds_it(json in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.expect("text");
        prop_assert_eq!(document(&text), Some(json));
    }

    #[test]
    fn broken_documents_are_refused_exactly_when_serde_json_refuses_them(
        json in json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:,0-.eEu1 \ntn\x01".to_vec()), 0..3u8), 1..3),
    ) {
        let mut bytes = serde_json::to_vec(&json).expect("text");
        for (index, byte, how) in edits {
            let at = index.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert_eq!(scans(text).is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok(), "{}", text);
        }
    }
}
