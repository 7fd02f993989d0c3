//! The outbox: per destination a lane of pending notices; who posts next, when, and what becomes of it.
//!
//! A deterministic state machine without I/O. It is told the time (monotonic, counted from any
//! fixed start), what is owed ([`Outbox::offer`]) and how posts ended ([`Outbox::settle`]); it
//! hands out the next post ([`Outbox::next`]) and the next commits ([`Outbox::commits`]). It keeps
//! the [`Ledger`], so that what is owed, what is posted and what is committed cannot drift apart.

mod content;
mod digest;
mod lane;
mod lanes;
mod notice;
mod pace;
mod reread;
mod share;
mod whereabouts;

#[cfg(test)]
mod tests;

pub use content::{Content, Folded, Tally};
pub use digest::{Digest, LINES_BYTES_MAX, LINES_MAX};
pub use lane::{LaneStatus, Reread, RereadId, WaitReason};
pub use lanes::Leftover;
pub use notice::{Notice, Owed, PostId, RowKey};
pub use pace::{BACKOFF_MAX, Bucket, Rate, backoff};
pub use whereabouts::{Many, Single, Whereabouts};

pub use crate::ledger::LaneId;
use crate::ledger::{Commit, Group, LaneKey, Ledger, MetadataError, Owner, Partition, Position};
use lane::{Lane, Step};
use notice::Page;
use std::sync::Arc;
use std::time::Duration;

/// Attempts after which a message is given up, once the destination has accepted others meanwhile.
pub const ATTEMPTS_MAX: u32 = 10;

/// Accepted posts of a lane that may await their commit; with so many, the lane starts no further post.
pub const UNCOMMITTED_MAX: usize = 2;

/// Posts of a lane that a crash may have made again, at most: those on the wire, and those accepted that await their
/// commit. A lane that may have more than so many on the wire may have so many.
pub const EXPOSED_MAX: usize = 3;

/// What the lane of dead letters is called in the metadata: no destination's name holds a NUL.
const LETTERS: &str = "\0letters";

/// By which commits know the dead letters of records that cannot be read.
pub fn letters_key() -> LaneKey {
    LaneKey::of(LETTERS)
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
    /// It was too old when its turn came.
    Expired,
    /// Its destination is no longer in the config.
    Removed,
}

impl GivenUp {
    /// The word used in metrics, logs and dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            GivenUp::Rejected => "rejected",
            GivenUp::Exhausted => "exhausted",
            GivenUp::Expired => "expired",
            GivenUp::Removed => "removed",
        }
    }
}

/// What one request tells.
#[derive(Debug)]
pub enum Post<C: Content> {
    /// One notice.
    One(Notice<C>),
    /// A digest.
    Many(Box<Digest<C>>),
}

impl<C: Content> Post<C> {
    /// Times it was tried.
    pub fn attempts(&self) -> u32 {
        match self {
            Post::One(notice) => notice.attempts,
            Post::Many(digest) => digest.attempts,
        }
    }

    fn attempts_mut(&mut self) -> &mut u32 {
        match self {
            Post::One(notice) => &mut notice.attempts,
            Post::Many(digest) => &mut digest.attempts,
        }
    }

    /// Partitions that its changes came from; some perhaps more than once.
    pub fn owners(&self) -> impl Iterator<Item = &Owner> {
        let (one, many) = match self {
            Post::One(notice) => (Some(&notice.owner), None),
            Post::Many(digest) => (None, Some(digest.owners())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// What is to be done now.
#[derive(Debug)]
pub enum Next<C> {
    /// Make this post; see [`Outbox::post`].
    Post(LaneId, PostId),
    /// Too old to be posted: to be written to the dead letters.
    Expired(Notice<C>, Owed),
    /// Read a partition again for a lane that let records go and has room for them; see [`Outbox::take_back`].
    Reread(Reread),
}

/// What a settled post means.
#[derive(Debug)]
pub enum Settled<C: Content> {
    /// Posted: it is owed no more.
    Delivered(Post<C>),
    /// To be written to the dead letters, and settled when that is acknowledged: [`Outbox::lettered`].
    GivenUp(Notice<C>, GivenUp, Owed),
    /// Still pending: it will be handed out again.
    Pending,
    /// Its partition has gone to another replica: nothing is owed from here.
    Gone,
}

/// How one lane behaves.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// The destination's name, by which commits know the lane.
    pub name: Arc<str>,
    /// Token bucket, shared where destinations share a limit.
    pub bucket: Arc<Bucket>,
    /// Posts at once.
    pub in_flight: usize,
    /// Pending changes of one row become their net change.
    pub fold: bool,
    /// A backlog that would take longer than this is folded into digests; `None` never.
    pub digest: Option<Duration>,
    /// A message that is refused for what it is gets one more try, plain and short.
    pub simplify: bool,
    /// Memory for single pending notices; what is more is let go, and read again in time. One is kept in any case.
    pub share_bytes: u64,
}

/// How commits are made.
#[derive(Debug, Clone, Copy)]
pub struct CommitSettings {
    /// Shortest time between two.
    pub interval: Duration,
    /// Longest metadata string.
    pub metadata_bytes: usize,
}

/// Partitions, and how much of each was settled when a post was accepted.
type Accepted = Vec<(Owner, u64)>;

/// Lanes, one per destination, and the ledger of what they owe.
#[derive(Debug)]
pub struct Outbox<C: Content> {
    /// By their number; nothing at that of the dead letters, which need no queue, and at those that are free.
    lanes: Vec<Option<Lane<C>>>,
    /// The number of the dead letters' lane.
    letters: LaneId,
    ledger: Ledger,
    /// Per lane, accepted posts that no commit covers yet.
    uncommitted: Vec<Vec<Accepted>>,
    /// Partitions that are ours only if a commit of them succeeds.
    doubted: Accepted,
    random: fastrand::Rng,
    /// No lane starts a post while this holds.
    closed: bool,
    /// Where the search for the next post begins, so that lanes of one bucket take turns.
    turn: LaneId,
    /// Partitions of the subscribed topics, whoever owns them.
    partitions: u32,
    /// The share of each rate that the buckets were told: so many partitions of so many.
    shared: Option<(u32, u32)>,
}

impl<C: Content> Outbox<C> {
    /// An outbox with these lanes; `seed` decides the jitter.
    pub fn new(lanes: impl IntoIterator<Item = LaneSettings>, commits: CommitSettings, seed: u64) -> Self {
        let (keys, lanes): (Vec<_>, Vec<_>) =
            lanes.into_iter().map(|lane| (LaneKey::of(&lane.name), Some(Lane::new(lane)))).unzip();
        let keys = keys.into_iter().chain([letters_key()]).collect();
        Self {
            ledger: Ledger::new(keys, commits.interval, commits.metadata_bytes),
            letters: lanes.len(),
            uncommitted: vec![Vec::new(); lanes.len() + 1],
            lanes: lanes.into_iter().chain([None]).collect(),
            doubted: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            closed: false,
            turn: 0,
            partitions: 0,
            shared: None,
        }
    }

    /// What is owed and committed.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A partition is ours; see [`Ledger::assign`].
    pub fn assign(&mut self, owner: &Owner, committed: i64, metadata: Option<&str>) -> Result<(), MetadataError> {
        let result = self.ledger.assign(owner, committed, metadata);
        let replaced = |other: &Owner| other.partition == owner.partition && other.epoch != owner.epoch;
        self.lanes.iter_mut().flatten().for_each(|lane| lane.forget_spills(&replaced));
        self.regate();
        result
    }

    /// A lane owes a post about a change. Of each partition they come in the order of their offsets.
    ///
    /// False where nothing is owed: the lane has posted it before, as the last commit's metadata says, or its partition
    /// is not ours.
    pub fn offer(&mut self, lane: LaneId, notice: Notice<C>, now: Duration) -> bool {
        let (owner, offset) = (&notice.owner, *notice.offsets.start());
        if !self.ledger.owns(owner) || self.ledger.is_posted(owner, lane, offset) {
            return false;
        }
        let Some(Some(found)) = self.lanes.get_mut(lane) else { return false };
        found.offer(notice, now, &mut Page { ledger: &mut self.ledger, lane });
        true
    }

    /// A record owes a dead letter, whatever its rules would say. `None` where nothing is owed, as for
    /// [`Outbox::offer`].
    pub fn owe_letter(&mut self, owner: &Owner, offset: i64) -> Option<Owed> {
        let lane = self.letters;
        if !self.ledger.owns(owner) || self.ledger.is_posted(owner, lane, offset) {
            return None;
        }
        let group = Group(offset.unsigned_abs());
        self.ledger.owe(owner, lane, offset, group);
        Some(Owed { owner: owner.clone(), lane, offsets: offset..=offset, group })
    }

    /// A dead letter is acknowledged.
    pub fn lettered(&mut self, owed: &Owed) {
        self.ledger.settle(&owed.owner, owed.lane, &owed.offsets, owed.group);
        self.free_lanes();
    }

    /// Every record below `position` was judged and offered.
    pub fn read(&mut self, owner: &Owner, position: i64) {
        self.ledger.read(owner, position);
    }

    /// What to do at `now`, if any lane may do something: the most urgent first, in turns among equals.
    ///
    /// Between lanes that share no bucket the order means nothing. Where they share one, the first to ask gets the
    /// token: a fixed order would let one lane's backlog starve the others, urgent or not.
    pub fn next(&mut self, now: Duration) -> Option<Next<C>> {
        if self.closed {
            return None;
        }
        self.share_rates(now);
        let count = self.lanes.len();
        let mut order: Vec<_> = (0..count)
            .map(|step| (self.turn + step) % count)
            .filter_map(|index| Some((self.lanes[index].as_mut()?.urgency(now)?, index)))
            .collect();
        // Stable: among equals the turn decides.
        order.sort_by_key(|(urgency, _)| *urgency);
        for (_, lane) in order {
            let mut page = Page { ledger: &mut self.ledger, lane };
            match self.lanes[lane].as_mut().and_then(|lane| lane.next(now, &mut page)) {
                Some(Step::Post(id)) => {
                    self.turn = lane + 1;
                    return Some(Next::Post(lane, id));
                }
                Some(Step::Expired(id, notice)) => {
                    let owed = page.owed(&notice, id);
                    return Some(Next::Expired(notice, owed));
                }
                None => {}
            }
        }
        self.reread_next(now).map(Next::Reread)
    }

    /// The post that [`Outbox::next`] named.
    pub fn post(&self, lane: LaneId, id: PostId) -> Option<&Post<C>> {
        self.lanes.get(lane)?.as_ref()?.post(id)
    }

    /// When to ask [`Outbox::next`] or [`Outbox::commits`] again although nothing was offered or settled.
    pub fn wake_at(&self) -> Option<Duration> {
        let lanes = self.lanes.iter().flatten().filter(|_| !self.closed).filter_map(Lane::wake_at);
        lanes.chain(self.ledger.commit_due()).min()
    }

    /// How a post ended.
    pub fn settle(&mut self, lane: LaneId, id: PostId, outcome: Outcome, now: Duration) -> Settled<C> {
        let Some(Some(found)) = self.lanes.get_mut(lane) else { return Settled::Gone };
        let mut page = Page { ledger: &mut self.ledger, lane };
        let settled = found.settle(id, outcome, now, &mut self.random, &mut page);
        if let Settled::Delivered(post) = &settled {
            let accepted = post.owners().map(|owner| (owner.clone(), self.ledger.settlements(owner))).collect();
            self.uncommitted[lane].push(accepted);
            self.regate();
        }
        self.free_lanes();
        settled
    }

    /// Time has passed unseen, and the partitions may be another's: no lane starts a post until the group has taken a
    /// commit of each of them that is still ours.
    pub fn doubt(&mut self) {
        self.doubted = self.ledger.doubt();
        self.regate();
    }

    /// A lane with too many accepted posts that no commit covers starts no further one.
    fn regate(&mut self) {
        self.doubted.retain(|(owner, settlements)| !self.ledger.is_said(owner, *settlements));
        for (lane, accepted) in self.lanes.iter_mut().zip(&mut self.uncommitted) {
            accepted.retain(|post| post.iter().any(|(owner, settlements)| !self.ledger.is_said(owner, *settlements)));
            if let Some(lane) = lane {
                lane.gated = accepted.len() >= UNCOMMITTED_MAX || !self.doubted.is_empty();
                lane.uncommitted = accepted.len();
            }
        }
    }

    /// No posts are started any more for these partitions; those in flight may still settle.
    pub fn stop(&mut self, gone: &dyn Fn(&Owner) -> bool) {
        for lane in self.lanes.iter_mut().flatten() {
            lane.stop(gone);
        }
    }

    /// A partition is no longer ours.
    pub fn release(&mut self, owner: &Owner) {
        self.ledger.release(owner);
        self.regate();
        self.free_lanes();
    }

    /// The commits to make at `now`; see [`Ledger::commits`].
    pub fn commits(&mut self, now: Duration) -> Vec<Commit> {
        self.ledger.commits(now)
    }

    /// The last commit of a partition that is given up; see [`Ledger::commit_of`].
    pub fn commit_of(&mut self, owner: &Owner) -> Option<Commit> {
        self.ledger.commit_of(owner)
    }

    /// The commit in flight came back; see [`Ledger::committed`].
    pub fn committed(&mut self, done: &[(Partition, i64)]) {
        self.ledger.committed(done);
        self.regate();
    }

    /// How far every partition is, in order; the lane without a destination is that of dead letters.
    pub fn positions(&self) -> Vec<Position> {
        self.ledger.positions()
    }

    /// Posts of these partitions that are still on the wire.
    pub fn in_flight(&self, of: &dyn Fn(&Owner) -> bool) -> usize {
        self.lanes.iter().flatten().map(|lane| lane.in_flight_of(of)).sum()
    }

    /// No post is started from now on.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// What each lane holds and waits for, by its number; nothing where there is no lane.
    pub fn status(&self, now: Duration) -> Vec<LaneStatus> {
        self.lanes.iter().map(|lane| lane.as_ref().map_or_else(LaneStatus::default, |lane| lane.status(now))).collect()
    }

    /// True where no lane has anything to post.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().flatten().all(Lane::is_empty)
    }
}
