//! Reading raw values that a [`super::scan`] has checked: texts, members, elements, whole documents.

use super::scan::Cursor;
use serde_json::{Number, Value as Json};
use std::borrow::Cow;

/// What a raw value is, in words for errors.
pub(crate) fn shape(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The text behind a raw JSON text; `None` when it is something else.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    Some(if inner.contains('\\') { unescape(inner) } else { Cow::Borrowed(inner) })
}

/// Resolves the escapes of a text; those that JSON has not stand for the character itself. A lone surrogate, which Java can write and UTF-8 cannot, becomes U+FFFD.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (char, length) = escape(&rest[at..]);
        out.push(char);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of the escape that the text starts with, and the escape's length.
fn escape(text: &str) -> (char, usize) {
    let unit = |from: usize| text.get(from..from + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match text[1..].chars().next() {
        Some('u') => {
            let Some(first) = unit(2) else {
                return ('u', 2);
            };
            if (0xD800..0xDC00).contains(&first)
                && text.get(6..8) == Some("\\u")
                && let Some(second) = unit(8)
                && (0xDC00..0xE000).contains(&second)
            {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
            }
            (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
        }
        Some('b') => ('\u{8}', 2),
        Some('f') => ('\u{c}', 2),
        Some('n') => ('\n', 2),
        Some('r') => ('\r', 2),
        Some('t') => ('\t', 2),
        Some(other) => (other, 1 + other.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, text.len()),
    }
}

/// Significant digits of a number's text.
pub(crate) fn significant_digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|d| *d == b'0').count()
}

/// True for a number without fraction and exponent.
pub(crate) fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

/// Digits that a double always holds: a text of more may say something that the double does not.
pub(crate) const DOUBLE_DIGITS: usize = 17;

/// A JSON document from any text, `None` when it is none. Numbers that a JSON library would round become texts.
pub(crate) fn document(text: &str) -> Option<Json> {
    let mut cursor = Cursor::new(text);
    let raw = cursor.value().ok()?;
    cursor.end().ok()?;
    Some(build(raw))
}

/// A document from a checked raw value. Recursion is bounded by [`super::scan::DEPTH_MAX`].
pub(crate) fn build(raw: &str) -> Json {
    match raw.as_bytes().first() {
        Some(b'"') => Json::String(text(raw).unwrap_or_default().into_owned()),
        Some(b'{') => Json::Object(members(raw).map(|(key, value)| (key.into_owned(), build(value))).collect()),
        Some(b'[') => Json::Array(elements(raw).map(build).collect()),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') | None => Json::Null,
        Some(_) => exact_number(raw),
    }
}

fn exact_number(raw: &str) -> Json {
    if is_integer(raw) {
        if let Ok(int) = raw.parse::<i64>() {
            return Json::from(int);
        }
        if let Ok(int) = raw.parse::<u64>() {
            return Json::from(int);
        }
    } else if significant_digits(raw) <= DOUBLE_DIGITS
        && let Some(number) = raw.parse::<f64>().ok().and_then(Number::from_f64)
    {
        return Json::Number(number);
    }
    Json::String(raw.to_owned())
}

/// The members of a checked raw object; nothing for any other value.
pub(crate) fn members(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let mut cursor = Cursor::new(raw);
    let mut open = cursor.open_object();
    let mut first = true;
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let member = cursor.key(&mut first).ok().flatten().and_then(|key| Some((key.text(), cursor.value().ok()?)));
        open = member.is_some();
        member
    })
}

/// The member of this name; null counts as missing.
pub(crate) fn member<'a>(raw: &'a str, name: &str) -> Option<&'a str> {
    members(raw).find(|(key, _)| key == name).map(|(_, raw)| raw).filter(|raw| *raw != "null")
}

/// The elements of a checked raw array; nothing for any other value.
pub(crate) fn elements(raw: &str) -> impl Iterator<Item = &str> {
    let mut cursor = Cursor::new(raw);
    let mut open = cursor.open_array();
    let mut first = true;
    std::iter::from_fn(move || {
        open = open && cursor.element(&mut first).unwrap_or(false);
        if !open {
            return None;
        }
        cursor.value().ok()
    })
}
