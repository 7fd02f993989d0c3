//! After a standstill: are the partitions still ours?

use super::*;

fn asleep() -> TestBox {
    let mut outbox = with_lanes([settings(100, 10, 1), LaneSettings { name: "floor".into(), ..settings(100, 10, 1) }]);
    for lane in 0..2 {
        outbox.offer(lane, notice(1, "a", Priority::Critical), at(0));
    }
    outbox.read(&owner(0), 2);
    outbox.doubt();
    outbox
}

#[test]
fn after_a_standstill_nothing_is_posted_before_a_commit_of_every_partition() {
    let mut outbox = asleep();
    assert_eq!(next(&mut outbox, at(0)), None);
    assert_eq!(outbox.status(at(0))[0].waiting.map(|(reason, _)| reason), Some(WaitReason::Commit));
    let commits = outbox.commits(outbox.wake_at().unwrap());
    assert_eq!(commits.len(), 2, "also of the partition that has nothing new to say");
    outbox.committed(&[(owner(0).partition, 1)]);
    assert_eq!(next(&mut outbox, at(0)), None, "the group refused the other");
    commit(&mut outbox, at(10_000));
    assert!(next(&mut outbox, at(10_000)).is_some() && next(&mut outbox, at(10_000)).is_some());
}

#[test]
fn a_commit_that_was_sent_before_a_standstill_proves_nothing_after_it() {
    let mut outbox = with_lanes([settings(100, 10, 1)]);
    outbox.offer(0, notice(1, "a", Priority::Normal), at(0));
    outbox.offer(0, notice(2, "b", Priority::Normal), at(0));
    outbox.read(&owner(0), 3);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    outbox.settle(lane, id, Outcome::Delivered, at(0));
    let sent = outbox.commits(at(0));
    outbox.doubt();
    outbox.committed(&sent.into_iter().map(|commit| (commit.owner.partition, commit.offset)).collect::<Vec<_>>());
    assert_eq!(next(&mut outbox, at(60_000)), None);
    commit(&mut outbox, at(60_000));
    assert!(next(&mut outbox, at(60_000)).is_some());
}

#[test]
fn partitions_that_were_lost_meanwhile_are_in_doubt_no_more() {
    let mut outbox = asleep();
    for number in 0..2 {
        outbox.stop(&|lost| *lost == owner(number));
        outbox.release(&owner(number));
    }
    let again = Owner { epoch: 2, ..owner(0) };
    outbox.assign(&again, 1, None).unwrap();
    outbox.offer(0, Notice { owner: again, ..notice(1, "a", Priority::Normal) }, at(0));
    assert!(next(&mut outbox, at(0)).is_some());
}
