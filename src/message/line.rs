//! The line of one column: what it was, what it is, by how much.

use super::canonical;
use super::diff;
use super::inside;
use super::limits::{VALUE, VALUE_BRIEF};
use super::model::{Delta, Line, Mark, Span};
use super::moment::{self, Precision};
use super::number;
use super::phrases::fill;
use super::safe;
use super::value::{Shown, Side, Writer, names_a_thing};
use crate::change::{Column, ColumnChange, Type, Value};
use bigdecimal::BigDecimal;
use serde_json::Value as Json;

/// Texts longer than this, in units, are compared word by word.
const WHOLE_TEXT_MAX: usize = 60;

/// Whether the old value of this change is known.
pub fn old_is_known(change: &ColumnChange) -> bool {
    !matches!(change.old, None | Some(Value::Unavailable))
}

/// The line of a column that changed.
pub fn changed(writer: &Writer<'_>, change: &ColumnChange) -> Line {
    let words = writer.phrases();
    let mut line = Line {
        column: change.name.clone(),
        label: writer.label(&change.name),
        body: Vec::new(),
        delta: None,
        note: None,
        brief: String::new(),
        url: None,
        is_context: false,
    };
    if writer.redacts(&change.name) {
        // Without the old value, whether it changed is not known.
        let (text, brief) = match old_is_known(change) {
            true => (words.hidden_change, words.hidden_change_brief),
            false => (words.hidden_value, words.hidden),
        };
        line.body.push(Span::new(Mark::Quiet, text));
        line.brief = brief.to_owned();
        return line;
    }
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if *old != Value::Unavailable => both(writer, change, old, new, &mut line),
        (Some(old), None) if *old != Value::Unavailable => {
            line.body = single(writer, &change.name, change.ty, old, Side::Old, Mark::Old);
            line.note = Some(words.column_removed.to_owned());
            line.brief = words.column_removed.to_owned();
        }
        (_, new) => {
            let new = new.as_ref().unwrap_or(&Value::Null);
            line.body = single(writer, &change.name, change.ty, new, Side::New, Mark::New);
            line.brief = fill(words.now, &[("value", &brief_of(writer, change, new, Side::New))]);
            let added = !writer.change.before_unknown
                && change.old.is_none()
                && writer.change.before.as_ref().is_some_and(|before| before.get(&change.name).is_none());
            let [unknown, _] = words.old_unknown;
            line.note = Some(if added { words.new_column } else { unknown }.to_owned());
        }
    }
    line
}

/// The line of a column with its value alone: of a row that appeared or went, or (plain) one that did not change.
pub fn value_only(writer: &Writer<'_>, column: &Column, mark: Mark) -> Line {
    let side = if mark == Mark::Old { Side::Old } else { Side::New };
    let (body, brief) = if writer.redacts(&column.name) {
        let words = writer.phrases();
        (vec![Span::new(Mark::Quiet, words.hidden_value)], words.hidden.to_owned())
    } else {
        let shown = writer.show(&column.name, column.ty, &column.value, side, Precision::Minutes);
        (spans(writer, &shown, mark, writer.truncate(&column.name).unwrap_or(VALUE)), brief(writer, &shown))
    };
    Line {
        column: column.name.clone(),
        label: writer.label(&column.name),
        body,
        delta: None,
        note: None,
        brief,
        url: None,
        is_context: mark == Mark::Plain,
    }
}

fn both(writer: &Writer<'_>, change: &ColumnChange, old: &Value, new: &Value, line: &mut Line) {
    let words = writer.phrases();
    match (old, new) {
        (Value::Json(_) | Value::Map(_), Value::Json(_) | Value::Map(_) | Value::Null)
        | (Value::Null, Value::Json(_) | Value::Map(_)) => {
            line.body = inside::paths(&canonical::json(old), &canonical::json(new), writer.locale());
            if *new == Value::Null {
                line.body.push(Span::new(Mark::Quiet, format!(" {}", words.now_empty)));
            }
            line.brief = brief_of_spans(&line.body, writer);
        }
        (Value::Array(_), Value::Array(_) | Value::Null) | (Value::Null, Value::Array(_)) => {
            let (old, new) = (elements(writer, change, old, Side::Old), elements(writer, change, new, Side::New));
            line.body = inside::list(&old, &new, writer.locale());
            if change.new == Some(Value::Null) {
                line.body.push(Span::new(Mark::Quiet, format!(" {}", words.now_empty)));
            }
            line.brief = brief_of_spans(&line.body, writer);
        }
        (Value::Bytes(before), Value::Bytes(after)) if writer.size(before.len()) == writer.size(after.len()) => {
            let other = Span::new(Mark::Quiet, format!(" {}", words.of_other_content));
            line.body = vec![Span::new(Mark::New, writer.size(after.len())), other];
            line.brief = words.other_content.to_owned();
        }
        _ => whole(writer, change, old, new, line),
    }
}

/// Old and new beside each other; long texts word by word.
fn whole(writer: &Writer<'_>, change: &ColumnChange, old: &Value, new: &Value, line: &mut Line) {
    let show = |value, side, precision| writer.show(&change.name, change.ty, value, side, precision);
    // Two moments within one minute must not read the same.
    let (before, after) = [Precision::Minutes, Precision::Seconds, Precision::All]
        .map(|precision| (show(old, Side::Old, precision), show(new, Side::New, precision)))
        .into_iter()
        .reduce(|kept, finer| if kept.0 == kept.1 { finer } else { kept })
        .unwrap_or_else(|| (show(old, Side::Old, Precision::All), show(new, Side::New, Precision::All)));
    line.delta = delta(writer, change, old, new);
    let words = writer.phrases();
    line.brief = format!("{} -> {}", brief(writer, &before), brief(writer, &after));
    if let Some(delta) = &line.delta {
        line.brief.push_str(&format!(" ({})", delta.main));
    }
    if before.text == after.text && !before.quiet && !after.quiet {
        // Never show "~Lamp~ **Lamp**" without saying why.
        line.body = spans(writer, &after, Mark::New, VALUE);
        line.note = Some(words.differs_invisibly.to_owned());
        line.brief = words.invisible_change.to_owned();
        return;
    }
    let texts = matches!((old, new), (Value::Text(_), Value::Text(_))) && !before.quiet && !after.quiet;
    let long = safe::units(&before.text).max(safe::units(&after.text)) > WHOLE_TEXT_MAX;
    let whole = writer.truncate(&change.name).is_none();
    let prose = texts && long && whole && !matches!(change.ty, Type::Uuid | Type::Enum | Type::Duration);
    if let Some(pieces) = prose.then(|| diff::words(&before.text, &after.text, writer.locale())).flatten() {
        line.body = pieces;
        line.brief = words.text_changed.to_owned();
        return;
    }
    let max = writer.truncate(&change.name).unwrap_or(VALUE);
    let (old_spans, new_spans) = (spans(writer, &before, Mark::Old, max), spans(writer, &after, Mark::New, max));
    if texts && old_spans[0].text == new_spans[0].text {
        line.note = Some(words.differs_in_the_middle.to_owned());
    }
    line.body = old_spans;
    line.body.push(Span::new(Mark::Plain, " "));
    line.body.extend(new_spans);
}

fn delta(writer: &Writer<'_>, change: &ColumnChange, old: &Value, new: &Value) -> Option<Delta> {
    if names_a_thing(writer, &change.name, change.ty) {
        return None;
    }
    let style = |side| writer.style(&change.name, change.ty, side);
    if let (Some(from), Some(to)) = (writer.number(&change.name, old), writer.number(&change.name, new)) {
        // An amount in another currency is no more or less than the old one.
        let count = change.ty == Type::Int && writer.format(&change.name).is_none();
        let delta = |from, to| match style(Side::Old) == style(Side::New) {
            true => number::delta(from, to, style(Side::New), !count, writer.locale()),
            false => None,
        };
        let rounded = |number: &BigDecimal| writer.rounded(&change.name, number.clone());
        let delta = delta(&rounded(&from), &rounded(&to)).or_else(|| delta(&from, &to));
        let suffix = writer.suffix(&change.name);
        return delta.map(|delta| match delta.detail {
            Some(by) => Delta { detail: Some(bounded(by + &suffix, writer)), ..delta },
            None => Delta { main: bounded(delta.main + &suffix, writer), detail: None },
        });
    }
    let (from, to) = (writer.moment(&change.name, old)?, writer.moment(&change.name, new)?);
    let difference = to.checked_sub(from)?;
    (difference != 0).then(|| Delta { main: moment::shift(difference, writer.locale()), detail: None })
}

/// Of a difference of hundreds of digits the beginning.
fn bounded(difference: String, writer: &Writer<'_>) -> String {
    safe::shorten_as(writer.phrases().shortened, &difference, VALUE)
}

fn elements(writer: &Writer<'_>, change: &ColumnChange, value: &Value, side: Side) -> Vec<String> {
    match value {
        Value::Array(elements) => elements
            .iter()
            .map(|element| writer.show(&change.name, change.ty, element, side, Precision::All).text)
            .collect(),
        _ => Vec::new(),
    }
}

fn single(writer: &Writer<'_>, column: &str, ty: Type, value: &Value, side: Side, mark: Mark) -> Vec<Span> {
    let max = writer.truncate(column).unwrap_or(VALUE);
    spans(writer, &writer.show(column, ty, value, side, Precision::Minutes), mark, max)
}

/// A value as pieces of a line; one too long keeps both its ends and says how long it is.
fn spans(writer: &Writer<'_>, shown: &Shown, mark: Mark, max: usize) -> Vec<Span> {
    let mark = if shown.quiet { Mark::Quiet } else { mark };
    let text = safe::shorten_middle_as(writer.phrases().shortened, &shown.text, max.min(VALUE));
    let cut = text != shown.text;
    let mut spans = vec![Span::new(mark, safe::isolated(&text))];
    if cut {
        let count = safe::graphemes(&shown.text) as u64;
        let count = writer.locale().counted(count, writer.phrases().characters);
        spans.push(Span::new(Mark::Quiet, format!(" {count}")));
    }
    spans
}

fn brief(writer: &Writer<'_>, shown: &Shown) -> String {
    let words = writer.phrases();
    let text = if shown.text == words.was_empty { words.empty } else { &shown.text };
    safe::isolated(&safe::shorten_middle_as(words.shortened, text, VALUE_BRIEF))
}

fn brief_of(writer: &Writer<'_>, change: &ColumnChange, value: &Value, side: Side) -> String {
    brief(writer, &writer.show(&change.name, change.ty, value, side, Precision::Minutes))
}

fn brief_of_spans(spans: &[Span], writer: &Writer<'_>) -> String {
    let mut text = String::new();
    for (index, span) in spans.iter().enumerate() {
        // "old new" needs its arrow where nothing is struck through.
        let between = index > 0
            && spans.len() > index + 1
            && span.text == " "
            && is_value(&spans[index - 1])
            && is_value(&spans[index + 1]);
        text.push_str(if between { " -> " } else { &span.text });
    }
    safe::shorten_as(writer.phrases().shortened, &text, 2 * VALUE_BRIEF)
}

fn is_value(span: &Span) -> bool {
    span.mark != Mark::Plain
}

/// A JSON null and an SQL NULL, a missing and an empty document: nothing to show in a new row.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Unavailable => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Json(document) => match &**document {
            Json::Null => true,
            Json::Object(entries) => entries.is_empty(),
            Json::Array(elements) => elements.is_empty(),
            _ => false,
        },
        _ => false,
    }
}
