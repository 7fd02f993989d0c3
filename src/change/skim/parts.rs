//! The known parts of an object, and what they make.

use super::Skim;
use crate::change::avro::Part;
use crate::change::envelope::{Envelope, Images, Inline};
use crate::change::image::Image;
use crate::change::logical::{self, LogicalMessage};
use crate::change::marks::Marks;
use crate::change::protobuf::Body;
use crate::change::scan::{Cursor, ScanError};
use crate::change::semantic::{Kind, Shape};
use crate::change::source::{Atom, Source};
use crate::change::{DecodeError, Op, Record, document, memo, raw};
use std::borrow::Cow;
use std::sync::Arc;

pub(super) const TS: u32 = 1 << 0;
pub(super) const SCHEMA: u32 = 1 << 1;
pub(super) const PAYLOAD: u32 = 1 << 2;
pub(super) const STATUS: u32 = 1 << 3;
pub(super) const ID: u32 = 1 << 4;
pub(super) const EVENT_COUNT: u32 = 1 << 5;
pub(super) const DATA_COLLECTIONS: u32 = 1 << 6;
pub(super) const DDL: u32 = 1 << 7;
pub(super) const TABLE_CHANGES: u32 = 1 << 8;
pub(super) const AGGREGATE_TYPE: u32 = 1 << 9;
pub(super) const TYPE: u32 = 1 << 10;
pub(super) const OP: u32 = 1 << 11;
pub(super) const SOURCE: u32 = 1 << 12;
pub(super) const BEFORE: u32 = 1 << 13;
pub(super) const AFTER: u32 = 1 << 14;
pub(super) const MESSAGE: u32 = 1 << 15;
pub(super) const FLAT: u32 = 1 << 16;
pub(super) const SPEC_VERSION: u32 = 1 << 17;
pub(super) const DATA: u32 = 1 << 18;
pub(super) const SCHEMA_ID: u32 = 1 << 19;
pub(super) const UPDATE_DESCRIPTION: u32 = 1 << 20;

/// The known members of an object, as raw text.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub keys: usize,
    pub timestamps: usize,
    pub seen: u32,
    pub schema: Option<Inline<'a>>,
    /// Raw, unless it is an object: that one is walked into the inner parts.
    pub payload: Option<&'a str>,
    pub op: Atom<'a>,
    pub before: Option<Field<'a>>,
    pub after: Option<Field<'a>>,
    pub message: Option<Field<'a>>,
    pub source: Option<Source<'a>>,
    /// MongoDB: what an update changed.
    pub update: Option<Cow<'a, str>>,
}

/// A member of an envelope that is more than a word or a number.
#[derive(Debug, Clone)]
pub(super) enum Field<'a> {
    Json(&'a str),
    Avro(Part<'a>),
    Protobuf(Body<'a>),
}

impl Parts<'_> {
    pub fn has(&self, flag: u32) -> bool {
        self.seen & flag != 0
    }
}

pub(super) fn flag(name: &str) -> u32 {
    match name {
        "before" => BEFORE,
        "after" => AFTER,
        "source" => SOURCE,
        "op" => OP,
        "ts_ms" | "ts_us" | "ts_ns" => TS,
        "message" => MESSAGE,
        "schema" => SCHEMA,
        "payload" => PAYLOAD,
        "status" => STATUS,
        "id" => ID,
        "event_count" => EVENT_COUNT,
        "data_collections" => DATA_COLLECTIONS,
        "ddl" => DDL,
        "tableChanges" => TABLE_CHANGES,
        "aggregate_type" => AGGREGATE_TYPE,
        "type" => TYPE,
        "__op" | "__deleted" => FLAT,
        "specversion" => SPEC_VERSION,
        "data" => DATA,
        "schemaId" => SCHEMA_ID,
        "updateDescription" => UPDATE_DESCRIPTION,
        _ => 0,
    }
}

/// Goes through an object's members, and through its payload's into the inner parts.
pub(super) fn walk<'a>(
    cursor: &mut Cursor<'a>,
    record: &Record<'a>,
    parts: &mut Parts<'a>,
    mut inner: Option<&mut Parts<'a>>,
    marks: &mut Marks,
) -> Result<(), DecodeError> {
    let json = |error: ScanError| DecodeError::json("value", error);
    let wrapper = inner.is_some();
    let mut first = true;
    let mut place = 0;
    loop {
        let (key, flag) = match expected(cursor, first, &mut place) {
            Some((text, flag)) => {
                first = false;
                (Cow::Borrowed(text), flag)
            }
            None => match cursor.key(&mut first).map_err(json)? {
                Some(key) => {
                    let key = key.text();
                    let flag = flag(&key);
                    (key, flag)
                }
                None => return Ok(()),
            },
        };
        parts.keys += 1;
        // Which of two would count depends on the reader, so neither does.
        if parts.has(flag & (BEFORE | AFTER | SOURCE | OP | SCHEMA | PAYLOAD | MESSAGE)) {
            return Err(DecodeError::new(key.trim_matches([',', ':', '"']), "sent twice"));
        }
        parts.seen |= flag;
        match flag {
            SOURCE => {
                let source = parts.source.insert(Source::default());
                memo::with_pattern(record.topic, |pattern| source.read_json(cursor, pattern))?;
            }
            SCHEMA if wrapper => {
                cursor.peek();
                let rest = cursor.rest();
                parts.schema = Some(match memo::schema_at(record.topic, rest.as_bytes()) {
                    Some((length, kind)) => {
                        cursor.advance(length);
                        Inline { text: &rest.as_bytes()[..length], kind }
                    }
                    None => Inline { text: cursor.value().map_err(json)?.as_bytes(), kind: None },
                });
            }
            PAYLOAD => match inner.take() {
                Some(inner) if cursor.open_object() => walk(cursor, record, inner, None, marks)?,
                _ => parts.payload = Some(cursor.value().map_err(json)?),
            },
            BEFORE => {
                let raw = memo::with_layout(record.topic, |layout| marks.scan(cursor, layout));
                parts.before = Some(Field::Json(raw.map_err(json)?));
            }
            AFTER => {
                let raw = match parts.before {
                    Some(Field::Json(before)) => marks.twin(before, cursor).map_err(json)?,
                    _ => cursor.value().map_err(json)?,
                };
                parts.after = Some(Field::Json(raw));
            }
            _ => {
                let raw = cursor.value().map_err(json)?;
                match flag {
                    OP => parts.op = Atom::json(raw),
                    MESSAGE => parts.message = Some(Field::Json(raw)),
                    TS => parts.timestamps += 1,
                    UPDATE_DESCRIPTION if raw.starts_with('{') => parts.update = Some(Cow::Borrowed(raw)),
                    _ => {}
                }
            }
        }
    }
}

/// What Debezium writes before the values of an envelope, in this order; each is compared before a key is read.
const ORDER: [(&str, u32); 8] = [
    ("\"before\":", BEFORE),
    (",\"after\":", AFTER),
    (",\"source\":", SOURCE),
    (",\"transaction\":", 0),
    (",\"op\":", OP),
    (",\"ts_ms\":", TS),
    (",\"ts_us\":", TS),
    (",\"ts_ns\":", TS),
];

/// Steps over the next of these, or the one behind it, as transactions are left out where they are not asked for.
#[inline]
fn expected(cursor: &mut Cursor<'_>, first: bool, place: &mut usize) -> Option<(&'static str, u32)> {
    // One without a comma stands right behind the brace, and only there.
    let next = if first { 0..1 } else { (*place).max(1)..ORDER.len().min(*place + 2) };
    for at in next {
        let (text, flag) = ORDER[at];
        if cursor.skip_text(text) {
            *place = at + 1;
            return Some((text, flag));
        }
    }
    None
}

/// What the parts make.
pub(super) fn classify<'a>(
    record: &Record<'a>,
    parts: &mut Parts<'a>,
    schema: Option<Inline<'a>>,
    marks: Marks,
) -> Result<Skim<'a>, DecodeError> {
    // No envelope has a field of such a name; a row may have fields of any.
    if parts.has(FLAT) {
        return Ok(Skim::Unknown);
    }
    // Any document may have fields of such names: an outbox's payload, say.
    let whole = parts.has(BEFORE) || parts.has(AFTER);
    if parts.source.as_ref().is_some_and(|source| source.is_strange() || !source.is_object() && !whole) {
        return Ok(Skim::Unknown);
    }
    if parts.has(OP) && (parts.has(SOURCE) || parts.has(BEFORE) || parts.has(AFTER)) {
        return envelope(record, parts, schema, marks);
    }
    if parts.has(SOURCE) && (parts.has(DDL) || parts.has(TABLE_CHANGES)) {
        return Ok(Skim::SchemaChange);
    }
    if parts.has(SOURCE) && (parts.has(BEFORE) || parts.has(AFTER)) {
        return match parts.source.as_ref().is_some_and(Source::is_document) {
            true => envelope(record, parts, schema, marks),
            false => Err(DecodeError::new("op", "missing")),
        };
    }
    if parts.keys > 0 && parts.keys == parts.timestamps {
        return Ok(Skim::Heartbeat);
    }
    if parts.has(STATUS) && parts.has(ID) && (parts.has(EVENT_COUNT) || parts.has(DATA_COLLECTIONS)) {
        return Ok(Skim::Transaction);
    }
    if parts.has(AGGREGATE_TYPE) && parts.has(TYPE) && parts.has(ID) {
        return Ok(Skim::Notification);
    }
    Ok(Skim::Unknown)
}

fn envelope<'a>(
    record: &Record<'a>,
    parts: &mut Parts<'a>,
    schema: Option<Inline<'a>>,
    mut marks: Marks,
) -> Result<Skim<'a>, DecodeError> {
    let source = match &parts.source {
        Some(source) if source.is_object() => source,
        Some(_) => return Err(DecodeError::new("source", "expected an object")),
        None => return Err(DecodeError::new("source", "missing")),
    };
    let connector = source.connector.text().unwrap_or_default();
    let cassandra = connector == "cassandra";
    let before = image("before", parts.before.take())?;
    let mut after = image("after", parts.after.take())?;
    let partial = after.is_none() && parts.update.is_some();
    if let (None, Some(update)) = (&after, &parts.update) {
        after = document::update_description(update)?;
    }
    let mut schema = schema;
    match after {
        Some(Image::Json(raw)) if cassandra => {
            after = Some(Image::Json(Cow::Owned(document::cells(&raw))));
            // They are about the text that it was.
            marks = Marks::default();
        }
        Some(Image::Protobuf(body)) if cassandra => {
            let raw = body.json().map_err(|reason| DecodeError::new("after", reason))?;
            after = Some(Image::Json(Cow::Owned(document::cells(&raw))));
        }
        Some(Image::Avro(datum)) if cassandra => {
            let raw = datum.json().map_err(|reason| DecodeError::new("after", reason))?;
            after = Some(Image::Json(Cow::Owned(document::cells(&raw))));
            let fields = vec![("after".into(), datum.kind().clone())];
            schema = Some(Inline { text: b"", kind: Some(Arc::new(Kind::Struct(Arc::new(Shape { fields })))) });
        }
        _ => {}
    }
    let word = match parts.op.text() {
        Some(word) => word,
        // MongoDB's connector of old left it out.
        None if parts.op.is_none() && source.is_document() => Cow::Borrowed(match (&after, &parts.update) {
            (_, Some(_)) => "u",
            (Some(_), None) => "c",
            (None, None) => "d",
        }),
        None if parts.op.is_none() => return Err(DecodeError::new("op", "missing")),
        None => return Err(DecodeError::new("op", format!("expected a text, found {}", parts.op.shape()))),
    };
    let op = match &*word {
        // Cassandra's range tombstones name no row.
        "r" if cassandra => return Ok(Skim::Unknown),
        "i" if cassandra => Op::Create,
        "c" => Op::Create,
        "u" => Op::Update,
        "d" => Op::Delete,
        "r" => Op::Read,
        "t" => Op::Truncate,
        "m" => {
            let said = match &parts.message {
                Some(Field::Json(raw)) if raw.starts_with('{') => logical::said_json(raw),
                Some(Field::Avro(Part::Record(datum))) => logical::said_avro(datum)?,
                Some(Field::Protobuf(body)) => {
                    logical::said_json(&body.json().map_err(|reason| DecodeError::new("message", reason))?)
                }
                _ => return Err(DecodeError::new("message", "missing")),
            };
            let source = parts.source.take().unwrap_or_default();
            return Ok(Skim::Message(Box::new(LogicalMessage::new(*record, source, said))));
        }
        _ => {
            return Err(DecodeError::new("op", "a letter that Debezium does not use"));
        }
    };
    // Documents' and cells' sources send old images only where they were told to keep them.
    let (before, after) = match op {
        Op::Delete if cassandra && before.is_none() => (after, None),
        // No connector sends the image that an op does not have; one that is there would be compared with.
        Op::Create | Op::Read => (None, after),
        Op::Delete => (before, None),
        _ => (before, after),
    };
    match op {
        Op::Truncate => {}
        Op::Delete if before.is_none() && !source.is_document() && !cassandra => {
            return Err(DecodeError::new("before", "null, where op is delete"));
        }
        Op::Create | Op::Read | Op::Update if after.is_none() => {
            return Err(DecodeError::new("after", format!("null, where op is {op}")));
        }
        _ => {}
    }
    let source = parts.source.take().unwrap_or_default();
    Ok(Skim::Change(Envelope::new(*record, op, Images { before, after, marks, partial }, source, schema)?))
}

fn image<'a>(field: &str, value: Option<Field<'a>>) -> Result<Option<Image<'a>>, DecodeError> {
    let found = match value {
        None | Some(Field::Json("null") | Field::Avro(Part::Null)) => return Ok(None),
        Some(Field::Json(raw)) if raw.starts_with('{') => return Ok(Some(Image::Json(Cow::Borrowed(raw)))),
        Some(Field::Avro(Part::Record(datum))) => return Ok(Some(Image::Avro(datum))),
        Some(Field::Protobuf(body)) => return Ok(Some(Image::Protobuf(body))),
        // MongoDB's documents come as texts.
        Some(Field::Json(raw)) if raw.starts_with('"') => {
            return document::in_text(field, raw::text(raw).unwrap_or_default());
        }
        Some(Field::Avro(Part::Text(text))) => return document::in_text(field, Cow::Borrowed(text)),
        Some(Field::Json(raw)) => raw::shape(raw),
        Some(Field::Avro(part)) => Atom::part(&part).shape(),
    };
    Err(DecodeError::new(field, format!("expected an object, found {found}")))
}
