//! A digest: one post that stands for any number of notices, in bounded memory.
//!
//! Kept per partition, so that a revoked partition's part leaves with it. The rows that are worth most are shown with
//! their net change, as far as there is room for them; all else is counted.

use super::content::{Content, Folded, Tally};
use super::lanes::Leftover;
use super::notice::{Notice, Owed, Page, PostId, RowKey};
use crate::ledger::{Owner, Partition};
use crate::message::Priority;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Rows that a digest shows at most.
pub const LINES_MAX: usize = 30;
/// Bytes that these take at most, but for a row that is all there is: it will be posted by itself. Rows are small; this is
/// for those that hold documents.
pub const LINES_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug)]
struct Line<C> {
    id: PostId,
    notice: Notice<C>,
}

impl<C: Content> Line<C> {
    /// The most worth being shown compares greatest; among equals the first.
    fn rank(&self) -> (Reverse<Priority>, u32, Reverse<PostId>) {
        (Reverse(self.notice.priority), self.notice.content.weight(), Reverse(self.id))
    }

    fn bytes(&self) -> u64 {
        let beside = self.notice.row.0.len() + size_of_val(self.notice.earlier.as_slice());
        self.notice.content.bytes() + beside as u64
    }
}

/// What is counted of one partition.
#[derive(Debug)]
struct Part<T> {
    tally: T,
    offsets: RangeInclusive<i64>,
    notices: [usize; 3],
    changes: u64,
}

/// See the module's text.
#[derive(Debug)]
pub struct Digest<C: Content> {
    lines: HashMap<RowKey, Line<C>>,
    parts: BTreeMap<Owner, Part<C::Tally>>,
    /// When its first notice was offered.
    oldest: Duration,
    /// When its last notice was offered.
    newest: Duration,
    /// Its message was refused: it shows nothing any more, it counts.
    shrunk: bool,
    /// See [`Digest::name`].
    name: String,
    /// Posts tried so far.
    pub(super) attempts: u32,
}

impl<C: Content> Digest<C> {
    pub(super) fn new() -> Self {
        Self {
            lines: HashMap::new(),
            parts: BTreeMap::new(),
            oldest: Duration::MAX,
            newest: Duration::ZERO,
            shrunk: false,
            name: String::new(),
            attempts: 0,
        }
    }

    /// The rows that are shown, the most important first.
    pub fn lines(&self) -> impl Iterator<Item = &Notice<C>> {
        let mut lines: Vec<_> = self.lines.values().collect();
        lines.sort_by_key(|line| Reverse(line.rank()));
        lines.into_iter().map(|line| &line.notice)
    }

    /// What is counted beside, by partition.
    pub fn tallies(&self) -> impl Iterator<Item = &C::Tally> {
        self.parts.values().map(|part| &part.tally)
    }

    /// Changes that it stands for, those shown included.
    pub fn changes(&self) -> u64 {
        let shown: u64 = self.lines.values().map(|line| line.notice.changes).sum();
        shown + self.parts.values().map(|part| part.changes).sum::<u64>()
    }

    /// When its first and its last notice were offered.
    pub fn span(&self) -> (Duration, Duration) {
        (self.oldest, self.newest)
    }

    /// Posts tried so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Its name: the same at every attempt, and another one for any other content. After a crash a digest may begin at the
    /// same record as one that was accepted, and stand for more: whoever knows repeats by their name must not take it for
    /// one. Empty while it still collects.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// It collects no more: what it stands for names it, whatever leaves it later.
    pub(super) fn baptise(&mut self) {
        let mut spans: BTreeMap<&Partition, (i64, i64, u64)> = BTreeMap::new();
        let lines = self.lines.values().map(|line| (&line.notice.owner, &line.notice.offsets, line.notice.changes));
        let parts = self.parts.iter().map(|(owner, part)| (owner, &part.offsets, part.changes));
        for (owner, offsets, changes) in lines.chain(parts) {
            let span = spans.entry(&owner.partition).or_insert((i64::MAX, i64::MIN, 0));
            *span = (span.0.min(*offsets.start()), span.1.max(*offsets.end()), span.2 + changes);
        }
        let Some((first, (offset, ..))) = spans.first_key_value() else { return };
        let mut hash = Sha256::new();
        for (partition, span) in &spans {
            hash.update(format!("{partition} {span:?}\n"));
        }
        let hash = hash.finalize();
        self.name = format!("digest:{first}:{offset}:{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.parts.is_empty()
    }

    /// Whether its message was refused before, so that it shows no rows any more.
    pub fn is_shrunk(&self) -> bool {
        self.shrunk
    }

    pub(super) fn shows(&self, row: &RowKey) -> bool {
        self.lines.contains_key(row)
    }

    pub(super) fn has_line(&self, id: PostId) -> bool {
        self.lines.values().any(|line| line.id == id)
    }

    pub(super) fn shows_any_of(&self, other: &Self) -> bool {
        other.lines.keys().any(|row| self.shows(row))
    }

    /// Partitions that it stands for.
    pub(super) fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.lines.values().map(|line| &line.notice.owner).chain(self.parts.keys())
    }

    /// Notices by priority.
    pub(super) fn notices(&self) -> [usize; 3] {
        let mut notices = [0; 3];
        for line in self.lines.values() {
            notices[line.notice.priority as usize] += 1;
        }
        for part in self.parts.values() {
            for (sum, count) in notices.iter_mut().zip(part.notices) {
                *sum += count;
            }
        }
        notices
    }

    /// Takes a notice in; `own` is this digest's id.
    pub(super) fn add(&mut self, own: PostId, id: PostId, mut notice: Notice<C>, page: &mut Page<'_>) {
        self.oldest = self.oldest.min(notice.offered);
        self.newest = self.newest.max(notice.offered);
        notice.content.slim();
        if let Some(line) = self.lines.get_mut(&notice.row) {
            let (owner, offsets) = (notice.owner.clone(), notice.offsets.clone());
            match line.notice.fold(notice) {
                Folded::Kept => {
                    page.join(&owner, &offsets, id, line.id);
                    self.fit(own, page);
                }
                Folded::Nothing => {
                    page.join(&owner, &offsets, id, line.id);
                    let row = line.notice.row.clone();
                    self.undone(own, &row, page);
                }
                Folded::Apart(notice) => self.count(own, id, notice, page),
            }
            return;
        }
        let line = Line { id, notice };
        if self.lines.len() < LINES_MAX {
            self.lines.insert(line.notice.row.clone(), line);
            return self.fit(own, page);
        }
        let lightest = self.lines.values().min_by_key(|line| line.rank());
        let evicted = lightest.filter(|lightest| lightest.rank() < line.rank()).map(|line| line.notice.row.clone());
        match evicted.and_then(|row| self.lines.remove(&row)) {
            Some(evicted) => {
                self.lines.insert(line.notice.row.clone(), line);
                self.count(own, evicted.id, evicted.notice, page);
                self.fit(own, page);
            }
            None => self.count(own, line.id, line.notice, page),
        }
    }

    /// Counts the largest rows instead of showing them, until the others have room.
    fn fit(&mut self, own: PostId, page: &mut Page<'_>) {
        while self.lines.values().map(Line::bytes).sum::<u64>() > LINES_BYTES_MAX && !self.is_lone() {
            let largest = self.lines.values().max_by_key(|line| (line.bytes(), Reverse(line.rank())));
            let largest = largest.map(|line| line.notice.row.clone());
            let Some(Line { id, notice }) = largest.and_then(|row| self.lines.remove(&row)) else { return };
            self.count(own, id, notice, page);
        }
    }

    fn is_lone(&self) -> bool {
        self.lines.len() == 1 && self.parts.is_empty()
    }

    fn part(&mut self, owner: &Owner, offsets: &RangeInclusive<i64>) -> &mut Part<C::Tally> {
        let part = self.parts.entry(owner.clone()).or_insert_with(|| Part {
            tally: C::Tally::default(),
            offsets: offsets.clone(),
            notices: [0; 3],
            changes: 0,
        });
        let (first, last) = (part.offsets.start().min(offsets.start()), part.offsets.end().max(offsets.end()));
        part.offsets = *first..=*last;
        part
    }

    /// What a notice owes is settled with this digest from now on; answers where it is to be counted.
    fn join(&mut self, own: PostId, id: PostId, notice: &Notice<C>, page: &mut Page<'_>) -> &mut Part<C::Tally> {
        page.join(&notice.owner, &notice.offsets, id, own);
        let part = self.part(&notice.owner, &notice.offsets);
        part.changes += notice.changes;
        part
    }

    fn count(&mut self, own: PostId, id: PostId, notice: Notice<C>, page: &mut Page<'_>) {
        let part = self.join(own, id, &notice, page);
        part.notices[notice.priority as usize] += 1;
        part.tally.count(notice.content, notice.changes);
    }

    fn undone(&mut self, own: PostId, row: &RowKey, page: &mut Page<'_>) {
        if let Some(Line { id, notice }) = self.lines.remove(row) {
            self.join(own, id, &notice, page).tally.undone(notice.changes);
        }
    }

    /// Takes a row's line out, to be posted singly.
    pub(super) fn take(&mut self, row: &RowKey) -> Option<(PostId, Notice<C>)> {
        self.lines.remove(row).map(|line| (line.id, line.notice))
    }

    /// The only notice, if there is but one: it is posted as any other.
    pub(super) fn take_lone(&mut self) -> Option<(PostId, Notice<C>)> {
        if !self.is_lone() {
            return None;
        }
        let row = self.lines.keys().next().cloned()?;
        self.take(&row)
    }

    /// What has expired is counted apart, and not shown.
    pub(super) fn expire(&mut self, own: PostId, now: Duration, page: &mut Page<'_>) {
        for (id, notice) in self.take_lines(|notice| notice.is_expired(now)) {
            let part = self.join(own, id, &notice, page);
            part.notices[notice.priority as usize] += 1;
            part.tally.expired(notice.content, notice.changes);
        }
    }

    /// Shows nothing any more; answers which rows it showed.
    pub(super) fn shrink(&mut self, own: PostId, page: &mut Page<'_>) -> Vec<RowKey> {
        self.shrunk = true;
        let lines = self.take_lines(|_| true);
        lines.into_iter().map(|(id, notice)| (notice.row.clone(), self.count(own, id, notice, page)).0).collect()
    }

    /// Takes out the lines of these notices, in their order.
    fn take_lines(&mut self, which: impl Fn(&Notice<C>) -> bool) -> Vec<(PostId, Notice<C>)> {
        let taken = self.lines.extract_if(|_, line| which(&line.notice));
        let mut taken: Vec<_> = taken.map(|(_, line)| (line.id, line.notice)).collect();
        taken.sort_by_key(|(id, _)| *id);
        taken
    }

    /// The rows that are shown.
    pub(super) fn rows(&self) -> Vec<RowKey> {
        self.lines.keys().cloned().collect()
    }

    /// Lets go what is of these partitions.
    pub(super) fn purge(&mut self, gone: &dyn Fn(&Owner) -> bool) {
        self.lines.retain(|_, line| !gone(&line.notice.owner));
        self.parts.retain(|owner, _| !gone(owner));
    }

    /// Takes out one row that is shown, else what is counted of one partition; `own` is this digest's id.
    pub(super) fn take_apart(&mut self, own: PostId, page: &Page<'_>) -> Option<(Leftover<C>, Owed)> {
        let row = self.lines.values().min_by_key(|line| line.id).map(|line| line.notice.row.clone());
        if let Some((id, notice)) = row.and_then(|row| self.take(&row)) {
            let owed = page.owed(&notice, id);
            return Some((Leftover::One(notice), owed));
        }
        let (owner, part) = self.parts.pop_first()?;
        let owed = Owed { owner, lane: page.lane, offsets: part.offsets, group: own.group() };
        Some((Leftover::Counted(part.tally, part.changes), owed))
    }

    /// Everything that it owes is settled.
    pub(super) fn settle(&self, own: PostId, page: &mut Page<'_>) {
        for line in self.lines.values() {
            page.settle(&line.notice.owner, &line.notice.offsets, line.id);
        }
        for (owner, part) in &self.parts {
            page.settle(owner, &part.offsets, own);
        }
    }
}
