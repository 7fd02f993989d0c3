//! `rules:`

use super::{ButtonModel, PayloadModel};
use crate::config::de::At;
use crate::config::schema;
use crate::config::shapes::OneOrMany;
use crate::config::units::Span;
use schemars::JsonSchema;

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
