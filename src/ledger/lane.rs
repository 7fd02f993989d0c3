//! What one partition owes one lane: the unsettled offsets in order, and what is settled beyond the first of them.

use super::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Runs of owed offsets that are kept one by one, for each partition and lane (about 50 bytes each). Beyond, a group
/// keeps its first and last offset only: then what settles between others' is not said to the next owner, and is posted
/// again after a crash, counted as left out.
pub(super) const RUNS_MAX: usize = 8192;

/// Owed offsets of one group with no other owed or settled offset in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) last: i64,
    pub(super) group: Group,
    pub(super) count: u64,
}

/// Settled offsets with no owed one in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub(super) last: i64,
    pub(super) count: u64,
}

/// What a group owes beyond [`RUNS_MAX`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Rough {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) count: u64,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct LaneLog {
    /// Everything below is settled, be it not read again yet in this assignment.
    floor: i64,
    pub(super) owed: BTreeMap<i64, Run>,
    pub(super) settled: BTreeMap<i64, Settled>,
    rough: BTreeMap<Group, Rough>,
    rough_firsts: BTreeSet<(i64, Group)>,
    /// The last offset that was ever kept roughly, while any is.
    rough_end: i64,
    /// Settled offsets that were kept roughly, while any is.
    unsaid: u64,
    /// The first offset that was not offered yet.
    pub(super) seen: i64,
    /// The first offset that was let go: from there on only what `owed` and `settled` tell was taken in.
    pub(super) lag: Option<i64>,
}

impl LaneLog {
    /// A lane of which an earlier assignment settled everything below `floor`, and `runs` beyond it.
    pub(super) fn resumed(floor: i64, runs: &[(i64, i64)]) -> Self {
        let settled = runs.iter().map(|(first, last)| (*first, Settled { last: *last, count: 1 })).collect();
        Self { floor, settled, ..Self::default() }
    }

    pub(super) fn is_posted(&self, offset: i64) -> bool {
        offset < self.floor || self.settled.range(..=offset).next_back().is_some_and(|(_, run)| offset <= run.last)
    }

    /// With which group an offset is owed. Of a digest that is kept roughly, whatever lies within may be.
    pub(super) fn owing(&self, offset: i64) -> Option<Group> {
        let run =
            self.owed.range(..=offset).next_back().filter(|(_, run)| offset <= run.last).map(|(_, run)| run.group);
        let rough = || self.rough.iter().find(|(_, rough)| (rough.first..=rough.last).contains(&offset));
        run.or_else(|| rough().map(|(group, _)| *group))
    }

    pub(super) fn first_owed(&self) -> Option<i64> {
        let run = self.owed.first_key_value().map(|(first, _)| *first);
        let rough = self.rough_firsts.first().map(|(first, _)| *first);
        [run, rough, self.lag].into_iter().flatten().min()
    }

    /// Everything below is settled, as far as it was judged up to `position`.
    pub(super) fn watermark(&self, position: i64) -> i64 {
        if let Some(first) = self.first_owed() {
            return first;
        }
        let reached = position.max(self.floor);
        match self.settled.range(..=reached).next_back() {
            Some((_, run)) if reached <= run.last => run.last + 1,
            _ => reached,
        }
    }

    pub(super) fn owe(&mut self, offset: i64, group: Group) {
        if offset < self.seen {
            return;
        }
        self.seen = offset + 1;
        if let Some((_, run)) = self.owed.iter_mut().next_back()
            && run.group == group
            && self.settled.range(run.last..offset).next().is_none()
            && self.lag.is_none_or(|lag| offset <= lag || offset == run.last + 1)
        {
            run.last = offset;
            run.count += 1;
        } else if self.owed.len() < RUNS_MAX {
            self.owed.insert(offset, Run { last: offset, group, count: 1 });
        } else {
            self.owe_roughly(group, Rough { first: offset, last: offset, count: 1 });
        }
    }

    pub(super) fn owe_roughly(&mut self, group: Group, more: Rough) {
        let rough = self.rough.entry(group).or_insert(Rough { count: 0, ..more });
        self.rough_firsts.remove(&(rough.first, group));
        rough.first = rough.first.min(more.first);
        rough.last = rough.last.max(more.last);
        rough.count += more.count;
        self.rough_firsts.insert((rough.first, group));
        self.rough_end = self.rough_end.max(more.last);
    }

    fn runs_of(&self, span: &RangeInclusive<i64>, group: Group) -> Vec<i64> {
        self.owed.range(span.clone()).filter(|(_, run)| run.group == group).map(|(first, _)| *first).collect()
    }

    /// Offsets of `from` within `span` belong to another group from now on: they are settled with it.
    pub(super) fn regroup(&mut self, span: &RangeInclusive<i64>, from: Group, to: Group) {
        for first in self.runs_of(span, from) {
            if let Some(run) = self.owed.get_mut(&first) {
                run.group = to;
            }
            self.join(first);
        }
        if let Some(rough) = self.rough.remove(&from) {
            self.rough_firsts.remove(&(rough.first, from));
            self.owe_roughly(to, rough);
        }
    }

    /// Joins a run with the neighbours of its group.
    pub(super) fn join(&mut self, first: i64) {
        let Some(run) = self.owed.get(&first).copied() else { return };
        let mut start = first;
        let before = self.owed.range(..first).next_back().map(|(first, left)| (*first, *left));
        if let Some((before, left)) = before
            && left.group == run.group
            && self.settled.range(left.last..first).next().is_none()
            && !self.lags_between(left.last, first)
            && let Some(left) = self.owed.get_mut(&before)
        {
            left.last = run.last;
            left.count += run.count;
            self.owed.remove(&first);
            start = before;
        }
        let next = self.owed.range(run.last + 1..).next().map(|(first, right)| (*first, *right));
        if let Some((after, right)) = next
            && right.group == run.group
            && self.settled.range(run.last..after).next().is_none()
            && !self.lags_between(run.last, after)
            && let Some(left) = self.owed.get_mut(&start)
        {
            left.last = right.last;
            left.count += right.count;
            self.owed.remove(&after);
        }
    }

    /// What the group owes within `span` is settled. False where it owed nothing.
    pub(super) fn settle(&mut self, span: &RangeInclusive<i64>, group: Group) -> bool {
        let mut found = false;
        for first in self.runs_of(span, group) {
            if let Some(run) = self.owed.remove(&first) {
                self.remember(first, Settled { last: run.last, count: run.count });
                found = true;
            }
        }
        if let Some(rough) = self.rough.remove(&group) {
            self.rough_firsts.remove(&(rough.first, group));
            self.unsaid = if self.rough.is_empty() { 0 } else { self.unsaid + rough.count };
            found = true;
        }
        found
    }

    pub(super) fn remember(&mut self, first: i64, mut done: Settled) {
        let mut start = first;
        if let Some((&before, left)) = self.settled.range(..first).next_back()
            && self.nothing_owed(left.last, first)
        {
            (start, done.count) = (before, done.count + left.count);
        }
        let next = self.settled.range(first..).next().map(|(first, right)| (*first, *right));
        if let Some((after, right)) = next
            // What lies in between was judged.
            && after <= self.seen
            && self.nothing_owed(done.last, after)
        {
            self.settled.remove(&after);
            (done.last, done.count) = (right.last, done.count + right.count);
        }
        self.settled.insert(start, done);
    }

    /// True where no owed offset lies between these two.
    fn nothing_owed(&self, left: i64, right: i64) -> bool {
        if self.lags_between(left, right) {
            return false;
        }
        let rough = self.rough_firsts.first().is_some_and(|(first, _)| *first < right && left < self.rough_end);
        !rough && self.owed.range(left..right).next().is_none()
    }

    /// Every record below `position` was judged; forgets what the watermark says anyway.
    pub(super) fn read(&mut self, position: i64) {
        self.seen = self.seen.max(position);
        let watermark = self.watermark(position);
        // A run that reaches beyond the position is told by the watermark alone from now on.
        self.floor = self.floor.max(watermark);
        while let Some(entry) = self.settled.first_entry()
            && entry.get().last < watermark
        {
            entry.remove();
        }
    }

    /// Settled runs beyond the watermark, in order: first, last, how many posts.
    pub(super) fn beyond(&self) -> impl Iterator<Item = (i64, i64, u64)> {
        self.settled.iter().map(|(first, run)| (*first, run.last, run.count))
    }

    /// How many settled runs there are beyond the watermark.
    pub(super) fn runs(&self) -> usize {
        self.settled.len()
    }

    /// Settled posts beyond the watermark that no run tells.
    pub(super) fn unsaid(&self) -> u64 {
        self.unsaid
    }
}
