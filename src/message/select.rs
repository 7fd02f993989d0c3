//! Which columns a message shows, and in which order.

use super::headline::Subject;
use super::limits::{LINES, LINES_WATCHED};
use super::line::{self, old_is_known};
use super::model::{Line, Mark};
use super::value::Writer;
use super::view::{TableView, Words};
use crate::change::{Column, ColumnChange, Op, Type, Value};
use std::sync::Arc;

/// What a line is made of.
enum Source<'a> {
    Change(&'a ColumnChange),
    Value(&'a Column, Mark),
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

    /// Of a row that appeared: the time of its writing, which the message tells anyhow.
    fn stamps_a_row(&self) -> bool {
        let Source::Value(column, _) = self else { return false };
        let name = column.name.to_ascii_lowercase();
        let is_time = match &column.value {
            Value::Timestamp(_) | Value::Instant(_) | Value::Date(_) => true,
            Value::Int(_) | Value::Text(_) => name.ends_with("_at"),
            _ => false,
        };
        is_time && TIMES.iter().chain(&BIRTHS).any(|known| *known == name)
    }

    fn line(&self, writer: &Writer<'_>) -> Line {
        match self {
            Source::Change(change) => line::changed(writer, change),
            Source::Value(column, mark) => line::value_only(writer, column, *mark),
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

/// The changes that tell something: not the time stamps and counters that a table keeps of its own writes. Where nothing
/// else changed, these.
pub fn telling<'a>(visible: &[&'a ColumnChange], words: &Words) -> Vec<&'a ColumnChange> {
    let tells = |change: &&&ColumnChange| !stamps_a_write(change) || words.watched.contains(&change.name);
    let telling: Vec<_> = visible.iter().filter(tells).copied().collect();
    if telling.is_empty() { visible.to_vec() } else { telling }
}

/// Times of a row's last write, by name.
const TIMES: [&str; 17] = [
    "updated_at",
    "modified_at",
    "changed_at",
    "last_updated",
    "last_update",
    "last_modified",
    "date_modified",
    "date_updated",
    "modified_on",
    "updated_on",
    "updated",
    "modified",
    "changed",
    "updatedat",
    "modifiedat",
    "lastmodified",
    "mtime",
];

/// Times of its first one.
const BIRTHS: [&str; 7] =
    ["created_at", "inserted_at", "created_on", "date_created", "created", "createdat", "insertedat"];

/// `updated_at` and the like, and versions that count writes.
fn stamps_a_write(change: &ColumnChange) -> bool {
    const VERSIONS: [&str; 6] = ["version", "row_version", "rowversion", "lock_version", "revision", "optlock"];
    let name = change.name.to_ascii_lowercase();
    match (&change.old, &change.new) {
        (_, Some(Value::Timestamp(_) | Value::Instant(_) | Value::Date(_))) => TIMES.contains(&name.as_str()),
        // Without a schema a time is a number or a text like any other.
        (_, Some(Value::Int(_) | Value::Text(_))) if name.ends_with("_at") => TIMES.contains(&name.as_str()),
        (Some(Value::Int(old)), Some(Value::Int(new))) => VERSIONS.contains(&name.as_str()) && *new == old + 1,
        _ => false,
    }
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
    if !words.fields.is_empty() && writer.change.op != Op::Truncate {
        return fields(writer, words, visible);
    }
    let mut sources: Vec<Source<'_>> = match writer.change.op {
        Op::Truncate => Vec::new(),
        // The prefix is in the headline.
        Op::Message => {
            let mut values = values(writer, view, subject, Mark::New);
            values.retain(|value| value.name() != "prefix");
            values
        }
        Op::Update => {
            let tells =
                |change: &&&ColumnChange| old_is_known(change) || watched(&change.name) || tells_more(change, subject);
            telling(visible, words).iter().filter(tells).map(|change| Source::Change(change)).collect()
        }
        Op::Create | Op::Read => values(writer, view, subject, Mark::New),
        Op::Delete => values(writer, view, subject, Mark::Old),
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
    let mut stamps = Vec::new();
    if matches!(writer.change.op, Op::Create | Op::Read) {
        let named = |source: &Source<'_>| watched(source.name()) || rank(source) == 1;
        let (told, kept): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|source| named(source) || !source.stamps_a_row());
        (sources, stamps) = if told.is_empty() { (kept, told) } else { (told, kept) };
    }
    sources.sort_by_cached_key(rank);
    let watched = sources.iter().filter(|source| watched(source.name())).count();
    let mut room = watched.clamp(LINES, LINES_WATCHED);
    if sources.len() == room + 1 && room < LINES_WATCHED {
        // Naming a single one left out takes as much room as its line.
        room += 1;
    }
    let mut left_out: Vec<String> = sources.iter().skip(room).map(|source| writer.label(source.name())).collect();
    if writer.change.op == Op::Update {
        let told = telling(visible, words);
        let stamps = visible.iter().filter(|change| !told.iter().any(|told| told.name == change.name));
        left_out.extend(stamps.map(|change| writer.label(&change.name)));
    }
    left_out.extend(stamps.iter().map(|stamp| writer.label(stamp.name())));
    let mut lines: Vec<Line> = sources.iter().take(room).map(|source| source.line(writer)).collect();
    once(&mut lines, writer);
    (lines, left_out)
}

/// The columns that the config asks for, in its order; what changed besides is named.
fn fields(writer: &Writer<'_>, words: &Words, visible: &[&ColumnChange]) -> (Vec<Line>, Vec<String>) {
    let change = writer.change;
    let is_update = change.op == Op::Update;
    let mark = match change.op {
        Op::Update => Mark::Plain,
        Op::Delete => Mark::Old,
        Op::Create | Op::Read | Op::Truncate | Op::Message => Mark::New,
    };
    let source = |name: &Arc<str>| {
        let changed = visible.iter().find(|change| is_update && change.name == *name);
        let column = || change.row().and_then(|row| row.get(name)).map(|column| Source::Value(column, mark));
        changed.map(|change| Source::Change(change)).or_else(column)
    };
    let mut lines: Vec<Line> =
        words.fields.iter().take(LINES_WATCHED).filter_map(source).map(|s| s.line(writer)).collect();
    once(&mut lines, writer);
    let others = visible.iter().filter(|change| is_update && !words.fields.contains(&change.name));
    (lines, others.map(|change| writer.label(&change.name)).collect())
}

/// That old values were not sent is said at the first of the lines it holds for.
fn once(lines: &mut [Line], writer: &Writer<'_>) {
    let [one, several] = writer.phrases().old_unknown;
    let mut unknown: Vec<_> = lines.iter_mut().filter(|line| line.note.as_deref() == Some(one)).collect();
    if let [first, rest @ ..] = unknown.as_mut_slice()
        && !rest.is_empty()
    {
        first.note = Some(several.to_owned());
        rest.iter_mut().for_each(|line| line.note = None);
    }
}

/// Without an old value, a null and what the headline already says tell the reader nothing.
fn tells_more(change: &ColumnChange, subject: &Subject) -> bool {
    let in_headline = subject.title_column.as_deref() == Some(&*change.name);
    !in_headline && change.new.as_ref().is_some_and(|new| !line::is_nothing(new))
}

/// Of a row that appeared or went, the columns that the headline and the key do not show already.
fn values<'a>(writer: &Writer<'a>, view: &TableView, subject: &Subject, mark: Mark) -> Vec<Source<'a>> {
    let image = if mark == Mark::Old { &writer.change.before } else { &writer.change.after };
    let shown = |column: &&Column| {
        // Whether a hidden value is empty is hidden too.
        let something = writer.redacts(&column.name) || !line::is_nothing(&column.value);
        let in_headline = subject.title_column.as_deref() == Some(&*column.name);
        let sent = column.value != Value::Unavailable && !writer.change.unavailable.contains(&column.name);
        something && sent && !in_headline && !view.ignores(&column.name) && !writer.is_key(&column.name)
    };
    let columns = image.iter().flat_map(|row| &row.columns).filter(shown);
    columns.map(|column| Source::Value(column, mark)).collect()
}

/// Columns that machines keep for themselves.
fn is_bookkeeping(name: &str) -> bool {
    const KEPT: [&str; 7] = ["created_at", "updated_at", "modified_at", "createdat", "updatedat", "version", "etag"];
    let lower = name.to_ascii_lowercase();
    KEPT.contains(&lower.as_str()) || lower.ends_with("_id")
}
