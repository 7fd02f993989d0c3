//! Keys: in the record, and in the headers of a primary-key change.

use super::avro::{Datum, Part};
use super::envelope::{Envelope, Inline, KeyForm};
use super::header;
use super::raw;
use super::rows::{Rows, shape};
use super::scan::Cursor;
use super::semantic::{self, Kind};
use super::skim::json_text;
use super::value::{Type, Value};
use super::{Column, DecodeError, Record, Row, memo};
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
            let found = match memo::schema_at(topic, rest.as_bytes()) {
                Some((length, kind)) if key == "schema" => {
                    cursor.advance(length);
                    Inline { text: &rest.as_bytes()[..length], kind }
                }
                _ => Inline { text: cursor.value().map_err(json)?.as_bytes(), kind: None },
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
            Payload { schema: Some(schema).filter(|schema| schema.text.starts_with(b"{")), payload: payload.text() }
        }
        _ => Payload { schema: None, payload: whole },
    })
}

/// A key, and what its schema says.
pub(crate) type Key = (Row, Option<Arc<Kind>>);

impl Rows<'_> {
    /// The record's key, and the shape that its schema gives it.
    pub fn key(&self, envelope: &Envelope<'_>) -> Result<Option<Key>, DecodeError> {
        let record = envelope.record();
        let bytes = match (&envelope.key, record.key) {
            (_, None) => return Ok(None),
            (KeyForm::Avro(datum), _) => return self.datum_key(datum),
            (KeyForm::Protobuf(body), _) => {
                let json = body.json().map_err(|reason| DecodeError::new("key", reason))?;
                return self.typed_key(&json, Some(body.kind().clone()));
            }
            (KeyForm::Json(payload), _) => payload,
            (KeyForm::Bytes, Some(bytes)) => bytes,
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
            Some(schema) => Some(
                memo::schema(record.topic, schema.text()).map_err(|reason| DecodeError::new("key.schema", reason))?,
            ),
            None => None,
        };
        self.typed_key(unwrapped.payload, kind)
    }

    fn typed_key(&self, payload: &str, kind: Option<Arc<Kind>>) -> Result<Option<Key>, DecodeError> {
        match payload.as_bytes().first() {
            Some(b'n') => Ok(None),
            Some(b'{') => Ok(Some((self.row("key", payload, kind.as_deref().and_then(shape))?, kind))),
            _ => {
                let (ty, value) = semantic::decode(kind.as_deref().unwrap_or(&Kind::Any), payload)
                    .map_err(|reason| DecodeError::new("key", reason))?;
                Ok(Some((Row { columns: vec![Column { name: memo::name("key"), ty, value }] }, kind)))
            }
        }
    }

    fn datum_key(&self, datum: &Datum<'_>) -> Result<Option<Key>, DecodeError> {
        let error = |reason| DecodeError::new("key", reason);
        let kind = Some(Arc::new(datum.kind().clone()));
        Ok(match datum.part().map_err(error)? {
            Part::Null => None,
            Part::Record(datum) => Some((self.read_datum("key", &datum, None)?.row, kind)),
            _ => {
                let (ty, value) = datum.value().map_err(error)?;
                Some((Row { columns: vec![Column { name: memo::name("key"), ty, value }] }, kind))
            }
        })
    }

    /// A key in a header (`__debezium.oldkey`), typed by the record's own key.
    pub fn header_key(&self, record: &Record<'_>, name: &str, kind: Option<&Kind>) -> Result<Option<Row>, DecodeError> {
        let Some(bytes) = record.headers.header(name) else {
            return Ok(None);
        };
        let json;
        let unwrapped = match unwrap(name, record.topic, bytes) {
            Ok(unwrapped) => unwrapped,
            Err(error) => {
                let Ok(text) = json_text(name, bytes) else {
                    return Err(error);
                };
                json = header::as_json(text);
                unwrap(name, record.topic, json.as_bytes()).map_err(|_| error)?
            }
        };
        match unwrapped.payload.as_bytes().first() {
            Some(b'n') => Ok(None),
            Some(b'{') => self.row(name, unwrapped.payload, kind.and_then(shape)).map(Some),
            _ => Err(DecodeError::new(name, format!("expected an object, found {}", raw::shape(unwrapped.payload)))),
        }
    }
}

/// A key that is no JSON document, as a single column.
fn bare_key(bytes: &[u8]) -> Row {
    let text = std::str::from_utf8(bytes).ok();
    let (ty, value) = match text.ok_or(bytes) {
        // Kafka's own encoding of numbers: no text has such characters.
        _ if matches!(bytes.len(), 4 | 8) && text.is_none_or(|text| text.bytes().any(|byte| byte < b' ')) => {
            let sign = if bytes[0] < 0x80 { 0 } else { -1 };
            let number = bytes.iter().fold(sign, |number: i64, byte| number << 8 | i64::from(*byte));
            (Type::Int, Value::Int(number.into()))
        }
        Ok(text) => match text.parse::<i64>() {
            Ok(number) => (Type::Int, Value::Int(number.into())),
            Err(_) => (Type::Text, Value::Text(text.into())),
        },
        Err(_) => (Type::Bytes, Value::Bytes(bytes.into())),
    };
    Row { columns: vec![Column { name: memo::name("key"), ty, value }] }
}
