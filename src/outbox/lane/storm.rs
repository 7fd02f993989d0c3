//! Storms: more than a lane can post singly goes into digests.

use super::queue::RowQueue;
use super::{Item, Lane, State};
use crate::ledger::Owner;
use crate::message::Priority;
use crate::outbox::Post;
use crate::outbox::content::Content;
use crate::outbox::digest::Digest;
use crate::outbox::notice::{Notice, Page, PostId, RowKey};
use std::time::Duration;

/// Critical notices that may be pending one by one; beyond, they go into a digest of their own.
pub const CRITICAL_MAX: usize = 100;

/// After this part of `digest.after`, a lane may be found calm again.
const CALM_AFTER: u32 = 4;

/// Which digest: that of the critical notices, or that of all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Critical,
    Rest,
}

impl Class {
    fn of(queue: &RowQueue) -> Self {
        if queue.urgency() == Some(Priority::Critical) { Class::Critical } else { Class::Rest }
    }

    pub(super) fn urgency(self) -> Priority {
        match self {
            Class::Critical => Priority::Critical,
            Class::Rest => Priority::Normal,
        }
    }
}

/// A digest that collects.
#[derive(Debug)]
pub(super) struct Open<C: Content> {
    pub(super) id: PostId,
    pub(super) digest: Digest<C>,
}

/// One class's digests: at most one collects, at most one is being posted.
#[derive(Debug)]
pub(super) struct Storm<C: Content> {
    /// What comes goes straight into the open digest.
    on: bool,
    pub(super) open: Option<Open<C>>,
    closed: Option<PostId>,
    /// When the last digest was posted first.
    last: Option<Duration>,
    /// No digest is begun before.
    next: Duration,
}

impl<C: Content> Default for Storm<C> {
    fn default() -> Self {
        Self { on: false, open: None, closed: None, last: None, next: Duration::ZERO }
    }
}

impl<C: Content> Storm<C> {
    fn open_shows(&self, row: &RowKey) -> bool {
        self.open.as_ref().is_some_and(|open| open.digest.shows(row))
    }

    pub(super) fn purge(&mut self, gone: &dyn Fn(&Owner) -> bool) {
        if let Some(open) = &mut self.open {
            open.digest.purge(gone);
            if open.digest.is_empty() {
                self.open = None;
            }
        }
    }
}

impl<C: Content> Lane<C> {
    fn storm(&self, class: Class) -> &Storm<C> {
        &self.storms[class as usize]
    }

    fn storm_mut(&mut self, class: Class) -> &mut Storm<C> {
        &mut self.storms[class as usize]
    }

    /// Into which open digest a notice goes, if it goes into one.
    pub(super) fn digest_for(&self, notice: &Notice<C>) -> Option<Class> {
        let (critical, rest) = (self.storm(Class::Critical), self.storm(Class::Rest));
        if critical.open_shows(&notice.row) {
            return Some(Class::Critical);
        }
        match notice.priority {
            Priority::Critical => critical.on.then_some(Class::Critical),
            Priority::Normal | Priority::Low => (rest.on || rest.open_shows(&notice.row)).then_some(Class::Rest),
        }
    }

    /// Puts a notice into an open digest.
    pub(super) fn digest(&mut self, class: Class, id: PostId, notice: Notice<C>, page: &mut Page<'_>) {
        let earlier = if class == Class::Critical { self.take_line(&notice.row) } else { None };
        let own = match &self.storm(class).open {
            Some(open) => open.id,
            None => self.new_id(),
        };
        let open = self.storm_mut(class).open.get_or_insert_with(|| Open { id: own, digest: Digest::new() });
        if let Some((earlier, line)) = earlier {
            open.digest.add(own, earlier, line, page);
        }
        open.digest.add(own, id, notice, page);
    }

    /// Takes a row's line out of the open digest of what is not critical.
    pub(super) fn take_line(&mut self, row: &RowKey) -> Option<(PostId, Notice<C>)> {
        let rest = self.storm_mut(Class::Rest);
        let taken = rest.open.as_mut()?.digest.take(row);
        rest.open.take_if(|open| open.digest.is_empty());
        taken
    }

    /// Is a storm upon us? Then what is pending and was never tried goes into a digest.
    pub(super) fn gather(&mut self, now: Duration, page: &mut Page<'_>) {
        let Some(after) = self.settings.digest else { return };
        let spilled = self.spilled();
        let critical = Priority::Critical as usize;
        if self.pending[critical] + spilled[critical] > CRITICAL_MAX && !self.storm(Class::Critical).on {
            self.storm_mut(Class::Critical).on = true;
            self.sweep(Class::Critical, page);
        }
        let backlog = self.pending.iter().chain(&spilled).sum::<usize>();
        let backlog = u32::try_from(backlog).unwrap_or(u32::MAX);
        if self.settings.bucket.interval().saturating_mul(backlog) > after && !self.storm(Class::Rest).on {
            let rest = self.storm_mut(Class::Rest);
            rest.on = true;
            rest.next = now;
            self.sweep(Class::Rest, page);
        }
    }

    fn sweep(&mut self, class: Class, page: &mut Page<'_>) {
        let rows = self.rows.values().filter(|queue| self.may_sweep(class, queue));
        let mut ids: Vec<_> = rows.flat_map(|queue| queue.ids.iter().copied()).collect();
        ids.sort();
        self.digest_all(class, ids, page);
    }

    /// A row that could not be swept as the storm began, for one of its notices was on its way, follows when that has gone:
    /// else a row that changes more often than the lane may post would be posted singly for as long as it does.
    pub(super) fn sweep_after(&mut self, gone: &Notice<C>, page: &mut Page<'_>) {
        let Some(queue) = self.rows.get(&gone.row) else { return };
        let class = Class::of(queue);
        if self.storm(class).on && self.may_sweep(class, queue) {
            let ids = queue.ids.iter().copied().collect();
            self.digest_all(class, ids, page);
        }
    }

    /// A row goes as a whole or not at all: its order.
    fn may_sweep(&self, class: Class, queue: &RowQueue) -> bool {
        let untried = |id: &PostId| {
            self.items.get(id).is_some_and(|item| match &item.post {
                Post::One(notice) => notice.attempts == 0 && matches!(item.state, State::Behind | State::Ready(_)),
                Post::Many(_) => false,
            })
        };
        class == Class::of(queue) && queue.ids.iter().all(untried)
    }

    fn digest_all(&mut self, class: Class, ids: Vec<PostId>, page: &mut Page<'_>) {
        for id in ids {
            if let Some(notice) = self.take(id) {
                self.digest(class, id, notice, page);
            }
        }
    }

    /// Without digests none is begun; those that collect are posted.
    pub(super) fn end_storms(&mut self, now: Duration) {
        for storm in &mut self.storms {
            (storm.on, storm.next) = (false, now);
        }
    }

    /// Whatever is not urgent goes into a digest.
    pub(super) fn in_storm(&self) -> bool {
        self.storm(Class::Rest).on
    }

    /// Ends the storm when what came since the last digest, and what still waits singly, would have fitted the rate.
    pub(super) fn calm(&mut self, now: Duration) {
        if let Some(calm) = self.calm_at()
            && calm <= now
        {
            let rest = self.storm_mut(Class::Rest);
            rest.on = false;
            rest.next = now;
        }
    }

    /// When the storm is over, if nothing more comes.
    fn calm_at(&self) -> Option<Duration> {
        let rest = self.storm(Class::Rest);
        let (after, last) = (self.settings.digest?, rest.last?);
        if !rest.on || rest.closed.is_some() {
            return None;
        }
        let came = rest.open.as_ref().map_or([0; 3], |open| open.digest.notices());
        let came = came.iter().chain(&self.pending).chain(&self.spilled()).sum::<usize>();
        let came = u32::try_from(came).unwrap_or(u32::MAX);
        Some(last + self.settings.bucket.interval().saturating_mul(came).max(after / CALM_AFTER))
    }

    /// May this class's open digest be posted now?
    pub(super) fn is_due(&self, class: Class, now: Duration) -> bool {
        self.could_post(class) && (class == Class::Critical || now >= self.storm(Class::Rest).next)
    }

    fn could_post(&self, class: Class) -> bool {
        let (critical, rest) = (self.storm(Class::Critical), self.storm(Class::Rest));
        match class {
            Class::Critical => critical.open.as_ref().is_some_and(|open| {
                critical.closed.is_none() && !self.closed(rest.closed).is_some_and(|d| d.shows_any_of(&open.digest))
            }),
            // It may hold later changes of rows that the critical digests show.
            Class::Rest => {
                rest.open.is_some() && rest.closed.is_none() && critical.open.is_none() && critical.closed.is_none()
            }
        }
    }

    /// When an open digest may be posted.
    pub(super) fn digest_due(&self) -> Option<Duration> {
        if self.could_post(Class::Critical) {
            return Some(Duration::ZERO);
        }
        let next = self.storm(Class::Rest).next;
        self.could_post(Class::Rest).then(|| self.calm_at().map_or(next, |calm| calm.min(next)))
    }

    fn closed(&self, id: Option<PostId>) -> Option<&Digest<C>> {
        match &self.items.get(&id?)?.post {
            Post::Many(digest) => Some(digest),
            Post::One(_) => None,
        }
    }

    /// Open ones and those being posted.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest<C>> {
        let open = self.storms.iter().filter_map(|storm| storm.open.as_ref().map(|open| &open.digest));
        open.chain(self.storms.iter().filter_map(|storm| self.closed(storm.closed)))
    }

    /// Does a digest that is being posted show this row?
    pub(super) fn is_shown(&self, row: &RowKey) -> bool {
        self.storms.iter().filter_map(|storm| self.closed(storm.closed)).any(|digest| digest.shows(row))
    }

    /// A digest of one notice is no digest: it is posted as any other. True where it was one.
    pub(super) fn unwrap_lone(&mut self, class: Class) -> bool {
        let storm = self.storm_mut(class);
        let Some((id, notice)) = storm.open.as_mut().and_then(|open| open.digest.take_lone()) else {
            return false;
        };
        storm.open = None;
        self.queue(id, notice);
        true
    }

    /// Closes the open digest: what comes from now on goes into the next.
    pub(super) fn close(&mut self, class: Class, now: Duration, page: &mut Page<'_>) -> Option<PostId> {
        let after = self.settings.digest.unwrap_or_default();
        let storm = self.storm_mut(class);
        let Open { id, mut digest } = storm.open.take()?;
        digest.expire(id, now, page);
        digest.baptise();
        storm.closed = Some(id);
        storm.last = Some(now);
        storm.next = now + after;
        if class == Class::Critical {
            storm.on = false;
        }
        let state = State::Behind;
        self.items.insert(id, Item { post: Post::Many(Box::new(digest)), delivered_at_failure: None, state });
        Some(id)
    }

    pub(super) fn class_of(&self, id: PostId) -> Class {
        if self.storm(Class::Critical).closed == Some(id) { Class::Critical } else { Class::Rest }
    }

    pub(super) fn forget_closed(&mut self, id: PostId) {
        for storm in &mut self.storms {
            storm.closed.take_if(|closed| *closed == id);
        }
    }
}
