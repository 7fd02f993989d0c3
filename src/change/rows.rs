//! Row images from the bytes of a record.

use super::avro::Datum;
use super::envelope::{Envelope, Images};
use super::hints::Hints;
use super::image::Image;
use super::marks::{Marks, value_of};
use super::scan::Cursor;
use super::semantic::{self, Kind, Shape};
use super::unavailable::Placeholders;
use super::value::{Type, Value};
use super::{Column, DecodeError, Row, memo};
use std::collections::HashSet;
use std::sync::Arc;

/// Reads the rows of one table.
pub(crate) struct Rows<'h> {
    topic: &'h Arc<str>,
    server: &'h str,
    table: &'h str,
    /// `None` when the config types none of the table's columns.
    hints: Option<&'h dyn Hints>,
    placeholders: &'h Placeholders,
    /// Are the commas in an enum's options escaped? The connectors of MySQL and MariaDB do that, and Postgres's does not.
    escapes_options: bool,
}

/// A row, and the bytes of each column: of name and value in JSON, of the value in Avro.
pub(crate) struct Read<'a> {
    pub row: Row,
    members: Vec<&'a [u8]>,
}

/// How both images of an envelope are read.
#[derive(Clone, Copy)]
pub(crate) struct Shapes<'s> {
    pub before: Option<&'s Shape>,
    pub after: Option<&'s Shape>,
}

impl<'h> Rows<'h> {
    pub fn new(envelope: &'h Envelope<'_>, hints: &'h dyn Hints) -> Self {
        let (topic, server, table) = (envelope.record().topic, envelope.server(), envelope.table());
        let hints = Some(hints).filter(|hints| hints.types_columns(server, table));
        let escapes_options = !matches!(&*envelope.connector(), "postgresql" | "yugabytedb");
        Rows { topic, server, table, hints, placeholders: &envelope.placeholders, escapes_options }
    }

    /// Both images.
    pub fn images(&self, images: &Images<'_>, shapes: Shapes<'_>) -> Result<(Option<Row>, Option<Row>), DecodeError> {
        let written = [("before", &images.before), ("after", &images.after)].map(|(name, image)| match image {
            Some(Image::Protobuf(body)) => body.json().map_err(|reason| DecodeError::new(name, reason)),
            _ => Ok(String::new()),
        });
        let [old, new] = written;
        let (old, new) = (old?, new?);
        let before = match &images.before {
            None => None,
            Some(Image::Protobuf(_)) => Some(self.read("before", &old, shapes.before, None, None)?),
            Some(Image::Json(raw)) => Some(self.read("before", raw, shapes.before, Some(&images.marks), None)?),
            Some(Image::Avro(datum)) => Some(self.read_datum("before", datum, None)?),
        };
        // Only what has one and the same type in both images can be copied from one to the other.
        let same_shape = shapes.before.map(std::ptr::from_ref) == shapes.after.map(std::ptr::from_ref);
        let alike = match (&images.before, &images.after) {
            (Some(Image::Json(_)), Some(Image::Json(_))) => same_shape,
            (Some(Image::Protobuf(_)), Some(Image::Protobuf(_))) => same_shape,
            (Some(Image::Avro(before)), Some(Image::Avro(after))) => before.alike(after),
            _ => false,
        };
        let other = before.as_ref().filter(|_| alike);
        let after = match &images.after {
            None => None,
            Some(Image::Protobuf(_)) => Some(self.read("after", &new, shapes.after, None, other)?),
            Some(Image::Json(raw)) => Some(self.read("after", raw, shapes.after, None, other)?),
            Some(Image::Avro(datum)) => Some(self.read_datum("after", datum, other)?),
        };
        Ok((before.map(|read| read.row), after.map(|read| read.row)))
    }

    /// A row from an Avro record. Columns whose bytes are those of the other image are copied from there.
    pub fn read_datum<'a>(
        &self,
        image: &str,
        datum: &Datum<'a>,
        other: Option<&Read<'a>>,
    ) -> Result<Read<'a>, DecodeError> {
        let Some(mut members) = datum.members() else {
            return Err(DecodeError::new(image, "expected a record"));
        };
        let mut columns: Vec<Column> = Vec::with_capacity(members.len());
        let mut spans = Vec::with_capacity(members.len());
        while let Some(name) = members.name() {
            let at = members.at();
            if let Some(other) = other
                && let Some(span) = other.members.get(at)
                && members.skip_same(span)
            {
                spans.push(*span);
                columns.push(other.row.columns[at].clone());
                continue;
            }
            let hint = match self.hints {
                Some(hints) if members.kind().is_plain() => hints.column_type(self.server, self.table, name),
                _ => None,
            };
            let error = |reason| DecodeError::column(image, name, reason);
            let (mut ty, mut value, span) = members.value().map_err(error)?;
            if let Some(hint) = hint {
                if matches!(value, Value::Null | Value::Unavailable) {
                    ty = hint.ty();
                } else if let Ok(hinted) = semantic::decode(hint.kind(), &members.json(at, span).map_err(error)?) {
                    (ty, value) = hinted;
                }
            }
            spans.push(span);
            columns.push(Column { name: name.clone(), ty, value: self.option(ty, value) });
        }
        Ok(Read { row: Row { columns }, members: spans })
    }

    /// A row from a raw object.
    pub fn row(&self, image: &str, raw: &str, shape: Option<&Shape>) -> Result<Row, DecodeError> {
        Ok(self.read(image, raw, shape, None, None)?.row)
    }

    /// A row from a raw object. Columns that are spelt as in the other image are copied from there; where
    /// members are marked, they need not be scanned again.
    fn read<'a>(
        &self,
        image: &str,
        raw: &'a str,
        shape: Option<&Shape>,
        marks: Option<&Marks>,
        other: Option<&Read<'_>>,
    ) -> Result<Read<'a>, DecodeError> {
        let object = raw;
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
                members.push(cursor.since(start).as_bytes());
                columns.push(other.row.columns[at].clone());
                continue;
            }
            let marked = match (marks.and_then(|marks| marks.member(object, at)), expected(at)) {
                (Some(member), Some(known)) => value_of(member, known.0).map(|raw| (member, known, raw)),
                _ => None,
            };
            let (name, kind, raw) = if let Some((member, (name, kind), raw)) = marked {
                cursor.advance(member.len());
                (name.clone(), kind, raw)
            } else {
                let key = cursor.member_key().map_err(json)?.text();
                let raw = cursor.value().map_err(json)?;
                let known = expected(at).filter(|(name, _)| ***name == *key);
                in_order &= known.is_some();
                let known = known.or_else(|| shape?.field(&key, at).map(|(name, kind)| (name, kind)));
                match known {
                    Some((name, kind)) => (name.clone(), kind, raw),
                    None => (memo::name(&key), &Kind::Any, raw),
                }
            };
            members.push(cursor.since(start).as_bytes());
            let (ty, value) =
                self.value(&name, kind, raw).map_err(|reason| DecodeError::column(image, &name, reason))?;
            columns.push(Column { name, ty, value: self.option(ty, value) });
        }
        // Members that follow a list without repetitions one by one cannot repeat; only others are looked through.
        if !in_order {
            if let Some(name) = repeated(&columns) {
                return Err(DecodeError::column(image, name, "sent twice"));
            }
            if shape.is_none() && image != "key" {
                memo::remember_columns(self.topic, columns.iter().map(|column| column.name.clone()).collect());
            }
        }
        Ok(Read { row: Row { columns }, members })
    }

    /// An enum's option as the table has it.
    fn option(&self, ty: Type, value: Value) -> Value {
        match &value {
            Value::Text(text) if ty == Type::Enum && self.escapes_options && text.contains("\\,") => {
                Value::Text(text.replace("\\,", ",").into())
            }
            _ => value,
        }
    }

    fn value(&self, name: &str, kind: &Kind, raw: &str) -> Result<(Type, Value), semantic::Reason> {
        let hint = match self.hints {
            Some(hints) if kind.is_plain() => hints.column_type(self.server, self.table, name),
            _ => None,
        };
        if self.placeholders.is_raw(raw) {
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
}

/// The fields of a struct's schema.
pub(crate) fn shape(kind: &Kind) -> Option<&Shape> {
    match kind {
        Kind::Struct(shape) => Some(shape),
        _ => None,
    }
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
