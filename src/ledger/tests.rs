use super::*;

fn ledger() -> (Ledger, Owner) {
    let mut ledger = Ledger::new(Duration::from_millis(20));
    let owner = Owner { partition: Partition { topic: "t".into(), number: 0 }, epoch: 1 };
    ledger.assign(&owner, 100);
    (ledger, owner)
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_later_success_never_carries_the_commit_over_an_earlier_failure() {
    let (mut ledger, owner) = ledger();
    ledger.owe(&owner, 103, vec![0]);
    ledger.owe(&owner, 107, vec![0]);
    ledger.read(&owner, 110);
    ledger.settle(&owner, 107, 0);
    assert_eq!(ledger.commits(at(0)), [Commit { owner: owner.clone(), offset: 103 }]);
    ledger.committed(&[(owner.partition.clone(), 103)]);
    assert_eq!(ledger.commits(at(60_000)), []);
    ledger.settle(&owner, 103, 0);
    assert_eq!(ledger.commits(at(60_100)), [Commit { owner, offset: 110 }]);
}

#[test]
fn a_record_is_settled_when_every_lane_is() {
    let (mut ledger, owner) = ledger();
    ledger.owe(&owner, 100, vec![0, 2]);
    ledger.read(&owner, 101);
    ledger.settle(&owner, 100, 2);
    ledger.settle(&owner, 100, 2);
    assert_eq!(ledger.commits(at(0)), []);
    ledger.settle(&owner, 100, 0);
    assert_eq!(ledger.commits(at(0)), [Commit { owner, offset: 101 }]);
}

#[test]
fn commits_go_one_at_a_time_and_not_too_often() {
    let (mut ledger, owner) = ledger();
    for offset in 100..103 {
        ledger.owe(&owner, offset, vec![0]);
        ledger.read(&owner, offset + 1);
    }
    ledger.settle(&owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    ledger.settle(&owner, 101, 0);
    assert_eq!(ledger.commits(at(500)), [], "one in flight at a time");
    ledger.committed(&[(owner.partition.clone(), 101)]);
    assert_eq!(ledger.commits(at(10)), [], "not before the interval is over");
    assert_eq!(ledger.commit_due(), Some(at(20)));
    assert_eq!(ledger.commits(at(20)), [Commit { owner, offset: 102 }]);
}

#[test]
fn records_that_owe_nothing_are_committed_at_leisure() {
    let (mut ledger, owner) = ledger();
    ledger.read(&owner, 101);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    ledger.committed(&[(owner.partition.clone(), 101)]);
    ledger.read(&owner, 5_000);
    assert_eq!(ledger.commits(at(100)), []);
    assert_eq!(ledger.commits(IDLE_COMMIT), [Commit { owner, offset: 5_000 }]);
}

#[test]
fn a_failed_commit_is_tried_again() {
    let (mut ledger, owner) = ledger();
    ledger.owe(&owner, 100, vec![0]);
    ledger.read(&owner, 101);
    ledger.settle(&owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    ledger.committed(&[]);
    assert_eq!(ledger.commits(at(20)), [], "not at once: what failed now fails in 20 ms, too");
    assert_eq!(ledger.commits(at(100)), [Commit { owner, offset: 101 }]);
}

#[test]
fn commits_that_go_on_failing_come_ever_more_seldom_and_recover_at_once() {
    let (mut ledger, owner) = ledger();
    ledger.owe(&owner, 100, vec![0]);
    ledger.read(&owner, 101);
    ledger.settle(&owner, 100, 0);
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
    ledger.owe(&owner, 101, vec![0]);
    ledger.read(&owner, 102);
    ledger.settle(&owner, 101, 0);
    assert_eq!(ledger.commits(at(70_020)), [Commit { owner, offset: 102 }]);
}

#[test]
fn a_commit_that_never_comes_back_does_not_end_all_commits() {
    let (mut ledger, owner) = ledger();
    ledger.owe(&owner, 100, vec![0]);
    ledger.read(&owner, 101);
    ledger.settle(&owner, 100, 0);
    assert_eq!(ledger.commits(at(0)).len(), 1);
    assert_eq!(ledger.commit_due(), Some(COMMIT_LOST), "so that somebody wakes up then");
    assert_eq!(ledger.commits(COMMIT_LOST - at(1)), []);
    assert_eq!(ledger.commits(COMMIT_LOST), [Commit { owner, offset: 101 }]);
}

#[test]
fn an_answer_for_an_earlier_assignment_says_nothing_about_this_one() {
    let (mut ledger, old) = ledger();
    ledger.owe(&old, 100, vec![0]);
    ledger.read(&old, 900);
    ledger.settle(&old, 100, 0);
    assert_eq!(ledger.commits(at(0)), [Commit { owner: old.clone(), offset: 900 }]);
    // The log was replaced meanwhile and begins at 0 again.
    let new = Owner { epoch: 2, ..old.clone() };
    ledger.assign(&new, 0);
    ledger.committed(&[(old.partition.clone(), 900)]);
    ledger.owe(&new, 5, vec![0]);
    ledger.read(&new, 6);
    ledger.settle(&new, 5, 0);
    assert_eq!(ledger.commits(at(20)), [Commit { owner: new, offset: 6 }], "not held back until 900");
}

#[test]
fn what_an_earlier_assignment_owed_settles_nothing() {
    let (mut ledger, old) = ledger();
    ledger.owe(&old, 100, vec![0]);
    ledger.release(&old);
    let new = Owner { epoch: 2, ..old.clone() };
    ledger.assign(&new, 100);
    ledger.owe(&new, 100, vec![0]);
    ledger.read(&new, 101);
    ledger.settle(&old, 100, 0);
    ledger.committed(&[(old.partition.clone(), 999)]);
    assert_eq!(ledger.commits(at(0)), []);
    assert!(!ledger.owns(&old));
    assert!(ledger.owns(&new));
}
