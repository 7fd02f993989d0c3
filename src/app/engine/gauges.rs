//! Metrics and the status, brought up to date.

use super::Work;
use crate::app::status::{Lane, PartitionState, Status};
use crate::ledger::Position;
use crate::message::Priority;
use crate::outbox::{LaneId, LaneStatus};
use std::time::{Duration, Instant};

impl Work {
    /// Brings gauges and the status up to date.
    pub(super) fn tick(&mut self) {
        self.finish_revokes();
        let elapsed = self.ticked.elapsed().as_secs_f64();
        self.ticked = Instant::now();
        let now = self.now();
        let lanes = self.outbox.status(now);
        let metrics = &self.engine.metrics;
        self.lanes.retain(|lane| self.outbox.has_lane(lane));
        let current = self.lanes.all().filter(|(_, known)| !known.removed).map(|(number, _)| number);
        for number in current.collect::<Vec<_>>() {
            let (Some(known), Some(lane)) = (self.lanes.get_mut(number), lanes.get(number)) else { continue };
            let name = &*known.destination.name;
            metrics.folded.with_label_values(&[name]).inc_by(lane.folded - known.folded);
            known.folded = lane.folded;
            metrics.lane_spilled.with_label_values(&[name]).set(lane.spilled as i64);
            let began = !known.spills && lane.spilled > 0;
            if began {
                tracing::warn!(
                    destination = name,
                    held_bytes = lane.bytes,
                    "the destination's share of limits.pending_bytes is used up: of what comes now only offsets are kept, and it is read again in time"
                );
            } else if known.spills && lane.spilled == 0 {
                tracing::info!(destination = name, "the destination has caught up: nothing has to be read again");
            }
            known.spills = lane.spilled > 0;
            for priority in Priority::ALL {
                let pending = lane.pending[priority as usize] as i64;
                metrics.lane_pending.with_label_values(&[name, priority.as_str()]).set(pending);
            }
            let oldest = lane.oldest.map_or(0.0, |offered| now.saturating_sub(offered).as_secs_f64());
            metrics.lane_oldest.with_label_values(&[name]).set(oldest);
            if let Some((reason, _)) = lane.waiting {
                metrics.lane_wait.with_label_values(&[name, reason.as_str()]).inc_by(elapsed);
            }
        }
        if lanes.iter().all(|lane| lane.spilled == 0) {
            self.earlier.clear();
        }
        metrics.pending_bytes.set(i64::try_from(self.engine.budget.pending_bytes()).unwrap_or(i64::MAX));
        let overflow = self.outbox.ledger().overflow();
        metrics.metadata_overflow.inc_by(overflow - metrics.metadata_overflow.get());
        let positions = self.outbox.positions();
        for Position { partition, read, committed, .. } in &positions {
            let number = partition.number.to_string();
            let labels = [&*partition.topic, number.as_str()];
            metrics.uncommitted.with_label_values(&labels).set(read - committed);
            if let Some(end) = self.log_ends.get(partition) {
                metrics.consumer_lag.with_label_values(&labels).set((end - read).max(0));
            }
        }
        self.show(now, lanes, positions);
    }

    fn show(&self, now: Duration, lanes: Vec<LaneStatus>, positions: Vec<Position>) {
        let wall_ms = jiff::Timestamp::now().as_millisecond();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let shown = self.lanes.all().filter_map(|(number, known)| {
            let lane = lanes.get(number)?;
            Some(Lane {
                destination: known.destination.name.to_string(),
                kind: known.destination.target.kind(),
                pending: lane.pending,
                in_flight: lane.in_flight,
                waiting: lane.waiting.map(|(reason, until)| {
                    let left_ms = i64::try_from(until.saturating_sub(now).as_millis()).unwrap_or(i64::MAX);
                    (reason.as_str(), wall_ms.saturating_add(left_ms))
                }),
                delivered: known.delivered,
                retried: known.retried,
                oldest_ms: lane.oldest.map(|offered| millis(now.saturating_sub(offered))),
                up: known.up,
                paused: known.paused_by(),
                removed: known.removed,
                trouble: known.trouble.clone(),
            })
        });
        let name = |lane: &LaneId| match self.lanes.get(*lane) {
            Some(known) => known.destination.name.to_string(),
            None => "dead letters".to_owned(),
        };
        let partitions = positions.into_iter().map(|position| PartitionState {
            topic: position.partition.topic.to_string(),
            partition: position.partition.number,
            position: position.read,
            committed: position.committed,
            end: self.log_ends.get(&position.partition).copied(),
            held_by: position.held_by.iter().map(name).collect(),
        });
        self.engine.status.send_replace(Status {
            lanes: shown.collect(),
            partitions: partitions.collect(),
            pending_bytes: self.engine.budget.pending_bytes(),
            intake_paused: self.intake_paused,
        });
    }
}
