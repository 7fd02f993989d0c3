use super::*;

mod lag;
mod lanes;
mod properties;
mod standing;

const BYTES: usize = 4096;

fn empty(lanes: &[&str], bytes: usize) -> Ledger {
    Ledger::new(lanes.iter().map(|name| LaneKey::of(name)).collect(), Duration::from_millis(20), bytes)
}

fn owner(epoch: u64) -> Owner {
    Owner { partition: Partition { topic: "t".into(), number: 0 }, epoch }
}

fn ledger() -> (Ledger, Owner) {
    let mut ledger = empty(&["a", "b", "c"], BYTES);
    ledger.assign(&owner(1), 100, None).unwrap();
    (ledger, owner(1))
}

/// Every record is a group of its own.
fn owe(ledger: &mut Ledger, owner: &Owner, offset: i64, lanes: &[LaneId]) {
    for lane in lanes {
        ledger.owe(owner, *lane, offset, Group(offset as u64));
    }
}

fn settle(ledger: &mut Ledger, owner: &Owner, offset: i64, lane: LaneId) {
    ledger.settle(owner, lane, &(offset..=offset), Group(offset as u64));
}

fn offsets(commits: Vec<Commit>) -> Vec<i64> {
    commits.into_iter().map(|commit| commit.offset).collect()
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_later_success_never_carries_the_commit_over_an_earlier_failure() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 103, &[0]);
    owe(&mut ledger, &owner, 107, &[0]);
    ledger.read(&owner, 110);
    settle(&mut ledger, &owner, 107, 0);
    assert_eq!(offsets(ledger.commits(at(0))), [103]);
    ledger.committed(&[(owner.partition.clone(), 103)]);
    assert_eq!(ledger.commits(at(60_000)), []);
    settle(&mut ledger, &owner, 103, 0);
    assert_eq!(offsets(ledger.commits(at(60_100))), [110]);
}

#[test]
fn a_record_is_settled_when_every_lane_is() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0, 2]);
    ledger.read(&owner, 101);
    settle(&mut ledger, &owner, 100, 2);
    settle(&mut ledger, &owner, 100, 2);
    assert_eq!(offsets(ledger.commits(at(0))), [100], "nothing but that lane 2 is ahead");
    ledger.committed(&[(owner.partition.clone(), 100)]);
    settle(&mut ledger, &owner, 100, 0);
    assert_eq!(offsets(ledger.commits(at(20))), [101]);
}

#[test]
fn commits_go_one_at_a_time_and_not_too_often() {
    let (mut ledger, owner) = ledger();
    for offset in 100..103 {
        owe(&mut ledger, &owner, offset, &[0]);
        ledger.read(&owner, offset + 1);
    }
    settle(&mut ledger, &owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    settle(&mut ledger, &owner, 101, 0);
    assert_eq!(ledger.commits(at(500)), [], "one in flight at a time");
    ledger.committed(&[(owner.partition.clone(), 101)]);
    assert_eq!(ledger.commits(at(10)), [], "not before the interval is over");
    assert_eq!(ledger.commit_due(), Some(at(20)));
    assert_eq!(offsets(ledger.commits(at(20))), [102]);
}

#[test]
fn records_that_owe_nothing_are_committed_at_leisure() {
    let (mut ledger, owner) = ledger();
    ledger.read(&owner, 101);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    ledger.committed(&[(owner.partition.clone(), 101)]);
    ledger.read(&owner, 5_000);
    assert_eq!(ledger.commits(at(100)), []);
    assert_eq!(offsets(ledger.commits(IDLE_COMMIT)), [5_000]);
}

#[test]
fn a_failed_commit_is_tried_again() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 101);
    settle(&mut ledger, &owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    ledger.committed(&[]);
    assert_eq!(ledger.commits(at(20)), [], "not at once: what failed now fails in 20 ms, too");
    assert_eq!(offsets(ledger.commits(at(100))), [101]);
}

#[test]
fn commits_that_go_on_failing_come_ever_more_seldom_and_recover_at_once() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 101);
    settle(&mut ledger, &owner, 100, 0);
    let tries = (0..60_000).filter(|ms| {
        let tried = !ledger.commits(at(*ms)).is_empty();
        if tried {
            ledger.committed(&[]);
        }
        tried
    });
    assert_eq!(tries.count(), 17, "0, 100, 300, 700 ms and so on, then every 5 s");
    while ledger.commits(at(70_000)).is_empty() {}
    ledger.committed(&[(owner.partition.clone(), 101)]);
    owe(&mut ledger, &owner, 101, &[0]);
    ledger.read(&owner, 102);
    settle(&mut ledger, &owner, 101, 0);
    assert_eq!(offsets(ledger.commits(at(70_020))), [102]);
}

#[test]
fn a_commit_that_never_comes_back_does_not_end_all_commits() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 101);
    settle(&mut ledger, &owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    assert_eq!(ledger.commit_due(), Some(COMMIT_LOST), "so that somebody wakes up then");
    assert_eq!(ledger.commits(COMMIT_LOST - at(1)), []);
    assert_eq!(offsets(ledger.commits(COMMIT_LOST)), [101]);
}

#[test]
fn an_answer_for_an_earlier_assignment_says_nothing_about_this_one() {
    let (mut ledger, old) = ledger();
    owe(&mut ledger, &old, 100, &[0]);
    ledger.read(&old, 900);
    settle(&mut ledger, &old, 100, 0);
    assert_eq!(offsets(ledger.commits(at(0))), [900]);
    // The log was replaced meanwhile and begins at 0 again.
    let new = Owner { epoch: 2, ..old.clone() };
    ledger.assign(&new, 0, None).unwrap();
    ledger.committed(&[(old.partition.clone(), 900)]);
    owe(&mut ledger, &new, 5, &[0]);
    ledger.read(&new, 6);
    settle(&mut ledger, &new, 5, 0);
    assert_eq!(offsets(ledger.commits(at(20))), [6], "not held back until 900");
}

#[test]
fn what_an_earlier_assignment_owed_settles_nothing() {
    let (mut ledger, old) = ledger();
    owe(&mut ledger, &old, 100, &[0]);
    ledger.release(&old);
    let new = Owner { epoch: 2, ..old.clone() };
    ledger.assign(&new, 100, None).unwrap();
    owe(&mut ledger, &new, 100, &[0]);
    ledger.read(&new, 101);
    settle(&mut ledger, &old, 100, 0);
    ledger.committed(&[(old.partition.clone(), 999)]);
    assert_eq!(ledger.commits(at(0)), []);
    assert!(!ledger.owns(&old));
    assert!(ledger.owns(&new));
}

fn resumed(ledger: &mut Ledger, owner: &Owner, lanes: &[&str]) -> (Ledger, Commit) {
    let commit = ledger.commit_of(owner).expect("something new");
    let mut next = empty(lanes, BYTES);
    next.assign(owner, commit.offset, Some(&commit.metadata)).unwrap();
    (next, commit)
}

#[test]
fn a_lane_that_is_ahead_is_not_offered_what_it_posted() {
    let (mut ledger, owner) = ledger();
    for offset in [100, 101, 103, 107, 110] {
        owe(&mut ledger, &owner, offset, &[0, 1]);
    }
    ledger.read(&owner, 120);
    for (offset, lane) in [(100, 1), (101, 1), (103, 1), (110, 1), (103, 0), (107, 0)] {
        settle(&mut ledger, &owner, offset, lane);
    }
    let (next, commit) = resumed(&mut ledger, &owner, &["a", "b", "c"]);
    assert_eq!(commit.offset, 100);
    let posted = |lane| (100..121).filter(|offset| next.is_posted(&owner, lane, *offset)).collect::<Vec<_>>();
    assert_eq!(posted(0), [103, 104, 105, 106, 107], "between two that were posted nothing was owed");
    assert_eq!(posted(1), [100, 101, 102, 103, 104, 105, 106, 110]);
    assert_eq!(posted(2), (100..120).collect::<Vec<_>>(), "it owed nothing, as far as was read");
}

#[test]
fn what_was_posted_is_remembered_until_it_is_read_again() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0, 1]);
    owe(&mut ledger, &owner, 110, &[0, 1]);
    ledger.read(&owner, 111);
    settle(&mut ledger, &owner, 110, 0);
    let (mut next, _) = resumed(&mut ledger, &owner, &["a", "b", "c"]);
    // Read again just as far as the record that was posted, while the one before it settles.
    owe(&mut next, &owner, 100, &[0, 1]);
    next.read(&owner, 110);
    settle(&mut next, &owner, 100, 0);
    assert!(next.is_posted(&owner, 0, 110));
    let (last, _) = resumed(&mut next, &owner, &["a", "b", "c"]);
    assert!(last.is_posted(&owner, 0, 110), "though the commit in between was made before it was read");
}

#[test]
fn lanes_are_known_by_name_and_a_new_one_begins_at_the_highest_watermark() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    owe(&mut ledger, &owner, 105, &[0, 1]);
    ledger.read(&owner, 200);
    settle(&mut ledger, &owner, 105, 0);
    let (next, _) = resumed(&mut ledger, &owner, &["c", "new", "a", "b"]);
    let first_owed = |lane| (0..).find(|offset| !next.is_posted(&owner, lane, *offset)).unwrap();
    assert_eq!([0, 1, 2, 3].map(first_owed), [200, 200, 100, 105]);
    assert!(next.is_posted(&owner, 2, 105), "lane a, beyond its watermark");
}

#[test]
fn without_room_for_all_lanes_none_counts_as_new() {
    let names: Vec<_> = (0..100).map(|lane| lane.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (mut small, owner) = (empty(&names, 300), owner(1));
    small.assign(&owner, 0, None).unwrap();
    for lane in 0..100 {
        owe(&mut small, &owner, 0, &[lane]);
    }
    owe(&mut small, &owner, 1, &[7]);
    small.read(&owner, 1000);
    settle(&mut small, &owner, 0, 7);
    let commit = small.commit_of(&owner).unwrap();
    let mut next = empty(&["new", "7", "8"], 300);
    next.assign(&owner, 0, Some(&commit.metadata)).unwrap();
    assert_eq!([0, 1, 2].map(|lane| next.is_posted(&owner, lane, 0)), [false, true, false], "the one ahead is told");
}

#[test]
fn only_metadata_changed_is_a_commit_too() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    owe(&mut ledger, &owner, 101, &[1]);
    ledger.read(&owner, 102);
    settle(&mut ledger, &owner, 101, 1);
    let first = ledger.commits(at(0));
    assert_eq!(first[0].offset, 100);
    ledger.committed(&[(owner.partition.clone(), 100)]);
    assert_eq!(ledger.commits(at(60_000)), [], "nothing new");
    assert!(ledger.is_said(&owner, ledger.settlements(&owner)));
}

#[test]
fn foreign_and_damaged_metadata_is_refused_and_owes_everything() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 200);
    settle(&mut ledger, &owner, 100, 0);
    let good = ledger.commit_of(&owner).unwrap().metadata;
    for (text, error) in [
        ("consumer-1 was here", MetadataError::Foreign),
        ("rb2.AAAA.AAAA", MetadataError::Foreign),
        (&good[..good.len() - 1], MetadataError::Damaged),
        (&good.replacen("rb1.", "rb1.A", 1), MetadataError::Damaged),
    ] {
        let mut next = empty(&["a", "b", "c"], BYTES);
        assert_eq!(next.assign(&owner, 100, Some(text)), Err(error), "{text}");
        assert!(next.owns(&owner) && !next.is_posted(&owner, 0, 100));
    }
}

#[test]
fn what_was_said_of_a_log_that_was_replaced_means_nothing() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 200);
    settle(&mut ledger, &owner, 100, 0);
    let commit = ledger.commit_of(&owner).unwrap();
    let mut next = empty(&["a", "b", "c"], BYTES);
    next.assign(&owner, 0, Some(&commit.metadata)).unwrap();
    assert!(!next.is_posted(&owner, 0, 5));
}

#[test]
fn a_digest_of_a_million_records_is_one_run() {
    let (mut ledger, owner) = ledger();
    for offset in 0..1_000_000 {
        // Every third record is another lane's.
        ledger.owe(&owner, usize::from(offset % 3 == 0), 100 + offset, Group(1));
    }
    let lane = &ledger.logs[&owner.partition].lanes[0];
    assert!(format!("{lane:?}").len() < 1000, "{lane:?}");
    ledger.read(&owner, 2_000_000);
    ledger.settle(&owner, 0, &(100..=1_000_099), Group(1));
    ledger.settle(&owner, 1, &(100..=1_000_099), Group(1));
    assert_eq!(offsets(ledger.commits(at(0))), [2_000_000]);
}

#[test]
fn rows_that_change_in_turns_are_kept_in_bounded_memory_and_never_committed_past() {
    let (mut ledger, owner) = ledger();
    // Two rows that fold, a million changes: no run is longer than one record.
    for offset in 0..1_000_000_i64 {
        ledger.owe(&owner, 0, 100 + offset, Group(offset as u64 % 2));
    }
    ledger.read(&owner, 2_000_000);
    assert!(format!("{:?}", ledger.logs[&owner.partition].lanes[0]).len() < 200 * lane::RUNS_MAX);
    ledger.settle(&owner, 0, &(101..=1_000_099), Group(1));
    assert_eq!(offsets(ledger.commits(at(0))), [100], "the other row is still owed");
    assert!(ledger.overflow() > 0, "what cannot be told is counted");
    ledger.committed(&[(owner.partition.clone(), 100)]);
    ledger.settle(&owner, 0, &(100..=1_000_098), Group(0));
    assert_eq!(offsets(ledger.commits(at(20))), [2_000_000]);
}
