//! serde over the tree: every error gets its place, every unknown key is found in one pass.

mod at;
mod error;
mod reader;

pub use at::At;

use super::code::Code;
use super::diagnostic::{Diagnostic, Place, Report};
use super::tree::{Key, Kind, Node};
use reader::Reader;
use serde::de::DeserializeOwned;
use std::cell::RefCell;

/// Names the list that may be written as one item without brackets.
pub(super) const ONE_OR_MANY: &str = "$rowbell::config::OneOrMany";

/// Values of one section that are left out, each with its mistake, before the section is given up.
const MISTAKES_MAX: usize = 50;

/// Reads one section; everything that is wrong goes to the report. `None` where anything is.
pub fn section<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    let mistakes = report.found.len();
    let value = partial(node, report);
    let wrong = report.found[mistakes..].iter().any(|found| found.code != Code::UnknownKey);
    value.filter(|_| !wrong)
}

/// The same, with what is left where something is wrong. A value that cannot be read is left out and the rest read
/// again, so that one mistake hides no other.
pub fn partial<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    let mut left: Option<Node> = None;
    let mut removed: Vec<String> = Vec::new();
    for _ in 0..MISTAKES_MAX {
        let unknown = RefCell::new(Vec::new());
        let reader = Reader::new(left.as_ref().unwrap_or(node), &unknown);
        let result = T::deserialize(reader);
        for finding in unknown.into_inner() {
            if !report.found.contains(&finding) {
                report.push(finding);
            }
        }
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        // What is missing because it was left out is no mistake of its own.
        if error.missing.is_some_and(|field| removed.iter().any(|key| key == field)) {
            return None;
        }
        let place = if error.place == Place::default() { node.place } else { error.place };
        report.push(Diagnostic { place, ..error.into_diagnostic() });
        let mut rest = left.take().unwrap_or_else(|| node.clone());
        removed.push(remove(&mut rest, place)?);
        left = Some(rest);
    }
    None
}

/// Takes the innermost value that begins at a place out of its map or list; its key, where it has one.
fn remove(node: &mut Node, place: Place) -> Option<String> {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().find_map(|item| remove(item, place)).or_else(|| {
            let at = items.iter().position(|item| item.place == place)?;
            items.remove(at);
            Some(String::new())
        }),
        Kind::Map(entries) => entries.iter_mut().find_map(|(_, value)| remove(value, place)).or_else(|| {
            let at = entries.iter().position(|(_, value)| value.place == place)?;
            Some(entries.remove(at).0.text)
        }),
        _ => None,
    }
}

/// The finding about a key that nothing reads.
pub(super) fn unknown_key(key: &Key, known: &[&'static str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(key.place, format!("unknown key {:?}", key.text)).code(Code::UnknownKey);
    match crate::rule::nearest(&key.text, known.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean {near:?}?")),
        None => diagnostic.hint(format!("known here: {}", known.join(", "))),
    }
}
