//! The outbox: per destination a lane of pending notices; who posts next, when, and what becomes of it.
//!
//! A deterministic state machine without I/O. It is told the time (monotonic, counted from any
//! fixed start), what is owed ([`Outbox::offer`]) and how posts ended ([`Outbox::settle`]); it
//! hands out the next post ([`Outbox::next`]).

mod lane;
mod pace;

#[cfg(test)]
mod tests;

pub use lane::{LaneStatus, WaitReason};
pub use pace::{BACKOFF_MAX, Bucket, Rate, backoff};

use crate::ledger::Owner;
use crate::message::Priority;
use lane::Lane;

use std::sync::Arc;
use std::time::Duration;

/// Attempts after which a message is given up, once the destination has accepted others meanwhile.
pub const ATTEMPTS_MAX: u32 = 10;

/// A row of a lane: notices with an equal one are posted in order, one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(pub Arc<[u8]>);

/// Which lane: the index of its destination in the config.
pub type LaneId = usize;

/// Names a notice within the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId(u64);

/// A change that somebody wants posted, on its way through one lane.
#[derive(Debug)]
pub struct Notice<T> {
    /// The partition it came from, as this assignment of it knows it.
    pub owner: Owner,
    /// Its offset there.
    pub offset: i64,
    /// Posts about one row keep their order.
    pub row: RowKey,
    /// How urgent.
    pub priority: Priority,
    /// Posts tried so far.
    pub attempts: u32,
    /// What the shell needs to make the post; the outbox never looks inside.
    pub payload: T,
}

/// How a post ended (design section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The destination accepted it.
    Delivered,
    /// It may work later; the destination may have said when.
    Retry {
        /// What the destination asked for (`Retry-After`).
        after: Option<Duration>,
    },
    /// This message can never be accepted.
    Rejected,
    /// This destination accepts nothing.
    Blocked,
    /// Maybe accepted: the answer never came.
    Unknown,
}

impl Outcome {
    /// The word used in metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Rejected => "rejected",
            Outcome::Blocked => "blocked",
            Outcome::Unknown => "unknown",
        }
    }
}

/// Why a notice becomes a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Its message was refused for what it is.
    Rejected,
    /// Its retries are exhausted while the destination accepts other posts.
    Exhausted,
}

/// What a settled post means for its notice.
#[derive(Debug)]
pub enum Settled<T> {
    /// Posted: the record owes this lane nothing more.
    Delivered(Notice<T>),
    /// To be written to the dead letters, and settled when that is acknowledged.
    GivenUp(Notice<T>, GivenUp),
    /// Still pending: it will be handed out again.
    Pending,
    /// Its partition has gone to another replica: nothing is owed from here.
    Gone,
}

/// How one lane behaves.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// Token bucket, shared where destinations share a limit.
    pub bucket: Arc<Bucket>,
    /// Posts at once.
    pub in_flight: usize,
}

/// Lanes, one per destination.
#[derive(Debug)]
pub struct Outbox<T> {
    lanes: Vec<Lane<T>>,
    next_id: u64,
    random: fastrand::Rng,
    /// No lane starts a post while this holds.
    closed: bool,
    /// Where the search for the next post begins, so that lanes of one bucket take turns.
    turn: LaneId,
}

impl<T> Outbox<T> {
    /// An outbox with these lanes; `seed` decides the jitter.
    pub fn new(lanes: impl IntoIterator<Item = LaneSettings>, seed: u64) -> Self {
        Self {
            lanes: lanes.into_iter().map(Lane::new).collect(),
            next_id: 0,
            random: fastrand::Rng::with_seed(seed),
            closed: false,
            turn: 0,
        }
    }

    /// A lane owes a post about a change.
    pub fn offer(&mut self, lane: LaneId, notice: Notice<T>, now: Duration) {
        let id = NoticeId(self.next_id);
        self.next_id += 1;
        self.lanes[lane].offer(id, notice, now);
    }

    /// The next post to make at `now`, if any lane may make one: the most urgent first, in turns among equals.
    ///
    /// Between lanes that share no bucket the order means nothing. Where they share one, the first to ask gets the
    /// token: a fixed order would let one lane's backlog starve the others, urgent or not.
    pub fn next(&mut self, now: Duration) -> Option<(LaneId, NoticeId)> {
        if self.closed {
            return None;
        }
        let count = self.lanes.len();
        let mut order: Vec<_> = (0..count)
            .map(|step| (self.turn + step) % count)
            .filter_map(|index| Some((self.lanes[index].urgency(now)?, index)))
            .collect();
        // Stable: among equals the turn decides.
        order.sort_by_key(|(urgency, _)| *urgency);
        let found = order.into_iter().find_map(|(_, index)| Some((index, self.lanes[index].next(now)?)));
        if let Some((index, _)) = found {
            self.turn = index + 1;
        }
        found
    }

    /// The notice that [`Outbox::next`] named.
    pub fn notice(&self, lane: LaneId, id: NoticeId) -> Option<&Notice<T>> {
        self.lanes.get(lane)?.notice(id)
    }

    /// When to ask [`Outbox::next`] again although nothing was offered or settled.
    pub fn wake_at(&self) -> Option<Duration> {
        if self.closed { None } else { self.lanes.iter().filter_map(Lane::wake_at).min() }
    }

    /// How a post ended.
    pub fn settle(&mut self, lane: LaneId, id: NoticeId, outcome: Outcome, now: Duration) -> Settled<T> {
        self.lanes[lane].settle(id, outcome, now, &mut self.random)
    }

    /// No posts are started any more for these partitions; those in flight may still settle.
    pub fn stop(&mut self, gone: &dyn Fn(&Owner) -> bool) -> Vec<Notice<T>> {
        self.lanes.iter_mut().flat_map(|lane| lane.remove_pending(gone)).collect()
    }

    /// Posts of these partitions that are still on the wire.
    pub fn in_flight(&self, of: &dyn Fn(&Owner) -> bool) -> usize {
        self.lanes.iter().map(|lane| lane.in_flight_of(of)).sum()
    }

    /// No post is started from now on.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// What each lane holds and waits for.
    pub fn status(&self, now: Duration) -> Vec<LaneStatus> {
        self.lanes.iter().map(|lane| lane.status(now)).collect()
    }

    /// Notices that no post was made for yet, over all lanes.
    pub fn pending(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }
}
