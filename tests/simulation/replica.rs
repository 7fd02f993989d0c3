//! A replica: the pure core, and around it what the service does.

use crate::change::{Id, Net};
use crate::faults::Bug;
use crate::truth::{Accepted, Row, check_commit};
use crate::world::{Event, World};
use rowbell::ledger::{Commit, Owner, Partition as Name};
use rowbell::message::Priority;
use rowbell::outbox::{
    Bucket, CommitSettings, LaneId, LaneSettings, Next, Notice, Outbox, Outcome, Owed, Post, PostId, RowKey, Settled,
    UNCOMMITTED_MAX,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Records handed over in one go.
const POLLED: usize = 20;

/// How long a revoked partition waits for posts on the wire.
const DRAIN: Duration = Duration::from_secs(6);

/// Pending criticals beyond which they may be in a digest, which may have to wait for another.
const CRITICAL_MANY: usize = 100;

#[derive(Debug)]
pub struct Owned {
    pub owner: Owner,
    pub position: i64,
    pub revoking: bool,
    letters: usize,
}

/// A change that a lane of this replica owes.
#[derive(Debug)]
struct Pending {
    row: Row,
    critical: bool,
    tried: bool,
}

#[derive(Debug)]
pub struct Replica {
    pub life: u64,
    pub outbox: Outbox<Net>,
    pub owned: BTreeMap<usize, Owned>,
    pub wakes: Option<Duration>,
    /// By lane: accepted posts, by their number in the lane's history, that no commit covers.
    open: Vec<Vec<usize>>,
    /// By lane and post on the wire: its number once it was accepted, and its changes.
    flying: HashMap<(LaneId, PostId), (Option<usize>, Vec<Id>)>,
    /// By lane: no post starts before.
    told: Vec<Duration>,
    pending: Vec<BTreeMap<Id, Pending>>,
    /// By lane: there were more criticals than are posted one by one.
    many: Vec<bool>,
}

impl World {
    pub fn restart(&mut self, index: usize) -> Result<(), String> {
        self.lives += 1;
        let lanes = self.plans.len();
        let settings = self.plans.iter().enumerate().map(|(lane, plan)| LaneSettings {
            name: format!("lane {lane}").into(),
            bucket: Arc::new(Bucket::new(plan.rate, plan.burst)),
            in_flight: plan.in_flight,
            fold: plan.fold,
            digest: plan.digest,
            simplify: plan.simplify,
        });
        let commits = CommitSettings { interval: Duration::from_millis(20), metadata_bytes: self.metadata_bytes };
        self.replicas[index] = Some(Replica {
            life: self.lives,
            outbox: Outbox::new(settings, commits, self.random.u64(..)),
            owned: BTreeMap::new(),
            wakes: None,
            open: vec![Vec::new(); lanes],
            flying: HashMap::new(),
            told: vec![Duration::ZERO; lanes],
            pending: (0..lanes).map(|_| BTreeMap::new()).collect(),
            many: vec![false; lanes],
        });
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
        let metadata = (self.bug != Some(Bug::ForgetMetadata)).then_some(&*partition.metadata);
        let told = replica.outbox.assign(&owner, partition.committed, metadata);
        told.expect("it wrote that itself");
        let position = partition.committed;
        replica.owned.insert(number, Owned { owner, position, revoking: false, letters: 0 });
        self.at(Duration::from_millis(1), Event::Poll(number));
    }

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
            let row = (number as i32, record.row.unwrap_or(255));
            for (lane, priority) in record.wanted.iter().enumerate() {
                let Some(priority) = *priority else { continue };
                let mut key = format!("{row:?}");
                if self.bug == Some(Bug::ReorderRow) {
                    key.push_str(&record.offset.to_string());
                }
                let told = if self.bug == Some(Bug::ForgetUrgency) { Priority::Normal } else { priority };
                let content = Net {
                    ids: vec![id],
                    from: record.from,
                    to: record.to,
                    keyless: record.row.is_none(),
                    notes: std::rc::Rc::clone(&self.lanes[lane].notes),
                };
                let key = RowKey(key.into_bytes().into());
                let notice = Notice::new(owned.owner.clone(), record.offset, key, told, content, self.now);
                let expires = record.expires_ms.map(|ms| self.now + Duration::from_millis(ms));
                // Should the change be undone once more, it is settled once more.
                self.lanes[lane].notes.borrow_mut().undone.remove(&id);
                let was_settled = self.lanes[lane].is_settled(id);
                let offered = replica.outbox.offer(lane, Notice { expires, ..notice }, self.now);
                if offered {
                    let critical = priority == Priority::Critical;
                    replica.pending[lane].insert(id, Pending { row, critical, tried: false });
                    let criticals = replica.pending[lane].values().filter(|pending| pending.critical).count();
                    replica.many[lane] |= criticals > CRITICAL_MANY;
                } else {
                    self.counts.skipped_by_metadata += 1;
                    if !was_settled {
                        // It may have been undone before, which the metadata says as well.
                        self.lanes[lane].notes.borrow_mut().undone.insert(id);
                    }
                }
            }
        }
        let position = owned.position;
        let owner = owned.owner.clone();
        owned.letters += letters.len();
        replica.outbox.read(&owner, position.max(if read < POLLED { self.partitions[number].end } else { position }));
        if read < POLLED {
            owned.position = self.partitions[number].end;
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
        loop {
            let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
            match replica.outbox.next(self.now) {
                Some(Next::Post(lane, id)) => self.start(index, lane, id)?,
                Some(Next::Expired(notice, owed)) => {
                    self.counts.expired += 1;
                    self.give_up(index, notice, owed);
                }
                None => break,
            }
        }
        self.commit(index)?;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let waits = |lane: &rowbell::outbox::LaneStatus| {
            lane.waiting.is_some_and(|(reason, _)| reason == rowbell::outbox::WaitReason::Commit)
        };
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

    fn start(&mut self, index: usize, lane: LaneId, id: PostId) -> Result<(), String> {
        self.counts.posts += 1;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let post = replica.outbox.post(lane, id).ok_or("it was just named")?;
        let row_of = |net: &Net, partitions: &[crate::kafka::Partition]| {
            let (number, offset) = net.ids[0];
            (number, partitions[number as usize].record(offset).row.unwrap_or(255))
        };
        let (shown, counted, single) = match post {
            Post::One(notice) => {
                let net = &notice.content;
                self.counts.simplified += u64::from(notice.simple);
                let single = Some((net.ids[0], notice.simple));
                (vec![(row_of(net, &self.partitions), net.ids.clone())], Vec::new(), single)
            }
            Post::Many(digest) => {
                self.counts.digests += 1;
                let critical = digest.lines().any(|line| line.priority == Priority::Critical);
                self.counts.critical_digests += u64::from(critical);
                let lines =
                    digest.lines().map(|line| (row_of(&line.content, &self.partitions), line.content.ids.clone()));
                let lines: Vec<_> = lines.collect();
                let counted: Vec<_> = digest.tallies().flat_map(|tally| tally.ids.iter().copied()).collect();
                let all = lines.iter().map(|(_, ids)| ids.len()).sum::<usize>() as u64
                    + digest.tallies().map(|tally| tally.changes + tally.undone).sum::<u64>();
                if all != digest.changes() {
                    return Err(format!("a digest of {} shows and counts {all}", digest.changes()));
                }
                (lines, counted, None)
            }
        };
        if self.now < replica.told[lane] {
            return Err(format!("lane {lane} was told to wait until {:?}", replica.told[lane]));
        }
        let ids: Vec<Id> = shown.iter().flat_map(|(_, ids)| ids).chain(&counted).copied().collect();
        replica.pending[lane].retain(|id, _| !self.lanes[lane].notes.borrow().undone.contains(id) || ids.contains(id));
        if let Err(why) = replica.check_urgency(lane, &ids, single.is_some()) {
            self.say_start(index, lane, id);
            return Err(why);
        }
        for id in &ids {
            if let Some(pending) = replica.pending[lane].get_mut(id) {
                pending.tried = true;
            }
        }
        let life = replica.life;
        replica.flying.insert((lane, id), (None, ids.clone()));
        self.say_start(index, lane, id);
        let fate = self.destinations[lane].take(single, &mut self.random, &mut self.counts);
        if fate.accepted {
            let mut uncovered: Vec<i32> = ids.iter().map(|id| id.0).collect();
            uncovered.sort_unstable();
            uncovered.dedup();
            let excused = if fate.outcome == Outcome::Unknown { uncovered.clone() } else { Vec::new() };
            let by = (index, life);
            let post = Accepted { by, shown, counted, known: false, uncovered, excused };
            self.at(fate.arrives, Event::Arrive(lane, Box::new(post), id));
        }
        self.at(fate.answers, Event::Answer(index, life, lane, id, fate.outcome));
        Ok(())
    }

    fn say_start(&self, index: usize, lane: LaneId, id: PostId) {
        let post = self.replicas[index].as_ref().and_then(|replica| replica.outbox.post(lane, id));
        self.say(|| format!("replica {index} posts to lane {lane}: {post:?}"));
    }

    pub fn arrive(&mut self, lane: LaneId, mut post: Accepted, id: PostId) -> Result<(), String> {
        let (index, life) = post.by;
        // Of partitions that went meanwhile nobody waits for it.
        let owned: Vec<i32> = match self.alive(index, life) {
            Some(replica) => replica.owned.keys().map(|number| *number as i32).collect(),
            None => Vec::new(),
        };
        for number in post.uncovered.clone() {
            if !owned.contains(&number) {
                post.excuse(number);
            }
        }
        let number = self.lanes[lane].accept(post)?;
        if let Some(replica) = self.alive(index, life) {
            replica.open[lane].push(number);
            if let Some((accepted, _)) = replica.flying.get_mut(&(lane, id)) {
                *accepted = Some(number);
            }
        }
        Ok(())
    }

    pub fn answer(
        &mut self,
        index: usize,
        life: u64,
        lane: LaneId,
        id: PostId,
        outcome: Outcome,
    ) -> Result<(), String> {
        let (now, bug) = (self.now, self.bug);
        let Some(replica) = self.alive(index, life) else { return Ok(()) };
        let told = match (outcome, bug) {
            (Outcome::Retry { .. }, Some(Bug::IgnoreRetryAfter)) => Outcome::Retry { after: None },
            (Outcome::Unknown, Some(Bug::TrustSilence)) => Outcome::Delivered,
            (outcome, _) => outcome,
        };
        if let Outcome::Retry { after: Some(after) } = outcome {
            replica.told[lane] = replica.told[lane].max(now + after);
        }
        let (accepted, ids) = replica.flying.remove(&(lane, id)).ok_or("a post that was not started")?;
        let settled = replica.outbox.settle(lane, id, told, now);
        if matches!(settled, Settled::Delivered(_) | Settled::Gone) {
            for id in &ids {
                replica.pending[lane].remove(id);
            }
        }
        if let (Settled::Delivered(_), Some(number)) = (&settled, accepted) {
            self.lanes[lane].accepted[number].known = true;
        }
        if let Settled::GivenUp(notice, _, owed) = settled {
            self.give_up(index, notice, owed);
        }
        Ok(())
    }

    fn give_up(&mut self, index: usize, notice: Notice<Net>, owed: Owed) {
        self.write_letter(index, owed, notice.content.ids);
    }

    fn write_letter(&mut self, index: usize, owed: Owed, ids: Vec<Id>) {
        self.counts.letters += 1;
        let late = !self.healed && self.random.u8(..6) == 0;
        self.counts.letters_late += u64::from(late);
        let wait = if late { self.random.u64(1_000..15_000) } else { self.random.u64(1..10) };
        let Some(replica) = &mut self.replicas[index] else { return };
        let life = replica.life;
        if owed.lane < replica.pending.len() {
            for id in &ids {
                replica.pending[owed.lane].remove(id);
            }
            self.lanes[owed.lane].notes.borrow_mut().given_up.extend(&ids);
            for owned in replica.owned.values_mut().filter(|owned| owned.owner == owed.owner) {
                owned.letters += 1;
            }
        }
        if self.bug == Some(Bug::LettersUnawaited) {
            replica.outbox.lettered(&owed);
        }
        self.at(Duration::from_millis(wait), Event::Lettered(index, life, owed, ids));
    }

    pub fn lettered(&mut self, index: usize, life: u64, owed: &Owed, ids: &[Id]) {
        // A producer that died has not written it.
        if self.alive(index, life).is_none() {
            return;
        }
        match self.lanes.get_mut(owed.lane) {
            Some(lane) => lane.lettered.extend(ids),
            None => self.letters.extend(ids),
        }
        let Some(replica) = self.alive(index, life) else { return };
        replica.outbox.lettered(owed);
        for owned in replica.owned.values_mut().filter(|owned| owned.owner == owed.owner) {
            owned.letters -= 1;
        }
    }

    fn commit(&mut self, index: usize) -> Result<(), String> {
        let now = self.now;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let mut commits = replica.outbox.commits(now);
        let (life, overflow) = (replica.life, replica.outbox.ledger().overflow());
        if commits.is_empty() {
            return Ok(());
        }
        if overflow > 0 {
            self.counts.overflows += 1;
            self.lanes.iter_mut().for_each(|lane| lane.overflowed = true);
        }
        if self.bug == Some(Bug::CommitPastFailure) {
            for commit in &mut commits {
                let number = commit.owner.partition.number as usize;
                commit.offset = replica.owned.get(&number).map_or(commit.offset, |owned| owned.position);
            }
        }
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

    /// Kafka takes a commit from the partition's owner.
    fn make(&mut self, index: usize, commit: &Commit) -> Result<(), String> {
        let number = commit.owner.partition.number;
        let partition = &mut self.partitions[number as usize];
        if partition.owner != Some((index, commit.owner.epoch)) {
            return Ok(());
        }
        check_commit(&self.lanes, &self.letters, partition, number, commit.offset)?;
        partition.committed = commit.offset;
        partition.metadata.clone_from(&commit.metadata);
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
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

    pub fn crash(&mut self, index: usize) -> Result<(), String> {
        let Some(replica) = self.replicas[index].take() else { return Ok(()) };
        self.counts.crashes += 1;
        self.counts.crashes_with_posts_on_the_wire += u64::from(!replica.flying.is_empty());
        for (lane, open) in replica.open.iter().enumerate() {
            let truth = &mut self.lanes[lane];
            // Posts that may be made twice now: on the wire, or accepted and not committed.
            let flying = replica.flying.keys().filter(|(other, _)| *other == lane).count();
            let known = open.iter().filter(|post| {
                let post = &truth.accepted[**post];
                post.known && post.uncovered.iter().any(|number| !post.excused.contains(number))
            });
            let exposed = flying + known.count();
            self.counts.crashes_before_a_commit += u64::from(exposed > flying);
            let most = UNCOMMITTED_MAX - 1 + self.plans[lane].in_flight;
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
        self.at(DRAIN, Event::Handover(index, life, number));
        Ok(())
    }

    fn hand_over_all(&mut self, index: usize) -> Result<(), String> {
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
        let mut commit = replica.outbox.ledger().commit_of(&owner);
        replica.outbox.release(&owner);
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
        for (lane, open) in self.lanes.iter_mut().zip(&replica.open) {
            for post in open {
                lane.accepted[*post].excuse(number as i32);
            }
        }
    }
}

fn answer(commits: &[Commit]) -> Vec<(Name, i64)> {
    commits.iter().map(|commit| (commit.owner.partition.clone(), commit.offset)).collect()
}

impl Replica {
    fn forget(&mut self, number: i32) {
        for pending in &mut self.pending {
            pending.retain(|id, _| id.0 != number);
        }
    }

    /// No post starts before an urgent one that could have started instead.
    fn check_urgency(&self, lane: LaneId, ids: &[Id], single: bool) -> Result<(), String> {
        let pending = &self.pending[lane];
        let row = ids.first().and_then(|id| pending.get(id)).map(|pending| pending.row);
        // Its row's most urgent change promotes it.
        let promoted = pending.values().any(|other| other.critical && single && Some(other.row) == row);
        let urgent = ids.iter().any(|id| pending.get(id).is_none_or(|pending| pending.critical));
        if urgent || promoted || self.many[lane] {
            return Ok(());
        }
        let waits = pending.iter().find(|(id, other)| {
            let first = pending.iter().all(|(before, earlier)| earlier.row != other.row || before >= id);
            other.critical && !other.tried && first
        });
        match waits {
            Some((id, _)) => Err(format!("{id:?} is critical and waits for {ids:?}")),
            None => Ok(()),
        }
    }
}
