//! A row image as it lies in the record, and the cheap look at what may differ between two of them.

use super::avro::Datum;
use super::envelope::Images;
use super::marks::{Marks, common_start, value_of};
use super::protobuf::Body;
use super::raw;
use super::scan::Cursor;
use super::unavailable::Placeholders;
use std::borrow::Cow;

/// A row image, not yet read.
#[derive(Debug, Clone)]
pub(crate) enum Image<'a> {
    /// A checked JSON object.
    Json(Cow<'a, str>),
    /// An Avro record.
    Avro(Datum<'a>),
    /// A checked Protobuf message.
    Protobuf(Body<'a>),
}

/// Could any of the wanted columns differ? True for a column that was sent when there is nothing to
/// compare it with.
pub(crate) fn may_touch(images: &Images<'_>, missing: &Placeholders, columns: &[impl AsRef<str>]) -> bool {
    match (&images.before, &images.after) {
        (Some(Image::Json(before)), Some(Image::Json(after))) => {
            touched_in_step(before, &images.marks, after, missing, columns)
                .unwrap_or_else(|| touched(before, after, missing, columns))
        }
        (Some(Image::Avro(before)), Some(Image::Avro(after))) => touched_datum(before, after, columns),
        (Some(Image::Protobuf(before)), Some(Image::Protobuf(after))) => before.differs(after, columns),
        // Images of two forms: no source sends such, so nothing is won by looking closer.
        (Some(_), Some(_)) => true,
        (Some(image), None) | (None, Some(image)) => match image {
            Image::Json(raw) => raw::members(raw).any(|(key, raw)| is_watched(columns, &key) && !missing.is_raw(raw)),
            Image::Avro(datum) => sent(datum, columns),
            Image::Protobuf(body) => body.names().any(|name| is_watched(columns, name)),
        },
        (None, None) => false,
    }
}

fn is_watched(columns: &[impl AsRef<str>], name: &str) -> bool {
    columns.iter().any(|column| column.as_ref() == name)
}

/// Was a watched column sent? A datum that cannot be read counts as such, so that reading it tells why.
fn sent(datum: &Datum<'_>, columns: &[impl AsRef<str>]) -> bool {
    let Some(mut members) = datum.members() else {
        return true;
    };
    while let Some(name) = members.name() {
        if !is_watched(columns, name) {
            if members.skip().is_err() {
                return true;
            }
            continue;
        }
        match members.value() {
            Ok((_, super::Value::Unavailable, _)) => {}
            _ => return true,
        }
    }
    false
}

fn touched_datum(before: &Datum<'_>, after: &Datum<'_>, columns: &[impl AsRef<str>]) -> bool {
    if !before.alike(after) {
        return true;
    }
    let (Some(mut old), Some(mut new)) = (before.members(), after.members()) else {
        return true;
    };
    while let Some(name) = old.name() {
        let Ok(bytes) = old.skip() else {
            return true;
        };
        if new.skip_same(bytes) {
            continue;
        }
        if !is_watched(columns, name) {
            if new.skip().is_err() {
                return true;
            }
            continue;
        }
        match new.value() {
            Ok((_, super::Value::Unavailable, _)) => {}
            _ => return true,
        }
    }
    false
}

/// Goes through both images at once, where they have the same columns in the same order and the old one is marked;
/// `None` where they do not, or the marks end before the row.
fn touched_in_step(
    before: &str,
    marks: &Marks,
    after: &str,
    missing: &Placeholders,
    columns: &[impl AsRef<str>],
) -> Option<bool> {
    let mut cursor = Cursor::new(after);
    let mut first = true;
    let mut at = 0;
    let mut touched = false;
    loop {
        let (run, bytes) = marks.same(at);
        if run > 0 {
            cursor.advance(bytes);
            first = false;
            at += run;
        } else if first && !cursor.open_object() {
            return None;
        }
        if !cursor.member(&mut first).ok()? {
            break;
        }
        let member = marks.member(before, at)?;
        at += 1;
        if cursor.same_member(member) {
            continue;
        }
        let name = cursor.member_key().ok()?.text();
        let raw = cursor.value().ok()?;
        // Another spelling of the same name is left to the one that looks closer.
        value_of(member, &name)?;
        touched |= is_watched(columns, &name) && !missing.is_raw(raw);
    }
    // All of the old columns were met.
    (marks.end(before) == Some(at)).then_some(touched)
}

/// Is a watched column's raw text another one in the new image, or is the column gone from it?
fn touched(before: &str, after: &str, missing: &Placeholders, columns: &[impl AsRef<str>]) -> bool {
    let (prefix, suffix) = common_ends(before.as_bytes(), after.as_bytes());
    if prefix == before.len() && prefix == after.len() {
        return false;
    }
    let mut new = Cursor::new(after);
    let mut first = true;
    if !new.open_object() {
        return true;
    }
    // Members that end within the common beginning are the same in both. One that ends right where the
    // texts part may go on in the other: 12 and 123.
    let mut start;
    let mut found = loop {
        start = (new.clone(), first);
        match member_at(&mut new, &mut first) {
            Some(_) if new.at() < prefix => {}
            member => break member,
        }
    };
    while let Some((name, raw)) = found {
        if is_watched(columns, &name) && !missing.is_raw(raw) {
            let old = raw::members(before).find(|(key, _)| *key == name).map(|(_, raw)| raw);
            if old != Some(raw) {
                return true;
            }
        }
        // From here on all is the common end, the comma before the next member included; without the
        // comma, the other text could be inside a key there.
        if new.at() > after.len() - suffix {
            break;
        }
        found = member_at(&mut new, &mut first);
    }
    // The old image adds only columns that were dropped since; up to the difference it reads the same.
    let (at, mut first) = (start.0.at(), start.1);
    let mut old = Cursor::new(before);
    old.advance(at);
    while let Some((name, _)) = member_at(&mut old, &mut first) {
        if is_watched(columns, &name) && !raw::members(after).any(|(key, _)| key == name) {
            return true;
        }
        if old.at() > before.len() - suffix {
            break;
        }
    }
    false
}

/// The next member of a checked object.
#[inline]
fn member_at<'a>(cursor: &mut Cursor<'a>, first: &mut bool) -> Option<(Cow<'a, str>, &'a str)> {
    let key = cursor.key(first).ok()??;
    let raw = cursor.value().ok()?;
    Some((key.text(), raw))
}

/// Lengths of the longest common prefix and of the common suffix behind it.
fn common_ends(a: &[u8], b: &[u8]) -> (usize, usize) {
    const CHUNK: usize = 32;
    let prefix = common_start(a, b);
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.rchunks_exact(CHUNK).zip(b.rchunks_exact(CHUNK)).take_while(|(a, b)| a == b).count() * CHUNK;
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    (prefix, suffix + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count())
}
