//! What a Protobuf message is: its fields as the parts of an envelope.

use super::Skim;
use super::parts::*;
use crate::change::avro::{Part, within};
use crate::change::envelope::{Inline, KeyForm};
use crate::change::frame::{Framed, Origin};
use crate::change::marks::Marks;
use crate::change::protobuf::{Body, Plan, Root, Wired, fields};
use crate::change::semantic::{Kind, Reason};
use crate::change::source::{Atom, Source};
use crate::change::{DecodeError, Record, flat};
use std::borrow::Cow;
use std::sync::Arc;

/// The message type and the bytes of a framed payload.
fn root<'a>(plan: &Arc<Plan>, framed: &Framed<'a>) -> Result<(Root, &'a [u8]), Reason> {
    match framed.origin {
        Origin::Bytes => Root::find(plan, framed.payload),
        Origin::Header(path) => Root::find_bare(plan, path, framed.payload),
    }
}

/// A key.
pub(super) fn key<'a>(plan: &Arc<Plan>, framed: &Framed<'a>) -> Result<KeyForm<'a>, DecodeError> {
    let body = root(plan, framed).and_then(|(root, payload)| Body::checked(root, payload));
    body.map(KeyForm::Protobuf).map_err(|reason| DecodeError::new("key", reason))
}

/// A value.
pub(super) fn skim<'a>(record: &Record<'a>, plan: &Arc<Plan>, framed: &Framed<'a>) -> Result<Skim<'a>, DecodeError> {
    let whole = |reason| DecodeError::new("value", reason);
    let (root, payload) = root(plan, framed).map_err(whole)?;
    if !matches!(**root.kind(), Kind::Struct(_)) {
        return Ok(Skim::Unknown);
    }
    let mut parts = Parts::default();
    for name in root.names() {
        let flag = flag(name);
        parts.keys += 1;
        parts.seen |= flag;
        parts.timestamps += usize::from(flag == TS);
    }
    for item in fields(payload) {
        let (number, value) = item.map_err(whole)?;
        let Some(place) = root.place(number) else {
            continue;
        };
        let name = root.names().nth(place).map_or("", |name| &**name);
        part(&mut parts, &root, place, name, value).map_err(|reason| DecodeError::new(name, reason))?;
    }
    let schema = Some(Inline { text: b"", kind: Some(root.kind().clone()) });
    let mut skim = classify(record, &mut parts, schema, Marks::default())?;
    if let Skim::Unknown = skim {
        skim = written_row(record, &root, payload, false)?;
    }
    if let Skim::Change(envelope) = &mut skim {
        envelope.untyped = !root.named();
    }
    Ok(skim)
}

/// A value that is sure to be a row without its envelope.
pub(super) fn row<'a>(record: &Record<'a>, plan: &Arc<Plan>, framed: &Framed<'a>) -> Result<Skim<'a>, DecodeError> {
    let (root, payload) = root(plan, framed).map_err(|reason| DecodeError::new("value", reason))?;
    let mut skim = written_row(record, &root, payload, true)?;
    if let Skim::Change(envelope) = &mut skim {
        envelope.untyped = !root.named();
    }
    Ok(skim)
}

fn written_row<'a>(record: &Record<'a>, root: &Root, payload: &'a [u8], sure: bool) -> Result<Skim<'a>, DecodeError> {
    let whole = |reason| DecodeError::new("value", reason);
    let schema = Some(Inline { text: b"", kind: Some(root.kind().clone()) });
    let fields = atoms(root, payload).map_err(whole)?;
    let body = Body::checked(root.clone(), payload).map_err(whole)?;
    let row = flat::protobuf(record, fields, body, schema, sure || root.is_row())?;
    Ok(row.map_or(Skim::Unknown, Skim::Change))
}

fn part<'a>(parts: &mut Parts<'a>, root: &Root, place: usize, name: &str, value: Wired<'a>) -> Result<(), Reason> {
    let object = || match (root.inner(place), value) {
        (Some(inner), Wired::Bytes(payload)) => Ok(Some((inner, payload))),
        (Some(_), _) => Err(Reason::Borrowed("written with another schema")),
        (None, _) => Ok(None),
    };
    match flag(name) {
        SOURCE => {
            if let Some((inner, payload)) = object()? {
                parts.source = Some(Source::read_message(Body::checked(inner, payload)?));
            }
        }
        flag @ (BEFORE | AFTER | MESSAGE) => {
            let field = match object()? {
                Some((inner, payload)) => Field::Protobuf(Body::checked(inner, payload)?),
                // MongoDB's documents come as texts.
                None => match root.atom(place, value)? {
                    Atom::Text(text) => Field::Avro(Part::Text(text)),
                    _ => Field::Avro(Part::Other),
                },
            };
            *match flag {
                BEFORE => &mut parts.before,
                AFTER => &mut parts.after,
                _ => &mut parts.message,
            } = Some(field);
        }
        UPDATE_DESCRIPTION => {
            if let Some((inner, payload)) = object()? {
                parts.update = Some(Cow::Owned(Body::checked(inner, payload)?.json()?));
            }
        }
        // A text that is left out is empty.
        OP => parts.op = root.atom(place, value)?.or_none(),
        _ => {}
    }
    Ok(())
}

/// The fields in the order of the schema, with what was sent. One that was left out is null or its type's zero, and
/// nothing tells which.
fn atoms<'a>(root: &Root, payload: &'a [u8]) -> Result<Vec<(Cow<'a, str>, Atom<'a>)>, Reason> {
    let mut sent: Vec<Atom<'a>> = Vec::new();
    sent.resize_with(root.names().count(), Atom::default);
    for item in fields(payload) {
        let (number, value) = item?;
        if let Some(place) = root.place(number) {
            let error = |reason| within(root.names().nth(place).map_or("", |name| &**name), &reason);
            sent[place] = root.atom(place, value).map_err(error)?;
        }
    }
    let name = |name: &Arc<str>| Cow::Owned(name.to_string());
    Ok(root.names().map(name).zip(sent).collect())
}
