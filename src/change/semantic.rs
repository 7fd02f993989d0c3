//! Semantic types: what a raw JSON value means, by the schema's name for it or the config's word.

use super::decimal::{decimal, decimal_text, loose_decimal, variable_decimal};
use super::document::extended;
use super::moment::{date, moment, scaled, structured, time_of_day, zoned_time};
use super::raw;
use super::time;
use super::value::{Type, Value};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::sync::Arc;

/// Why a value does not fit its type; never holds the value.
pub(crate) type Reason = Cow<'static, str>;

/// The unit in which a number counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Told by the number's size: only for configured types without a unit.
    Guess,
    Milli,
    Micro,
    Nano,
}

/// How a value is written and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// No schema: the JSON's own types.
    Any,
    Bool,
    /// Configured: also 0, 1, "true", "t".
    LooseBool,
    Int,
    /// Configured: also an integer in a text.
    LooseInt,
    /// Configured: a 64-bit column that the source wraps below zero.
    Unsigned,
    Float,
    Text,
    /// Configured: anything, as its text.
    LooseText,
    Bytes,
    /// Base64 of the unscaled number (JsonConverter's BASE64) or a number (NUMERIC), with the schema's scale.
    Decimal(i64),
    /// Configured: text, number, base64 or `{scale, value}`.
    LooseDecimal(Option<i64>),
    VariableDecimal,
    Date,
    Time(Unit),
    Timestamp(Unit),
    Instant(Unit),
    ZonedTime,
    Duration(Unit),
    Interval,
    /// `io.debezium.time.Structured*`: the fields of a date or time, one by one.
    Structured(Type),
    Json,
    Xml,
    Uuid,
    Enum,
    Set,
    Bits(Option<usize>),
    Point,
    Geometry,
    SparseVector,
    Array(Box<Kind>),
    Map(Box<Kind>),
    Struct(Arc<Shape>),
}

/// The fields of a struct, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shape {
    pub fields: Vec<(Arc<str>, Kind)>,
}

impl Shape {
    /// The field of this name; `guess` is where it probably stands.
    pub fn field(&self, name: &str, guess: usize) -> Option<&(Arc<str>, Kind)> {
        match self.fields.get(guess) {
            Some(field) if &*field.0 == name => Some(field),
            _ => self.fields.iter().find(|f| &*f.0 == name),
        }
    }
}

impl Kind {
    /// The type that values of this kind have; [`Type::Unknown`] where the value itself tells.
    pub fn ty(&self) -> Type {
        match self {
            Kind::Any => Type::Unknown,
            Kind::Bool | Kind::LooseBool => Type::Bool,
            Kind::Int | Kind::LooseInt | Kind::Unsigned => Type::Int,
            Kind::Float => Type::Float,
            Kind::Text | Kind::LooseText => Type::Text,
            Kind::Bytes => Type::Bytes,
            Kind::Decimal(_) | Kind::LooseDecimal(_) | Kind::VariableDecimal => Type::Decimal,
            Kind::Date => Type::Date,
            Kind::Time(_) | Kind::ZonedTime => Type::Time,
            Kind::Timestamp(_) => Type::Timestamp,
            Kind::Instant(_) => Type::Instant,
            Kind::Duration(_) | Kind::Interval => Type::Duration,
            Kind::Structured(ty) => *ty,
            Kind::Json | Kind::Struct(_) => Type::Json,
            Kind::Xml => Type::Xml,
            Kind::Uuid => Type::Uuid,
            Kind::Enum => Type::Enum,
            Kind::Set => Type::Set,
            Kind::Bits(_) => Type::Bits,
            Kind::Point => Type::Point,
            Kind::Geometry => Type::Geometry,
            Kind::SparseVector | Kind::Map(_) => Type::Map,
            Kind::Array(_) => Type::Array,
        }
    }

    /// True where the schema says no more than the wire's own type, so that a configured type may say more.
    pub fn is_plain(&self) -> bool {
        matches!(self, Kind::Any | Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::Bytes)
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a raw value means. `Null` and [`Value::Unavailable`] are told before the kind is asked.
pub(crate) fn decode(kind: &Kind, raw: &str) -> Result<(Type, Value), Reason> {
    if raw == "null" {
        return Ok((kind.ty(), Value::Null));
    }
    if let Kind::Any = kind {
        return schemaless(raw);
    }
    Ok((kind.ty(), typed(kind, raw)?))
}

fn typed(kind: &Kind, raw: &str) -> Result<Value, Reason> {
    Ok(match kind {
        Kind::Any => schemaless(raw)?.1,
        Kind::Bool => match raw {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(unexpected("a boolean", raw)),
        },
        Kind::LooseBool => match raw.trim_matches('"') {
            "true" | "1" | "t" | "TRUE" | "True" => Value::Bool(true),
            "false" | "0" | "f" | "FALSE" | "False" => Value::Bool(false),
            _ => return Err(unexpected("a boolean", raw)),
        },
        Kind::Int => Value::Int(int(raw)?),
        Kind::LooseInt => Value::Int(int(raw.trim_matches('"'))?),
        Kind::Unsigned => {
            let number = int(raw.trim_matches('"'))?;
            // why a sum: 64-bit two's complement read as signed is the true value minus 2^64.
            Value::Int(if number < 0 { number + (1 << 64) } else { number })
        }
        Kind::Float => Value::Float(float(raw)?),
        Kind::Enum => Value::Text(text(raw)?.into()),
        Kind::Text | Kind::Xml | Kind::Uuid | Kind::Interval => Value::Text(text(raw)?.into()),
        Kind::LooseText => Value::Text(raw::text(raw).unwrap_or(Cow::Borrowed(raw)).into()),
        Kind::Bytes => Value::Bytes(bytes(raw)?.into()),
        Kind::Decimal(scale) => Value::Decimal(decimal(raw, *scale)?),
        Kind::LooseDecimal(scale) => Value::Decimal(loose_decimal(raw, *scale)?),
        Kind::VariableDecimal => Value::Decimal(variable_decimal(raw)?),
        Kind::Date => Value::Date(date(raw)?),
        Kind::Time(unit) => Value::Time(time_of_day(raw, *unit)?),
        Kind::Timestamp(unit) => Value::Timestamp(moment(raw, *unit, false)?),
        Kind::Instant(unit) => Value::Instant(moment(raw, *unit, true)?),
        Kind::ZonedTime => zoned_time(&text(raw)?)?,
        Kind::Duration(unit) => match raw::text(raw) {
            Some(text) => Value::Text(text.into()),
            None => Value::Text(time::duration_text(scaled(int(raw)?, *unit)).into()),
        },
        Kind::Structured(ty) => structured(raw, *ty)?,
        Kind::Json => match raw::text(raw) {
            Some(text) => document(&text),
            None => Value::Json(Arc::new(raw::build(raw))),
        },
        Kind::Set => match raw.starts_with('[') {
            true => array(&Kind::Text, raw)?,
            false => set(&text(raw)?),
        },
        Kind::Bits(length) => bits(raw, *length)?,
        Kind::Point => point(raw)?,
        Kind::Geometry => match raw.starts_with('{') {
            true => Value::Bytes(bytes(raw::member(raw, "wkb").ok_or("wkb: missing")?)?.into()),
            false => Value::Bytes(bytes(raw)?.into()),
        },
        Kind::SparseVector => match raw::member(raw, "vector") {
            Some(vector) => map(&Kind::Float, vector)?,
            None => return Err(unexpected("a sparse vector", raw)),
        },
        Kind::Array(element) => array(element, raw)?,
        Kind::Map(value) => map(value, raw)?,
        Kind::Struct(shape) => {
            if !raw.starts_with('{') {
                return Err(unexpected("an object", raw));
            }
            let mut object = serde_json::Map::new();
            for (at, (key, raw)) in raw::members(raw).enumerate() {
                let kind = shape.field(&key, at).map_or(&Kind::Any, |field| &field.1);
                object.insert(key.into_owned(), decode(kind, raw)?.1.canonical());
            }
            Value::Json(Arc::new(serde_json::Value::Object(object)))
        }
    })
}

/// A JSON document in a text.
pub(crate) fn document(text: &str) -> Value {
    // One that this build cannot hold (nested too deeply) is still shown, as its text.
    Value::Json(Arc::new(raw::document(text).unwrap_or_else(|| serde_json::Value::String(text.to_owned()))))
}

/// MySQL's SET: words with commas between them.
pub(crate) fn set(text: &str) -> Value {
    Value::Array(text.split(',').filter(|word| !word.is_empty()).map(|word| Value::Text(word.into())).collect())
}

pub(crate) fn unexpected(expected: &str, raw: &str) -> Reason {
    format!("expected {expected}, found {}", raw::shape(raw)).into()
}

/// Without a schema: what the JSON itself says, and not a digit less.
fn schemaless(raw: &str) -> Result<(Type, Value), Reason> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => (Type::Text, Value::Text(text(raw)?.into())),
        Some(b'{') => match extended(raw) {
            Some(value) => value,
            None => (Type::Json, Value::Json(Arc::new(raw::build(raw)))),
        },
        Some(b'[') => (Type::Array, array(&Kind::Any, raw)?),
        Some(b't') => (Type::Bool, Value::Bool(true)),
        Some(b'f') => (Type::Bool, Value::Bool(false)),
        Some(b'n') | None => (Type::Unknown, Value::Null),
        Some(_) => {
            if raw::is_integer(raw) {
                // More than a column of integers holds. A decimal may: `columns.*.type` says so, and is read before this.
                let number =
                    int(raw).map_err(|reason| format!("{reason}; if it is a decimal, set its type in columns"))?;
                return Ok((Type::Int, Value::Int(number)));
            }
            let double = raw.parse::<f64>().ok().filter(|f| f.is_finite());
            match double {
                Some(double) if raw::significant_digits(raw) <= raw::DOUBLE_DIGITS => {
                    (Type::Float, Value::Float(double))
                }
                _ => match decimal_text(raw) {
                    Ok(decimal) => (Type::Decimal, Value::Decimal(decimal)),
                    Err(_) => (Type::Text, Value::Text(raw.into())),
                },
            }
        }
    })
}

pub(crate) fn text(raw: &str) -> Result<Cow<'_, str>, Reason> {
    raw::text(raw).ok_or_else(|| unexpected("a text", raw))
}

pub(crate) fn int(raw: &str) -> Result<i128, Reason> {
    const RANGE: std::ops::RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;
    match raw.parse::<i128>() {
        Ok(number) if RANGE.contains(&number) => Ok(number),
        // No column and no converter has such integers; beyond 128 bits they do not even parse.
        _ if raw::is_integer(raw) && raw.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("a number of more than 64 bits".into())
        }
        _ => Err(unexpected("an integer", raw)),
    }
}

fn float(raw: &str) -> Result<f64, Reason> {
    match raw {
        r#""NaN""# => Ok(f64::NAN),
        r#""Infinity""# => Ok(f64::INFINITY),
        r#""-Infinity""# => Ok(f64::NEG_INFINITY),
        _ => raw.trim_matches('"').parse::<f64>().map_err(|_| unexpected("a floating-point number", raw)),
    }
}

pub(crate) fn bytes(raw: &str) -> Result<Vec<u8>, Reason> {
    BASE64.decode(text(raw)?.as_bytes()).map_err(|_| "expected base64".into())
}

fn array(element: &Kind, raw: &str) -> Result<Value, Reason> {
    if !raw.starts_with('[') {
        return Err(unexpected("an array", raw));
    }
    raw::elements(raw).map(|raw| Ok(decode(element, raw)?.1)).collect::<Result<_, Reason>>().map(Value::Array)
}

/// A map as an object, or as JsonConverter writes keys that are no texts: `[[key, value], ...]`.
fn map(value: &Kind, raw: &str) -> Result<Value, Reason> {
    let mut entries = Vec::new();
    match raw.as_bytes().first() {
        Some(b'{') => {
            for (key, raw) in raw::members(raw) {
                entries.push((Arc::from(key), decode(value, raw)?.1));
            }
        }
        Some(b'[') => {
            for pair in raw::elements(raw) {
                let mut pair = raw::elements(pair);
                match (pair.next(), pair.next()) {
                    (Some(key), Some(raw)) => {
                        let key = raw::text(key).unwrap_or(Cow::Borrowed(key));
                        entries.push((Arc::from(key), decode(value, raw)?.1));
                    }
                    _ => return Err("expected pairs of key and value".into()),
                }
            }
        }
        _ => return Err(unexpected("a map", raw)),
    }
    Ok(Value::Map(entries))
}

fn bits(raw: &str, length: Option<usize>) -> Result<Value, Reason> {
    if let "true" | "false" = raw {
        return Ok(Value::Bits(if raw == "true" { "1" } else { "0" }.into()));
    }
    Ok(Value::Bits(bits_text(&bytes(raw)?, length).into()))
}

/// Debezium's bits are little-endian: the last byte holds the most significant ones.
pub(crate) fn bits_text(bytes: &[u8], length: Option<usize>) -> String {
    /// Longer declared lengths (varbit without a limit says 2^31 - 1) are no length to pad to.
    const PAD_MAX: usize = 65_536;
    let all: String = bytes.iter().rev().map(|byte| format!("{byte:08b}")).collect();
    match length.filter(|length| *length <= PAD_MAX) {
        Some(length) if all.len() < length => format!("{all:0>length$}"),
        Some(length) => {
            let surplus = all.len() - length;
            // Bits beyond the declared length are padding of the last byte; a set one is data and stays.
            if all[..surplus].contains('1') { all } else { all[surplus..].to_owned() }
        }
        None => all,
    }
}

fn point(raw: &str) -> Result<Value, Reason> {
    if !raw.starts_with('{') {
        return Err(unexpected("a point", raw));
    }
    let coordinate = |name: &'static str| float(raw::member(raw, name).ok_or(Reason::Borrowed("x or y: missing"))?);
    Ok(Value::Point(coordinate("x")?, coordinate("y")?))
}

#[cfg(test)]
mod tests;
