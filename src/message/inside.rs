//! What changed inside a JSON document or a list.

use super::limits::{DIFF_PLACES, ELEMENT, ELEMENTS, VALUE};
use super::locale::Locale;
use super::model::{Mark, Span};
use super::phrases::{Phrases, fill};
use super::safe;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// Depth at which a document is compared as a whole; serde_json itself reads to 128.
const DEPTH_MAX: usize = 100;

/// A changed place in a document.
struct Place<'a> {
    path: String,
    old: Option<&'a Json>,
    new: Option<&'a Json>,
}

/// Changed places in order: `colour: ~(none)~ **red**`. SQL NULL on one side counts as an empty document.
pub fn paths(old: &Json, new: &Json, locale: &Locale) -> Vec<Span> {
    let words = locale.phrases();
    let nothing = Json::Object(Map::new());
    let (old, new) = match (old, new) {
        (Json::Null, Json::Object(_)) => (&nothing, new),
        (Json::Object(_), Json::Null) => (old, &nothing),
        both => both,
    };
    let mut places = Vec::new();
    compare(String::new(), Some(old), Some(new), 0, &mut places);
    let mut spans = Vec::new();
    for place in places.iter().take(DIFF_PLACES) {
        if !spans.is_empty() {
            spans.push(Span::new(Mark::Plain, "; "));
        }
        let path = safe::isolated_parts(&safe::shorten_middle_as(words.shortened, &safe::clean(&place.path), ELEMENT));
        if !path.is_empty() {
            spans.push(Span::new(Mark::Plain, format!("{path}: ")));
        }
        match (place.old, place.new) {
            (Some(Json::Array(old)), Some(Json::Array(new))) => {
                let texts = |list: &[Json]| list.iter().map(|value| scalar(value, words)).collect::<Vec<_>>();
                spans.extend(list(&texts(old), &texts(new), locale));
            }
            (old, new) => {
                spans.push(side(old, Mark::Old, words));
                spans.push(Span::new(Mark::Plain, " "));
                spans.push(side(new, Mark::New, words));
            }
        }
    }
    if places.len() > DIFF_PLACES {
        let more = locale.counted((places.len() - DIFF_PLACES) as u64, words.more_places);
        spans.push(Span::new(Mark::Quiet, format!("; … {more}")));
    }
    spans
}

fn side(value: Option<&Json>, mark: Mark, words: &Phrases) -> Span {
    match value {
        None => Span::new(Mark::Quiet, words.none),
        Some(Json::Null) => Span::new(Mark::Quiet, words.null),
        Some(Json::String(text)) if safe::clean(text).trim().is_empty() => Span::new(Mark::Quiet, words.empty_text),
        Some(value) => Span::new(mark, element(&scalar(value, words), words)),
    }
}

/// A value within a list or a document.
fn element(text: &str, words: &Phrases) -> String {
    safe::isolated(&safe::shorten_middle_as(words.shortened, text, ELEMENT))
}

fn compare<'a>(path: String, old: Option<&'a Json>, new: Option<&'a Json>, depth: usize, places: &mut Vec<Place<'a>>) {
    if old == new {
        return;
    }
    match (old, new) {
        _ if depth >= DEPTH_MAX => {}
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            for (key, value) in before {
                compare(joined(&path, key), Some(value), after.get(key), depth + 1, places);
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                compare(joined(&path, key), None, Some(value), depth + 1, places);
            }
            return;
        }
        // Lists of records in the same order: say what changed within them.
        (Some(Json::Array(before)), Some(Json::Array(after)))
            if before.len() == after.len() && before.iter().chain(after).all(Json::is_object) =>
        {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(format!("{path}[{index}]"), Some(before), Some(after), depth + 1, places);
            }
            return;
        }
        _ => {}
    }
    places.push(Place { path, old, new });
}

/// A path grows by what a reader can see of it: a document with huge keys must not multiply them.
fn joined(path: &str, key: &str) -> String {
    let key = safe::head(key, 4 * ELEMENT);
    if path.is_empty() { key.to_owned() } else { format!("{}.{key}", safe::head(path, 4 * ELEMENT)) }
}

/// What was added to and removed from a list: `+ lamp, - chair`. Takes clean texts.
pub fn list(old: &[String], new: &[String], locale: &Locale) -> Vec<Span> {
    let words = locale.phrases();
    let mut balance: HashMap<&str, i64> = HashMap::new();
    for element in old {
        *balance.entry(element).or_default() -= 1;
    }
    for element in new {
        *balance.entry(element).or_default() += 1;
    }
    let mut added = Vec::new();
    let mut removed = Vec::new();
    for element in new {
        if let Some(count @ 1..) = balance.get_mut(element.as_str()) {
            *count -= 1;
            added.push(element);
        }
    }
    for element in old {
        if let Some(count @ ..=-1) = balance.get_mut(element.as_str()) {
            *count += 1;
            removed.push(element);
        }
    }
    if added.is_empty() && removed.is_empty() {
        return vec![Span::new(Mark::Quiet, words.other_order)];
    }
    let total = added.len() + removed.len();
    let all = added
        .into_iter()
        .map(|text| (Mark::New, "+", text))
        .chain(removed.into_iter().map(|text| (Mark::Old, "-", text)));
    let mut spans = Vec::new();
    for (mark, sign, element) in all.take(ELEMENTS) {
        if !spans.is_empty() {
            spans.push(Span::new(Mark::Plain, ", "));
        }
        let text = if element.trim().is_empty() { words.empty.to_owned() } else { self::element(element, words) };
        spans.push(Span::new(Mark::Plain, format!("{sign} ")));
        spans.push(Span::new(mark, text));
    }
    if total > ELEMENTS {
        let more = fill(words.and_more, &[("count", &locale.count((total - ELEMENTS) as u64))]);
        spans.push(Span::new(Mark::Quiet, format!(", {more}")));
    }
    spans
}

/// A whole document in one line; of an object of plain values only these: `colour: red, size: 3`.
pub fn document(document: &Json, words: &Phrases) -> String {
    match document {
        Json::Object(entries)
            if !entries.is_empty() && entries.values().all(|value| !value.is_object() && !value.is_array()) =>
        {
            let mut text = String::new();
            for (key, value) in entries {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(&format!("{}: {}", safe::clean(key), scalar(value, words)));
                // What follows would be cut anyway.
                if text.len() > 16 * VALUE {
                    break;
                }
            }
            text
        }
        other => scalar(other, words),
    }
}

fn scalar(value: &Json, words: &Phrases) -> String {
    match value {
        Json::String(text) => safe::clean(text),
        Json::Bool(true) => words.yes.to_owned(),
        Json::Bool(false) => words.no.to_owned(),
        Json::Array(elements) if !elements.is_empty() && elements.iter().all(is_plain) => {
            elements.iter().map(|element| scalar(element, words)).collect::<Vec<_>>().join(", ")
        }
        other => safe::clean(&other.to_string()),
    }
}

/// Whether it reads well in a row with others, without quotes and brackets.
fn is_plain(element: &Json) -> bool {
    match element {
        Json::String(text) => !safe::clean(text).trim().is_empty(),
        Json::Bool(_) | Json::Number(_) => true,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}
