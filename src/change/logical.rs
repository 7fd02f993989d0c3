//! Logical messages: what an application wrote into the database's log.

use super::avro::{Datum, Part};
use super::raw;
use super::source::{Atom, Source};
use super::value::{Type, Value};
use super::{Column, ColumnChange, DecodeError, Op, Record, RecordId, Row, RowChange};
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
    /// Where it stands in the source's log.
    pub(crate) source: Source<'a>,
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
    pub(crate) fn new(record: Record<'a>, source: Source<'a>, (prefix, content): Said) -> Self {
        LogicalMessage {
            record,
            connector: source.connector.text().unwrap_or_default().into_owned(),
            server: source.name.text().unwrap_or_default().into_owned(),
            prefix,
            content,
            time_us: source.time_us(),
            source,
        }
    }

    /// The message as rules judge it: a row of a table named after the prefix, whose columns are `prefix` and `content`:
    /// JSON where it is an object or an array of it, else text, else bytes.
    pub fn change(&self) -> RowChange {
        let (ty, content) = match std::str::from_utf8(&self.content) {
            Ok(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(json) if json.is_object() || json.is_array() => (Type::Json, Value::Json(json.into())),
                _ => (Type::Text, Value::Text(text.into())),
            },
            Err(_) => (Type::Bytes, Value::Bytes(self.content.clone().into())),
        };
        let columns = [("prefix", Type::Text, Value::Text(self.prefix.as_str().into())), ("content", ty, content)];
        let columns = columns.map(|(name, ty, value)| Column { name: name.into(), ty, value });
        let changes = columns.iter().map(|column| ColumnChange {
            name: column.name.clone(),
            ty: column.ty,
            old: None,
            new: Some(column.value.clone()),
        });
        let record = &self.record;
        RowChange {
            record: RecordId { topic: record.topic.clone(), partition: record.partition, offset: record.offset },
            op: Op::Message,
            connector: self.connector.as_str().into(),
            server: self.server.as_str().into(),
            database: None,
            table: self.prefix.as_str().into(),
            // Messages of one prefix are no row: they never fold, and keep their order.
            key: None,
            rekeyed_from: None,
            rekeyed_to: None,
            snapshot: false,
            time_us: self.time_us,
            before: None,
            changes: changes.collect(),
            after: Some(Row { columns: columns.into() }),
            before_unknown: false,
            flattened: false,
            unavailable: Vec::new(),
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
