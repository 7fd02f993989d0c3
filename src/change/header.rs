//! Headers, as Kafka Connect's header converters write them.

use super::raw;
use super::scan::Cursor;
use super::written;

/// A text or a list without what JsonConverter puts around it as a header converter: a schema, quotes.
pub(crate) fn plain(bytes: &[u8]) -> &[u8] {
    let payload = match bytes.strip_prefix(b"{\"schema\":").map(|_| std::str::from_utf8(bytes)) {
        Some(Ok(text)) => raw::member(text, "payload").map_or(bytes, str::as_bytes),
        _ => bytes,
    };
    payload.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(payload)
}

/// A struct as the default converter writes it (`Values.convertToString`) in JSON. It nearly is: only dates and times stand
/// there without quotes, and of a text's characters none but quotes and backslashes are escaped.
pub(crate) fn as_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    // After a name its colon is no part of a value, as it is in 10:00:00.
    let mut named = false;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => {
                let length = text_length(rest);
                let inner = rest[1..length].strip_suffix('"').unwrap_or(&rest[1..length]);
                written::text(&mut out, &raw::unescape(inner));
                named = true;
                length
            }
            ':' if named => {
                out.push(next);
                named = false;
                1
            }
            '{' | '}' | '[' | ']' | ',' | ' ' => {
                out.push(next);
                1
            }
            _ => {
                let length = rest.find([',', '}', ']']).unwrap_or(rest.len());
                let word = &rest[..length];
                match is_scalar(word) {
                    true => out.push_str(word),
                    false => written::text(&mut out, word),
                }
                length
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Length of the text that begins with a quote, with its end if it has one.
fn text_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|char| {
        let ends = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

fn is_scalar(word: &str) -> bool {
    let mut cursor = Cursor::new(word);
    cursor.value().is_ok() && cursor.end().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_freed_of_their_schema_and_quotes() {
        for (written, text) in [
            (r#"{"schema":{"type":"string","optional":true},"payload":"d"}"#, "d"),
            (r#"{"schema":{"type":"int64"},"payload":1795558012769}"#, "1795558012769"),
            (r#"{"schema":{"type":"array"},"payload":["a","b"]}"#, r#"["a","b"]"#),
            ("\"d\"", "d"),
            ("d", "d"),
            ("\"", "\""),
            (r#"{"schema":{"#, r#"{"schema":{"#),
        ] {
            assert_eq!(plain(written.as_bytes()), text.as_bytes());
        }
        assert_eq!(plain(b"{\"schema\":\xff"), b"{\"schema\":\xff");
    }

    #[test]
    fn dates_times_and_control_characters_are_made_json() {
        for (written, json) in [
            (r#"{"d":2026-01-15,"n":12.5}"#, r#"{"d":"2026-01-15","n":12.5}"#),
            (r#"{"t":10:00:00.500Z}"#, r#"{"t":"10:00:00.500Z"}"#),
            (r#"{"t":2026-01-15T10:00:00.500Z,"x":null}"#, r#"{"t":"2026-01-15T10:00:00.500Z","x":null}"#),
            (r#"{"f":NaN,"g":-Infinity}"#, r#"{"f":"NaN","g":"-Infinity"}"#),
            ("{\"s\":\"two\nlines \\\" \\\\\"}", r#"{"s":"two\u000alines \" \\"}"#),
            (r#"{"a":[2026-01-15,2026-01-16]}"#, r#"{"a":["2026-01-15","2026-01-16"]}"#),
            (r#"{"a":1E+3,"b":"x:y,}"}"#, r#"{"a":1E+3,"b":"x:y,}"}"#),
            // What no escape is.
            ("{\"s\":\"\\ü \\u12\"}", r#"{"s":"ü u12"}"#),
            ("", ""),
            ("\"", "\"\""),
        ] {
            assert_eq!(as_json(written), json, "{written}");
        }
    }

    proptest! {
        #[test]
        fn json_means_what_it_meant(value in prop::collection::btree_map("\\PC{0,6}", prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            "\\PC{0,8}".prop_map(serde_json::Value::from),
        ], 0..4)) {
            let text = serde_json::to_string(&value).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&as_json(&text)).expect("JSON"), serde_json::json!(value));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}", more in "[\"\\\\{}\\[\\],:0-9a\n]{0,24}") {
            as_json(&text);
            as_json(&more);
        }
    }
}
