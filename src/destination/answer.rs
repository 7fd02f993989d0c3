//! What an answer means.

use crate::outbox::Outcome;
use std::time::Duration;

/// What came back of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, in either of its forms.
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
}

impl Verdict {
    /// Nobody can say whether the post was made.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, detail)
    }

    pub(super) fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into() }
    }
}

/// What an error word means; the first row that fits decides. `*` at the end stands for any rest.
pub(super) type Table = &'static [(&'static str, Meaning)];

/// The part of an [`Outcome`] that a table can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Retry,
    Rejected,
    Blocked,
    Unknown,
}

impl Meaning {
    pub(super) fn outcome(self, retry_after: Option<Duration>) -> Outcome {
        match self {
            Meaning::Retry => Outcome::Retry { after: retry_after },
            Meaning::Rejected => Outcome::Rejected,
            Meaning::Blocked => Outcome::Blocked,
            Meaning::Unknown => Outcome::Unknown,
        }
    }
}

/// Looks an error word up.
pub(super) fn look_up(table: Table, word: &str) -> Option<Meaning> {
    table
        .iter()
        .find(|(pattern, _)| match pattern.strip_suffix('*') {
            Some(prefix) => word.starts_with(prefix),
            None => *pattern == word,
        })
        .map(|(_, meaning)| *meaning)
}

impl Answer {
    /// What the status alone says, where no table knows the body.
    pub(super) fn by_status(&self) -> Outcome {
        match self.status {
            200..=299 => Outcome::Delivered,
            408 | 425 | 429 | 500..=599 => Outcome::Retry { after: self.retry_after },
            413 | 414 | 422 => Outcome::Rejected,
            // The destination itself is not what the config says it is: gone, moved, or not for us.
            _ => Outcome::Blocked,
        }
    }

    /// The body as an error word, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        error_word(self.body.trim())
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
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let left_s = u64::try_from(date.timestamp().as_second().saturating_sub(now_s)).unwrap_or(0);
    Some(Duration::from_secs(left_s).min(RETRY_AFTER_MAX))
}
