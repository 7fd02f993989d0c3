//! Slack: incoming webhooks, and channels by bot token.

pub(super) mod answers;
mod bot;
mod history;
mod memory;

pub(super) use bot::Channel;
pub use memory::ROWS_MAX;

use super::answer::Verdict;
use super::http::{Call, Http};
use secrecy::SecretString;
use serde_json::Value;

/// Marks our messages' metadata. Letters, digits, hyphens and underscores: Slack ignores any other.
const EVENT_TYPE: &str = "rowbell_notice";

pub(super) async fn webhook(http: &Http, url: &SecretString, payload: &Value) -> Verdict {
    match http.send(Call::post(url, payload.to_string())).await {
        Ok(answer) => answers::webhook(&answer),
        Err(verdict) => verdict,
    }
}
