//! A replica's posts and dead letters: started, arrived, answered.

use crate::change::{Id, Net};
use crate::faults::Bug;
use crate::replica::Replica;
use crate::truth::Accepted;
use crate::world::{Event, World};
use rowbell::ledger::Owner;
use rowbell::message::Priority;
use rowbell::outbox::{LaneId, Notice, Outcome, Owed, Post, PostId, Settled};
use std::time::Duration;

impl World {
    pub fn start(&mut self, index: usize, number: LaneId, id: PostId) -> Result<(), String> {
        self.counts.posts += 1;
        let Some(replica) = &mut self.replicas[index] else { return Ok(()) };
        let lane = replica.names[&number];
        if replica.current[lane] != Some(number) || replica.paused[lane] {
            return Err(format!("a post to lane {lane}, which is paused or gone"));
        }
        if !self.allowances[lane].take(self.now) {
            return Err(format!("all replicas together post to lane {lane} beyond its rate"));
        }
        let shared = self.partitions.iter().any(|partition| partition.owner.is_some_and(|(other, _)| other != index));
        self.counts.posts_of_a_shared_rate += u64::from(shared);
        let post = replica.outbox.post(number, id).ok_or("it was just named")?;
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
            self.say_start(index, number, id);
            return Err(why);
        }
        for id in &ids {
            if let Some(pending) = replica.pending[lane].get_mut(id) {
                pending.tried = true;
            }
        }
        let life = replica.life;
        replica.flying.insert((number, id), (None, ids.clone()));
        let owners = replica.owned.values().map(|owned| owned.owner.clone()).collect();
        self.say_start(index, number, id);
        let fate = self.destinations[lane].take(single, &mut self.random, &mut self.counts);
        if fate.accepted {
            let mut uncovered: Vec<i32> = ids.iter().map(|id| id.0).collect();
            uncovered.sort_unstable();
            uncovered.dedup();
            let excused = if fate.outcome == Outcome::Unknown { uncovered.clone() } else { Vec::new() };
            let by = (index, life);
            let post = Accepted { by, lane, owners, shown, counted, known: false, uncovered, excused };
            self.at(fate.arrives, Event::Arrive(number, Box::new(post), id));
        }
        self.at(fate.answers, Event::Answer(index, life, number, id, fate.outcome));
        Ok(())
    }

    fn say_start(&self, index: usize, number: LaneId, id: PostId) {
        let Some(replica) = &self.replicas[index] else { return };
        let (lane, post) = (replica.names[&number], replica.outbox.post(number, id));
        self.say(|| format!("replica {index} posts to lane {lane}: {post:?}"));
    }

    pub fn arrive(&mut self, number: LaneId, mut post: Accepted, id: PostId) -> Result<(), String> {
        let ((index, life), lane) = (post.by, post.lane);
        // Of partitions that went meanwhile nobody waits for it.
        let owned: Vec<_> = match self.alive(index, life) {
            Some(replica) => replica.owned.values().map(|owned| owned.owner.clone()).collect(),
            None => Vec::new(),
        };
        for partition in post.uncovered.clone() {
            let still = |owner: &&Owner| owner.partition.number == partition && post.owners.contains(owner);
            if !owned.iter().any(|owner| still(&owner)) {
                post.excuse(partition);
            }
        }
        let removed = self.alive(index, life).is_some_and(|replica| replica.current[lane] != Some(number));
        if removed {
            post.excuse_all();
        }
        let accepted = self.lanes[lane].accept(post)?;
        if let Some(replica) = self.alive(index, life) {
            if !removed {
                replica.open[lane].push(accepted);
            }
            if let Some((known, _)) = replica.flying.get_mut(&(number, id)) {
                *known = Some(accepted);
            }
        }
        Ok(())
    }

    pub fn answer(
        &mut self,
        index: usize,
        life: u64,
        number: LaneId,
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
        let lane = replica.names[&number];
        let astray = replica.astray.remove(&(number, id)) || replica.current[lane] != Some(number);
        if let (Outcome::Retry { after: Some(after) }, false) = (outcome, astray) {
            replica.told[lane] = replica.told[lane].max(now + after);
        }
        let (accepted, ids) = replica.flying.remove(&(number, id)).ok_or("a post that was not started")?;
        let settled = replica.outbox.settle(number, id, told, now);
        if let Settled::Delivered(post) = &settled {
            // A partition may have gone and come back meanwhile: then its changes are pending anew.
            let ours: Vec<_> = post.owners().filter(|o| replica.owned.values().any(|now| now.owner == **o)).collect();
            for id in ids.iter().filter(|id| ours.iter().any(|owner| owner.partition.number == id.0)) {
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

    pub fn give_up(&mut self, index: usize, notice: Notice<Net>, owed: Owed) {
        self.write_letter(index, owed, notice.content.ids);
    }

    pub fn write_letter(&mut self, index: usize, owed: Owed, ids: Vec<Id>) {
        self.counts.letters += 1;
        let late = !self.healed && self.random.u8(..6) == 0;
        self.counts.letters_late += u64::from(late);
        let wait = if late { self.random.u64(1_000..15_000) } else { self.random.u64(1..10) };
        let Some(replica) = &mut self.replicas[index] else { return };
        let life = replica.life;
        let lane = replica.names.get(&owed.lane).copied();
        if let Some(lane) = lane {
            for id in &ids {
                replica.pending[lane].remove(id);
            }
            self.lanes[lane].notes.borrow_mut().given_up.extend(&ids);
            for owned in replica.owned.values_mut().filter(|owned| owned.owner == owed.owner) {
                owned.letters += 1;
            }
        }
        if self.bug == Some(Bug::LettersUnawaited) {
            replica.outbox.lettered(&owed);
        }
        self.at(Duration::from_millis(wait), Event::Lettered(index, life, owed, lane, ids));
    }

    pub fn lettered(&mut self, index: usize, life: u64, owed: &Owed, lane: Option<usize>, ids: &[Id]) {
        // A producer that died has not written it.
        if self.alive(index, life).is_none() {
            return;
        }
        match lane {
            Some(lane) => self.lanes[lane].lettered.extend(ids),
            None => self.letters.extend(ids),
        }
        let Some(replica) = self.alive(index, life) else { return };
        replica.outbox.lettered(owed);
        for owned in replica.owned.values_mut().filter(|owned| owned.owner == owed.owner) {
            owned.letters -= 1;
        }
    }
}

impl Replica {
    /// No post starts before an urgent one that could have started instead.
    fn check_urgency(&self, lane: usize, ids: &[Id], single: bool) -> Result<(), String> {
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
            // An earlier assignment's post of it may still be on the wire: then its row waits.
            let flies = self.flying.values().any(|(_, ids)| ids.contains(id));
            other.critical && other.held && !other.tried && first && !flies
        });
        match waits {
            Some((id, other)) => Err(format!("{id:?} of row {:?} is critical and waits for {ids:?}", other.row)),
            None => Ok(()),
        }
    }
}
