//! What is no mistake of form and yet hardly meant: rules that never match, secrets in plain text, rates that no service
//! takes. Everything here looks at the whole config and, but for what can never work, warns.

mod columns;
mod destinations;
mod kafka;
mod rules;
mod tables;
mod text;
mod topics;

pub use columns::{Catalog, KnownColumn, KnownNote, KnownTable, against};

use super::Config;
use super::code::Code;
use super::de::At;
use super::diagnostic::{Diagnostic, Place, Report};
use super::model::Model;
use super::secrets::Secret;
use std::ops::Range;

/// What is looked at.
pub struct Looked<'a> {
    /// The file as it is written, as far as it could be read.
    pub model: &'a Model,
    /// What it means, where it is whole.
    pub config: Option<&'a Config>,
    /// Secrets that stand in it.
    pub secrets: &'a [Secret],
}

/// Looks at everything.
pub fn lint(looked: &Looked<'_>, report: &mut Report) {
    text::lint(looked, report);
    kafka::lint(looked, report);
    tables::lint(looked, report);
    destinations::lint(looked, report);
    rules::lint(looked, report);
}

/// A finding about a part of a value, in bytes; about the whole value where the part cannot be found in the file.
fn about(found: Diagnostic, value: &At<String>, part: Option<&Range<usize>>, report: &mut Report) {
    let place = part.and_then(|part| report.source.within(value.place, &value.value, part));
    report.push(match place {
        Some((place, length)) => Diagnostic { place, length: Some(length.max(1)), ..found },
        None => found,
    });
}

fn warning(place: Place, code: Code, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(place, message).code(code)
}

fn error(place: Place, code: Code, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(place, message).code(code)
}

/// `a`, `a and b`, `a, b and c`
fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
