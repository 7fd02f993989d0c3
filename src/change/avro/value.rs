//! Values from Avro's types: the same ones that JSON with a schema gives.

use super::read::within;
use super::{DEPTH_MAX, Plan, Reader, Reason, Wire};
use crate::change::decimal::unscaled;
use crate::change::moment;
use crate::change::semantic::{self, Kind, bits_text};
use crate::change::time::duration_text;
use crate::change::unavailable::Placeholders;
use crate::change::value::{Type, Value};
use serde_json::Value as Json;
use std::sync::Arc;

impl Plan {
    /// Reads a value of this type.
    pub(super) fn value(
        &self,
        node: usize,
        reader: &mut Reader<'_>,
        missing: &Placeholders,
        depth: u32,
    ) -> Result<(Type, Value), Reason> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".into());
        }
        let ty = self.nodes[node].kind.ty();
        let node = self.branch(node, reader)?;
        let kind = &self.nodes[node].kind;
        let ty = if ty == Type::Unknown { kind.ty() } else { ty };
        let start = reader.clone();
        let value = match &self.nodes[node].wire {
            Wire::Null => return Ok((ty, Value::Null)),
            Wire::Bool => Some(reader.bool()?).filter(|_| matches!(kind, Kind::Bool)).map(Value::Bool),
            Wire::Int => int(kind, reader.long()?),
            Wire::Float => {
                let float = f32::from_le_bytes(reader.array()?);
                matches!(kind, Kind::Float).then(|| Value::Float(shortest(float)))
            }
            Wire::Double => {
                let double = f64::from_le_bytes(reader.array()?);
                matches!(kind, Kind::Float).then_some(Value::Float(double))
            }
            Wire::Bytes => bytes(kind, reader.bytes()?, missing)?,
            Wire::Fixed(size) => bytes(kind, reader.take(*size)?, missing)?,
            Wire::Text => text(kind, reader.text()?, missing)?,
            Wire::Enum(words) => {
                let word = usize::try_from(reader.long()?).ok().and_then(|at| words.get(at));
                Some(Value::Text(word.ok_or("a word that the schema's enum does not have")?.clone()))
            }
            Wire::Array(element) if matches!(kind, Kind::Array(_)) => {
                let mut values = Vec::new();
                self.blocks(reader, |reader| {
                    values.push(self.value(*element, reader, missing, depth + 1)?.1);
                    Ok(())
                })?;
                Some(Value::Array(values))
            }
            Wire::Map(element) if matches!(kind, Kind::Map(_)) => {
                let mut entries = Vec::new();
                self.blocks(reader, |reader| {
                    let key = reader.text()?.into();
                    entries.push((key, self.value(*element, reader, missing, depth + 1)?.1));
                    Ok(())
                })?;
                Some(Value::Map(entries))
            }
            Wire::Record(fields) => self.record(kind, fields, reader, missing, depth)?,
            Wire::Array(_) | Wire::Map(_) | Wire::Union(_) => None,
        };
        let value = match value {
            Some(value) => value,
            // Seldom: a semantic type in another dress. JSON's decoder knows them all.
            None => {
                *reader = start;
                let mut raw = String::new();
                self.json(node, reader, &mut raw, depth)?;
                return semantic::decode(kind, &raw)
                    .map(|(inner, value)| (if ty == Type::Unknown { inner } else { ty }, value));
            }
        };
        // Deeper down the placeholder is what an array of it holds, which only the whole column tells.
        let not_sent = depth == 0 && missing.is_value(&value);
        Ok((ty, if not_sent { Value::Unavailable } else { value }))
    }

    fn record(
        &self,
        kind: &Kind,
        fields: &[(Arc<str>, usize)],
        reader: &mut Reader<'_>,
        missing: &Placeholders,
        depth: u32,
    ) -> Result<Option<Value>, Reason> {
        let names: [&str; 2] = match kind {
            Kind::VariableDecimal => ["scale", "value"],
            Kind::Point => ["x", "y"],
            Kind::Geometry => ["wkb", ""],
            Kind::Struct(_) => {
                let mut object = serde_json::Map::new();
                for (name, field) in fields {
                    let (_, value) =
                        self.value(*field, reader, missing, depth + 1).map_err(|reason| within(name, &reason))?;
                    object.insert(name.to_string(), value.canonical());
                }
                return Ok(Some(Value::Json(Arc::new(Json::Object(object)))));
            }
            _ => return Ok(None),
        };
        let mut found = [const { None }; 2];
        for (name, field) in fields {
            match names.iter().position(|wanted| **wanted == **name) {
                Some(at) => found[at] = Some(self.value(*field, reader, missing, depth + 1)?.1),
                None => self.skip(*field, reader, depth + 1)?,
            }
        }
        Ok(match (kind, found) {
            (Kind::VariableDecimal, [Some(Value::Int(scale)), Some(Value::Bytes(bytes))]) => {
                Some(Value::Decimal(unscaled(&bytes, i64::try_from(scale).map_err(|_| "scale: too large")?)?))
            }
            (Kind::Point, [Some(Value::Float(x)), Some(Value::Float(y))]) => Some(Value::Point(x, y)),
            (Kind::Geometry, [Some(Value::Bytes(wkb)), _]) => Some(Value::Bytes(wkb)),
            _ => None,
        })
    }
}

fn int(kind: &Kind, number: i64) -> Option<Value> {
    let wide = i128::from(number);
    Some(match kind {
        Kind::Int => Value::Int(wide),
        Kind::Date => Value::Date(moment::date_days(wide)),
        Kind::Time(unit) => Value::Time(moment::scaled(wide, *unit)),
        Kind::Timestamp(unit) => Value::Timestamp(moment::moment_number(wide, *unit)),
        Kind::Instant(unit) => Value::Instant(moment::moment_number(wide, *unit)),
        Kind::Duration(unit) => Value::Text(duration_text(moment::scaled(wide, *unit)).into()),
        _ => return None,
    })
}

fn bytes(kind: &Kind, bytes: &[u8], missing: &Placeholders) -> Result<Option<Value>, Reason> {
    Ok(Some(match kind {
        Kind::Bytes => Value::Bytes(bytes.into()),
        // The placeholder comes as its bytes, of whatever type the column is; as a number it has 68 digits.
        _ if missing.is_bytes(bytes) => Value::Unavailable,
        Kind::Decimal(scale) => Value::Decimal(unscaled(bytes, *scale)?),
        Kind::Bits(length) => Value::Bits(bits_text(bytes, *length).into()),
        Kind::Geometry => Value::Bytes(bytes.into()),
        _ => return Ok(None),
    }))
}

fn text(kind: &Kind, text: &str, missing: &Placeholders) -> Result<Option<Value>, Reason> {
    Ok(Some(match kind {
        Kind::Enum | Kind::Text | Kind::Xml | Kind::Uuid | Kind::Interval => Value::Text(text.into()),
        _ if missing.is_text(text) => Value::Unavailable,
        Kind::Json => semantic::document(text),
        Kind::Set => semantic::set(text),
        Kind::Date => Value::Date(moment::date_text(text)?),
        Kind::Time(_) => Value::Time(moment::time_text(text)?),
        Kind::Timestamp(_) => Value::Timestamp(moment::moment_text(text, false)?),
        Kind::Instant(_) => Value::Instant(moment::moment_text(text, true)?),
        Kind::ZonedTime => moment::zoned_time(text)?,
        _ => return Ok(None),
    }))
}

/// A 4-byte float as its shortest decimal reads: 0.1, not 0.10000000149011612.
fn shortest(float: f32) -> f64 {
    let double = f64::from(float);
    if !double.is_finite() || double.fract() == 0.0 && double.abs() < 16_777_216.0 {
        return double;
    }
    float.to_string().parse().unwrap_or(double)
}
