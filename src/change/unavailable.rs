//! The placeholder that Debezium sends for a value it was not given (unchanged TOAST, unchanged LOBs).

use super::raw;
use super::value::{Bounded, Value};

/// Debezium's default `unavailable.value.placeholder`.
pub(crate) const PLACEHOLDER: &str = "__debezium_unavailable_value";
/// The same as base64, for binary columns.
const BASE64: &str = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
/// The same as hex, for binary columns under `binary.handling.mode=hex`.
const HEX: &str = "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565";
/// The same for arrays of uuids: the name-based uuid of the text.
const UUID: &str = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";

/// Is the raw value the placeholder, in any of the dresses that a column's type gives it?
pub(crate) fn is_placeholder(raw: &str) -> bool {
    // The shortest dress is the bare text; this line is all that most values cost.
    if raw.len() < PLACEHOLDER.len() {
        return false;
    }
    match raw.as_bytes().first() {
        Some(b'"') => is_text(&raw[1..raw.len() - 1]),
        Some(b'[') => is_array(raw),
        Some(b'{') => {
            let mut members = raw::members(raw);
            let only = members.next();
            members.next().is_none()
                && only.is_some_and(|(key, value)| {
                    key == PLACEHOLDER
                        && value.strip_prefix('"').is_some_and(|v| v.strip_suffix('"') == Some(PLACEHOLDER))
                })
        }
        _ => false,
    }
}

/// Is the text, with its escapes resolved, the placeholder or a document of it?
pub(crate) fn is_placeholder_text(text: &str) -> bool {
    match text.len() {
        28 => text == PLACEHOLDER,
        40 => text == BASE64,
        56 => text.eq_ignore_ascii_case(HEX),
        61..=80 if text.starts_with('{') => {
            let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            squeezed == format!("{{\"{PLACEHOLDER}\":\"{PLACEHOLDER}\"}}")
        }
        _ => false,
    }
}

/// Is the decoded value the placeholder, in any of the dresses that a column's type gives it?
pub(crate) fn is_placeholder_value(value: &Value) -> bool {
    match value {
        Value::Text(text) => is_placeholder_text(text),
        Value::Bytes(bytes) => **bytes == *PLACEHOLDER.as_bytes(),
        Value::Array(elements) => match &elements[..] {
            [Value::Unavailable] => true,
            [Value::Text(text)] => **text == *UUID || is_placeholder_text(text),
            [Value::Bytes(bytes)] => **bytes == *PLACEHOLDER.as_bytes(),
            elements => {
                let number = |value: &Value| match value {
                    Value::Int(number) | Value::Date(Bounded::Finite(number)) => u8::try_from(*number).ok(),
                    _ => None,
                };
                elements.len() == PLACEHOLDER.len()
                    && elements.iter().zip(PLACEHOLDER.bytes()).all(|(element, byte)| number(element) == Some(byte))
            }
        },
        Value::Map(entries) => matches!(&entries[..], [(key, Value::Text(text))]
            if **key == *PLACEHOLDER && **text == *PLACEHOLDER),
        _ => false,
    }
}

fn is_text(text: &str) -> bool {
    match text.len() {
        28 => text == PLACEHOLDER,
        40 => text == BASE64,
        56 => text.eq_ignore_ascii_case(HEX),
        // hstore as a JSON text: {"placeholder":"placeholder"} with its quotes escaped.
        _ => {
            text.len() <= 80
                && text.starts_with('{')
                && text[1..].trim_start().starts_with("\\\"_")
                && raw::text(&format!("\"{text}\"")).is_some_and(|document| {
                    let squeezed: String = document.chars().filter(|c| !c.is_whitespace()).collect();
                    squeezed == format!("{{\"{PLACEHOLDER}\":\"{PLACEHOLDER}\"}}")
                })
        }
    }
}

fn is_array(raw: &str) -> bool {
    let mut elements = raw::elements(raw);
    let Some(first) = elements.next() else {
        return false;
    };
    if let Some(text) = first.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return elements.next().is_none() && (text == UUID || is_text(text));
    }
    // Arrays of numbers and dates hold one element per byte of the text.
    let mut bytes = PLACEHOLDER.bytes();
    let same = |element: &str, byte: Option<u8>| byte.is_some_and(|b| element.parse() == Ok(b));
    same(first, bytes.next()) && elements.all(|element| same(element, bytes.next())) && bytes.next().is_none()
}

#[cfg(test)]
mod tests;
