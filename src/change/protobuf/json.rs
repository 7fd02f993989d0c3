//! Messages as JsonConverter would have written them.

use super::read::{Wired, fields, varint};
use super::{DEPTH_MAX, Field, Known, Label, Plan, Reason, Scalar, Ty};
use crate::change::avro::within;
use crate::change::source::Atom;
use crate::change::time::{self, SECOND};
use crate::change::written::{base64, comma, float, number, text};

/// Bytes of text that a byte of a message may become: fields that were left out are written out.
const GROWTH_MAX: usize = 64;
/// Text that any message may become.
const ROOM: usize = 1024 * 1024;

const MISMATCH: Reason = Reason::Borrowed("written with another schema");

pub(super) struct Writer<'p> {
    plan: &'p Plan,
    bytes_max: usize,
}

impl<'p> Writer<'p> {
    pub fn new(plan: &'p Plan, payload: usize) -> Self {
        Writer { plan, bytes_max: payload.saturating_mul(GROWTH_MAX).saturating_add(ROOM) }
    }

    /// A payload.
    pub fn whole(&self, message: usize, payload: &[u8], out: &mut String) -> Result<(), Reason> {
        match self.plan.messages[message].known {
            Some(known) => known_value(known, payload, out),
            None => self.message(message, payload, out, 0),
        }
    }

    fn message(&self, message: usize, payload: &[u8], out: &mut String, depth: usize) -> Result<(), Reason> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".into());
        }
        let message = &self.plan.messages[message];
        let mut last: Vec<Option<Wired<'_>>> = vec![None; message.fields.len()];
        let mut lists: Vec<(usize, Wired<'_>)> = Vec::new();
        for item in fields(payload) {
            let (number, value) = item?;
            // A field that the schema does not have is one that a later one has: Protobuf's readers pass over it.
            let Some(place) = message.place(number) else {
                continue;
            };
            match message.fields[place].label {
                Label::Repeated | Label::Map => lists.push((place, value)),
                Label::Implicit | Label::Explicit => last[place] = Some(value),
            }
        }
        lists.sort_by_key(|(place, _)| *place);
        let mut lists = &lists[..];
        out.push('{');
        let mut first = true;
        for (place, field) in message.fields.iter().enumerate() {
            if out.len() > self.bytes_max {
                return Err("becomes too long when the fields that it leaves out are put in".into());
            }
            comma(out, &mut first);
            text(out, &field.name);
            out.push(':');
            let count = lists.iter().take_while(|(of, _)| *of == place).count();
            let elements;
            (elements, lists) = lists.split_at(count);
            self.field(field, last[place], elements, out, depth).map_err(|reason| within(&field.name, &reason))?;
        }
        out.push('}');
        Ok(())
    }

    fn field(
        &self,
        field: &Field,
        last: Option<Wired<'_>>,
        elements: &[(usize, Wired<'_>)],
        out: &mut String,
        depth: usize,
    ) -> Result<(), Reason> {
        let mut first = true;
        match (field.label, last) {
            (Label::Repeated, _) => {
                out.push('[');
                for (_, element) in elements {
                    self.element(&field.ty, *element, out, &mut first, depth)?;
                }
                out.push(']');
            }
            (Label::Map, _) => {
                // In pairs, because keys need not be texts.
                out.push('[');
                for (_, entry) in elements {
                    comma(out, &mut first);
                    self.entry(&field.ty, *entry, out, depth)?;
                }
                out.push(']');
            }
            (_, Some(value)) => self.value(&field.ty, value, out, depth)?,
            (Label::Explicit, None) => out.push_str("null"),
            (Label::Implicit, None) => self.zero(&field.ty, out),
        }
        Ok(())
    }

    /// An element, or many numbers packed into one field.
    fn element(
        &self,
        ty: &Ty,
        element: Wired<'_>,
        out: &mut String,
        first: &mut bool,
        depth: usize,
    ) -> Result<(), Reason> {
        let packed = match (ty, element) {
            (Ty::Scalar(scalar), Wired::Bytes(bytes)) if !matches!(scalar, Scalar::Text | Scalar::Bytes) => {
                Some((wire_of(*scalar), bytes))
            }
            (Ty::Enum(_), Wired::Bytes(bytes)) => Some((0, bytes)),
            _ => None,
        };
        let Some((wire, mut rest)) = packed else {
            comma(out, first);
            return self.value(ty, element, out, depth);
        };
        while !rest.is_empty() {
            const SHORT: Reason = Reason::Borrowed("the message ends inside a value");
            let value;
            (value, rest) = match wire {
                0 => varint(rest).map(|(number, rest)| (Wired::Varint(number), rest))?,
                1 => rest.split_first_chunk().map(|(bytes, rest)| (Wired::Fixed64(*bytes), rest)).ok_or(SHORT)?,
                _ => rest.split_first_chunk().map(|(bytes, rest)| (Wired::Fixed32(*bytes), rest)).ok_or(SHORT)?,
            };
            comma(out, first);
            self.value(ty, value, out, depth)?;
        }
        Ok(())
    }

    fn entry(&self, ty: &Ty, entry: Wired<'_>, out: &mut String, depth: usize) -> Result<(), Reason> {
        let (Ty::Message(message), Wired::Bytes(payload)) = (ty, entry) else {
            return Err(MISMATCH);
        };
        let [key, value] = &self.plan.messages[*message].fields[..] else {
            return Err(MISMATCH);
        };
        let (mut key_value, mut value_value) = (None, None);
        for item in fields(payload) {
            match item? {
                (1, wired) => key_value = Some(wired),
                (2, wired) => value_value = Some(wired),
                _ => {}
            }
        }
        out.push('[');
        let one = |field, value: Option<Wired<'_>>, out: &mut String| self.field(field, value, &[], out, depth + 1);
        one(key, key_value, out)?;
        out.push(',');
        one(value, value_value, out)?;
        out.push(']');
        Ok(())
    }

    fn value(&self, ty: &Ty, value: Wired<'_>, out: &mut String, depth: usize) -> Result<(), Reason> {
        match (ty, value) {
            (Ty::Scalar(scalar), value) => scalar_value(*scalar, value, out),
            (Ty::Enum(words), Wired::Varint(varint)) => {
                let wanted = varint as i32;
                match words.iter().find(|(number, _)| *number == wanted) {
                    Some((_, word)) => text(out, word),
                    // A word that a later schema has.
                    None => text(out, &wanted.to_string()),
                }
                Ok(())
            }
            (Ty::Known(known), Wired::Bytes(payload)) => known_value(*known, payload, out),
            (Ty::Message(message), Wired::Bytes(payload)) => self.message(*message, payload, out, depth + 1),
            (Ty::Opaque, Wired::Bytes(payload)) => {
                base64(out, payload);
                Ok(())
            }
            _ => Err(MISMATCH),
        }
    }

    fn zero(&self, ty: &Ty, out: &mut String) {
        match ty {
            Ty::Scalar(scalar) => scalar_zero(*scalar, out),
            Ty::Enum(words) => text(out, words.first().map_or("0", |(_, word)| word)),
            Ty::Message(_) | Ty::Known(_) | Ty::Opaque => out.push_str("null"),
        }
    }
}

/// The wire type of a number.
pub(super) fn wire_of(scalar: Scalar) -> u8 {
    match scalar {
        Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => 1,
        Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32 => 5,
        _ => 0,
    }
}

fn scalar_zero(scalar: Scalar, out: &mut String) {
    out.push_str(match scalar {
        Scalar::Double | Scalar::Float => "0.0",
        Scalar::Bool => "false",
        Scalar::Text | Scalar::Bytes => "\"\"",
        _ => "0",
    });
}

/// An integer of any of the types that are written as such.
fn integer(scalar: Scalar, value: Wired<'_>) -> Option<i128> {
    Some(match (scalar, value) {
        (Scalar::Int32, Wired::Varint(bits)) => i128::from(bits as i32),
        (Scalar::Int64, Wired::Varint(bits)) => i128::from(bits as i64),
        (Scalar::Uint32, Wired::Varint(bits)) => i128::from(bits as u32),
        (Scalar::Uint64, Wired::Varint(bits)) => i128::from(bits),
        (Scalar::Sint, Wired::Varint(bits)) => i128::from((bits >> 1) as i64 ^ -((bits & 1) as i64)),
        (Scalar::Fixed32, Wired::Fixed32(bytes)) => i128::from(u32::from_le_bytes(bytes)),
        (Scalar::Sfixed32, Wired::Fixed32(bytes)) => i128::from(i32::from_le_bytes(bytes)),
        (Scalar::Fixed64, Wired::Fixed64(bytes)) => i128::from(u64::from_le_bytes(bytes)),
        (Scalar::Sfixed64, Wired::Fixed64(bytes)) => i128::from(i64::from_le_bytes(bytes)),
        _ => return None,
    })
}

fn scalar_value(scalar: Scalar, value: Wired<'_>, out: &mut String) -> Result<(), Reason> {
    match (scalar, value) {
        (Scalar::Double, Wired::Fixed64(bytes)) => float(out, f64::from_le_bytes(bytes)),
        (Scalar::Float, Wired::Fixed32(bytes)) => float(out, f32::from_le_bytes(bytes)),
        (Scalar::Bool, Wired::Varint(bits)) => out.push_str(if bits == 0 { "false" } else { "true" }),
        (Scalar::Text, Wired::Bytes(bytes)) => text(out, std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?),
        (Scalar::Bytes, Wired::Bytes(bytes)) => base64(out, bytes),
        (scalar, value) => number(out, integer(scalar, value).ok_or(MISMATCH)?),
    }
    Ok(())
}

/// A scalar as a small value of an envelope.
pub(super) fn atom<'a>(scalar: Scalar, value: Wired<'a>) -> Result<Atom<'a>, Reason> {
    Ok(match (scalar, value) {
        (Scalar::Text, Wired::Bytes(bytes)) => Atom::Text(std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?),
        (Scalar::Bool, Wired::Varint(bits)) => Atom::Json(if bits == 0 { "false" } else { "true" }),
        (Scalar::Bytes, Wired::Bytes(_)) => Atom::Other("bytes"),
        (Scalar::Double, Wired::Fixed64(_)) | (Scalar::Float, Wired::Fixed32(_)) => Atom::Other("a number"),
        (scalar, value) => match i64::try_from(integer(scalar, value).ok_or(MISMATCH)?) {
            Ok(int) => Atom::Int(int),
            Err(_) => Atom::Other("a number"),
        },
    })
}

/// What a wrapper holds that leaves its value out.
pub(super) fn zero(scalar: Scalar) -> Atom<'static> {
    match scalar {
        Scalar::Text => Atom::Text(""),
        Scalar::Bytes => Atom::Other("bytes"),
        Scalar::Bool => Atom::Json("false"),
        Scalar::Double | Scalar::Float => Atom::Other("a number"),
        _ => Atom::Int(0),
    }
}

/// What a wrapper holds.
pub(super) fn wrapped(value: Wired<'_>) -> Result<Option<Wired<'_>>, Reason> {
    let Wired::Bytes(payload) = value else {
        return Err(MISMATCH);
    };
    let mut inner = None;
    for item in fields(payload) {
        let (number, value) = item?;
        inner = if number == 1 { Some(value) } else { inner };
    }
    Ok(inner)
}

/// The numbers of a message's first four fields.
pub(super) fn numbers(payload: &[u8]) -> Result<[i64; 4], Reason> {
    let mut found = [0; 4];
    for item in fields(payload) {
        let (number, value) = item?;
        if let Some(slot) = found.get_mut(number as usize - 1) {
            let Wired::Varint(bits) = value else {
                return Err(MISMATCH);
            };
            *slot = bits as i64;
        }
    }
    Ok(found)
}

fn known_value(known: Known, payload: &[u8], out: &mut String) -> Result<(), Reason> {
    match known {
        Known::Wrapper(scalar) => match wrapped(Wired::Bytes(payload))? {
            Some(value) => scalar_value(scalar, value, out)?,
            None => scalar_zero(scalar, out),
        },
        Known::Timestamp | Known::Duration => {
            let [seconds, nanos, ..] = numbers(payload)?;
            number(out, i128::from(seconds) * SECOND + i128::from(nanos));
        }
        Known::Date => number(out, days(payload)?),
        Known::TimeOfDay => {
            let [hours, minutes, seconds, nanos] = numbers(payload)?.map(i128::from);
            number(out, ((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos);
        }
        Known::Decimal => {
            let (bytes, scale) = decimal(payload)?;
            out.push_str("{\"scale\":");
            number(out, scale);
            out.push_str(",\"value\":");
            base64(out, bytes);
            out.push('}');
        }
    }
    Ok(())
}

/// A `google.type.Date` in days since the epoch.
pub(super) fn days(payload: &[u8]) -> Result<i128, Reason> {
    let [year, month, day, _] = numbers(payload)?;
    let small = |number: i64, max| u8::try_from(number).ok().filter(|number| (1..=max).contains(number));
    match (i32::try_from(year), small(month, 12), small(day, 31)) {
        (Ok(year), Some(month), Some(day)) => Ok(time::days(year.into(), month, day)),
        _ => Err("expected year, month and day".into()),
    }
}

/// A `confluent.type.Decimal`: the unscaled value's bytes, and the scale.
pub(super) fn decimal(payload: &[u8]) -> Result<(&[u8], i32), Reason> {
    let (mut bytes, mut scale) = (&[0][..], 0);
    for item in fields(payload) {
        match item? {
            (1, Wired::Bytes(value)) => bytes = value,
            (2, Wired::Varint(_)) => {}
            (3, Wired::Varint(bits)) => scale = bits as i32,
            (1..=3, _) => return Err(MISMATCH),
            _ => {}
        }
    }
    Ok((bytes, scale))
}
