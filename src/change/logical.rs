//! Logical messages: what an application wrote into the database's log.

use super::avro::{Datum, Part};
use super::raw;
use super::source::{Atom, Source};
use super::{DecodeError, Record};
use base64::Engine;
use std::borrow::Cow;

/// A logical message, written into the log by an application.
#[derive(Debug, Clone)]
pub struct LogicalMessage<'a> {
    /// The record that it came in.
    pub record: Record<'a>,
    /// Debezium's connector word.
    pub connector: String,
    /// The connector's logical server name.
    pub server: String,
    /// What the application calls it.
    pub prefix: String,
    /// What it says.
    pub content: Vec<u8>,
    /// Time at the source, in microseconds since the epoch.
    pub time_us: Option<i64>,
}

/// Prefix and content.
pub(crate) type Said = (String, Vec<u8>);

/// From the raw `message` object.
pub(crate) fn said_json(message: &str) -> Said {
    let text = |name| raw::member(message, name).and_then(raw::text);
    let content = match text("content") {
        // Base64 unless the connector's binary.handling.mode says otherwise; then the text is all there is.
        Some(text) => match base64::engine::general_purpose::STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => bytes,
            Err(_) => text.into_owned().into_bytes(),
        },
        None => Vec::new(),
    };
    (text("prefix").unwrap_or_default().into_owned(), content)
}

/// From the `message` record.
pub(crate) fn said_avro(message: &Datum<'_>) -> Result<Said, DecodeError> {
    let (mut prefix, mut content) = (String::new(), Vec::new());
    if let Some(mut members) = message.members() {
        while let Some(name) = members.name() {
            let error = |reason| DecodeError::column("message", name, reason);
            let part = members.datum().and_then(|datum| datum.part()).map_err(error)?;
            match (&**name, part) {
                ("prefix", part) => prefix = Atom::part(&part).text().unwrap_or_default().into_owned(),
                ("content", Part::Bytes(bytes)) => content = bytes.to_vec(),
                ("content", Part::Text(text)) => content = text.as_bytes().to_vec(),
                _ => {}
            }
        }
    }
    Ok((prefix, content))
}

impl<'a> LogicalMessage<'a> {
    pub(crate) fn new(record: Record<'a>, source: &Source<'a>, (prefix, content): Said) -> Self {
        LogicalMessage {
            record,
            connector: source.connector.text().unwrap_or_default().into_owned(),
            server: source.name.text().unwrap_or_default().into_owned(),
            prefix,
            content,
            time_us: source.time_us(),
        }
    }

    /// The content as text: itself where it is UTF-8, else `\xdeadbeef`.
    pub fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.content) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(super::canonical::hex(&self.content)),
        }
    }
}
