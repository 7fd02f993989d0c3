//! Values as `inspect` and messages write them, and equality of what they mean.

use super::time;
use super::value::{Decimal, Value};
use bigdecimal::BigDecimal;
use serde_json::{Map, Number, Value as Json};
use std::borrow::Cow;
use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

impl Value {
    /// The value in the form of `inspect`: exact, in JSON's own types where those can hold it.
    pub fn canonical(&self) -> Json {
        match self {
            Value::Null | Value::Unavailable => Json::Null,
            Value::Bool(bool) => Json::Bool(*bool),
            Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
                (Ok(int), _) => Json::from(int),
                (_, Ok(int)) => Json::from(int),
                // Beyond 64 bits most readers of JSON would round.
                _ => Json::String(int.to_string()),
            },
            Value::Float(float) => float_json(*float),
            Value::Json(document) => (**document).clone(),
            Value::Array(values) => Json::Array(values.iter().map(Value::canonical).collect()),
            Value::Map(entries) => Json::Object(
                entries.iter().map(|(key, value)| (key.to_string(), value.canonical())).collect::<Map<_, _>>(),
            ),
            Value::Point(x, y) => {
                Json::Object(Map::from_iter([("x".to_owned(), float_json(*x)), ("y".to_owned(), float_json(*y))]))
            }
            other => Json::String(other.plain().into_owned()),
        }
    }

    /// The value as plain text; arrays as `a, b`, null and what was not sent as nothing.
    pub fn plain(&self) -> Cow<'_, str> {
        Cow::Owned(match self {
            Value::Null | Value::Unavailable => return Cow::Borrowed(""),
            Value::Text(text) | Value::Bits(text) => return Cow::Borrowed(text),
            Value::Bool(bool) => return Cow::Borrowed(if *bool { "true" } else { "false" }),
            Value::Int(int) => int.to_string(),
            Value::Float(float) => match float_json(*float) {
                Json::String(word) => word,
                number => number.to_string(),
            },
            Value::Decimal(decimal) => decimal.plain(),
            Value::Date(days) => time::bounded_text(*days, time::date_text),
            Value::Time(nanos) => time::time_text(*nanos),
            Value::Timestamp(nanos) => time::bounded_text(*nanos, time::timestamp_text),
            Value::Instant(nanos) => time::bounded_text(*nanos, |nanos| time::timestamp_text(nanos) + "Z"),
            Value::Bytes(bytes) => hex(bytes),
            Value::Json(document) => match &**document {
                Json::String(text) => return Cow::Borrowed(text),
                document => document.to_string(),
            },
            Value::Array(values) => values.iter().map(Value::plain).collect::<Vec<_>>().join(", "),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| format!("{key}: {}", value.plain())).collect::<Vec<_>>().join(", ")
            }
            Value::Point(x, y) => format!("({x}, {y})"),
        })
    }

    /// Do both mean the same? `1.50` and `1.5`, NaN and NaN, documents whose keys stand in another order.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            // Images share the values that the source spelt alike; most columns of an update are such.
            (Value::Text(a), Value::Text(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Bytes(a), Value::Bytes(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Json(a), Value::Json(b)) if Arc::ptr_eq(a, b) => true,
            (Value::Float(a), Value::Float(b)) => same_float(*a, *b),
            (Value::Decimal(a), Value::Decimal(b)) => a == b,
            (Value::Json(a), Value::Json(b)) => same_json(a, b),
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Value::Map(a), Value::Map(b)) => {
                let find = |key| b.iter().find(|(other, _)| other == key).map(|(_, value)| value);
                let in_order = || a.iter().zip(b).all(|((a, one), (b, other))| a == b && one.same(other));
                // In order first: a map on the wire may hold a key twice, and is the same as itself all the same.
                a.len() == b.len()
                    && (in_order() || a.iter().all(|(key, value)| find(key).is_some_and(|other| value.same(other))))
            }
            (Value::Point(ax, ay), Value::Point(bx, by)) => same_float(*ax, *bx) && same_float(*ay, *by),
            // Without a schema the same column may come as 5, 5.0 or, beyond a double, as a decimal.
            (
                Value::Int(_) | Value::Float(_) | Value::Decimal(_),
                Value::Int(_) | Value::Float(_) | Value::Decimal(_),
            ) if std::mem::discriminant(self) != std::mem::discriminant(other) => match (self.exact(), other.exact()) {
                (Some(a), Some(b)) => a == b,
                _ => self.plain() == other.plain(),
            },
            (a, b) => a == b,
        }
    }

    fn exact(&self) -> Option<BigDecimal> {
        match self {
            Value::Int(int) => Some(BigDecimal::from(*int)),
            Value::Float(float) if float.is_finite() => BigDecimal::from_str(&float.to_string()).ok(),
            Value::Decimal(Decimal::Finite(number)) => Some(number.clone()),
            _ => None,
        }
    }
}

/// `\xdeadbeef`
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 + bytes.len() * 2);
    out.push_str("\\x");
    for byte in bytes {
        // why: writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn float_json(float: f64) -> Json {
    match Number::from_f64(float) {
        Some(number) => Json::Number(number),
        None if float.is_nan() => Json::String("NaN".to_owned()),
        None if float > 0.0 => Json::String("Infinity".to_owned()),
        None => Json::String("-Infinity".to_owned()),
    }
}

fn same_float(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Equality as jsonb has it: keys in any order, numbers by value.
fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;
