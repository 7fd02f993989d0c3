//! The group: who owns which partition, and how it changes.

use crate::change::Memory;
use crate::faults::Bug;
use crate::pace::Allowance;
use crate::reload::settings;
use crate::replica::{Owned, Replica};
use crate::world::{Event, World};
use rowbell::ledger::{Owner, Partition as Name};
use rowbell::outbox::{CommitSettings, EXPOSED_MAX, Outbox, UNCOMMITTED_MAX};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How long a revoked partition waits for posts on the wire, at most; now and then less than an answer takes.
const DRAIN_MS: u64 = 6_000;

impl World {
    pub fn restart(&mut self, index: usize) -> Result<(), String> {
        self.lives += 1;
        let lanes = self.plans.len();
        let there: Vec<_> = (0..lanes).filter(|name| self.active[*name]).collect();
        let settings = there.iter().map(|name| settings(*name, &self.plans[*name]));
        let commits = CommitSettings { interval: Duration::from_millis(20), metadata_bytes: self.metadata_bytes };
        self.replicas[index] = Some(Replica {
            life: self.lives,
            outbox: Outbox::new(settings, commits, self.random.u64(..)),
            names: there.iter().copied().enumerate().collect(),
            current: (0..lanes).map(|name| there.iter().position(|other| *other == name)).collect(),
            owned: BTreeMap::new(),
            wakes: None,
            open: vec![Vec::new(); lanes],
            flying: HashMap::new(),
            told: vec![Duration::ZERO; lanes],
            pending: (0..lanes).map(|_| BTreeMap::new()).collect(),
            many: vec![false; lanes],
            paused: vec![false; lanes],
            most_in_flight: self.plans.iter().map(|plan| plan.in_flight).collect(),
            astray: HashSet::new(),
            left: Vec::new(),
            most_share: self.plans.iter().map(|plan| plan.share).collect(),
            had_digests: self.plans.iter().map(|plan| plan.digest.is_some()).collect(),
            memory: (0..lanes).map(|_| Memory::default()).collect(),
        });
        self.allowances.iter_mut().for_each(Allowance::begin);
        if let Some(replica) = self.replicas[index].as_mut().filter(|_| self.bug != Some(Bug::KeepTheRate)) {
            replica.outbox.set_partitions(self.partitions.len());
        }
        for number in 0..self.partitions.len() {
            if self.partitions[number].owner.is_none() {
                self.assign(number, index);
            }
        }
        Ok(())
    }

    fn assign(&mut self, number: usize, index: usize) {
        self.epochs += 1;
        let partition = &mut self.partitions[number];
        partition.owner = Some((index, self.epochs));
        let Some(replica) = &mut self.replicas[index] else { return };
        let owner = Owner { partition: Name { topic: "t".into(), number: number as i32 }, epoch: self.epochs };
        partition.committed = partition.committed.max(partition.start);
        let metadata = (self.bug != Some(Bug::ForgetMetadata)).then_some(&*partition.metadata);
        let told = replica.outbox.assign(&owner, partition.committed, metadata);
        told.expect("it wrote that itself");
        let position = partition.committed;
        // New to the config since that commit: where exactly it begins is the ledger's to say.
        for name in (0..self.active.len()).filter(|name| self.active[*name] && !partition.metadata.is_empty()) {
            if !partition.named.contains(&name) {
                self.lanes[name].begins.insert(number as i32, partition.read);
            }
        }
        replica.owned.insert(number, Owned { owner, position, revoking: false, letters: 0 });
        self.at(Duration::from_millis(1), Event::Poll(number));
    }

    pub fn crash(&mut self, index: usize) -> Result<(), String> {
        let Some(replica) = self.replicas[index].take() else { return Ok(()) };
        self.counts.crashes += 1;
        self.counts.crashes_with_posts_on_the_wire += u64::from(!replica.flying.is_empty());
        for (lane, open) in replica.open.iter().enumerate() {
            let truth = &mut self.lanes[lane];
            // Posts that may be made twice now: on the wire, or accepted and not committed.
            let flying = replica.flying.keys().filter(|(other, _)| replica.current[lane] == Some(*other)).count();
            let known = open.iter().filter(|post| {
                let post = &truth.accepted[**post];
                post.known && post.uncovered.iter().any(|number| !post.excused.contains(number))
            });
            let exposed = flying + known.count();
            self.counts.crashes_before_a_commit += u64::from(exposed > flying);
            let in_flight = replica.most_in_flight[lane];
            let most = (UNCOMMITTED_MAX - 1 + in_flight).min(in_flight.max(EXPOSED_MAX));
            if exposed > most {
                return Err(format!(
                    "a crash exposes {exposed} posts of lane {lane} to repetition, {most} at most may be"
                ));
            }
            for post in open {
                for number in truth.accepted[*post].uncovered.clone() {
                    truth.accepted[*post].excuse(number);
                }
            }
        }
        for number in replica.owned.keys().copied().collect::<Vec<_>>() {
            self.partitions[number].owner = None;
        }
        let wait = Duration::from_millis(self.random.u64(100..8_000));
        self.at(wait, Event::Restart(index));
        // Now and then the other one takes over before.
        if self.random.bool() {
            self.take_over(replica.owned.keys().copied().collect(), 1 - index);
        }
        Ok(())
    }

    fn take_over(&mut self, partitions: Vec<usize>, index: usize) {
        if self.replicas[index].is_some() {
            self.counts.resumed_replicas += 1;
            for number in partitions {
                self.assign(number, index);
            }
        }
    }

    /// The group moves a partition to the other replica.
    pub fn revoke(&mut self, number: usize) -> Result<(), String> {
        let Some((index, _)) = self.partitions[number].owner else { return Ok(()) };
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let Some(owned) = replica.owned.get_mut(&number).filter(|owned| !owned.revoking) else { return Ok(()) };
        owned.revoking = true;
        let owner = owned.owner.clone();
        self.counts.revokes += 1;
        replica.outbox.stop(&|other| *other == owner);
        replica.forget(number as i32);
        let life = replica.life;
        let drain = Duration::from_millis(self.random.u64(10..DRAIN_MS));
        self.at(drain, Event::Handover(index, life, number));
        Ok(())
    }

    pub fn hand_over_all(&mut self, index: usize) -> Result<(), String> {
        let Some(replica) = &self.replicas[index] else { return Ok(()) };
        let life = replica.life;
        let revoking: Vec<_> =
            replica.owned.iter().filter(|(_, owned)| owned.revoking).map(|(number, _)| *number).collect();
        for number in revoking {
            self.hand_over(index, life, number, false)?;
        }
        Ok(())
    }

    /// A revoked partition goes when nothing of it is on the wire any more, or when its time is over.
    pub fn hand_over(&mut self, index: usize, life: u64, number: usize, over: bool) -> Result<(), String> {
        let Some(replica) = self.alive(index, life) else { return Ok(()) };
        let Some(owned) = replica.owned.get(&number).filter(|owned| owned.revoking) else { return Ok(()) };
        let (owner, position) = (owned.owner.clone(), owned.position);
        let busy = replica.outbox.in_flight(&|other| *other == owner) > 0 || owned.letters > 0;
        if busy && !over {
            return Ok(());
        }
        let mut commit = replica.outbox.commit_of(&owner);
        let overflow = replica.outbox.ledger().overflow();
        replica.outbox.release(&owner);
        self.note_overflow(overflow);
        self.counts.revokes_past_their_deadline += u64::from(busy);
        if let Some(commit) = commit.as_mut().filter(|_| self.bug == Some(Bug::DropOnRevoke)) {
            commit.offset = position;
        }
        if let Some(commit) = commit.filter(|_| self.now >= self.outage) {
            self.make(index, &commit)?;
        }
        self.let_go(index, number);
        self.partitions[number].owner = None;
        let to = if self.replicas[1 - index].is_some() { 1 - index } else { index };
        self.assign(number, to);
        Ok(())
    }

    /// The group took a replica for dead; it learns that at once.
    pub fn lose(&mut self, number: usize) -> Result<(), String> {
        let Some((index, _)) = self.partitions[number].owner else { return Ok(()) };
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let Some(owned) = replica.owned.get(&number) else { return Ok(()) };
        let owner = owned.owner.clone();
        self.counts.losses += 1;
        replica.outbox.stop(&|other| *other == owner);
        replica.outbox.release(&owner);
        replica.forget(number as i32);
        self.let_go(index, number);
        self.partitions[number].owner = None;
        let to = if self.replicas[1 - index].is_some() { 1 - index } else { index };
        self.assign(number, to);
        Ok(())
    }

    /// What no commit covers of a partition that goes may be made again by its next owner.
    fn let_go(&mut self, index: usize, number: usize) {
        let Some(replica) = &mut self.replicas[index] else { return };
        replica.owned.remove(&number);
        replica.left.retain(|(_, id, _)| id.0 != number as i32);
        for (lane, open) in self.lanes.iter_mut().zip(&replica.open) {
            for post in open {
                lane.accepted[*post].excuse(number as i32);
            }
        }
    }
}

impl Replica {
    fn forget(&mut self, number: i32) {
        for pending in &mut self.pending {
            pending.retain(|id, _| id.0 != number);
        }
    }
}
