//! Spilling: what a lane lets go beyond its share of memory, and reads again when it has room.
//!
//! The ledger knows from where on a partition is to be read again. Reading again goes forward and takes in everything;
//! for the rows of urgent notices it may run ahead and take in those rows alone.

mod ages;
mod rows;

use super::Lane;
use crate::ledger::{LaneId, Owner};
use crate::message::Priority;
use crate::outbox::content::Content;
use crate::outbox::notice::{Notice, Owed, Page, RowKey};
use ages::Ages;
use rows::Rows;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

/// Rows with an urgent notice among what was let go that are read ahead of all others, for each partition; an urgent
/// notice of one more waits until it is read in turn.
const URGENT_ROWS_MAX: usize = 1_000;

/// Records that a lane leaves to urgent notices of what its ledger can tell one by one.
const ROOM_FOR_THE_URGENT: usize = 2_048;

/// Eighths of its share that a lane fills with what is not urgent, and to which it reads on once half of that is free; with
/// what is kept while it is about to catch up; and with what is read ahead. The rest is for urgent notices as they come.
const IN_TURN: u64 = 5;
const KEPT: u64 = 6;
const AHEAD: u64 = 7;

/// Pause after reading again failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Names an order to read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RereadId {
    /// The lane that has room.
    pub lane: LaneId,
    number: u64,
}

/// An order to read a partition again for one lane: judged by the rules, what they want posted there comes back by
/// [`Outbox::take_back`](super::super::Outbox::take_back), in the order of the offsets.
#[derive(Debug, Clone)]
pub struct Reread {
    /// For the answers.
    pub id: RereadId,
    /// The partition.
    pub owner: Owner,
    /// The first record to look at.
    pub from: i64,
    /// The first record not to look at any more.
    pub to: i64,
    /// Only notices of these rows, and of each none beyond this offset.
    pub rows: Option<Arc<HashMap<RowKey, i64>>>,
    /// Memory that may be filled; one notice in any case.
    pub bytes: u64,
    /// Notices that may come back, at most.
    pub notices: usize,
}

/// What a lane let go of one partition.
#[derive(Debug)]
pub(super) struct Spill {
    /// Notices by priority, and what they would take.
    pending: [usize; 3],
    bytes: u64,
    rows: Rows,
    ages: Ages,
    /// Rows with an urgent notice among them, and where the last stands.
    urgent: HashMap<RowKey, i64>,
    /// Reading ahead for such rows.
    ahead: Option<Ahead>,
    /// Reading failed: not before then.
    retry_at: Option<Duration>,
}

#[derive(Debug)]
struct Ahead {
    rows: Arc<HashMap<RowKey, i64>>,
    at: i64,
    to: i64,
}

/// An order that was given and is not done.
#[derive(Debug)]
pub(super) struct Job<C> {
    number: u64,
    owner: Owner,
    to: i64,
    ahead: bool,
    /// Memory that it is expected to fill.
    reserved: u64,
    /// When it ends the lane has caught up: what comes meanwhile is kept, not let go, and taken in then.
    meanwhile: Option<Vec<Notice<C>>>,
}

impl Spill {
    fn new(from: i64) -> Self {
        Self {
            pending: [0; 3],
            bytes: 0,
            rows: Rows::new(from),
            ages: Ages::new(),
            urgent: HashMap::new(),
            ahead: None,
            retry_at: None,
        }
    }

    fn note<C>(&mut self, notice: &Notice<C>) {
        let offset = *notice.offsets.start();
        self.pending[notice.priority as usize] += 1;
        self.bytes += notice.bytes;
        self.rows.add(&notice.row);
        self.ages.add(offset, notice.offered);
        let known = self.urgent.len() < URGENT_ROWS_MAX || self.urgent.contains_key(&notice.row);
        if notice.priority == Priority::Critical && known {
            self.urgent.insert(notice.row.clone(), offset);
        }
    }

    fn back<C>(&mut self, notice: &mut Notice<C>) {
        let pending = &mut self.pending[notice.priority as usize];
        *pending = pending.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(notice.bytes);
        notice.offered = self.ages.of(*notice.offsets.start()).unwrap_or(notice.offered);
    }

    /// Everything below `position` was taken in again, of what goes up to `end`.
    fn passed(&mut self, position: i64, end: i64) {
        self.rows.passed(position, end);
        self.ages.passed(position);
        self.urgent.retain(|_, last| *last >= position);
        self.ahead.take_if(|ahead| ahead.to <= position);
    }

    fn is_urgent(&self) -> bool {
        self.ahead.is_some() || !self.urgent.is_empty()
    }

    /// Where to read on for urgent rows: those that wait now, if no others are being looked for.
    fn look_ahead(&mut self, from: i64) -> (i64, i64, Arc<HashMap<RowKey, i64>>) {
        let ahead = self.ahead.get_or_insert_with(|| {
            let to = self.urgent.values().max().map_or(from, |last| last + 1);
            Ahead { rows: Arc::new(self.urgent.clone()), at: from, to }
        });
        (ahead.at.max(from), ahead.to, Arc::clone(&ahead.rows))
    }

    fn looked_ahead(&mut self, position: i64) {
        let Some(ahead) = &mut self.ahead else { return };
        ahead.at = position;
        if position >= ahead.to
            && let Some(ahead) = self.ahead.take()
        {
            self.urgent.retain(|row, last| ahead.rows.get(row).is_none_or(|done| *last > *done));
        }
    }
}

impl<C: Content> Lane<C> {
    /// Notices that are let go, by priority.
    pub(super) fn spilled(&self) -> [usize; 3] {
        let mut sum = [0; 3];
        for spill in self.spills.values() {
            sum.iter_mut().zip(spill.pending).for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    /// When the oldest of them was offered.
    pub(super) fn oldest_spilled(&self) -> Option<Duration> {
        self.spills.values().filter_map(|spill| spill.ages.oldest()).min()
    }

    fn share(&self, eighths: u64) -> u64 {
        self.settings.share_bytes / 8 * eighths
    }

    fn fits(&self, bytes: u64, limit: u64) -> bool {
        let held = self.bytes + self.reserved();
        held == 0 || held.saturating_add(bytes) <= limit
    }

    fn reserved(&self) -> u64 {
        self.job.as_ref().map_or(0, |job| job.reserved)
    }

    /// Is there no memory for this notice, or must it not overtake what was let go before it?
    pub(super) fn must_let_go(&self, notice: &Notice<C>, page: &Page<'_>) -> bool {
        let share = self.settings.share_bytes;
        let critical = notice.priority == Priority::Critical;
        let known = self.spills.get(&notice.owner);
        if let Some(spill) = known {
            // Only an urgent one passes by, and never its own row.
            if !critical || spill.rows.may_hold(&notice.row) {
                return true;
            }
        } else if self.digest_for(notice).is_some() && !self.rows.contains_key(&notice.row) {
            // That takes no memory.
            return false;
        }
        let (limit, room) = match critical {
            true => (share, 0),
            // Partitions that lag come first.
            false if !self.spills.is_empty() => (self.share(IN_TURN) / 4, ROOM_FOR_THE_URGENT),
            false => (self.share(IN_TURN), ROOM_FOR_THE_URGENT),
        };
        !self.fits(notice.bytes, limit) || page.room(&notice.owner) <= room
    }

    /// Lets a notice go: only the ledger knows of it from now on.
    pub(super) fn let_go(&mut self, notice: Notice<C>, now: Duration, page: &mut Page<'_>) {
        page.let_go(&notice);
        let from = *notice.offsets.start();
        self.spills.entry(notice.owner.clone()).or_insert_with(|| Spill::new(from)).note(&notice);
        let fits = self.fits(notice.bytes, self.share(KEPT));
        let job = self.job.as_mut().filter(|job| job.owner == notice.owner);
        match job.and_then(|job| job.meanwhile.as_mut()) {
            Some(meanwhile) if fits => {
                self.bytes += notice.bytes;
                meanwhile.push(notice);
            }
            Some(_) => self.forget_meanwhile(),
            None => {}
        }
        self.gather(now, page);
    }

    /// What came while the lane was about to catch up is let go after all.
    fn forget_meanwhile(&mut self) {
        let kept = self.job.as_mut().and_then(|job| job.meanwhile.take());
        self.bytes -= kept.iter().flatten().map(|notice| notice.bytes).sum::<u64>();
    }

    /// A notice that was let go is back. False where it is not owed any more.
    pub(in crate::outbox) fn take_back(
        &mut self,
        id: RereadId,
        mut notice: Notice<C>,
        now: Duration,
        page: &mut Page<'_>,
    ) -> bool {
        let Some(job) = self.job.as_mut().filter(|job| job.number == id.number && job.owner == notice.owner) else {
            return false;
        };
        job.reserved = job.reserved.saturating_sub(notice.bytes);
        let (ahead, owner) = (job.ahead, notice.owner.clone());
        let urgent_to = self.spills.get(&owner).and_then(|spill| spill.ahead.as_ref()?.rows.get(&notice.row)).copied();
        let own = self.new_id();
        let owed = page.owe_again(&notice, own);
        if owed && let Some(spill) = self.spills.get_mut(&owner) {
            spill.back(&mut notice);
        }
        if !ahead {
            self.pass(&owner, *notice.offsets.end() + 1, page);
        }
        if owed {
            let (row, end) = (notice.row.clone(), *notice.offsets.end());
            self.take_in(own, notice, now, page);
            if let Some(last) = urgent_to.filter(|_| ahead) {
                // The urgent one itself, once it is there, says so by its priority.
                self.promote(&row, Some(last).filter(|last| end < *last));
            }
        }
        owed
    }

    /// Owes a dead letter for a record that was let go.
    pub(in crate::outbox) fn letter_back(
        &mut self,
        id: RereadId,
        owner: &Owner,
        offset: i64,
        page: &mut Page<'_>,
    ) -> Option<Owed> {
        self.job.as_ref().filter(|job| job.number == id.number && job.owner == *owner)?;
        let own = self.new_id();
        let owed = page.owe_letter_again(owner, offset, own);
        self.pass(owner, offset + 1, page);
        owed
    }

    fn pass(&mut self, owner: &Owner, position: i64, page: &mut Page<'_>) {
        page.catch_up(owner, position);
        if let Some(spill) = self.spills.get_mut(owner) {
            let end = page.lag(owner).map_or(position, |lag| lag.end);
            spill.passed(position, end);
        }
    }

    /// An order is done: what it was to look at below `position` came back.
    pub(in crate::outbox) fn reread(&mut self, id: RereadId, position: i64, now: Duration, page: &mut Page<'_>) {
        let Some(job) = self.job.take_if(|job| job.number == id.number) else { return };
        let Job { owner, to, ahead, meanwhile, .. } = job;
        self.last_job = Some((owner.clone(), ahead));
        let kept = meanwhile.unwrap_or_default();
        self.bytes -= kept.iter().map(|notice| notice.bytes).sum::<u64>();
        if ahead {
            if let Some(spill) = self.spills.get_mut(&owner) {
                spill.looked_ahead(position);
            }
            return;
        }
        if position < to || kept.is_empty() {
            // What was kept is let go: more has to be read before it.
            self.pass(&owner, position, page);
        } else {
            // Since the order was given, nothing was let go for good.
            let kept: Vec<_> = kept.into_iter().map(|notice| (self.new_id(), notice)).collect();
            for (own, notice) in &kept {
                page.owe_again(notice, *own);
            }
            let end = page.lag(&owner).map_or(position, |lag| lag.end);
            self.pass(&owner, end, page);
            for (own, notice) in kept {
                self.take_in(own, notice, now, page);
            }
        }
        if page.lag(&owner).is_none() {
            self.spills.remove(&owner);
        }
    }

    /// An order could not be carried out: what came back came back, the rest is asked for again.
    pub(in crate::outbox) fn reread_failed(&mut self, id: RereadId, now: Duration) {
        if self.job.as_ref().is_none_or(|job| job.number != id.number) {
            return;
        }
        self.forget_meanwhile();
        if let Some(job) = self.job.take()
            && let Some(spill) = self.spills.get_mut(&job.owner)
        {
            spill.retry_at = Some(now + AGAIN);
        }
    }

    /// What to read again now, if there is room.
    pub(in crate::outbox) fn wants(&mut self, now: Duration, page: &Page<'_>) -> Option<Reread> {
        for spill in self.spills.values_mut() {
            spill.retry_at.take_if(|at| *at <= now);
        }
        if self.job.is_some() || self.spills.is_empty() || self.removed || self.paused {
            return None;
        }
        // While the destination is down, one notice to try it with is enough; but a digest takes any number.
        let idle = self.items.is_empty() && self.storms.iter().all(|storm| storm.open.is_none());
        if !self.is_up() && !idle && !self.in_storm() {
            return None;
        }
        // In turns, so that neither keeps the other waiting.
        let (ahead, next) = (self.wants_ahead(page), self.wants_next(page));
        let was_ahead = self.last_job.as_ref().is_some_and(|(_, ahead)| *ahead);
        let (owner, ahead) = match next {
            Some(owner) if ahead.is_none() || was_ahead => (owner, false),
            _ => (ahead?, true),
        };
        let lag = page.lag(&owner)?;
        let (held, room) = (self.bytes, page.room(&owner));
        let (in_turn, in_advance) = (self.share(IN_TURN), self.share(AHEAD));
        let spill = self.spills.get_mut(&owner)?;
        let (from, to, rows, bytes, notices) = if ahead {
            let (from, to, rows) = spill.look_ahead(lag.start);
            (from, to, Some(rows), in_advance.saturating_sub(held), room)
        } else {
            let bytes = in_turn.saturating_sub(held);
            (lag.start, lag.end, None, bytes, room.saturating_sub(ROOM_FOR_THE_URGENT).max(1))
        };
        let last = !ahead && spill.bytes <= bytes && spill.pending.iter().sum::<usize>() < notices;
        self.orders += 1;
        let id = RereadId { lane: page.lane, number: self.orders };
        let (reserved, meanwhile) = (bytes.min(spill.bytes), last.then(Vec::new));
        self.job = Some(Job { number: id.number, owner: owner.clone(), to, ahead, reserved, meanwhile });
        Some(Reread { id, owner, from, to, rows, bytes, notices })
    }

    /// A partition with urgent rows among what was let go, and room for them.
    fn wants_ahead(&self, page: &Page<'_>) -> Option<Owner> {
        let room = self.bytes == 0 || self.bytes <= self.share(KEPT);
        self.in_turn(|owner, spill| room && spill.is_urgent() && page.room(owner) > 0, page)
    }

    /// A partition that there is room for more of.
    fn wants_next(&self, page: &Page<'_>) -> Option<Owner> {
        let room = self.bytes <= self.share(IN_TURN) / 2;
        self.in_turn(|owner, _| self.bytes == 0 || room && page.room(owner) > ROOM_FOR_THE_URGENT, page)
    }

    /// The next partition after the last that was read again, of those that fit.
    fn in_turn(&self, fits: impl Fn(&Owner, &Spill) -> bool, page: &Page<'_>) -> Option<Owner> {
        let last = self.last_job.as_ref().map_or(Bound::Unbounded, |(owner, _)| Bound::Excluded(owner));
        let in_turn = self.spills.range((last, Bound::Unbounded)).chain(&self.spills);
        let mut ready = in_turn.filter(|(owner, spill)| spill.retry_at.is_none() && page.lag(owner).is_some());
        ready.find(|(owner, spill)| fits(owner, spill)).map(|(owner, _)| owner.clone())
    }

    /// When reading again may be tried again.
    pub(super) fn reread_due(&self) -> Option<Duration> {
        self.spills.values().filter_map(|spill| spill.retry_at).min()
    }

    /// Lets go what is said of these partitions.
    pub(in crate::outbox) fn forget_spills(&mut self, gone: &dyn Fn(&Owner) -> bool) {
        if self.job.as_ref().is_some_and(|job| gone(&job.owner)) {
            self.forget_meanwhile();
            self.job = None;
        }
        self.spills.retain(|owner, _| !gone(owner));
    }

    /// What was let go of one partition will not be posted: how many notices, and what they owe.
    pub(super) fn give_up_spill(&mut self, page: &mut Page<'_>) -> Option<(u64, Owed)> {
        self.forget_meanwhile();
        self.job = None;
        while let Some((owner, spill)) = self.spills.pop_first() {
            let own = self.new_id();
            if let Some(owed) = page.give_up_lag(&owner, own) {
                return Some((spill.pending.iter().sum::<usize>() as u64, owed));
            }
        }
        None
    }
}
