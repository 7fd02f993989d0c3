//! What tables and rules both say of a message.

use super::{RuleModel, TableModel};
use crate::config::de::At;
use schemars::JsonSchema;

/// The keys that tables and rules both have. They stand in each of the two models: `serde(flatten)` reads through a
/// buffer of its own, which knows no places, and takes keys that nothing reads for good.
pub struct WordingModel<'a> {
    /// Template: one line that says what happened.
    pub headline: Option<&'a At<String>>,
    /// Template: what the row is called.
    pub title: Option<&'a At<String>>,
    /// Template: where a person looks at the row.
    pub link: Option<&'a At<String>>,
    /// Template: a remark beneath what changed.
    pub note: Option<&'a At<String>>,
    /// The columns that are shown.
    pub fields: &'a [At<String>],
    /// Further buttons.
    pub buttons: &'a [ButtonModel],
    /// The whole message, by type of destination.
    pub payload: &'a PayloadModel,
}

macro_rules! has_wording {
    ($($model:ty),*) => {$(
        impl<'a> From<&'a $model> for WordingModel<'a> {
            fn from(model: &'a $model) -> Self {
                Self {
                    headline: model.headline.as_ref(),
                    title: model.title.as_ref(),
                    link: model.link.as_ref(),
                    note: model.note.as_ref(),
                    fields: &model.fields.0,
                    buttons: &model.buttons.0,
                    payload: &model.payload,
                }
            }
        }
    )*};
}

has_wording!(TableModel, RuleModel);

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
