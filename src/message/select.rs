//! Which columns a message shows, and in which order.

use super::headline::Subject;
use super::limits::{LINES, LINES_WATCHED};
use super::line::{self, old_is_known};
use super::model::Line;
use super::value::{Side, Writer};
use super::view::{TableView, Words};
use crate::change::{Column, ColumnChange, Op, Type, Value};

/// What a line is made of.
enum Source<'a> {
    Change(&'a ColumnChange),
    Value(&'a Column, Side),
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Source::Change(change) => &change.name,
            Source::Value(column, _) => &column.name,
        }
    }

    fn ty(&self) -> Type {
        match self {
            Source::Change(change) => change.ty,
            Source::Value(column, _) => column.ty,
        }
    }

    fn line(&self, writer: &Writer<'_>) -> Line {
        match self {
            Source::Change(change) => line::changed(writer, change),
            Source::Value(column, side) => line::value_only(writer, column, *side),
        }
    }
}

/// The changes that a reader may see: not those ignored, and none of a value that was not sent.
pub fn visible<'a>(writer: &Writer<'a>, view: &TableView) -> Vec<&'a ColumnChange> {
    let change = writer.change;
    let shown = |column: &&ColumnChange| {
        let sent = column.new != Some(Value::Unavailable) && !change.unavailable.contains(&column.name);
        let changed = if change.is_rekey() {
            // A new key says nothing about the other columns: they come without their old values.
            old_is_known(column)
        } else {
            // Without an old image the source lists every column; those that name the row did not change.
            !change.before_unknown || !writer.is_key(&column.name)
        };
        sent && changed && !view.ignores(&column.name)
    };
    change.changes.iter().filter(shown).collect()
}

/// The lines in the order of what matters, and the labels of the columns that got none.
pub fn lines(
    writer: &Writer<'_>,
    view: &TableView,
    words: &Words,
    visible: &[&ColumnChange],
    subject: &Subject,
) -> (Vec<Line>, Vec<String>) {
    let watched = |name: &str| words.watched.iter().any(|watched| **watched == *name);
    let mut sources: Vec<Source<'_>> = match writer.change.op {
        Op::Truncate => Vec::new(),
        // The prefix is in the headline.
        Op::Message => {
            let mut values = values(writer, view, subject, Side::New);
            values.retain(|value| value.name() != "prefix");
            values
        }
        Op::Update => {
            let tells =
                |change: &&&ColumnChange| old_is_known(change) || watched(&change.name) || tells_more(change, subject);
            visible.iter().filter(tells).map(|change| Source::Change(change)).collect()
        }
        Op::Create | Op::Read => values(writer, view, subject, Side::New),
        Op::Delete => values(writer, view, subject, Side::Old),
    };
    let rank = |source: &Source<'_>| {
        let name = source.name();
        let configured = || view.column(name).is_some_and(|column| column.label.is_some() || column.format.is_some());
        if writer.redacts(name) && matches!(source, Source::Value(..)) {
            // Of a row that appeared or went, a hidden value is the least to know.
            4
        } else if watched(name) {
            0
        } else if configured() {
            1
        } else if source.ty() == Type::Uuid || is_bookkeeping(name) {
            3
        } else {
            2
        }
    };
    sources.sort_by_cached_key(rank);
    let watched = sources.iter().filter(|source| watched(source.name())).count();
    let mut room = watched.clamp(LINES, LINES_WATCHED);
    if sources.len() == room + 1 && room < LINES_WATCHED {
        // Naming a single one left out takes as much room as its line.
        room += 1;
    }
    let left_out = sources.iter().skip(room).map(|source| writer.label(source.name())).collect();
    (sources.iter().take(room).map(|source| source.line(writer)).collect(), left_out)
}

/// Without an old value, a null and what the headline already says tell the reader nothing.
fn tells_more(change: &ColumnChange, subject: &Subject) -> bool {
    let in_headline = subject.title_column.as_deref() == Some(&*change.name);
    !in_headline && change.new.as_ref().is_some_and(|new| !line::is_nothing(new))
}

/// Of a row that appeared or went, the columns that the headline and the key do not show already.
fn values<'a>(writer: &Writer<'a>, view: &TableView, subject: &Subject, side: Side) -> Vec<Source<'a>> {
    let image = if side == Side::Old { &writer.change.before } else { &writer.change.after };
    let shown = |column: &&Column| {
        // Whether a hidden value is empty is hidden too.
        let something = writer.redacts(&column.name) || !line::is_nothing(&column.value);
        let in_headline = subject.title_column.as_deref() == Some(&*column.name);
        let sent = column.value != Value::Unavailable && !writer.change.unavailable.contains(&column.name);
        something && sent && !in_headline && !view.ignores(&column.name) && !writer.is_key(&column.name)
    };
    let columns = image.iter().flat_map(|row| &row.columns).filter(shown);
    columns.map(|column| Source::Value(column, side)).collect()
}

/// Columns that machines keep for themselves.
fn is_bookkeeping(name: &str) -> bool {
    const KEPT: [&str; 7] = ["created_at", "updated_at", "modified_at", "createdat", "updatedat", "version", "etag"];
    let lower = name.to_ascii_lowercase();
    KEPT.contains(&lower.as_str()) || lower.ends_with("_id")
}
