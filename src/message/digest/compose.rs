//! What a digest says.

use super::limits::{COLUMN_LINES, GROUP_COLUMNS, GROUP_LINES};
use super::rows;
use super::tally::{CountedColumn, Group, OPS, Tally, Times};
use super::{Digest, Kept};
use crate::change::Op;
use crate::message::compose;
use crate::message::limits::{HEADLINE, LABEL, NOTE, VALUE_BRIEF};
use crate::message::locale::Locale;
use crate::message::model::{Line, Link, Mark, Message, Rows, Span};
use crate::message::moment;
use crate::message::names;
use crate::message::phrases::fill;
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
    /// Where a person looks at all rows of the only table it is about; checked: http or https.
    pub overview: Option<String>,
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
    let locale = &*words.locale;
    let mut groups: Vec<&Group> = digest.live_groups().collect();
    groups.sort_by_key(|group| (group.priority, std::cmp::Reverse(group.tally.changes)));
    let mut all = Tally::default();
    digest.counts().for_each(|tally| all.add(&Tally { columns: Vec::new(), ..tally.clone() }));
    let shown = if form == Form::Whole { digest.shown() } else { 0 };
    let tables: HashSet<_> = groups.iter().map(|group| (&group.server, &group.table)).collect();
    let mut lines = Vec::new();
    if shown < all.changes {
        // Where every row is shown, these say it all.
        lines = counts(digest, &groups, locale);
    }
    let rows = match form {
        Form::Whole => rows::rows(digest, !lines.is_empty(), tables.len() == 1, locale, row),
        Form::Counts => Rows::default(),
    };
    let summary = summary(if lines.is_empty() { &rows.lines } else { &lines }, locale);
    let notes = notes(digest, &all, shown, form, locale);
    Message {
        locale: Arc::clone(&words.locale),
        op: if all.op(Op::Truncate) > 0 { Op::Truncate } else { Op::Update },
        priority: digest.priority(),
        tone: words.tone,
        mention: words.mention.clone(),
        noun: String::new(),
        title: String::new(),
        headline: headline(digest, &groups, &all, locale),
        summary,
        lines,
        rows,
        left_out: Vec::new(),
        identity: Vec::new(),
        link: overview(&groups, words),
        buttons: Vec::new(),
        when: None,
        context: context(digest, words),
        notes: notes.into_iter().map(|note| safe::shorten_as(locale.phrases().shortened, &note, NOTE)).collect(),
        tip: None,
        folded: None,
        rules: digest.rules(),
        redacted: HashSet::new(),
        ignored: HashSet::new(),
    }
}

/// `1 change`, `12,345 changes`
pub(super) fn changes(number: u64, locale: &Locale) -> String {
    locale.counted(number, locale.phrases().changes)
}

fn headline<T>(digest: &Digest<T>, groups: &[&Group], all: &Tally, locale: &Locale) -> String {
    let words = locale.phrases();
    let changes = |number| changes(number, locale);
    let number = all.changes + digest.undone;
    let same_table = groups.split_first().filter(|(first, rest)| {
        digest.others.changes == 0
            && rest.iter().all(|group| group.server == first.server && group.table == first.table)
    });
    let what = match same_table {
        Some((group, _)) => one_table(group, all, number, locale),
        None if digest.others.changes > 0 => fill(words.changes_in_many_tables, &[("changes", &changes(number))]),
        None => {
            let tables: HashSet<_> = groups.iter().map(|group| (&group.server, &group.table)).collect();
            match tables.len() {
                // Nothing but what was left out, or undone.
                0 if number == 0 => words.came_too_late.to_owned(),
                0 => fill(words.came_to_nothing, &[("changes", &changes(number))]),
                tables => {
                    let count = locale.count(tables as u64);
                    fill(words.changes_in_tables, &[("changes", &changes(number)), ("count", &count)])
                }
            }
        }
    };
    let what = match (digest.since_us, digest.until_us) {
        (Some(since), Some(until)) if number > 1 => {
            fill(words.lasting, &[("what", &what), ("length", &lasting(since, until, locale))])
        }
        _ => what,
    };
    let rules = digest.rules();
    let lead = match (digest.priority(), rules.as_slice(), digest.others.changes) {
        (Priority::Critical, [rule], 0) => format!("{}: ", safe::label(&names::humanise(rule))),
        (Priority::Critical, ..) => words.critical.to_owned(),
        _ => String::new(),
    };
    safe::shorten_as(words.shortened, &format!("{lead}{what}"), HEADLINE)
}

/// `1,200 listings added`, `1,200 changes to listings`
fn one_table(group: &Group, all: &Tally, number: u64, locale: &Locale) -> String {
    let words = locale.phrases();
    let plural = group.plural.as_deref().filter(|_| number != 1).map(|plural| match words.nouns_are_small {
        true => plural.to_owned(),
        false => names::capitalise(plural),
    });
    let verb = OPS.iter().find(|op| all.op(**op) == number).and_then(|op| match op {
        Op::Create => Some(words.added),
        Op::Delete => Some(words.removed),
        Op::Read => Some(words.seen),
        Op::Update | Op::Truncate | Op::Message => None,
    });
    let (count, changes) = (locale.count(number), changes(number, locale));
    match (verb, plural.as_deref()) {
        (Some(verb), Some(plural)) => fill(words.did_many, &[("count", &count), ("plural", plural), ("verb", verb)]),
        (Some(verb), None) => fill(words.did_many_of, &[("noun", &group.noun), ("count", &count), ("verb", verb)]),
        (None, Some(plural)) => fill(words.changes_to, &[("changes", &changes), ("plural", plural)]),
        (None, None) => fill(words.changes_of, &[("noun", &group.noun), ("changes", &changes)]),
    }
}

/// `View listings`
fn overview(groups: &[&Group], words: &DigestWords) -> Option<Link> {
    let (url, group) = words.overview.clone().zip(groups.first())?;
    let noun = group.plural.as_deref().unwrap_or(&group.noun);
    Some(Link { label: fill(words.locale.phrases().view, &[("noun", noun)]), url })
}

/// `14 seconds`, `less than a second`
fn lasting(since_us: i64, until_us: i64, locale: &Locale) -> String {
    let length = moment::length(u128::from(until_us.abs_diff(since_us)) * 1_000, locale);
    length.unwrap_or_else(|| locale.phrases().less_than_a_second.to_owned())
}

/// One group by column, several one by one.
fn counts<T>(digest: &Digest<T>, groups: &[&Group], locale: &Locale) -> Vec<Line> {
    let mut lines = Vec::new();
    if let ([group], 0) = (groups, digest.others.changes) {
        lines.extend(operations(&group.tally, locale));
        lines.extend(columns(group, locale));
        return lines;
    }
    lines.extend(groups.iter().take(GROUP_LINES).map(|group| group_line(group, locale)));
    let rest = groups.iter().skip(GROUP_LINES);
    let rest: u64 = rest.map(|group| group.tally.changes).sum::<u64>() + digest.others.changes;
    if rest > 0 {
        let body = vec![Span::new(Mark::New, changes(rest, locale))];
        lines.push(plain_line(locale.phrases().other_rules, body, None));
    }
    lines
}

pub(super) fn plain_line(label: &str, body: Vec<Span>, note: Option<String>) -> Line {
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
fn operations(tally: &Tally, locale: &Locale) -> Option<Line> {
    let text = operations_text(tally, locale)?;
    Some(plain_line(locale.phrases().rows, vec![Span::new(Mark::Plain, text)], None))
}

fn operations_text(tally: &Tally, locale: &Locale) -> Option<String> {
    let words = locale.phrases();
    let counted = |op: Op, number: u64| {
        let verb = match op {
            Op::Truncate => return locale.counted(number, words.tables_emptied),
            Op::Update => words.changed,
            Op::Create => words.added,
            Op::Delete => words.removed,
            Op::Read => words.seen,
            Op::Message => words.messages,
        };
        fill(words.counted, &[("count", &locale.count(number)), ("verb", verb)])
    };
    let all: Vec<_> = OPS.into_iter().zip(tally.ops).filter(|(_, count)| *count > 0).collect();
    if all.len() < 2 && tally.op(Op::Truncate) == 0 {
        // One kind is said by the headline.
        return None;
    }
    Some(all.into_iter().map(|(op, number)| counted(op, number)).collect::<Vec<_>>().join(", "))
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

fn columns(group: &Group, locale: &Locale) -> Vec<Line> {
    let words = locale.phrases();
    let all = by_frequency(group);
    let mut lines: Vec<Line> = all
        .iter()
        .take(COLUMN_LINES)
        .map(|(column, times)| {
            let body = vec![Span::new(Mark::New, changes(times.changed, locale))];
            plain_line(&column.label, body, directions(*times, locale))
        })
        .collect();
    let mut rest: Vec<_> = all
        .iter()
        .skip(COLUMN_LINES)
        .map(|(column, times)| format!("{} {}", column.label, locale.count(times.changed)))
        .collect();
    if group.tally.other_columns > 0 {
        rest.push(fill(words.further_columns, &[("count", &locale.count(group.tally.other_columns))]));
    }
    if !rest.is_empty() {
        lines.push(plain_line(words.other_columns, vec![Span::new(Mark::Plain, rest.join(", "))], None));
    }
    lines
}

/// `down in 9,400, up in 12`
fn directions(times: Times, locale: &Locale) -> Option<String> {
    let words = locale.phrases();
    let in_so_many = |phrase, number| fill(phrase, &[("count", &locale.count(number))]);
    match (times.down, times.up) {
        (0, 0) => None,
        (down, 0) if down == times.changed => Some(words.all_down.to_owned()),
        (0, up) if up == times.changed => Some(words.all_up.to_owned()),
        (down, 0) => Some(in_so_many(words.down_in, down)),
        (0, up) => Some(in_so_many(words.up_in, up)),
        (down, up) => Some(format!("{}, {}", in_so_many(words.down_in, down), in_so_many(words.up_in, up))),
    }
}

/// `Listings, rule "price"`: `588 changes: Price 588 (all down), Status 3`
fn group_line(group: &Group, locale: &Locale) -> Line {
    let name = names::capitalise(group.plural.as_deref().unwrap_or(&group.noun));
    let label = fill(locale.phrases().of_rule, &[("name", &name), ("rule", &safe::label(&group.rule))]);
    let mut body = vec![Span::new(Mark::New, changes(group.tally.changes, locale))];
    let columns = by_frequency(group);
    let mut parts: Vec<_> = operations_text(&group.tally, locale).into_iter().collect();
    parts.extend(columns.iter().take(GROUP_COLUMNS).map(|(column, times)| {
        let directions = directions(*times, locale).map(|text| format!(" ({text})")).unwrap_or_default();
        format!("{} {}{directions}", column.label, locale.count(times.changed))
    }));
    if columns.len() > GROUP_COLUMNS || group.tally.other_columns > 0 {
        parts.push("…".to_owned());
    }
    if !parts.is_empty() {
        body.push(Span::new(Mark::Plain, format!(": {}", parts.join(", "))));
    }
    plain_line(&safe::shorten_as(locale.phrases().shortened, &label, 2 * LABEL), body, None)
}

/// What the notification says after the headline: the first counts, or the first rows.
fn summary(counts: &[Line], locale: &Locale) -> String {
    let short = |text: &str| safe::shorten_as(locale.phrases().shortened, text, 2 * VALUE_BRIEF);
    let brief = |line: &Line| format!("{}: {}", line.label, short(&line.brief));
    let parts: Vec<_> = counts.iter().take(2).map(brief).collect();
    if parts.is_empty() { String::new() } else { format!(" · {}", parts.join(" · ")) }
}

fn notes<T>(digest: &Digest<T>, all: &Tally, shown: u64, form: Form, locale: &Locale) -> Vec<String> {
    let words = locale.phrases();
    let mut notes = Vec::new();
    let counted = all.changes - shown.min(all.changes);
    if form == Form::Counts {
        notes.push(words.counts_only.to_owned());
    } else if counted > 0 {
        notes.push(locale.counted(counted, words.not_shown));
    }
    if digest.undone > 0 {
        notes.push(locale.counted(digest.undone, words.undone));
    }
    if all.unknown > 0 {
        notes.push(fill(words.old_not_sent, &[("changes", &changes(all.unknown, locale))]));
    }
    if digest.expired() > 0 {
        notes.push(locale.counted(digest.expired(), words.expired));
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
        let more = words.locale.count((rules.len() - RULES_NAMED) as u64);
        names.push(fill(words.locale.phrases().and_more_rules, &[("count", &more)]));
    }
    parts.extend(compose::rules(&names, &words.locale));
    parts.into_iter().map(|part| safe::shorten_as(words.locale.phrases().shortened, &part, NOTE)).collect()
}
