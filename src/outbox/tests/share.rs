//! A rate that replicas share.

use super::*;

/// Posts within so many milliseconds, each accepted at once.
fn posts(outbox: &mut TestBox, ms: std::ops::Range<u64>) -> usize {
    let mut posts = 0;
    for now in ms.map(at) {
        while let Some((lane, id)) = next(outbox, now) {
            settle(outbox, lane, id, Outcome::Delivered, now);
            posts += 1;
        }
        commit(outbox, now);
    }
    posts
}

fn backlog(outbox: &mut TestBox, lane: LaneId) {
    for offset in 0..500 {
        outbox.offer(lane, notice(offset, &format!("row {lane} {offset}"), Priority::Normal), at(0));
    }
}

#[test]
fn a_replica_posts_as_much_of_the_rate_as_it_owns_of_the_partitions() {
    let mut outbox = outbox(10, 1, 1);
    backlog(&mut outbox, 0);
    // Nobody has said how many there are.
    assert_eq!(posts(&mut outbox, 0..2_000), 20);
    outbox.set_partitions(8);
    assert_eq!(posts(&mut outbox, 2_000..10_000), 20, "two of eight");
    outbox.assign(&owner(2), 0, None).unwrap();
    outbox.assign(&owner(3), 0, None).unwrap();
    assert_eq!(posts(&mut outbox, 10_000..14_000), 20, "four of eight");
    outbox.release(&owner(2));
    outbox.release(&owner(3));
    outbox.set_partitions(4);
    assert_eq!(posts(&mut outbox, 14_000..18_000), 20, "two of four");
}

#[test]
fn a_larger_share_is_used_at_once() {
    let mut outbox = outbox(1, 1, 1);
    backlog(&mut outbox, 0);
    outbox.set_partitions(20);
    assert_eq!(posts(&mut outbox, 0..2_000), 1, "the next may come in ten seconds");
    outbox.set_partitions(2);
    assert_eq!(posts(&mut outbox, 2_000..2_900), 1, "a fifth of a post is there");
}

#[test]
fn destinations_of_one_bucket_share_the_share() {
    let first = settings(10, 1, 1);
    let second = LaneSettings { name: "second".into(), bucket: Arc::clone(&first.bucket), ..settings(10, 1, 1) };
    let mut outbox = with_lanes([first, second]);
    backlog(&mut outbox, 0);
    backlog(&mut outbox, 1);
    outbox.set_partitions(4);
    assert_eq!(posts(&mut outbox, 0..4_000), 20);
}

#[test]
fn a_destination_that_is_new_or_paced_anew_gets_its_share_too() {
    let mut outbox = outbox(10, 1, 1);
    outbox.set_partitions(4);
    outbox.change_lane(0, settings(20, 1, 1), false, at(0));
    let lane = outbox.add_lane(LaneSettings { name: "new".into(), ..settings(40, 1, 1) });
    commit(&mut outbox, at(0));
    backlog(&mut outbox, 0);
    assert_eq!(posts(&mut outbox, 0..2_000), 20);
    for offset in 500..700 {
        outbox.offer(lane, notice(offset, &format!("row {offset}"), Priority::Normal), at(2_000));
    }
    let both = posts(&mut outbox, 2_000..4_000);
    assert!((59..=61).contains(&both), "20 and 40, and what one of them had saved: {both}");
}

#[test]
fn a_smaller_share_makes_a_storm_of_less() {
    for (partitions, digested) in [(2, false), (20, true)] {
        let mut outbox = with_lanes([LaneSettings { digest: Some(SECOND * 30), ..settings(10, 1, 1) }]);
        for offset in 0..100 {
            outbox.offer(0, notice(offset, &format!("row {offset}"), Priority::Normal), at(0));
        }
        outbox.set_partitions(partitions);
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        let is_digest = matches!(outbox.post(lane, id), Some(Post::Many(_)));
        assert_eq!(is_digest, digested, "100 changes, and two of {partitions} partitions' share of 10/s");
    }
}
