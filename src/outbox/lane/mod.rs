//! One destination's queue: priorities over rows, one post of a row at a time, digests of what is too much, and the
//! reasons to wait.

mod outcome;
mod queue;
mod reload;
mod spill;
mod storm;
mod whereabouts;

pub use spill::{Reread, RereadId};

use super::content::Content;
use super::notice::{Notice, Page, PostId, RowKey};
use super::{EXPOSED_MAX, LaneSettings, Post};
use crate::ledger::Owner;
use crate::message::Priority;
use queue::RowQueue;
use spill::{Job, Spill};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use storm::{Class, Storm};

/// Failures in a row after which the lane as a whole backs off: one bad message is not a dead destination.
const FAILURES_TO_BACK_OFF: u32 = 3;

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
    /// Accepted posts await their commit.
    Commit,
    /// A person, or the config, holds it.
    Paused,
}

impl WaitReason {
    /// The word used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitReason::Rate => "rate",
            WaitReason::RetryAfter => "retry_after",
            WaitReason::Backoff => "backoff",
            WaitReason::Breaker => "breaker",
            WaitReason::Commit => "commit",
            WaitReason::Paused => "paused",
        }
    }
}

/// What a lane holds and waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneStatus {
    /// Pending notices (in flight and in digests included), by [`Priority::ALL`].
    pub pending: [usize; 3],
    /// Posts on the wire.
    pub in_flight: usize,
    /// Why nothing is posted now, and until when.
    pub waiting: Option<(WaitReason, Duration)>,
    /// When the oldest pending notice was offered.
    pub oldest: Option<Duration>,
    /// False after the destination refused everything, or failed several times in a row.
    pub up: bool,
    /// Changes that were folded into an earlier pending one of their row, since the start.
    pub folded: u64,
    /// Pending notices that take no memory: their records are read again.
    pub spilled: usize,
    /// Memory that single pending notices take.
    pub bytes: u64,
}

#[derive(Debug)]
struct Item<C: Content> {
    post: Post<C>,
    /// The lane's count of accepted posts when this one failed first: later ones prove the destination alive.
    delivered_at_failure: Option<u64>,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// An earlier notice of its row stands before it.
    Behind,
    /// In `ready`.
    Ready(Priority),
    /// In `delayed` until then.
    Delayed(Duration),
    /// On the wire; these of its partitions have gone to another replica meanwhile.
    InFlight(Vec<Owner>),
}

/// What a lane does next.
#[derive(Debug)]
pub(super) enum Step<C> {
    /// Make this post.
    Post(PostId),
    /// Too old to be posted.
    Expired(PostId, Notice<C>),
}

/// Who is next.
enum Choice {
    Item(PostId),
    Digest(Class),
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Lane<C: Content> {
    settings: LaneSettings,
    next_id: u64,
    /// By numbers that nobody outside chooses: a quick hash will do, as it would not for rows.
    items: foldhash::HashMap<PostId, Item<C>>,
    rows: HashMap<RowKey, RowQueue>,
    /// Posts that may be made, the most urgent and then the oldest first.
    ready: BTreeSet<(Priority, PostId)>,
    /// Posts that wait after a failure.
    delayed: BTreeSet<(Duration, PostId)>,
    /// Offers in order, to find the oldest.
    ages: BTreeMap<PostId, Duration>,
    /// Single notices.
    pending: [usize; 3],
    in_flight: usize,
    /// No post starts before, and why.
    not_before: Duration,
    wait: WaitReason,
    /// The part of that which the destination itself asked for (`Retry-After`).
    told: Duration,
    /// The part of it that is not for the pace: what was told, and what its failures taught.
    held: Duration,
    failures: u32,
    last_failed: Option<PostId>,
    delivered: u64,
    blocked: bool,
    folded: u64,
    storms: [Storm<C>; 2],
    /// Memory that single notices take.
    bytes: u64,
    /// What was let go, by partition.
    spills: BTreeMap<Owner, Spill>,
    /// What is being read again.
    job: Option<Job<C>>,
    /// What was read again last, and whether it was ahead of its turn.
    last_job: Option<(Owner, bool)>,
    /// Orders to read again, since the start.
    orders: u64,
    /// Accepted posts await their commit: none is started.
    pub(super) gated: bool,
    /// Accepted posts that await their commit.
    pub(super) uncommitted: usize,
    /// None is started until somebody says otherwise.
    pub(super) paused: bool,
    /// Its destination is no longer in the config: none is started ever again.
    pub(super) removed: bool,
    /// Posts on the wire to where the destination was before: their outcomes say nothing of where it is now.
    astray: Vec<PostId>,
}

impl<C: Content> Lane<C> {
    pub(super) fn new(settings: LaneSettings) -> Self {
        Self {
            settings,
            next_id: 0,
            items: foldhash::HashMap::default(),
            rows: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            ages: BTreeMap::new(),
            pending: [0; 3],
            in_flight: 0,
            not_before: Duration::ZERO,
            wait: WaitReason::Rate,
            told: Duration::ZERO,
            held: Duration::ZERO,
            failures: 0,
            last_failed: None,
            delivered: 0,
            blocked: false,
            folded: 0,
            storms: [Storm::default(), Storm::default()],
            bytes: 0,
            spills: BTreeMap::new(),
            job: None,
            last_job: None,
            orders: 0,
            gated: false,
            uncommitted: 0,
            paused: false,
            removed: false,
            astray: Vec::new(),
        }
    }

    fn new_id(&mut self) -> PostId {
        self.next_id += 1;
        PostId(self.next_id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.spills.is_empty() && self.storms.iter().all(|storm| storm.open.is_none())
    }

    pub(super) fn offer(&mut self, notice: Notice<C>, now: Duration, page: &mut Page<'_>) {
        self.calm(now);
        if self.must_let_go(&notice, page) {
            return self.let_go(notice, now, page);
        }
        let id = self.new_id();
        page.owe(&notice, id);
        self.take_in(id, notice, now, page);
    }

    fn take_in(&mut self, id: PostId, notice: Notice<C>, now: Duration, page: &mut Page<'_>) {
        if self.rows.contains_key(&notice.row) {
            // What is already queued of its row comes first, and folds with it.
            self.fold_or_queue(id, notice, page);
            self.gather(now, page);
        } else if let Some(class) = self.digest_for(&notice) {
            self.digest(class, id, notice, page);
        } else {
            // The urgent one is posted singly, and with it what the open digest shows of its row.
            if let Some((earlier, line)) = self.take_line(&notice.row) {
                self.queue(earlier, line);
            }
            self.fold_or_queue(id, notice, page);
            self.gather(now, page);
        }
    }

    /// The urgency of the post that this lane would make now, but for its bucket.
    pub(super) fn urgency(&mut self, now: Duration) -> Option<Priority> {
        match self.choose(now)? {
            Choice::Digest(class) => Some(class.urgency()),
            Choice::Item(id) => match self.items.get(&id)?.state {
                State::Ready(urgency) => Some(urgency),
                _ => None,
            },
        }
    }

    fn may_start(&self) -> bool {
        // A destination that fails is probed, one post at a time.
        let limit = if self.failures < FAILURES_TO_BACK_OFF { self.settings.in_flight } else { 1 };
        let exposed = self.in_flight + self.uncommitted;
        !self.gated
            && !self.paused
            && !self.removed
            && self.in_flight < limit
            && exposed < self.settings.in_flight.max(EXPOSED_MAX)
    }

    fn choose(&mut self, now: Duration) -> Option<Choice> {
        self.wake_delayed(now);
        self.calm(now);
        if !self.may_start() || now < self.not_before {
            return None;
        }
        // While it fails, another post than the one that failed last tells a poisonous message from a dead destination.
        let avoided = self.last_failed.filter(|_| self.blocked || self.failures >= FAILURES_TO_BACK_OFF);
        let found = self.choose_but(now, avoided);
        found.or_else(|| avoided.and_then(|_| self.choose_but(now, None)))
    }

    fn choose_but(&self, now: Duration, avoided: Option<PostId>) -> Option<Choice> {
        if self.is_due(Class::Critical, now) {
            return Some(Choice::Digest(Class::Critical));
        }
        let first = self.ready.iter().find(|(_, id)| Some(*id) != avoided);
        match first {
            Some((urgency, id)) if *urgency < Priority::Low => Some(Choice::Item(*id)),
            _ if self.is_due(Class::Rest, now) => Some(Choice::Digest(Class::Rest)),
            found => found.map(|(_, id)| Choice::Item(*id)),
        }
    }

    /// Starts the lane's next post, if it may make one.
    pub(super) fn next(&mut self, now: Duration, page: &mut Page<'_>) -> Option<Step<C>> {
        loop {
            let choice = self.choose(now)?;
            match choice {
                Choice::Item(id) if self.is_expired(id, now) => {
                    return Some(Step::Expired(id, self.take(id)?));
                }
                Choice::Digest(class) if self.unwrap_lone(class) => continue,
                _ => {}
            }
            if let Err(wait) = self.settings.bucket.take(now) {
                self.not_before = now.saturating_add(wait);
                self.wait = WaitReason::Rate;
                return None;
            }
            let id = match choice {
                Choice::Item(id) => id,
                Choice::Digest(class) => self.close(class, now, page)?,
            };
            let item = self.items.get_mut(&id)?;
            if let State::Ready(urgency) = item.state {
                self.ready.remove(&(urgency, id));
            }
            item.state = State::InFlight(Vec::new());
            *item.post.attempts_mut() += 1;
            self.in_flight += 1;
            return Some(Step::Post(id));
        }
    }

    fn is_expired(&self, id: PostId, now: Duration) -> bool {
        self.items.get(&id).is_some_and(|item| matches!(&item.post, Post::One(notice) if notice.is_expired(now)))
    }

    fn wake_delayed(&mut self, now: Duration) {
        while let Some(&(due, id)) = self.delayed.first()
            && due <= now
        {
            self.delayed.remove(&(due, id));
            self.make_ready(id);
        }
    }

    pub(super) fn post(&self, id: PostId) -> Option<&Post<C>> {
        self.items.get(&id).map(|item| &item.post)
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        let reread = self.reread_due();
        if !self.may_start() {
            return reread;
        }
        let ready = self.ready.first().map(|_| self.not_before);
        let delayed = self.delayed.first().map(|&(due, _)| due.max(self.not_before));
        let digest = self.digest_due().map(|due| due.max(self.not_before));
        [ready, delayed, digest, reread].into_iter().flatten().min()
    }

    /// Lets go what these partitions still have pending; what is on the wire may still be delivered.
    pub(super) fn stop(&mut self, gone: &dyn Fn(&Owner) -> bool) {
        let mut ids: Vec<_> = self.items.keys().copied().collect();
        ids.sort();
        for id in ids {
            let Some(item) = self.items.get_mut(&id) else { continue };
            if let State::InFlight(departed) = &mut item.state {
                departed.extend(item.post.owners().filter(|owner| gone(owner)).cloned());
                continue;
            }
            let over = match &mut item.post {
                Post::One(notice) => gone(&notice.owner),
                Post::Many(digest) => {
                    digest.purge(gone);
                    digest.is_empty()
                }
            };
            if over {
                self.remove(id);
            }
        }
        for storm in &mut self.storms {
            storm.purge(gone);
        }
        self.forget_spills(gone);
    }

    pub(super) fn in_flight_of(&self, of: &dyn Fn(&Owner) -> bool) -> usize {
        if self.in_flight == 0 {
            return 0;
        }
        let flying = self.items.values().filter(|item| matches!(item.state, State::InFlight(_)));
        flying.filter(|item| item.post.owners().any(of)).count()
    }

    pub(super) fn status(&self, now: Duration) -> LaneStatus {
        let mut pending = self.pending;
        let mut oldest = self.ages.first_key_value().map(|(_, offered)| *offered);
        for digest in self.digests() {
            oldest = oldest.into_iter().chain([digest.span().0]).min();
            for (sum, count) in pending.iter_mut().zip(digest.notices()) {
                *sum += count;
            }
        }
        let spilled = self.spilled();
        for (sum, count) in pending.iter_mut().zip(spilled) {
            *sum += count;
        }
        LaneStatus {
            pending,
            in_flight: self.in_flight,
            waiting: self.waiting(now),
            oldest: oldest.into_iter().chain(self.oldest_spilled()).min(),
            up: self.is_up(),
            folded: self.folded,
            spilled: spilled.iter().sum(),
            bytes: self.bytes,
        }
    }

    fn is_up(&self) -> bool {
        !self.blocked && self.failures < FAILURES_TO_BACK_OFF
    }

    fn waiting(&self, now: Duration) -> Option<(WaitReason, Duration)> {
        let waits = !self.ready.is_empty() || self.storms.iter().any(|storm| storm.open.is_some());
        if self.paused && (waits || !self.delayed.is_empty()) {
            return Some((WaitReason::Paused, now));
        }
        if self.gated && self.in_flight < self.settings.in_flight && (waits || !self.delayed.is_empty()) {
            return Some((WaitReason::Commit, now));
        }
        if !self.may_start() {
            return None;
        }
        match self.delayed.first() {
            _ if waits && now < self.not_before => Some((self.wait, self.not_before)),
            Some(&(due, _)) if !waits && now < self.not_before.max(due) => {
                let lane = due <= self.not_before;
                Some(if lane { (self.wait, self.not_before) } else { (WaitReason::Backoff, due) })
            }
            // Only a digest that waits for its time.
            _ => self.digest_due().filter(|due| self.ready.is_empty() && now < *due).map(|due| (WaitReason::Rate, due)),
        }
    }
}
