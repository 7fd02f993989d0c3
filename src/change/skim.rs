//! What a record is, found in one walk over its bytes that builds nothing.

use super::envelope::{Envelope, Inline, LogicalMessage, Source};
use super::raw;
use super::scan::{Cursor, ScanError};
use super::{DecodeError, Op, Record, memo};

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
    /// JSON that is not Debezium's.
    Unknown,
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
        }
    }
}

/// Finds out what a record is.
///
/// The whole value is checked to be JSON, so later steps only fail on what its parts mean.
pub fn skim<'a>(record: &Record<'a>) -> Result<Skim<'a>, DecodeError> {
    let Some(bytes) = record.value else {
        return Ok(Skim::Tombstone);
    };
    let text = json_text("value", bytes)?;
    let mut cursor = Cursor::new(text);
    let mut outer = Parts::default();
    let mut inner = Parts::default();
    let json = |error| DecodeError::json("value", error);
    if !cursor.open_object() {
        let raw = cursor.value().map_err(json)?;
        cursor.end().map_err(json)?;
        // JsonConverter without schemas writes a null as these four bytes.
        return Ok(if raw == "null" { Skim::Tombstone } else { Skim::Unknown });
    }
    walk(&mut cursor, record, &mut outer, Some(&mut inner))?;
    cursor.end().map_err(json)?;

    let wrapped = outer.keys == 2 && outer.has(SCHEMA) && outer.has(PAYLOAD);
    if !wrapped {
        return classify(record, outer, None);
    }
    let schema = outer.schema.filter(|schema| schema.text.starts_with('{'));
    if let Some(schema) = schema.as_ref().filter(|schema| schema.kind.is_none()) {
        memo::remember_schema(record.topic, schema.text);
    }
    match outer.payload {
        Some("null") => Ok(Skim::Tombstone),
        Some(_) => Ok(Skim::Unknown),
        None => classify(record, inner, schema),
    }
}

/// The bytes as text, or why they are none.
pub(crate) fn json_text<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    match bytes.first() {
        None => Err(DecodeError::new(field, "empty")),
        Some(0 | 1) => Err(DecodeError::new(field, "framed for a schema registry, which is not configured")),
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
    op: Option<&'a str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
    message: Option<&'a str>,
    source: Option<Source<'a>>,
}

impl Parts<'_> {
    fn has(&self, flag: u32) -> bool {
        self.seen & flag != 0
    }
}

fn walk<'a>(
    cursor: &mut Cursor<'a>,
    record: &Record<'a>,
    parts: &mut Parts<'a>,
    mut inner: Option<&mut Parts<'a>>,
) -> Result<(), DecodeError> {
    let json = |error: ScanError| DecodeError::json("value", error);
    let wrapper = inner.is_some();
    let mut first = true;
    while let Some(key) = cursor.key(&mut first).map_err(json)? {
        let key = key.text();
        parts.keys += 1;
        let flag = match &*key {
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
        };
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
                Some(inner) if cursor.open_object() => walk(cursor, record, inner, None)?,
                _ => parts.payload = Some(cursor.value().map_err(json)?),
            },
            _ => {
                let raw = cursor.value().map_err(json)?;
                match flag {
                    BEFORE => parts.before = Some(raw),
                    AFTER => parts.after = Some(raw),
                    OP => parts.op = Some(raw),
                    MESSAGE => parts.message = Some(raw),
                    TS => parts.timestamps += 1,
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn classify<'a>(record: &Record<'a>, parts: Parts<'a>, schema: Option<Inline<'a>>) -> Result<Skim<'a>, DecodeError> {
    if parts.has(OP) && (parts.has(SOURCE) || parts.has(BEFORE) || parts.has(AFTER)) {
        return envelope(record, parts, schema);
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

fn envelope<'a>(record: &Record<'a>, parts: Parts<'a>, schema: Option<Inline<'a>>) -> Result<Skim<'a>, DecodeError> {
    let raw = parts.op.unwrap_or("null");
    let Some(word) = raw::text(raw) else {
        return Err(DecodeError::new("op", format!("expected a text, found {}", raw::shape(raw))));
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
            let Some(message) = parts.message.filter(|raw| raw.starts_with('{')) else {
                return Err(DecodeError::new("message", "missing"));
            };
            return Ok(Skim::Message(Box::new(LogicalMessage::new(*record, source, message)?)));
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
    Ok(Skim::Change(Box::new(Envelope::new(*record, op, before, after, source, schema)?)))
}

fn image<'a>(field: &str, raw: Option<&'a str>) -> Result<Option<&'a str>, DecodeError> {
    match raw {
        None | Some("null") => Ok(None),
        Some(raw) if raw.starts_with('{') => Ok(Some(raw)),
        Some(raw) => Err(DecodeError::new(field, format!("expected an object, found {}", raw::shape(raw)))),
    }
}

#[cfg(test)]
mod tests;
