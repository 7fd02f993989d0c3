//! What a commit says, and how it is moved.

use super::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

fn keys(names: &[&str]) -> Vec<LaneKey> {
    names.iter().map(|name| LaneKey::of(name)).collect()
}

/// Lane a owes 100 and has settled 103 to 107 and 110, lane b owes 107, lane c owes nothing below 120.
fn standing(names: &[&str]) -> Standing {
    let (mut ledger, owner) = ledger();
    for offset in [100, 103, 107, 110] {
        owe(&mut ledger, &owner, offset, &[0, 1]);
    }
    ledger.read(&owner, 120);
    for (offset, lane) in [(103, 0), (107, 0), (110, 0), (100, 1), (103, 1)] {
        settle(&mut ledger, &owner, offset, lane);
    }
    let commit = ledger.commit_of(&owner).unwrap();
    let (standing, error) = Standing::read(owner.partition, commit.offset, &commit.metadata, &keys(names));
    assert_eq!(error, None);
    standing
}

fn lanes(standing: &Standing) -> Vec<(i64, Vec<(i64, i64)>)> {
    standing.lanes.iter().map(|lane| (lane.watermark, lane.runs.clone())).collect()
}

/// What the next start makes of it: per lane the offsets that it would be offered.
fn offered(standing: &Standing) -> Vec<Vec<i64>> {
    let mut next = empty(&NAMES, BYTES);
    let (metadata, left_out) = standing.metadata(BYTES);
    assert_eq!(left_out, 0);
    next.assign(&owner(9), standing.committed, Some(&metadata)).unwrap();
    let offsets =
        |lane| (95..=110).filter(|o| *o >= standing.committed && !next.is_posted(&owner(9), lane, *o)).collect();
    (0..3).map(offsets).collect()
}

#[test]
fn a_commit_is_read_as_a_start_would_read_it() {
    let standing = standing(&["a", "b", "new"]);
    assert_eq!(standing.committed, 100);
    let told: Vec<_> = standing.lanes.iter().map(|lane| lane.told).collect();
    assert_eq!(told, [true, true, true, false]);
    let all = standing.lane(LaneKey::of("a")).unwrap();
    assert_eq!((all.watermark, &*all.runs), (100, &[(103, 110)][..]), "between two that were posted nothing is owed");
    assert!(all.is_settled(104) && !all.is_settled(102) && all.is_settled(99));
    assert_eq!(standing.lane(LaneKey::of("b")).unwrap().watermark, 107);
    assert_eq!(standing.lane(LaneKey::of("new")).unwrap().watermark, 120, "the highest that is known");
}

#[test]
fn skipping_one_lane_leaves_the_others_where_they_are() {
    let mut standing = standing(&NAMES);
    standing.skip(Some(LaneKey::of("b")), 109);
    assert_eq!(standing.committed, 100, "a still owes");
    assert_eq!(standing.lane(LaneKey::of("b")).unwrap().watermark, 109);
    assert_eq!(offered(&standing), [vec![100, 101, 102], vec![109, 110], vec![]]);
    standing.skip(Some(LaneKey::of("a")), 102);
    assert_eq!(standing.committed, 102, "the one that held it");
    standing.skip(Some(LaneKey::of("a")), 103);
    assert_eq!(
        (standing.committed, lanes(&standing).contains(&(111, vec![]))),
        (109, true),
        "with the run that follows"
    );
}

#[test]
fn skipping_all_moves_the_commit_and_what_lies_beyond_stays_posted() {
    let mut standing = standing(&NAMES);
    standing.skip(None, 105);
    assert_eq!(standing.committed, 107, "all have settled up to there");
    assert_eq!(offered(&standing), [vec![], vec![107, 108, 109, 110], vec![]]);
    standing.skip(None, 50);
    assert_eq!(standing.committed, 107, "never back");
}

#[test]
fn metadata_that_says_nothing_leaves_every_lane_at_the_commit() {
    for (metadata, expected) in [("", None), ("somebody else's", Some(MetadataError::Foreign))] {
        let (standing, error) = Standing::read(owner(1).partition, 70, metadata, &keys(&NAMES));
        assert_eq!(error, expected);
        assert_eq!(lanes(&standing), vec![(70, vec![]); 3]);
    }
}
