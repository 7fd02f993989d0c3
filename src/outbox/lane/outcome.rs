//! How a post ended: what it says about the message, and about the destination.

use super::{FAILURES_TO_BACK_OFF, Lane, State, WaitReason};
use crate::outbox::content::Content;
use crate::outbox::notice::{Page, PostId};
use crate::outbox::pace::{backoff, pause};
use crate::outbox::{ATTEMPTS_MAX, GivenUp, Outcome, Post, Settled};
use std::time::Duration;

/// How often a blocked destination is tried, so that mending it needs no restart.
const BLOCKED_PROBE: Duration = Duration::from_secs(30);

impl<C: Content> Lane<C> {
    pub(in crate::outbox) fn settle(
        &mut self,
        id: PostId,
        outcome: Outcome,
        now: Duration,
        random: &mut fastrand::Rng,
        page: &mut Page<'_>,
    ) -> Settled<C> {
        let settled = self.conclude(id, outcome, now, random, page);
        if let Settled::Delivered(Post::One(notice)) | Settled::GivenUp(notice, ..) = &settled {
            self.gather(now, page);
            self.sweep_after(notice, page);
        }
        settled
    }

    fn conclude(
        &mut self,
        id: PostId,
        outcome: Outcome,
        now: Duration,
        random: &mut fastrand::Rng,
        page: &mut Page<'_>,
    ) -> Settled<C> {
        let Some(State::InFlight(departed)) = self.items.get_mut(&id).map(|item| &mut item.state) else {
            return Settled::Gone;
        };
        let departed = std::mem::take(departed);
        self.in_flight -= 1;
        // "Now" is no date to wait for: a destination that says so while it fails would be hammered.
        let mut outcome = match outcome {
            Outcome::Retry { after: Some(Duration::ZERO) } => Outcome::Retry { after: None },
            outcome => outcome,
        };
        if outcome == Outcome::Rejected && self.shrink(id, page) {
            self.learn(id, outcome, now, random);
            return self.purge(id, &departed);
        }
        if outcome == Outcome::Rejected && matches!(self.post(id), Some(Post::Many(_))) {
            // Counts alone are refused: then it is not the message.
            outcome = Outcome::Blocked;
        }
        self.learn(id, outcome, now, random);
        if outcome == Outcome::Delivered {
            return self.deliver(id, page);
        }
        // What failed of a partition that went is the next owner's to try.
        if let Settled::Gone = self.purge(id, &departed) {
            return Settled::Gone;
        }
        match outcome {
            Outcome::Delivered => Settled::Gone,
            Outcome::Rejected => self.rejected(id, page),
            Outcome::Retry { after } => self.again(id, after, now, random, page),
            Outcome::Unknown => self.again(id, None, now, random, page),
            Outcome::Blocked => self.again(id, Some(Duration::ZERO), now, random, page),
        }
    }

    fn deliver(&mut self, id: PostId, page: &mut Page<'_>) -> Settled<C> {
        let Some(post) = self.remove(id) else { return Settled::Gone };
        match &post {
            Post::One(notice) => page.settle(&notice.owner, &notice.offsets, id),
            Post::Many(digest) => digest.settle(id, page),
        }
        Settled::Delivered(post)
    }

    /// Lets go what partitions that went had in a post.
    fn purge(&mut self, id: PostId, departed: &[crate::ledger::Owner]) -> Settled<C> {
        let mut rows = Vec::new();
        let over = match self.items.get_mut(&id).map(|item| &mut item.post) {
            Some(Post::One(notice)) => departed.contains(&notice.owner),
            Some(Post::Many(digest)) => {
                rows = digest.rows();
                digest.purge(&|owner| departed.contains(owner));
                digest.is_empty()
            }
            None => true,
        };
        // A partition may have come back meanwhile: its rows wait no more for what this digest showed of them before.
        for row in rows {
            self.refresh_head(&row);
        }
        if over {
            self.remove(id);
            return Settled::Gone;
        }
        Settled::Pending
    }

    /// A digest whose message is refused shows nothing any more; once.
    fn shrink(&mut self, id: PostId, page: &mut Page<'_>) -> bool {
        let rows = match self.items.get_mut(&id).map(|item| &mut item.post) {
            Some(Post::Many(digest)) if !digest.is_shrunk() => digest.shrink(id, page),
            _ => return false,
        };
        self.make_ready(id);
        for row in rows {
            self.refresh_head(&row);
        }
        true
    }

    /// A message that is refused for what it is gets one more try, plain and short.
    fn rejected(&mut self, id: PostId, page: &mut Page<'_>) -> Settled<C> {
        if let Some(Post::One(notice)) = self.items.get_mut(&id).map(|item| &mut item.post)
            && self.settings.simplify
            && !notice.simple
        {
            notice.simple = true;
            self.make_ready(id);
            return Settled::Pending;
        }
        self.give_up(id, GivenUp::Rejected, page)
    }

    fn give_up(&mut self, id: PostId, why: GivenUp, page: &mut Page<'_>) -> Settled<C> {
        self.take(id).map_or(Settled::Gone, |notice| {
            let owed = page.owed(&notice, id);
            Settled::GivenUp(notice, why, owed)
        })
    }

    /// What an outcome says about the destination.
    fn learn(&mut self, id: PostId, outcome: Outcome, now: Duration, random: &mut fastrand::Rng) {
        if self.astray.contains(&id) {
            return self.astray.retain(|other| *other != id);
        }
        match outcome {
            // A refusal of one message is an answer all the same: the destination is alive.
            Outcome::Delivered | Outcome::Rejected => {
                self.failures = 0;
                self.blocked = false;
                if outcome == Outcome::Delivered {
                    self.delivered += 1;
                }
            }
            Outcome::Retry { after: Some(after) } => self.hold(now.saturating_add(after), WaitReason::RetryAfter),
            Outcome::Retry { after: None } | Outcome::Unknown => {
                self.failures += 1;
                self.last_failed = Some(id);
                if self.failures >= FAILURES_TO_BACK_OFF {
                    let pause = pause(self.failures - FAILURES_TO_BACK_OFF + 1, random);
                    self.hold(now + pause, WaitReason::Breaker);
                }
            }
            Outcome::Blocked => {
                self.blocked = true;
                self.last_failed = Some(id);
                self.hold(now + BLOCKED_PROBE, WaitReason::Breaker);
            }
        }
    }

    fn hold(&mut self, until: Duration, reason: WaitReason) {
        self.held = self.held.max(until);
        if reason == WaitReason::RetryAfter {
            self.told = self.told.max(until);
        }
        if until > self.not_before {
            self.not_before = until;
            self.wait = reason;
        }
    }

    /// Puts a post back at the head of its row, to be tried when its delay is over.
    fn again(
        &mut self,
        id: PostId,
        after: Option<Duration>,
        now: Duration,
        random: &mut fastrand::Rng,
        page: &mut Page<'_>,
    ) -> Settled<C> {
        let delivered = self.delivered;
        let Some(item) = self.items.get_mut(&id) else {
            return Settled::Gone;
        };
        let attempts = item.post.attempts();
        let others_passed = delivered > *item.delivered_at_failure.get_or_insert(delivered);
        // Being told to wait is no failure of the message; and a digest stands for too much to be given up.
        if after.is_none() && others_passed && attempts >= ATTEMPTS_MAX && matches!(item.post, Post::One(_)) {
            return self.give_up(id, GivenUp::Exhausted, page);
        }
        // The lane keeps the destination's own delay; the post adds one only where nobody named it.
        let due = now + after.map_or_else(|| backoff(attempts, random), |_| Duration::ZERO);
        item.state = State::Delayed(due);
        self.delayed.insert((due, id));
        Settled::Pending
    }
}
