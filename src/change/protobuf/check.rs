//! Is a message what its schema says? Everything that would fail when it is written as JSON fails here, and nothing
//! is built.

use super::read::{Wired, fields, varint};
use super::{DEPTH_MAX, Field, Known, Label, Plan, Reason, Scalar, Ty, json};
use crate::change::avro::within;

const MISMATCH: Reason = Reason::Borrowed("written with another schema");
const SHORT: Reason = Reason::Borrowed("the message ends inside a value");

/// A payload.
pub(super) fn whole(plan: &Plan, at: usize, payload: &[u8]) -> Result<(), Reason> {
    match plan.messages[at].known {
        Some(known) => standing(known, payload),
        None => message(plan, at, payload, 0),
    }
}

fn message(plan: &Plan, at: usize, payload: &[u8], depth: usize) -> Result<(), Reason> {
    if depth > DEPTH_MAX {
        return Err("nested too deeply".into());
    }
    let message = &plan.messages[at];
    for item in fields(payload) {
        let (number, wired) = item?;
        if let Some(place) = message.place(number) {
            let written = &message.fields[place];
            field(plan, written, wired, depth).map_err(|reason| within(&written.name, &reason))?;
        }
    }
    Ok(())
}

fn field(plan: &Plan, field: &Field, wired: Wired<'_>, depth: usize) -> Result<(), Reason> {
    match (field.label, wired) {
        (Label::Map, _) => entry(plan, &field.ty, wired, depth),
        (Label::Repeated, Wired::Bytes(bytes)) => match &field.ty {
            Ty::Scalar(scalar) if !matches!(scalar, Scalar::Text | Scalar::Bytes) => {
                packed(json::wire_of(*scalar), bytes)
            }
            Ty::Enum(_) => packed(0, bytes),
            ty => value(plan, ty, wired, depth),
        },
        _ => value(plan, &field.ty, wired, depth),
    }
}

fn value(plan: &Plan, ty: &Ty, wired: Wired<'_>, depth: usize) -> Result<(), Reason> {
    match (ty, wired) {
        (Ty::Scalar(kind), _) => scalar(*kind, wired),
        (Ty::Enum(_), Wired::Varint(_)) | (Ty::Opaque, Wired::Bytes(_)) => Ok(()),
        (Ty::Known(known), Wired::Bytes(payload)) => standing(*known, payload),
        (Ty::Message(at), Wired::Bytes(payload)) => message(plan, *at, payload, depth + 1),
        _ => Err(MISMATCH),
    }
}

fn scalar(scalar: Scalar, wired: Wired<'_>) -> Result<(), Reason> {
    match (scalar, wired) {
        (Scalar::Text, Wired::Bytes(bytes)) => match simdutf8::basic::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err("not UTF-8".into()),
        },
        (Scalar::Bytes, Wired::Bytes(_)) => Ok(()),
        (Scalar::Text | Scalar::Bytes, _) => Err(MISMATCH),
        (number, Wired::Varint(_)) if json::wire_of(number) == 0 => Ok(()),
        (number, Wired::Fixed64(_)) if json::wire_of(number) == 1 => Ok(()),
        (number, Wired::Fixed32(_)) if json::wire_of(number) == 5 => Ok(()),
        _ => Err(MISMATCH),
    }
}

/// Numbers without their tags, one behind the other.
fn packed(wire: u8, mut rest: &[u8]) -> Result<(), Reason> {
    while !rest.is_empty() {
        rest = match wire {
            0 => varint(rest)?.1,
            1 => rest.get(8..).ok_or(SHORT)?,
            _ => rest.get(4..).ok_or(SHORT)?,
        };
    }
    Ok(())
}

fn entry(plan: &Plan, ty: &Ty, wired: Wired<'_>, depth: usize) -> Result<(), Reason> {
    let (Ty::Message(at), Wired::Bytes(payload)) = (ty, wired) else {
        return Err(MISMATCH);
    };
    let [key, value] = &plan.messages[*at].fields[..] else {
        return Err(MISMATCH);
    };
    for item in fields(payload) {
        match item? {
            (1, wired) => field(plan, key, wired, depth + 1)?,
            (2, wired) => field(plan, value, wired, depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// A message that stands for one value: small, so it is read.
fn standing(known: Known, payload: &[u8]) -> Result<(), Reason> {
    match known {
        Known::Wrapper(kind) => json::wrapped(Wired::Bytes(payload))?.map_or(Ok(()), |inner| scalar(kind, inner)),
        Known::Timestamp | Known::Duration | Known::TimeOfDay => json::numbers(payload).map(drop),
        Known::Date => json::days(payload).map(drop),
        Known::Decimal => json::decimal(payload).map(drop),
    }
}
