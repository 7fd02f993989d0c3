//! Values of topics whose format the config pins: what does not fit is an error, and nothing is guessed.

use super::{Skim, protobuf, skim_avro, skim_text};
use crate::change::avro::{Datum, Part};
use crate::change::frame::{self, Framed, Side};
use crate::change::{DecodeError, Format, Record, Schema, Schemas, flat, key, raw};

pub(super) fn skim<'a>(
    record: &Record<'a>,
    bytes: &'a [u8],
    schemas: &dyn Schemas,
    format: Format,
) -> Result<Skim<'a>, DecodeError> {
    let framed = framed(record, bytes);
    match (format, framed) {
        (Format::Json | Format::CloudEvents, Some(framed)) if matches!(bytes.first(), Some(0 | 1)) => {
            Err(misfit(format, format!("framed for a schema registry (schema {})", framed.id)))
        }
        (Format::Json | Format::CloudEvents, _) => skim_text(record, bytes, schemas, Some(format)),
        (Format::Flat, None) => flat_json(record, bytes),
        (Format::Flat, Some(framed)) => by_schema(record, framed, schemas, format),
        (Format::Avro | Format::Protobuf | Format::JsonSchema, Some(framed)) => {
            by_schema(record, framed, schemas, format)
        }
        (Format::Avro | Format::Protobuf | Format::JsonSchema, None) => {
            Err(misfit(format, "not framed for a schema registry".to_owned()))
        }
    }
}

fn misfit(format: Format, found: String) -> DecodeError {
    DecodeError::new("value", format!("{found}, where the config's decode says {format}"))
}

fn framed<'a>(record: &Record<'a>, bytes: &'a [u8]) -> Option<Framed<'a>> {
    frame::by_header(record, Side::Value, bytes).or_else(|| frame::by_magic("value", bytes).ok())
}

fn by_schema<'a>(
    record: &Record<'a>,
    framed: Framed<'a>,
    schemas: &dyn Schemas,
    format: Format,
) -> Result<Skim<'a>, DecodeError> {
    let schema = match frame::resolve("value", framed.id, schemas)? {
        Ok(schema) => schema,
        Err(id) => return Ok(Skim::Needs(id)),
    };
    match (format, &*schema) {
        (Format::Avro, Schema::Avro(avro)) => skim_avro(record, &Datum::root(&avro.plan, framed.payload)),
        (Format::Protobuf, Schema::Protobuf(schema)) => protobuf::skim(record, &schema.plan, &framed),
        (Format::JsonSchema, Schema::Json | Schema::Connect(_)) => {
            skim_text(record, framed.payload, schemas, Some(format))
        }
        (Format::Flat, Schema::Avro(avro)) => {
            let datum = Datum::root(&avro.plan, framed.payload);
            let part = datum.part().map_err(|reason| DecodeError::new("value", reason))?;
            match part {
                Part::Null => Ok(Skim::Tombstone),
                Part::Record(datum) => row(flat::avro(record, &datum, true)?),
                _ => Err(misfit(format, "no record".to_owned())),
            }
        }
        (Format::Flat, Schema::Protobuf(schema)) => protobuf::row(record, &schema.plan, &framed),
        (Format::Flat, Schema::Json | Schema::Connect(_)) => flat_json(record, framed.payload),
        (_, found) => Err(misfit(format, format!("{} of the schema {}", found.format(), framed.id))),
    }
}

fn flat_json<'a>(record: &Record<'a>, bytes: &'a [u8]) -> Result<Skim<'a>, DecodeError> {
    let unwrapped = key::unwrap("value", record.topic, bytes)?;
    match unwrapped.payload.as_bytes().first() {
        Some(b'n') => Ok(Skim::Tombstone),
        Some(b'{') => row(flat::json(record, unwrapped.payload, unwrapped.schema, true)?),
        _ => Err(misfit(Format::Flat, raw::shape(unwrapped.payload).to_owned())),
    }
}

fn row(envelope: Option<Box<crate::change::Envelope<'_>>>) -> Result<Skim<'_>, DecodeError> {
    Ok(envelope.map_or(Skim::Unknown, Skim::Change))
}

#[cfg(test)]
mod tests;
