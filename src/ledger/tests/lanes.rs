//! Lanes that come and go.

use super::*;

#[test]
fn a_lane_that_comes_begins_where_reading_is_also_after_a_restart() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    ledger.read(&owner, 150);
    let new = ledger.add_lane(LaneKey::of("new"));
    assert!(ledger.is_posted(&owner, new, 149) && !ledger.is_posted(&owner, new, 150));
    owe(&mut ledger, &owner, 160, &[new]);
    ledger.read(&owner, 170);
    let (next, commit) = resumed(&mut ledger, &owner, &["a", "b", "c", "new"]);
    assert_eq!(commit.offset, 100);
    let first_owed = |lane| (0..).find(|offset| !next.is_posted(&owner, lane, *offset)).unwrap();
    assert_eq!([0, 1, 3].map(first_owed), [100, 170, 160]);
}

#[test]
fn a_lane_that_goes_holds_the_commit_and_is_not_told() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[0]);
    owe(&mut ledger, &owner, 110, &[0, 1]);
    ledger.read(&owner, 120);
    settle(&mut ledger, &owner, 110, 0);
    ledger.drop_lane(0);
    let (next, commit) = resumed(&mut ledger, &owner, &["a", "b", "c"]);
    assert_eq!(commit.offset, 100, "its dead letter is not written");
    assert!(next.is_posted(&owner, 0, 119), "whoever is called so later is new: it begins at the highest watermark");
    assert!(ledger.owes(0));
    settle(&mut ledger, &owner, 100, 0);
    assert!(!ledger.owes(0));
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 110);
}

#[test]
fn a_number_that_is_free_says_nothing_of_the_lane_that_had_it() {
    let (mut ledger, owner) = ledger();
    owe(&mut ledger, &owner, 100, &[1]);
    ledger.read(&owner, 110);
    settle(&mut ledger, &owner, 100, 1);
    ledger.drop_lane(1);
    ledger.free_lane(1);
    ledger.read(&owner, 120);
    assert_eq!(ledger.add_lane(LaneKey::of("new")), 1);
    assert_eq!(ledger.add_lane(LaneKey::of("more")), 3, "no other is free");
    assert!(ledger.is_posted(&owner, 1, 119) && !ledger.is_posted(&owner, 1, 120));
    let other = Owner { partition: Partition { topic: "t".into(), number: 1 }, epoch: 1 };
    ledger.assign(&other, 7, None).unwrap();
    owe(&mut ledger, &other, 7, &[1, 3]);
    assert!(ledger.owes(1) && ledger.owes(3));
}
