//! What a record is, found in one walk over its bytes that builds nothing.

mod parts;
mod pinned;
mod protobuf;

use super::avro::{Datum, Part};
use super::envelope::{Envelope, Inline, KeyForm};
use super::frame::{self, Framed, Side};
use super::logical::LogicalMessage;
use super::marks::Marks;
use super::scan::Cursor;
use super::schemas::{Lookup, NoSchemas, Schema, SchemaId, Schemas};
use super::source::{Atom, Source};
use super::{DecodeError, Format, Reading, Record, cloud, flat, key, memo, raw};
use parts::*;
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

/// Finds out what a record is, by its bytes and headers.
pub fn skim_with<'a>(record: &Record<'a>, schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    skim_as(record, schemas, &Reading::default())
}

/// Finds out what a record is, where the config says how its topic is to be read.
///
/// The whole value is checked to be what it claims to be, so later steps only fail on what its parts mean.
pub fn skim_as<'a>(record: &Record<'a>, schemas: &dyn Schemas, reading: &Reading) -> Result<Skim<'a>, DecodeError> {
    let Some(bytes) = record.value else {
        return tombstone(record, schemas);
    };
    let mut skim = match reading.format {
        None => skim_any(record, bytes, schemas)?,
        Some(format) => pinned::skim(record, bytes, schemas, format)?,
    };
    if let Skim::Change(envelope) = &mut skim {
        match key_form(record, schemas)? {
            Ok(form) => envelope.key = form,
            Err(id) => return Ok(Skim::Needs(id)),
        }
        envelope.read_as(reading);
    }
    // Converters write the null of a delete's tombstone in other dresses too.
    if let Skim::Tombstone = skim {
        return tombstone(record, schemas);
    }
    Ok(skim)
}

/// A tombstone, or what its headers say that it was: the delete of a flattened row.
fn tombstone<'a>(record: &Record<'a>, schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    let Some(mut envelope) = flat::tombstone(record)? else {
        return Ok(Skim::Tombstone);
    };
    match key_form(record, schemas)? {
        Ok(form) => envelope.key = form,
        Err(id) => return Ok(Skim::Needs(id)),
    }
    Ok(Skim::Change(envelope))
}

fn skim_any<'a>(record: &Record<'a>, bytes: &'a [u8], schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    Ok(match bytes.first() {
        // No header is looked at before the text fails to be JSON: nearly all that begins so is some.
        Some(b'{' | b'[' | b'"' | b'n' | b't' | b'f' | b'-' | b'0'..=b'9' | b' ' | b'\n' | b'\r' | b'\t') => {
            match skim_json(record, bytes, schemas) {
                Ok(skim) => skim,
                Err(error) => match frame::by_header(record, Side::Value, bytes) {
                    Some(framed) => skim_framed(record, framed, schemas)?,
                    None => return Err(error),
                },
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
    })
}

fn skim_framed<'a>(record: &Record<'a>, framed: Framed<'a>, schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    let schema = match frame::resolve("value", framed.id, schemas)? {
        Ok(schema) => schema,
        Err(id) => return Ok(Skim::Needs(id)),
    };
    match &*schema {
        Schema::Avro(avro) => skim_avro(record, &Datum::root(&avro.plan, framed.payload)),
        Schema::Protobuf(schema) => protobuf::skim(record, &schema.plan, &framed),
        Schema::Json | Schema::Connect(_) => skim_json(record, framed.payload, schemas),
    }
}

/// How the key is written, or the schema that it needs first.
fn key_form<'a>(record: &Record<'a>, schemas: &dyn Schemas) -> Result<Result<KeyForm<'a>, SchemaId>, DecodeError> {
    let Some(bytes) = record.key else {
        return Ok(Ok(KeyForm::Bytes));
    };
    let framed = match bytes.first() {
        // An Avro key may begin so too; its number is then one of two.
        Some(b'{' | b'[') if matches!(bytes.last(), Some(b'}' | b']')) => None,
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
    let schema = match frame::resolve("key", framed.id, schemas)? {
        Ok(schema) => schema,
        Err(id) => return Ok(Err(id)),
    };
    Ok(Ok(match &*schema {
        Schema::Avro(avro) => KeyForm::Avro(Datum::root(&avro.plan, framed.payload)),
        Schema::Protobuf(schema) => protobuf::key(&schema.plan, &framed)?,
        Schema::Json | Schema::Connect(_) => KeyForm::Json(framed.payload),
    }))
}

/// JsonConverter's wrapper around a schema that was met before, which needs no second look: not even whether
/// it is UTF-8. `None` for anything else, and for what is wrong behind the schema.
fn skim_known<'a>(record: &Record<'a>, bytes: &'a [u8]) -> Option<Result<Skim<'a>, DecodeError>> {
    let (length, kind) = memo::schema_at(record.topic, bytes.strip_prefix(br#"{"schema":"#)?)?;
    let (schema, rest) = bytes.split_at(br#"{"schema":"#.len() + length);
    let rest = simdutf8::basic::from_utf8(rest.strip_prefix(br#","payload":"#)?).ok()?;
    let mut cursor = Cursor::new(rest);
    let mut parts = Parts::default();
    let mut marks = Marks::default();
    let mut last = true;
    if !cursor.open_object() || walk(&mut cursor, record, &mut parts, None, &mut marks).is_err() {
        return None;
    }
    if cursor.member(&mut last).ok()? || cursor.end().is_err() {
        return None;
    }
    let text = schema.get(br#"{"schema":"#.len()..)?;
    Some(classify(record, &mut parts, Some(Inline { text, kind }), marks))
}

fn skim_json<'a>(record: &Record<'a>, bytes: &'a [u8], schemas: &dyn Schemas) -> Result<Skim<'a>, DecodeError> {
    let skim = match skim_known(record, bytes) {
        Some(skim) => skim?,
        None => skim_text(record, bytes, schemas, None)?,
    };
    let Skim::Unknown = skim else {
        return Ok(skim);
    };
    // A row without its envelope is looked for last: it can look like anything.
    let unwrapped = key::unwrap("value", record.topic, bytes)?;
    let row = flat::json(record, unwrapped.payload, unwrapped.schema, false)?;
    Ok(row.map_or(Skim::Unknown, Skim::Change))
}

fn skim_text<'a>(
    record: &Record<'a>,
    bytes: &'a [u8],
    schemas: &dyn Schemas,
    pinned: Option<Format>,
) -> Result<Skim<'a>, DecodeError> {
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

    let cloud = outer.has(SPEC_VERSION) && outer.has(DATA);
    if cloud && matches!(pinned, None | Some(Format::CloudEvents)) {
        return Ok(cloud::change(record, text)?.map_or(Skim::Unknown, Skim::Change));
    }
    if pinned == Some(Format::CloudEvents) {
        return Err(DecodeError::new("specversion", "missing, where the config's decode says cloudevents"));
    }
    let wrapped = outer.keys == 2 && outer.has(PAYLOAD);
    if wrapped && outer.has(SCHEMA_ID) {
        // Apicurio's ExtJsonConverter: a Connect schema that stands in the registry.
        return match (outer.payload, connect_schema(text, schemas)) {
            (Some("null"), _) => Ok(Skim::Tombstone),
            (Some(_), _) => Ok(Skim::Unknown),
            (None, Err(id)) => Ok(Skim::Needs(id)),
            (None, Ok(schema)) => classify(record, &mut inner, schema, marks),
        };
    }
    if !(wrapped && outer.has(SCHEMA)) {
        return classify(record, &mut outer, None, marks);
    }
    let schema = outer.schema.filter(|schema| schema.text.starts_with(b"{"));
    if let Some(schema) = schema.as_ref().filter(|schema| schema.kind.is_none()) {
        memo::remember_schema(record.topic, schema.text());
    }
    match outer.payload {
        Some("null") => Ok(Skim::Tombstone),
        Some(_) => Ok(Skim::Unknown),
        None => classify(record, &mut inner, schema, marks),
    }
}

/// The schema of an ExtJson payload; none where no registry has it, because JSON can be read without.
fn connect_schema<'a>(text: &'a str, schemas: &dyn Schemas) -> Result<Option<Inline<'a>>, SchemaId> {
    let Some(id) = raw::member(text, "schemaId").and_then(|raw| raw.trim_matches('"').parse().ok()) else {
        return Ok(None);
    };
    let id = SchemaId::Global(id);
    match schemas.schema(&id) {
        Lookup::Pending => Err(id),
        Lookup::Found(schema) => Ok(match &*schema {
            Schema::Connect(connect) => Some(Inline { text: b"", kind: Some(connect.kind.clone()) }),
            _ => None,
        }),
        Lookup::Unknown(_) | Lookup::NoRegistry => Ok(None),
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
        if flag & (SOURCE | BEFORE | AFTER | OP | MESSAGE | UPDATE_DESCRIPTION) == 0 {
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
            (UPDATE_DESCRIPTION, Part::Null) => {}
            (UPDATE_DESCRIPTION, Part::Record(datum)) => {
                let raw = datum.json().map_err(error)?;
                parts.update = Some(Cow::Owned(raw));
            }
            (_, part) => parts.op = Atom::part(&part),
        }
    }
    members.end().map_err(|reason| DecodeError::new("value", reason))?;
    match classify(record, &mut parts, None, Marks::default())? {
        Skim::Unknown => {
            let row = flat::avro(record, &datum, false)?;
            Ok(row.map_or(Skim::Unknown, Skim::Change))
        }
        skim => Ok(skim),
    }
}

/// The bytes as text, or why they are none.
pub(crate) fn json_text<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
    match bytes.first() {
        None => Err(DecodeError::new(field, "empty")),
        Some(0 | 1) => Err(DecodeError::new(field, "framed for a schema registry, where JSON was expected")),
        Some(_) => simdutf8::compat::from_utf8(bytes)
            .map_err(|error| DecodeError::new(field, format!("not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

#[cfg(test)]
mod tests;
