//! What commits have to do with what is posted next.

use super::*;

#[test]
fn a_lane_with_two_accepted_posts_waits_for_their_commit() {
    let mut outbox = outbox(1000, 1000, 4);
    for offset in 0..10 {
        outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    outbox.read(&owner(0), 10);
    for _ in 0..2 {
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        outbox.settle(lane, id, Outcome::Delivered, at(0));
    }
    assert_eq!(next(&mut outbox, at(60_000)), None, "while no commit says so");
    assert_eq!(outbox.status(at(0))[0].waiting.map(|(reason, _)| reason), Some(WaitReason::Commit));
    assert_eq!(outbox.commits(at(0)).len(), 1);
    outbox.committed(&[]);
    assert_eq!(next(&mut outbox, at(60_000)), None, "nor while commits fail");
    assert_eq!(outbox.commits(at(60_000)).len(), 1);
    outbox.committed(&[(owner(0).partition, 2)]);
    assert!(next(&mut outbox, at(60_000)).is_some());
}

#[test]
fn what_a_crash_may_repeat_is_three_posts_or_as_many_as_may_be_on_the_wire() {
    for (in_flight, most) in [(1, 1), (2, 2), (3, 2), (4, 3), (8, 7)] {
        let mut outbox = outbox(1000, 1000, in_flight);
        for offset in 0..20 {
            outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
        }
        outbox.read(&owner(0), 20);
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        outbox.settle(lane, id, Outcome::Delivered, at(0));
        let beside = std::iter::from_fn(|| next(&mut outbox, at(0))).count();
        assert_eq!(beside, most, "beside an accepted one that is not committed, of {in_flight}");
        assert!(!outbox.is_empty() && outbox.wake_at().is_some());
        commit(&mut outbox, at(0));
        assert_eq!(std::iter::from_fn(|| next(&mut outbox, at(0))).count(), in_flight - most);
    }
}

#[test]
fn what_the_metadata_says_was_posted_is_not_offered_again() {
    let lanes = || [settings(100, 100, 4), LaneSettings { name: "down".into(), ..settings(100, 1, 1) }];
    let mut first = with_lanes(lanes());
    for offset in 0..3 {
        first.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
        first.offer(1, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    first.read(&owner(0), 3);
    let mut said = None;
    while let Some((lane, id)) = next(&mut first, at(0)) {
        let outcome = if lane == 0 { Outcome::Delivered } else { Outcome::Blocked };
        first.settle(lane, id, outcome, at(0));
        said = first.commit_of(&owner(0)).or(said);
        commit(&mut first, at(0));
    }
    let said = said.unwrap();
    assert_eq!(said.offset, 0, "the lane that is down holds it");
    let mut second = with_lanes(lanes());
    let owner = Owner { epoch: 2, ..owner(0) };
    second.assign(&owner, said.offset, Some(&said.metadata)).unwrap();
    for offset in 0..3 {
        let again = || Notice { owner: owner.clone(), ..notice(offset, "x", Priority::Normal) };
        assert!(!second.offer(0, again(), at(0)), "{offset} was posted");
        assert!(second.offer(1, again(), at(0)), "{offset} is owed");
    }
}
