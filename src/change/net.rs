//! What several changes of one row come to: per column the first old and the last new value.

use super::build::{differences, each, unavailable};
use super::value::Value;
use super::{Column, ColumnChange, Op, Row, RowChange};
use std::sync::Arc;

/// What two changes of one row come to.
#[derive(Debug, Clone, PartialEq)]
pub enum Net<T> {
    /// One change that stands for both.
    Change(T),
    /// Nothing: the row is as it was before the first.
    Nothing,
    /// They say more apart than together, or are not known to be of one row: each is posted by itself.
    Apart,
}

/// The net change of one row's changes, and how many it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// Where and when the last one happened; its old image is the first one's.
    pub change: Arc<RowChange>,
    /// Changes that it stands for, at least 1.
    pub changes: u64,
    /// Commit time of the earliest at the source, in microseconds since the epoch.
    pub since_us: Option<i64>,
}

impl Folded {
    /// A change by itself.
    pub fn one(change: Arc<RowChange>) -> Self {
        Folded { since_us: change.time_us, change, changes: 1 }
    }

    /// This and what came later of the same row.
    pub fn then(&self, later: &Folded) -> Net<Folded> {
        match net(&self.change, &later.change) {
            Net::Change(change) => Net::Change(Folded {
                change: Arc::new(change),
                changes: self.changes.saturating_add(later.changes),
                since_us: self.since_us.into_iter().chain(later.since_us).min(),
            }),
            Net::Nothing => Net::Nothing,
            Net::Apart => Net::Apart,
        }
    }
}

/// The net change of two changes of one row, the earlier one first; both as rules judge them ([`RowChange::judged`]).
///
/// Record, time and source position are the later one's. Values are compared by meaning, as a single change's are.
/// What the first change did not tell stays unknown, however much the second one tells.
pub fn net(first: &RowChange, last: &RowChange) -> Net<RowChange> {
    if !folds(first) || !folds(last) || !same_row(first, last) {
        return Net::Apart;
    }
    let was = matches!(first.op, Op::Update | Op::Delete);
    let is = last.op != Op::Delete;
    match (was, is) {
        (false, false) if first.op == Op::Create => Net::Nothing,
        // A row that a snapshot found had been there before: that it went is news.
        (false, false) => Net::Apart,
        (true, false) => Net::Change(deleted(first, last)),
        // Without an old image, a column that is missing may as well not have been sent.
        _ if last.before.is_none() && last.op == Op::Update && lacks_columns(first, last) => Net::Apart,
        (false, true) => Net::Change(created(first, last)),
        (true, true) => {
            let net = updated(first, last);
            if net.changes.is_empty() { Net::Nothing } else { Net::Change(net) }
        }
    }
}

fn folds(change: &RowChange) -> bool {
    let image = match change.op {
        Op::Truncate | Op::Message => false,
        Op::Delete => true,
        Op::Create | Op::Read | Op::Update => change.after.is_some(),
    };
    // A row that moved to another key may have come from another partition, whose order is another one.
    image && change.key.is_some() && change.rekeyed_from.is_none() && change.rekeyed_to.is_none()
}

fn same_row(first: &RowChange, last: &RowChange) -> bool {
    let same_place = first.record.topic == last.record.topic
        && first.record.partition == last.record.partition
        && first.table == last.table;
    let same_key = |a: &Row, b: &Row| {
        let same = |column: &Column| b.get(&column.name).is_some_and(|other| other.value.same(&column.value));
        a.columns.len() == b.columns.len() && a.columns.iter().all(same)
    };
    same_place && first.key.as_ref().zip(last.key.as_ref()).is_some_and(|(a, b)| same_key(a, b))
}

fn lacks_columns(first: &RowChange, last: &RowChange) -> bool {
    let Some((known, sent)) = first.after.as_ref().zip(last.after.as_ref()) else {
        return false;
    };
    known.columns.iter().any(|column| sent.get(&column.name).is_none())
}

/// The last new image; a value that was not sent with it is the one known from before.
fn new_image(first: &RowChange, last: &RowChange) -> Option<Row> {
    let known = |name: &str| first.after.as_ref()?.get(name);
    Some(filled(last.after.as_ref()?, known))
}

/// The first old image; a value that was not sent with it, and that the first change left alone, is the one that the
/// second one found.
fn old_image(first: &RowChange, last: &RowChange) -> Option<Row> {
    let known = |name: &str| if leaves(first, name) { last.before.as_ref()?.get(name) } else { None };
    Some(filled(first.before.as_ref()?, known))
}

/// True when the change did not send the column's new value, which is how sources say that it stayed.
fn leaves(change: &RowChange, name: &str) -> bool {
    change.after.as_ref().and_then(|row| row.get(name)).is_some_and(|column| column.value == Value::Unavailable)
}

fn filled<'a>(row: &Row, known: impl Fn(&str) -> Option<&'a Column>) -> Row {
    let fill = |column: &Column| match (&column.value, known(&column.name)) {
        (Value::Unavailable, Some(known)) => known.clone(),
        _ => column.clone(),
    };
    Row { columns: row.columns.iter().map(fill).collect() }
}

fn created(first: &RowChange, last: &RowChange) -> RowChange {
    let after = new_image(first, last);
    let changes = after.as_ref().map(|row| each(row, |value| (None, Some(value)))).unwrap_or_default();
    finish(first.op, last, (None, false), after, changes)
}

fn deleted(first: &RowChange, last: &RowChange) -> RowChange {
    let before = if first.before_unknown { None } else { old_image(first, last) };
    let unknown = before.is_none();
    let before = before.or_else(|| last.key.clone());
    let changes = before.as_ref().map(|row| each(row, |value| (Some(value), None))).unwrap_or_default();
    finish(Op::Delete, last, (before, unknown), None, changes)
}

fn updated(first: &RowChange, last: &RowChange) -> RowChange {
    let after = new_image(first, last);
    let before = if first.before_unknown { None } else { old_image(first, last) };
    // What changed between the two and was nobody's notice is not made one here.
    let touched = |name: &str| first.changed(name).is_some() || last.changed(name).is_some();
    let changes = match (&before, &after) {
        (Some(before), Some(after)) => {
            differences(before, after).into_iter().filter(|change| touched(&change.name)).collect()
        }
        (None, Some(after)) => changes_by_column(first, last, after),
        _ => Vec::new(),
    };
    let unknown = before.is_none();
    finish(Op::Update, last, (before, unknown), after, changes)
}

/// The changes of an update whose old image is not known: what each of the two told by itself.
fn changes_by_column(first: &RowChange, last: &RowChange, after: &Row) -> Vec<ColumnChange> {
    let sent = after.columns.iter().filter(|column| column.value != Value::Unavailable);
    let mut changes: Vec<ColumnChange> = sent
        .filter_map(|column| {
            let (earlier, later) = (first.changed(&column.name), last.changed(&column.name));
            let old = match earlier {
                Some(change) => change.old.as_ref(),
                None => first_known(first, later?),
            };
            // As in a single such change the key is told, though all know that it stayed.
            let is_key = last.key.as_ref().is_some_and(|key| key.get(&column.name).is_some());
            let old = old.filter(|value| !is_key && **value != Value::Unavailable);
            let same = old.is_some_and(|old| old.same(&column.value));
            let change = || ColumnChange {
                name: column.name.clone(),
                ty: column.ty,
                old: old.cloned(),
                new: Some(column.value.clone()),
            };
            (!same).then(change)
        })
        .collect();
    let gone = last.changes.iter().filter(|change| change.new.is_none() && after.get(&change.name).is_none());
    changes.extend(gone.cloned());
    changes
}

/// The old value of a column that only the later change touched: what the first one had left it at.
fn first_known<'a>(first: &'a RowChange, later: &'a ColumnChange) -> Option<&'a Value> {
    match first.after.as_ref().and_then(|row| row.get(&later.name)) {
        Some(column) if column.value != Value::Unavailable => Some(&column.value),
        _ => later.old.as_ref(),
    }
}

fn finish(
    op: Op,
    last: &RowChange,
    (before, before_unknown): (Option<Row>, bool),
    after: Option<Row>,
    changes: Vec<ColumnChange>,
) -> RowChange {
    RowChange {
        record: last.record.clone(),
        op,
        connector: last.connector.clone(),
        server: last.server.clone(),
        database: last.database.clone(),
        table: last.table.clone(),
        key: last.key.clone(),
        rekeyed_from: None,
        rekeyed_to: None,
        snapshot: last.snapshot,
        time_us: last.time_us,
        unavailable: after.as_ref().or(before.as_ref()).map(unavailable).unwrap_or_default(),
        before,
        after,
        before_unknown,
        flattened: last.flattened,
        changes,
    }
}

#[cfg(test)]
mod tests;
