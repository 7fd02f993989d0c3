//! Records from files: the capture format, one JSON object a line.
//!
//! `{"topic", "partition", "offset", "timestamp_ms", "headers": [[name, value], ...], "key", "value"}`;
//! a text is the bytes' text, `{"base64": "..."}` are any bytes, null is Kafka's null.

use crate::change::Record;
use base64::Engine;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::BufRead;
use std::sync::Arc;

/// Longest line that is read: a record of Kafka's largest sensible size, its base64 and its headers.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A record that owns its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct CapturedRecord {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number; 0 when the line does not say.
    pub partition: i32,
    /// Offset; when the line does not say, the number of the line in the file, from 0.
    pub offset: i64,
    /// Kafka's timestamp, milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
    /// Headers in order; a header's value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Key; `None` is Kafka's null.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is Kafka's null.
    pub value: Option<Vec<u8>>,
    /// The line it stands in, from 1.
    pub line: u64,
}

impl CapturedRecord {
    /// The record as decoding takes it.
    pub fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }
}

/// A line that holds no record, or could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {reason}{}", hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct ReadError {
    /// The file's name as given.
    pub file: String,
    /// Line number, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// The records of a file, one by one; memory holds one line. Empty lines are skipped. After an error of
/// one line the next can be read; after an error of the reader there is no next.
pub struct Records<R> {
    reader: R,
    file: String,
    line: u64,
    ended: bool,
}

/// Reads captured records from a file of this name (for errors).
pub fn read_records<R: BufRead>(file: impl Into<String>, reader: R) -> Records<R> {
    Records { reader, file: file.into(), line: 0, ended: false }
}

impl<R: BufRead> Records<R> {
    fn error(&self, reason: impl Into<String>, hint: Option<&'static str>) -> ReadError {
        ReadError { file: self.file.clone(), line: self.line, reason: reason.into(), hint }
    }

    fn next_line(&mut self) -> Option<Result<Vec<u8>, ReadError>> {
        while !self.ended {
            let mut line = Vec::new();
            self.line += 1;
            let mut limited = std::io::Read::take(&mut self.reader, LINE_BYTES_MAX as u64 + 1);
            match limited.read_until(b'\n', &mut line) {
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.error(error.to_string(), None)));
                }
                Ok(0) => self.ended = true,
                Ok(bytes) if bytes > LINE_BYTES_MAX => {
                    // The rest of the line would be read as lines of their own.
                    self.ended = true;
                    return Some(Err(self.error(format!("longer than {LINE_BYTES_MAX} bytes"), None)));
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(Ok(line)),
            }
        }
        None
    }

    fn parse(&self, line: &[u8]) -> Result<CapturedRecord, ReadError> {
        const FORMAT: &str =
            r#"one record a line: {"topic":"t","partition":0,"offset":0,"headers":[],"key":null,"value":"..."}"#;
        let text = std::str::from_utf8(line)
            .map_err(|error| self.error(format!("not UTF-8 at byte {}", error.valid_up_to()), Some(FORMAT)))?;
        let written: Written<'_> = serde_json::from_str(text).map_err(|error| {
            let bare = text.contains("\"op\"") && !text.contains("\"topic\"");
            let hint = match bare {
                true => "this looks like a bare change event: wrap it as {\"topic\":\"prefix.schema.table\",\"value\":<event>}",
                false => FORMAT,
            };
            // Column only: the line is this error's own.
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default().to_owned();
            self.error(format!("{words} (column {})", error.column()), Some(hint))
        })?;
        let bytes = |field: &str, raw: Option<&RawValue>| {
            payload(raw).map_err(|reason| self.error(format!("{field}: {reason}"), Some(FORMAT)))
        };
        let headers = written.headers.unwrap_or_default().into_iter();
        Ok(CapturedRecord {
            topic: written.topic.into(),
            partition: written.partition.unwrap_or(0),
            offset: written.offset.unwrap_or(self.line as i64 - 1),
            timestamp_ms: written.timestamp_ms,
            headers: headers
                .map(|(name, value)| Ok((name, bytes("headers", value)?)))
                .collect::<Result<_, ReadError>>()?,
            key: bytes("key", written.key)?,
            value: bytes("value", written.value)?,
            line: self.line,
        })
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<CapturedRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_line()?.and_then(|line| self.parse(&line)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    topic: String,
    partition: Option<i32>,
    offset: Option<i64>,
    timestamp_ms: Option<i64>,
    #[serde(borrow)]
    headers: Option<Vec<(String, Option<&'a RawValue>)>>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

/// The bytes of a text, of base64, or (for files written by hand) of an embedded JSON document.
fn payload(raw: Option<&RawValue>) -> Result<Option<Vec<u8>>, String> {
    let raw = match raw.map(RawValue::get) {
        None | Some("null") => return Ok(None),
        Some(raw) => raw,
    };
    if raw.starts_with('"') {
        let text: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
        return Ok(Some(text.into_bytes()));
    }
    match serde_json::from_str::<Base64>(raw) {
        Ok(Base64 { base64 }) => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(base64);
            decoded.map(Some).map_err(|error| format!("not base64: {error}"))
        }
        Err(_) => Ok(Some(raw.as_bytes().to_vec())),
    }
}

#[cfg(test)]
mod tests;
