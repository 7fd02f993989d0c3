//! Counts of changes: by operation and by column.

use super::limits::COLUMNS_MAX;
use crate::change::{ColumnChange, Decimal, Op, RowChange, Type, Value};
use crate::message::Priority;
use crate::message::names;
use crate::message::number;
use crate::message::safe;
use crate::message::select;
use crate::message::value::Writer;
use crate::message::view::{Format, TableView, Words};
use bigdecimal::{BigDecimal, ToPrimitive, Zero};
use std::cmp::Ordering;
use std::sync::Arc;

/// In how many notices a column changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub changed: u64,
    /// To a smaller number.
    pub down: u64,
    /// To a greater number.
    pub up: u64,
}

/// Counts of one group, or one row's share of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Changes.
    pub changes: u64,
    /// Of each operation, in the order of [`OPS`]; their sum is `changes`.
    pub ops: [u64; 6],
    /// In the order of the group's columns; may be shorter than these.
    pub columns: Vec<Times>,
    /// Changes of columns that got no count of their own.
    pub other_columns: u64,
    /// Updates whose old image is not known, so that what changed is not either.
    pub unknown: u64,
}

pub(super) const OPS: [Op; 6] = [Op::Update, Op::Create, Op::Delete, Op::Read, Op::Truncate, Op::Message];

impl Tally {
    pub fn op(&self, op: Op) -> u64 {
        OPS.iter().zip(self.ops).filter(|(known, _)| **known == op).map(|(_, count)| count).sum()
    }

    /// A notice whose net change stands for `changes`: one of its operation, the others were updates of the same row.
    pub fn count(&mut self, op: Op, changes: u64) {
        self.changes += changes;
        for (known, count) in OPS.iter().zip(&mut self.ops) {
            *count += u64::from(*known == op);
            *count += if *known == Op::Update { changes.saturating_sub(1) } else { 0 };
        }
    }

    pub fn add(&mut self, other: &Tally) {
        self.combine(other, |a, b| a + b);
    }

    pub fn subtract(&mut self, other: &Tally) {
        self.combine(other, u64::saturating_sub);
    }

    /// The same counts for a group whose columns stand in other places.
    pub fn translated(&self, columns: &[Option<usize>]) -> Tally {
        let mut tally = Tally { columns: Vec::new(), ..self.clone() };
        for (times, place) in self.columns.iter().zip(columns) {
            let Some(place) = *place else {
                tally.other_columns += times.changed;
                continue;
            };
            if tally.columns.len() <= place {
                tally.columns.resize(place + 1, Times::default());
            }
            tally.columns[place] = *times;
        }
        tally
    }

    fn combine(&mut self, other: &Tally, with: impl Fn(u64, u64) -> u64) {
        self.changes = with(self.changes, other.changes);
        self.other_columns = with(self.other_columns, other.other_columns);
        self.unknown = with(self.unknown, other.unknown);
        for (mine, theirs) in self.ops.iter_mut().zip(other.ops) {
            *mine = with(*mine, theirs);
        }
        if self.columns.len() < other.columns.len() {
            self.columns.resize(other.columns.len(), Times::default());
        }
        for (mine, theirs) in self.columns.iter_mut().zip(&other.columns) {
            mine.changed = with(mine.changed, theirs.changed);
            mine.down = with(mine.down, theirs.down);
            mine.up = with(mine.up, theirs.up);
        }
    }
}

/// A column that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CountedColumn {
    pub name: Arc<str>,
    pub label: String,
    pub amount: Amount,
}

/// How a column's numbers are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    /// Whether "down" and "up" mean something, and may be told.
    pub is_told: bool,
    format: Option<Format>,
}

/// The changes of one table that one rule led to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub rule: Arc<str>,
    pub server: Arc<str>,
    pub table: Arc<str>,
    /// What one row is called: "Listing".
    pub noun: String,
    /// What several are called, where the table's name says it: "listings".
    pub plural: Option<String>,
    /// The highest of its notices.
    pub priority: Priority,
    pub columns: Vec<CountedColumn>,
    pub tally: Tally,
}

impl Group {
    pub fn new(rule: &Arc<str>, server: &Arc<str>, table: &Arc<str>, priority: Priority, view: &TableView) -> Self {
        let noun = names::noun(table, view.noun.as_deref());
        Group {
            rule: Arc::clone(rule),
            server: Arc::clone(server),
            table: Arc::clone(table),
            plural: names::plural_of(table, &noun).map(|plural| safe::label(&plural)),
            noun,
            priority,
            columns: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub fn is(&self, rule: &str, server: &str, table: &str) -> bool {
        *self.table == *table && *self.rule == *rule && *self.server == *server
    }

    /// Where this column is counted, which may be a new place; `None` where there is no room.
    pub fn place(&mut self, name: &Arc<str>, describe: impl FnOnce() -> CountedColumn) -> Option<usize> {
        if let Some(place) = self.columns.iter().position(|column| column.name == *name) {
            return Some(place);
        }
        if self.columns.len() == COLUMNS_MAX {
            return None;
        }
        self.columns.push(describe());
        Some(self.columns.len() - 1)
    }

    /// Counts a column's change into `tally`, a tally of this group. Returns how far its number went, as [`size`] says.
    pub fn count_column(
        &mut self,
        writer: &Writer<'_>,
        view: &TableView,
        change: &ColumnChange,
        tally: &mut Tally,
    ) -> f64 {
        let Some(place) = self.place(&change.name, || CountedColumn::new(writer, view, &change.name, change.ty)) else {
            tally.other_columns += 1;
            return 0.0;
        };
        if tally.columns.len() <= place {
            tally.columns.resize(place + 1, Times::default());
        }
        let times = &mut tally.columns[place];
        times.changed += 1;
        let Some((direction, size)) = self.columns[place].amount.step(change) else {
            return 0.0;
        };
        times.down += u64::from(direction == Ordering::Less);
        times.up += u64::from(direction == Ordering::Greater);
        size
    }
}

impl CountedColumn {
    fn new(writer: &Writer<'_>, view: &TableView, name: &Arc<str>, ty: Type) -> Self {
        CountedColumn { name: Arc::clone(name), label: writer.label(name), amount: Amount::of(writer, view, name, ty) }
    }
}

impl Amount {
    fn of(writer: &Writer<'_>, view: &TableView, name: &str, ty: Type) -> Self {
        Amount {
            // Whether a hidden number fell is hidden too.
            is_told: view.column(name).is_none_or(|column| !column.redact && column.map.is_empty())
                && !crate::message::value::names_a_thing(writer, name, ty),
            format: writer.format(name),
        }
    }

    fn step(self, change: &ColumnChange) -> Option<(Ordering, f64)> {
        match (&change.old, &change.new) {
            (Some(old), Some(new)) if self.is_told => step(old, new, self.format),
            _ => None,
        }
    }
}

/// How far the numbers of the watched columns went, the farthest: 0 where none did, 1 and a little for all of it, 2 and a
/// little across zero. A row that goes counts as all of it, one that comes as none.
pub fn size(change: &RowChange, view: &TableView, watched: &[Arc<str>]) -> f64 {
    if let Some(size) = size_of_op(change.op) {
        return size;
    }
    let words = Words::default();
    let writer = Writer::new(change, view, &words);
    let columns = select::visible(&writer, view).into_iter().filter(|column| watches(watched, &column.name));
    let steps = columns.filter_map(|column| Amount::of(&writer, view, &column.name, column.ty).step(column));
    steps.map(|(_, size)| size).fold(0.0, f64::max)
}

/// How far a row went that came or went as a whole; `None` for an update, of which its numbers tell.
pub(super) fn size_of_op(op: Op) -> Option<f64> {
    match op {
        Op::Update => None,
        Op::Delete | Op::Truncate => Some(1.0),
        Op::Create | Op::Read | Op::Message => Some(0.0),
    }
}

/// Whether a rule with these columns looks at this one.
pub(super) fn watches(watched: &[Arc<str>], column: &str) -> bool {
    watched.is_empty() || watched.iter().any(|watched| **watched == *column)
}

/// Which way a number went, and how far in relation to the greater of the two: 0.2 from 250 to 200, 2 across zero. Of
/// what went as far to the per cent, as all prices do that are cut by a fifth, the greater amount is a little more.
fn step(old: &Value, new: &Value, format: Option<Format>) -> Option<(Ordering, f64)> {
    let (old, new) = (number_in(old, format)?, number_in(new, format)?);
    let greatest = old.abs().max(new.abs());
    if greatest.is_zero() {
        return None;
    }
    let amount = (&new - &old).abs().to_f64()?;
    let share = (amount / greatest.to_f64()?).clamp(0.0, 2.0);
    // Less than a per cent, whatever the amount.
    let size = (share * 100.0).round() / 100.0 + 0.009 * (amount.ln_1p() / 40.0).min(1.0);
    Some((new.cmp(&old), if size.is_finite() { size } else { 0.0 }))
}

fn number_in(value: &Value, format: Option<Format>) -> Option<BigDecimal> {
    if matches!(format, Some(Format::Date | Format::DateTime | Format::Boolean)) {
        return None;
    }
    match value {
        Value::Int(int) => Some(BigDecimal::from(*int)),
        Value::Decimal(Decimal::Finite(number)) => Some(number.clone()).filter(number::is_modest),
        Value::Float(float) if float.is_finite() => bigdecimal::FromPrimitive::from_f64(*float),
        Value::Text(text) if format.is_some_and(Format::is_number) => number::parse(text),
        _ => None,
    }
}
