//! What the config's templates say of one change.

use super::{Renderer, Subject, leading};
use crate::change::Op;
use crate::config::Config;
use crate::message::{Formats, Words};
use crate::rule::{ExprError, Judgement, Rule, Seen, Wording};
use std::collections::HashMap;
use std::sync::Arc;

impl Renderer {
    pub(super) fn words(&self, subject: &Subject<'_>) -> Words {
        let (config, change) = (subject.config, &subject.folded.change);
        let mut notes = Vec::new();
        // A truncate has no row, and some sources tell no more of a deleted one than its key: that a title cannot be made
        // of it is no fault of the template.
        let row_unknown = change.row().is_none() || (change.op == Op::Delete && change.before_unknown);
        let mut said = |what: &'static str, result: Result<String, ExprError>| match result {
            Ok(text) => Some(text).filter(|text| !text.trim().is_empty()),
            Err(error) if row_unknown => {
                tracing::debug!(record = %change.record, %error, "no {what}: the row is not known");
                None
            }
            Err(error) => {
                notes.push(self.failed(subject, what, &error.message));
                None
            }
        };
        let mut words = plain_words(config, &matched(config, subject.rules));
        let parts = Parts::of(subject);
        seeing(subject, |seen| {
            words.headline = parts.part(|w| w.headline.as_ref()).and_then(|t| said("headline", t.render(seen)));
            words.headline_of_one = words.headline.is_some() && parts.no_longer_met(subject);
            words.title = parts.part(|w| w.title.as_ref()).and_then(|t| said("title", t.render(seen)));
            words.note = parts.part(|w| w.note.as_ref()).and_then(|t| said("note", t.render(seen)));
            words.fields = parts.list(|w| &w.fields).to_vec();
            // Where a deleted row was there is nothing to see any more: only what the rule itself names leads anywhere.
            let living = if change.op == Op::Delete { Parts { table: None, ..parts } } else { parts };
            words.link = living.part(|w| w.link.as_ref()).and_then(|t| said("link", t.render(seen)));
            let buttons = living.list(|w| &w.buttons).iter();
            words.buttons = buttons
                .filter_map(|button| {
                    let label = said("button", button.label.render(seen))?;
                    Some((label, said("button", button.url.render(seen))?))
                })
                .collect();
            words.currencies = currencies(subject, seen);
        });
        // Two buttons that fail for one reason are one failure to a reader.
        notes.dedup();
        words.notes = notes;
        words
    }
}

/// The rule's words before the table's.
#[derive(Clone, Copy)]
struct Parts<'c> {
    rule: Option<&'c Wording>,
    table: Option<&'c Wording>,
}

impl<'c> Parts<'c> {
    fn of(subject: &Subject<'c>) -> Self {
        let rule = leading(subject.config, subject.rules).map(|rule| &rule.wording);
        Parts { rule, table: subject.table.map(|table| &table.wording) }
    }

    /// Whether the headline is the rule's own, and the net of several changes is none that the rule wants. It is posted all the
    /// same, for one of them was; but its words need not be true of what is shown.
    fn no_longer_met(&self, subject: &Subject<'_>) -> bool {
        let ignored = subject.table.map_or(&[][..], |table| &table.view.ignore);
        let worded = self.rule.is_some_and(|wording| wording.headline.is_some());
        let leading = leading(subject.config, subject.rules).filter(|_| worded && subject.folded.changes > 1);
        leading.is_some_and(|rule| rule.judge(&subject.folded.change, ignored) != Judgement::Yes)
    }

    fn part<T>(&self, part: impl Fn(&'c Wording) -> Option<&'c T>) -> Option<&'c T> {
        self.rule.and_then(&part).or_else(|| self.table.and_then(&part))
    }

    fn list<T>(&self, list: impl Fn(&'c Wording) -> &'c Vec<T>) -> &'c [T] {
        let mut lists = self.rule.into_iter().chain(self.table).map(list);
        lists.find(|list| !list.is_empty()).map_or(&[], Vec::as_slice)
    }
}

/// Calls with what templates see of the change.
pub(super) fn seeing<T>(subject: &Subject<'_>, with: impl FnOnce(&Seen<'_>) -> T) -> T {
    let (config, change) = (subject.config, &subject.folded.change);
    let redacted = subject.table.map_or_else(|| Arc::from([]), |table| Arc::clone(&table.redacted));
    let formats = Formats::new(Arc::clone(&config.locale), config.time_zone.clone(), change.time_us);
    with(&Seen { change, redacted: &redacted, formats: &formats, sample: None })
}

pub(super) fn matched<'c>(config: &'c Config, rules: &[usize]) -> Vec<&'c Rule> {
    rules.iter().filter_map(|index| config.rules.get(*index)).collect()
}

/// What needs no template.
pub(super) fn plain_words(config: &Config, matched: &[&Rule]) -> Words {
    let mut words = Words {
        locale: Arc::clone(&config.locale),
        time_zone: config.time_zone.clone(),
        readers_zone: config.readers_zone,
        ..Words::default()
    };
    if let Some(leading) = matched.first() {
        words.priority = leading.priority;
        words.tone = leading.tone;
        words.mention = leading.mention.clone();
    }
    words.rules = matched.iter().map(|rule| Arc::clone(&rule.name)).collect();
    words.watched = matched.iter().flat_map(|rule| rule.columns.iter().cloned()).collect();
    words
}

/// A currency template that fails leaves the amount without a currency: nothing to warn about in each post.
fn currencies(subject: &Subject<'_>, seen: &Seen<'_>) -> HashMap<String, String> {
    let all = subject.table.iter().flat_map(|table| &table.currencies);
    all.filter_map(|(column, template)| Some((column.clone(), template.render(seen).ok()?))).collect()
}
