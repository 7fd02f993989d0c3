//! A change that fits into a digest's memory.

use crate::change::{Column, Decimal, Row, RowChange, Value};
use crate::message::headline;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Bytes that a column takes besides its name and value: their place in an image and in the list of changes.
const COLUMN_OVERHEAD: usize = 96;

/// Bytes of memory that a change holds, roughly.
pub fn bytes(change: &RowChange) -> usize {
    let rows = [&change.before, &change.after, &change.key, &change.rekeyed_from, &change.rekeyed_to];
    let images: usize = rows.into_iter().flatten().map(row_bytes).sum();
    images + change.changes.len() * COLUMN_OVERHEAD
}

fn row_bytes(row: &Row) -> usize {
    row.columns.iter().map(column_bytes).sum()
}

fn column_bytes(column: &Column) -> usize {
    COLUMN_OVERHEAD + column.name.len() + value_bytes(&column.value)
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Bits(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Json(document) => json_bytes(document),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + value_bytes(value)).sum(),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| size_of::<Value>() + key.len() + value_bytes(value)).sum()
        }
        // As many bytes as bits; a decimal of many digits is rare, and dear.
        Value::Decimal(Decimal::Finite(number)) => {
            (number.as_bigint_and_exponent().0.bits() / 8).try_into().unwrap_or(usize::MAX)
        }
        _ => 0,
    }
}

fn json_bytes(document: &serde_json::Value) -> usize {
    const NODE: usize = size_of::<serde_json::Value>();
    NODE + match document {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(values) => values.iter().map(json_bytes).sum(),
        serde_json::Value::Object(entries) => entries.iter().map(|(key, value)| key.len() + json_bytes(value)).sum(),
        _ => 0,
    }
}

/// The change within `max` bytes, and the changed columns that had to go; `None` where it fits as it is.
///
/// Columns that neither changed nor tell which row it is go first, all of them. A changed column goes whole: half a value
/// would make a wrong difference.
pub(super) fn slim(change: &RowChange, max: usize) -> Option<(RowChange, Vec<Arc<str>>)> {
    if bytes(change) <= max {
        return None;
    }
    let tells =
        |name: &str| headline::names_the_row(name) || change.key.as_ref().is_some_and(|key| key.get(name).is_some());
    let changed: HashSet<&str> = change.changes.iter().map(|column| &*column.name).collect();
    let mut small = change.clone();
    keep(&mut small, |name| changed.contains(name) || tells(name));
    let mut excess = bytes(&small).saturating_sub(max);
    let mut costs: HashMap<Arc<str>, usize> = HashMap::new();
    for column in [&small.before, &small.after].into_iter().flatten().flat_map(|row| &row.columns) {
        *costs.entry(Arc::clone(&column.name)).or_default() += column_bytes(column);
    }
    // The dearest column first, those that name the row last.
    let mut costs: Vec<_> = costs.into_iter().map(|(name, cost)| (tells(&name), Reverse(cost), name)).collect();
    costs.sort();
    let mut dropped = Vec::new();
    for (_, Reverse(cost), name) in costs {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(cost + if changed.contains(&*name) { COLUMN_OVERHEAD } else { 0 });
        dropped.push(name);
    }
    without(&mut small, &dropped);
    if excess > 0 {
        // A key of that size names no row that a person knows.
        (small.key, small.rekeyed_from, small.rekeyed_to) = (None, None, None);
    }
    dropped.retain(|name| changed.contains(&**name));
    Some((small, dropped))
}

/// Takes columns out of a change.
pub(super) fn without(change: &mut RowChange, names: &[Arc<str>]) {
    if !names.is_empty() {
        let names: HashSet<&str> = names.iter().map(|name| &**name).collect();
        keep(change, |name| !names.contains(name));
    }
}

fn keep(change: &mut RowChange, wanted: impl Fn(&str) -> bool) {
    for row in [&mut change.before, &mut change.after].into_iter().flatten() {
        row.columns.retain(|column| wanted(&column.name));
    }
    change.changes.retain(|column| wanted(&column.name));
    change.unavailable.retain(|name| wanted(name));
}

/// A slim change with the columns of a later one again, as not sent: they had not changed.
pub(super) fn widened(slim: &RowChange, later: &RowChange) -> RowChange {
    let mut wide = slim.clone();
    let names = |row: &Row| row.columns.iter().map(|column| Arc::clone(&column.name)).collect::<HashSet<_>>();
    let sides =
        [(&mut wide.before, later.before.as_ref()), (&mut wide.after, later.after.as_ref().or(later.before.as_ref()))];
    for (mine, theirs) in sides {
        let Some((mine, theirs)) = mine.as_mut().zip(theirs) else { continue };
        let known = names(mine);
        let missing = theirs.columns.iter().filter(|column| !known.contains(&column.name));
        mine.columns.extend(missing.map(|column| Column { value: Value::Unavailable, ..column.clone() }));
    }
    wide
}
