//! A replica: the pure core, and around it what the service does: it reads, posts what it is told, and commits.

use crate::change::{Id, Memory, Net, Notes};
use crate::faults::Bug;
use crate::kafka::Record;
use crate::truth::{Row, check_commit};
use crate::world::{Event, World};
use rowbell::ledger::{Commit, Owner, Partition as Name};
use rowbell::message::Priority;
use rowbell::outbox::{LaneId, LaneStatus, Next, Notice, Outbox, PostId, RowKey, WaitReason};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

/// Memory that a notice takes.
pub const EACH: u64 = 16;

/// Records handed over in one go.
const POLLED: usize = 20;

/// Pending criticals beyond which they may be in a digest, which may have to wait for another.
const CRITICAL_MANY: usize = 100;

#[derive(Debug)]
pub struct Owned {
    pub owner: Owner,
    pub position: i64,
    pub revoking: bool,
    pub letters: usize,
}

/// A change that a lane of this replica owes.
#[derive(Debug)]
pub struct Pending {
    pub row: Row,
    pub critical: bool,
    pub tried: bool,
    /// In memory, as far as is known.
    pub held: bool,
}

#[derive(Debug)]
pub struct Replica {
    pub life: u64,
    pub outbox: Outbox<Net>,
    /// The destination of each of the outbox's lanes, and the lane of each destination that the config has.
    pub names: HashMap<LaneId, usize>,
    pub current: Vec<Option<LaneId>>,
    pub owned: BTreeMap<usize, Owned>,
    pub wakes: Option<Duration>,
    /// By destination, as all that follows but for what is on the wire: accepted posts, by their number in the lane's history, that no commit covers.
    pub open: Vec<Vec<usize>>,
    /// By the outbox's lane and post: its number once it was accepted, and its changes.
    pub flying: HashMap<(LaneId, PostId), (Option<usize>, Vec<Id>)>,
    /// No post starts before.
    pub told: Vec<Duration>,
    pub pending: Vec<BTreeMap<Id, Pending>>,
    /// There were more criticals than are posted one by one.
    pub many: Vec<bool>,
    pub paused: Vec<bool>,
    /// The most posts that may have been on the wire at once.
    pub most_in_flight: Vec<usize>,
    /// Posts on the wire to where their destination was before.
    pub astray: HashSet<(LaneId, PostId)>,
    /// What removed destinations were owed.
    pub left: Vec<(usize, Id, Owner)>,
    /// The largest share of memory that the lane had.
    pub most_share: Vec<u64>,
    pub had_digests: Vec<bool>,
    pub memory: Vec<Memory>,
}

/// What is offered of a record.
pub fn notice(
    record: &Record,
    priority: Priority,
    owner: &Owner,
    (notes, memory): (&Rc<RefCell<Notes>>, &Memory),
    bug: Option<Bug>,
    now: Duration,
) -> Notice<Net> {
    let id = (owner.partition.number, record.offset);
    let mut key = format!("{:?}", (id.0, record.row.unwrap_or(255)));
    if bug == Some(Bug::ReorderRow) {
        key.push_str(&record.offset.to_string());
    }
    let told = if bug == Some(Bug::ForgetUrgency) { Priority::Normal } else { priority };
    let content = Net {
        ids: vec![id],
        from: record.from,
        to: record.to,
        keyless: record.row.is_none(),
        notes: Rc::clone(notes),
        memory: memory.take(),
    };
    let key = RowKey(key.into_bytes().into());
    let notice = Notice::new(owner.clone(), record.offset, key, told, content, now);
    Notice { expires: record.expires, bytes: EACH, ..notice }
}

impl World {
    pub fn poll(&mut self, number: usize) -> Result<(), String> {
        let Some((index, _)) = self.partitions[number].owner else { return Ok(()) };
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let Some(owned) = replica.owned.get_mut(&number).filter(|owned| !owned.revoking) else { return Ok(()) };
        let waiting: usize = replica.outbox.status(self.now).iter().flat_map(|lane| lane.pending).sum();
        let full = waiting >= self.pending_max;
        if full && self.bug != Some(Bug::LoseWhenFull) {
            self.counts.full += 1;
            self.at(Duration::from_secs(3), Event::Poll(number));
            return Ok(());
        }
        let mut letters = Vec::new();
        let start = self.partitions[number].start;
        if owned.position < start {
            owned.position = start;
            replica.outbox.read(&owned.owner, start);
        }
        let position = owned.position;
        let mut read = 0;
        for record in self.partitions[number].from(position).take(POLLED) {
            owned.position = record.offset + 1;
            read += 1;
            if full {
                continue;
            }
            let id = (number as i32, record.offset);
            if record.broken {
                match replica.outbox.owe_letter(&owned.owner, record.offset) {
                    Some(owed) => letters.push((owed, id)),
                    None if self.letters.contains(&id) => self.counts.skipped_by_metadata += 1,
                    None => return Err(format!("{id:?} cannot be read, and owes no dead letter")),
                }
                continue;
            }
            if record.repeat {
                self.counts.source_repeats += 1;
                if self.bug != Some(Bug::ForgetRepeats) {
                    replica.outbox.owes_nothing(&owned.owner, record.offset);
                }
                continue;
            }
            let row = (number as i32, record.row.unwrap_or(255));
            for (lane, priority) in record.wanted.iter().enumerate() {
                let (Some(priority), Some(number)) = (*priority, replica.current[lane]) else { continue };
                let notes = (&self.lanes[lane].notes, &replica.memory[lane]);
                let notice = notice(record, priority, &owned.owner, notes, self.bug, self.now);
                // Should the change be undone once more, it is settled once more.
                self.lanes[lane].notes.borrow_mut().undone.remove(&id);
                let was_settled = self.lanes[lane].is_settled(id);
                let spilled = |outbox: &Outbox<Net>, now| match outbox.ledger().lag(&owned.owner, number) {
                    Some(_) => outbox.status(now)[number].spilled,
                    None => 0,
                };
                let before = spilled(&replica.outbox, self.now);
                let offered = replica.outbox.offer(number, notice, self.now);
                if offered {
                    let critical = priority == Priority::Critical;
                    let held = spilled(&replica.outbox, self.now) == before;
                    self.counts.let_go += u64::from(!held);
                    replica.pending[lane].insert(id, Pending { row, critical, tried: false, held });
                    let criticals = replica.pending[lane].values().filter(|pending| pending.critical).count();
                    replica.many[lane] |= criticals > CRITICAL_MANY;
                } else {
                    self.counts.skipped_by_metadata += 1;
                    if !was_settled && self.lanes[lane].is_owed(id) {
                        // It may have been undone before, which the metadata says as well.
                        self.lanes[lane].notes.borrow_mut().undone.insert(id);
                    }
                }
            }
        }
        let position = owned.position;
        let owner = owned.owner.clone();
        owned.letters += letters.len();
        self.partitions[number].read = self.partitions[number].read.max(position);
        replica.outbox.read(&owner, position.max(if read < POLLED { self.partitions[number].end } else { position }));
        if read < POLLED {
            owned.position = self.partitions[number].end;
            self.partitions[number].read = self.partitions[number].end;
        } else {
            self.at(Duration::from_millis(10), Event::Poll(number));
        }
        for (owed, id) in letters {
            self.write_letter(index, owed, vec![id]);
        }
        Ok(())
    }

    /// Everything the core wants done now.
    pub fn drive(&mut self, index: usize) -> Result<(), String> {
        self.hand_over_all(index)?;
        self.letters_of_the_removed(index);
        loop {
            let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
            match replica.outbox.next(self.now) {
                Some(Next::Post(lane, id)) => self.start(index, lane, id)?,
                Some(Next::Expired(notice, owed)) => {
                    self.counts.expired += 1;
                    self.give_up(index, notice, owed);
                }
                Some(Next::Reread(order)) => self.order(index, order),
                None => break,
            }
        }
        self.commit(index)?;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let waits = |lane: &LaneStatus| lane.waiting.is_some_and(|(reason, _)| reason == WaitReason::Commit);
        self.counts.waits_for_commits += u64::from(replica.outbox.status(self.now).iter().any(waits));
        if let Some(wake) = replica.outbox.wake_at() {
            if wake <= self.now {
                return Err(format!("a service would spin: {:?}", replica.outbox.status(self.now)));
            }
            if replica.wakes.is_none_or(|known| wake < known) {
                replica.wakes = Some(wake);
                let life = replica.life;
                self.at(wake - self.now, Event::Wake(index, life));
            }
        }
        Ok(())
    }

    fn commit(&mut self, index: usize) -> Result<(), String> {
        let now = self.now;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let mut commits = replica.outbox.commits(now);
        let (life, overflow) = (replica.life, replica.outbox.ledger().overflow());
        if commits.is_empty() {
            return Ok(());
        }
        if self.bug == Some(Bug::CommitPastFailure) {
            for commit in &mut commits {
                let number = commit.owner.partition.number as usize;
                commit.offset = replica.owned.get(&number).map_or(commit.offset, |owned| owned.position);
            }
        }
        self.note_overflow(overflow);
        let mut wait = self.random.u64(1..10);
        let mut done = commits.clone();
        let fails = self.now < self.outage;
        if fails {
            self.counts.commits_failed += 1;
            done.clear();
        } else {
            for commit in &commits {
                self.make(index, commit)?;
            }
            if !self.healed && self.random.u8(..40) == 0 {
                self.counts.commits_failed_but_made += 1;
                done.clear();
            } else if !self.healed && self.random.u8(..40) == 0 {
                self.counts.commits_late += 1;
                wait = self.random.u64(10..40_000);
            }
        }
        if self.bug == Some(Bug::PretendCommits) {
            done = commits;
        }
        self.at(Duration::from_millis(wait), Event::Committed(index, life, done));
        Ok(())
    }

    /// What the metadata leaves out may be posted again; which posts that are, nobody says.
    pub fn note_overflow(&mut self, overflow: u64) {
        if overflow > 0 {
            self.counts.overflows += 1;
            self.lanes.iter_mut().for_each(|lane| lane.overflowed = true);
        }
    }

    /// Kafka takes a commit from the partition's owner.
    pub fn make(&mut self, index: usize, commit: &Commit) -> Result<(), String> {
        let number = commit.owner.partition.number;
        let partition = &mut self.partitions[number as usize];
        if partition.owner != Some((index, commit.owner.epoch)) {
            return Ok(());
        }
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let there = |name: usize| replica.current[name].is_some();
        check_commit(&self.lanes, &self.letters, partition, number, commit.offset, there)?;
        replica.check_left(&commit.owner, commit.offset, |name, id| self.lanes[name].is_settled(id))?;
        partition.committed = commit.offset;
        partition.metadata.clone_from(&commit.metadata);
        partition.named = (0..self.active.len()).filter(|name| self.active[*name]).collect();
        for (lane, open) in self.lanes.iter_mut().zip(&mut replica.open) {
            for post in open.iter() {
                let post = &mut lane.accepted[*post];
                if post.known {
                    post.uncovered.retain(|other| *other != number);
                }
            }
            open.retain(|post| !lane.accepted[*post].uncovered.is_empty());
        }
        Ok(())
    }

    pub fn committed(&mut self, index: usize, life: u64, done: &[Commit]) {
        if let Some(replica) = self.alive(index, life) {
            replica.outbox.committed(&answer(done));
        }
    }
}

fn answer(commits: &[Commit]) -> Vec<(Name, i64)> {
    commits.iter().map(|commit| (commit.owner.partition.clone(), commit.offset)).collect()
}
