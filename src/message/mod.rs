//! The channel-neutral content of a post, and its rendering for Slack, Teams and webhooks.
//!
//! Pure: a row change and what the config says about it come in, a [`Message`] or a payload goes out. Many changes at once
//! are a [`digest`].
//!
//! [`compose()`] decides *what* is said (headline, lines, what identifies the row) once for every
//! channel; [`slack`], [`teams`] and [`webhook`] decide how it is laid out and keep their service's
//! limits ([`limits`]). Row data is hostile: it is cleaned once when it becomes display text, and
//! again made inert by each channel in the way that channel needs.

pub mod digest;
pub mod limits;
pub mod slack;
pub mod teams;
pub mod webhook;

mod canonical;
mod compose;
mod diff;
mod draft;
mod facts;
mod formats;
mod headline;
mod inside;
mod line;
mod link;
mod locale;
mod model;
mod moment;
mod names;
mod number;
mod phrases;
mod room;
mod safe;
mod select;
mod value;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use canonical::json as canonical;
pub use compose::compose;
pub use draft::{Draft, DraftError, Inserted};
pub use formats::Formats;
pub use limits::{BUTTONS, LINES_WATCHED};
pub use link::checked as web_address;
pub use locale::{CurrencyDisplay, LANGUAGES, Locale, LocaleError};
pub use model::{Colour, Delta, Identity, Line, Link, Mark, Message, Rows, Span};
pub use names::{humanise, noun_of};
pub use number::DURATION_UNITS;
pub use safe::shorten;
pub use view::{ColumnView, Format, Mention, MentionId, TableView, Words};

/// How urgent a notice is; orders lanes and colours messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    /// First in line.
    Critical,
    /// The default.
    #[default]
    Normal,
    /// Last in line.
    Low,
}

impl Priority {
    /// All, most urgent first.
    pub const ALL: [Priority; 3] = [Priority::Critical, Priority::Normal, Priority::Low];

    /// The word used in config, metrics and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Critical => "critical",
            Priority::Normal => "normal",
            Priority::Low => "low",
        }
    }
}

/// Whether a change is good news; the rule says so, it is never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// Green, and words that praise.
    Good,
    /// Red, and words that warn.
    Bad,
    /// Neither.
    #[default]
    Neutral,
}
