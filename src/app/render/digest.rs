//! From a digest to the JSON of its post: counts by rule and table, and the rows worth most.

use super::words::{matched, plain_words};
use super::{Renderer, Subject};
use crate::app::engine::Payload;
use crate::config::{Config, Destination};
use crate::destination::Target;
use crate::message::digest::{self, Digest, DigestWords, Entry, Form, Kept};
use crate::message::{self, Message, Priority, TableView};
use crate::outbox::{self, Tally};
use crate::rule::Rule;
use serde_json::Value;
use std::sync::Arc;

/// What a digest's rows need to be written: the config that judged them, the table, and the rules that matched.
type Judged = (Arc<Config>, Option<Arc<crate::config::Table>>, Vec<usize>);

/// Counts of changes that a digest does not show.
#[derive(Debug, Default)]
pub struct Counted(Digest<Judged>);

impl Counted {
    /// Names of the rules that wanted them.
    pub fn rules(&self) -> Vec<Arc<str>> {
        self.0.rules()
    }
}

impl Tally<Payload> for Counted {
    fn count(&mut self, payload: Payload, changes: u64) {
        entry(&payload, changes, None, |entry| self.0.count(entry));
    }

    fn undone(&mut self, changes: u64) {
        self.0.undo(changes);
    }

    fn expired(&mut self, _: Payload, changes: u64) {
        self.0.expire(changes);
    }
}

impl Renderer {
    /// Renders a digest for one destination, given by its index.
    pub fn digest(&self, config: &Config, destination: &Destination, digest: &outbox::Digest<Payload>) -> Value {
        let target = &destination.target;
        let mut whole = Digest::default();
        digest.tallies().for_each(|part| whole.merge(&part.0));
        for notice in digest.lines() {
            add(&mut whole, &notice.content, notice.changes, Some(&notice.row.0));
        }
        let form = if digest.is_shrunk() { Form::Counts } else { Form::Whole };
        self.of_digest(config, target, &whole, digest.name(), form)
    }

    /// Renders the digest that these notices would be, had they all waited together.
    pub fn digest_of(&self, config: &Config, destination: &Destination, notices: &[Payload], id: &str) -> Value {
        let mut whole = Digest::default();
        for notice in notices {
            let row = super::row(&notice.change).map(|row| Arc::from(row.into_bytes()));
            add(&mut whole, notice, 1, row.as_ref());
        }
        self.of_digest(config, &destination.target, &whole, id, Form::Whole)
    }

    fn of_digest(&self, config: &Config, target: &Target, digest: &Digest<Judged>, id: &str, form: Form) -> Value {
        let mut row = |kept: &Kept<Judged>| self.row(kept);
        let message = digest::digest(digest, &words(config, digest), form, &mut row);
        match target {
            Target::SlackWebhook { .. } | Target::SlackBot(_) => message::slack::payload(&message),
            Target::Teams { .. } => message::teams::payload(&message),
            Target::Webhook { .. } => digest::payload(digest, id, &message, form, &mut row),
        }
    }

    fn row(&self, kept: &Kept<Judged>) -> Message {
        let (config, table, rules) = &kept.tag;
        let table = table.as_deref();
        if !kept.is_slim {
            return self.compose(&Subject { config, folded: &kept.folded, table, rules });
        }
        // Templates would miss the columns that there was no room for: the default words need none of these.
        let plain = TableView::default();
        let view = table.map_or(&plain, |table| &table.view);
        message::compose(&kept.folded.change, view, &plain_words(config, &matched(config, rules)))
    }
}

/// Takes a notice in, to be shown.
fn add(digest: &mut Digest<Judged>, payload: &Payload, changes: u64, row: Option<&Arc<[u8]>>) {
    let Payload { config, table, rules, .. } = payload;
    let judged = |_: Option<&Judged>| (Arc::clone(config), table.clone(), rules.clone());
    entry(payload, changes, row, |entry| digest.add(entry, judged));
}

/// A notice as a digest takes it.
fn entry(payload: &Payload, changes: u64, row: Option<&Arc<[u8]>>, take: impl FnOnce(&Entry<'_>)) {
    let plain = TableView::default();
    let leading = payload.rules.first().and_then(|index| payload.config.rules.get(*index));
    let unnamed: Arc<str> = Arc::from("");
    take(&Entry {
        folded: &payload.folded(changes),
        row,
        rule: leading.map_or(&unnamed, |rule| &rule.name),
        watched: leading.map_or(&[], |rule| &rule.columns),
        priority: leading.map_or(Priority::Normal, |rule| rule.priority),
        view: payload.table.as_ref().map_or(&plain, |table| &table.view),
    });
}

/// Tone and mention are those of the rule with the highest priority, then of the first in the file.
fn words(config: &Config, digest: &Digest<Judged>) -> DigestWords {
    let names = digest.rules();
    let rules = config.rules.iter().filter(|rule| names.contains(&rule.name));
    let leading: Option<&Rule> = rules.min_by_key(|rule| rule.priority);
    DigestWords {
        tone: leading.map(|rule| rule.tone).unwrap_or_default(),
        mention: leading.and_then(|rule| rule.mention.clone()),
        locale: Arc::clone(&config.locale),
        time_zone: config.time_zone.clone(),
        overview: digest
            .only_table()
            .and_then(|(server, table)| config.table(server, table))
            .and_then(|table| table.overview.clone()),
    }
}

#[cfg(test)]
mod tests;
