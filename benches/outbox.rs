//! How many changes the delivery engine's core takes through its lanes: no Kafka, no HTTP.
//!
//! - Singly: offered, posted, settled; one lane, one partition, every change a row of its own. No more than three posts go before
//!   their commit, so a commit follows each second one, far oftener than one each 20 ms: told with it and without.
//! - In a storm: offered to a lane whose destination is down, so that a digest takes them in.
//!
//! Each figure is the best of five runs on one core.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use rowbell::ledger::{Owner, Partition};
use rowbell::message::Priority;
use rowbell::outbox::{
    Bucket, CommitSettings, Content, Folded, LaneSettings, Next, Notice, Outbox, Outcome, Rate, RowKey, Tally,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The service's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHANGES: i64 = 1_000_000;
const RUNS: usize = 5;

/// As large as what the service carries: a few pointers.
struct Change(#[expect(dead_code, reason = "it takes room")] [usize; 6]);

#[derive(Debug, Default)]
struct Count(u64);

impl Content for Change {
    type Tally = Count;

    fn fold(&mut self, _: Self) -> Folded<Self> {
        Folded::Kept
    }
}

impl Tally<Change> for Count {
    fn count(&mut self, _: Change, changes: u64) {
        self.0 += changes;
    }

    fn undone(&mut self, changes: u64) {
        self.0 += changes;
    }

    fn expired(&mut self, _: Change, changes: u64) {
        self.0 += changes;
    }
}

fn outbox(digest: Option<Duration>, burst: u32) -> (Outbox<Change>, Owner) {
    let rate = Rate::new(1, Duration::from_micros(1)).unwrap();
    let bucket = Arc::new(Bucket::new(rate, burst));
    let (name, share_bytes) = ("ops".into(), u64::MAX);
    let lane = LaneSettings { name, bucket, in_flight: 4, fold: true, digest, simplify: false, share_bytes };
    let commits = CommitSettings { interval: Duration::from_millis(20), metadata_bytes: 4096 };
    let mut outbox = Outbox::new([lane], commits, 1);
    let owner = Owner { partition: Partition { topic: "t".into(), number: 0 }, epoch: 1 };
    outbox.assign(&owner, 0, None).unwrap();
    (outbox, owner)
}

fn notice(owner: &Owner, offset: i64, rows: i64, now: Duration) -> Notice<Change> {
    let row = RowKey((offset % rows).to_be_bytes().as_slice().into());
    Notice::new(owner.clone(), offset, row, Priority::Normal, Change([0; 6]), now)
}

/// With all commits, and without them.
fn singly() -> (Duration, Duration) {
    let (mut outbox, owner) = outbox(None, 1_000);
    let (began, mut commits) = (Instant::now(), Duration::ZERO);
    let mut now = Duration::from_secs(1);
    for offset in 0..CHANGES {
        now += Duration::from_micros(10);
        outbox.offer(0, notice(&owner, offset, CHANGES, now), now);
        outbox.read(&owner, offset + 1);
        if let Some(Next::Post(lane, id)) = outbox.next(now) {
            outbox.settle(lane, id, Outcome::Delivered, now);
        }
        if offset % 2 == 1 {
            let begins = Instant::now();
            let due = outbox.ledger().commit_due().unwrap_or_default().max(now);
            let done: Vec<_> = outbox.commits(due).into_iter().map(|c| (c.owner.partition, c.offset)).collect();
            outbox.committed(&done);
            now = due;
            commits += begins.elapsed();
        }
    }
    let took = began.elapsed();
    assert!(outbox.is_empty());
    (took, took - commits)
}

fn storm() -> Duration {
    let (mut outbox, owner) = outbox(Some(Duration::from_micros(100)), 1);
    let began = Instant::now();
    let mut now = Duration::from_secs(1);
    for offset in 0..CHANGES {
        now += Duration::from_micros(10);
        outbox.offer(0, notice(&owner, offset, 100_000, now), now);
        if offset % 100 == 0 {
            outbox.read(&owner, offset + 1);
            if let Some(Next::Post(lane, id)) = outbox.next(now) {
                outbox.settle(lane, id, Outcome::Retry { after: Some(Duration::from_secs(3600)) }, now);
            }
        }
    }
    began.elapsed()
}

fn main() {
    let singly: Vec<_> = (0..RUNS).map(|_| singly()).collect();
    tell("singly", singly.iter().map(|(_, without_commits)| *without_commits));
    tell("singly, commits in pairs included", singly.iter().map(|(all, _)| *all));
    tell("into a digest", (0..RUNS).map(|_| storm()));
}

fn tell(what: &str, runs: impl Iterator<Item = Duration>) {
    println!("{what}: {:.0} changes a second", CHANGES as f64 / runs.min().unwrap().as_secs_f64());
}
