//! What is wrong with a config, where, and what to do about it.

use super::code::Code;
use super::files::SourceFile;
use super::source::Source;
use crate::rule::nearest;
use std::fmt;

/// A place in the config file; lines and columns count from 1, 0 is "nowhere in particular".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The config cannot run.
    Error,
    /// The config runs, but not all of it means what its author may think.
    Warning,
}

impl Severity {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One finding about the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What kind of mistake.
    pub code: Code,
    /// Where in the file.
    pub place: Place,
    /// Characters that it is about; to the end of the word or value at the place where it does not say.
    pub length: Option<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, in one line.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding that keeps the config from running.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Code::InvalidValue, place, message.into())
    }

    /// A finding that the config can run with.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Code::NoEffect, place, message.into())
    }

    fn new(severity: Severity, code: Code, place: Place, message: String) -> Self {
        Self { severity, code, place, length: None, message, hint: None }
    }

    /// Are both about the same part of the file?
    pub fn is_about(&self, other: &Self) -> bool {
        (self.place, self.length) == (other.place, other.length)
    }

    /// Is it the same mistake, whoever told it?
    pub fn says(&self, other: &Self) -> bool {
        let by_place = matches!(self.code, Code::UnknownColumn | Code::UnknownTable | Code::TextWithNumber);
        self.code == other.code && self.is_about(other) && (by_place || self.message == other.message)
    }

    /// Says what kind of mistake it is.
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Says how many characters it is about.
    pub fn length(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds "did you mean" when one of `known` is near enough to `text`.
    pub fn nearest<'a>(self, text: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(text, known) {
            Some(name) => self.hint(format!("did you mean {name:?}?")),
            None => self,
        }
    }
}

/// All findings about one file, in file order.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The file as the user named it.
    pub file: String,
    /// The file's text, where it could be read.
    pub source: Source,
    /// Findings.
    pub found: Vec<Diagnostic>,
    /// What was read for it.
    pub files: Vec<SourceFile>,
}

impl Report {
    /// An empty report about a file.
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// True when something keeps the config from running.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Findings in the order of the file, errors before warnings of one place.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_by_key(|d| (d.place, d.severity));
        found
    }

    /// The warnings alone.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter().filter(|d| d.severity == Severity::Warning)
    }

    /// One finding as text: `file:line:column: error: message`, then the hint.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let word = diagnostic.severity.as_str();
        let at = match diagnostic.place.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, diagnostic.place.column),
        };
        let mut text = format!("{at}: {word}: {}", diagnostic.message);
        if let Some(hint) = &diagnostic.hint {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.sorted().into_iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.render(diagnostic))?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
