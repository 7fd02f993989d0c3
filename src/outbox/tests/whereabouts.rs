//! Where a record's posts are.

use super::*;

fn of(outbox: &TestBox, offset: i64) -> Whereabouts {
    outbox.whereabouts(&owner(0).partition, offset).unwrap()[0].1
}

fn alone(first: i64, changes: u64, attempts: u32, in_flight: bool, behind: bool) -> Whereabouts {
    Whereabouts::Alone(Single { first, changes, attempts, in_flight, behind })
}

fn step(offset: i64, row: &str, from: i64, to: i64) -> Notice<Step> {
    let content = Step { from, to, weight: 0, bytes: 0 };
    Notice::new(owner(0), offset, RowKey(row.as_bytes().into()), Priority::Normal, content, at(0))
}

#[test]
fn a_notice_is_found_from_its_reading_to_its_acceptance() {
    let mut outbox = with_lanes([LaneSettings { fold: true, ..settings(100, 1, 1) }]);
    assert_eq!(outbox.whereabouts(&Partition { topic: "other".into(), number: 0 }, 1), None);
    assert_eq!(of(&outbox, 1), Whereabouts::Unread);
    outbox.offer(0, step(1, "a", 1, 2), at(0));
    outbox.offer(0, step(2, "b", 1, 2), at(0));
    outbox.read(&owner(0), 4);
    assert_eq!(of(&outbox, 3), Whereabouts::Settled, "it owed nothing");
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    outbox.offer(0, step(4, "a", 2, 3), at(0));
    outbox.offer(0, step(5, "a", 3, 4), at(0));
    outbox.read(&owner(0), 6);
    assert_eq!(of(&outbox, 1), alone(1, 1, 1, true, false));
    assert_eq!(of(&outbox, 2), alone(2, 1, 0, false, false));
    assert_eq!([4, 5].map(|offset| of(&outbox, offset)), [alone(4, 2, 0, false, true); 2], "folded, behind its row");
    settle(&mut outbox, lane, id, Outcome::Retry { after: None }, at(0));
    assert_eq!(of(&outbox, 1), alone(1, 1, 1, false, false));
    let (lane, id) = next(&mut outbox, at(10_000)).unwrap();
    assert!(matches!(settle(&mut outbox, lane, id, Outcome::Rejected, at(10_000)), Settled::GivenUp(..)));
    assert_eq!(of(&outbox, 1), Whereabouts::Letter);
}

#[test]
fn a_change_in_a_digest_is_shown_or_counted() {
    let mut outbox = with_lanes([LaneSettings { digest: Some(30 * SECOND), ..settings(1, 1, 1) }]);
    for offset in 0..100 {
        outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    outbox.read(&owner(0), 100);
    let digest = |outbox: &TestBox, offset| match of(outbox, offset) {
        Whereabouts::Digest(many) => many,
        other => panic!("{other:?}"),
    };
    let shown = |outbox: &TestBox| (0..100).filter(|offset| digest(outbox, *offset).shown).count();
    assert_eq!((shown(&outbox), digest(&outbox, 99).changes, digest(&outbox, 99).in_flight), (LINES_MAX, 100, false));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    assert_eq!((shown(&outbox), digest(&outbox, 99).in_flight, digest(&outbox, 99).attempts), (LINES_MAX, true, 1));
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    assert_eq!(of(&outbox, 99), Whereabouts::Settled);
}

#[test]
fn a_record_that_cannot_be_read_is_found_in_the_lane_of_dead_letters() {
    let mut outbox = outbox(1, 1, 1);
    let owed = outbox.owe_letter(&owner(0), 3).unwrap();
    outbox.read(&owner(0), 4);
    let places = outbox.whereabouts(&owner(0).partition, 3).unwrap();
    assert_eq!(places, [(0, Whereabouts::Settled), (1, Whereabouts::Letter)]);
    assert!(outbox.is_letters(1));
    outbox.lettered(&owed);
    assert_eq!(outbox.whereabouts(&owner(0).partition, 3).unwrap()[1].1, Whereabouts::Settled);
}

#[test]
fn what_was_let_go_for_want_of_memory_is_known_to_wait() {
    let mut outbox = with_lanes([LaneSettings { share_bytes: 1, ..settings(1, 1, 1) }]);
    for offset in 1..=2 {
        outbox.offer(0, Notice { bytes: 100, ..notice(offset, &offset.to_string(), Priority::Normal) }, at(0));
    }
    outbox.read(&owner(0), 3);
    assert_eq!([1, 2].map(|offset| of(&outbox, offset)), [alone(1, 1, 0, false, false), Whereabouts::LetGo]);
}
