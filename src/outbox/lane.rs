//! One destination's queue: priorities over rows, one post of a row at a time, and the reasons to wait.

use super::pace::backoff;
use super::{ATTEMPTS_MAX, GivenUp, LaneSettings, Notice, NoticeId, Outcome, RowKey, Settled};
use crate::ledger::Owner;
use crate::message::Priority;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// Failures in a row after which the lane as a whole backs off: one bad message is not a dead destination.
const FAILURES_TO_BACK_OFF: u32 = 3;

/// How often a blocked destination is tried, so that mending it needs no restart.
const BLOCKED_PROBE: Duration = Duration::from_secs(30);

/// Why a lane with pending notices does not post (label `reason` of `lane_wait_seconds_total`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// The token bucket is empty.
    Rate,
    /// The destination said when (`Retry-After`).
    RetryAfter,
    /// After a failure.
    Backoff,
    /// The destination fails, or accepts nothing.
    Breaker,
}

impl WaitReason {
    /// The word used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitReason::Rate => "rate",
            WaitReason::RetryAfter => "retry_after",
            WaitReason::Backoff => "backoff",
            WaitReason::Breaker => "breaker",
        }
    }
}

/// What a lane holds and waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// Pending notices (in flight included), by [`Priority::ALL`].
    pub pending: [usize; 3],
    /// Posts on the wire.
    pub in_flight: usize,
    /// Why nothing is posted now, and until when.
    pub waiting: Option<(WaitReason, Duration)>,
    /// When the oldest pending notice was offered.
    pub oldest: Option<Duration>,
    /// False after the destination refused everything, or failed several times in a row.
    pub up: bool,
}

#[derive(Debug)]
struct Item<T> {
    notice: Notice<T>,
    /// The lane's count of accepted posts when this one failed first: later ones prove the destination alive.
    delivered_at_failure: Option<u64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An earlier notice of its row stands before it.
    Behind,
    /// In `ready`.
    Ready(Priority),
    /// In `delayed` until then.
    Delayed(Duration),
    /// On the wire.
    InFlight,
    /// On the wire, and its partition goes to another replica.
    Orphan,
}

/// The pending notices of one row, oldest first.
#[derive(Debug, Default)]
struct RowQueue {
    ids: VecDeque<NoticeId>,
    /// How many of each priority, to know the most urgent without a search.
    by_priority: [usize; 3],
}

impl RowQueue {
    fn urgency(&self) -> Option<Priority> {
        Priority::ALL.into_iter().find(|priority| self.by_priority[*priority as usize] > 0)
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Lane<T> {
    settings: LaneSettings,
    items: HashMap<NoticeId, Item<T>>,
    rows: HashMap<RowKey, RowQueue>,
    /// Heads of rows that may be posted, the most urgent and then the oldest first.
    ready: BTreeSet<(Priority, NoticeId)>,
    /// Heads of rows that wait after a failure.
    delayed: BTreeSet<(Duration, NoticeId)>,
    /// Offers in order, to find the oldest.
    ages: BTreeMap<NoticeId, Duration>,
    pending: [usize; 3],
    in_flight: usize,
    not_before: Duration,
    wait: WaitReason,
    failures: u32,
    delivered: u64,
    blocked: bool,
}

impl<T> Lane<T> {
    pub(super) fn new(settings: LaneSettings) -> Self {
        Self {
            settings,
            items: HashMap::new(),
            rows: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            ages: BTreeMap::new(),
            pending: [0; 3],
            in_flight: 0,
            not_before: Duration::ZERO,
            wait: WaitReason::Rate,
            failures: 0,
            delivered: 0,
            blocked: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn offer(&mut self, id: NoticeId, notice: Notice<T>, now: Duration) {
        let priority = notice.priority;
        self.pending[priority as usize] += 1;
        self.ages.insert(id, now);
        let row = notice.row.clone();
        let item = Item { notice, delivered_at_failure: None, state: State::Behind };
        self.items.insert(id, item);
        let queue = self.rows.entry(row.clone()).or_default();
        queue.ids.push_back(id);
        queue.by_priority[priority as usize] += 1;
        self.refresh_head(&row);
    }

    /// Puts the head of a row where it belongs. Its urgency is that of the row's most urgent notice, because
    /// that one cannot overtake it (design invariants 3 and 4).
    fn refresh_head(&mut self, row: &RowKey) {
        let Some(queue) = self.rows.get(row) else {
            return;
        };
        let Some(&head) = queue.ids.front() else {
            self.rows.remove(row);
            return;
        };
        let urgency = queue.urgency();
        let Some(item) = self.items.get_mut(&head) else {
            return;
        };
        match (item.state, urgency) {
            (State::Behind, Some(urgency)) => {
                item.state = State::Ready(urgency);
                self.ready.insert((urgency, head));
            }
            (State::Ready(old), Some(urgency)) if urgency < old => {
                item.state = State::Ready(urgency);
                self.ready.remove(&(old, head));
                self.ready.insert((urgency, head));
            }
            _ => {}
        }
    }

    /// The urgency of the post that this lane would make now, but for its bucket.
    pub(super) fn urgency(&mut self, now: Duration) -> Option<Priority> {
        self.wake_delayed(now);
        if self.in_flight >= self.settings.in_flight || now < self.not_before {
            return None;
        }
        self.ready.first().map(|(urgency, _)| *urgency)
    }

    /// Starts the lane's next post, if it may make one.
    pub(super) fn next(&mut self, now: Duration) -> Option<NoticeId> {
        self.urgency(now)?;
        let &(urgency, id) = self.ready.first()?;
        if let Err(wait) = self.settings.bucket.take(now) {
            self.not_before = now.saturating_add(wait);
            self.wait = WaitReason::Rate;
            return None;
        }
        self.ready.remove(&(urgency, id));
        let item = self.items.get_mut(&id)?;
        item.state = State::InFlight;
        item.notice.attempts += 1;
        self.in_flight += 1;
        Some(id)
    }

    fn wake_delayed(&mut self, now: Duration) {
        while let Some(&(due, id)) = self.delayed.first()
            && due <= now
        {
            self.delayed.remove(&(due, id));
            if let Some(item) = self.items.get_mut(&id) {
                item.state = State::Behind;
                let row = item.notice.row.clone();
                self.refresh_head(&row);
            }
        }
    }

    pub(super) fn notice(&self, id: NoticeId) -> Option<&Notice<T>> {
        self.items.get(&id).map(|item| &item.notice)
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        if self.in_flight >= self.settings.in_flight {
            return None;
        }
        let ready = self.ready.first().map(|_| self.not_before);
        let delayed = self.delayed.first().map(|&(due, _)| due.max(self.not_before));
        [ready, delayed].into_iter().flatten().min()
    }

    pub(super) fn settle(
        &mut self,
        id: NoticeId,
        outcome: Outcome,
        now: Duration,
        random: &mut fastrand::Rng,
    ) -> Settled<T> {
        let Some(item) = self.items.get(&id) else {
            return Settled::Gone;
        };
        let orphan = item.state == State::Orphan;
        // "Now" is no date to wait for: a destination that says so while it fails would be hammered.
        let outcome = match outcome {
            Outcome::Retry { after: Some(Duration::ZERO) } => Outcome::Retry { after: None },
            outcome => outcome,
        };
        self.in_flight = self.in_flight.saturating_sub(1);
        self.learn(outcome, now, random);
        if orphan {
            // What was accepted counts while the ledger still knows the partition (a revoke waits for it); all
            // else is the next owner's to try.
            let notice = self.take(id);
            return match (outcome, notice) {
                (Outcome::Delivered, Some(notice)) => Settled::Delivered(notice),
                _ => Settled::Gone,
            };
        }
        match outcome {
            Outcome::Delivered => self.take(id).map_or(Settled::Gone, Settled::Delivered),
            Outcome::Rejected => self.take(id).map_or(Settled::Gone, |n| Settled::GivenUp(n, GivenUp::Rejected)),
            Outcome::Retry { after } => self.again(id, after, now, random),
            Outcome::Unknown => self.again(id, None, now, random),
            Outcome::Blocked => self.again(id, Some(Duration::ZERO), now, random),
        }
    }

    /// What an outcome says about the destination.
    fn learn(&mut self, outcome: Outcome, now: Duration, random: &mut fastrand::Rng) {
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
                if self.failures >= FAILURES_TO_BACK_OFF {
                    let pause = backoff(self.failures - FAILURES_TO_BACK_OFF + 1, random);
                    self.hold(now + pause, WaitReason::Breaker);
                }
            }
            Outcome::Blocked => {
                self.blocked = true;
                self.hold(now + BLOCKED_PROBE, WaitReason::Breaker);
            }
        }
    }

    fn hold(&mut self, until: Duration, reason: WaitReason) {
        if until > self.not_before {
            self.not_before = until;
            self.wait = reason;
        }
    }

    /// Puts a notice back at the head of its row, to be tried when its delay is over.
    fn again(
        &mut self,
        id: NoticeId,
        after: Option<Duration>,
        now: Duration,
        random: &mut fastrand::Rng,
    ) -> Settled<T> {
        let delivered = self.delivered;
        let Some(item) = self.items.get_mut(&id) else {
            return Settled::Gone;
        };
        let others_passed = delivered > *item.delivered_at_failure.get_or_insert(delivered);
        // Being told to wait is no failure of the message.
        if after.is_none() && others_passed && item.notice.attempts >= ATTEMPTS_MAX {
            return self.take(id).map_or(Settled::Gone, |n| Settled::GivenUp(n, GivenUp::Exhausted));
        }
        // The lane keeps the destination's own delay; the item adds one only where nobody named it.
        let due = now + after.map_or_else(|| backoff(item.notice.attempts, random), |_| Duration::ZERO);
        item.state = State::Delayed(due);
        self.delayed.insert((due, id));
        Settled::Pending
    }

    /// Removes a notice and lets the next of its row step forward.
    fn take(&mut self, id: NoticeId) -> Option<Notice<T>> {
        let item = self.items.remove(&id)?;
        self.ages.remove(&id);
        self.pending[item.notice.priority as usize] -= 1;
        match item.state {
            State::Ready(urgency) => {
                self.ready.remove(&(urgency, id));
            }
            State::Delayed(due) => {
                self.delayed.remove(&(due, id));
            }
            State::Behind | State::InFlight | State::Orphan => {}
        }
        if let Some(queue) = self.rows.get_mut(&item.notice.row) {
            queue.by_priority[item.notice.priority as usize] -= 1;
            if queue.ids.front() == Some(&id) {
                queue.ids.pop_front();
            } else {
                queue.ids.retain(|other| *other != id);
            }
        }
        self.refresh_head(&item.notice.row);
        Some(item.notice)
    }

    /// Takes out what these partitions still have pending; what is on the wire may still be delivered.
    pub(super) fn remove_pending(&mut self, gone: &dyn Fn(&Owner) -> bool) -> Vec<Notice<T>> {
        let ids: Vec<_> = self.items.iter().filter(|(_, item)| gone(&item.notice.owner)).map(|(id, _)| *id).collect();
        let mut removed = Vec::new();
        for id in ids {
            match self.items.get_mut(&id) {
                Some(item) if matches!(item.state, State::InFlight | State::Orphan) => item.state = State::Orphan,
                _ => removed.extend(self.take(id)),
            }
        }
        removed
    }

    pub(super) fn in_flight_of(&self, of: &dyn Fn(&Owner) -> bool) -> usize {
        if self.in_flight == 0 {
            return 0;
        }
        self.items
            .values()
            .filter(|item| matches!(item.state, State::InFlight | State::Orphan) && of(&item.notice.owner))
            .count()
    }

    pub(super) fn status(&self, now: Duration) -> LaneStatus {
        let may_post = self.in_flight < self.settings.in_flight;
        let waiting = match (self.ready.first(), self.delayed.first()) {
            (Some(_), _) if may_post && now < self.not_before => Some((self.wait, self.not_before)),
            (None, Some(&(due, _))) if may_post && now < self.not_before.max(due) => {
                if due > self.not_before {
                    Some((WaitReason::Backoff, due))
                } else {
                    Some((self.wait, self.not_before))
                }
            }
            _ => None,
        };
        LaneStatus {
            pending: self.pending,
            in_flight: self.in_flight,
            waiting,
            oldest: self.ages.first_key_value().map(|(_, offered)| *offered),
            up: !self.blocked && self.failures < FAILURES_TO_BACK_OFF,
        }
    }
}
