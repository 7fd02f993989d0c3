//! From a notice, or a digest of many, to the JSON of its post.

mod digest;
mod once;
mod words;

pub use digest::Counted;

use crate::change::{Folded, Op, RowChange};
use crate::config::{Config, Destination, Table};
use crate::destination::Target;
use crate::message::{self, Mention, Message, Priority, TableView};
use crate::rule::{PayloadTemplate, Rule};
use crate::telemetry::Metrics;
use once::Once;
use serde_json::Value;

/// Renders posts, and remembers what is to be said only once.
///
/// A template that fails falls back to the default words, marked and counted: it never blocks.
pub struct Renderer {
    metrics: Metrics,
    once: Once,
    again: bool,
}

/// What a post is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The config that judged it.
    pub config: &'a Config,
    /// The change, or a row's net change.
    pub folded: &'a Folded,
    /// What the config says about the table.
    pub table: Option<&'a Table>,
    /// The rules that matched; the first one's words count.
    pub rules: &'a [usize],
}

impl Renderer {
    /// Starts with nothing said.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, once: Once::default(), again: false }
    }

    /// For posts that may have been made before: each says so.
    pub fn again(metrics: Metrics) -> Self {
        Self { again: true, ..Self::new(metrics) }
    }

    /// Renders the post of a change for one destination.
    pub fn payload(&self, destination: &Destination, subject: &Subject<'_>) -> Value {
        let target = &destination.target;
        let mut message = self.message(destination, subject);
        if let Some(template) = own(target, subject) {
            match self.own(target, subject, template, &message) {
                Ok(payload) => return payload,
                Err(error) => message.notes.push(self.failed(subject, "payload", &error)),
            }
        }
        match target {
            Target::SlackWebhook { .. } | Target::SlackBot(_) => message::slack::payload(&message),
            Target::Teams { .. } => message::teams::payload(&message),
            Target::Webhook { .. } => message::webhook::payload(&message, &subject.folded.change),
        }
    }

    /// The same post, plain and short: for a channel that refused it as it was.
    pub fn simple(&self, destination: &Destination, subject: &Subject<'_>) -> Value {
        let message = self.message(destination, subject);
        match &destination.target {
            Target::SlackWebhook { .. } | Target::SlackBot(_) => message::slack::simplified(&message),
            Target::Teams { .. } => message::teams::simplified(&message),
            // Data for programs has no simpler form.
            Target::Webhook { .. } => message::webhook::payload(&message, &subject.folded.change),
        }
    }

    fn message(&self, destination: &Destination, subject: &Subject<'_>) -> Message {
        let mut message = self.compose(subject);
        if message.tip.is_some()
            && !self.once.may_tip(&destination.name, &subject.folded.change, &subject.config.time_zone)
        {
            message.tip = None;
        }
        message
    }

    fn compose(&self, subject: &Subject<'_>) -> Message {
        let plain = TableView::default();
        let view = subject.table.map_or(&plain, |table| &table.view);
        let mut words = self.words(subject);
        let Folded { changes, since_us, .. } = *subject.folded;
        words.folded = (changes > 1).then_some((changes, since_us));
        if self.again {
            words.notes.push(subject.config.locale.sent_again().to_owned());
        }
        message::compose(&subject.folded.change, view, &words)
    }

    /// The payload of the config's own template, for the channels that have one.
    fn own(
        &self,
        target: &Target,
        subject: &Subject<'_>,
        template: &PayloadTemplate,
        message: &Message,
    ) -> Result<Value, String> {
        let draft = words::seeing(subject, |seen| template.render(seen, &message.facts()));
        let draft = draft.map_err(|error| error.message)?;
        let payload = match target {
            Target::Teams { .. } => draft.teams(message),
            _ => draft.slack(message),
        };
        payload.map_err(|error| error.message)
    }

    /// Counts a template's failure and logs it once. Returns the note that marks the post.
    fn failed(&self, subject: &Subject<'_>, what: &'static str, error: &str) -> String {
        let leading = leading(subject.config, subject.rules);
        let record = &subject.folded.change.record;
        let rule = leading.map_or("", |rule| &rule.name);
        self.metrics.rule_errors.with_label_values(&[rule]).inc();
        if self.once.may_warn(rule, what) {
            tracing::warn!(
                rule,
                what,
                %record,
                error,
                "a template failed; the default words were posted, further failures are only counted"
            );
        } else {
            tracing::debug!(rule, what, %record, error, "a template failed");
        }
        subject.config.locale.template_failed(what)
    }
}

/// The row that a change is about, where another change may be about it, too; the same for every replica and format.
pub fn row(change: &RowChange) -> Option<String> {
    let key = change.key.as_ref().filter(|_| !matches!(change.op, Op::Truncate | Op::Message))?;
    let key: Vec<_> = key.columns.iter().map(|column| (&column.name, message::canonical(&column.value))).collect();
    serde_json::to_string(&(&change.server, &change.table, key)).ok()
}

/// Whether a post must be seen in its channel, even where it only replies: a critical one, and one that calls many, for
/// nobody is called by `here` in a thread.
pub fn is_loud(config: &Config, rules: &[usize]) -> bool {
    leading(config, rules).is_some_and(|rule| {
        let calls_many = matches!(rule.mention, Some(Mention::Here | Mention::Channel | Mention::Everyone));
        rule.priority == Priority::Critical || calls_many
    })
}

fn leading<'c>(config: &'c Config, rules: &[usize]) -> Option<&'c Rule> {
    rules.first().and_then(|index| config.rules.get(*index))
}

/// The config's own template of the whole message: the rule's, else the table's.
fn own<'c>(target: &Target, subject: &Subject<'c>) -> Option<&'c PayloadTemplate> {
    let wordings = leading(subject.config, subject.rules).map(|rule| &rule.wording).into_iter();
    let mut wordings = wordings.chain(subject.table.map(|table| &table.wording));
    match target {
        Target::SlackWebhook { .. } | Target::SlackBot(_) => wordings.find_map(|wording| wording.slack.as_ref()),
        Target::Teams { .. } => wordings.find_map(|wording| wording.teams.as_ref()),
        Target::Webhook { .. } => None,
    }
}

#[cfg(test)]
mod tests;
