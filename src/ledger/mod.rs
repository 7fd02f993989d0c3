//! The ledger: what each partition still owes each lane, and how far its commit may go.
//!
//! Pure. The rule it keeps is invariant 1: the committed offset never passes a record whose posts
//! are not all settled, however many later ones are. It orders the offsets that were delivered and
//! never assumes that the next one is one more (transaction markers, compaction). What a lane has
//! settled beyond the commit travels in the commit's metadata.

mod lag;
mod lane;
mod lanes;
mod log;
mod metadata;
mod standing;

#[cfg(test)]
mod tests;

pub use metadata::{LaneKey, MetadataError};
pub use standing::{LaneStanding, Standing};

use foldhash::HashMap;
use log::Log;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// Which lane. Its number is its own for as long as it lives, whatever becomes of the others; a later lane may get it then.
pub type LaneId = usize;

/// Offsets that are settled together: those of one notice, or of one digest. Unique within a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub u64);

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
    /// What each lane has settled beyond; for the next assignment's [`Ledger::assign`].
    pub metadata: String,
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

/// What a record owes a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It was not judged yet.
    Unread,
    /// A post, with this group.
    Owed(Group),
    /// Perhaps a post: it was let go, and is judged again in its turn.
    LetGo,
    /// Nothing, or nothing any more.
    Settled,
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

/// See the module's text.
#[derive(Debug)]
pub struct Ledger {
    logs: HashMap<Partition, Log>,
    /// By lane; none for one that commits say nothing of: it is dropped, or its number is free.
    keys: Vec<Option<LaneKey>>,
    /// Numbers that the next lanes get.
    free: Vec<LaneId>,
    interval: Duration,
    metadata_bytes: usize,
    last_commit: Option<Duration>,
    in_flight: Option<InFlight>,
    /// Commits in a row that failed, all or in part.
    failures: u32,
    overflow: u64,
}

/// The commit that was sent and has not come back.
#[derive(Debug)]
struct InFlight {
    since: Duration,
    /// The assignments it was made for (its answer names partitions alone, which may have changed hands since), and the
    /// settlements it covers.
    covers: HashMap<Partition, (u64, u64)>,
}

impl Ledger {
    /// A ledger for these lanes, whose commits are at least `interval` apart and have at most `metadata_bytes` of
    /// metadata.
    pub fn new(keys: Vec<LaneKey>, interval: Duration, metadata_bytes: usize) -> Self {
        Self {
            logs: HashMap::default(),
            keys: keys.into_iter().map(Some).collect(),
            free: Vec::new(),
            interval,
            metadata_bytes,
            last_commit: None,
            in_flight: None,
            failures: 0,
            overflow: 0,
        }
    }

    /// A partition is ours from `committed` on, replacing what an earlier assignment of it left; `metadata` is that of
    /// its last commit. An error says that the metadata is of no use: everything from `committed` on is owed again.
    pub fn assign(&mut self, owner: &Owner, committed: i64, metadata: Option<&str>) -> Result<(), MetadataError> {
        let told = metadata.filter(|text| !text.is_empty()).map(metadata::read).transpose();
        // Of a log that was replaced: its offsets mean nothing in this one.
        let usable = told.as_ref().ok().and_then(|told| told.as_ref()).filter(|told| told.base <= committed);
        let log = Log::new(owner.epoch, committed, &self.keys, usable);
        self.logs.insert(owner.partition.clone(), log);
        told.map(|_| ())
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

    fn seen(&self, owner: &Owner) -> Option<&Log> {
        self.logs.get(&owner.partition).filter(|log| log.epoch == owner.epoch)
    }

    /// True while this assignment of the partition is the current one.
    pub fn owns(&self, owner: &Owner) -> bool {
        self.seen(owner).is_some()
    }

    /// True where the metadata of the last commit says that the lane has settled this record already.
    pub fn is_posted(&self, owner: &Owner, lane: LaneId, offset: i64) -> bool {
        self.seen(owner).and_then(|log| log.lanes.get(lane)).is_some_and(|lane| lane.is_posted(offset))
    }

    /// The record at `offset` owes a post to `lane`, to be settled with its group. Offsets must come in order.
    pub fn owe(&mut self, owner: &Owner, lane: LaneId, offset: i64, group: Group) {
        if let Some(lane) = self.log(owner).and_then(|log| log.lanes.get_mut(lane)) {
            lane.owe(offset, group);
        }
    }

    /// What the group `from` owes within `span` is to be settled with the group `to` from now on.
    pub fn regroup(&mut self, owner: &Owner, lane: LaneId, span: &RangeInclusive<i64>, from: Group, to: Group) {
        if let Some(lane) = self.log(owner).and_then(|log| log.lanes.get_mut(lane)) {
            lane.regroup(span, from, to);
        }
    }

    /// Every record below `position` was judged, and what it owes is known.
    pub fn read(&mut self, owner: &Owner, position: i64) {
        if let Some(log) = self.log(owner) {
            log.read(position);
        }
    }

    /// What the group owes `lane`, all of it within `span`, is settled.
    pub fn settle(&mut self, owner: &Owner, lane: LaneId, span: &RangeInclusive<i64>, group: Group) {
        if let Some(log) = self.log(owner) {
            log.settle(lane, span, group);
        }
    }

    /// How much of this partition was settled until now, to ask [`Ledger::is_said`] later.
    pub fn settlements(&self, owner: &Owner) -> u64 {
        self.seen(owner).map_or(0, |log| log.settlements)
    }

    /// Whether the partitions are still ours is in doubt: each needs a commit, which the group takes of its owner alone.
    /// Answers what to ask [`Ledger::is_said`] with.
    pub fn doubt(&mut self) -> Vec<(Owner, u64)> {
        let doubted = self.logs.iter_mut().map(|(partition, log)| {
            log.settlements += 1;
            (Owner { partition: partition.clone(), epoch: log.epoch }, log.settlements)
        });
        doubted.collect()
    }

    /// True where a commit covers what was settled until then, or the partition is not ours any more.
    pub fn is_said(&self, owner: &Owner, settlements: u64) -> bool {
        self.seen(owner).is_none_or(|log| log.said >= settlements)
    }

    /// How far this partition's commit may go now, if it has anything new to say; for its last commit.
    pub fn commit_of(&mut self, owner: &Owner) -> Option<Commit> {
        let log = self.logs.get_mut(&owner.partition).filter(|log| log.epoch == owner.epoch && log.needs_commit())?;
        let (commit, left_out) = log.commit(owner, &self.keys, self.metadata_bytes);
        self.overflow += left_out;
        Some(commit)
    }

    /// The commits to make at `now`: none while one is in flight, or too soon after the last.
    pub fn commits(&mut self, now: Duration) -> Vec<Commit> {
        if self.commit_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let lost = self.in_flight.take().map(|lost| lost.covers);
        self.failures += u32::from(lost.is_some());
        let (mut commits, mut covers) = (Vec::new(), HashMap::default());
        for (partition, log) in self.logs.iter_mut().filter(|(_, log)| log.needs_commit()) {
            let owner = Owner { partition: partition.clone(), epoch: log.epoch };
            let (commit, left_out) = log.commit(&owner, &self.keys, self.metadata_bytes);
            self.overflow += left_out;
            // The answer of a lost commit may be taken for this one's: it covers no more than both.
            let before =
                lost.as_ref().and_then(|covers| covers.get(partition)).filter(|(epoch, _)| *epoch == log.epoch);
            let settlements = before.map_or(log.settlements, |(_, settlements)| *settlements);
            covers.insert(partition.clone(), (log.epoch, settlements));
            commits.push(commit);
        }
        if !commits.is_empty() {
            commits.sort_by(|a, b| a.owner.cmp(&b.owner));
            self.in_flight = Some(InFlight { since: now, covers });
            self.last_commit = Some(now);
        }
        commits
    }

    /// When [`Ledger::commits`] has something to say, if nothing else happens.
    pub fn commit_due(&self) -> Option<Duration> {
        if let Some(in_flight) = &self.in_flight {
            return Some(in_flight.since + COMMIT_LOST);
        }
        let mut behind = self.logs.values().filter(|log| log.needs_commit()).peekable();
        behind.peek()?;
        let wait = if behind.any(|log| log.settlements > log.said) { self.interval } else { IDLE_COMMIT };
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
        let Some(InFlight { covers, .. }) = self.in_flight.take() else {
            return;
        };
        let mut failed = false;
        for (partition, (epoch, settlements)) in covers {
            // Nobody's loss: the partition went, or began anew, while its commit was on the way.
            let Some(log) = self.logs.get_mut(&partition).filter(|log| log.epoch == epoch) else {
                continue;
            };
            match done.iter().find(|(other, _)| *other == partition) {
                // As the broker said it, be it less than before: a late answer of an older commit took it back.
                Some((_, offset)) => {
                    log.committed = *offset;
                    log.said = settlements;
                }
                None => failed = true,
            }
        }
        self.failures = if failed { self.failures + 1 } else { 0 };
    }

    /// Posts that the limit of the metadata left out of a commit, since the start.
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// How far every partition is, in order.
    pub fn positions(&self) -> Vec<Position> {
        let mut all: Vec<_> = self
            .logs
            .iter()
            .map(|(partition, log)| {
                let watermark = log.watermark();
                let holds = |lane: &LaneId| log.lanes[*lane].first_owed() == Some(watermark);
                Position {
                    partition: partition.clone(),
                    read: log.position,
                    committed: log.committed,
                    held_by: (0..log.lanes.len()).filter(holds).collect(),
                }
            })
            .collect();
        all.sort_by(|a, b| a.partition.cmp(&b.partition));
        all
    }

    /// What a record of a partition of ours owes each lane; `None` where the partition is not ours.
    pub fn dues(&self, partition: &Partition, offset: i64) -> Option<Vec<Due>> {
        let log = self.logs.get(partition)?;
        let due = |lane: &lane::LaneLog| match lane.owing(offset) {
            Some(group) => Due::Owed(group),
            None if !lane.is_posted(offset) && offset < log.position && lane.lags_at(offset) => Due::LetGo,
            None if lane.is_posted(offset) || offset < log.position => Due::Settled,
            None => Due::Unread,
        };
        Some(log.lanes.iter().map(due).collect())
    }

    /// How many partitions are ours.
    pub fn owned(&self) -> usize {
        self.logs.len()
    }

    /// Every current assignment.
    pub fn owners(&self) -> Vec<Owner> {
        self.logs.iter().map(|(p, log)| Owner { partition: p.clone(), epoch: log.epoch }).collect()
    }
}
