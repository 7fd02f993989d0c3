//! Row images and keys from their raw text.

use super::envelope::Inline;
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
#[derive(Debug, Clone)]
pub(crate) struct Payload<'a> {
    pub schema: Option<Inline<'a>>,
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
            let found = match memo::schema_at(topic, rest) {
                Some((length, kind)) if key == "schema" => {
                    cursor.advance(length);
                    Inline { text: &rest[..length], kind }
                }
                _ => Inline { text: cursor.value().map_err(json)?, kind: None },
            };
            if part.replace(found).is_some() {
                return Err(DecodeError::column(field, &key, "sent twice"));
            }
        }
    } else {
        cursor.value().map_err(json)?;
    }
    cursor.end().map_err(json)?;
    Ok(match (schema, payload) {
        (Some(schema), Some(payload)) if keys == 2 => {
            Payload { schema: Some(schema).filter(|schema| schema.text.starts_with('{')), payload: payload.text }
        }
        _ => Payload { schema: None, payload: whole },
    })
}

/// A key, and what its schema says.
pub(crate) type Key = (Row, Option<Arc<Kind>>);

/// Reads the rows of one table.
pub(crate) struct Rows<'h> {
    topic: &'h Arc<str>,
    server: &'h str,
    table: &'h str,
    /// `None` when the config types none of the table's columns.
    hints: Option<&'h dyn Hints>,
}

/// A row, and the raw text of each column's member, name and value.
pub(crate) struct Read<'a> {
    pub row: Row,
    members: Vec<&'a str>,
}

impl<'h> Rows<'h> {
    pub fn new(topic: &'h Arc<str>, server: &'h str, table: &'h str, hints: &'h dyn Hints) -> Self {
        Rows { topic, server, table, hints: Some(hints).filter(|hints| hints.types_columns(server, table)) }
    }

    /// A row from a raw object.
    pub fn row(&self, image: &str, raw: &str, shape: Option<&Shape>) -> Result<Row, DecodeError> {
        Ok(self.read(image, raw, shape, None)?.row)
    }

    /// A row from a raw object. Columns that are spelt as in the other image are copied from there.
    pub fn read<'a>(
        &self,
        image: &str,
        raw: &'a str,
        shape: Option<&Shape>,
        other: Option<&Read<'_>>,
    ) -> Result<Read<'a>, DecodeError> {
        let names = if shape.is_none() && other.is_none() { memo::columns(self.topic) } else { None };
        let expected = |at: usize| -> Option<(&Arc<str>, &Kind)> {
            match (shape, other, &names) {
                (Some(shape), ..) => shape.fields.get(at).map(|(name, kind)| (name, kind)),
                (_, Some(other), _) => other.row.columns.get(at).map(|column| (&column.name, &Kind::Any)),
                (.., names) => names.as_deref().and_then(|names| names.get(at)).map(|name| (name, &Kind::Any)),
            }
        };
        let likely = shape.map(|shape| shape.fields.len()).or(other.map(|other| other.members.len()));
        let likely = likely.or(names.as_deref().map(<[_]>::len)).unwrap_or(16);
        let mut columns: Vec<Column> = Vec::with_capacity(likely);
        let mut members = Vec::with_capacity(likely);
        let mut in_order = true;
        let mut cursor = Cursor::new(raw);
        let mut first = true;
        let json = |error| DecodeError::json(image, error);
        let mut more = cursor.open_object();
        loop {
            more = more && cursor.member(&mut first).map_err(json)?;
            if !more {
                break;
            }
            let (at, start) = (columns.len(), cursor.at());
            if let Some(other) = other
                && let Some(member) = other.members.get(at)
                && cursor.same_member(member)
            {
                members.push(cursor.since(start));
                columns.push(other.row.columns[at].clone());
                continue;
            }
            let key = cursor.member_key().map_err(json)?.text();
            let raw = cursor.value().map_err(json)?;
            members.push(cursor.since(start));
            let known = expected(at).filter(|(name, _)| ***name == *key);
            in_order &= known.is_some();
            let known = known.or_else(|| shape?.field(&key, at).map(|(name, kind)| (name, kind)));
            let (name, kind) = match known {
                Some((name, kind)) => (name.clone(), kind),
                None => (memo::name(&key), &Kind::Any),
            };
            let (ty, value) =
                self.value(&name, kind, raw).map_err(|reason| DecodeError::column(image, &name, reason))?;
            columns.push(Column { name, ty, value });
        }
        // Members that follow a list without repetitions one by one cannot repeat; only others are looked through.
        if !in_order {
            if let Some(name) = repeated(&columns) {
                return Err(DecodeError::column(image, name, "sent twice"));
            }
            if shape.is_none() && image == "after" {
                memo::remember_columns(self.topic, columns.iter().map(|column| column.name.clone()).collect());
            }
        }
        Ok(Read { row: Row { columns }, members })
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
            Some(Inline { kind: Some(kind), .. }) => Some(kind),
            Some(Inline { text, kind: None }) => {
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
