//! What a record is, found in one walk over its bytes that builds nothing.

use super::avro::{Datum, Part};
use super::envelope::{Envelope, Images, Inline, KeyForm};
use super::frame::{self, Framed, Side};
use super::image::Image;
use super::logical::{self, LogicalMessage};
use super::marks::Marks;
use super::raw;
use super::scan::{Cursor, ScanError};
use super::schemas::{Lookup, NoSchemas, Schema, SchemaId, Schemas};
use super::source::{Atom, Source};
use super::{DecodeError, Op, Record, memo};
use std::borrow::Cow;

/// What a record is. Borrowed from the record's bytes.
#[derive(Debug, Clone)]
pub enum Skim<'a> {
    /// A row change or a truncate.
    Change(Box<Envelope<'a>>),
    /// A logical message (`pg_logical_emit_message`).
    Message(Box<LogicalMessage<'a>>),
    /// What follows a delete so that compaction can drop the key.
    Tombstone,
    /// The connector lives.
    Heartbeat,
    /// A transaction's begin or end.
    Transaction,
    /// A table's DDL.
    SchemaChange,
    /// A snapshot's progress and the like.
    Notification,
    /// What is not Debezium's.
    Unknown,
    /// Nothing can be said before this schema is fetched: hold the record and everything behind it.
    Needs(SchemaId),
}

impl Skim<'_> {
    /// The word used in `inspect` and in metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Skim::Change(_) => "change",
            Skim::Message(_) => "message",
            Skim::Tombstone => "tombstone",
            Skim::Heartbeat => "heartbeat",
            Skim::Transaction => "transaction",
            Skim::SchemaChange => "schema_change",
            Skim::Notification => "notification",
            Skim::Unknown => "unknown",
            Skim::Needs(_) => "needs_schema",
        }
    }
}

/// Finds out what a record is, where no schema registry is at hand.
pub fn skim<'a>(record: &Record<'a>) -> Result<Skim<'a>, DecodeError> {
    skim_with(record, &NoSchemas)
}

/// Finds out what a record is.
///
/// The whole value is checked to be what it claims to be, so later steps only fail on what its parts mean.
pub fn skim_with<'a>(record: &Record<'a>, schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    let Some(bytes) = record.value else {
        return Ok(Skim::Tombstone);
    };
    let mut skim = match bytes.first() {
        // No header is looked at before the text fails to be JSON: nearly all that begins so is some.
        Some(b'{' | b'[' | b'"' | b'n' | b't' | b'f' | b'-' | b'0'..=b'9' | b' ' | b'\n' | b'\r' | b'\t') => {
            match (skim_json(record, bytes), frame::by_header(record, Side::Value, bytes)) {
                (Err(_), Some(framed)) => skim_framed(record, framed, schemas)?,
                (skim, _) => skim?,
            }
        }
        None => match frame::by_header(record, Side::Value, bytes) {
            Some(framed) => skim_framed(record, framed, schemas)?,
            None => return Err(DecodeError::new("value", "empty")),
        },
        Some(_) => match frame::by_header(record, Side::Value, bytes) {
            Some(framed) => skim_framed(record, framed, schemas)?,
            None => skim_framed(record, frame::by_magic("value", bytes)?, schemas)?,
        },
    };
    if let Skim::Change(envelope) = &mut skim {
        match key_form(record, schemas)? {
            Ok(form) => envelope.key = form,
            Err(id) => return Ok(Skim::Needs(id)),
        }
    }
    Ok(skim)
}

fn skim_framed<'a>(record: &Record<'a>, framed: Framed<'a>, schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    let schema = match frame::resolve("value", framed.id, schemas)? {
        Ok(schema) => schema,
        Err(id) => return Ok(Skim::Needs(id)),
    };
    match &*schema {
        Schema::Avro(avro) => skim_avro(record, &Datum::root(&avro.plan, framed.payload)),
        Schema::Json => skim_json(record, framed.payload),
    }
}

/// How the key is written, or the schema that it needs first.
fn key_form<'a>(record: &Record<'a>, schemas: &dyn Schemas) -> Result<Result<KeyForm<'a>, SchemaId>, DecodeError> {
    let Some(bytes) = record.key else {
        return Ok(Ok(KeyForm::Bytes));
    };
    let framed = match bytes.first() {
        Some(b'{' | b'[') => None,
        Some(0 | 1) => match frame::by_header(record, Side::Key, bytes) {
            Some(framed) => Some(framed),
            // Eight bytes may be Kafka's own encoding of a number, and so may four.
            None if matches!(bytes.len(), 4 | 8) => frame::by_magic("key", bytes)
                .ok()
                .filter(|framed| matches!(schemas.schema(&framed.id), Lookup::Found(_) | Lookup::Pending)),
            None => Some(frame::by_magic("key", bytes)?),
        },
        _ => frame::by_header(record, Side::Key, bytes),
    };
    let Some(framed) = framed else {
        return Ok(Ok(KeyForm::Bytes));
    };
    Ok(frame::resolve("key", framed.id, schemas)?.map(|schema| match &*schema {
        Schema::Avro(avro) => KeyForm::Avro(Datum::root(&avro.plan, framed.payload)),
        Schema::Json => KeyForm::Json(framed.payload),
    }))
}

fn skim_json<'a>(record: &Record<'a>, bytes: &'a [u8]) -> Result<Skim<'a>, DecodeError> {
    let text = json_text("value", bytes)?;
    let mut cursor = Cursor::new(text);
    let mut outer = Parts::default();
    let mut inner = Parts::default();
    let mut marks = Marks::default();
    let json = |error| DecodeError::json("value", error);
    if !cursor.open_object() {
        let raw = cursor.value().map_err(json)?;
        cursor.end().map_err(json)?;
        // JsonConverter without schemas writes a null as these four bytes.
        return Ok(if raw == "null" { Skim::Tombstone } else { Skim::Unknown });
    }
    walk(&mut cursor, record, &mut outer, Some(&mut inner), &mut marks)?;
    cursor.end().map_err(json)?;

    let wrapped = outer.keys == 2 && outer.has(SCHEMA) && outer.has(PAYLOAD);
    if !wrapped {
        return classify(record, outer, None, marks);
    }
    let schema = outer.schema.filter(|schema| schema.text.starts_with('{'));
    if let Some(schema) = schema.as_ref().filter(|schema| schema.kind.is_none()) {
        memo::remember_schema(record.topic, schema.text);
    }
    match outer.payload {
        Some("null") => Ok(Skim::Tombstone),
        Some(_) => Ok(Skim::Unknown),
        None => classify(record, inner, schema, marks),
    }
}

fn skim_avro<'a>(record: &Record<'a>, datum: &Datum<'a>) -> Result<Skim<'a>, DecodeError> {
    let datum = match datum.part().map_err(|reason| DecodeError::new("value", reason))? {
        Part::Record(datum) => datum,
        Part::Null => return Ok(Skim::Tombstone),
        _ => return Ok(Skim::Unknown),
    };
    let Some(mut members) = datum.members() else {
        return Ok(Skim::Unknown);
    };
    let mut parts = Parts::default();
    while let Some(name) = members.name() {
        let error = |reason| DecodeError::new(name, reason);
        let flag = flag(name);
        parts.keys += 1;
        parts.seen |= flag;
        if flag & (SOURCE | BEFORE | AFTER | OP | MESSAGE) == 0 {
            members.skip().map_err(error)?;
            parts.timestamps += usize::from(flag == TS);
            continue;
        }
        let part = members.datum().and_then(|datum| datum.part()).map_err(error)?;
        match (flag, part) {
            (SOURCE, Part::Record(datum)) => parts.source = Some(Source::read(&datum)?),
            (SOURCE, _) => parts.source = Some(Source::default()),
            (BEFORE, part) => parts.before = Some(Field::Avro(part)),
            (AFTER, part) => parts.after = Some(Field::Avro(part)),
            (MESSAGE, part) => parts.message = Some(Field::Avro(part)),
            (_, part) => parts.op = Atom::part(&part),
        }
    }
    members.end().map_err(|reason| DecodeError::new("value", reason))?;
    classify(record, parts, None, Marks::default())
}

/// The bytes as text, or why they are none.
pub(crate) fn json_text<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    match bytes.first() {
        None => Err(DecodeError::new(field, "empty")),
        Some(0 | 1) => Err(DecodeError::new(field, "framed for a schema registry, where JSON was expected")),
        Some(_) => std::str::from_utf8(bytes)
            .map_err(|error| DecodeError::new(field, format!("not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

const TS: u32 = 1 << 0;
const SCHEMA: u32 = 1 << 1;
const PAYLOAD: u32 = 1 << 2;
const STATUS: u32 = 1 << 3;
const ID: u32 = 1 << 4;
const EVENT_COUNT: u32 = 1 << 5;
const DATA_COLLECTIONS: u32 = 1 << 6;
const DDL: u32 = 1 << 7;
const TABLE_CHANGES: u32 = 1 << 8;
const AGGREGATE_TYPE: u32 = 1 << 9;
const TYPE: u32 = 1 << 10;
const OP: u32 = 1 << 11;
const SOURCE: u32 = 1 << 12;
const BEFORE: u32 = 1 << 13;
const AFTER: u32 = 1 << 14;
const MESSAGE: u32 = 1 << 15;

/// The known members of an object, as raw text.
#[derive(Debug, Default)]
struct Parts<'a> {
    keys: usize,
    timestamps: usize,
    seen: u32,
    schema: Option<Inline<'a>>,
    /// Raw, unless it is an object: that one is walked into the inner parts.
    payload: Option<&'a str>,
    op: Atom<'a>,
    before: Option<Field<'a>>,
    after: Option<Field<'a>>,
    message: Option<Field<'a>>,
    source: Option<Source<'a>>,
}

/// A member of an envelope that is more than a word or a number.
#[derive(Debug, Clone)]
enum Field<'a> {
    Json(&'a str),
    Avro(Part<'a>),
}

impl Parts<'_> {
    fn has(&self, flag: u32) -> bool {
        self.seen & flag != 0
    }
}

fn flag(name: &str) -> u32 {
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
        _ => 0,
    }
}

fn walk<'a>(
    cursor: &mut Cursor<'a>,
    record: &Record<'a>,
    parts: &mut Parts<'a>,
    mut inner: Option<&mut Parts<'a>>,
    marks: &mut Marks,
) -> Result<(), DecodeError> {
    let json = |error: ScanError| DecodeError::json("value", error);
    let wrapper = inner.is_some();
    let mut first = true;
    while let Some(key) = cursor.key(&mut first).map_err(json)? {
        let key = key.text();
        parts.keys += 1;
        let flag = flag(&key);
        // Which of two would count depends on the reader, so neither does.
        if parts.has(flag & (BEFORE | AFTER | SOURCE | OP | SCHEMA | PAYLOAD | MESSAGE)) {
            return Err(DecodeError::new(&key, "sent twice"));
        }
        parts.seen |= flag;
        match flag {
            SOURCE => {
                cursor.peek();
                parts.source = Some(Source::walk(cursor)?);
            }
            SCHEMA if wrapper => {
                cursor.peek();
                let rest = cursor.rest();
                parts.schema = Some(match memo::schema_at(record.topic, rest) {
                    Some((length, kind)) => {
                        cursor.advance(length);
                        Inline { text: &rest[..length], kind }
                    }
                    None => Inline { text: cursor.value().map_err(json)?, kind: None },
                });
            }
            PAYLOAD => match inner.take() {
                Some(inner) if cursor.open_object() => walk(cursor, record, inner, None, marks)?,
                _ => parts.payload = Some(cursor.value().map_err(json)?),
            },
            BEFORE => parts.before = Some(Field::Json(marks.scan(cursor).map_err(json)?)),
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
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn classify<'a>(
    record: &Record<'a>,
    parts: Parts<'a>,
    schema: Option<Inline<'a>>,
    marks: Marks,
) -> Result<Skim<'a>, DecodeError> {
    if parts.has(OP) && (parts.has(SOURCE) || parts.has(BEFORE) || parts.has(AFTER)) {
        return envelope(record, parts, schema, marks);
    }
    if parts.has(SOURCE) && (parts.has(DDL) || parts.has(TABLE_CHANGES)) {
        return Ok(Skim::SchemaChange);
    }
    if parts.has(SOURCE) && (parts.has(BEFORE) || parts.has(AFTER)) {
        return Err(DecodeError::new("op", "missing"));
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
    parts: Parts<'a>,
    schema: Option<Inline<'a>>,
    marks: Marks,
) -> Result<Skim<'a>, DecodeError> {
    let Some(word) = parts.op.text() else {
        return Err(DecodeError::new("op", format!("expected a text, found {}", parts.op.shape())));
    };
    let source = match parts.source {
        Some(source) if source.is_object() => source,
        Some(_) => return Err(DecodeError::new("source", "expected an object")),
        None => return Err(DecodeError::new("source", "missing")),
    };
    let op = match &*word {
        "c" => Op::Create,
        "u" => Op::Update,
        "d" => Op::Delete,
        "r" => Op::Read,
        "t" => Op::Truncate,
        "m" => {
            let said = match &parts.message {
                Some(Field::Json(raw)) if raw.starts_with('{') => logical::said_json(raw),
                Some(Field::Avro(Part::Record(datum))) => logical::said_avro(datum)?,
                _ => return Err(DecodeError::new("message", "missing")),
            };
            return Ok(Skim::Message(Box::new(LogicalMessage::new(*record, &source, said))));
        }
        _ => {
            return Err(DecodeError::new("op", "a letter that Debezium does not use"));
        }
    };
    let before = image("before", parts.before)?;
    let after = image("after", parts.after)?;
    match op {
        Op::Truncate => {}
        Op::Delete if before.is_none() => {
            return Err(DecodeError::new("before", "null, where op is delete"));
        }
        Op::Create | Op::Read | Op::Update if after.is_none() => {
            return Err(DecodeError::new("after", format!("null, where op is {op}")));
        }
        _ => {}
    }
    Ok(Skim::Change(Box::new(Envelope::new(*record, op, Images { before, after, marks }, source, schema)?)))
}

fn image<'a>(field: &str, value: Option<Field<'a>>) -> Result<Option<Image<'a>>, DecodeError> {
    let found = match value {
        None | Some(Field::Json("null") | Field::Avro(Part::Null)) => return Ok(None),
        Some(Field::Json(raw)) if raw.starts_with('{') => return Ok(Some(Image::Json(Cow::Borrowed(raw)))),
        Some(Field::Avro(Part::Record(datum))) => return Ok(Some(Image::Avro(datum))),
        Some(Field::Json(raw)) => raw::shape(raw),
        Some(Field::Avro(part)) => Atom::part(&part).shape(),
    };
    Err(DecodeError::new(field, format!("expected an object, found {found}")))
}

#[cfg(test)]
mod tests;
