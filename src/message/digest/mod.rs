//! Many notices in one post: counts of all, and the most important rows with their net change.
//!
//! A digest is kept for one partition of one lane and holds bounded memory, whatever it stands for (the limits below).
//! Parts are merged when the post is made. Every change is counted once: those of the rows shown, and the others.
//!
//! At the limits one digest takes some 300 KiB, more than half of it the rows; with rows of 1 KiB it takes 20.

mod compose;
mod json;
mod kept;
mod limits;
mod rows;
mod slim;
mod tally;

pub use compose::{DigestWords, Form, digest};
pub use json::payload;
pub use kept::Kept;
pub use limits::{COLUMNS_MAX, GROUPS_MAX, ROW_BYTES_MAX, ROWS_MAX};
pub use slim::bytes;
pub use tally::size;

use super::Priority;
use super::select;
use super::value::Writer;
use super::view::{TableView, Words};
use crate::change::{Folded, Net, RowChange};
use kept::Importance;
use std::cmp::Ordering;
use std::sync::Arc;
use tally::{Group, Tally};

/// The place of the changes that belong to no group of their own.
const OTHERS: usize = usize::MAX;

/// A notice as it goes into a digest.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The change, or the net of several.
    pub folded: &'a Folded,
    /// The row within its lane; `None` for what never folds.
    pub row: Option<&'a Arc<[u8]>>,
    /// The rule whose words count.
    pub rule: &'a Arc<str>,
    /// That rule's columns; empty: any.
    pub watched: &'a [Arc<str>],
    /// The highest of the rules'.
    pub priority: Priority,
    /// What the config says about the table.
    pub view: &'a TableView,
}

/// Counts of many notices, and the rows to show. `T` is what the caller needs to write about a row.
#[derive(Debug, Clone)]
pub struct Digest<T> {
    groups: Vec<Group>,
    /// Of the groups for which there was no room.
    others: Tally,
    /// The highest of theirs.
    others_priority: Priority,
    rows: Vec<Kept<T>>,
    expired: u64,
    /// Changes that came to nothing.
    undone: u64,
    since_us: Option<i64>,
    until_us: Option<i64>,
}

impl<T> Default for Digest<T> {
    fn default() -> Self {
        Digest {
            groups: Vec::new(),
            others: Tally::default(),
            others_priority: Priority::Low,
            rows: Vec::new(),
            expired: 0,
            undone: 0,
            since_us: None,
            until_us: None,
        }
    }
}

impl<T> Digest<T> {
    /// Takes in a notice. `tag` makes what the caller needs to write about the row, out of what is kept of the same row
    /// so far; it is called only when the row is to be shown.
    pub fn add(&mut self, entry: &Entry<'_>, tag: impl FnOnce(Option<&T>) -> T) {
        let (size, share) = self.tell(entry);
        self.keep(entry, size, share, tag);
    }

    /// Takes in a notice that is not to be shown.
    pub fn count(&mut self, entry: &Entry<'_>) {
        self.tell(entry);
    }

    /// Counts changes that came to nothing: their rows are as they were.
    pub fn undo(&mut self, changes: u64) {
        self.undone += changes;
    }

    /// Counts a notice; returns how far it went, and its part of the counts.
    fn tell(&mut self, entry: &Entry<'_>) -> (f64, (usize, Tally)) {
        let change = &entry.folded.change;
        let place = self.place(entry.rule, change, entry.priority, entry.view);
        let mut share = Tally::default();
        share.count(change.op, entry.folded.changes);
        let size = self.count_columns(place, entry, &mut share);
        self.tally(place).add(&share);
        self.span(entry.folded.since_us, change.time_us);
        (size, (place, share))
    }

    /// Counts notices that are older than their rule allows and are left out.
    pub fn expire(&mut self, changes: u64) {
        self.expired += changes;
    }

    /// Takes a row out that is to be posted by itself: its net change as far as it was kept. Its changes leave the counts.
    pub fn take_row(&mut self, row: &[u8]) -> Option<Kept<T>> {
        let at = self.rows.iter().position(|kept| kept.row.as_deref() == Some(row))?;
        let kept = self.rows.remove(at);
        for (place, share) in &kept.shares {
            self.tally(*place).subtract(share);
        }
        Some(kept)
    }

    /// Changes that it stands for, those left out included.
    pub fn changes(&self) -> u64 {
        self.counts().map(|tally| tally.changes).sum::<u64>() + self.expired + self.undone
    }

    /// Changes of the rows shown; the others are counted only.
    pub fn shown(&self) -> u64 {
        self.rows.iter().map(|kept| kept.folded.changes).sum()
    }

    /// Changes left out because they were older than their rule allows.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// True when there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.changes() == 0
    }

    /// The highest priority of its notices; low where it is empty.
    pub fn priority(&self) -> Priority {
        self.live_groups().map(|group| group.priority).min().unwrap_or(Priority::Low).min(self.others_priority)
    }

    /// Server and name of the table, where all its notices are about one.
    pub fn only_table(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        let mut groups = self.live_groups().map(|group| (&group.server, &group.table));
        let first = groups.next()?;
        (self.others.changes == 0 && groups.all(|other| other == first)).then_some(first)
    }

    /// The rules that led to its notices, each once; of changes that are counted together the rules are not known.
    pub fn rules(&self) -> Vec<Arc<str>> {
        let mut rules: Vec<Arc<str>> = Vec::new();
        for group in self.live_groups() {
            if !rules.contains(&group.rule) {
                rules.push(Arc::clone(&group.rule));
            }
        }
        rules
    }

    /// The rows shown, the most important first.
    pub fn rows(&self) -> &[Kept<T>] {
        &self.rows
    }

    /// Takes in what another digest holds, which stays as it is. The two are of different partitions: no row is in both.
    pub fn merge(&mut self, other: &Digest<T>)
    where
        T: Clone,
    {
        let places: Vec<_> = other.groups.iter().map(|group| self.adopt(group)).collect();
        let translated = |place: usize, share: &Tally| match places.get(place) {
            Some((place, columns)) => (*place, share.translated(columns)),
            None => (OTHERS, share.clone()),
        };
        for (place, group) in other.groups.iter().enumerate() {
            let (place, tally) = translated(place, &group.tally);
            self.tally(place).add(&tally);
        }
        self.others.add(&other.others);
        self.others_priority = self.others_priority.min(other.others_priority);
        self.expired += other.expired;
        self.undone += other.undone;
        self.span(other.since_us, other.until_us);
        for kept in &other.rows {
            let shares = kept.shares.iter().map(|(place, share)| translated(*place, share)).collect();
            self.show(Kept { shares, ..kept.clone() });
        }
    }

    /// The place of a group of another digest here, and those of its columns.
    fn adopt(&mut self, theirs: &Group) -> (usize, Vec<Option<usize>>) {
        let found = self.groups.iter().position(|group| group.is(&theirs.rule, &theirs.server, &theirs.table));
        let place = match found {
            Some(place) => place,
            None if theirs.tally.changes == 0 => return (OTHERS, Vec::new()),
            None if self.groups.len() == GROUPS_MAX => {
                self.others_priority = self.others_priority.min(theirs.priority);
                return (OTHERS, Vec::new());
            }
            None => {
                self.groups.push(Group { columns: Vec::new(), tally: Tally::default(), ..theirs.clone() });
                self.groups.len() - 1
            }
        };
        let group = &mut self.groups[place];
        group.priority = group.priority.min(theirs.priority);
        let columns = theirs.columns.iter().map(|column| group.place(&column.name, || column.clone())).collect();
        (place, columns)
    }

    fn live_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.tally.changes > 0)
    }

    fn counts(&self) -> impl Iterator<Item = &Tally> {
        self.groups.iter().map(|group| &group.tally).chain(std::iter::once(&self.others))
    }

    fn tally(&mut self, place: usize) -> &mut Tally {
        match self.groups.get_mut(place) {
            Some(group) => &mut group.tally,
            None => &mut self.others,
        }
    }

    fn place(&mut self, rule: &Arc<str>, change: &RowChange, priority: Priority, view: &TableView) -> usize {
        let found = self.groups.iter().position(|group| group.is(rule, &change.server, &change.table));
        match found {
            Some(place) => {
                let group = &mut self.groups[place];
                // What was said of a group that has been emptied does not count.
                let emptied = group.tally.changes == 0;
                group.priority = if emptied { priority } else { group.priority.min(priority) };
                place
            }
            None if self.groups.len() < GROUPS_MAX => {
                self.groups.push(Group::new(rule, &change.server, &change.table, priority, view));
                self.groups.len() - 1
            }
            None => {
                self.others_priority = self.others_priority.min(priority);
                OTHERS
            }
        }
    }

    /// Counts the columns that changed. Returns how far the watched ones went, as [`tally::size`] says.
    fn count_columns(&mut self, place: usize, entry: &Entry<'_>, share: &mut Tally) -> f64 {
        let change = &entry.folded.change;
        if let Some(size) = tally::size_of_op(change.op) {
            // Every column comes or goes with its row.
            return size;
        }
        if change.before_unknown && !change.is_rekey() {
            share.unknown += 1;
            return 0.0;
        }
        let Some(group) = self.groups.get_mut(place) else {
            return tally::size(change, entry.view, entry.watched);
        };
        let words = Words::default();
        let writer = Writer::new(change, entry.view, &words);
        let mut size: f64 = 0.0;
        for column in select::visible(&writer, entry.view) {
            let step = group.count_column(&writer, entry.view, column, share);
            if tally::watches(entry.watched, &column.name) {
                size = size.max(step);
            }
        }
        size
    }

    fn span(&mut self, since_us: Option<i64>, until_us: Option<i64>) {
        self.since_us = self.since_us.into_iter().chain(since_us).chain(until_us).min();
        self.until_us = self.until_us.max(until_us).max(since_us);
    }

    fn keep(&mut self, entry: &Entry<'_>, size: f64, share: (usize, Tally), tag: impl FnOnce(Option<&T>) -> T) {
        let known = entry.row.and_then(|row| self.rows.iter().position(|kept| kept.row.as_ref() == Some(row)));
        let known = known.map(|at| self.rows.remove(at));
        let net = known.as_ref().map(|kept| kept.and(entry.folded));
        let known = match (known, net) {
            // As it was before: nothing to show, though its changes were made and stay counted.
            (Some(_), Some(Net::Nothing)) => return,
            (Some(kept), Some(Net::Change(folded))) => {
                let tag = tag(Some(&kept.tag));
                return self.show(kept.become_net(folded, entry, share, tag));
            }
            // What does not fold: the later one is shown, the earlier one stays counted.
            (known, _) => known,
        };
        let importance = Importance::of(entry.priority, size, &entry.folded.change);
        let outranked = |lowest: &Kept<T>| lowest.importance().cmp(&importance) == Ordering::Less;
        if self.rows.len() >= ROWS_MAX && self.rows.last().is_some_and(outranked) {
            return;
        }
        let kept = Kept {
            folded: entry.folded.clone(),
            priority: entry.priority,
            is_slim: false,
            dropped: Vec::new(),
            tag: tag(known.as_ref().map(|kept| &kept.tag)),
            row: entry.row.cloned(),
            size,
            shares: vec![share],
        };
        self.show(kept.fitted());
    }

    /// Puts a row in its place among those shown; the least important one leaves where there are too many.
    fn show(&mut self, kept: Kept<T>) {
        let importance = kept.importance();
        let at = self.rows.partition_point(|other| other.importance().cmp(&importance) != Ordering::Greater);
        self.rows.insert(at, kept);
        self.rows.truncate(ROWS_MAX);
    }
}

#[cfg(test)]
mod tests;
