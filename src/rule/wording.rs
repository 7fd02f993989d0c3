//! What the config says of a message's parts, for a table or for a rule.

use super::template::{PayloadTemplate, Template, UrlTemplate};
use std::sync::Arc;

/// The parts that the config words itself; where neither rule nor table says anything, the message words them.
#[derive(Debug, Default)]
pub struct Wording {
    /// The headline.
    pub headline: Option<Template>,
    /// What the row is called.
    pub title: Option<Template>,
    /// Where a person looks at the row.
    pub link: Option<UrlTemplate>,
    /// A remark beneath.
    pub note: Option<Template>,
    /// The columns shown, in this order.
    pub fields: Vec<Arc<str>>,
    /// Further buttons.
    pub buttons: Vec<ButtonTemplate>,
    /// The whole message, for Slack.
    pub slack: Option<PayloadTemplate>,
    /// The whole message, for Teams.
    pub teams: Option<PayloadTemplate>,
}

/// A button.
#[derive(Debug)]
pub struct ButtonTemplate {
    /// What stands on it.
    pub label: Template,
    /// Where it leads.
    pub url: UrlTemplate,
}
