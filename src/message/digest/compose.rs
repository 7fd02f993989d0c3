//! What a digest says.

use super::limits::{COLUMN_LINES, GROUP_COLUMNS, GROUP_LINES, ROW_COLUMNS, ROW_VALUE};
use super::tally::{CountedColumn, Group, OPS, Tally, Times};
use super::{Digest, Kept};
use crate::change::Op;
use crate::message::limits::{HEADLINE, LABEL, NOTE, VALUE_BRIEF};
use crate::message::locale::Locale;
use crate::message::model::{Line, Mark, Message, Rows, Span};
use crate::message::moment;
use crate::message::names;
use crate::message::safe;
use crate::message::view::Mention;
use crate::message::{Priority, Tone};
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::sync::Arc;

/// How much of itself a digest shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Counts and rows.
    #[default]
    Whole,
    /// Counts only: what is left to try when the whole one was refused.
    Counts,
}

/// What the config says about a digest's post.
#[derive(Debug, Clone)]
pub struct DigestWords {
    /// Good or bad news, as the leading rule says.
    pub tone: Tone,
    /// Whom to call; from config only.
    pub mention: Option<Mention>,
    /// Language of numbers, dates and words.
    pub locale: Arc<Locale>,
    /// Zone of every instant shown.
    pub time_zone: TimeZone,
}

/// Says what many changes come to. `row` composes the message of a row that is shown, as if it were posted by itself.
///
/// Total and bounded, as [`crate::message::compose()`] is. What is not shown row by row is counted, and the message says
/// so.
pub fn digest<T>(
    digest: &Digest<T>,
    words: &DigestWords,
    form: Form,
    row: &mut dyn FnMut(&Kept<T>) -> Message,
) -> Message {
    let mut groups: Vec<&Group> = digest.live_groups().collect();
    groups.sort_by_key(|group| (group.priority, std::cmp::Reverse(group.tally.changes)));
    let mut all = Tally::default();
    digest.counts().for_each(|tally| all.add(&Tally { columns: Vec::new(), ..tally.clone() }));
    let shown = if form == Form::Whole { digest.shown() } else { 0 };
    let tables: HashSet<_> = groups.iter().map(|group| (&group.server, &group.table)).collect();
    let mut lines = Vec::new();
    if shown < all.changes {
        // Where every row is shown, these say it all.
        lines = counts(digest, &groups);
    }
    let mut rows = Rows::default();
    if form == Form::Whole {
        rows.heading = heading(digest).filter(|_| !lines.is_empty());
        let told: Vec<_> = digest.rows().iter().map(|kept| (kept, row(kept))).collect();
        let only = only_column(&told).filter(|_| tables.len() == 1 && !lines.is_empty());
        let line = |(kept, message)| row_line(kept, message, tables.len() > 1, only.as_deref());
        rows.lines = told.into_iter().map(line).collect();
    }
    let summary = summary(if lines.is_empty() { &rows.lines } else { &lines });
    let notes = notes(digest, &all, shown, form);
    Message {
        locale: Arc::clone(&words.locale),
        op: if all.op(Op::Truncate) > 0 { Op::Truncate } else { Op::Update },
        priority: digest.priority(),
        tone: words.tone,
        mention: words.mention.clone(),
        noun: String::new(),
        title: String::new(),
        headline: headline(digest, &groups, &all),
        summary,
        lines,
        rows,
        left_out: Vec::new(),
        identity: Vec::new(),
        link: None,
        buttons: Vec::new(),
        context: context(digest, words),
        notes: notes.into_iter().map(|note| safe::shorten(&note, NOTE)).collect(),
        tip: None,
        folded: None,
        rules: digest.rules(),
        redacted: HashSet::new(),
        ignored: HashSet::new(),
    }
}

/// `12,345`
fn count(number: u64) -> String {
    Locale::english().count(number)
}

/// `1 change`, `12,345 changes`
fn changes(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "change" } else { "changes" })
}

fn headline<T>(digest: &Digest<T>, groups: &[&Group], all: &Tally) -> String {
    let number = all.changes + digest.undone;
    let same_table = groups.split_first().filter(|(first, rest)| {
        digest.others.changes == 0
            && rest.iter().all(|group| group.server == first.server && group.table == first.table)
    });
    let what = match same_table {
        Some((group, _)) => one_table(group, all, number),
        None if digest.others.changes > 0 => format!("{} in many tables", changes(number)),
        None => {
            let tables: HashSet<_> = groups.iter().map(|group| (&group.server, &group.table)).collect();
            match tables.len() {
                // Nothing but what was left out, or undone.
                0 if number == 0 => "Changes that came too late to be posted".to_owned(),
                0 => format!("{} that came to nothing", changes(number)),
                tables => format!("{} in {tables} tables", changes(number)),
            }
        }
    };
    let lasting = match (digest.since_us, digest.until_us) {
        (Some(since), Some(until)) if number > 1 => format!(" in {}", lasting(since, until)),
        _ => String::new(),
    };
    let rules = digest.rules();
    let lead = match (digest.priority(), rules.as_slice(), digest.others.changes) {
        (Priority::Critical, [rule], 0) => format!("{}: ", safe::label(&names::humanise(rule))),
        (Priority::Critical, ..) => "Critical: ".to_owned(),
        _ => String::new(),
    };
    safe::shorten(&format!("{lead}{what}{lasting}"), HEADLINE)
}

/// `1,200 listings added`, `1,200 changes to listings`
fn one_table(group: &Group, all: &Tally, number: u64) -> String {
    let plural = group.plural.as_deref().filter(|_| number != 1);
    let verb = OPS.iter().find(|op| all.op(**op) == number).and_then(|op| match op {
        Op::Create => Some("added"),
        Op::Delete => Some("removed"),
        Op::Read => Some("seen by a snapshot"),
        Op::Update | Op::Truncate | Op::Message => None,
    });
    match (verb, plural) {
        (Some(verb), Some(plural)) => format!("{} {plural} {verb}", count(number)),
        (Some(verb), None) => format!("{}: {} {verb}", group.noun, count(number)),
        (None, Some(plural)) => format!("{} to {plural}", changes(number)),
        (None, None) => format!("{}: {}", group.noun, changes(number)),
    }
}

/// `14 seconds`, `less than a second`
fn lasting(since_us: i64, until_us: i64) -> String {
    moment::length(u128::from(until_us.abs_diff(since_us)) * 1_000, &Locale::english())
        .unwrap_or_else(|| "less than a second".to_owned())
}

/// One group by column, several one by one.
fn counts<T>(digest: &Digest<T>, groups: &[&Group]) -> Vec<Line> {
    let mut lines = Vec::new();
    if let ([group], 0) = (groups, digest.others.changes) {
        lines.extend(operations(&group.tally));
        lines.extend(columns(group));
        return lines;
    }
    lines.extend(groups.iter().take(GROUP_LINES).map(|group| group_line(group)));
    let rest = groups.iter().skip(GROUP_LINES);
    let rest: u64 = rest.map(|group| group.tally.changes).sum::<u64>() + digest.others.changes;
    if rest > 0 {
        lines.push(plain_line("Other rules and tables", vec![Span::new(Mark::New, changes(rest))], None));
    }
    lines
}

fn plain_line(label: &str, body: Vec<Span>, note: Option<String>) -> Line {
    let text: String = body.iter().map(|span| span.text.as_str()).collect();
    let brief = match &note {
        Some(note) => format!("{text} ({note})"),
        None => text,
    };
    Line {
        column: Arc::from(""),
        label: label.to_owned(),
        body,
        delta: None,
        note,
        brief,
        url: None,
        is_context: false,
    }
}

/// `9,800 changed, 150 added, 50 removed`; `None` where there are only updates.
fn operations(tally: &Tally) -> Option<Line> {
    let text = operations_text(tally)?;
    Some(plain_line("Rows", vec![Span::new(Mark::Plain, text)], None))
}

fn operations_text(tally: &Tally) -> Option<String> {
    let emptied = if tally.op(Op::Truncate) == 1 { "table emptied" } else { "tables emptied" };
    let words = ["changed", "added", "removed", "seen by a snapshot", emptied, "messages"];
    let all: Vec<_> = words.iter().zip(tally.ops).filter(|(_, count)| *count > 0).collect();
    if all.len() < 2 && tally.op(Op::Truncate) == 0 {
        // One kind is said by the headline.
        return None;
    }
    Some(all.into_iter().map(|(word, number)| format!("{} {word}", count(number))).collect::<Vec<_>>().join(", "))
}

/// The group's columns, those that changed most often first.
fn by_frequency(group: &Group) -> Vec<(&CountedColumn, Times)> {
    let times = group.tally.columns.iter().copied().filter(|times| times.changed > 0);
    let mut columns: Vec<_> =
        group.columns.iter().zip(group.tally.columns.iter().copied()).filter(|(_, times)| times.changed > 0).collect();
    debug_assert_eq!(columns.len(), times.count());
    columns.sort_by_key(|(_, times)| std::cmp::Reverse(times.changed));
    columns
}

fn columns(group: &Group) -> Vec<Line> {
    let all = by_frequency(group);
    let mut lines: Vec<Line> = all
        .iter()
        .take(COLUMN_LINES)
        .map(|(column, times)| {
            let body = vec![Span::new(Mark::New, changes(times.changed))];
            plain_line(&column.label, body, directions(*times))
        })
        .collect();
    let mut rest: Vec<_> = all
        .iter()
        .skip(COLUMN_LINES)
        .map(|(column, times)| format!("{} {}", column.label, count(times.changed)))
        .collect();
    if group.tally.other_columns > 0 {
        rest.push(format!("further columns {}", count(group.tally.other_columns)));
    }
    if !rest.is_empty() {
        lines.push(plain_line("Other columns", vec![Span::new(Mark::Plain, rest.join(", "))], None));
    }
    lines
}

/// `down in 9,400, up in 12`
fn directions(times: Times) -> Option<String> {
    match (times.down, times.up) {
        (0, 0) => None,
        (down, 0) if down == times.changed => Some("all down".to_owned()),
        (0, up) if up == times.changed => Some("all up".to_owned()),
        (down, 0) => Some(format!("down in {}", count(down))),
        (0, up) => Some(format!("up in {}", count(up))),
        (down, up) => Some(format!("down in {}, up in {}", count(down), count(up))),
    }
}

/// `Listings, rule "price"`: `588 changes: Price 588 (all down), Status 3`
fn group_line(group: &Group) -> Line {
    let name = names::capitalise(group.plural.as_deref().unwrap_or(&group.noun));
    let label = format!("{name}, rule \"{}\"", safe::label(&group.rule));
    let mut body = vec![Span::new(Mark::New, changes(group.tally.changes))];
    let columns = by_frequency(group);
    let mut parts: Vec<_> = operations_text(&group.tally).into_iter().collect();
    parts.extend(columns.iter().take(GROUP_COLUMNS).map(|(column, times)| {
        let directions = directions(*times).map(|text| format!(" ({text})")).unwrap_or_default();
        format!("{} {}{directions}", column.label, count(times.changed))
    }));
    if columns.len() > GROUP_COLUMNS || group.tally.other_columns > 0 {
        parts.push("…".to_owned());
    }
    if !parts.is_empty() {
        body.push(Span::new(Mark::Plain, format!(": {}", parts.join(", "))));
    }
    plain_line(&safe::shorten(&label, 2 * LABEL), body, None)
}

fn heading<T>(digest: &Digest<T>) -> Option<Line> {
    let rows = digest.rows().len();
    let what = format!("{rows} {}, {}", if rows == 1 { "row" } else { "rows" }, changes(digest.shown()));
    (rows > 0).then(|| plain_line("Most important", vec![Span::new(Mark::Quiet, what)], None))
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
fn row_line<T>(kept: &Kept<T>, message: Message, named: bool, only: Option<&str>) -> Line {
    let title = match named && !message.title.starts_with(&message.noun) {
        true => format!("{} {}", message.noun, message.title),
        false => names::capitalise(&message.title),
    };
    // Of names that hold nothing to be seen nothing is left; a link needs words.
    let title = if title.trim().is_empty() { "Row".to_owned() } else { title };
    let is_moved = kept.folded.change.is_rekey();
    let mut body = Vec::new();
    let verb = match message.op {
        Op::Create => Some("added"),
        Op::Delete => Some("removed"),
        Op::Read => Some("seen by a snapshot"),
        Op::Truncate => Some("all rows removed"),
        Op::Update if message.lines.is_empty() => Some("changed"),
        Op::Update | Op::Message => None,
    };
    if is_moved {
        body.push(Span::new(Mark::Plain, message.headline.clone()));
    } else if let Some(verb) = verb {
        body.push(Span::new(Mark::Plain, verb));
    }
    // A move's headline names the key columns, which are all that is known to have changed.
    let told = if is_moved { 0 } else { ROW_COLUMNS };
    for line in message.lines.iter().take(told) {
        let lead = if body.is_empty() { "" } else { "; " };
        if only != Some(line.label.as_str()) {
            body.push(Span::new(Mark::Plain, format!("{lead}{} ", line.label)));
        }
        body.extend(values(line));
        body.extend(line.delta.as_ref().map(|delta| Span::new(Mark::Plain, format!(" {}", delta.main))));
    }
    let mut more: Vec<String> =
        message.lines.iter().skip(told).filter(|_| !is_moved).map(|line| line.label.clone()).collect();
    more.extend(message.left_out.iter().cloned());
    more.extend(kept.dropped.iter().map(|column| safe::label(&names::humanise(column))));
    match more.as_slice() {
        [] => {}
        [one] => body.push(Span::new(Mark::Quiet, format!("; … and {one}"))),
        more => body.push(Span::new(Mark::Quiet, format!("; … and {} more columns", more.len()))),
    }
    let note = (kept.folded.changes > 1).then(|| changes(kept.folded.changes));
    Line { url: message.link.map(|link| link.url), ..plain_line(&safe::shorten(&title, LABEL), body, note) }
}

/// The old and the new value; what changed inside a text or a document only in brief.
fn values(line: &Line) -> Vec<Span> {
    const WHOLE_SPANS_MAX: usize = 3;
    let whole = line.body.len() <= WHOLE_SPANS_MAX;
    let short = |span: &Span| Span::new(span.mark, safe::shorten_middle(&span.text, ROW_VALUE));
    match whole {
        true => line.body.iter().map(short).collect(),
        false => vec![Span::new(Mark::Plain, safe::shorten_middle(&line.brief, 2 * ROW_VALUE))],
    }
}

/// What the notification says after the headline: the first counts, or the first rows.
fn summary(counts: &[Line]) -> String {
    let brief = |line: &Line| format!("{}: {}", line.label, safe::shorten(&line.brief, 2 * VALUE_BRIEF));
    let parts: Vec<_> = counts.iter().take(2).map(brief).collect();
    if parts.is_empty() { String::new() } else { format!(" · {}", parts.join(" · ")) }
}

fn notes<T>(digest: &Digest<T>, all: &Tally, shown: u64, form: Form) -> Vec<String> {
    let mut notes = Vec::new();
    let counted = all.changes - shown.min(all.changes);
    if form == Form::Counts {
        notes.push("Counts only: the rows were left out, because the destination refused the whole digest".to_owned());
    } else if counted > 0 {
        let what = if counted == 1 { "change is" } else { "changes are" };
        notes.push(format!("{} more {what} counted above, not shown one by one", count(counted)));
    }
    if digest.undone > 0 {
        notes.push(format!("{} came to nothing: the rows are as they were before", changes(digest.undone)));
    }
    if all.unknown > 0 {
        let what = changes(all.unknown);
        notes.push(format!("For {what} the source sent no old values: which columns changed is not known"));
    }
    if digest.expired() > 0 {
        let verb = if digest.expired() == 1 { "was" } else { "were" };
        let what = changes(digest.expired());
        notes.push(format!("{what} older than the rule allows {verb} left out"));
    }
    notes
}

/// `Mon 23 Nov, 14:02:30 to 14:02:44 UTC`, `rules "price", "stock"`
fn context<T>(digest: &Digest<T>, words: &DigestWords) -> Vec<String> {
    const RULES_NAMED: usize = 5;
    let mut parts = Vec::new();
    if let (Some(since), Some(until)) = (digest.since_us, digest.until_us) {
        parts.extend(moment::span(since, until, &words.time_zone, &words.locale));
    }
    let rules = digest.rules();
    let mut names: Vec<_> = rules.iter().take(RULES_NAMED).map(|rule| format!("\"{}\"", safe::label(rule))).collect();
    if rules.len() > RULES_NAMED {
        names.push(format!("and {} more", rules.len() - RULES_NAMED));
    }
    match names.len() {
        0 => {}
        1 => parts.push(format!("rule {}", names.join(", "))),
        _ => parts.push(format!("rules {}", names.join(", "))),
    }
    parts.into_iter().map(|part| safe::shorten(&part, NOTE)).collect()
}
