//! Posting: what a destination is told, and what its answers mean.
//!
//! A channel is one file or folder: how its requests look, and the table by which its answers are classified. A post is
//! one request; in a Slack channel by bot token it may need others around it (see `slack`), all within [`POST_TIMEOUT`].

mod answer;
mod http;
mod probe;
mod slack;
mod teams;
mod webhook;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Look, Verdict};
pub use http::{Http, HttpError, HttpSettings, POST_TIMEOUT};
pub use probe::{Probe, probe};
pub use slack::ROWS_MAX;

use crate::message::Locale;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Where posts go. URLs and tokens are secrets: they are never shown.
#[derive(Debug, Clone)]
pub enum Target {
    /// A Slack incoming webhook.
    SlackWebhook {
        /// `https://hooks.slack.com/services/...`
        url: SecretString,
    },
    /// A Slack channel by bot token.
    SlackBot(SlackBot),
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

/// A Slack channel by bot token.
#[derive(Debug, Clone)]
pub struct SlackBot {
    /// `xoxb-...`
    pub token: SecretString,
    /// Channel id.
    pub channel: String,
    /// Slack's Web API, `https://slack.com/api` unless the config says otherwise.
    pub api_url: String,
    /// Later changes of a row reply in the thread of its first message.
    pub thread_by_row: bool,
    /// The first message of a row is updated to show its latest change.
    pub update: bool,
}

impl Target {
    /// The destination's type as config and payloads name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::SlackWebhook { .. } | Target::SlackBot(_) => "slack",
            Target::Teams { .. } => "teams",
            Target::Webhook { .. } => "webhook",
        }
    }

    /// Do posts go to the same place, shown by the same key? How they are made is no matter.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (Target::SlackWebhook { url: a }, Target::SlackWebhook { url: b })
            | (Target::Teams { url: a }, Target::Teams { url: b })
            | (Target::Webhook { url: a, .. }, Target::Webhook { url: b, .. }) => same(a, b),
            (Target::SlackBot(a), Target::SlackBot(b)) => {
                same(&a.token, &b.token) && a.channel == b.channel && a.api_url == b.api_url
            }
            _ => false,
        }
    }
}

/// A post to make.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The message as its channel takes it.
    pub payload: Value,
    /// Names the post: the same for every attempt, and after a restart. A webhook's receiver tells repeats by it, and so
    /// does a channel's history.
    pub id: String,
    /// The row that it is about, where a later post may be about it, too: not of a digest, nor of a change without a key.
    pub row: Option<String>,
    /// It must be seen in the channel, not in a thread alone.
    pub loud: bool,
    /// The language of what is written beside the payload.
    pub locale: Arc<Locale>,
    /// Since when this process has posted about the row: what was posted before, another one knows, or an earlier run.
    pub since: Instant,
}

/// A destination at work, and what it remembers of its posts.
#[derive(Debug)]
pub struct Poster {
    target: Target,
    channel: Option<slack::Channel>,
}

impl Poster {
    /// Of the destination of this name.
    pub fn new(name: &str, target: &Target) -> Self {
        let channel = match target {
            Target::SlackBot(bot) => Some(slack::Channel::new(name, bot)),
            Target::SlackWebhook { .. } | Target::Teams { .. } | Target::Webhook { .. } => None,
        };
        Self { target: target.clone(), channel }
    }

    /// Are this target's posts made as this one makes them?
    pub fn serves(&self, target: &Target) -> bool {
        let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let alike = match (&self.target, target) {
            (Target::Webhook { secret: a, .. }, Target::Webhook { secret: b, .. }) => secret(a) == secret(b),
            (Target::SlackBot(a), Target::SlackBot(b)) => (a.thread_by_row, a.update) == (b.thread_by_row, b.update),
            _ => true,
        };
        alike && self.target.is_same(target)
    }

    /// The body of the request that makes the first post about its row.
    pub fn body(&self, errand: &Errand) -> Value {
        match &self.channel {
            Some(channel) => channel.body(errand),
            None => errand.payload.clone(),
        }
    }

    /// Makes the post.
    pub async fn post(&self, http: &Http, errand: &Errand) -> Verdict {
        let Errand { payload, id, .. } = errand;
        match (&self.channel, &self.target) {
            (Some(channel), _) => channel.post(http, errand).await,
            (None, Target::SlackWebhook { url }) => slack::webhook(http, url, payload).await,
            (None, Target::Teams { url }) => teams::post(http, url, payload).await,
            (None, Target::Webhook { url, secret }) => webhook::post(http, url, secret.as_ref(), payload, id).await,
            (None, Target::SlackBot(_)) => Verdict::unknown("a channel without its memory, which is a bug"),
        }
    }
}
