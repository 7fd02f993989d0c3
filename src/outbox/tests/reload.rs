//! Destinations that come, go, change and pause while notices are pending.

use super::*;

fn named(name: &str, per_second: u32) -> LaneSettings {
    LaneSettings { name: name.into(), ..settings(per_second, 1, 1) }
}

fn offer(outbox: &mut TestBox, lane: LaneId, offset: i64) {
    let row = format!("row {offset}");
    outbox.offer(lane, notice(offset, &row, Priority::Normal), at(0));
}

/// Everything that removed destinations will not get: the offsets of what is told one by one, and how many changes are
/// counted.
fn leftovers(outbox: &mut TestBox) -> (Vec<i64>, u64, Vec<Owed>) {
    let (mut offsets, mut counted, mut all) = (Vec::new(), 0, Vec::new());
    while let Some((left, owed)) = outbox.leftover() {
        match left {
            Leftover::One(notice) => offsets.push(*notice.offsets.start()),
            Leftover::Counted(_, changes) => counted += changes,
        }
        all.push(owed);
    }
    (offsets, counted, all)
}

fn committed(outbox: &TestBox) -> i64 {
    outbox.ledger().positions()[0].committed
}

#[test]
fn what_a_removed_destination_had_pending_is_settled_by_its_dead_letters() {
    let mut outbox = with_lanes([named("gone", 1), named("stays", 1)]);
    for offset in 1..4 {
        offer(&mut outbox, 0, offset);
    }
    outbox.read(&owner(0), 10);
    let (lane, flying) = next(&mut outbox, at(0)).unwrap();
    outbox.remove_lane(0);
    assert_eq!(next(&mut outbox, at(60_000)), None, "nothing more is posted there");
    let (offsets, _, owed) = leftovers(&mut outbox);
    assert_eq!(offsets, [2, 3], "the first is on the wire");
    commit(&mut outbox, at(10));
    assert_eq!(committed(&outbox), 1);
    assert!(matches!(settle(&mut outbox, lane, flying, Outcome::Retry { after: None }, at(20)), Settled::Pending));
    let (offsets, _, last) = leftovers(&mut outbox);
    assert_eq!(offsets, [1], "what failed meanwhile is not tried again");
    owed.iter().chain(&last).for_each(|owed| outbox.lettered(owed));
    commit(&mut outbox, at(100));
    assert_eq!(committed(&outbox), 10);
    assert!(!outbox.has_lane(0) && outbox.has_lane(1));
    assert_eq!(outbox.leftover().map(|(_, owed)| owed), None);
}

#[test]
fn a_removed_destinations_digests_are_told_by_their_rows_and_counts() {
    let digests = LaneSettings { digest: Some(AFTER), ..named("gone", 1) };
    let mut outbox = with_lanes([digests]);
    for offset in 0..1_000 {
        offer(&mut outbox, 0, offset);
    }
    outbox.read(&owner(0), 1_000);
    let (lane, id) = next(&mut outbox, at(40_000)).unwrap();
    assert!(matches!(outbox.post(lane, id), Some(Post::Many(_))));
    for offset in 1_000..1_500 {
        offer(&mut outbox, 0, offset);
    }
    outbox.read(&owner(0), 1_500);
    outbox.remove_lane(0);
    let (offsets, counted, owed) = leftovers(&mut outbox);
    assert_eq!((offsets.len(), counted), (LINES_MAX, 500 - LINES_MAX as u64), "the open one alone");
    settle(&mut outbox, lane, id, Outcome::Unknown, at(41_000));
    let (offsets, counted, more) = leftovers(&mut outbox);
    assert_eq!((offsets.len(), counted), (LINES_MAX, 1_000 - LINES_MAX as u64));
    owed.iter().chain(&more).for_each(|owed| outbox.lettered(owed));
    commit(&mut outbox, at(42_000));
    assert_eq!(committed(&outbox), 1_500);
    assert!(!outbox.has_lane(0));
}

#[test]
fn a_post_to_a_removed_destination_that_is_accepted_is_settled_as_ever() {
    let mut outbox = with_lanes([named("gone", 1)]);
    offer(&mut outbox, 0, 1);
    outbox.read(&owner(0), 2);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    outbox.remove_lane(0);
    assert!(outbox.has_lane(0), "its answer is awaited");
    assert!(matches!(settle(&mut outbox, lane, id, Outcome::Delivered, at(5)), Settled::Delivered(_)));
    assert_eq!(committed(&outbox), 2);
    assert!(!outbox.has_lane(0));
}

#[test]
fn a_new_destination_begins_where_reading_is_and_may_get_the_number_of_one_that_is_gone() {
    let mut outbox = with_lanes([named("a", 1), named("b", 1)]);
    offer(&mut outbox, 0, 1);
    outbox.read(&owner(0), 10);
    let c = outbox.add_lane(named("c", 1));
    let was_owed = outbox.offer(c, notice(9, "row", Priority::Normal), at(0));
    assert!(!was_owed, "judged before its time");
    assert!(outbox.offer(c, notice(10, "row", Priority::Normal), at(0)));
    outbox.remove_lane(1);
    let d = outbox.add_lane(named("d", 1));
    assert_eq!((d, outbox.has_lane(c)), (1, true));
    outbox.owe_letter(&owner(0), 11).expect("the dead letters' lane is where it was");
    outbox.read(&owner(0), 12);
    let (lane, first) = next(&mut outbox, at(0)).unwrap();
    assert_eq!((lane, next(&mut outbox, at(0))), (0, None), "where the other begins is not committed");
    settle(&mut outbox, lane, first, Outcome::Delivered, at(0));
    let (lane, second) = next(&mut outbox, at(0)).unwrap();
    assert_eq!(lane, c);
    settle(&mut outbox, lane, second, Outcome::Delivered, at(0));
    assert_eq!(committed(&outbox), 11, "the dead letter is not written");
}

#[test]
fn a_new_pace_counts_at_once_and_pending_notices_stay() {
    let mut outbox = with_lanes([settings(1, 1, 1)]);
    (1..=3).for_each(|offset| offer(&mut outbox, 0, offset));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    assert_eq!(next(&mut outbox, at(1)), None);
    outbox.change_lane(0, settings(100, 1, 1), false, at(2));
    let (lane, id) = next(&mut outbox, at(2)).expect("the new bucket is full");
    assert_eq!(one(outbox.post(lane, id)).offsets, 2..=2);
    settle(&mut outbox, lane, id, Outcome::Delivered, at(3));
    assert_eq!(next(&mut outbox, at(3)), None);
    assert!(next(&mut outbox, at(13)).is_some());
}

#[test]
fn a_destinations_own_delay_outlives_new_settings_but_not_a_new_address() {
    let mut outbox = outbox(100, 1, 1);
    offer(&mut outbox, 0, 1);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Retry { after: Some(60 * SECOND) }, at(0));
    outbox.change_lane(0, settings(50, 1, 1), false, at(1_000));
    outbox.probe(0, at(1_000));
    assert_eq!(next(&mut outbox, at(59_999)), None);
    outbox.change_lane(0, settings(50, 1, 1), true, at(2_000));
    assert!(next(&mut outbox, at(2_000)).is_some());
}

#[test]
fn what_was_on_the_wire_to_the_old_address_says_nothing_of_the_new_one() {
    let mut outbox = outbox(100, 10, 2);
    (1..=3).for_each(|offset| offer(&mut outbox, 0, offset));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    outbox.change_lane(0, settings(100, 10, 2), true, at(10));
    settle(&mut outbox, lane, id, Outcome::Blocked, at(20));
    assert!(outbox.status(at(20))[0].up);
    assert!(next(&mut outbox, at(20)).is_some(), "the new one is not held");
}

#[test]
fn a_blocked_destination_is_tried_at_once_when_somebody_asks() {
    let mut outbox = outbox(100, 10, 1);
    offer(&mut outbox, 0, 1);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Blocked, at(0));
    assert_eq!(next(&mut outbox, at(1_000)), None);
    outbox.probe(0, at(1_000));
    assert!(!outbox.status(at(1_000))[0].up, "it has to prove itself");
    let (lane, id) = next(&mut outbox, at(1_000)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Delivered, at(1_100));
    assert!(outbox.status(at(1_100))[0].up);
}

#[test]
fn digests_switched_off_are_posted_before_later_changes_of_their_rows() {
    let mut outbox = with_lanes([LaneSettings { digest: Some(AFTER), ..settings(1, 1, 1) }]);
    (0..60).for_each(|offset| offer(&mut outbox, 0, offset));
    outbox.change_lane(0, settings(1, 1, 1), false, at(10));
    outbox.offer(0, notice(60, "other", Priority::Normal), at(10));
    let mut kinds = Vec::new();
    let mut now = at(10);
    while !outbox.is_empty() {
        match next(&mut outbox, now) {
            Some((lane, id)) => match settle(&mut outbox, lane, id, Outcome::Delivered, now) {
                Settled::Delivered(Post::One(_)) => kinds.push("one"),
                Settled::Delivered(Post::Many(_)) => kinds.push("many"),
                other => panic!("{other:?}"),
            },
            None => now = outbox.wake_at().expect("something is pending"),
        }
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == "many").count(), 1, "{kinds:?}");
    assert!(now < at(5_000), "it does not wait for its time: {now:?}");
}

#[test]
fn digests_switched_on_take_in_what_is_pending() {
    let mut outbox = with_lanes([settings(1, 1, 1)]);
    (0..100).for_each(|offset| offer(&mut outbox, 0, offset));
    outbox.change_lane(0, LaneSettings { digest: Some(AFTER), ..settings(1, 1, 1) }, false, at(10));
    let (lane, id) = next(&mut outbox, at(10)).unwrap();
    assert_eq!(many(outbox.post(lane, id)).changes(), 100);
}

#[test]
fn a_paused_lane_holds_what_is_pending_and_says_so() {
    let mut outbox = with_lanes([named("a", 100), named("b", 100)]);
    offer(&mut outbox, 0, 1);
    outbox.offer(0, notice(2, "urgent", Priority::Critical), at(0));
    offer(&mut outbox, 1, 3);
    outbox.read(&owner(0), 4);
    outbox.pause(0, true);
    assert_eq!(outbox.status(at(0))[0].waiting.map(|(reason, _)| reason), Some(WaitReason::Paused));
    let (lane, id) = next(&mut outbox, at(0)).expect("the other one is not paused");
    assert_eq!(lane, 1);
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    assert_eq!((next(&mut outbox, at(60_000)), committed(&outbox)), (None, 1));
    // Only a commit may wake it.
    assert_eq!(outbox.wake_at(), outbox.ledger().commit_due());
    outbox.pause(0, false);
    assert_eq!(deliver_all(&mut outbox, at(60_000)), [2, 1]);
}
