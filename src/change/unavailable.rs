//! The placeholder that Debezium sends for a value it was not given (unchanged TOAST, unchanged LOBs).

use super::raw;
use super::value::{Bounded, Value};
use super::written::text as quoted;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::{Digest, Md5};
use std::sync::{Arc, LazyLock};

/// Debezium's default `unavailable.value.placeholder`.
const DEFAULT: &str = "__debezium_unavailable_value";
/// A configured placeholder that begins so goes on with the hexadecimal digits of its bytes.
const HEX_PREFIX: &str = "hex:";

/// The placeholders that stand for values which were not sent: Debezium's own, and those that connectors are
/// configured with (`unavailable.value.placeholder`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placeholders {
    /// None beside the default.
    more: Option<Arc<[Dress]>>,
}

/// One placeholder in the dresses that a column's type gives it.
#[derive(Debug, PartialEq)]
struct Dress {
    bytes: Box<[u8]>,
    text: String,
    /// In a JSON text, without its quotes.
    escaped: String,
    base64: String,
    /// Under `binary.handling.mode=base64-url-safe`.
    base64_url: String,
    /// Under `binary.handling.mode=hex`.
    hex: String,
    /// In an array of uuids: the name-based one of the text, as Java's `UUID.nameUUIDFromBytes` makes it.
    uuid: String,
    /// hstore as a document, without white space.
    document: String,
}

static KNOWN: LazyLock<Dress> = LazyLock::new(|| Dress::new(DEFAULT));

impl Dress {
    fn new(configured: &str) -> Self {
        let digits = configured.strip_prefix(HEX_PREFIX).and_then(unhex);
        let bytes = digits.unwrap_or_else(|| configured.as_bytes().to_vec());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut json = String::new();
        quoted(&mut json, &text);
        let mut hash: [u8; 16] = Md5::digest(&bytes).into();
        hash[6] = hash[6] & 0x0f | 0x30;
        hash[8] = hash[8] & 0x3f | 0x80;
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Dress {
            escaped: json[1..json.len() - 1].to_owned(),
            base64: STANDARD.encode(&bytes),
            base64_url: URL_SAFE.encode(&bytes),
            hex,
            uuid: super::SchemaId::Guid(hash).word(),
            document: squeezed(&format!("{{{json}:{json}}}")),
            bytes: bytes.into(),
            text,
        }
    }

    /// The text of any dress that is one text.
    fn is_text(&self, text: &str) -> bool {
        // The lengths differ nearly always, and are compared first.
        *text == *self.text
            || *text == *self.base64
            || *text == *self.base64_url
            || text.eq_ignore_ascii_case(&self.hex)
            || text.starts_with('{')
                // A document of it has its own length and a little white space.
                && text.len().abs_diff(self.document.len()) <= 16
                && squeezed(text) == self.document
    }

    fn is_raw_text(&self, inner: &str) -> bool {
        if inner.len() < self.escaped.len().min(self.base64.len()) {
            return false;
        }
        *inner == *self.escaped
            || *inner == *self.base64
            || *inner == *self.base64_url
            || inner.eq_ignore_ascii_case(&self.hex)
            || self.may_be_document(inner) && self.is_text(&raw::unescape(inner))
    }

    /// Could the inside of a JSON text be the document? Looks no further than at how its first name begins.
    fn may_be_document(&self, inner: &str) -> bool {
        let Some(rest) = inner.strip_prefix('{').filter(|_| inner.len() <= 2 * self.document.len()) else {
            return false;
        };
        let name = rest.trim_start_matches(' ').strip_prefix("\\\"").map(str::as_bytes);
        // What is escaped once more, or left out of the document, is looked at closely.
        match name.and_then(<[u8]>::first) {
            None | Some(b'\\' | b' ') => true,
            first => first == self.document.as_bytes().get(2),
        }
    }

    fn is_raw(&self, raw: &str) -> bool {
        // This line is all that most values cost.
        if raw.len() < self.escaped.len() + 2 {
            return false;
        }
        match raw.as_bytes().first() {
            Some(b'"') => self.is_raw_text(&raw[1..raw.len() - 1]),
            Some(b'[') => self.is_raw_array(raw),
            Some(b'{') => {
                let mut members = raw::members(raw);
                let only = members.next();
                members.next().is_none()
                    && only.is_some_and(|(key, value)| {
                        key == self.text && raw::text(value).is_some_and(|text| text == self.text)
                    })
            }
            _ => false,
        }
    }

    fn is_raw_array(&self, raw: &str) -> bool {
        let mut elements = raw::elements(raw);
        let Some(first) = elements.next() else {
            return false;
        };
        if let Some(inner) = first.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            return elements.next().is_none() && (*inner == *self.uuid || self.is_raw_text(inner));
        }
        // Arrays of numbers and dates hold one element per byte of the text.
        let mut bytes = self.bytes.iter();
        let same = |element: &str, byte: Option<&u8>| match (element.parse::<i16>(), byte) {
            (Ok(number), Some(byte)) => is_byte(number.into(), *byte),
            _ => false,
        };
        same(first, bytes.next()) && elements.all(|element| same(element, bytes.next())) && bytes.next().is_none()
    }

    fn is_value(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => self.is_text(text),
            Value::Bytes(bytes) => **bytes == *self.bytes,
            Value::Array(elements) => match &elements[..] {
                [Value::Unavailable] => true,
                [Value::Text(text)] => **text == *self.uuid || self.is_text(text),
                [Value::Bytes(bytes)] => **bytes == *self.bytes,
                elements if elements.len() == self.bytes.len() => {
                    let number = |value: &Value| match value {
                        Value::Int(number) | Value::Time(number) => Some(*number),
                        Value::Date(Bounded::Finite(number))
                        | Value::Timestamp(Bounded::Finite(number))
                        | Value::Instant(Bounded::Finite(number)) => Some(*number),
                        _ => None,
                    };
                    // A time counts in a unit that is not known here any more.
                    [1, 1_000, 1_000_000].iter().any(|unit| {
                        let same = |(value, byte): (&Value, &u8)| {
                            number(value).is_some_and(|n| n % unit == 0 && is_byte(n / unit, *byte))
                        };
                        elements.iter().zip(&self.bytes).all(same)
                    })
                }
                _ => false,
            },
            Value::Map(entries) => matches!(&entries[..], [(key, Value::Text(text))]
                if **key == *self.text && **text == *self.text),
            _ => false,
        }
    }
}

/// Java's bytes are signed.
fn is_byte(number: i128, byte: u8) -> bool {
    number == i128::from(byte) || number == i128::from(byte as i8)
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok();
    pairs.map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}

impl Placeholders {
    /// Debezium's default and these, as `unavailable.value.placeholder` has them (`hex:` and digits are bytes).
    /// An empty one is none.
    pub fn new<'p>(more: impl IntoIterator<Item = &'p str>) -> Self {
        let more: Vec<Dress> = more.into_iter().filter(|text| !text.is_empty()).map(Dress::new).collect();
        Placeholders { more: (!more.is_empty()).then(|| more.into()) }
    }

    /// Is a connector's `unavailable.value.placeholder` among them?
    pub fn has(&self, configured: &str) -> bool {
        let dress = Dress::new(configured);
        self.any(|known| *known == dress)
    }

    fn any(&self, is: impl Fn(&Dress) -> bool) -> bool {
        is(&KNOWN) || self.more.iter().flat_map(|more| more.iter()).any(is)
    }

    /// Is the raw value a placeholder, in any of the dresses that a column's type gives it?
    #[inline]
    pub(crate) fn is_raw(&self, raw: &str) -> bool {
        if self.more.is_none() && raw.len() < DEFAULT.len() {
            return false;
        }
        self.any(|dress| dress.is_raw(raw))
    }

    /// Is the text, with its escapes resolved, a placeholder or a document of it?
    pub(crate) fn is_text(&self, text: &str) -> bool {
        self.any(|dress| dress.is_text(text))
    }

    /// Are these the bytes of a placeholder?
    pub(crate) fn is_bytes(&self, bytes: &[u8]) -> bool {
        self.any(|dress| *dress.bytes == *bytes)
    }

    /// Is the decoded value a placeholder, in any of the dresses that a column's type gives it?
    pub(crate) fn is_value(&self, value: &Value) -> bool {
        self.any(|dress| dress.is_value(value))
    }
}

#[cfg(test)]
mod tests;
