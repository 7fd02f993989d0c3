//! Slack: incoming webhooks and `chat.postMessage`.
//!
//! Error words as Slack's documentation lists them (incoming webhooks, chat.postMessage), some seen in the field.

use super::answer::{Answer, Meaning, Table, Verdict, error_word, look_up, seconds};
use super::http::Http;
use crate::outbox::Outcome;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The body of an incoming webhook's answer decides before its status.
const WEBHOOK: Table = &[
    ("rollup_error", Meaning::Retry),
    ("rate_limited", Meaning::Retry),
    ("invalid_payload", Meaning::Rejected),
    ("no_text", Meaning::Rejected),
    ("too_many_attachments", Meaning::Rejected),
    ("missing_text_or_fallback_or_attachments", Meaning::Rejected),
    ("invalid_blocks*", Meaning::Rejected),
    ("invalid_attachments", Meaning::Rejected),
    ("msg_too_long", Meaning::Rejected),
    ("action_prohibited", Meaning::Blocked),
    ("channel_not_found", Meaning::Blocked),
    ("channel_is_archived", Meaning::Blocked),
    ("user_not_found", Meaning::Blocked),
    ("posting_to_general_channel_denied", Meaning::Blocked),
    ("no_service", Meaning::Blocked),
    ("no_service_id", Meaning::Blocked),
    ("no_active_hooks", Meaning::Blocked),
    ("no_team", Meaning::Blocked),
    ("team_disabled", Meaning::Blocked),
    ("invalid_token", Meaning::Blocked),
];

/// The `error` of a Web API answer.
const API: Table = &[
    ("ratelimited", Meaning::Retry),
    ("rate_limited", Meaning::Retry),
    ("service_unavailable", Meaning::Retry),
    ("request_timeout", Meaning::Retry),
    // "Part of the operation may have succeeded before the error."
    ("internal_error", Meaning::Unknown),
    ("fatal_error", Meaning::Unknown),
    ("invalid_blocks*", Meaning::Rejected),
    ("msg_blocks_too_long", Meaning::Rejected),
    ("msg_too_long", Meaning::Rejected),
    ("no_text", Meaning::Rejected),
    ("metadata_too_large", Meaning::Rejected),
    ("invalid_arg*", Meaning::Rejected),
    ("invalid_auth", Meaning::Blocked),
    ("not_authed", Meaning::Blocked),
    ("token_*", Meaning::Blocked),
    ("account_inactive", Meaning::Blocked),
    ("missing_scope", Meaning::Blocked),
    ("not_in_channel", Meaning::Blocked),
    ("channel_not_found", Meaning::Blocked),
    ("is_archived", Meaning::Blocked),
    ("restricted_action*", Meaning::Blocked),
];

/// Both of Slack's JSON answers: `{"ok":false,"error":"..."}`, in a 429 with `retry_after`.
#[derive(Deserialize)]
struct ApiAnswer {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    retry_after: Option<f64>,
}

pub(super) async fn webhook(http: &Http, url: &SecretString, payload: &Value) -> Verdict {
    match http.post(url, &[], payload.to_string()).await {
        Ok(answer) => classify_webhook(&answer),
        Err(verdict) => verdict,
    }
}

/// The body of `chat.postMessage`.
pub(super) fn bot_body(channel: &str, mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        fields.insert("channel".to_owned(), json!(channel));
        // A link in a row is not to grow into a preview.
        fields.insert("unfurl_links".to_owned(), json!(false));
        fields.insert("unfurl_media".to_owned(), json!(false));
    }
    payload
}

pub(super) async fn bot(http: &Http, token: &SecretString, channel: &str, api_url: &str, payload: &Value) -> Verdict {
    let body = bot_body(channel, payload.clone());
    let url = SecretString::from(format!("{}/chat.postMessage", api_url.trim_end_matches('/')));
    let authorization = ("authorization", format!("Bearer {}", token.expose_secret()));
    match http.post(&url, &[authorization], body.to_string()).await {
        Ok(answer) => classify_api(&answer),
        Err(verdict) => verdict,
    }
}

/// What an incoming webhook's answer means.
pub(super) fn classify_webhook(answer: &Answer) -> Verdict {
    let json: Option<ApiAnswer> = serde_json::from_str(&answer.body).ok();
    let word = match &json {
        Some(json) => json.error.as_deref(),
        None => answer.word(),
    };
    let after = answer.retry_after.or_else(|| json.as_ref().and_then(asked_for));
    if let Some(word) = word
        && let Some(meaning) = look_up(WEBHOOK, word)
    {
        return Verdict::new(meaning.outcome(after), format!("HTTP {}, {word}", answer.status));
    }
    let outcome = match answer.by_status() {
        Outcome::Retry { .. } => Outcome::Retry { after },
        // Not accepted, whatever the status says: a word that no table knows is for somebody to look at.
        Outcome::Delivered if json.as_ref().is_some_and(|json| !json.ok) => Outcome::Blocked,
        // Any success counts, with `ok` or an empty body: taking an empty one for a failure repeats posts.
        other => other,
    };
    Verdict::new(outcome, describe(answer.status, word.and_then(error_word)))
}

/// What a Web API answer means.
pub(super) fn classify_api(answer: &Answer) -> Verdict {
    let json: Option<ApiAnswer> = serde_json::from_str(&answer.body).ok();
    let after = answer.retry_after.or_else(|| json.as_ref().and_then(asked_for));
    match json {
        Some(ApiAnswer { ok: true, .. }) => Verdict::new(Outcome::Delivered, describe(answer.status, None)),
        Some(ApiAnswer { error: Some(word), .. }) => {
            // An error that no table knows says that this channel takes nothing from us, until somebody looks.
            let meaning = look_up(API, &word).unwrap_or(Meaning::Blocked);
            Verdict::new(meaning.outcome(after), describe(answer.status, error_word(&word)))
        }
        _ => match answer.by_status() {
            Outcome::Retry { .. } => Verdict::new(Outcome::Retry { after }, describe(answer.status, None)),
            Outcome::Delivered => Verdict::new(Outcome::Unknown, format!("HTTP {}, but no \"ok\"", answer.status)),
            other => Verdict::new(other, describe(answer.status, None)),
        },
    }
}

fn asked_for(answer: &ApiAnswer) -> Option<Duration> {
    answer.retry_after.and_then(seconds)
}

fn describe(status: u16, word: Option<&str>) -> String {
    match word {
        Some(word) => format!("HTTP {status}, {word}"),
        None => format!("HTTP {status}"),
    }
}
