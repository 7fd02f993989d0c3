//! A notice, and what it owes.

use super::content::{Content, Folded};
use crate::ledger::{Group, LaneId, Ledger, Owner};
use crate::message::Priority;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

/// Changes of a folded notice whose offsets are remembered, so that each can become a dead letter.
const EARLIER_MAX: usize = 1_000;

/// A row of a lane: notices with an equal one are posted in order, one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(pub Arc<[u8]>);

/// Names a post within its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PostId(pub(super) u64);

impl PostId {
    /// The post that settles a group.
    pub(super) fn of(group: Group) -> Self {
        Self(group.0)
    }

    /// What a post owes is settled together.
    pub(super) fn group(self) -> Group {
        Group(self.0)
    }
}

/// A change that somebody wants posted, on its way through one lane; or the net change of several of one row.
#[derive(Debug)]
pub struct Notice<C> {
    /// The partition it came from, as this assignment of it knows it.
    pub owner: Owner,
    /// Offsets of its first and last change; others may stand in between.
    pub offsets: RangeInclusive<i64>,
    /// Changes that it stands for.
    pub changes: u64,
    /// Offsets of its changes before the last, as many as are remembered.
    pub earlier: Vec<i64>,
    /// Posts about one row keep their order.
    pub row: RowKey,
    /// How urgent.
    pub priority: Priority,
    /// When it is too old to be posted.
    pub expires: Option<Duration>,
    /// When it was offered; the first of its changes.
    pub offered: Duration,
    /// Posts tried so far.
    pub attempts: u32,
    /// Its message was refused: the next post is plain and short.
    pub simple: bool,
    /// Memory that it takes.
    pub bytes: u64,
    /// What the shell needs to make the post.
    pub content: C,
}

impl<C> Notice<C> {
    /// A notice of one change, offered at `now`.
    pub fn new(owner: Owner, offset: i64, row: RowKey, priority: Priority, content: C, now: Duration) -> Self {
        Self {
            owner,
            offsets: offset..=offset,
            changes: 1,
            earlier: Vec::new(),
            row,
            priority,
            expires: None,
            offered: now,
            attempts: 0,
            simple: false,
            bytes: 0,
            content,
        }
    }

    pub(super) fn is_expired(&self, now: Duration) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl<C: Content> Notice<C> {
    /// Takes in a later notice of the same row. Where nothing is left to say, this one still owes what both owe.
    pub(super) fn fold(&mut self, later: Self) -> Folded<Self> {
        let folded = self.content.fold(later.content);
        if let Folded::Apart(content) = folded {
            return Folded::Apart(Self { content, ..later });
        }
        let room = EARLIER_MAX.saturating_sub(self.earlier.len());
        let known = self.earlier.len();
        self.earlier.extend([*self.offsets.end()].into_iter().chain(later.earlier).take(room));
        self.bytes = self.bytes.max(later.bytes) + ((self.earlier.len() - known) * size_of::<i64>()) as u64;
        self.offsets = *self.offsets.start()..=*later.offsets.end();
        self.changes += later.changes;
        self.priority = self.priority.min(later.priority);
        self.expires = self.expires.zip(later.expires).map(|(mine, other)| mine.max(other));
        if matches!(folded, Folded::Nothing) { Folded::Nothing } else { Folded::Kept }
    }
}

/// What one post owes, to be settled when its dead letter is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The partition.
    pub owner: Owner,
    /// The lane.
    pub lane: LaneId,
    /// First and last offset.
    pub offsets: RangeInclusive<i64>,
    /// Which of the offsets.
    pub group: Group,
}

/// One lane's page of the ledger.
pub(super) struct Page<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) lane: LaneId,
}

impl Page<'_> {
    pub(super) fn owe<C>(&mut self, notice: &Notice<C>, id: PostId) {
        self.ledger.owe(&notice.owner, self.lane, *notice.offsets.start(), id.group());
    }

    pub(super) fn settle(&mut self, owner: &Owner, offsets: &RangeInclusive<i64>, id: PostId) {
        self.ledger.settle(owner, self.lane, offsets, id.group());
    }

    /// What `from` owes is settled with `to` from now on.
    pub(super) fn join(&mut self, owner: &Owner, offsets: &RangeInclusive<i64>, from: PostId, to: PostId) {
        self.ledger.regroup(owner, self.lane, offsets, from.group(), to.group());
    }

    pub(super) fn let_go<C>(&mut self, notice: &Notice<C>) {
        self.ledger.let_go(&notice.owner, self.lane, *notice.offsets.start());
    }

    pub(super) fn owe_again<C>(&mut self, notice: &Notice<C>, id: PostId) -> bool {
        self.ledger.owe_again(&notice.owner, self.lane, *notice.offsets.start(), id.group())
    }

    pub(super) fn owe_letter_again(&mut self, owner: &Owner, offset: i64, id: PostId) -> Option<Owed> {
        let owed = self.ledger.owe_again(owner, self.lane, offset, id.group());
        let (owner, lane) = (owner.clone(), self.lane);
        owed.then(|| Owed { owner, lane, offsets: offset..=offset, group: id.group() })
    }

    pub(super) fn lag(&self, owner: &Owner) -> Option<Range<i64>> {
        self.ledger.lag(owner, self.lane)
    }

    pub(super) fn catch_up(&mut self, owner: &Owner, position: i64) {
        self.ledger.catch_up(owner, self.lane, position);
    }

    pub(super) fn give_up_lag(&mut self, owner: &Owner, id: PostId) -> Option<Owed> {
        let offsets = self.ledger.give_up_lag(owner, self.lane, id.group())?;
        Some(Owed { owner: owner.clone(), lane: self.lane, offsets, group: id.group() })
    }

    pub(super) fn room(&self, owner: &Owner) -> usize {
        self.ledger.room(owner, self.lane)
    }

    pub(super) fn owed<C>(&self, notice: &Notice<C>, id: PostId) -> Owed {
        Owed { owner: notice.owner.clone(), lane: self.lane, offsets: notice.offsets.clone(), group: id.group() }
    }
}
