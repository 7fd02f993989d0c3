//! The file as it is written: every key that may stand in it. What it means is compiled in `validate`.

mod destination;
mod kafka;
mod rule;
mod table;
mod wording;

pub use destination::{DestinationModel, DigestModel, SlackModel};
pub use kafka::{KafkaModel, SchemaRegistryModel, StartModel};
pub use rule::RuleModel;
pub use table::{ColumnModel, CurrencyDisplayModel, ReplicaIdentityModel, TableModel};
pub use wording::{ButtonModel, PayloadModel, WordingModel};

use super::de::At;
use super::schema;
use super::shapes::{Entries, OneOrMany};
use super::units::{Bytes, Span};
use schemars::JsonSchema;
use secrecy::SecretString;

/// Keys at the top of the file.
pub const TOP_KEYS: &[&str] = &[
    "kafka",
    "schema_registry",
    "tables",
    "destinations",
    "rules",
    "limits",
    "decode",
    "unavailable_placeholder",
    "locale",
    "time_zone",
    "dead_letter",
    "hooks",
    "http",
    "outgoing",
];

/// The whole file.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Model {
    /// `kafka:`
    #[schemars(required)]
    pub kafka: Option<At<KafkaModel>>,
    /// `schema_registry:`
    pub schema_registry: Option<At<SchemaRegistryModel>>,
    /// `tables:`, in file order.
    #[schemars(with = "Entries<Option<TableModel>>", default)]
    pub tables: Vec<(At<String>, TableModel)>,
    /// `destinations:`, in file order.
    #[schemars(with = "Entries<DestinationModel>", default)]
    pub destinations: Vec<(At<String>, At<DestinationModel>)>,
    /// Every name under `destinations:`, those whose settings could not be read included.
    #[schemars(skip)]
    pub destination_names: Vec<String>,
    /// `rules:`, in file order.
    #[schemars(default)]
    pub rules: Vec<At<RuleModel>>,
    /// `limits:`
    #[schemars(default)]
    pub limits: LimitsModel,
    /// `decode:`, topic glob to format.
    #[schemars(schema_with = "schema::decode", default)]
    pub decode: Vec<(At<String>, At<String>)>,
    /// `unavailable_placeholder:`
    #[schemars(default)]
    pub unavailable_placeholder: OneOrMany<String>,
    /// `locale:`
    #[schemars(extend("default" = "en"))]
    pub locale: Option<At<String>>,
    /// `time_zone:`
    #[schemars(extend("default" = "UTC", "examples" = ["Europe/Berlin"]))]
    pub time_zone: Option<At<String>>,
    /// `dead_letter:`
    #[schemars(default)]
    pub dead_letter: DeadLetterModel,
    /// `hooks:`
    #[schemars(with = "Entries<HookModel>", default)]
    pub hooks: Vec<(At<String>, HookModel)>,
    /// `http:`
    #[schemars(default)]
    pub http: HttpModel,
    /// `outgoing:`
    #[schemars(default)]
    pub outgoing: OutgoingModel,
}

/// `limits:`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LimitsModel {
    /// Bytes of records pending before intake pauses.
    #[serde(default)]
    pub pending_bytes: Option<At<Bytes>>,
    /// Shortest time between commits.
    #[serde(default)]
    pub commit_interval: Option<At<Span>>,
    /// Longest metadata string of a commit.
    #[serde(default)]
    pub metadata_bytes: Option<At<Bytes>>,
}

/// `dead_letter:`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DeadLetterModel {
    /// Topic of the dead letters.
    #[serde(default)]
    #[schemars(extend("default" = "rowbell.dead-letter"))]
    pub topic: Option<At<String>>,
}

/// `hooks.*`
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[expect(dead_code, reason = "checked for its keys; the hooks will read it")]
#[schemars(deny_unknown_fields)]
pub struct HookModel {
    /// HMAC secret.
    #[schemars(with = "String")]
    pub secret: SecretString,
    /// Topic the hook writes to.
    pub topic: String,
}

/// `http:`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HttpModel {
    /// `address:port`
    #[serde(default)]
    #[schemars(extend("default" = "0.0.0.0:8080"))]
    pub listen: Option<At<String>>,
    /// `address:port`, or off.
    #[serde(default)]
    pub admin: Option<At<String>>,
    /// What whoever asks there has to show.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub admin_token: Option<SecretString>,
}

/// `outgoing:` how requests leave; the usual HTTPS_PROXY and NO_PROXY are honoured without it.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OutgoingModel {
    /// Proxy for every request.
    #[serde(default)]
    pub proxy: Option<At<String>>,
    /// PEM file with further certificate authorities.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
}
