//! What a message says, before any channel's layout.

use super::limits;
use super::locale::Locale;
use super::phrases::fill;
use super::safe;
use super::view::Mention;
use super::{Priority, Tone};
use crate::change::Op;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// How a piece of a line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// As it is.
    Plain,
    /// What was: struck through.
    Old,
    /// What is: bold.
    New,
    /// A remark, not a value: "(was empty)".
    Quiet,
}

/// A piece of a line; the pieces of a line are written one after the other, spaces included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Clean text (one line, nothing invisible), not escaped for any channel.
    pub text: String,
    /// How it is shown.
    pub mark: Mark,
}

impl Span {
    /// A piece of a line.
    pub fn new(mark: Mark, text: impl Into<String>) -> Span {
        Span { text: text.into(), mark }
    }
}

/// By how much a value changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// `-20 %`, `+3`, `3 days later`
    pub main: String,
    /// `-$50,000.05`
    pub detail: Option<String>,
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.main),
            None => f.write_str(&self.main),
        }
    }
}

/// One column's part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Column name as the source spells it.
    pub column: Arc<str>,
    /// Column name as a person reads it.
    pub label: String,
    /// Old and new value, or what changed inside.
    pub body: Vec<Span>,
    /// By how much.
    pub delta: Option<Delta>,
    /// A remark on this column, such as "previous value not sent by the source".
    pub note: Option<String>,
    /// `old -> new (-20 %)` for the notification text.
    pub brief: String,
    /// Where the label leads; checked: http or https.
    pub url: Option<String>,
    /// It did not change, and is shown because the config asks for it.
    pub is_context: bool,
}

/// Rows that a digest shows, one a line, apart from its counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// What they are, where counts stand above them.
    pub heading: Option<Line>,
    /// The most important first.
    pub lines: Vec<Line>,
}

/// What tells this row from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A column's label, or the table's noun for a key of one column.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// Where the button leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `View listing`
    pub label: String,
    /// Checked: http or https.
    pub url: String,
}

/// The channel-neutral content of a post: about one change (or the net of one row's), or a digest of many.
///
/// Every text in it is clean (one line, no control or invisible characters) and bounded, but not
/// escaped: that is each channel's part.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The language of its words.
    pub locale: Arc<Locale>,
    /// What happened to the row; a digest says update, or truncate where a table was emptied.
    pub op: Op,
    /// Orders lanes, colours the message.
    pub priority: Priority,
    /// Colours the message.
    pub tone: Tone,
    /// Whom to call.
    pub mention: Option<Mention>,
    /// What one row of the table is called.
    pub noun: String,
    /// What this row is called: "Oak chair", "Listing 1".
    pub title: String,
    /// One sentence with the row's title in it.
    pub headline: String,
    /// The notification's part after the headline, with its own leading punctuation; may be empty.
    pub summary: String,
    /// What changed, most telling first.
    pub lines: Vec<Line>,
    /// A digest's rows.
    pub rows: Rows,
    /// Labels of the columns that have no line.
    pub left_out: Vec<String>,
    /// What tells this row from others.
    pub identity: Vec<Identity>,
    /// Where to look at the row.
    pub link: Option<Link>,
    /// Where else to act.
    pub buttons: Vec<Link>,
    /// The time of the change in seconds since the epoch, where the reader's clock counts; then it is the first of the context.
    pub when: Option<i64>,
    /// When, by which rules, from which source.
    pub context: Vec<String>,
    /// Quiet remarks about the message as a whole.
    pub notes: Vec<String>,
    /// Advice to whoever runs the source; the caller may drop it (once per table and day is enough).
    pub tip: Option<String>,
    /// Changes that the one told stands for, and commit time of the first in microseconds since the epoch; `None` for one
    /// change by itself.
    pub folded: Option<(u64, Option<i64>)>,
    /// Names of the rules that matched.
    pub rules: Vec<Arc<str>>,
    /// Columns whose values must not leave.
    pub redacted: HashSet<Arc<str>>,
    /// Columns never shown as changes.
    pub ignored: HashSet<Arc<str>>,
}

/// Colour of a message; the words differ per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// Needs attention.
    Red,
    /// Good news.
    Green,
    /// Ordinary.
    Blue,
    /// Of little weight.
    Grey,
}

impl Message {
    /// The message in one plain line: what a phone's lock screen shows.
    ///
    /// Not escaped.
    pub fn fallback(&self) -> String {
        safe::shorten_as(
            self.locale.phrases().shortened,
            &format!("{}{}", self.headline, self.summary),
            limits::FALLBACK,
        )
    }

    /// The message as plain lines of text, longer than the fallback: for a service that refused all layout.
    ///
    /// Not escaped.
    pub fn simplified(&self) -> String {
        let mut parts = vec![self.headline.clone()];
        let lines = self.lines.iter().chain(&self.rows.heading).chain(&self.rows.lines);
        parts.extend(lines.map(|line| format!("{}: {}", line.label, line.brief)));
        parts.extend(self.left_out_text());
        parts.extend(self.identity_text());
        parts.extend(self.notes.iter().cloned());
        parts.extend(self.context_text());
        parts.push(self.locale.phrases().simplified.to_owned());
        safe::shorten_as(self.locale.phrases().shortened, &parts.join("\n"), limits::FALLBACK)
    }

    /// Tone says the colour; without one, the priority does.
    pub fn colour(&self) -> Colour {
        match (self.tone, self.priority) {
            (Tone::Bad, _) => Colour::Red,
            (Tone::Good, _) => Colour::Green,
            // Nothing that empties a table is ordinary.
            (Tone::Neutral, Priority::Critical) => Colour::Red,
            (Tone::Neutral, _) if self.op == Op::Truncate => Colour::Red,
            (Tone::Neutral, Priority::Normal) => Colour::Blue,
            (Tone::Neutral, Priority::Low) => Colour::Grey,
        }
    }

    /// `… and 2 more: Featured, External UUID`
    pub fn left_out_text(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let named = self.left_out.iter().take(limits::LEFT_OUT_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let rest = if self.left_out.len() > limits::LEFT_OUT_NAMED { ", …" } else { "" };
        let words = self.locale.phrases();
        let count = self.left_out.len() as u64;
        let phrase = match self.lines.is_empty() {
            true => self.locale.plural(&count.into(), words.left_out_all),
            false => words.left_out,
        };
        Some(fill(phrase, &[("count", &self.locale.count(count)), ("names", &format!("{named}{rest}"))]))
    }

    /// `SKU CHAIR-001 · Listing 1`
    pub fn identity_text(&self) -> Option<String> {
        let parts: Vec<_> = self.identity.iter().map(|part| format!("{} {}", part.label, part.value)).collect();
        (!parts.is_empty()).then(|| parts.join(" · "))
    }

    /// The context line as one text.
    pub fn context_text(&self) -> Option<String> {
        (!self.context.is_empty()).then(|| self.context.join(" · "))
    }

    /// The same message, smaller: for a channel whose budget it does not fit.
    ///
    /// `step` 0 changes nothing. Lines that go are named among those left out, cut texts carry the mark.
    pub fn tightened(&self, step: usize) -> Message {
        const STEPS: [(usize, usize, usize); 4] = [(10, 12, 80), (6, 8, 60), (4, 6, 40), (0, 0, 40)];
        let Some(index) = step.checked_sub(1) else {
            return self.clone();
        };
        let (lines, spans, units) = STEPS[index.min(STEPS.len() - 1)];
        let mark = self.locale.phrases().shortened;
        let mut small = self.clone();
        let dropped = small.lines.split_off(lines.min(small.lines.len()));
        small.left_out.splice(0..0, dropped.into_iter().map(|line| line.label));
        let rows = small.rows.lines.len();
        small.rows.lines.truncate(lines);
        if small.rows.lines.len() < rows {
            small.rows.heading = None;
            let left = (rows - small.rows.lines.len()) as u64;
            small.notes.insert(0, self.locale.counted(left, self.locale.phrases().rows_left_out));
        }
        for line in small.lines.iter_mut().chain(&mut small.rows.lines) {
            if line.body.len() > spans {
                line.body.truncate(spans.saturating_sub(1));
                line.body.push(Span::new(Mark::Quiet, format!(" {mark}")));
            }
            for span in &mut line.body {
                span.text = safe::shorten_middle_as(mark, &span.text, units);
            }
            line.label = safe::shorten_as(mark, &line.label, 40);
        }
        for label in &mut small.left_out {
            *label = safe::shorten_as(mark, label, 40);
        }
        let notes = small.notes.len();
        if notes > 3 {
            small.notes.truncate(2);
            small.notes.push(self.locale.counted(notes as u64 - 2, self.locale.phrases().remarks_left_out));
        }
        small
    }

    /// Steps of [`Message::tightened`] after which it gets no smaller.
    pub const TIGHTEST: usize = 4;
}
