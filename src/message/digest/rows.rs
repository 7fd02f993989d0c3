//! The rows that a digest shows, one a line.

use super::compose::{changes, plain_line};
use super::limits::{ROW_COLUMNS, ROW_VALUE};
use super::{Digest, Kept};
use crate::change::Op;
use crate::message::limits::LABEL;
use crate::message::locale::Locale;
use crate::message::model::{Line, Mark, Message, Rows, Span};
use crate::message::names;
use crate::message::phrases::fill;
use crate::message::safe;

/// All of them. `counts` stand above them; `one_table` is that of all.
pub(super) fn rows<T>(
    digest: &Digest<T>,
    counts: bool,
    one_table: bool,
    locale: &Locale,
    row: &mut dyn FnMut(&Kept<T>) -> Message,
) -> Rows {
    let mut changed = |kept| {
        let mut message = row(kept);
        // A digest has room for what changed.
        message.lines.retain(|line| !line.is_context);
        message
    };
    let told: Vec<_> = digest.rows().iter().map(|kept| (kept, changed(kept))).collect();
    let only = only_column(&told).filter(|_| one_table && counts);
    let line = |(kept, message)| line(kept, message, !one_table, only.as_deref(), locale);
    Rows {
        heading: (counts && !digest.rows().is_empty()).then(|| heading(digest, locale)),
        lines: told.into_iter().map(line).collect(),
    }
}

fn heading<T>(digest: &Digest<T>, locale: &Locale) -> Line {
    let words = locale.phrases();
    let rows = locale.counted(digest.rows().len() as u64, words.row_count);
    let what = format!("{rows}, {}", changes(digest.shown(), locale));
    plain_line(words.most_important, vec![Span::new(Mark::Quiet, what)], None)
}

/// The one column that changed in every row that is shown: the counts name it, so that the rows need not.
fn only_column<T>(told: &[(&Kept<T>, Message)]) -> Option<String> {
    let (_, first) = told.first()?;
    let [line] = first.lines.as_slice() else { return None };
    let same = |(kept, message): &(&Kept<T>, Message)| {
        let only = matches!(message.lines.as_slice(), [other] if other.label == line.label);
        only && message.op == Op::Update && !kept.folded.change.is_rekey()
    };
    told.iter().all(same).then(|| line.label.clone())
}

/// A row in one line: what it is called, and what matters most of its net change. `only` is not named.
fn line<T>(kept: &Kept<T>, message: Message, named: bool, only: Option<&str>, locale: &Locale) -> Line {
    let words = locale.phrases();
    // Of an emptied table the title is the table's own.
    let named = named && message.op != Op::Truncate && !message.title.starts_with(&message.noun);
    let title = match named {
        true => format!("{} {}", message.noun, message.title),
        false => names::capitalise(&message.title),
    };
    // Of names that hold nothing to be seen nothing is left; a link needs words.
    let title = if title.trim().is_empty() { words.row.to_owned() } else { title };
    let mut body = Vec::new();
    let [added, removed, seen, changed] = words.row_did;
    let verb = match message.op {
        Op::Create => Some(added),
        Op::Delete => Some(removed),
        Op::Read => Some(seen),
        Op::Truncate => Some(words.all_rows_removed),
        Op::Update if message.lines.is_empty() => Some(changed),
        Op::Update | Op::Message => None,
    };
    body.extend(verb.map(|verb| Span::new(Mark::Plain, verb)));
    for line in message.lines.iter().take(ROW_COLUMNS) {
        let lead = if body.is_empty() { "" } else { "; " };
        if only != Some(line.label.as_str()) {
            body.push(Span::new(Mark::Plain, format!("{lead}{} ", line.label)));
        }
        body.extend(values(line, words.shortened));
        body.extend(line.delta.as_ref().map(|delta| Span::new(Mark::Plain, format!(" {}", delta.main))));
    }
    let mut more: Vec<String> = message.lines.iter().skip(ROW_COLUMNS).map(|line| line.label.clone()).collect();
    more.extend(message.left_out.iter().cloned());
    more.extend(kept.dropped.iter().map(|column| safe::label(&names::humanise(column))));
    match more.as_slice() {
        [] => {}
        [one] => body.push(Span::new(Mark::Quiet, fill(words.more_column, &[("name", one)]))),
        more => {
            let count = locale.count(more.len() as u64);
            body.push(Span::new(Mark::Quiet, fill(words.more_columns, &[("count", &count)])));
        }
    }
    let note = (kept.folded.changes > 1).then(|| changes(kept.folded.changes, locale));
    let title = safe::shorten_as(words.shortened, &title, LABEL);
    Line { url: message.link.map(|link| link.url), ..plain_line(&title, body, note) }
}

/// The old and the new value; what changed inside a text or a document only in brief.
fn values(line: &Line, mark: &str) -> Vec<Span> {
    const WHOLE_SPANS_MAX: usize = 3;
    let whole = line.body.len() <= WHOLE_SPANS_MAX;
    let short = |span: &Span| Span::new(span.mark, safe::shorten_middle_as(mark, &span.text, ROW_VALUE));
    match whole {
        true => line.body.iter().map(short).collect(),
        false => vec![Span::new(Mark::Plain, safe::shorten_middle_as(mark, &line.brief, 2 * ROW_VALUE))],
    }
}
