//! How much of a row's values a payload for programs may take, and what is cut.

use super::canonical;
use super::limits::{WEBHOOK_SHORT, WEBHOOK_VALUE, WEBHOOK_VALUES};
use crate::change::Value;
use serde::Serialize;
use serde_json::Value as Json;
use std::io;

/// What is left of a payload's bytes for values. All are bytes as they go over the wire: a control character takes six.
pub(super) struct Room {
    left: usize,
}

/// A value as JSON.
pub(super) struct Spelled {
    pub(super) json: Json,
    /// Of a value that was cut: bytes (UTF-8) of the text whose beginning `json` is.
    pub(super) whole: Option<usize>,
}

impl Room {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { left: WEBHOOK_VALUES }
    }

    /// The value whole, else the beginning of its text; of a document, an array and a map that is the text of its JSON.
    pub(super) fn spell(&mut self, value: &Value) -> Spelled {
        let max = self.left.clamp(WEBHOOK_SHORT, WEBHOOK_VALUE);
        let (spelled, written) = match value {
            Value::Text(text) | Value::Bits(text) => of_text(text, max),
            // What cannot fit is not written in the first place, nor half a byte.
            Value::Bytes(bytes) if bytes.len() > bytes_within(max) => {
                let head = bytes.get(..bytes_within(max)).unwrap_or_default();
                let (spelled, written) = of_json(canonical::json(&Value::Bytes(head.into())), max);
                (Spelled { whole: Some("\\x".len() + 2 * bytes.len()), ..spelled }, written)
            }
            Value::Json(document) => of_document(document, max),
            value => of_json(canonical::json(value), max),
        };
        self.left = self.left.saturating_sub(written);
        spelled
    }
}

/// Each takes two digits, after a backslash that is escaped and an x.
fn bytes_within(max: usize) -> usize {
    (max - "\\\\x".len()) / 2
}

fn of_json(json: Json, max: usize) -> (Spelled, usize) {
    match &json {
        Json::String(text) => of_text(text, max),
        document => of_document(document, max),
    }
}

fn of_text(text: &str, max: usize) -> (Spelled, usize) {
    let (head, written) = beginning(text, max);
    let whole = (head.len() < text.len()).then_some(text.len());
    (Spelled { json: Json::String(head.to_owned()), whole }, written)
}

fn of_document(document: &Json, max: usize) -> (Spelled, usize) {
    let mut head = Head { kept: Vec::new(), max, length: 0 };
    // why: neither a document nor a list of bytes can fail to be written.
    let _ = document.serialize(&mut serde_json::Serializer::new(&mut head));
    if head.length <= max {
        return (Spelled { json: document.clone(), whole: None }, head.length);
    }
    let text = head.kept.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let (spelled, written) = of_text(text, max);
    (Spelled { whole: Some(head.length), ..spelled }, written)
}

/// As much of a text as fits between the quotes of a JSON string, and how many bytes it takes there.
fn beginning(text: &str, max: usize) -> (&str, usize) {
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let bytes = match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            other => other.len_utf8(),
        };
        if written + bytes > max {
            return (&text[..at], written);
        }
        written += bytes;
    }
    (text, written)
}

/// Keeps the beginning of what is written, and counts all of it.
struct Head {
    kept: Vec<u8>,
    max: usize,
    length: usize,
}

impl io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.max.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
