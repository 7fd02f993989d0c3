//! Posts: started, answered, settled.

use super::letter::Letter;
use super::{Done, Work};
use crate::app::intake::Held;
use crate::app::render;
use crate::change::RowChange;
use crate::config::Table;
use crate::destination::Verdict;
use crate::outbox::{GivenUp, LaneId, Notice, NoticeId, Outcome, Settled};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a notice carries through its lane.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) change: Arc<RowChange>,
    pub(super) held: Arc<Held>,
    pub(super) table: Option<Arc<Table>>,
    pub(super) rules: Vec<usize>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Work {
    pub(super) fn start_posts(&mut self) {
        loop {
            let now = self.now();
            let Some((lane, id)) = self.outbox.next(now) else {
                return;
            };
            let Some(notice) = self.outbox.notice(lane, id) else {
                return;
            };
            let destination = &self.engine.config.destinations[lane];
            let Payload { change, table, rules, .. } = &notice.payload;
            let payload = render::payload(
                &self.engine.config,
                &destination.target,
                change,
                table.as_deref(),
                rules,
                &self.engine.metrics,
            );
            let name = format!("{}:{}", change.record, destination.name);
            let (http, target, done) = (self.engine.http.clone(), destination.target.clone(), self.done.clone());
            tokio::spawn(async move {
                let began = Instant::now();
                let post = AssertUnwindSafe(target.post(&http, &payload, &name)).catch_unwind();
                // A panic is a bug, and its message is in the log. Its post must come back all the same: the lane
                // would wait for it for ever.
                let verdict = post.await.unwrap_or_else(|_| Verdict::unknown("the post failed inside Rowbell"));
                // The engine ends only after its last answer, or its patience.
                let _ = done.send(Done::Post { lane, id, verdict, took: began.elapsed() });
            });
        }
    }

    pub(super) fn settle(&mut self, done: Done) {
        match done {
            Done::Post { lane, id, verdict, took } => self.posted(lane, id, verdict, took),
            Done::Letter { owner, offset, lane, reason } => {
                self.engine.metrics.dead_letters.with_label_values(&[reason]).inc();
                self.ledger.settle(&owner, offset, lane);
                if let Some(count) = self.letters.get_mut(&owner) {
                    *count -= 1;
                    if *count == 0 {
                        self.letters.remove(&owner);
                    }
                }
            }
        }
        self.finish_revokes();
    }

    fn posted(&mut self, lane: LaneId, id: NoticeId, verdict: Verdict, took: Duration) {
        let Verdict { outcome, detail } = verdict;
        let name = Arc::clone(&self.engine.config.destinations[lane].name);
        self.engine.metrics.posts.with_label_values(&[&*name, outcome.as_str()]).inc();
        self.engine.metrics.post_duration.with_label_values(&[&*name]).observe(took.as_secs_f64());
        if let Some(notice) = self.outbox.notice(lane, id) {
            report(&name, notice, outcome, &detail, self.up[lane]);
        }
        let now = self.now();
        match self.outbox.settle(lane, id, outcome, now) {
            Settled::Delivered(notice) => {
                self.delivered[lane] += 1;
                if let Some(time_us) = notice.payload.change.time_us {
                    let late_us = (jiff::Timestamp::now().as_microsecond() - time_us).max(0);
                    let labels = [&*name, notice.priority.as_str()];
                    self.engine.metrics.change_to_post.with_label_values(&labels).observe(late_us as f64 / 1e6);
                }
                self.ledger.settle(&notice.owner, notice.offset, lane);
            }
            Settled::GivenUp(notice, why) => {
                let reason = match why {
                    GivenUp::Rejected => "rejected",
                    GivenUp::Exhausted => "exhausted",
                };
                let Notice { owner, offset, attempts, payload, .. } = notice;
                let rules: Vec<_> = payload.rules.iter().map(|index| &*self.engine.config.rules[*index].name).collect();
                let letter =
                    Letter { held: payload.held, reason, error: detail, rule: Some(rules.join(",")), attempts };
                self.write_letter(owner, offset, lane, letter);
            }
            Settled::Pending => self.retried[lane] += 1,
            Settled::Gone => {}
        }
        let up = self.outbox.status(now)[lane].up;
        if up != self.up[lane] {
            self.up[lane] = up;
            self.engine.metrics.destination_up.with_label_values(&[&*name]).set(i64::from(up));
            if up {
                tracing::info!(destination = %name, "the destination accepts posts again");
            }
        }
    }
}

/// One log line for each post that was not simply accepted, without row data.
fn report(destination: &str, notice: &Notice<Payload>, outcome: Outcome, detail: &str, was_up: bool) {
    let (record, attempts) = (&notice.payload.change.record, notice.attempts);
    match outcome {
        Outcome::Delivered => tracing::debug!(destination, %record, attempts, "posted"),
        Outcome::Retry { after: Some(after) } => {
            tracing::info!(destination, %record, attempts, detail, wait_ms = after.as_millis() as u64, "told to wait")
        }
        Outcome::Retry { after: None } => {
            tracing::warn!(destination, %record, attempts, detail, "post failed, trying again")
        }
        Outcome::Unknown => {
            tracing::warn!(destination, %record, attempts, detail, "no answer: the post may appear twice, trying again")
        }
        Outcome::Rejected => {
            tracing::error!(destination, %record, attempts, detail, "the message was refused; it goes to the dead letters")
        }
        // Once when it begins; the gauge and the alert say the rest.
        Outcome::Blocked if was_up => tracing::error!(
            destination,
            detail,
            "the destination accepts nothing; its lane waits and tries again; hint: was the webhook revoked, or the channel archived?"
        ),
        Outcome::Blocked => tracing::debug!(destination, detail, "still blocked"),
    }
}
