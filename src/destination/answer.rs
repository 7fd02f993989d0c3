//! What an answer means: the rows of a channel's table, and how they are looked up.

use crate::outbox::Outcome;
use std::time::Duration;

/// What came back of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, in any of its forms.
    pub retry_after: Option<Duration>,
    /// The first bytes of the body, as text.
    pub body: String,
}

/// How a post ended, and what to tell an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// One line without secrets and without row data: the status and the service's error word.
    pub detail: String,
    /// What the channel's history said, where it was asked.
    pub look: Option<Look>,
}

/// What asking a channel's history came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It holds the post whose answer was lost.
    Found,
    /// It was read, and holds no such post.
    Read,
    /// It may not be read: the app lacks a scope, or is not in the channel. The service's word.
    Denied(String),
    /// It could not be read now: the service's word, or what went wrong.
    Failed(String),
}

impl Look {
    /// The word used in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Look::Found => "found",
            Look::Read => "read",
            Look::Denied(_) => "denied",
            Look::Failed(_) => "failed",
        }
    }
}

impl Verdict {
    /// Nobody can say whether the post was made.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, detail)
    }

    /// The post was not made.
    pub fn unsent(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Retry { after: None }, detail)
    }

    pub(super) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), look: None }
    }
}

/// What a channel's answers mean. The first row that fits decides, so words stand before statuses: a service's own word
/// says more than the status that carries it.
pub(super) type Table = &'static [Row];

/// One row of a table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) says: Says,
    pub(super) means: Meaning,
}

impl Row {
    /// Whether it is about this error word.
    pub(super) fn is_word(&self, word: &str) -> bool {
        let Says::Word(pattern) = self.says else { return false };
        match pattern.strip_suffix('*') {
            Some(prefix) => word.starts_with(prefix),
            None => pattern == word,
        }
    }
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// This error word; `*` at the end stands for any rest.
    Word(&'static str),
    /// A status from the first to the second.
    Status(u16, u16),
}

pub(super) const fn word(word: &'static str, means: Meaning) -> Row {
    Row { says: Says::Word(word), means }
}

pub(super) const fn status(first: u16, last: u16, means: Meaning) -> Row {
    Row { says: Says::Status(first, last), means }
}

/// The part of an [`Outcome`] that a table can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Delivered,
    Retry,
    Rejected,
    Blocked,
    Unknown,
    /// The message that was to be updated, or replied to, cannot be: it is posted anew.
    Lost,
}

impl Meaning {
    pub(super) fn outcome(self, retry_after: Option<Duration>) -> Outcome {
        match self {
            Meaning::Delivered => Outcome::Delivered,
            Meaning::Retry => Outcome::Retry { after: retry_after },
            Meaning::Rejected => Outcome::Rejected,
            // Where nothing was to be updated or replied to, that word makes no sense: somebody has to look.
            Meaning::Blocked | Meaning::Lost => Outcome::Blocked,
            Meaning::Unknown => Outcome::Unknown,
        }
    }
}

impl Answer {
    /// What it means by this table, with the service's word for it where there is one. What no row knows, such as a
    /// status of another class or a redirect, is a destination that is not what the config says it is.
    pub(super) fn meaning(&self, table: Table, word: Option<&str>) -> Meaning {
        let fits = |row: &&Row| match row.says {
            Says::Word(_) => word.is_some_and(|word| row.is_word(word)),
            Says::Status(first, last) => (first..=last).contains(&self.status),
        };
        table.iter().find(fits).map_or(Meaning::Blocked, |row| row.means)
    }

    /// A page of HTML: somebody in between answered, such as a proxy that wants a login, and not the service.
    pub(super) fn is_page(&self) -> bool {
        self.body.trim_start().starts_with('<')
    }

    /// The body as an error word, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        error_word(self.body.trim())
    }

    /// The status and a word: all of an answer that may be shown.
    pub(super) fn detail(&self, word: Option<&str>) -> String {
        match word {
            Some(word) => format!("HTTP {}, {word}", self.status),
            None => format!("HTTP {}", self.status),
        }
    }
}

/// Longest `Retry-After` that is believed. Nobody's rate limit lasts longer; what says more is broken or hostile, and
/// must not silence a lane until somebody restarts the service.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A number of seconds as a service said it.
pub(super) fn seconds(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).map_or(RETRY_AFTER_MAX, |d| d.min(RETRY_AFTER_MAX)))
}

/// An error word: lowercase letters and underscores, as Slack writes them. Nothing else of an answer may be shown, for
/// a receiver may send back what it was sent: row data, a token.
pub(super) fn error_word(text: &str) -> Option<&str> {
    let fits =
        !text.is_empty() && text.len() <= 80 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    fits.then_some(text)
}

/// Parses `Retry-After`: seconds, or an HTTP date compared with `now_s` (Unix seconds).
pub(super) fn retry_after(text: &str, now_s: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let left_s = u64::try_from(http_date(text)?.saturating_sub(now_s)).unwrap_or(0);
    Some(Duration::from_secs(left_s).min(RETRY_AFTER_MAX))
}

/// An HTTP date in Unix seconds, in each of the three forms that a recipient must take (RFC 9110, 5.6.7).
pub(super) fn http_date(text: &str) -> Option<i64> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(date.timestamp().as_second());
    }
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = obsolete.iter().find_map(|form| jiff::civil::DateTime::strptime(form, text).ok())?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(date).ok()?.as_second())
}
