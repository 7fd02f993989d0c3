//! Sources whose images are no plain rows: MongoDB's documents in texts, Cassandra's cells.

use super::image::Image;
use super::raw;
use super::scan::Cursor;
use super::semantic::{Kind, Shape};
use super::value::{Bounded, Type, Value};
use super::{DecodeError, decimal, moment, semantic};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

/// An image that is a JSON document inside a text.
pub(crate) fn in_text<'a>(field: &str, text: Cow<'a, str>) -> Result<Option<Image<'a>>, DecodeError> {
    let mut cursor = Cursor::new(&text);
    let object = cursor.peek() == Some(b'{');
    let start = cursor.at();
    let checked = cursor.value().and_then(|_| cursor.end());
    checked.map_err(|error| DecodeError::json(field, error))?;
    match object {
        true if start == 0 => Ok(Some(Image::Json(text))),
        true => Ok(Some(Image::Json(Cow::Owned(text[start..].to_owned())))),
        false if text.trim() == "null" => Ok(None),
        false => Err(DecodeError::new(field, "expected a document in the text")),
    }
}

/// What a MongoDB update changed, where the whole document was not sent: `updatedFields`, and nulls for
/// `removedFields`.
pub(crate) fn update_description<'a>(raw: &str) -> Result<Option<Image<'a>>, DecodeError> {
    const FIELD: &str = "updateDescription";
    let fields = raw::member(raw, "updatedFields").and_then(raw::text);
    let image = match fields {
        Some(text) => in_text(FIELD, Cow::Owned(text.into_owned()))?,
        None => None,
    };
    let mut out = match image {
        Some(Image::Json(text)) => text.into_owned(),
        _ => "{}".to_owned(),
    };
    out.truncate(out.trim_end().len().saturating_sub(1));
    for removed in raw::member(raw, "removedFields").into_iter().flat_map(raw::elements) {
        // why: writing to a String cannot fail.
        let _ = write!(out, "{}{removed}:null", if out.trim_end().ends_with('{') { "" } else { "," });
    }
    out.push('}');
    in_text(FIELD, Cow::Owned(out))
}

/// Cassandra's cells `{value, deletion_ts, set}` as a row; cells that were not set are left out.
pub(crate) fn cells(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    out.push('{');
    for (name, cell) in raw::members(raw) {
        let cell = match cell.starts_with('{') {
            true if raw::member(cell, "set") == Some("false") => continue,
            true if raw::members(cell).any(|(key, _)| key == "value") => raw::member(cell, "value").unwrap_or("null"),
            _ => cell,
        };
        let name = serde_json::Value::String(name.into_owned());
        let _ = write!(out, "{}{name}:{cell}", if out.len() > 1 { "," } else { "" });
    }
    out.push('}');
    out
}

/// The shape of a row whose cells were unwrapped.
pub(crate) fn cells_shape(shape: &Shape) -> Shape {
    let unwrapped = |kind: &Kind| match kind {
        Kind::Struct(cell) => cell.field("value", 0).map_or_else(|| kind.clone(), |(_, value)| value.clone()),
        kind => kind.clone(),
    };
    Shape { fields: shape.fields.iter().map(|(name, kind)| (name.clone(), unwrapped(kind))).collect() }
}

/// A value in MongoDB's extended JSON: `{"$numberDecimal": "1.50"}`; `None` for any other object.
pub(crate) fn extended(raw: &str) -> Option<(Type, Value)> {
    let mut members = raw::members(raw);
    let (name, inner) = members.next().filter(|(name, _)| name.starts_with('$'))?;
    let text = || raw::text(inner);
    let second = members.next();
    Some(match (&*name, second) {
        ("$oid", None) => (Type::Text, Value::Text(text()?.into())),
        ("$numberLong" | "$numberInt", None) => (Type::Int, Value::Int(text()?.parse().ok()?)),
        ("$numberDouble", None) => (Type::Float, Value::Float(text()?.parse().ok()?)),
        ("$numberDecimal", None) => (Type::Decimal, Value::Decimal(decimal::decimal_text(&text()?).ok()?)),
        ("$date", None) => {
            let nanos = match inner.starts_with('{') {
                true => moment::scaled(
                    raw::member(inner, "$numberLong").and_then(raw::text)?.parse().ok()?,
                    semantic::Unit::Milli,
                ),
                false => match moment::moment(inner, semantic::Unit::Milli, true).ok()? {
                    Bounded::Finite(nanos) => nanos,
                    end => return Some((Type::Instant, Value::Instant(end))),
                },
            };
            (Type::Instant, Value::Instant(Bounded::Finite(nanos)))
        }
        ("$uuid", None) => (Type::Uuid, Value::Text(text()?.into())),
        ("$binary", None) if inner.starts_with('{') => {
            binary(raw::member(inner, "base64")?, raw::member(inner, "subType").and_then(raw::text))?
        }
        ("$binary", Some((_, subtype))) => binary(inner, raw::text(subtype))?,
        ("$undefined", None) => (Type::Unknown, Value::Null),
        _ => return None,
    })
}

fn binary(base64: &str, subtype: Option<Cow<'_, str>>) -> Option<(Type, Value)> {
    let bytes = semantic::bytes(base64).ok()?;
    if let (Some("04" | "4"), Ok(uuid)) = (subtype.as_deref(), <[u8; 16]>::try_from(&bytes[..])) {
        let word = super::schemas::SchemaId::Guid(uuid).word();
        return Some((Type::Uuid, Value::Text(word.into())));
    }
    Some((Type::Bytes, Value::Bytes(Arc::from(bytes))))
}

#[cfg(test)]
mod tests;
