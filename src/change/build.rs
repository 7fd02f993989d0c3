//! From an envelope to a row change: which images are real, and what differs between them.

use super::envelope::Envelope;
use super::hints::Hints;
use super::rows::{Rows, Shapes, shape};
use super::semantic::Shape;
use super::value::{Type, Value};
use super::{Column, ColumnChange, DecodeError, Op, Row, RowChange, document, memo};
use std::sync::Arc;

/// On the `create` that a primary-key change ends in: the key that the row had before.
pub(crate) const OLD_KEY: &str = "__debezium.oldkey";
/// On the `delete` that a primary-key change begins with: the key that the row has from now on.
pub(crate) const NEW_KEY: &str = "__debezium.newkey";

pub(crate) fn change(envelope: &Envelope<'_>, hints: &dyn Hints) -> Result<RowChange, DecodeError> {
    let record = envelope.record();
    let (op, server, table) = (envelope.op(), envelope.server(), envelope.table());
    let rows = Rows::new(envelope, hints);
    let schema = envelope.schema()?;
    let schema = schema.as_deref().and_then(shape);
    // A flattened row's schema is the row's own.
    let shape_of = |image| match &envelope.flat {
        Some(_) => schema,
        None => schema.and_then(|schema| image_shape(schema, image)),
    };
    // Cassandra's cells were unwrapped, and a deleted row is what stood in `after`.
    let cells = shape_of("after").filter(|_| envelope.connector() == "cassandra").map(document::cells_shape);
    let shapes = match &cells {
        Some(shape) => Shapes { before: Some(shape), after: Some(shape) },
        None => Shapes { before: shape_of("before"), after: shape_of("after") },
    };
    let (mut before, mut after) = rows.images(&envelope.images, shapes)?;
    if let (true, Some(before), Some(after)) = (envelope.images.partial, &before, &mut after) {
        let kept = before.columns.iter().filter(|column| after.get(&column.name).is_none()).cloned();
        let kept: Vec<Column> = kept.collect();
        after.columns.extend(kept);
    }
    if let Some(flat) = &envelope.flat {
        for row in [&mut before, &mut after].into_iter().flatten() {
            row.columns.retain(|column| !flat.is_added(&column.name));
        }
    }

    let key = if op == Op::Truncate { None } else { rows.key(envelope)? };
    let header = |wanted: Op, name: &str| match op == wanted {
        // Only these ops carry the headers, so no others pay for looking.
        true => rows.header_key(record, name, key.as_ref().and_then(|(_, kind)| kind.as_deref())),
        false => Ok(None),
    };
    let rekeyed_from = header(Op::Create, OLD_KEY)?;
    let rekeyed_to = header(Op::Delete, NEW_KEY)?;
    let key = key.map(|(row, _)| row);

    let connector = envelope.connector();
    let (before, before_unknown) = match op {
        Op::Update => {
            let unknown = before.is_none();
            (before, unknown)
        }
        Op::Delete if before.is_none() => (Some(key_columns(Row::default(), key.as_ref())), true),
        // A row without its envelope seldom says which connector sent it.
        Op::Delete
            if (invents_old_values(&connector) || connector.is_empty())
                && !is_real(hints.full_identity(server, table), key.as_ref()) =>
        {
            (Some(key_columns(before.unwrap_or_default(), key.as_ref())), true)
        }
        Op::Delete => (before, false),
        Op::Create if rekeyed_from.is_some() => (rekeyed_from.clone(), true),
        // Nothing was there before: that is known.
        Op::Create | Op::Read | Op::Truncate | Op::Message => (None, false),
    };

    let mut changes = match (op, &before, &after) {
        (Op::Update, Some(before), Some(after)) => differences(before, after),
        (Op::Delete, Some(before), _) => each(before, |value| (Some(value), None)),
        (Op::Truncate, ..) => Vec::new(),
        (_, _, Some(after)) => each(after, |value| (None, Some(value))),
        _ => Vec::new(),
    };
    if let Some(flat) = &envelope.flat {
        changes.retain(|change| flat.may_have_changed(&change.name));
    }
    let unavailable = after.as_ref().or(before.as_ref()).map(unavailable).unwrap_or_default();
    Ok(RowChange {
        record: record.id(),
        op,
        connector: memo::name(&connector),
        server: memo::name(server),
        database: envelope.database().map(|database| memo::name(&database)),
        table: envelope.shared_table(),
        key,
        rekeyed_from,
        rekeyed_to,
        snapshot: envelope.snapshot(),
        time_us: envelope.time_us(),
        before,
        after,
        before_unknown,
        flattened: envelope.flat.is_some(),
        changes,
        unavailable,
    })
}

fn image_shape<'s>(schema: &'s Shape, image: &str) -> Option<&'s Shape> {
    schema.field(image, usize::from(image == "after")).and_then(|(_, kind)| shape(kind))
}

/// Postgres under the default replica identity knows a deleted row's key only, and Debezium fills the
/// other columns of `before` with nulls, defaults and zeros that look like data.
pub(crate) fn invents_old_values(connector: &str) -> bool {
    matches!(connector, "postgresql" | "yugabytedb")
}

fn is_real(full_identity: Option<bool>, key: Option<&Row>) -> bool {
    // Without a primary key Postgres publishes deletes only under an identity that names the old columns,
    // and nothing else tells which those are.
    full_identity.unwrap_or(key.is_none())
}

fn key_columns(before: Row, key: Option<&Row>) -> Row {
    let Some(key) = key else {
        return Row::default();
    };
    let columns: Vec<Column> = before.columns.into_iter().filter(|column| key.get(&column.name).is_some()).collect();
    // A key whose names the row does not have (an SMT renamed them) still says which row it was.
    if columns.is_empty() { key.clone() } else { Row { columns } }
}

pub(crate) fn unavailable(row: &Row) -> Vec<Arc<str>> {
    let missing = row.columns.iter().filter(|column| matches!(column.value, Value::Unavailable));
    missing.map(|column| column.name.clone()).collect()
}

pub(crate) fn each(row: &Row, side: impl Fn(Value) -> (Option<Value>, Option<Value>)) -> Vec<ColumnChange> {
    let sent = row.columns.iter().filter(|column| !matches!(column.value, Value::Unavailable));
    sent.map(|column| {
        let (old, new) = side(column.value.clone());
        ColumnChange { name: column.name.clone(), ty: column.ty, old, new }
    })
    .collect()
}

/// What differs in meaning between two images, in the new one's order; columns that it lost come last.
pub(crate) fn differences(before: &Row, after: &Row) -> Vec<ColumnChange> {
    let mut changes = Vec::new();
    for (at, new) in after.columns.iter().enumerate() {
        if matches!(new.value, Value::Unavailable) {
            continue;
        }
        let old = match before.columns.get(at) {
            Some(old) if old.name == new.name => Some(old),
            _ => before.get(&new.name),
        };
        // An old value that was not sent is not known to be another one, but the new one was sent, which
        // sources do only for what changed.
        let old_value = old.map(|old| &old.value).filter(|value| !matches!(value, Value::Unavailable));
        let same = match (old, old_value) {
            (_, Some(old)) => old.same(&new.value),
            // A column added with nothing in it.
            (None, None) => new.value == Value::Null,
            (Some(_), None) => false,
        };
        if !same {
            let ty = if new.ty == Type::Unknown { old.map_or(new.ty, |old| old.ty) } else { new.ty };
            changes.push(ColumnChange {
                name: new.name.clone(),
                ty,
                old: old_value.cloned(),
                new: Some(new.value.clone()),
            });
        }
    }
    for old in &before.columns {
        let gone = after.get(&old.name).is_none();
        if gone && old.value != Value::Null && old.value != Value::Unavailable {
            changes.push(ColumnChange { name: old.name.clone(), ty: old.ty, old: Some(old.value.clone()), new: None });
        }
    }
    changes
}

impl RowChange {
    /// The change as rules judge it: the `create` at the end of a primary-key change is an update whose
    /// old image is the old key. Any other change is itself.
    pub fn judged(mut self) -> RowChange {
        if self.op != Op::Create {
            return self;
        }
        let Some(old_key) = &self.rekeyed_from else {
            return self;
        };
        self.op = Op::Update;
        for change in &mut self.changes {
            change.old = old_key.get(&change.name).map(|column| column.value.clone());
        }
        // A key of several columns need not have changed in all of them.
        self.changes.retain(|change| match (&change.old, &change.new) {
            (Some(old), Some(new)) => !old.same(new),
            _ => true,
        });
        self
    }

    /// What would make the source send old images, where it does not: one SQL statement.
    pub fn remedy(&self) -> Option<String> {
        let sends_none =
            self.before_unknown && matches!(self.op, Op::Update | Op::Delete) && self.rekeyed_from.is_none();
        // Of a flattened row nobody knows whether its source sent the old image.
        (sends_none && !self.flattened && invents_old_values(&self.connector))
            .then(|| format!("ALTER TABLE {} REPLICA IDENTITY FULL", quoted(&self.table)))
    }
}

/// A table's name as SQL writes it: parts that are no plain words in quotes.
fn quoted(table: &str) -> String {
    let plain = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && part.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
    };
    let part = |part: &str| match plain(part) {
        true => part.to_owned(),
        false => format!("\"{}\"", part.replace('"', "\"\"")),
    };
    match table.split_once('.') {
        Some((schema, table)) => format!("{}.{}", part(schema), part(table)),
        None => part(table),
    }
}

#[cfg(test)]
mod tests;
