//! A lane that lags: it let records go, and reads them again when it has room for them.
//!
//! Its watermark stays at the first of them. What it takes in beyond that, out of turn, is owed and settled one by one, so
//! that reading again knows exactly what is still to be taken in.

use super::lane::{LaneLog, RUNS_MAX, Rough, Run};
use super::{Group, LaneId, Ledger, Owner};
use std::ops::{Range, RangeInclusive};

impl Ledger {
    /// From where to where the lane has to read the partition again.
    pub fn lag(&self, owner: &Owner, lane: LaneId) -> Option<Range<i64>> {
        self.lane(owner, lane)?.lag()
    }

    /// The next record of the partition to be judged.
    pub fn position(&self, owner: &Owner) -> Option<i64> {
        Some(self.seen(owner)?.position)
    }

    /// The record at `offset` owes a post to `lane`, which does not take it in: it will read it again. Offsets must come
    /// in order, as for [`Ledger::owe`].
    pub fn let_go(&mut self, owner: &Owner, lane: LaneId, offset: i64) {
        if let Some(lane) = self.lane_mut(owner, lane) {
            lane.let_go(offset);
        }
    }

    /// A record that was let go is taken in after all, in any order. False where it is not owed, or was taken in before.
    pub fn owe_again(&mut self, owner: &Owner, lane: LaneId, offset: i64, group: Group) -> bool {
        self.lane_mut(owner, lane).is_some_and(|lane| lane.owe_again(offset, group))
    }

    /// Every record below `position` that was let go is taken in, or owes nothing any more.
    pub fn catch_up(&mut self, owner: &Owner, lane: LaneId, position: i64) {
        let Some(log) = self.log(owner) else { return };
        if let Some(found) = log.lanes.get_mut(lane) {
            found.catch_up(position);
            found.read(log.position);
        }
    }

    /// The record at `offset` looks as if it owed something, and does not: whoever reads it again shall know.
    pub fn owes_nothing(&mut self, owner: &Owner, offset: i64) {
        if let Some(log) = self.log(owner) {
            log.lanes.iter_mut().for_each(|lane| lane.owes_nothing(offset));
        }
    }

    /// What the lane let go will not be read again: it is all settled with this group.
    pub fn give_up_lag(&mut self, owner: &Owner, lane: LaneId, group: Group) -> Option<RangeInclusive<i64>> {
        self.lane_mut(owner, lane)?.give_up_lag(group)
    }

    /// How many more records the lane can take in one by one, and still say exactly which.
    pub fn room(&self, owner: &Owner, lane: LaneId) -> usize {
        self.lane(owner, lane).map_or(0, LaneLog::room)
    }

    fn lane(&self, owner: &Owner, lane: LaneId) -> Option<&LaneLog> {
        self.seen(owner)?.lanes.get(lane)
    }

    fn lane_mut(&mut self, owner: &Owner, lane: LaneId) -> Option<&mut LaneLog> {
        self.log(owner)?.lanes.get_mut(lane)
    }
}

impl LaneLog {
    /// May the record at this offset be among those that were let go?
    pub(super) fn lags_at(&self, offset: i64) -> bool {
        self.lag().is_some_and(|lag| lag.contains(&offset))
    }

    fn lag(&self) -> Option<Range<i64>> {
        self.lag.map(|first| first..self.seen)
    }

    fn let_go(&mut self, offset: i64) {
        if offset >= self.seen {
            self.seen = offset + 1;
            self.lag.get_or_insert(offset);
        }
    }

    fn owe_again(&mut self, offset: i64, group: Group) -> bool {
        if !self.lag().is_some_and(|lag| lag.contains(&offset)) || self.is_posted(offset) || self.is_owed(offset) {
            return false;
        }
        let run = Run { last: offset, group, count: 1 };
        if self.owed.len() < RUNS_MAX {
            self.owed.insert(offset, run);
        } else {
            self.owe_roughly(group, Rough { first: offset, last: offset, count: 1 });
        }
        true
    }

    /// Only of what was taken in out of turn, which is told one by one.
    fn is_owed(&self, offset: i64) -> bool {
        self.owed.range(..=offset).next_back().is_some_and(|(_, run)| offset <= run.last)
    }

    fn catch_up(&mut self, position: i64) {
        let Some(first) = self.lag else { return };
        self.lag = (position < self.seen).then_some(position.max(first));
        let passed = first..position.max(first);
        for first in self.owed.range(passed.clone()).map(|(first, _)| *first).collect::<Vec<_>>() {
            self.join(first);
        }
        for first in self.settled.range(passed).map(|(first, _)| *first).collect::<Vec<_>>() {
            if let Some(run) = self.settled.remove(&first) {
                self.remember(first, run);
            }
        }
    }

    fn owes_nothing(&mut self, offset: i64) {
        if self.lag.is_some() && offset >= self.seen && !self.is_posted(offset) && self.room() > 0 {
            self.seen = offset + 1;
            self.remember(offset, super::lane::Settled { last: offset, count: 0 });
        }
    }

    fn give_up_lag(&mut self, group: Group) -> Option<RangeInclusive<i64>> {
        let lag = self.lag()?;
        self.lag = None;
        let (first, last) = (lag.start, lag.end - 1);
        self.owe_roughly(group, Rough { first, last, count: 0 });
        Some(first..=last)
    }

    fn room(&self) -> usize {
        RUNS_MAX.saturating_sub(self.owed.len() + self.settled.len())
    }

    /// Are there records between these two of which nobody knows any more what they owe?
    pub(super) fn lags_between(&self, left: i64, right: i64) -> bool {
        self.lag.is_some_and(|lag| right > lag && right > left + 1)
    }
}
