//! The file as it is written: every key that may stand in it. What it means is compiled in `validate`.

use super::de::At;
use super::schema;
use super::shapes::{Entries, OneOrMany, Scalar};
use super::units::{Bytes, Span};
use crate::outbox::Rate;
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

/// `tables.*`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TableModel {
    /// What one row is called: `Listing`.
    #[serde(default)]
    pub name: Option<String>,
    /// Template: the headline, for rules that have none of their own. As `title`, `link`, `note`, `fields`, `buttons` and
    /// `payload`, which rules may have too, it is the table's word where the rule has none.
    #[serde(default)]
    pub headline: Option<At<String>>,
    /// Template: what this row is called.
    #[serde(default)]
    #[schemars(extend("examples" = ["{{ row.title }}"]))]
    pub title: Option<At<String>>,
    /// Template: where a person looks at the row, an http or https address; it becomes a button. Values in it are
    /// percent-encoded.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://shop.example/listings/{{ row.id }}"]))]
    pub link: Option<At<String>>,
    /// Template: a remark beneath what changed.
    #[serde(default)]
    pub note: Option<At<String>>,
    /// The columns that are shown, in this order; others that changed are named. Without it: those that changed, the
    /// rule's first.
    #[serde(default)]
    pub fields: OneOrMany<At<String>>,
    /// Further buttons, five at most.
    #[serde(default)]
    pub buttons: OneOrMany<ButtonModel>,
    /// The whole message by a template of one's own, for each type of destination.
    #[serde(default)]
    pub payload: PayloadModel,
    /// Where a person looks at all rows of the table, an http or https address: a digest's button.
    #[serde(default)]
    pub overview: Option<At<String>>,
    /// Columns whose changes are never shown and never match.
    #[serde(default)]
    pub ignore: OneOrMany<String>,
    /// What the source sends as the old image.
    #[serde(default)]
    pub replica_identity: Option<ReplicaIdentityModel>,
    /// How columns are shown.
    #[serde(default)]
    #[schemars(with = "Entries<Option<ColumnModel>>")]
    pub columns: Entries<ColumnModel>,
}

/// `buttons[*]` of a table or a rule.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ButtonModel {
    /// Template: what stands on the button. One that yields nothing leaves the button out.
    pub label: At<String>,
    /// Template: where it leads, an http or https address. Values in it are percent-encoded.
    pub url: At<String>,
}

/// `payload` of a table or a rule.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PayloadModel {
    /// Template that yields a Slack message as JSON: `blocks`, `attachments`, `text`.
    #[serde(default)]
    pub slack: Option<At<String>>,
    /// Template that yields an Adaptive Card as JSON, up to version 1.5.
    #[serde(default)]
    pub teams: Option<At<String>>,
}

/// `tables.*.replica_identity`
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentityModel {
    /// Every column.
    Full,
    /// The key alone.
    Key,
}

/// `tables.*.columns.*`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ColumnModel {
    /// What a person calls it.
    #[serde(default)]
    pub label: Option<String>,
    /// How its value is written.
    #[serde(default)]
    #[schemars(schema_with = "schema::formats")]
    pub format: Option<At<String>>,
    /// ISO 4217 code, or a template that yields one.
    #[serde(default)]
    #[schemars(extend("examples" = ["USD", "{{ row.currency }}"]))]
    pub currency: Option<At<String>>,
    /// Shown as changed, never the value.
    #[serde(default)]
    #[schemars(schema_with = "schema::switch")]
    pub redact: bool,
    /// Words for values.
    #[serde(default)]
    pub map: Entries<At<Scalar>>,
    /// Stands behind numbers; of a duration, what a number counts.
    #[serde(default)]
    pub unit: Option<At<String>>,
    /// Characters shown of a value.
    #[serde(default)]
    #[schemars(schema_with = "schema::count")]
    pub truncate: Option<At<u32>>,
    /// Stands before the label.
    #[serde(default)]
    pub emoji: Option<At<String>>,
    /// How an amount names its currency: by its symbol ($) or its code (USD).
    #[serde(default)]
    pub currency_display: CurrencyDisplayModel,
    /// Decimals shown of a number; without it all that the value has.
    #[serde(default)]
    #[schemars(schema_with = "schema::decimals")]
    pub decimals: Option<At<u32>>,
    /// Semantic type, where messages carry no schema: `date`, `instant_us`, `decimal(2)`, ...
    #[serde(default, rename = "type")]
    #[schemars(schema_with = "schema::types")]
    pub ty: Option<At<String>>,
}

/// `tables.*.columns.*.currency_display`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurrencyDisplayModel {
    /// `$250,000.00`
    #[default]
    Symbol,
    /// `USD 250,000.00`
    Code,
}

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

/// `rules[*]`
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RuleModel {
    /// Unique name.
    pub name: At<String>,
    /// `schema.table`, a glob, or `prefix:schema.table`.
    #[schemars(extend("examples" = ["public.listings", "public.*"]))]
    pub table: At<String>,
    /// Operations.
    #[serde(default)]
    #[schemars(schema_with = "schema::operations")]
    pub on: Option<OneOrMany<At<String>>>,
    /// Only when one of these changed.
    #[serde(default)]
    pub columns: OneOrMany<At<String>>,
    /// Only when this is true.
    #[serde(default)]
    #[schemars(extend("examples" = ["before.stock > 0 and after.stock == 0"]))]
    pub when: Option<At<String>>,
    /// critical, normal, low
    #[serde(default)]
    #[schemars(schema_with = "schema::priorities")]
    pub priority: Option<At<String>>,
    /// Destinations.
    pub to: OneOrMany<At<String>>,
    /// Template: one line that says what happened; made from what changed without it.
    #[serde(default)]
    #[schemars(extend("examples" = ["{{ row.title }} is out of stock"]))]
    pub headline: Option<At<String>>,
    /// Template: what this row is called.
    #[serde(default)]
    pub title: Option<At<String>>,
    /// Template: where a person looks at the row, an http or https address; it becomes a button.
    #[serde(default)]
    pub link: Option<At<String>>,
    /// Template: a remark beneath what changed.
    #[serde(default)]
    pub note: Option<At<String>>,
    /// The columns that are shown, in this order; others that changed are named. Without it: those that changed, the
    /// rule's first.
    #[serde(default)]
    pub fields: OneOrMany<At<String>>,
    /// Further buttons, five at most.
    #[serde(default)]
    pub buttons: OneOrMany<ButtonModel>,
    /// The whole message by a template of one's own, for each type of destination.
    #[serde(default)]
    pub payload: PayloadModel,
    /// here, channel, everyone, or a Slack user or group id.
    #[serde(default)]
    #[schemars(schema_with = "schema::mentions")]
    pub mention: Option<At<String>>,
    /// good, bad, neutral
    #[serde(default)]
    #[schemars(schema_with = "schema::tones")]
    pub tone: Option<At<String>>,
    /// A notice older than this is not posted any more.
    #[serde(default)]
    pub expires: Option<At<Span>>,
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
