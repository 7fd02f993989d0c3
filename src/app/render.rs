//! From a notice, or a digest of many, to the JSON of its post.

mod digest;

pub use digest::{Counted, digest};

use crate::change::{Folded, Op, RowChange};
use crate::config::{Config, Table};
use crate::destination::Target;
use crate::message::{self, Mention, Message, Priority, TableView, Words};
use crate::rule::{Rule, Template};
use crate::telemetry::Metrics;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Renders the post of a change, or of a row's net change, for one destination. `rules` leads with the rule whose words
/// count.
///
/// A template that fails falls back to the default words, marked and counted: it never blocks.
pub fn payload(
    config: &Config,
    target: &Target,
    folded: &Folded,
    table: Option<&Table>,
    rules: &[usize],
    metrics: &Metrics,
) -> Value {
    let message = compose(config, folded, table, rules, metrics);
    match target {
        Target::SlackWebhook { .. } | Target::SlackBot(_) => message::slack::payload(&message),
        Target::Teams { .. } => message::teams::payload(&message),
        Target::Webhook { .. } => message::webhook::payload(&message, &folded.change),
    }
}

/// The same post, plain and short: for a channel that refused it as it was.
pub fn simple(
    config: &Config,
    target: &Target,
    folded: &Folded,
    table: Option<&Table>,
    rules: &[usize],
    metrics: &Metrics,
) -> Value {
    let message = compose(config, folded, table, rules, metrics);
    match target {
        Target::SlackWebhook { .. } | Target::SlackBot(_) => message::slack::simplified(&message),
        Target::Teams { .. } => message::teams::simplified(&message),
        // Data for programs has no simpler form.
        Target::Webhook { .. } => message::webhook::payload(&message, &folded.change),
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
    let leading = rules.first().and_then(|index| config.rules.get(*index));
    leading.is_some_and(|rule| {
        let calls_many = matches!(rule.mention, Some(Mention::Here | Mention::Channel | Mention::Everyone));
        rule.priority == Priority::Critical || calls_many
    })
}

fn compose(config: &Config, folded: &Folded, table: Option<&Table>, rules: &[usize], metrics: &Metrics) -> Message {
    let plain = TableView::default();
    let view = table.map_or(&plain, |table| &table.view);
    let mut words = words(config, &folded.change, table, rules, metrics);
    words.folded = (folded.changes > 1).then_some((folded.changes, folded.since_us));
    message::compose(&folded.change, view, &words)
}

fn matched<'c>(config: &'c Config, rules: &[usize]) -> Vec<&'c Rule> {
    rules.iter().filter_map(|index| config.rules.get(*index)).collect()
}

/// What needs no template.
fn plain_words(config: &Config, matched: &[&Rule]) -> Words {
    let mut words =
        Words { locale: Arc::clone(&config.locale), time_zone: config.time_zone.clone(), ..Words::default() };
    if let Some(leading) = matched.first() {
        words.priority = leading.priority;
        words.tone = leading.tone;
        words.mention = leading.mention.clone();
    }
    words.rules = matched.iter().map(|rule| Arc::clone(&rule.name)).collect();
    words.watched = matched.iter().flat_map(|rule| rule.columns.iter().cloned()).collect();
    words
}

fn words(config: &Config, change: &Arc<RowChange>, table: Option<&Table>, rules: &[usize], metrics: &Metrics) -> Words {
    let redacted = table.map_or_else(|| Arc::from([]), |table| Arc::clone(&table.redacted));
    let mut notes = Vec::new();
    // A truncate has no row, and some sources tell no more of a deleted one than its key: that a title cannot be made
    // of it is no fault of the template.
    let row_unknown = change.row().is_none() || (change.op == Op::Delete && change.before_unknown);
    let mut render = |template: Option<&Template>, what: &str| {
        let result = template?.render(change, &redacted);
        result
            .map_err(|error| {
                if row_unknown {
                    tracing::debug!(record = %change.record, %error, "no {what}: the row is not known");
                    return;
                }
                if let Some(rule) = rules.first().and_then(|index| config.rules.get(*index)) {
                    metrics.rule_errors.with_label_values(&[&*rule.name]).inc();
                }
                tracing::warn!(record = %change.record, %error, "the template of the {what} failed; the default words were posted");
                notes.push(format!("the template of the {what} failed"));
            })
            .ok()
            .filter(|text| !text.trim().is_empty())
    };
    let matched = matched(config, rules);
    let mut words = plain_words(config, &matched);
    words.headline = render(matched.first().and_then(|leading| leading.headline.as_ref()), "headline");
    if let Some(table) = table {
        words.title = render(table.title.as_ref(), "title");
        words.link = render(table.link.as_ref(), "link");
        words.currencies = currencies(table, change, &redacted);
    }
    words.notes = notes;
    words
}

/// A currency template that fails leaves the amount without a currency: nothing to warn about in each post.
fn currencies(table: &Table, change: &Arc<RowChange>, redacted: &Arc<[String]>) -> HashMap<String, String> {
    table
        .currencies
        .iter()
        .filter_map(|(column, template)| Some((column.clone(), template.render(change, redacted).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
