//! Letting partitions go: at a revoke, at a loss, and at the end.

use super::{Done, TICK, Work};
use crate::app::handover::Input;
use crate::destination::POST_TIMEOUT;
use crate::kafka::Command;
use crate::ledger::{Commit, Owner};
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a revoked partition or a stop waits for posts on the wire: their timeout, and a little.
pub(super) const DRAIN: Duration = POST_TIMEOUT.saturating_add(Duration::from_secs(1));

pub(super) struct Revoking {
    pub(super) owners: Vec<Owner>,
    pub(super) reply: SyncSender<Vec<Commit>>,
    pub(super) deadline: Instant,
}

impl Work {
    pub(super) fn release(&mut self, owners: &[Owner]) {
        for owner in owners {
            self.outbox.release(owner);
            if let Some(on_the_way) = self.letters.remove(owner) {
                on_the_way.gone.store(true, Ordering::Relaxed);
            }
            self.log_ends.remove(&owner.partition);
            self.engine.metrics.forget_partition(&owner.partition.topic, owner.partition.number);
        }
    }

    /// Notices that were not posted yet.
    fn pending(&self) -> usize {
        self.outbox.status(self.now()).iter().flat_map(|lane| lane.pending).sum()
    }

    /// Answers revocations that have nothing on the wire any more, or whose time is over.
    pub(super) fn finish_revokes(&mut self) {
        let now = Instant::now();
        let mut waiting = Vec::new();
        for revoking in std::mem::take(&mut self.revoking) {
            let busy = self.outbox.in_flight(&|owner| revoking.owners.contains(owner)) > 0
                || revoking.owners.iter().any(|owner| self.letters.contains_key(owner));
            if busy && now < revoking.deadline {
                waiting.push(revoking);
                continue;
            }
            let commits = revoking.owners.iter().filter_map(|owner| self.outbox.commit_of(owner)).collect();
            self.release(&revoking.owners);
            // The poller may have given up waiting; then nothing was committed, and repeats follow.
            let _ = revoking.reply.send(commits);
        }
        self.revoking = waiting;
    }

    /// The end: no new posts, those on the wire awaited, then the last commits.
    pub(super) async fn drain(&mut self, answers: &mut UnboundedReceiver<Done>, input: &mut UnboundedReceiver<Input>) {
        self.draining = true;
        self.engine.health.set_stopping();
        self.outbox.close();
        let deadline = tokio::time::Instant::now() + DRAIN;
        tracing::info!(pending = self.pending(), "stopping: waiting for posts on the wire");
        let mut tick = tokio::time::interval(TICK);
        while self.outbox.in_flight(&|_| true) > 0 || !self.letters.is_empty() {
            tokio::select! {
                Some(answer) = answers.recv() => self.settle(answer),
                Some(message) = input.recv() => self.take(message),
                _ = tick.tick() => self.finish_revokes(),
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        // Refuse what comes from now on, so that a revoke during the last poll finds nobody to wait for. What came is
        // still taken in: a position that is read here lets the commit pass what was posted before it.
        input.close();
        while let Ok(message) = input.try_recv() {
            self.take(message);
        }
        self.revoking.iter_mut().for_each(|revoking| revoking.deadline = Instant::now());
        self.finish_revokes();
        let owners = self.outbox.ledger().owners();
        let commits: Vec<_> = owners.iter().filter_map(|owner| self.outbox.commit_of(owner)).collect();
        tracing::info!(left = self.pending(), "stopped: what is left is posted after the next start");
        if self.engine.poller.send(Command::Stop(commits)).is_err() {
            tracing::warn!("the poller ended first: posts made since the last commit will be made again");
        }
    }
}
