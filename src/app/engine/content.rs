//! What a notice carries through its lane.

use crate::app::handover::Held;
use crate::app::render::Counted;
use crate::change::{self, Net, RowChange};
use crate::config::{Config, Table};
use crate::message::{TableView, digest};
use crate::outbox::{Content, Folded};
use std::sync::Arc;

/// The weight of a change whose numbers went all the way, from something to nothing.
const WEIGHT_WHOLE: f64 = 1_000_000.0;

/// A change, who wants it told, and its record for as long as it may become a dead letter.
pub struct Payload {
    pub(crate) config: Arc<Config>,
    /// The change, or the net of several of its row.
    pub(crate) change: Arc<RowChange>,
    /// Commit time of the first of its changes, in microseconds since the epoch.
    pub(crate) since_us: Option<i64>,
    /// The record as it was, of several the last; a line of a digest does without.
    pub(crate) held: Option<Arc<Held>>,
    pub(crate) table: Option<Arc<Table>>,
    /// The rules that matched, the most urgent and then the first in the file leading.
    pub(crate) rules: Vec<usize>,
    weight: u32,
    /// Memory that the change takes, once it is measured.
    bytes: u64,
}

impl Payload {
    pub(crate) fn new(
        config: &Arc<Config>,
        change: &Arc<RowChange>,
        held: Option<Arc<Held>>,
        table: Option<Arc<Table>>,
        rules: Vec<usize>,
    ) -> Self {
        let (config, change) = (Arc::clone(config), Arc::clone(change));
        Self { config, since_us: change.time_us, change, held, table, rules, weight: 0, bytes: 0 }
    }

    /// Names of its rules, as dead letters tell them.
    pub(crate) fn rule_names(&self) -> String {
        let names = self.rules.iter().filter_map(|index| self.config.rules.get(*index)).map(|rule| &*rule.name);
        names.collect::<Vec<_>>().join(",")
    }

    /// The change as one that stands for so many.
    pub(crate) fn folded(&self, changes: u64) -> change::Folded {
        change::Folded { change: Arc::clone(&self.change), changes, since_us: self.since_us }
    }

    /// How far the numbers went that its leading rule watches, and what it takes.
    fn weigh(&mut self) {
        self.bytes = digest::bytes(&self.change) as u64;
        let plain = TableView::default();
        let view = self.table.as_ref().map_or(&plain, |table| &table.view);
        let watched = self.rules.first().and_then(|index| self.config.rules.get(*index));
        let watched = watched.map_or(&[][..], |rule| &rule.columns);
        self.weight = (digest::size(&self.change, view, watched) * WEIGHT_WHOLE) as u32;
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.change.record)
    }
}

impl Content for Payload {
    type Tally = Counted;

    fn fold(&mut self, later: Self) -> Folded<Self> {
        // Two configs' rules have no common words.
        if !Arc::ptr_eq(&self.config, &later.config) {
            return Folded::Apart(later);
        }
        let change = match change::net(&self.change, &later.change) {
            Net::Change(change) => change,
            Net::Nothing => return Folded::Nothing,
            Net::Apart => return Folded::Apart(later),
        };
        self.change = Arc::new(change);
        self.since_us = self.since_us.into_iter().chain(later.since_us).min();
        let known = self.rules.len();
        for rule in later.rules {
            if !self.rules[..known].contains(&rule) {
                self.rules.push(rule);
            }
        }
        self.rules.sort_by_key(|index| (self.config.rules.get(*index).map(|rule| rule.priority), *index));
        // A dead letter holds one record: the last says how the row is.
        self.held = later.held;
        if self.held.is_none() {
            self.weigh();
        }
        Folded::Kept
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn slim(&mut self) {
        self.held = None;
        self.weigh();
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
