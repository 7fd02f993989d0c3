//! Values as JSON, spelled the same whatever the source's converter did.

use crate::change::{Decimal, Value};
use crate::message::moment;
use serde_json::{Map, Number, Value as Json};

/// A value as JSON: numbers that JSON holds exactly as numbers, all else as text.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unavailable => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => i64::try_from(*int)
            .map(Number::from)
            .or_else(|_| u64::try_from(*int).map(Number::from))
            .map_or_else(|_| Json::String(int.to_string()), Json::Number),
        Value::Float(float) => {
            Number::from_f64(*float).map_or_else(|| Json::String(special(*float).to_owned()), Json::Number)
        }
        Value::Decimal(decimal) => Json::String(match decimal {
            Decimal::Finite(number) => super::number::plain(number),
            Decimal::NaN => "NaN".to_owned(),
            Decimal::Infinity => "Infinity".to_owned(),
            Decimal::NegInfinity => "-Infinity".to_owned(),
        }),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Date(bounded) => Json::String(moment::iso_date(*bounded)),
        Value::Time(ns) => Json::String(moment::iso_time(*ns)),
        Value::Timestamp(bounded) => Json::String(moment::iso_timestamp(*bounded, "")),
        Value::Instant(bounded) => Json::String(moment::iso_timestamp(*bounded, "Z")),
        Value::Bytes(bytes) => {
            let mut hex = String::with_capacity(2 + bytes.len() * 2);
            hex.push_str("\\x");
            for byte in bytes.iter() {
                hex.extend([byte >> 4, byte & 15].iter().filter_map(|digit| char::from_digit(u32::from(*digit), 16)));
            }
            Json::String(hex)
        }
        Value::Bits(bits) => Json::String(bits.to_string()),
        Value::Json(document) => Json::clone(document),
        Value::Array(elements) => Json::Array(elements.iter().map(json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), json(value))).collect())
        }
        Value::Point(x, y) => Json::Object(Map::from_iter([
            ("x".to_owned(), json(&Value::Float(*x))),
            ("y".to_owned(), json(&Value::Float(*y))),
        ])),
    }
}

fn special(float: f64) -> &'static str {
    if float.is_nan() {
        "NaN"
    } else if float > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
