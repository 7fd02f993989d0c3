//! The file as it is written: every key that may stand in it. What it means is compiled in `validate`.

use super::de::{At, section};
use super::diagnostic::{Diagnostic, Report};
use super::tree::{Kind, Node};
use super::units::{Bytes, Span};
use crate::outbox::Rate;
use secrecy::SecretString;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Keys at the top of the file.
pub const TOP_KEYS: &[&str] = &[
    "kafka",
    "schema_registry",
    "tables",
    "destinations",
    "rules",
    "limits",
    "decode",
    "locale",
    "time_zone",
    "dead_letter",
    "hooks",
    "http",
    "outgoing",
];

/// The whole file.
#[derive(Debug, Default)]
pub struct Model {
    /// `kafka:`
    pub kafka: Option<At<KafkaModel>>,
    /// `schema_registry:`
    pub schema_registry: Option<At<SchemaRegistryModel>>,
    /// `tables:`, in file order.
    pub tables: Vec<(At<String>, TableModel)>,
    /// `destinations:`, in file order.
    pub destinations: Vec<(At<String>, At<DestinationModel>)>,
    /// Every name under `destinations:`, those whose settings could not be read included.
    pub destination_names: Vec<String>,
    /// `rules:`, in file order.
    pub rules: Vec<At<RuleModel>>,
    /// `limits:`
    pub limits: LimitsModel,
    /// `decode:`, topic glob to format.
    pub decode: Vec<(At<String>, At<String>)>,
    /// `locale:`
    pub locale: Option<At<String>>,
    /// `time_zone:`
    pub time_zone: Option<At<String>>,
    /// `dead_letter:`
    pub dead_letter: DeadLetterModel,
    /// `hooks:`
    pub hooks: Vec<(At<String>, HookModel)>,
    /// `http:`
    pub http: HttpModel,
    /// `outgoing:`
    pub outgoing: OutgoingModel,
}

/// `kafka:`
#[derive(Debug, Default, serde::Deserialize)]
pub struct KafkaModel {
    /// `host:port,host:port`
    pub brokers: At<String>,
    /// Consumer group.
    #[serde(default)]
    pub group: Option<At<String>>,
    /// Literal names, or regexes that start with `^`.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartModel {
    /// At the log's end.
    #[default]
    Latest,
    /// At the log's start.
    Earliest,
}

/// `schema_registry:`
#[derive(Debug, Default, serde::Deserialize)]
#[expect(dead_code, reason = "checked for its keys; the registry client will read it")]
pub struct SchemaRegistryModel {
    /// One URL or several, tried in order.
    pub url: OneOrMany<At<String>>,
    /// Basic auth.
    #[serde(default)]
    pub username: Option<String>,
    /// Basic auth.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Bearer token.
    #[serde(default)]
    pub token: Option<SecretString>,
    /// PEM file with a certificate authority of its own.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
}

/// `tables.*`
#[derive(Debug, Default, serde::Deserialize)]
pub struct TableModel {
    /// What one row is called: `Listing`.
    #[serde(default)]
    pub name: Option<String>,
    /// Template: what this row is called.
    #[serde(default)]
    pub title: Option<At<String>>,
    /// Template: where a person looks at the row.
    #[serde(default)]
    pub link: Option<At<String>>,
    /// Columns whose changes are never shown and never match.
    #[serde(default)]
    pub ignore: OneOrMany<String>,
    /// What the source sends as the old image.
    #[serde(default)]
    pub replica_identity: Option<ReplicaIdentityModel>,
    /// How columns are shown.
    #[serde(default)]
    pub columns: Entries<ColumnModel>,
}

/// `tables.*.replica_identity`
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentityModel {
    /// Every column.
    Full,
    /// The key alone.
    Key,
}

/// `tables.*.columns.*`
#[derive(Debug, Default, serde::Deserialize)]
pub struct ColumnModel {
    /// What a person calls it.
    #[serde(default)]
    pub label: Option<String>,
    /// How its value is written.
    #[serde(default)]
    pub format: Option<At<String>>,
    /// ISO 4217 code, or a template that yields one.
    #[serde(default)]
    pub currency: Option<At<String>>,
    /// Shown as changed, never the value.
    #[serde(default)]
    pub redact: bool,
    /// Semantic type, where messages carry no schema: `date`, `instant_us`, `decimal(2)`, ...
    #[serde(default, rename = "type")]
    pub ty: Option<At<String>>,
}

/// `destinations.*`
#[derive(Debug, Default, serde::Deserialize)]
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
    pub burst: Option<At<u32>>,
    /// Posts in flight at once.
    #[serde(default)]
    pub in_flight: Option<At<u32>>,
    /// Folding a backlog.
    #[serde(default)]
    pub digest: Option<At<DigestModel>>,
    /// Net change of a row's pending changes.
    #[serde(default)]
    pub fold: Option<At<bool>>,
    /// Destinations with the same bucket name share one.
    #[serde(default)]
    pub bucket: Option<String>,
}

/// `destinations.*.slack`
#[derive(Debug, Default, serde::Deserialize)]
pub struct SlackModel {
    /// Incoming webhook.
    #[serde(default)]
    pub webhook_url: Option<SecretString>,
    /// Bot token, with `channel`.
    #[serde(default)]
    pub token: Option<SecretString>,
    /// Channel id.
    #[serde(default)]
    pub channel: Option<At<String>>,
    /// `row`: later changes of a row reply in its thread.
    #[serde(default)]
    pub thread_by: Option<At<String>>,
    /// The first message shows the latest state.
    #[serde(default)]
    pub update: Option<At<bool>>,
    /// Where Slack's Web API is, for a proxy of it or a test.
    #[serde(default)]
    pub api_url: Option<At<String>>,
}

/// `destinations.*.teams`
#[derive(Debug, serde::Deserialize)]
pub struct TeamsModel {
    /// URL of a Workflow with the trigger "when a Teams webhook request is received".
    pub workflow_url: SecretString,
}

/// `destinations.*.webhook`
#[derive(Debug, serde::Deserialize)]
pub struct WebhookModel {
    /// Where to post.
    pub url: SecretString,
    /// Standard Webhooks secret, `whsec_...`.
    #[serde(default)]
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
#[derive(Debug, Default, serde::Deserialize)]
pub struct RuleModel {
    /// Unique name.
    pub name: At<String>,
    /// `schema.table`, a glob, or `prefix:schema.table`.
    pub table: At<String>,
    /// Operations.
    #[serde(default)]
    pub on: Option<OneOrMany<At<String>>>,
    /// Only when one of these changed.
    #[serde(default)]
    pub columns: OneOrMany<At<String>>,
    /// Only when this is true.
    #[serde(default)]
    pub when: Option<At<String>>,
    /// critical, normal, low
    #[serde(default)]
    pub priority: Option<At<String>>,
    /// Destinations.
    pub to: OneOrMany<At<String>>,
    /// Template.
    #[serde(default)]
    pub headline: Option<At<String>>,
    /// here, channel, everyone, or a Slack user or group id.
    #[serde(default)]
    pub mention: Option<At<String>>,
    /// good, bad, neutral
    #[serde(default)]
    pub tone: Option<At<String>>,
    /// A notice older than this is not posted any more.
    #[serde(default)]
    pub expires: Option<At<Span>>,
}

/// `limits:`
#[derive(Debug, Default, serde::Deserialize)]
pub struct LimitsModel {
    /// Bytes of records pending before intake pauses.
    #[serde(default)]
    pub pending_bytes: Option<Bytes>,
    /// Shortest time between commits.
    #[serde(default)]
    pub commit_interval: Option<Span>,
    /// Longest metadata string of a commit.
    #[serde(default)]
    pub metadata_bytes: Option<Bytes>,
}

/// `dead_letter:`
#[derive(Debug, Default, serde::Deserialize)]
pub struct DeadLetterModel {
    /// Topic of the dead letters.
    #[serde(default)]
    pub topic: Option<At<String>>,
}

/// `hooks.*`
#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "checked for its keys; the hooks will read it")]
pub struct HookModel {
    /// HMAC secret.
    pub secret: SecretString,
    /// Topic the hook writes to.
    pub topic: String,
}

/// `http:`
#[derive(Debug, Default, serde::Deserialize)]
pub struct HttpModel {
    /// `address:port`
    #[serde(default)]
    pub listen: Option<At<String>>,
}

/// `outgoing:` how requests leave; the usual HTTPS_PROXY and NO_PROXY are honoured without it.
#[derive(Debug, Default, serde::Deserialize)]
pub struct OutgoingModel {
    /// Proxy for every request.
    #[serde(default)]
    pub proxy: Option<At<String>>,
    /// PEM file with further certificate authorities.
    #[serde(default)]
    pub ca_file: Option<At<String>>,
}

/// A scalar that is passed on as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl Visitor<'_> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, true or false")
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Scalar, E> {
                Ok(Scalar(v.to_string()))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Scalar, E> {
                Ok(Scalar(v.to_owned()))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// A list, or one item without the brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The tree's deserializer hands out a lone value as a list of one under this name.
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(OneOrMany(items))
            }
        }
        deserializer.deserialize_tuple_struct(super::de::ONE_OR_MANY, 1, Items(PhantomData))
    }
}

/// A map whose keys keep their order and their places.
#[derive(Debug, Clone, PartialEq)]
pub struct Entries<T>(pub Vec<(At<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

impl<'de> Deserialize<'de> for DigestModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct After {
            after: Span,
        }
        struct OffOrAfter;
        impl<'de> Visitor<'de> for OffOrAfter {
            type Value = DigestModel;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("off, on, or { after: 30s }")
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<DigestModel, E> {
                Ok(if v { DigestModel::On } else { DigestModel::Off })
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<DigestModel, E> {
                match v {
                    "off" => Ok(DigestModel::Off),
                    "on" => Ok(DigestModel::On),
                    _ => Err(E::custom(format!("{v:?} is not a digest setting\nhint: off, on, or {{ after: 30s }}"))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DigestModel, A::Error> {
                let after = After::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(DigestModel::After(after.after))
            }
        }
        deserializer.deserialize_any(OffOrAfter)
    }
}

/// Reads the model section by section, so that a mistake in one hides none in another.
pub fn read(root: &Node, report: &mut Report) -> Model {
    let mut model = Model::default();
    let entries = match &root.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Null => &[],
        _ => {
            report.push(
                Diagnostic::error(root.place, "the config is not a map")
                    .hint(format!("it begins with one of: {}", TOP_KEYS.join(", "))),
            );
            &[]
        }
    };
    for (key, node) in entries {
        match key.text.as_str() {
            "kafka" => model.kafka = section(node, report),
            "schema_registry" => model.schema_registry = section(node, report),
            "tables" => model.tables = named(node, report),
            "destinations" => {
                model.destination_names = keys(node);
                model.destinations = named(node, report);
            }
            "rules" => model.rules = listed(node, report),
            "limits" => model.limits = section(node, report).unwrap_or_default(),
            "decode" => model.decode = named(node, report),
            "locale" => model.locale = section(node, report),
            "time_zone" => model.time_zone = section(node, report),
            "dead_letter" => model.dead_letter = section(node, report).unwrap_or_default(),
            "hooks" => model.hooks = named(node, report),
            "http" => model.http = section(node, report).unwrap_or_default(),
            "outgoing" => model.outgoing = section(node, report).unwrap_or_default(),
            _ => report.push(super::de::unknown_key(key, TOP_KEYS)),
        }
    }
    model
}

fn named<'de, T: Deserialize<'de>>(node: &'de Node, report: &mut Report) -> Vec<(At<String>, T)> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| {
                let name = At { value: key.text.clone(), place: key.place };
                Some((name, section(value, report)?))
            })
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            report.push(Diagnostic::error(node.place, "expected a map from names to settings"));
            Vec::new()
        }
    }
}

fn keys(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

fn listed<'de, T: Deserialize<'de>>(node: &'de Node, report: &mut Report) -> Vec<T> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| section(item, report)).collect(),
        Kind::Null => Vec::new(),
        _ => {
            report.push(Diagnostic::error(node.place, "expected a list").hint("begin each item with \"- name: ...\""));
            Vec::new()
        }
    }
}
