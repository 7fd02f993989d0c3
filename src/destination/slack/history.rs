//! Reading a channel: conversations.history and conversations.replies, for the ids that our own messages carry.
//!
//! An app of one's own workspace may ask 50 times a minute and more; one that is distributed outside Slack's Marketplace
//! once a minute, for 15 messages (Slack's changelog of 2025-05-29). Both are asked alike, and what they say is obeyed.

use super::memory::{About, Doubt, Gap, RowHash, Ts};
use super::{EVENT_TYPE, answers};
use crate::destination::answer::{Answer, Look, Verdict, error_word};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Messages asked for at once. Slack advises no more than 200; an answer holds each message whole.
pub(super) const PAGE: u32 = 100;

/// Bytes of a page that are read: 80 KiB for each message.
pub(super) const PAGE_BYTES_MAX: usize = 8 << 20;

/// Slack's clock and ours may differ by so much.
const SKEW_S: i64 = 300;

/// What the history said.
#[derive(Debug)]
pub(super) enum History {
    Page(Page),
    /// It may not be asked for so long; `Denied` where no waiting helps.
    Wait(Duration, Look),
    /// It did not work this time.
    Failed(Look),
}

/// Messages, of a channel the latest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    pub(super) has_more: bool,
}

/// A message as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    ts: String,
    thread_ts: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    event_type: String,
    /// Other apps' may hold anything.
    event_payload: Value,
}

impl Message {
    pub(super) fn ts(&self) -> Ts {
        Ts(self.ts.as_str().into())
    }

    fn said(&self, key: &str) -> Option<&str> {
        let metadata = self.metadata.as_ref().filter(|metadata| metadata.event_type == EVENT_TYPE)?;
        metadata.event_payload.get(key)?.as_str()
    }

    /// The post that it is, by its id.
    pub(super) fn id(&self) -> Option<&str> {
        self.said("id")
    }

    /// The row that it is about.
    pub(super) fn about(&self) -> Option<About> {
        let row = row_of(self.said("row")?)?;
        let root = self.thread_ts.as_deref().unwrap_or(&self.ts);
        Some(About { row, root: Ts(root.into()) })
    }
}

fn row_of(hex: &str) -> Option<RowHash> {
    u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32).map(u128::to_be_bytes)
}

impl Page {
    /// What it says of rows.
    pub(super) fn abouts(&self) -> Vec<About> {
        self.messages.iter().filter_map(Message::about).collect()
    }
}

/// The query of a stretch of a channel's history.
pub(super) fn of_channel(channel: &str, gap: &Gap) -> String {
    let latest = gap.latest.as_ref().map(|latest| ("latest", &*latest.0));
    query("conversations.history", channel, [("oldest", gap.oldest.as_str())].into_iter().chain(latest))
}

/// The stretch in which a post must be that was sent, and whose answer was lost.
pub(super) fn since(doubt: &Doubt) -> Gap {
    Gap { oldest: (doubt.sent_s - SKEW_S).to_string(), latest: None }
}

/// The query of the replies of a thread since a post was sent.
pub(super) fn of_thread(channel: &str, root: &Ts, doubt: &Doubt) -> String {
    query("conversations.replies", channel, [("ts", &*root.0), ("oldest", &since(doubt).oldest)])
}

fn query<'a>(method: &str, channel: &str, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(format!("{method}?"));
    query.append_pair("channel", channel).extend_pairs(more).append_pair("limit", &PAGE.to_string());
    query.append_pair("include_all_metadata", "true").finish()
}

/// What an answer of these methods means.
pub(super) fn read(answer: Result<Answer, Verdict>) -> History {
    let answer = match answer {
        Ok(answer) => answer,
        Err(verdict) => return History::Failed(Look::Failed(verdict.detail)),
    };
    let said = answers::Said::of(&answer);
    let word = said.as_ref().and_then(|said| said.error.as_deref());
    if said.as_ref().is_some_and(|said| said.ok == Some(true)) {
        return match serde_json::from_str(&answer.body) {
            Ok(page) => History::Page(page),
            Err(_) => History::Failed(Look::Failed("its answer is not one of Slack's".to_owned())),
        };
    }
    let detail = answer.detail(word.and_then(error_word));
    if let Some(wait) = answers::Said::retry_after(said.as_ref(), &answer) {
        return History::Wait(wait, Look::Failed(detail));
    }
    if word.is_some_and(|word| answers::HISTORY_DENIED.contains(&word)) {
        return History::Wait(DENIED, Look::Denied(detail));
    }
    History::Failed(Look::Failed(detail))
}

/// A scope that is lacking may be granted; that is noticed after so long.
const DENIED: Duration = Duration::from_secs(600);
