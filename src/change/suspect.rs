//! What a value without a schema looks like, so that a person can tell Rowbell what it is.

use super::hints::Hints;
use super::time::{self, DAY};
use super::value::{Type, Value};
use super::{Column, Envelope, RowChange};

/// Hints for people about a decoded change: columns that look like more than the record says, configured
/// types that do not fit, and old images that the source could send and does not. No row data.
pub fn suspicions(envelope: &Envelope<'_>, change: &RowChange, hints: &dyn Hints) -> Vec<String> {
    let mut out = Vec::new();
    let rows = [change.after.as_ref(), change.before.as_ref()];
    for column in rows.into_iter().flatten().take(1).flat_map(|row| &row.columns) {
        let name = &column.name;
        match hints.column_type(envelope.server(), envelope.table(), name) {
            Some(hint) => {
                let fits = hint.ty() == column.ty || matches!(column.value, Value::Null | Value::Unavailable);
                // A type that the schema knows better is not used, which is no fault.
                if !fits && !envelope.has_schema() {
                    out.push(format!("{name}: is configured as {}, but its value is none", hint.ty().as_str()));
                }
            }
            None if envelope.has_schema() => out.extend(wrapped(&change.connector, column)),
            None => {
                let looks = looks_like(column)
                    .map(|(what, word)| format!("{name}: looks like {what}; set columns.{name}.type: {word}"));
                out.extend(looks.or_else(|| wrapped(&change.connector, column)));
            }
        }
    }
    if let Some(remedy) = change.remedy() {
        out.push(format!("the source does not send old values; to have them: {remedy}"));
    }
    out
}

/// A 64-bit column below zero may be an unsigned one that MySQL's connector has wrapped; without a schema, any integer may be
/// of 64 bits.
fn wrapped(connector: &str, column: &Column) -> Option<String> {
    match (connector, &column.value) {
        ("mysql" | "mariadb", Value::Int(number)) if *number < 0 && column.ty == Type::Int => Some(format!(
            "{0}: is negative; if it is BIGINT UNSIGNED, set columns.{0}.type: unsigned, or \
             bigint.unsigned.handling.mode=precise in the connector",
            column.name
        )),
        _ => None,
    }
}

fn looks_like(column: &Column) -> Option<(&'static str, &'static str)> {
    match &column.value {
        Value::Int(number) => number_like(&column.name, *number),
        Value::Text(text) => text_like(text),
        Value::Json(document) => {
            let object = document.as_object()?;
            let only = |keys: &[&str]| object.len() == keys.len() && keys.iter().all(|key| object.contains_key(*key));
            if only(&["scale", "value"]) {
                Some(("a decimal", "decimal"))
            } else if only(&["x", "y", "wkb", "srid"]) {
                Some(("a point", "point"))
            } else if only(&["wkb", "srid"]) {
                Some(("a geometry", "geometry"))
            } else {
                None
            }
        }
        _ => None,
    }
}

fn number_like(name: &str, number: i128) -> Option<(&'static str, &'static str)> {
    /// 1980 to 2100, in the unit that one second has so many of.
    fn recent(number: i128, per_second: i128) -> bool {
        (315_532_800 * per_second..4_102_444_800 * per_second).contains(&number)
    }
    if recent(number, 1_000_000_000) {
        return Some(("nanoseconds since 1970", "timestamp_ns"));
    }
    if recent(number, 1_000_000) {
        return Some(("microseconds since 1970", "timestamp_us"));
    }
    if recent(number, 1_000) {
        return Some(("milliseconds since 1970", "timestamp_ms"));
    }
    // So few days are an everyday number: only a column that is called like a date is worth a word.
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['_', '-', '.', ' ']).collect();
    let dated = ["on", "date", "day", "birthday", "born", "birth", "dob", "due", "since", "until"];
    let called = words.iter().any(|word| dated.contains(word)) || name.ends_with("date");
    (called && (3_652..47_482).contains(&number)).then_some(("days since 1970", "date"))
}

fn text_like(text: &str) -> Option<(&'static str, &'static str)> {
    if let Some(time::Iso { days: Some(_), nanos, offset }) = time::parse_iso(text) {
        return match (nanos, offset) {
            (Some(nanos), Some(_)) if nanos <= DAY => Some(("a point in time", "instant")),
            (Some(_), None) => Some(("a timestamp without zone", "timestamp")),
            (None, _) => Some(("a date", "date")),
            _ => None,
        };
    }
    // Short padded base64 is seldom a word; a decimal's bytes are few.
    let base64 = text.len() >= 4
        && text.len() <= 24
        && text.len().is_multiple_of(4)
        && (text.ends_with('=') || text.contains(['+', '/']))
        && text.trim_end_matches('=').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    base64.then_some(("base64: a decimal or bytes", "decimal(SCALE) or bytes"))
}

#[cfg(test)]
mod tests;
