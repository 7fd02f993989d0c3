//! Rows: who of them may be posted, and what is folded.

use super::{Item, Lane, State};
use crate::message::Priority;
use crate::outbox::Post;
use crate::outbox::content::{Content, Folded};
use crate::outbox::notice::{Notice, Page, PostId, RowKey};
use std::collections::VecDeque;

/// The pending notices of one row, oldest first.
#[derive(Debug, Default)]
pub(super) struct RowQueue {
    pub(super) ids: VecDeque<PostId>,
    /// How many of each priority, to know the most urgent without a search.
    by_priority: [usize; 3],
    /// An urgent notice of the row is on its way: it was let go, stands at this offset, and is read again.
    promoted: Option<i64>,
}

impl RowQueue {
    pub(super) fn urgency(&self) -> Option<Priority> {
        if self.promoted.is_some() {
            return Some(Priority::Critical);
        }
        Priority::ALL.into_iter().find(|priority| self.by_priority[*priority as usize] > 0)
    }
}

impl<C: Content> Lane<C> {
    /// Folds a notice into the last of its row, where that was never tried; else it waits behind it.
    pub(super) fn fold_or_queue(&mut self, id: PostId, notice: Notice<C>, page: &mut Page<'_>) {
        let last =
            self.rows.get(&notice.row).and_then(|queue| queue.ids.back().copied()).filter(|_| self.settings.fold);
        let Some((last, item)) = last.and_then(|last| Some((last, self.items.get_mut(&last)?))) else {
            return self.queue(id, notice);
        };
        let Post::One(earlier) = &mut item.post else { return };
        if earlier.attempts > 0 || !matches!(item.state, State::Behind | State::Ready(_)) {
            return self.queue(id, notice);
        }
        let (row, owner, offsets, before) =
            (notice.row.clone(), notice.owner.clone(), notice.offsets.clone(), earlier.priority);
        let (changes, bytes) = (notice.changes, earlier.bytes);
        let folded = earlier.fold(notice);
        self.bytes = self.bytes + earlier.bytes - bytes;
        match folded {
            Folded::Apart(notice) => self.queue(id, notice),
            Folded::Kept => {
                let after = earlier.priority;
                page.join(&owner, &offsets, id, last);
                self.folded += changes;
                self.pending[before as usize] -= 1;
                self.pending[after as usize] += 1;
                if let Some(queue) = self.rows.get_mut(&row) {
                    queue.by_priority[before as usize] -= 1;
                    queue.by_priority[after as usize] += 1;
                }
                self.refresh_head(&row);
            }
            Folded::Nothing => {
                page.join(&owner, &offsets, id, last);
                self.folded += changes;
                // As it was counted when it was queued.
                earlier.priority = before;
                if let Some(Post::One(nothing)) = self.remove(last) {
                    page.settle(&nothing.owner, &nothing.offsets, last);
                }
            }
        }
    }

    pub(super) fn queue(&mut self, id: PostId, notice: Notice<C>) {
        let (row, priority) = (notice.row.clone(), notice.priority);
        self.pending[priority as usize] += 1;
        self.bytes += notice.bytes;
        self.ages.insert(id, notice.offered);
        self.items.insert(id, Item { post: Post::One(notice), delivered_at_failure: None, state: State::Behind });
        let queue = self.rows.entry(row.clone()).or_default();
        queue.ids.push_back(id);
        queue.by_priority[priority as usize] += 1;
        self.refresh_head(&row);
    }

    /// A row's notices are as urgent as one at this offset that will follow them.
    pub(super) fn promote(&mut self, row: &RowKey, to_come: Option<i64>) {
        if let Some(queue) = self.rows.get_mut(row) {
            queue.promoted = to_come;
            self.refresh_head(row);
        }
    }

    /// Puts the head of a row where it belongs. Its urgency is that of the row's most urgent notice, because
    /// that one cannot overtake it (design invariants 3 and 4); nor can it overtake a digest that shows its row.
    pub(super) fn refresh_head(&mut self, row: &RowKey) {
        let Some(queue) = self.rows.get(row) else {
            return;
        };
        let Some(&head) = queue.ids.front() else {
            self.rows.remove(row);
            return;
        };
        let urgency = queue.urgency();
        let shown = self.is_shown(row);
        let Some(item) = self.items.get_mut(&head) else {
            return;
        };
        match (&item.state, urgency) {
            (State::Behind, Some(urgency)) if !shown => {
                item.state = State::Ready(urgency);
                self.ready.insert((urgency, head));
            }
            (&State::Ready(old), Some(urgency)) if urgency != old => {
                item.state = State::Ready(urgency);
                self.ready.remove(&(old, head));
                self.ready.insert((urgency, head));
            }
            _ => {}
        }
    }

    /// A post that was tried may be tried again.
    pub(super) fn make_ready(&mut self, id: PostId) {
        let Some(item) = self.items.get_mut(&id) else { return };
        match &item.post {
            Post::One(notice) => {
                item.state = State::Behind;
                let row = notice.row.clone();
                self.refresh_head(&row);
            }
            Post::Many(_) => {
                let urgency = self.class_of(id).urgency();
                if let Some(item) = self.items.get_mut(&id) {
                    item.state = State::Ready(urgency);
                    self.ready.insert((urgency, id));
                }
            }
        }
    }

    /// Removes a single notice.
    pub(super) fn take(&mut self, id: PostId) -> Option<Notice<C>> {
        match self.remove(id)? {
            Post::One(notice) => Some(notice),
            Post::Many(_) => None,
        }
    }

    /// Removes a post and lets step forward what stood behind it.
    pub(super) fn remove(&mut self, id: PostId) -> Option<Post<C>> {
        let item = self.items.remove(&id)?;
        match item.state {
            State::Ready(urgency) => {
                self.ready.remove(&(urgency, id));
            }
            State::Delayed(due) => {
                self.delayed.remove(&(due, id));
            }
            State::Behind | State::InFlight(_) => {}
        }
        if self.last_failed == Some(id) {
            self.last_failed = None;
        }
        match &item.post {
            Post::One(notice) => {
                self.ages.remove(&id);
                self.pending[notice.priority as usize] -= 1;
                self.bytes -= notice.bytes;
                if let Some(queue) = self.rows.get_mut(&notice.row) {
                    queue.by_priority[notice.priority as usize] -= 1;
                    queue.promoted.take_if(|last| *last <= *notice.offsets.end());
                    if queue.ids.front() == Some(&id) {
                        queue.ids.pop_front();
                    } else {
                        queue.ids.retain(|other| *other != id);
                    }
                }
                self.refresh_head(&notice.row);
            }
            Post::Many(digest) => {
                self.forget_closed(id);
                for row in digest.rows() {
                    self.refresh_head(&row);
                }
            }
        }
        Some(item.post)
    }
}
