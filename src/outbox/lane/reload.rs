//! What a new config does to a lane.

use super::{Lane, State, WaitReason};
use crate::outbox::content::Content;
use crate::outbox::notice::{Owed, Page, PostId};
use crate::outbox::{LaneSettings, Leftover, Post};
use std::sync::Arc;
use std::time::Duration;

impl<C: Content> Lane<C> {
    /// New settings. Unless posts go `elsewhere` from now on, the destination's own delay and its failures still count.
    pub(in crate::outbox) fn change(
        &mut self,
        settings: LaneSettings,
        elsewhere: bool,
        now: Duration,
        page: &mut Page<'_>,
    ) {
        let same_pace = Arc::ptr_eq(&self.settings.bucket, &settings.bucket);
        self.settings = settings;
        if self.settings.digest.is_none() {
            self.end_storms(now);
        }
        if elsewhere {
            self.forget_the_destination(now);
        } else if !same_pace {
            self.pace_anew(now);
        }
        self.gather(now, page);
    }

    /// So much of the rate is this replica's from now on.
    pub(in crate::outbox) fn share_rate(&mut self, (part, whole): (u32, u32), now: Duration, page: &mut Page<'_>) {
        self.settings.bucket.share(part, whole, now);
        self.pace_anew(now);
        self.gather(now, page);
    }

    /// The bucket says anew how long to wait.
    fn pace_anew(&mut self, now: Duration) {
        if self.wait == WaitReason::Rate {
            let reason = if self.held == self.told { WaitReason::RetryAfter } else { WaitReason::Breaker };
            (self.not_before, self.wait) = (self.held.max(now), reason);
        }
    }

    /// A destination that accepts nothing is tried at once; where it said when, then.
    pub(in crate::outbox) fn probe(&mut self, now: Duration) {
        if self.blocked && self.wait == WaitReason::Breaker {
            self.held = self.told.max(now);
            (self.not_before, self.wait) = (self.held, WaitReason::RetryAfter);
        }
    }

    fn forget_the_destination(&mut self, now: Duration) {
        (self.failures, self.blocked, self.last_failed) = (0, false, None);
        (self.not_before, self.held, self.told) = (now, now, now);
        let on_the_wire = |(id, item): (&PostId, &super::Item<C>)| item.state.in_flight().then_some(*id);
        self.astray = self.items.iter().filter_map(on_the_wire).collect();
        for (_, id) in std::mem::take(&mut self.delayed) {
            self.make_ready(id);
        }
        for item in self.items.values_mut() {
            item.delivered_at_failure = None;
        }
    }

    /// No post is started any more; what is not on the wire comes out of [`Lane::leftover`].
    pub(in crate::outbox) fn remove_destination(&mut self) {
        self.removed = true;
    }

    /// Takes out something that is not on the wire.
    pub(in crate::outbox) fn leftover(&mut self, page: &mut Page<'_>) -> Option<(Leftover<C>, Owed)> {
        if let Some((notices, owed)) = self.give_up_spill(page) {
            return Some((Leftover::Counted(C::Tally::default(), notices), owed));
        }
        let idle = |id: &PostId| self.items.get(id).is_some_and(|item| !item.state.in_flight());
        if let Some(id) = self.ages.keys().copied().find(idle) {
            let notice = self.take(id)?;
            let owed = page.owed(&notice, id);
            return Some((Leftover::One(notice), owed));
        }
        for storm in &mut self.storms {
            if let Some(open) = &mut storm.open {
                let found = open.digest.take_apart(open.id, page);
                storm.open.take_if(|open| open.digest.is_empty());
                return found;
            }
        }
        let id = self.items.iter().find(|(_, item)| !item.state.in_flight()).map(|(id, _)| *id)?;
        let Some(Post::Many(digest)) = self.items.get_mut(&id).map(|item| &mut item.post) else { return None };
        let found = digest.take_apart(id, page);
        if digest.is_empty() {
            self.remove(id);
        }
        found
    }
}

impl State {
    fn in_flight(&self) -> bool {
        matches!(self, State::InFlight(_))
    }
}
