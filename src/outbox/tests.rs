use super::*;
use crate::ledger::Partition;
use crate::message::Priority;

mod commits;
mod digests;
mod doubt;
mod expiry;
mod folding;
mod refusals;
mod reload;
mod share;
mod spill;
mod storms;
mod whereabouts;

const SECOND: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(30);

fn owner(number: i32) -> Owner {
    Owner { partition: Partition { topic: "t".into(), number }, epoch: 1 }
}

/// A change as these tests see it: a column that went from one number to another.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    from: i64,
    to: i64,
    weight: u32,
    bytes: u64,
}

/// How many changes are counted, and how many apart from these.
#[derive(Debug, Default)]
struct Count {
    changes: u64,
    undone: u64,
    expired: u64,
}

impl Content for Step {
    type Tally = Count;

    fn fold(&mut self, later: Self) -> Folded<Self> {
        if self.to != later.from {
            return Folded::Apart(later);
        }
        self.to = later.to;
        self.bytes = self.bytes.max(later.bytes);
        if self.from == self.to { Folded::Nothing } else { Folded::Kept }
    }

    fn weight(&self) -> u32 {
        self.weight
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Tally<Step> for Count {
    fn count(&mut self, _: Step, changes: u64) {
        self.changes += changes;
    }

    fn undone(&mut self, changes: u64) {
        self.undone += changes;
    }

    fn expired(&mut self, _: Step, changes: u64) {
        self.expired += changes;
    }
}

type TestBox = Outbox<Step>;

fn notice(offset: i64, row: &str, priority: Priority) -> Notice<Step> {
    let content = Step { from: offset * 1000, to: offset, weight: 0, bytes: 0 };
    Notice::new(owner(0), offset, RowKey(row.as_bytes().into()), priority, content, at(0))
}

fn settings(per_second: u32, burst: u32, in_flight: usize) -> LaneSettings {
    let bucket = Arc::new(Bucket::new(Rate::new(per_second, SECOND).unwrap(), burst));
    let name = "ops".into();
    LaneSettings { name, bucket, in_flight, fold: false, digest: None, simplify: false, share_bytes: u64::MAX }
}

fn people(per_second: u32) -> LaneSettings {
    LaneSettings { fold: true, digest: Some(AFTER), simplify: true, ..settings(per_second, 1, 1) }
}

fn change(offset: i64, row: &str, priority: Priority, from: i64, to: i64) -> Notice<Step> {
    let content = Step { from, to, weight: 0, bytes: 0 };
    Notice::new(owner(0), offset, RowKey(row.as_bytes().into()), priority, content, at(0))
}

fn with_lanes(lanes: impl IntoIterator<Item = LaneSettings>) -> TestBox {
    let mut outbox =
        Outbox::new(lanes, CommitSettings { interval: Duration::from_millis(20), metadata_bytes: 4096 }, 7);
    for number in 0..2 {
        outbox.assign(&owner(number), 0, None).unwrap();
    }
    outbox
}

fn outbox(per_second: u32, burst: u32, in_flight: usize) -> TestBox {
    with_lanes([settings(per_second, burst, in_flight)])
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(1_000_000 + ms)
}

/// The post to make now, if any.
fn next(outbox: &mut TestBox, now: Duration) -> Option<(LaneId, PostId)> {
    match outbox.next(now)? {
        Next::Post(lane, id) => Some((lane, id)),
        other => panic!("{other:?}"),
    }
}

fn one(post: Option<&Post<Step>>) -> &Notice<Step> {
    match post {
        Some(Post::One(notice)) => notice,
        other => panic!("no single notice: {other:?}"),
    }
}

fn many(post: Option<&Post<Step>>) -> &Digest<Step> {
    match post {
        Some(Post::Many(digest)) => digest,
        other => panic!("no digest: {other:?}"),
    }
}

/// Tells the outbox how a post ended, and commits at once.
fn settle(outbox: &mut TestBox, lane: LaneId, id: PostId, outcome: Outcome, now: Duration) -> Settled<Step> {
    let settled = outbox.settle(lane, id, outcome, now);
    commit(outbox, now);
    settled
}

fn commit(outbox: &mut TestBox, now: Duration) {
    let due = outbox.ledger().commit_due().unwrap_or_default().max(now);
    let done: Vec<_> = outbox.commits(due).into_iter().map(|c| (c.owner.partition, c.offset)).collect();
    outbox.committed(&done);
}

fn waiting(outbox: &TestBox) -> usize {
    outbox.status(at(0)).iter().flat_map(|lane| lane.pending).sum()
}

/// Posts and delivers whatever may be posted until nothing is pending; the offsets in the order of their posts.
fn deliver_all(outbox: &mut TestBox, mut now: Duration) -> Vec<i64> {
    let mut posted = Vec::new();
    while !outbox.is_empty() {
        match next(outbox, now) {
            Some((lane, id)) => match settle(outbox, lane, id, Outcome::Delivered, now) {
                Settled::Delivered(post) => posted.push(*one(Some(&post)).offsets.start()),
                other => panic!("{other:?}"),
            },
            None => now = outbox.wake_at().expect("pending notices have a time").max(now + Duration::from_millis(1)),
        }
    }
    posted
}

#[test]
fn the_urgent_goes_first_but_never_overtakes_its_own_row() {
    let mut outbox = outbox(100, 1, 1);
    outbox.offer(0, notice(1, "a", Priority::Low), at(0));
    outbox.offer(0, notice(2, "b", Priority::Normal), at(0));
    outbox.offer(0, notice(3, "c", Priority::Normal), at(0));
    outbox.offer(0, notice(4, "c", Priority::Critical), at(0));
    outbox.offer(0, notice(5, "d", Priority::Critical), at(0));
    // Row c is promoted as a whole: 3 before 4, both before b and a.
    assert_eq!(deliver_all(&mut outbox, at(0)), [3, 4, 5, 2, 1]);
}

#[test]
fn one_post_of_a_row_at_a_time_however_many_may_fly() {
    let mut outbox = outbox(100, 100, 10);
    for offset in 0..3 {
        outbox.offer(0, notice(offset, "a", Priority::Normal), at(0));
    }
    outbox.offer(0, notice(9, "b", Priority::Normal), at(0));
    let (_, first) = next(&mut outbox, at(0)).unwrap();
    let (_, other) = next(&mut outbox, at(0)).unwrap();
    assert_eq!(*one(outbox.post(0, first)).offsets.start(), 0);
    assert_eq!(*one(outbox.post(0, other)).offsets.start(), 9);
    assert_eq!(next(&mut outbox, at(0)), None);
    settle(&mut outbox, 0, first, Outcome::Delivered, at(1));
    let (_, second) = next(&mut outbox, at(1)).unwrap();
    assert_eq!(*one(outbox.post(0, second)).offsets.start(), 1);
}

#[test]
fn the_rate_is_kept_and_the_wait_is_shown() {
    let mut outbox = outbox(1, 1, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "b", Priority::Normal), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, 0, id, Outcome::Delivered, at(10));
    assert_eq!(next(&mut outbox, at(10)), None);
    assert_eq!(outbox.status(at(10))[0].waiting, Some((WaitReason::Rate, at(1000))));
    assert_eq!(outbox.wake_at(), Some(at(1000)));
    assert_eq!(next(&mut outbox, at(999)), None);
    assert!(next(&mut outbox, at(1000)).is_some());
}

#[test]
fn retry_after_holds_the_lane_exactly_that_long() {
    let mut outbox = outbox(100, 100, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "b", Priority::Critical), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    let told = Outcome::Retry { after: Some(Duration::from_secs(30)) };
    assert!(matches!(settle(&mut outbox, 0, id, told, at(0)), Settled::Pending));
    assert_eq!(next(&mut outbox, at(29_999)), None);
    assert_eq!(outbox.status(at(5))[0].waiting, Some((WaitReason::RetryAfter, at(30_000))));
    let (_, again) = next(&mut outbox, at(30_000)).unwrap();
    assert_eq!(*one(outbox.post(0, again)).offsets.start(), 2, "the same one, as the most urgent");
    assert_eq!(one(outbox.post(0, again)).attempts, 2);
}

#[test]
fn a_failed_post_keeps_its_rows_order_and_lets_others_pass() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(3, "b", Priority::Normal), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    assert!(matches!(settle(&mut outbox, 0, id, Outcome::Retry { after: None }, at(0)), Settled::Pending));
    assert_eq!(deliver_all(&mut outbox, at(0)), [3, 1, 2]);
}

#[test]
fn a_dead_destination_gives_up_nothing() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    let mut now = at(0);
    for _ in 0..ATTEMPTS_MAX * 3 {
        now = outbox.wake_at().unwrap().max(now);
        let (_, id) = next(&mut outbox, now).expect("due");
        assert!(matches!(settle(&mut outbox, 0, id, Outcome::Retry { after: None }, now), Settled::Pending));
    }
    assert!(!outbox.status(now)[0].up);
    assert_eq!(deliver_all(&mut outbox, now), [1]);
    assert!(outbox.status(now)[0].up);
}

#[test]
fn a_poisonous_message_is_given_up_once_others_pass() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(0, "poison", Priority::Normal), at(0));
    let mut now = at(0);
    let mut offset = 0;
    let given_up = loop {
        // Other rows keep coming, and are accepted.
        offset += 1;
        outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), now);
        assert!(offset < 10_000, "never given up");
        while let Some((_, id)) = next(&mut outbox, now) {
            if *one(outbox.post(0, id)).offsets.start() == 0 {
                if let Settled::GivenUp(_, why, _) = settle(&mut outbox, 0, id, Outcome::Retry { after: None }, now) {
                    assert_eq!(why, GivenUp::Exhausted);
                    break;
                }
            } else {
                settle(&mut outbox, 0, id, Outcome::Delivered, now);
            }
        }
        if waiting(&outbox) == 0 {
            break offset;
        }
        now += Duration::from_secs(1);
    };
    assert!(given_up >= i64::from(ATTEMPTS_MAX));
}

#[test]
fn a_blocked_destination_holds_and_is_probed() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    assert!(matches!(settle(&mut outbox, 0, id, Outcome::Blocked, at(0)), Settled::Pending));
    assert!(!outbox.status(at(0))[0].up);
    assert_eq!(next(&mut outbox, at(29_000)), None);
    let (_, probe) = next(&mut outbox, at(30_000)).unwrap();
    assert!(matches!(settle(&mut outbox, 0, probe, Outcome::Delivered, at(30_000)), Settled::Delivered(_)));
    assert!(outbox.status(at(30_000))[0].up);
}

#[test]
fn a_rejected_message_leaves_and_its_row_goes_on() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "a", Priority::Normal), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    match settle(&mut outbox, 0, id, Outcome::Rejected, at(0)) {
        Settled::GivenUp(notice, GivenUp::Rejected, _) => assert_eq!(*notice.offsets.start(), 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(deliver_all(&mut outbox, at(0)), [2]);
}

#[test]
fn a_partition_that_goes_takes_its_pending_notices_along() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "b", Priority::Normal), at(0));
    outbox.offer(0, Notice { owner: owner(1), ..notice(3, "c", Priority::Normal) }, at(0));
    let (_, flying) = next(&mut outbox, at(0)).unwrap();
    let gone = |other: &Owner| *other == owner(0);
    outbox.stop(&gone);
    assert_eq!(waiting(&outbox), 2, "that on the wire, and that of another partition");
    assert_eq!(outbox.in_flight(&gone), 1);
    // Accepted after all: whoever waits for the revoke may still commit it.
    assert!(matches!(settle(&mut outbox, 0, flying, Outcome::Delivered, at(5)), Settled::Delivered(_)));
    assert_eq!(outbox.in_flight(&gone), 0);
    assert_eq!(deliver_all(&mut outbox, at(5)), [3]);
}

#[test]
fn what_fails_after_its_partition_went_is_not_tried_again() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    let (_, flying) = next(&mut outbox, at(0)).unwrap();
    outbox.stop(&|_| true);
    assert!(matches!(settle(&mut outbox, 0, flying, Outcome::Retry { after: None }, at(0)), Settled::Gone));
    assert_eq!(waiting(&outbox), 0);
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let other = LaneSettings { name: "other".into(), ..settings(1000, 10, 1) };
    let mut outbox = with_lanes([settings(1000, 10, 1), other]);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(1, notice(1, "a", Priority::Normal), at(0));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Blocked, at(0));
    assert_eq!(next(&mut outbox, at(0)).map(|(lane, _)| lane), Some(1));
}

#[test]
fn destinations_that_share_a_bucket_share_its_rate() {
    let lane = settings(1, 1, 1);
    let other = LaneSettings { name: "other".into(), ..lane.clone() };
    let mut outbox = with_lanes([lane, other]);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(1, notice(1, "a", Priority::Normal), at(0));
    assert_eq!(next(&mut outbox, at(0)).map(|(lane, _)| lane), Some(0));
    assert_eq!(next(&mut outbox, at(999)), None);
    assert_eq!(next(&mut outbox, at(1000)).map(|(lane, _)| lane), Some(1));
}

#[test]
fn lanes_of_one_bucket_take_turns_and_the_urgent_goes_first() {
    let lane = settings(1, 1, 1);
    let named = |name: &str| LaneSettings { name: name.into(), ..lane.clone() };
    let mut outbox = with_lanes([named("a"), named("b"), named("c")]);
    for offset in 0..10 {
        outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
        outbox.offer(1, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    let mut posted = Vec::new();
    for second in 0..6 {
        if second == 4 {
            outbox.offer(2, notice(99, "z", Priority::Critical), at(second * 1000));
        }
        let (lane, id) = next(&mut outbox, at(second * 1000)).expect("a token a second");
        settle(&mut outbox, lane, id, Outcome::Delivered, at(second * 1000));
        posted.push(lane);
    }
    // In turns, but for the critical one of lane 2, which waits for no pending post.
    assert_eq!(posted, [0, 1, 0, 1, 2, 0]);
}

#[test]
fn an_absurd_retry_after_holds_the_lane_and_breaks_nothing() {
    let mut outbox = outbox(100, 100, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    let (_, id) = next(&mut outbox, at(0)).unwrap();
    let told = Outcome::Retry { after: Some(Duration::MAX) };
    assert!(matches!(settle(&mut outbox, 0, id, told, at(0)), Settled::Pending));
    assert_eq!(next(&mut outbox, at(1 << 40)), None);
}

#[test]
fn told_to_come_back_at_once_still_backs_off() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    let (mut now, mut posts) = (at(0), 0);
    while now < at(60_000) {
        match next(&mut outbox, now) {
            Some((lane, id)) => {
                posts += 1;
                settle(&mut outbox, lane, id, Outcome::Retry { after: Some(Duration::ZERO) }, now);
            }
            None => now = outbox.wake_at().expect("still pending").max(now + Duration::from_millis(1)),
        }
    }
    assert!(posts < 40, "{posts} posts in a minute to a destination that fails");
    assert!(!outbox.status(now)[0].up);
}
