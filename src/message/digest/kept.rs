//! The rows that a digest shows: which, and their net change.

use super::limits::ROW_BYTES_MAX;
use super::tally::Tally;
use super::{Entry, slim, tally};
use crate::change::{Folded, Net, RowChange};
use crate::message::Priority;
use std::cmp::Ordering;
use std::sync::Arc;

/// A row that a digest shows.
#[derive(Debug, Clone)]
pub struct Kept<T> {
    /// The row's net change, and how many changes it stands for.
    pub folded: Folded,
    /// The highest of its notices.
    pub priority: Priority,
    /// Whether columns that did not change were dropped, so that templates may miss some.
    pub is_slim: bool,
    /// Columns that changed and were too large to keep.
    pub dropped: Vec<Arc<str>>,
    /// What the caller needs to write about it.
    pub tag: T,
    pub(super) row: Option<Arc<[u8]>>,
    pub(super) size: f64,
    /// Its part of the counts, by the place of the group.
    pub(super) shares: Vec<(usize, Tally)>,
}

/// Which rows are shown: by priority, by how far a number went, then the newest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Importance {
    priority: Priority,
    /// From 0 to a little over 2, see [`tally::size`].
    size: f64,
    newest: (Option<i64>, i64),
}

impl Importance {
    pub(super) fn of(priority: Priority, size: f64, change: &RowChange) -> Self {
        Importance { priority, size, newest: (change.time_us, change.record.offset) }
    }

    /// The more important is the less.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let size = other.size.total_cmp(&self.size);
        self.priority.cmp(&other.priority).then(size).then(other.newest.cmp(&self.newest))
    }
}

impl<T> Kept<T> {
    pub(super) fn importance(&self) -> Importance {
        Importance::of(self.priority, self.size, &self.folded.change)
    }

    /// With a later change of its row.
    pub(super) fn and(&self, later: &Folded) -> Net<Folded> {
        if !self.is_slim {
            return self.folded.then(later);
        }
        let wide =
            Folded { change: Arc::new(slim::widened(&self.folded.change, &later.change)), ..self.folded.clone() };
        wide.then(later)
    }

    /// The same row after a later change, which `folded` has in it.
    pub(super) fn become_net(mut self, folded: Folded, entry: &Entry<'_>, share: (usize, Tally), tag: T) -> Self {
        self.folded = folded;
        self.priority = self.priority.min(entry.priority);
        self.tag = tag;
        match self.shares.iter_mut().find(|(place, _)| *place == share.0) {
            Some((_, known)) => known.add(&share.1),
            None => self.shares.push(share),
        }
        let mut kept = self.fitted();
        kept.size = tally::size(&kept.folded.change, entry.view, entry.watched);
        kept
    }

    /// Within its share of memory.
    pub(super) fn fitted(mut self) -> Self {
        if !self.dropped.is_empty() {
            slim::without(Arc::make_mut(&mut self.folded.change), &self.dropped);
        }
        if let Some((change, dropped)) = slim::slim(&self.folded.change, ROW_BYTES_MAX) {
            self.folded.change = Arc::new(change);
            self.is_slim = true;
            self.dropped.extend(dropped);
        }
        self
    }
}
