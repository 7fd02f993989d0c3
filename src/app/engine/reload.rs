//! A new config, in force from here on: what was judged before keeps its verdict.

use super::{Engine, Work};
use crate::app::handover::{Changes, Fresh};
use crate::config::{Config, Destination};
use crate::outbox::{CommitSettings, LaneId};
use std::sync::Arc;

impl Work {
    /// Takes the config over. It comes in order with the records: all before it were judged by the one before.
    pub(super) fn reload(&mut self, fresh: Fresh) {
        let Fresh { config, http, applied } = fresh;
        let before = std::mem::replace(&mut self.engine.config, Arc::clone(&config));
        self.keep_earlier(Arc::clone(&before));
        self.engine.http = http;
        self.engine.budget.set_limit(config.limits.pending_bytes);
        self.outbox.set_commits(commits(&config));
        let changes = self.take_destinations(&before, &config);
        tracing::info!(
            rules = config.rules.len(),
            added = changes.added.join(","),
            removed = changes.removed.join(","),
            changed = changes.changed.join(","),
            "the config was read again and is in force"
        );
        // Whoever asked may have gone.
        let _ = applied.send(changes);
    }

    fn take_destinations(&mut self, before: &Config, config: &Config) -> Changes {
        let mut changes = Changes::default();
        let now = self.now();
        let kept: Vec<Option<LaneId>> = config.destinations.iter().map(|new| self.lanes.named(&new.name)).collect();
        for index in 0..before.destinations.len() {
            let gone = self.lanes.at(index).filter(|lane| !kept.contains(&Some(*lane)));
            if let Some(lane) = gone {
                changes.removed.extend(self.remove(lane));
            }
        }
        let settings = self.lanes.settings(config);
        let mut order = Vec::with_capacity(settings.len());
        for ((destination, settings), lane) in config.destinations.iter().zip(settings).zip(kept) {
            let name = destination.name.to_string();
            let known = lane.and_then(|lane| Some((lane, self.lanes.get_mut(lane)?)));
            let Some((lane, known)) = known else {
                let lane = self.outbox.add_lane(settings);
                self.lanes.add(lane, destination.clone());
                self.engine.metrics.destination_up.with_label_values(&[&*name]).set(1);
                changes.added.push(name);
                order.push(lane);
                continue;
            };
            let was = known.take(destination.clone());
            let elsewhere = !was.target.is_same(&destination.target);
            if elsewhere {
                known.trouble = None;
            }
            if elsewhere || !is_treated_alike(&was, destination) {
                changes.changed.push(name);
            }
            self.outbox.change_lane(lane, settings, elsewhere, now);
            self.outbox.probe(lane, now);
            order.push(lane);
        }
        self.lanes.set_order(order);
        self.hold();
        changes
    }

    /// What a removed destination had pending becomes dead letters, one after the other.
    fn remove(&mut self, lane: LaneId) -> Option<String> {
        let pending: usize = self.outbox.status(self.now()).get(lane)?.pending.iter().sum();
        let known = self.lanes.get_mut(lane)?;
        known.removed = true;
        let name = known.destination.name.to_string();
        self.engine.metrics.forget_destination(&name);
        if pending > 0 {
            tracing::warn!(
                destination = name,
                pending,
                "the destination is no longer in the config: what it had pending goes to the dead letters"
            );
        }
        self.outbox.remove_lane(lane);
        Some(name)
    }

    /// Pauses the lanes that somebody holds, and no other.
    pub(super) fn hold(&mut self) {
        for (lane, known) in self.lanes.all().filter(|(_, known)| !known.removed) {
            let paused = known.is_paused();
            self.outbox.pause(lane, paused);
            self.engine.metrics.lane_paused.with_label_values(&[&*known.destination.name]).set(i64::from(paused));
        }
    }
}

impl Engine {
    /// The lanes of the first config.
    pub(super) fn first_lanes(&self) -> (super::Lanes, Vec<crate::outbox::LaneSettings>) {
        let mut lanes = super::Lanes::default();
        let settings = lanes.settings(&self.config);
        for (lane, destination) in self.config.destinations.iter().enumerate() {
            lanes.add(lane, destination.clone());
            self.metrics.destination_up.with_label_values(&[&*destination.name]).set(1);
        }
        lanes.set_order((0..settings.len()).collect());
        (lanes, settings)
    }
}

pub(super) fn commits(config: &Config) -> CommitSettings {
    CommitSettings { interval: config.limits.commit_interval, metadata_bytes: config.limits.metadata_bytes }
}

/// Where its posts go is another question.
fn is_treated_alike(a: &Destination, b: &Destination) -> bool {
    let settings = |it: &Destination| (it.rate, it.burst, it.in_flight, it.digest, it.fold, it.paused);
    settings(a) == settings(b) && a.bucket == b.bucket
}
