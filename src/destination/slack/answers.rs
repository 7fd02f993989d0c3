//! What Slack's answers mean.

use crate::destination::answer::Meaning::{self, Blocked, Delivered, Lost, Rejected, Retry, Unknown};
use crate::destination::answer::{Answer, Table, Verdict, error_word, seconds, status, word};
use crate::outbox::Outcome;
use serde::Deserialize;
use std::time::Duration;

/// Incoming webhooks, whose body is the word.
///
/// Words: Slack's page "Sending messages using incoming webhooks" (docs.slack.dev/messaging); those marked "seen" are not
/// documented, but mature senders handle them.
pub(in crate::destination) const WEBHOOK: Table = &[
    word("rollup_error", Retry),
    // In the JSON body of a 429.
    word("rate_limited", Retry),
    word("invalid_payload", Rejected),
    word("no_text", Rejected),
    word("too_many_attachments", Rejected),
    word("missing_text_or_fallback_or_attachments", Rejected), // seen
    word("invalid_blocks*", Rejected),                         // seen
    word("invalid_attachments", Rejected),                     // seen
    word("msg_too_long", Rejected),                            // seen
    word("action_prohibited", Blocked),
    word("channel_not_found", Blocked),
    word("channel_is_archived", Blocked),
    word("user_not_found", Blocked),
    word("posting_to_general_channel_denied", Blocked),
    word("no_service", Blocked),
    word("no_service_id", Blocked),
    word("no_active_hooks", Blocked),
    word("no_team", Blocked),
    word("team_disabled", Blocked),
    word("invalid_token", Blocked),
    // Success is 200 with the body `ok`. Any success counts: taking an empty body for a failure repeats posts.
    status(200, 299, Delivered),
    // RFC 9110 and RFC 8470: nothing was done.
    status(408, 408, Retry),
    status(425, 425, Retry),
    status(429, 429, Retry),
    // RFC 9110: this content is too large, the next may not be.
    status(413, 413, Rejected),
    // "Any unknown 4xx": the hook is not what it was.
    status(400, 499, Blocked),
    status(500, 599, Retry),
];

/// The Web API, whose `error` is the word: chat.postMessage, chat.update.
///
/// Words: the errors of these methods and those common to all in Slack's reference (docs.slack.dev/reference/methods).
pub(in crate::destination) const API: Table = &[
    word("ratelimited", Retry),
    word("rate_limited", Retry),
    word("service_unavailable", Retry),
    word("request_timeout", Retry),
    // chat.update: "Internal update failure", "the channel is in the process of migrating".
    word("update_failed", Retry),
    word("external_channel_migrating", Retry),
    // "It's possible some aspect of the operation succeeded before the error was raised."
    word("internal_error", Unknown),
    word("fatal_error", Unknown),
    word("invalid_blocks*", Rejected),
    word("msg_blocks_too_long", Rejected),
    word("msg_too_long", Rejected),
    word("no_text", Rejected),
    word("too_many_attachments", Rejected),
    word("invalid_attachments", Rejected),
    word("block_mismatch", Rejected),
    word("metadata_too_large", Rejected),
    word("invalid_metadata*", Rejected),
    word("invalid_arg*", Rejected),
    word("invalid_array_arg", Rejected),
    // Of a message to be updated: gone, not ours any more, or too old to be edited.
    word("message_not_found", Lost),
    word("cant_update_message", Lost),
    word("edit_window_closed", Lost),
    // Of a message to be replied to: gone, not one that takes replies, or locked by an admin.
    word("thread_not_found", Lost),
    word("invalid_thread_ts", Lost),
    word("cannot_reply_to_message", Lost),
    word("restricted_action_thread_locked", Lost),
    word("restricted_action_non_threadable_channel", Lost),
    word("invalid_auth", Blocked),
    word("not_authed", Blocked),
    word("token_*", Blocked),
    word("account_inactive", Blocked),
    word("missing_scope", Blocked),
    word("not_in_channel", Blocked),
    word("channel_not_found", Blocked),
    word("is_archived", Blocked),
    word("restricted_action*", Blocked),
    status(429, 429, Retry),
    status(500, 599, Retry),
    // An error that no row knows says that this channel takes nothing from us, until somebody looks.
    word("*", Blocked),
    // Without `ok` nobody can say whether it was taken: the answer is not Slack's.
    status(200, 299, Unknown),
    // RFC 9110 and RFC 8470: nothing was done; the content is too large.
    status(408, 408, Retry),
    status(425, 425, Retry),
    status(413, 413, Rejected),
    status(400, 499, Blocked),
];

/// Words of conversations.history and conversations.replies that say: not for this app, not in this channel.
pub(super) const HISTORY_DENIED: &[&str] = &[
    "missing_scope",
    "no_permission",
    "not_in_channel",
    "channel_not_found",
    "not_allowed_token_type",
    "access_denied",
    "team_access_not_granted",
    "ekm_access_denied",
];

/// What both of Slack's JSON answers have in common: `{"ok":false,"error":"..."}`, in a 429 with `retry_after`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) ok: Option<bool>,
    pub(super) error: Option<String>,
    retry_after: Option<f64>,
    /// The message that was made.
    pub(super) ts: Option<String>,
    pub(super) message: Option<Echo>,
}

/// The message as Slack made it, in the answer of chat.postMessage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Echo {
    pub(super) ts: Option<String>,
    pub(super) thread_ts: Option<String>,
}

impl Said {
    pub(super) fn of(answer: &Answer) -> Option<Said> {
        serde_json::from_str(&answer.body).ok()
    }

    /// The message was refused for its metadata alone, such as with a token that is not an app's.
    pub(super) fn refuses_metadata(&self) -> bool {
        self.error.as_deref().is_some_and(|word| word.starts_with("metadata_") || word.starts_with("invalid_metadata"))
    }

    /// How long to wait: the header, else the body.
    pub(super) fn retry_after(said: Option<&Said>, answer: &Answer) -> Option<Duration> {
        answer.retry_after.or_else(|| said.and_then(|said| said.retry_after).and_then(seconds))
    }
}

/// What an incoming webhook's answer means: its body first, then its status.
pub(in crate::destination) fn webhook(answer: &Answer) -> Verdict {
    let said = Said::of(answer);
    let word = match &said {
        Some(said) => said.error.as_deref(),
        None => answer.word(),
    };
    let meaning = match answer.meaning(WEBHOOK, word) {
        // Not accepted, whatever the status says: a word that no row knows is for somebody to look at.
        Delivered if said.as_ref().is_some_and(|said| said.ok == Some(false)) => Blocked,
        Delivered if answer.is_page() => Unknown,
        meaning => meaning,
    };
    verdict(meaning, answer, said.as_ref(), word)
}

/// What the Web API's answer means: `ok` and `error` alone, then its status.
pub(in crate::destination) fn api(answer: &Answer) -> (Meaning, Verdict) {
    let said = Said::of(answer);
    let word = said.as_ref().and_then(|said| said.error.as_deref());
    let meaning = match &said {
        Some(Said { ok: Some(true), .. }) => Delivered,
        _ => answer.meaning(API, word),
    };
    let mut verdict = verdict(meaning, answer, said.as_ref(), word);
    if verdict.outcome == Outcome::Unknown && word.is_none() {
        verdict.detail += ", but no \"ok\"";
    }
    (meaning, verdict)
}

fn verdict(meaning: Meaning, answer: &Answer, said: Option<&Said>, word: Option<&str>) -> Verdict {
    let word = word.filter(|word| *word != "ok").and_then(error_word);
    Verdict::new(meaning.outcome(Said::retry_after(said, answer)), answer.detail(word))
}
