//! Kafka Connect schemas as JsonConverter writes them beside each payload.

use super::semantic::{Kind, Shape, Unit};
use super::value::Type;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A schema as it is written.
#[derive(Debug, Deserialize)]
struct Written {
    #[serde(rename = "type")]
    base: String,
    name: Option<String>,
    field: Option<String>,
    parameters: Option<BTreeMap<String, String>>,
    fields: Option<Vec<Written>>,
    items: Option<Box<Written>>,
    values: Option<Box<Written>>,
}

/// Compiles a schema's text; the reason says why it is none.
pub(crate) fn compile(text: &str) -> Result<Kind, String> {
    let written: Written = serde_json::from_str(text).map_err(|error| {
        // Its own words could repeat parts of the text; the place is enough to find it.
        format!("not a Connect schema (line {}, column {})", error.line(), error.column())
    })?;
    Ok(kind(&written))
}

fn kind(written: &Written) -> Kind {
    let parameter = |name: &str| written.parameters.as_ref().and_then(|p| p.get(name)).map(String::as_str);
    if let Some(kind) = written.name.as_deref().and_then(|name| named(name, &written.base, parameter)) {
        return kind;
    }
    match written.base.as_str() {
        "boolean" => Kind::Bool,
        "int8" | "int16" | "int32" | "int64" => Kind::Int,
        "float" | "float32" | "double" | "float64" => Kind::Float,
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "array" => Kind::Array(Box::new(written.items.as_deref().map_or(Kind::Any, kind))),
        "map" => Kind::Map(Box::new(written.values.as_deref().map_or(Kind::Any, kind))),
        "struct" => {
            let mut fields: Vec<(Arc<str>, Kind)> = Vec::new();
            for field in written.fields.iter().flatten() {
                let kind = kind(field);
                // Both images of an envelope have one shape, and share it: that is how decoding knows.
                let twin = fields.iter().find(|(_, known)| matches!(kind, Kind::Struct(_)) && *known == kind);
                let kind = twin.map_or(kind, |(_, twin)| twin.clone());
                fields.push((Arc::from(field.field.as_deref().unwrap_or_default()), kind));
            }
            Kind::Struct(Arc::new(Shape { fields }))
        }
        _ => Kind::Any,
    }
}

/// The semantic type of a schema name, on the given wire type; `None` for names that mean nothing more.
pub(crate) fn named<'p>(name: &str, base: &str, parameter: impl Fn(&str) -> Option<&'p str>) -> Option<Kind> {
    if let Some(name) = name.strip_prefix("io.debezium.time.") {
        return Some(match name {
            "Date" | "IsoDate" => Kind::Date,
            "Time" => Kind::Time(Unit::Milli),
            "MicroTime" | "IsoTime" => Kind::Time(Unit::Micro),
            "NanoTime" => Kind::Time(Unit::Nano),
            "Timestamp" => Kind::Timestamp(Unit::Milli),
            "MicroTimestamp" | "IsoTimestamp" => Kind::Timestamp(Unit::Micro),
            "NanoTimestamp" => Kind::Timestamp(Unit::Nano),
            "ZonedTimestamp" => Kind::Instant(Unit::Guess),
            "ZonedTime" => Kind::ZonedTime,
            "Interval" => Kind::Interval,
            "MicroDuration" => Kind::Duration(Unit::Micro),
            "NanoDuration" => Kind::Duration(Unit::Nano),
            "Year" => Kind::Int,
            _ => structured(name.strip_prefix("Structured")?),
        });
    }
    if let Some(name) = name.strip_prefix("org.apache.kafka.connect.data.") {
        return Some(match name {
            "Decimal" => Kind::Decimal(parameter("scale").and_then(|s| s.parse().ok()).unwrap_or(0)),
            "Date" => Kind::Date,
            "Time" => Kind::Time(Unit::Milli),
            "Timestamp" => Kind::Timestamp(Unit::Milli),
            _ => return None,
        });
    }
    let name = name.strip_prefix("io.debezium.data.")?;
    Some(match name.strip_prefix("vector.").unwrap_or(name) {
        "VariableScaleDecimal" => Kind::VariableDecimal,
        "Json" => Kind::Json,
        "Xml" => Kind::Xml,
        "Uuid" => Kind::Uuid,
        "Enum" => Kind::Enum,
        "EnumSet" => Kind::Set,
        // bit(1) is a boolean on the wire and in meaning.
        "Bits" if base == "boolean" => Kind::Bool,
        "Bits" => Kind::Bits(parameter("length").and_then(|l| l.parse().ok())),
        "geometry.Point" => Kind::Point,
        "geometry.Geometry" | "geometry.Geography" => Kind::Geometry,
        "DoubleVector" | "FloatVector" => Kind::Array(Box::new(Kind::Float)),
        "SparseDoubleVector" => Kind::SparseVector,
        _ => return None,
    })
}

fn structured(rest: &str) -> Kind {
    Kind::Structured(match rest {
        _ if rest.contains("Zoned") && rest.contains("Timestamp") => Type::Instant,
        _ if rest.contains("Timestamp") => Type::Timestamp,
        _ if rest.contains("Date") => Type::Date,
        _ if rest.contains("Time") => Type::Time,
        _ => Type::Json,
    })
}

#[cfg(test)]
mod tests;
