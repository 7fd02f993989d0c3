//! `tables:`

use super::{ButtonModel, PayloadModel};
use crate::config::de::At;
use crate::config::schema;
use crate::config::shapes::{Entries, OneOrMany, Scalar};
use schemars::JsonSchema;

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
