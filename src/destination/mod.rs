//! Posting: one HTTP request per post, and what the answer means.
//!
//! A channel is one file: how its request looks and how its answers are classified, by tables.

mod answer;
mod http;
mod slack;
mod teams;
mod webhook;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Verdict};
pub use http::{Http, HttpError, HttpSettings, POST_TIMEOUT};

use secrecy::SecretString;
use serde_json::Value;

/// Where posts go. URLs and tokens are secrets: they are never shown.
#[derive(Debug, Clone)]
pub enum Target {
    /// A Slack incoming webhook.
    SlackWebhook {
        /// `https://hooks.slack.com/services/...`
        url: SecretString,
    },
    /// A Slack channel by bot token (`chat.postMessage`).
    SlackBot {
        /// `xoxb-...`
        token: SecretString,
        /// Channel id.
        channel: String,
        /// Slack's Web API, `https://slack.com/api` unless the config says otherwise.
        api_url: String,
    },
    /// A Teams Workflow.
    Teams {
        /// The trigger's URL, whose query is a bearer secret.
        url: SecretString,
    },
    /// Any receiver of JSON, signed by Standard Webhooks where there is a secret.
    Webhook {
        /// Where to post.
        url: SecretString,
        /// `whsec_...`
        secret: Option<SecretString>,
    },
}

impl Target {
    /// The destination's type as config and payloads name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::SlackWebhook { .. } | Target::SlackBot { .. } => "slack",
            Target::Teams { .. } => "teams",
            Target::Webhook { .. } => "webhook",
        }
    }

    /// The body of the request that posts this payload.
    pub fn body(&self, payload: Value) -> Value {
        match self {
            Target::SlackBot { channel, .. } => slack::bot_body(channel, payload),
            Target::SlackWebhook { .. } | Target::Teams { .. } | Target::Webhook { .. } => payload,
        }
    }

    /// Makes one post. `id` is stable for a notice: a webhook's receiver tells repeats by it.
    pub async fn post(&self, http: &Http, payload: &Value, id: &str) -> Verdict {
        match self {
            Target::SlackWebhook { url } => slack::webhook(http, url, payload).await,
            Target::SlackBot { token, channel, api_url } => slack::bot(http, token, channel, api_url, payload).await,
            Target::Teams { url } => teams::post(http, url, payload).await,
            Target::Webhook { url, secret } => webhook::post(http, url, secret.as_ref(), payload, id).await,
        }
    }
}
