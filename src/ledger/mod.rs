//! The ledger: what each partition still owes, and how far its commit may go.
//!
//! Pure. The rule it keeps is invariant 1: the committed offset never passes a record whose posts
//! are not all settled, however many later ones are. It orders the offsets that were delivered and
//! never assumes that the next one is one more (transaction markers, compaction).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub number: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.topic, self.number)
    }
}

/// A partition as one assignment of it: after a loss, what belongs to an earlier epoch settles nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// The partition.
    pub partition: Partition,
    /// Counts assignments.
    pub epoch: u64,
}

/// A commit to make: everything below `offset` is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub owner: Owner,
    /// The next record to read after a restart.
    pub offset: i64,
}

/// How far a partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The next offset to be judged.
    pub read: i64,
    /// What was committed last.
    pub committed: i64,
    /// Lanes that the first unsettled record owes a post to.
    pub held_by: Vec<usize>,
}

/// Moves past records that owed nothing are committed this often: nothing is lost when they are judged again.
const IDLE_COMMIT: Duration = Duration::from_secs(2);

/// A commit that has not come back after this long is taken for failed, so that an answer that never comes cannot end
/// all commits. A late answer does no harm: it says what was committed, or is not asked for any more.
const COMMIT_LOST: Duration = Duration::from_secs(30);

/// Pause after the first commit that failed; it doubles from there.
const FAILED_FIRST: Duration = Duration::from_millis(100);

/// Longest pause between commits that fail: one line of log in so long, and no longer than this behind when they work.
const FAILED_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Log {
    epoch: u64,
    /// The next offset to be judged.
    position: i64,
    /// Offsets that still owe posts, and to which lanes.
    owing: BTreeMap<i64, Vec<usize>>,
    committed: i64,
    /// A post was settled that no commit covers yet: its commit must not wait.
    settled: bool,
}

impl Log {
    fn watermark(&self) -> i64 {
        self.owing.first_key_value().map_or(self.position, |(offset, _)| *offset)
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Ledger {
    logs: HashMap<Partition, Log>,
    interval: Duration,
    last_commit: Option<Duration>,
    in_flight: Option<InFlight>,
    /// Commits in a row that failed, all or in part.
    failures: u32,
}

/// The commit that was sent and has not come back.
#[derive(Debug)]
struct InFlight {
    since: Duration,
    /// The assignments it was made for: its answer names partitions alone, which may have changed hands since.
    epochs: HashMap<Partition, u64>,
}

impl Ledger {
    /// A ledger whose commits are at least `interval` apart.
    pub fn new(interval: Duration) -> Self {
        Self { logs: HashMap::new(), interval, last_commit: None, in_flight: None, failures: 0 }
    }

    /// A partition is ours from `committed` on, replacing what an earlier assignment of it left.
    pub fn assign(&mut self, owner: &Owner, committed: i64) {
        let log = Log { epoch: owner.epoch, position: committed, owing: BTreeMap::new(), committed, settled: false };
        self.logs.insert(owner.partition.clone(), log);
    }

    /// A partition is no longer ours.
    pub fn release(&mut self, owner: &Owner) {
        if self.log(owner).is_some() {
            self.logs.remove(&owner.partition);
        }
    }

    fn log(&mut self, owner: &Owner) -> Option<&mut Log> {
        self.logs.get_mut(&owner.partition).filter(|log| log.epoch == owner.epoch)
    }

    /// True while this assignment of the partition is the current one.
    pub fn owns(&self, owner: &Owner) -> bool {
        self.logs.get(&owner.partition).is_some_and(|log| log.epoch == owner.epoch)
    }

    /// The record at `offset` owes a post to each of `lanes`.
    pub fn owe(&mut self, owner: &Owner, offset: i64, lanes: Vec<usize>) {
        if let Some(log) = self.log(owner)
            && !lanes.is_empty()
        {
            log.owing.insert(offset, lanes);
        }
    }

    /// Every record below `position` was judged, and what it owes is known.
    pub fn read(&mut self, owner: &Owner, position: i64) {
        if let Some(log) = self.log(owner) {
            log.position = log.position.max(position);
        }
    }

    /// One of the posts that the record owes is settled.
    pub fn settle(&mut self, owner: &Owner, offset: i64, lane: usize) {
        let Some(log) = self.log(owner) else { return };
        let Some(lanes) = log.owing.get_mut(&offset) else {
            return;
        };
        if let Some(index) = lanes.iter().position(|l| *l == lane) {
            lanes.swap_remove(index);
        }
        if lanes.is_empty() {
            log.owing.remove(&offset);
            log.settled = true;
        }
    }

    /// How far this partition's commit may go now, if that is further than it went.
    pub fn commit_of(&self, owner: &Owner) -> Option<Commit> {
        let log = self.logs.get(&owner.partition).filter(|log| log.epoch == owner.epoch)?;
        let offset = log.watermark();
        (offset > log.committed).then(|| Commit { owner: owner.clone(), offset })
    }

    /// The commits to make at `now`: none while one is in flight, or too soon after the last.
    pub fn commits(&mut self, now: Duration) -> Vec<Commit> {
        if self.commit_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        if self.in_flight.take().is_some() {
            self.failures += 1;
        }
        let mut commits = Vec::new();
        for (partition, log) in &mut self.logs {
            let offset = log.watermark();
            if offset > log.committed {
                let owner = Owner { partition: partition.clone(), epoch: log.epoch };
                commits.push(Commit { owner, offset });
            }
        }
        if !commits.is_empty() {
            let epochs = commits.iter().map(|c| (c.owner.partition.clone(), c.owner.epoch)).collect();
            self.in_flight = Some(InFlight { since: now, epochs });
            self.last_commit = Some(now);
        }
        commits
    }

    /// When [`Ledger::commits`] has something to say, if nothing else happens.
    pub fn commit_due(&self) -> Option<Duration> {
        if let Some(in_flight) = &self.in_flight {
            return Some(in_flight.since + COMMIT_LOST);
        }
        let mut behind = self.logs.values().filter(|log| log.watermark() > log.committed).peekable();
        behind.peek()?;
        let wait = if behind.any(|log| log.settled) { self.interval } else { IDLE_COMMIT };
        let wait = wait.max(self.pause_after_failures());
        Some(self.last_commit.map_or(Duration::ZERO, |last| last + wait))
    }

    fn pause_after_failures(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => FAILED_FIRST.saturating_mul(1 << (failures - 1).min(16)).min(FAILED_MAX),
        }
    }

    /// The commit in flight came back with what it committed; the rest will be tried again.
    pub fn committed(&mut self, done: &[(Partition, i64)]) {
        let Some(InFlight { epochs, .. }) = self.in_flight.take() else {
            return;
        };
        let mut failed = false;
        for (partition, epoch) in epochs {
            // Nobody's loss: the partition went, or began anew, while its commit was on the way.
            let Some(log) = self.logs.get_mut(&partition).filter(|log| log.epoch == epoch) else {
                continue;
            };
            match done.iter().find(|(other, _)| *other == partition) {
                // As the broker said it, be it less than before: a late answer of an older commit took it back.
                Some((_, offset)) => {
                    log.committed = *offset;
                    log.settled &= log.watermark() > log.committed;
                }
                None => failed = true,
            }
        }
        self.failures = if failed { self.failures + 1 } else { 0 };
    }

    /// How far every partition is, in order.
    pub fn positions(&self) -> Vec<Position> {
        let mut all: Vec<_> = self
            .logs
            .iter()
            .map(|(partition, log)| Position {
                partition: partition.clone(),
                read: log.position,
                committed: log.committed,
                held_by: log.owing.first_key_value().map(|(_, lanes)| lanes.clone()).unwrap_or_default(),
            })
            .collect();
        all.sort_by(|a, b| a.partition.cmp(&b.partition));
        all
    }

    /// Every current assignment.
    pub fn owners(&self) -> Vec<Owner> {
        self.logs.iter().map(|(p, log)| Owner { partition: p.clone(), epoch: log.epoch }).collect()
    }
}
