//! `destinations:`

use crate::config::de::At;
use crate::config::schema;
use crate::config::units::Span;
use crate::outbox::Rate;
use schemars::JsonSchema;
use secrecy::SecretString;

/// `destinations.*`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DestinationModel {
    /// A Slack channel.
    #[serde(default)]
    pub slack: Option<At<SlackModel>>,
    /// A Teams channel.
    #[serde(default)]
    pub teams: Option<At<TeamsModel>>,
    /// Any receiver of JSON.
    #[serde(default)]
    pub webhook: Option<At<WebhookModel>>,
    /// Token bucket.
    #[serde(default)]
    pub rate: Option<At<Rate>>,
    /// Posts at once after a quiet time.
    #[serde(default)]
    #[schemars(schema_with = "schema::count")]
    pub burst: Option<At<u32>>,
    /// Posts in flight at once.
    #[serde(default)]
    #[schemars(schema_with = "schema::count")]
    pub in_flight: Option<At<u32>>,
    /// Folding a backlog.
    #[serde(default)]
    pub digest: Option<At<DigestModel>>,
    /// Net change of a row's pending changes.
    #[serde(default)]
    #[schemars(schema_with = "schema::switch")]
    pub fold: Option<At<bool>>,
    /// Destinations with the same bucket name share one.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Nothing is posted until this is gone.
    #[serde(default)]
    pub paused: bool,
}

/// `destinations.*.slack`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SlackModel {
    /// Incoming webhook.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub webhook_url: Option<SecretString>,
    /// Bot token, with `channel`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// Channel id.
    #[serde(default)]
    #[schemars(extend("examples" = ["C0123456789"]))]
    pub channel: Option<At<String>>,
    /// `row`: later changes of a row reply in its thread.
    #[serde(default)]
    #[schemars(schema_with = "schema::thread_by")]
    pub thread_by: Option<At<String>>,
    /// The first message shows the latest state.
    #[serde(default)]
    #[schemars(schema_with = "schema::switch")]
    pub update: Option<At<bool>>,
    /// Where Slack's Web API is, for a proxy of it or a test.
    #[serde(default)]
    pub api_url: Option<At<String>>,
}

/// `destinations.*.teams`
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TeamsModel {
    /// URL of a Workflow with the trigger "when a Teams webhook request is received".
    #[schemars(with = "String")]
    pub workflow_url: SecretString,
}

/// `destinations.*.webhook`
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WebhookModel {
    /// Where to post.
    #[schemars(with = "String")]
    pub url: SecretString,
    /// Standard Webhooks secret, `whsec_...`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<SecretString>,
}

/// `destinations.*.digest`: `off`, `on`, or `{ after: 30s }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestModel {
    /// Never.
    Off,
    /// After the default delay.
    On,
    /// A backlog that would take longer than this is folded.
    After(Span),
}
