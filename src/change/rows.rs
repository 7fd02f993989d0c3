//! Row images and keys from their raw text.

use super::hints::Hints;
use super::raw;
use super::scan::Cursor;
use super::semantic::{self, Kind, Shape};
use super::skim::json_text;
use super::unavailable::is_placeholder;
use super::value::{Type, Value};
use super::{Column, DecodeError, Record, Row, memo};
use std::collections::HashSet;
use std::sync::Arc;

/// A JSON text without its wrapper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    pub schema: Option<&'a str>,
    pub payload: &'a str,
}

/// Takes `{"schema": ..., "payload": ...}` apart; anything else is its own payload.
pub(crate) fn unwrap<'a>(field: &str, topic: &str, bytes: &'a [u8]) -> Result<Payload<'a>, DecodeError> {
    let text = json_text(field, bytes)?;
    let json = |error| DecodeError::json(field, error);
    let mut cursor = Cursor::new(text);
    let (mut schema, mut payload, mut keys) = (None, None, 0);
    cursor.peek();
    let whole = cursor.rest().trim_end_matches([' ', '\n', '\r', '\t']);
    if cursor.open_object() {
        let mut first = true;
        while let Some(key) = cursor.key(&mut first).map_err(json)? {
            keys += 1;
            cursor.peek();
            let key = key.text();
            let part = match &*key {
                "schema" => &mut schema,
                "payload" => &mut payload,
                _ => {
                    cursor.value().map_err(json)?;
                    continue;
                }
            };
            let rest = cursor.rest();
            let raw = match memo::schema_length(topic, rest) {
                Some(length) if key == "schema" => {
                    cursor.advance(length);
                    &rest[..length]
                }
                _ => cursor.value().map_err(json)?,
            };
            if part.replace(raw).is_some() {
                return Err(DecodeError::column(field, &key, "sent twice"));
            }
        }
    } else {
        cursor.value().map_err(json)?;
    }
    cursor.end().map_err(json)?;
    Ok(match (schema, payload) {
        (Some(schema), Some(payload)) if keys == 2 => {
            Payload { schema: Some(schema).filter(|schema| schema.starts_with('{')), payload }
        }
        _ => Payload { schema: None, payload: whole },
    })
}

/// A key, and what its schema says.
pub(crate) type Key = (Row, Option<Arc<Kind>>);

/// Reads the rows of one table.
pub(crate) struct Rows<'h> {
    server: &'h str,
    table: &'h str,
    /// `None` when the config types none of the table's columns.
    hints: Option<&'h dyn Hints>,
}

impl<'h> Rows<'h> {
    pub fn new(server: &'h str, table: &'h str, hints: &'h dyn Hints) -> Self {
        Rows { server, table, hints: Some(hints).filter(|hints| hints.types_columns(server, table)) }
    }

    /// A row from a raw object.
    pub fn row(&self, image: &str, raw: &str, shape: Option<&Shape>) -> Result<Row, DecodeError> {
        let mut columns: Vec<Column> = Vec::with_capacity(shape.map_or(16, |shape| shape.fields.len()));
        let mut in_order = shape.is_some();
        for (at, (key, raw)) in raw::members(raw).enumerate() {
            let field = shape.and_then(|shape| shape.field(&key, at));
            in_order &= shape.and_then(|shape| shape.fields.get(at)).is_some_and(|field| *field.0 == *key);
            let (name, kind) = match field {
                Some((name, kind)) => (name.clone(), kind),
                None => (memo::name(&key), &Kind::Any),
            };
            let (ty, value) =
                self.value(&name, kind, raw).map_err(|reason| DecodeError::column(image, &name, reason))?;
            columns.push(Column { name, ty, value });
        }
        // Members that follow the schema one by one cannot repeat; only the others are looked through.
        if !in_order && let Some(name) = repeated(&columns) {
            return Err(DecodeError::column(image, name, "sent twice"));
        }
        Ok(Row { columns })
    }

    fn value(&self, name: &str, kind: &Kind, raw: &str) -> Result<(Type, Value), semantic::Reason> {
        let hint = match self.hints {
            Some(hints) if kind.is_plain() => hints.column_type(self.server, self.table, name),
            _ => None,
        };
        if is_placeholder(raw) {
            return Ok((hint.map_or(kind.ty(), |hint| hint.ty()), Value::Unavailable));
        }
        if let Some(hint) = hint {
            // A configured type that does not fit is the config's fault, not the record's: the value is
            // shown as it came, and `inspect` says so.
            match semantic::decode(hint.kind(), raw) {
                Ok(value) => return Ok(value),
                Err(_) => return semantic::decode(kind, raw),
            }
        }
        semantic::decode(kind, raw)
    }

    /// The record's key, and the shape that its schema gives it.
    pub fn key(&self, record: &Record<'_>) -> Result<Option<Key>, DecodeError> {
        let Some(bytes) = record.key else {
            return Ok(None);
        };
        let opens = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace());
        if !matches!(opens, Some(b'{' | b'[' | b'"' | b'n')) {
            // Another converter's key (a bare number or text): no reason to refuse the change.
            return Ok(Some((bare_key(bytes), None)));
        }
        let unwrapped = match unwrap("key", record.topic, bytes) {
            Err(_) if opens == Some(b'n') => return Ok(Some((bare_key(bytes), None))),
            unwrapped => unwrapped?,
        };
        let kind = match unwrapped.schema {
            Some(text) => {
                Some(memo::schema(record.topic, text).map_err(|reason| DecodeError::new("key.schema", reason))?)
            }
            None => None,
        };
        match unwrapped.payload.as_bytes().first() {
            Some(b'n') => Ok(None),
            Some(b'{') => Ok(Some((self.row("key", unwrapped.payload, kind.as_deref().and_then(shape))?, kind))),
            _ => {
                let (ty, value) = semantic::decode(kind.as_deref().unwrap_or(&Kind::Any), unwrapped.payload)
                    .map_err(|reason| DecodeError::new("key", reason))?;
                Ok(Some((Row { columns: vec![Column { name: memo::name("key"), ty, value }] }, kind)))
            }
        }
    }

    /// A key in a header (`__debezium.oldkey`), typed by the record's own key.
    pub fn header_key(
        &self,
        record: &Record<'_>,
        header: &str,
        kind: Option<&Kind>,
    ) -> Result<Option<Row>, DecodeError> {
        let Some(bytes) = record.headers.header(header) else {
            return Ok(None);
        };
        let unwrapped = unwrap(header, record.topic, bytes)?;
        match unwrapped.payload.as_bytes().first() {
            Some(b'n') => Ok(None),
            Some(b'{') => self.row(header, unwrapped.payload, kind.and_then(shape)).map(Some),
            _ => Err(DecodeError::new(header, format!("expected an object, found {}", raw::shape(unwrapped.payload)))),
        }
    }
}

/// The fields of a struct's schema.
pub(crate) fn shape(kind: &Kind) -> Option<&Shape> {
    match kind {
        Kind::Struct(shape) => Some(shape),
        _ => None,
    }
}

/// A key that is no JSON document, as a single column.
fn bare_key(bytes: &[u8]) -> Row {
    let (ty, value) = match std::str::from_utf8(bytes) {
        Ok(text) => match text.parse::<i64>() {
            Ok(number) => (Type::Int, Value::Int(number.into())),
            Err(_) => (Type::Text, Value::Text(text.into())),
        },
        Err(_) => (Type::Bytes, Value::Bytes(bytes.into())),
    };
    Row { columns: vec![Column { name: memo::name("key"), ty, value }] }
}

fn repeated(columns: &[Column]) -> Option<&str> {
    /// Up to here, comparing each with each is quicker than hashing.
    const FEW: usize = 32;
    if columns.len() <= FEW {
        let twice = |at: usize| columns[..at].iter().any(|column| column.name == columns[at].name);
        return (1..columns.len()).find(|at| twice(*at)).map(|at| &*columns[at].name);
    }
    let mut seen = HashSet::with_capacity(columns.len());
    columns.iter().find(|column| !seen.insert(&*column.name)).map(|column| &*column.name)
}
