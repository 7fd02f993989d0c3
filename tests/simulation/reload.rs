//! The config, read again: destinations come, go, are renamed, change, move elsewhere and pause.
//!
//! Every replica that is alive reads it at once, a dead one when it comes back.

use crate::change::{Id, Memory};
use crate::destination::Mood;
use crate::faults::Bug;
use crate::pace::Allowance;
use crate::replica::{EACH, Replica};
use crate::world::{LanePlan, World, plan};
use rowbell::ledger::Owner;
use rowbell::outbox::{Bucket, LaneSettings, Leftover, Owed};
use std::sync::Arc;
use std::time::Duration;

/// A destination that was removed may not be there again before its last posts have arrived: what comes of those in
/// which order, nobody promises.
const AWAY: Duration = Duration::from_secs(1);

/// What a new config says.
#[derive(Debug, Clone, Copy)]
pub enum Edit {
    Add,
    Remove,
    Rename,
    Change,
    Elsewhere,
}

impl Edit {
    pub const ALL: [Edit; 5] = [Edit::Add, Edit::Remove, Edit::Rename, Edit::Change, Edit::Elsewhere];
}

pub fn settings(name: usize, plan: &LanePlan) -> LaneSettings {
    LaneSettings {
        name: format!("lane {name}").into(),
        bucket: Arc::new(Bucket::new(plan.rate, plan.burst)),
        in_flight: plan.in_flight,
        fold: plan.fold,
        digest: plan.digest,
        simplify: plan.simplify,
        share_bytes: plan.share.saturating_mul(EACH),
    }
}

impl World {
    pub fn reload(&mut self, edit: Edit) {
        let chosen =
            |of: Vec<usize>, random: &mut fastrand::Rng| (!of.is_empty()).then(|| of[random.usize(..of.len())]);
        let there: Vec<_> = (0..self.plans.len()).filter(|name| self.active[*name]).collect();
        let away = |name: &usize| !self.active[*name] && self.now >= self.back_from[*name];
        let away: Vec<_> = (0..self.plans.len()).filter(away).collect();
        let (old, new) = (chosen(there.clone(), &mut self.random), chosen(away, &mut self.random));
        match (edit, old, new) {
            (Edit::Add, _, Some(new)) => {
                self.counts.added += 1;
                self.add(new);
            }
            // The last one stays: without destinations there is nothing to look at.
            (Edit::Remove, Some(old), _) if there.len() > 1 => {
                self.counts.removed += 1;
                self.remove(old);
            }
            (Edit::Rename, Some(old), Some(new)) => {
                self.counts.renamed += 1;
                self.plans[new] = self.plans[old];
                self.remove(old);
                self.add(new);
            }
            (Edit::Change, Some(name), _) => {
                self.counts.changed += 1;
                self.change(name, false);
            }
            (Edit::Elsewhere, Some(name), _) => {
                self.counts.moved_elsewhere += 1;
                self.change(name, true);
            }
            _ => {}
        }
    }

    fn add(&mut self, name: usize) {
        self.active[name] = true;
        self.allowances[name] = Allowance::new(&self.plans[name], self.now);
        for replica in self.replicas.iter_mut().flatten() {
            let lane = replica.outbox.add_lane(settings(name, &self.plans[name]));
            replica.names.insert(lane, name);
            replica.current[name] = Some(lane);
            (replica.told[name], replica.many[name], replica.most_in_flight[name]) =
                (Duration::ZERO, false, self.plans[name].in_flight);
            // What was removed may still be on the wire, or on its way to the dead letters.
            (replica.most_share[name], replica.memory[name]) = (self.plans[name].share, Memory::default());
            replica.had_digests[name] = self.plans[name].digest.is_some();
            replica.paused[name] = false;
            for (number, owned) in &replica.owned {
                self.lanes[name].begins.insert(*number as i32, owned.position);
            }
        }
    }

    fn remove(&mut self, name: usize) {
        self.active[name] = false;
        self.back_from[name] = self.now + AWAY;
        // Should it come back, it begins somewhere else: what it got may come again, in whatever order.
        self.lanes[name].begin_anew();
        for replica in self.replicas.iter_mut().flatten() {
            let Some(lane) = replica.current[name].take() else { continue };
            replica.outbox.remove_lane(lane);
            let settled = |id: &Id| self.lanes[name].is_settled(*id);
            let left: Vec<_> = replica.pending[name].keys().filter(|id| !settled(id)).copied().collect();
            for id in left {
                let owner = replica.owned.get(&(id.0 as usize)).map(|owned| owned.owner.clone());
                replica.left.extend(owner.map(|owner| (name, id, owner)));
            }
            replica.pending[name].clear();
            replica.open[name].clear();
        }
    }

    fn change(&mut self, name: usize, elsewhere: bool) {
        self.plans[name] = plan(&mut self.random);
        self.allowances[name] = Allowance::new(&self.plans[name], self.now);
        if elsewhere {
            self.destinations[name].mood = Mood::Well;
        }
        let forget = elsewhere || self.bug == Some(Bug::ForgetRetryAfterOnReload);
        for replica in self.replicas.iter_mut().flatten() {
            let Some(lane) = replica.current[name] else { continue };
            replica.outbox.change_lane(lane, settings(name, &self.plans[name]), forget, self.now);
            replica.outbox.probe(lane, self.now);
            let most = &mut replica.most_in_flight[name];
            *most = (*most).max(self.plans[name].in_flight);
            let most = &mut replica.most_share[name];
            *most = (*most).max(self.plans[name].share);
            replica.had_digests[name] |= self.plans[name].digest.is_some();
            if elsewhere {
                replica.told[name] = Duration::ZERO;
                let flying = replica.flying.keys().filter(|(other, _)| *other == lane);
                replica.astray.extend(flying.copied());
            }
        }
    }

    /// Somebody pauses a lane of a replica, or lets it go on.
    pub fn pause(&mut self, index: usize, name: usize, paused: bool) {
        let Some(replica) = &mut self.replicas[index] else { return };
        let Some(lane) = replica.current[name] else { return };
        self.counts.paused += u64::from(paused);
        replica.outbox.pause(lane, paused);
        replica.paused[name] = paused;
    }

    pub fn resume_all(&mut self) {
        for index in 0..self.replicas.len() {
            (0..self.plans.len()).for_each(|name| self.pause(index, name, false));
        }
    }

    /// Dead letters for what removed destinations will not get.
    pub fn letters_of_the_removed(&mut self, index: usize) {
        while let Some((left, owed)) = self.replicas[index].as_mut().and_then(|replica| replica.outbox.leftover()) {
            self.counts.leftovers += 1;
            let ids = match left {
                Leftover::One(notice) => notice.content.ids,
                // Of what was let go, nobody knows more than where it lies.
                Leftover::Counted(tally, count) if tally.ids.is_empty() && count > 0 => self.spilled_ids(index, &owed),
                Leftover::Counted(tally, _) => tally.ids,
            };
            if self.bug == Some(Bug::DropRemoved) {
                if let Some(replica) = &mut self.replicas[index] {
                    replica.outbox.lettered(&owed);
                }
                continue;
            }
            self.write_letter(index, owed, ids);
        }
    }
}

impl World {
    fn spilled_ids(&self, index: usize, owed: &Owed) -> Vec<Id> {
        let Some(replica) = &self.replicas[index] else { return Vec::new() };
        let name = replica.names[&owed.lane];
        let fits =
            |(lane, id, of): &&(usize, Id, Owner)| *lane == name && *of == owed.owner && owed.offsets.contains(&id.1);
        replica.left.iter().filter(fits).map(|(_, id, _)| *id).collect()
    }
}

impl Replica {
    /// Does a commit of this assignment pass what a removed destination was owed and did not get?
    pub fn check_left(&self, owner: &Owner, offset: i64, is_settled: impl Fn(usize, Id) -> bool) -> Result<(), String> {
        let passed = |(name, id, of): &&(usize, Id, Owner)| of == owner && id.1 < offset && !is_settled(*name, *id);
        match self.left.iter().find(passed) {
            Some((name, id, _)) => {
                Err(format!("commit at {offset} passes {id:?}, which lane {name} was owed when it was removed"))
            }
            None => Ok(()),
        }
    }
}
