//! What serde finds wrong with a value.

use crate::config::code::Code;
use crate::config::diagnostic::{Diagnostic, Place};
use serde::de;
use std::fmt;

/// An error of the model: what, and as soon as it is known, where.
#[derive(Debug)]
pub struct ReadError {
    pub(super) place: Place,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The key that is missing, where that is what is wrong.
    pub(super) missing: Option<&'static str>,
}

impl ReadError {
    pub(super) fn at(mut self, place: Place) -> Self {
        if self.place == Place::default() {
            self.place = place;
        }
        self
    }

    pub(super) fn into_diagnostic(self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.place, self.message).code(self.code);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // A custom error may bring its hint behind a newline.
        let text = message.to_string();
        let (message, hint) = match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        };
        Self { place: Place::default(), code: Code::InvalidValue, message, hint, missing: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            place: Place::default(),
            code: Code::MissingKey,
            message: format!("{field:?} is missing here"),
            hint: Some(format!("add \"{field}: ...\"")),
            missing: Some(field),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let hint = match crate::rule::nearest(variant, expected.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of: {}", expected.join(", ")),
        };
        let message = format!("{variant:?} is not known here");
        Self { place: Place::default(), code: Code::InvalidValue, message, hint: Some(hint), missing: None }
    }
}
