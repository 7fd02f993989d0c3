//! Where records come from: `kafka:`, `schema_registry:`

use crate::config::de::At;
use crate::config::shapes::{Entries, OneOrMany, Scalar};
use schemars::JsonSchema;
use secrecy::SecretString;

/// `kafka:`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KafkaModel {
    /// `host:port,host:port`
    #[schemars(extend("examples" = ["localhost:9092"]))]
    pub brokers: At<String>,
    /// Consumer group.
    #[serde(default)]
    #[schemars(extend("default" = "rowbell"))]
    pub group: Option<At<String>>,
    /// Literal names, or regexes that start with `^`.
    #[schemars(extend("examples" = [["shop.public.listings", "^store\\..*"]]))]
    pub topics: OneOrMany<At<String>>,
    /// Where a group without a committed offset begins.
    #[serde(default)]
    pub start: StartModel,
    /// Static membership.
    #[serde(default)]
    pub instance_id: Option<At<String>>,
    /// Any librdkafka property that Rowbell need not own.
    #[serde(default)]
    pub properties: Entries<At<Scalar>>,
}

/// `kafka.start`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartModel {
    /// At the log's end.
    #[default]
    Latest,
    /// At the log's start.
    Earliest,
}

/// `schema_registry:`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SchemaRegistryModel {
    /// One URL or several, tried in order.
    #[schemars(extend("examples" = ["http://registry:8081"]))]
    pub url: OneOrMany<At<String>>,
    /// Basic auth.
    #[serde(default)]
    pub username: Option<String>,
    /// Basic auth.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// Bearer token.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// PEM file with a certificate authority of its own.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
}
