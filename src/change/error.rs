//! Why a record could not be decoded.

use super::scan::ScanError;
use std::borrow::Cow;

/// Longest field name that an error repeats: names come from the record and may be hostile.
const FIELD_CHARS_MAX: usize = 120;

/// Why a record could not be decoded: the field, and what is wrong with it. Carries no row data, so it
/// may go to logs and dead-letter headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DecodeError {
    /// The field, `after.price` for a column; `value` or `key` for the whole of it.
    pub field: String,
    /// What is wrong, in words.
    pub reason: Cow<'static, str>,
}

impl DecodeError {
    pub(crate) fn new(field: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        DecodeError { field: line(field), reason: reason.into() }
    }

    /// An error about a column of an image.
    pub(crate) fn column(image: &str, column: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        DecodeError { field: format!("{image}.{}", line(column)), reason: reason.into() }
    }

    pub(crate) fn json(field: &str, error: ScanError) -> Self {
        DecodeError::new(field, format!("not valid JSON at byte {}: {}", error.at, error.what))
    }
}

/// A name that a record chose, short and in one line whatever it holds.
pub(crate) fn line(name: &str) -> String {
    let shown = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    name.chars().take(FIELD_CHARS_MAX).map(shown).collect()
}
