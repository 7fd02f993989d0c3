//! Semantic types: what a raw JSON value means, by the schema's name for it or the config's word.

use super::scan::{self, DIGITS_MAX};
use super::time::{self, DAY, SECOND};
use super::value::{Bounded, Decimal, Type, Value};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
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
        return any(raw);
    }
    Ok((kind.ty(), typed(kind, raw)?))
}

fn typed(kind: &Kind, raw: &str) -> Result<Value, Reason> {
    Ok(match kind {
        Kind::Any => any(raw)?.1,
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
        Kind::Text | Kind::Xml | Kind::Uuid | Kind::Enum | Kind::Interval => Value::Text(text(raw)?.into()),
        Kind::LooseText => Value::Text(scan::text(raw).unwrap_or(Cow::Borrowed(raw)).into()),
        Kind::Bytes => Value::Bytes(bytes(raw)?.into()),
        Kind::Decimal(scale) => Value::Decimal(decimal(raw, *scale)?),
        Kind::LooseDecimal(scale) => Value::Decimal(loose_decimal(raw, *scale)?),
        Kind::VariableDecimal => Value::Decimal(variable_decimal(raw)?),
        Kind::Date => Value::Date(date(raw)?),
        Kind::Time(unit) => Value::Time(time_of_day(raw, *unit)?),
        Kind::Timestamp(unit) => Value::Timestamp(moment(raw, *unit, false)?),
        Kind::Instant(unit) => Value::Instant(moment(raw, *unit, true)?),
        Kind::ZonedTime => zoned_time(raw)?,
        Kind::Duration(unit) => match scan::text(raw) {
            Some(text) => Value::Text(text.into()),
            None => Value::Text(time::duration_text(scaled(int(raw)?, *unit)).into()),
        },
        Kind::Structured(ty) => structured(raw, *ty)?,
        Kind::Json => match scan::text(raw) {
            // A document that this build cannot hold (nested too deeply) is still shown, as its text.
            Some(text) => Value::Json(Arc::new(
                scan::document(&text).unwrap_or_else(|| serde_json::Value::String(text.into_owned())),
            )),
            None => Value::Json(Arc::new(scan::build(raw))),
        },
        Kind::Set => match raw.starts_with('[') {
            true => array(&Kind::Text, raw)?,
            false => Value::Array(
                text(raw)?.split(',').filter(|word| !word.is_empty()).map(|word| Value::Text(word.into())).collect(),
            ),
        },
        Kind::Bits(length) => bits(raw, *length)?,
        Kind::Point => point(raw)?,
        Kind::Geometry => match raw.starts_with('{') {
            true => Value::Bytes(bytes(scan::member(raw, "wkb").ok_or("wkb: missing")?)?.into()),
            false => Value::Bytes(bytes(raw)?.into()),
        },
        Kind::SparseVector => match scan::member(raw, "vector") {
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
            for (at, (key, raw)) in scan::members(raw).enumerate() {
                let kind = shape.field(&key, at).map_or(&Kind::Any, |field| &field.1);
                object.insert(key.into_owned(), decode(kind, raw)?.1.canonical());
            }
            Value::Json(Arc::new(serde_json::Value::Object(object)))
        }
    })
}

fn unexpected(expected: &str, raw: &str) -> Reason {
    format!("expected {expected}, found {}", scan::shape(raw)).into()
}

/// Without a schema: what the JSON itself says, and not a digit less.
fn any(raw: &str) -> Result<(Type, Value), Reason> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => (Type::Text, Value::Text(text(raw)?.into())),
        Some(b'{') => (Type::Json, Value::Json(Arc::new(scan::build(raw)))),
        Some(b'[') => (Type::Array, array(&Kind::Any, raw)?),
        Some(b't') => (Type::Bool, Value::Bool(true)),
        Some(b'f') => (Type::Bool, Value::Bool(false)),
        Some(b'n') | None => (Type::Unknown, Value::Null),
        Some(_) => {
            if scan::is_integer(raw)
                && let Ok(number) = raw.parse::<i128>()
            {
                return Ok((Type::Int, Value::Int(number)));
            }
            let double = raw.parse::<f64>().ok().filter(|f| f.is_finite());
            match double {
                Some(double) if !scan::is_integer(raw) && scan::significant_digits(raw) <= scan::DOUBLE_DIGITS => {
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

fn text(raw: &str) -> Result<Cow<'_, str>, Reason> {
    scan::text(raw).ok_or_else(|| unexpected("a text", raw))
}

fn int(raw: &str) -> Result<i128, Reason> {
    raw.parse::<i128>().map_err(|_| unexpected("an integer", raw))
}

fn float(raw: &str) -> Result<f64, Reason> {
    match raw {
        r#""NaN""# => Ok(f64::NAN),
        r#""Infinity""# => Ok(f64::INFINITY),
        r#""-Infinity""# => Ok(f64::NEG_INFINITY),
        _ => raw.trim_matches('"').parse::<f64>().map_err(|_| unexpected("a floating-point number", raw)),
    }
}

fn bytes(raw: &str) -> Result<Vec<u8>, Reason> {
    BASE64.decode(text(raw)?.as_bytes()).map_err(|_| "expected base64".into())
}

fn array(element: &Kind, raw: &str) -> Result<Value, Reason> {
    if !raw.starts_with('[') {
        return Err(unexpected("an array", raw));
    }
    scan::elements(raw).map(|raw| Ok(decode(element, raw)?.1)).collect::<Result<_, Reason>>().map(Value::Array)
}

/// A map as an object, or as JsonConverter writes keys that are no texts: `[[key, value], ...]`.
fn map(value: &Kind, raw: &str) -> Result<Value, Reason> {
    let mut entries = Vec::new();
    match raw.as_bytes().first() {
        Some(b'{') => {
            for (key, raw) in scan::members(raw) {
                entries.push((Arc::from(key), decode(value, raw)?.1));
            }
        }
        Some(b'[') => {
            for pair in scan::elements(raw) {
                let mut pair = scan::elements(pair);
                match (pair.next(), pair.next()) {
                    (Some(key), Some(raw)) => {
                        let key = scan::text(key).unwrap_or(Cow::Borrowed(key));
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

// ---- decimals ----

pub(crate) fn decimal(raw: &str, scale: i64) -> Result<Decimal, Reason> {
    if raw.starts_with('"') {
        return unscaled(&bytes(raw)?, scale);
    }
    with_scale(decimal_text(raw)?, Some(scale))
}

/// A big-endian two's complement number and its scale.
pub(crate) fn unscaled(bytes: &[u8], scale: i64) -> Result<Decimal, Reason> {
    // 0.42 bytes a digit; beyond the limit it is no database's number, only a way to keep a worker busy.
    if bytes.len() > DIGITS_MAX / 2 || scale.unsigned_abs() > DIGITS_MAX as u64 {
        return Err("a decimal of more digits than any database holds".into());
    }
    if bytes.is_empty() {
        return Err("expected a number, found no bytes".into());
    }
    Ok(Decimal::Finite(BigDecimal::new(BigInt::from_signed_bytes_be(bytes), scale)))
}

fn with_scale(decimal: Decimal, scale: Option<i64>) -> Result<Decimal, Reason> {
    Ok(match (decimal, scale) {
        // Only ever more zeros: a number is never rounded to the scale it ought to have.
        (Decimal::Finite(number), Some(scale))
            if number.fractional_digit_count() < scale && scale.unsigned_abs() <= DIGITS_MAX as u64 =>
        {
            Decimal::Finite(number.with_scale(scale))
        }
        (decimal, _) => decimal,
    })
}

/// A decimal in digits, with or without an exponent, or one of the words for what is no number.
pub(crate) fn decimal_text(text: &str) -> Result<Decimal, Reason> {
    let reason = || Reason::Borrowed("expected a decimal");
    match text {
        "NaN" | "NAN" | "nan" => return Ok(Decimal::NaN),
        "Infinity" | "infinity" | "POSITIVE_INFINITY" | "+Infinity" => {
            return Ok(Decimal::Infinity);
        }
        "-Infinity" | "-infinity" | "NEGATIVE_INFINITY" => return Ok(Decimal::NegInfinity),
        _ => {}
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| reason())?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = fraction.len() as i64 - exponent.clamp(-1_000_000_000, 1_000_000_000);
    if text.len() > DIGITS_MAX || scale.unsigned_abs() > DIGITS_MAX as u64 {
        return Err("a decimal of more digits than any database holds".into());
    }
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if digits.len() + fraction.len() == 0 || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(reason());
    }
    let joined: String = [whole.strip_prefix('+').unwrap_or(whole), fraction].concat();
    let number = match joined.parse::<i128>() {
        Ok(small) => BigInt::from(small),
        Err(_) => joined.parse::<BigInt>().map_err(|_| reason())?,
    };
    Ok(Decimal::Finite(BigDecimal::new(number, scale)))
}

fn loose_decimal(raw: &str, scale: Option<i64>) -> Result<Decimal, Reason> {
    if raw.starts_with('{') {
        return variable_decimal(raw);
    }
    let Some(text) = scan::text(raw) else {
        return with_scale(decimal_text(raw)?, scale);
    };
    match (decimal_text(&text), scale) {
        // With a scale above 0, digits without a point are base64 that happens to look like a number:
        // as a text the number would show its fraction.
        (Ok(Decimal::Finite(_)), Some(1..)) if !text.contains(['.', '-', 'e', 'E']) && text.len() % 4 == 0 => {
            decimal(raw, scale.unwrap_or(0))
        }
        (Ok(decimal), _) => with_scale(decimal, scale),
        (Err(_), Some(scale)) => decimal(raw, scale),
        (Err(reason), None) => Err(reason),
    }
}

fn variable_decimal(raw: &str) -> Result<Decimal, Reason> {
    let scale =
        scan::member(raw, "scale").ok_or("scale: missing")?.parse::<i64>().map_err(|_| "scale: not an integer")?;
    decimal(scan::member(raw, "value").ok_or("value: missing")?, scale)
}

// ---- dates and times ----

fn scaled(number: i128, unit: Unit) -> i128 {
    // i128 holds any 64-bit number of milliseconds in nanoseconds; what a JSON number may be beyond is capped.
    let number = number.clamp(-(1 << 70), 1 << 70);
    let unit = match unit {
        // Milliseconds reach the year 5138 below 10^14, microseconds begin in 1973 there, nanoseconds likewise.
        Unit::Guess if number.abs() < 100_000_000_000_000 => Unit::Milli,
        Unit::Guess if number.abs() < 100_000_000_000_000_000 => Unit::Micro,
        Unit::Guess => Unit::Nano,
        unit => unit,
    };
    match unit {
        Unit::Milli => number * 1_000_000,
        Unit::Micro => number * 1_000,
        Unit::Nano | Unit::Guess => number,
    }
}

fn endless(text: &str) -> Option<Bounded> {
    match text {
        "infinity" | "Infinity" => Some(Bounded::Infinity),
        "-infinity" | "-Infinity" => Some(Bounded::NegInfinity),
        _ => None,
    }
}

pub(crate) fn date_days(days: i128) -> Bounded {
    match days {
        // Postgres counts from 2000 and keeps both ends of its 32 bits for the infinities; Debezium adds
        // the 10,957 days to 1970 and wraps.
        -2_147_472_692 => Bounded::Infinity,
        -2_147_472_691 => Bounded::NegInfinity,
        days => Bounded::Finite(days),
    }
}

fn date(raw: &str) -> Result<Bounded, Reason> {
    let Some(text) = scan::text(raw) else {
        return Ok(date_days(int(raw)?));
    };
    if let Some(end) = endless(&text) {
        return Ok(end);
    }
    // A time behind the date is dropped only when it is midnight: otherwise the column is no date.
    match time::parse_iso(&text) {
        Some(time::Iso { days: Some(days), nanos: None | Some(0), .. }) => Ok(Bounded::Finite(days)),
        _ => Err("expected a date".into()),
    }
}

fn time_of_day(raw: &str, unit: Unit) -> Result<i128, Reason> {
    let Some(text) = scan::text(raw) else {
        let unit = if unit == Unit::Guess { Unit::Micro } else { unit };
        return Ok(scaled(int(raw)?, unit));
    };
    match time::parse_iso(&text) {
        Some(time::Iso { days: None, nanos: Some(nanos), .. }) => Ok(nanos),
        _ => Err("expected a time".into()),
    }
}

pub(crate) fn moment_number(number: i128, unit: Unit) -> Bounded {
    // The driver's infinities in milliseconds, which Debezium takes for microseconds.
    const INFINITY: i128 = 9_223_372_036_825_200_000;
    const NEG_INFINITY: i128 = -9_223_372_036_832_400_000;
    match (number, unit) {
        (INFINITY, _) => Bounded::Infinity,
        (NEG_INFINITY, _) => Bounded::NegInfinity,
        (number, Unit::Milli) if number == INFINITY / 1000 => Bounded::Infinity,
        (number, Unit::Milli) if number == NEG_INFINITY / 1000 => Bounded::NegInfinity,
        (number, unit) => Bounded::Finite(scaled(number, unit)),
    }
}

fn moment(raw: &str, unit: Unit, instant: bool) -> Result<Bounded, Reason> {
    let Some(text) = scan::text(raw) else {
        return Ok(moment_number(int(raw)?, unit));
    };
    if let Some(end) = endless(&text) {
        return Ok(end);
    }
    match time::parse_iso(&text) {
        Some(time::Iso { days: Some(days), nanos, offset }) => {
            let local = days * DAY + nanos.unwrap_or(0);
            // A wall clock keeps what it shows, whatever zone is written behind it.
            let east = if instant { offset.unwrap_or(0) } else { 0 };
            Ok(Bounded::Finite(local - east * SECOND))
        }
        _ if instant => Err("expected a point in time".into()),
        _ => Err("expected a timestamp".into()),
    }
}

/// A time of day with a zone, in UTC. It stays a text, because a [`Value::Time`] has no zone to keep.
fn zoned_time(raw: &str) -> Result<Value, Reason> {
    let text = text(raw)?;
    match time::parse_iso(&text) {
        Some(time::Iso { days: None, nanos: Some(nanos), offset }) => {
            let utc = nanos - offset.unwrap_or(0) * SECOND;
            // 24:00 is a time that Postgres knows; only what a zone has moved wraps around midnight.
            let utc = if (0..=DAY).contains(&utc) { utc } else { utc.rem_euclid(DAY) };
            Ok(Value::Text(format!("{}Z", time::time_text(utc)).into()))
        }
        _ => Err("expected a time with a zone".into()),
    }
}

fn structured(raw: &str, ty: Type) -> Result<Value, Reason> {
    if !raw.starts_with('{') {
        return Err(unexpected("the parts of a date or time", raw));
    }
    let field = |name: &str| scan::member(raw, name).map(int).transpose();
    let end = scan::member(raw, "specialValue").and_then(scan::text).map(|word| {
        let word = word.to_ascii_lowercase();
        if word.contains("neg") || word.starts_with('-') { Bounded::NegInfinity } else { Bounded::Infinity }
    });
    let (year, month, day) = (field("year")?, field("month")?, field("day")?);
    let (hour, minute, second) = (field("hour")?, field("minute")?, field("second")?);
    let small = |n: Option<i128>| n.unwrap_or(0).clamp(-(1 << 40), 1 << 40);
    let nanos = ((small(hour) * 60 + small(minute)) * 60 + small(second)) * SECOND + small(field("nanos")?);
    let date = || match (year, month, day) {
        (Some(year), Some(month @ 1..=12), Some(day @ 1..=31)) => {
            Ok(time::days(year.clamp(-(1 << 40), 1 << 40), month as u8, day as u8))
        }
        _ => Err(Reason::Borrowed("expected year, month and day")),
    };
    let moment = |east: i128| match end {
        Some(end) => Ok(end),
        None => Ok::<_, Reason>(Bounded::Finite(date()? * DAY + nanos - east * SECOND)),
    };
    Ok(match ty {
        Type::Date => Value::Date(match end {
            Some(end) => end,
            None => Bounded::Finite(date()?),
        }),
        Type::Timestamp => Value::Timestamp(moment(0)?),
        Type::Instant => Value::Instant(moment(small(field("offsetSeconds")?))?),
        Type::Time => Value::Time(nanos),
        _ => Value::Json(Arc::new(scan::build(raw))),
    })
}

// ---- the rest ----

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
    let coordinate = |name: &'static str| float(scan::member(raw, name).ok_or(Reason::Borrowed("x or y: missing"))?);
    Ok(Value::Point(coordinate("x")?, coordinate("y")?))
}

#[cfg(test)]
mod tests;
