//! The destinations behind the outbox's lanes: those of the config, and those that were removed and are not done yet.

use crate::config::{Config, Destination};
use crate::destination::{Poster, Target};
use crate::outbox::{Bucket, LaneId, LaneSettings, Outcome, Rate};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// One part in so many of `limits.pending_bytes` is the lanes'; the rest is for records on their way to them, so that a lane
/// that is full stops no reading.
const SHARED_BY_LANES: u64 = 2;

/// A destination, and what became of its posts.
pub(super) struct Known {
    pub(super) destination: Destination,
    pub(super) poster: Arc<Poster>,
    /// Since when the poster remembers.
    pub(super) since: Instant,
    /// It was said that the channel's history cannot be read.
    pub(super) history_told: bool,
    /// Posts accepted since the start.
    pub(super) delivered: u64,
    /// Posts that must be made again, since the start.
    pub(super) retried: u64,
    pub(super) up: bool,
    /// Changes folded, as far as the metric knows.
    pub(super) folded: u64,
    /// It let notices go, and that was said.
    pub(super) spills: bool,
    /// A command holds it; the config may, too.
    pub(super) held: bool,
    pub(super) removed: bool,
    /// What the last post that was not accepted came to, until one is, and when (Unix milliseconds).
    pub(super) trouble: Option<(String, i64)>,
}

impl Known {
    fn new(destination: Destination) -> Self {
        Self {
            poster: Arc::new(Poster::new(&destination.name, &destination.target)),
            destination,
            since: Instant::now(),
            history_told: false,
            delivered: 0,
            retried: 0,
            up: true,
            folded: 0,
            spills: false,
            held: false,
            removed: false,
            trouble: None,
        }
    }

    /// Settings of the same name. What the poster remembers is kept where its posts are made as before.
    pub(super) fn take(&mut self, destination: Destination) -> Destination {
        if !self.poster.serves(&destination.target) {
            self.poster = Arc::new(Poster::new(&destination.name, &destination.target));
            (self.since, self.history_told) = (Instant::now(), false);
        }
        std::mem::replace(&mut self.destination, destination)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.held || self.destination.paused
    }

    /// Who pauses it. A command can lift what a command did, so the config is named first.
    pub(super) fn paused_by(&self) -> Option<&'static str> {
        match (self.destination.paused, self.held) {
            (true, _) => Some("config"),
            (false, true) => Some("command"),
            (false, false) => None,
        }
    }

    pub(super) fn heard(&mut self, outcome: Outcome, detail: &str) {
        self.trouble = match outcome {
            Outcome::Delivered => None,
            _ => Some((detail.to_owned(), jiff::Timestamp::now().as_millisecond())),
        };
    }
}

/// A bucket, and what it was made of.
type Paced = (Rate, u32, Arc<Bucket>);

/// See the module's text.
#[derive(Default)]
pub(super) struct Lanes {
    known: BTreeMap<LaneId, Known>,
    /// By the destinations' order in the config.
    order: Vec<LaneId>,
    buckets: HashMap<String, Paced>,
}

impl Lanes {
    /// The lane of a destination, by its index in the config that is in force.
    pub(super) fn at(&self, index: usize) -> Option<LaneId> {
        self.order.get(index).copied()
    }

    pub(super) fn get(&self, lane: LaneId) -> Option<&Known> {
        self.known.get(&lane)
    }

    pub(super) fn get_mut(&mut self, lane: LaneId) -> Option<&mut Known> {
        self.known.get_mut(&lane)
    }

    /// The lane of a destination that is in the config.
    pub(super) fn named(&self, name: &str) -> Option<LaneId> {
        self.order.iter().copied().find(|lane| self.known.get(lane).is_some_and(|it| &*it.destination.name == name))
    }

    /// Those of the config in its order, then those that were removed and are not done yet.
    pub(super) fn all(&self) -> impl Iterator<Item = (LaneId, &Known)> {
        let removed = self.known.iter().filter(|(_, known)| known.removed).map(|(lane, _)| lane);
        self.order.iter().chain(removed).filter_map(|lane| Some((*lane, self.known.get(lane)?)))
    }

    /// A destination of the config, which has this lane now.
    pub(super) fn add(&mut self, lane: LaneId, destination: Destination) {
        self.known.insert(lane, Known::new(destination));
    }

    /// The config's order of lanes.
    pub(super) fn set_order(&mut self, order: Vec<LaneId>) {
        self.order = order;
    }

    /// Lets go what the outbox has no lane of any more.
    pub(super) fn retain(&mut self, there: impl Fn(LaneId) -> bool) {
        self.known.retain(|lane, _| there(*lane));
    }

    /// How the lanes of this config behave, in its order. Buckets that are paced as before are kept; of destinations that
    /// share one, the first in the file says how.
    pub(super) fn settings(&mut self, config: &Config) -> Vec<LaneSettings> {
        let mut before = std::mem::take(&mut self.buckets);
        let share_bytes = config.limits.pending_bytes / SHARED_BY_LANES / config.destinations.len().max(1) as u64;
        let settings = |destination: &Destination| {
            let (rate, burst) = (destination.rate, destination.burst);
            let (_, _, bucket) = self.buckets.entry(destination.bucket.clone()).or_insert_with(|| {
                let kept = before.remove(&destination.bucket).filter(|(was, full, _)| (*was, *full) == (rate, burst));
                kept.unwrap_or_else(|| (rate, burst, Arc::new(Bucket::new(rate, burst))))
            });
            LaneSettings {
                name: Arc::clone(&destination.name),
                bucket: Arc::clone(bucket),
                in_flight: destination.in_flight,
                fold: destination.fold,
                digest: destination.digest,
                // A program wants its data whole or not at all.
                simplify: !matches!(destination.target, Target::Webhook { .. }),
                share_bytes,
            }
        };
        config.destinations.iter().map(settings).collect()
    }
}
