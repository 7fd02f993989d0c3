//! CloudEvents in their structured JSON form: the envelope's parts in `data`, the source block in extensions.

use super::envelope::{Envelope, Images, Inline};
use super::image::Image;
use super::key::unwrap;
use super::raw;
use super::source::{Atom, Source};
use super::{DecodeError, Op, Record};
use std::borrow::Cow;

/// Debezium's extension attributes are named so, without underscores and in lower case.
const EXTENSION: &str = "iodebezium";

/// A change event from a CloudEvent; `None` for other CloudEvents.
pub(crate) fn change<'a>(record: &Record<'a>, text: &'a str) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    let (mut data, mut op) = (None, None);
    let mut fields: Vec<(Cow<'a, str>, Atom<'a>)> = Vec::new();
    for (name, raw) in raw::members(text) {
        match name.strip_prefix(EXTENSION) {
            Some("op") => op = Atom::json(raw).text(),
            Some(name) => fields.push((Cow::Owned(field(name).to_owned()), Atom::json(raw))),
            None if name == "data" => data = Some(raw),
            None => {}
        }
    }
    let Some(data) = data.filter(|data| data.starts_with('{')) else {
        return Ok(None);
    };
    let unwrapped = unwrap("data", record.topic, data.as_bytes())?;
    let member = |name: &str| raw::members(unwrapped.payload).find(|(key, _)| key == name).map(|(_, raw)| raw);
    let image = |name: &str| match member(name) {
        None | Some("null") => Ok(None),
        Some(raw) if raw.starts_with('{') => Ok(Some(Image::Json(Cow::Borrowed(raw)))),
        Some(raw) => Err(DecodeError::new(name, format!("expected an object, found {}", raw::shape(raw)))),
    };
    let (before, after) = (image("before")?, image("after")?);
    let op = op.or_else(|| member("op").and_then(raw::text));
    if op.is_none() && before.is_none() && after.is_none() {
        return Ok(None);
    }
    let op = match op.as_deref() {
        Some("c") => Op::Create,
        Some("u") => Op::Update,
        Some("d") => Op::Delete,
        Some("r") => Op::Read,
        Some("t") => Op::Truncate,
        Some(_) => return Err(DecodeError::new("iodebeziumop", "a letter that Debezium does not use")),
        None => return Err(DecodeError::new("iodebeziumop", "missing")),
    };
    let source = match member("source").filter(|raw| raw.starts_with('{')) {
        Some(raw) => Source::walk(&mut super::scan::Cursor::new(raw))?,
        None => Source::loose(fields),
    };
    let images = Images { before, after, ..Images::default() };
    let schema = unwrapped.schema.map(|schema| Inline { text: schema.text, kind: schema.kind });
    Envelope::new(*record, op, images, source, schema).map(Some)
}

/// The source block's name of an extension.
fn field(extension: &str) -> &str {
    match extension {
        "tsms" => "ts_ms",
        "tsus" => "ts_us",
        "tsns" => "ts_ns",
        "txid" => "txId",
        "serverid" => "server_id",
        "changelsn" => "change_lsn",
        "commitlsn" => "commit_lsn",
        "eventserialno" => "event_serial_no",
        "commitscn" => "commit_scn",
        other => other,
    }
}

#[cfg(test)]
mod tests;
