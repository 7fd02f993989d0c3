//! What is remembered of a channel: each row's message, posts whose answer was lost, and how far its history was read.
//! Pure: the time comes in.

use lru::LruCache;
use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// Rows whose message is remembered (some 150 bytes each). One that is forgotten begins anew, or is found in the history.
pub const ROWS_MAX: usize = 50_000;

/// Posts whose answer was lost, at once: a lane has a few in flight.
const DOUBTS_MAX: usize = 1_000;

/// How far the history is read back for the messages of rows.
const LOOK_BACK_S: i64 = 7 * 24 * 3600;

/// Pages read at once, with [`super::history::PAGE`] messages each: a busy channel is not read for hours.
const PAGES_MAX: u32 = 20;

/// A message's time stamp, by which Slack names it within its channel: seconds and a counter, as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ts(pub(super) Box<str>);

impl Ts {
    /// In the order of time. It is no number: a float would lose the counter.
    fn order(&self) -> (u64, u64) {
        let (seconds, counter) = self.0.split_once('.').unwrap_or((&self.0, "0"));
        (seconds.parse().unwrap_or(0), counter.parse().unwrap_or(0))
    }
}

impl PartialOrd for Ts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ts {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

/// A row, by its hash.
pub(super) type RowHash = [u8; 16];

/// A post that was sent, and whose answer never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    /// When it was sent first, in seconds since the epoch.
    pub(super) sent_s: i64,
    /// The thread that it was to reply in; `None` for the channel itself.
    pub(super) thread: Option<Ts>,
}

/// A stretch of the history that was not read yet: later than `oldest`, earlier than `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) oldest: String,
    pub(super) latest: Option<Ts>,
}

/// A message of the history that is about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) row: RowHash,
    /// The message that its thread hangs on: itself, unless it is a reply that was sent to the channel, too.
    pub(super) root: Ts,
}

#[derive(Debug)]
pub(super) struct Memory {
    rows: LruCache<RowHash, Ts>,
    doubts: LruCache<String, Doubt>,
    /// What is left to be read, the latest last.
    gaps: Vec<Gap>,
    /// The latest message that was read.
    latest: Option<Ts>,
    /// When the history's end was asked for last.
    asked: Option<Instant>,
    pages: u32,
    /// Slack said when the history may be asked again, or that it may not.
    not_before: Option<Instant>,
    /// It failed: not to be asked at leisure before.
    pause: Option<Instant>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            // Bounded below: a bounded cache takes all of its memory at once.
            rows: LruCache::unbounded(),
            doubts: LruCache::unbounded(),
            gaps: Vec::new(),
            latest: None,
            asked: None,
            pages: 0,
            not_before: None,
            pause: None,
        }
    }

    /// The row's message.
    pub(super) fn root(&mut self, row: &RowHash) -> Option<Ts> {
        self.rows.get(row).cloned()
    }

    /// A message was made about a row that had none.
    pub(super) fn made(&mut self, row: RowHash, ts: Ts) {
        self.rows.put(row, ts);
        if self.rows.len() > ROWS_MAX {
            self.rows.pop_lru();
        }
    }

    /// A message is gone, or takes nothing any more.
    pub(super) fn lost(&mut self, row: &RowHash, ts: &Ts) {
        if self.rows.peek(row) == Some(ts) {
            self.rows.pop(row);
        }
    }

    /// The post whose answer was lost, if it was.
    pub(super) fn doubt(&mut self, id: &str) -> Option<Doubt> {
        self.doubts.get(id).cloned()
    }

    /// The answer to a post was lost.
    pub(super) fn doubted(&mut self, id: &str, sent_s: i64, thread: Option<Ts>) {
        // What an earlier attempt may have made is to be found, too.
        let sent_s = self.doubts.peek(id).map_or(sent_s, |known| known.sent_s.min(sent_s));
        self.doubts.put(id.to_owned(), Doubt { sent_s, thread });
        if self.doubts.len() > DOUBTS_MAX {
            self.doubts.pop_lru();
        }
    }

    /// What became of a post is known.
    pub(super) fn settled(&mut self, id: &str) {
        self.doubts.pop(id);
    }

    /// The stretch of the history to read next, so that the message of a row is known if there is one: everything up to
    /// `since`. `None` where nothing is left to read, or not now.
    pub(super) fn unread(&mut self, since: Instant, now: Instant, now_s: i64) -> Option<Gap> {
        if self.wait(now).is_some() || self.pause.is_some_and(|until| now < until) {
            return None;
        }
        if self.asked.is_none_or(|asked| asked < since) {
            let oldest = self.latest.as_ref().map_or_else(|| format!("{}", now_s - LOOK_BACK_S), |ts| ts.0.to_string());
            self.gaps.push(Gap { oldest, latest: None });
            self.asked = Some(now);
            self.pages = 0;
        }
        self.gaps.last().cloned()
    }

    /// A page of that stretch was read, the latest message first.
    pub(super) fn read(&mut self, page: &[About], first: Option<Ts>, last: Option<Ts>, has_more: bool) {
        self.pages += 1;
        for about in page {
            // What we posted ourselves meanwhile, or a later page said, is later.
            if self.rows.peek(&about.row).is_none_or(|known| *known < about.root) {
                self.made(about.row, about.root.clone());
            }
        }
        self.latest = self.latest.take().into_iter().chain(first).max();
        match (self.gaps.last_mut(), last) {
            (Some(gap), Some(last)) if has_more && self.pages < PAGES_MAX => gap.latest = Some(last),
            (Some(_), _) if self.pages < PAGES_MAX => drop(self.gaps.pop()),
            _ => self.gaps.clear(),
        }
    }

    /// The history may not be asked for so long.
    pub(super) fn held(&mut self, now: Instant, wait: Duration) {
        self.not_before = self.not_before.into_iter().chain(now.checked_add(wait)).max();
    }

    /// The history failed: for so long it is asked only where a post may appear twice.
    pub(super) fn paused(&mut self, now: Instant, wait: Duration) {
        self.pause = now.checked_add(wait);
    }

    /// How long the history may not be asked.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.not_before.map(|until| until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests;
