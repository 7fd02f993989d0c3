//! Lanes that let records go and read them again.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn let_go(ledger: &mut Ledger, owner: &Owner, offsets: impl IntoIterator<Item = i64>) {
    for offset in offsets {
        ledger.let_go(owner, 0, offset);
        ledger.read(owner, offset + 1);
    }
}

fn take_back(ledger: &mut Ledger, owner: &Owner, offset: i64) -> bool {
    ledger.owe_again(owner, 0, offset, Group(offset as u64))
}

#[test]
fn what_was_let_go_holds_the_commit_until_it_was_read_again_and_settled() {
    let (mut ledger, owner) = ledger();
    let_go(&mut ledger, &owner, [100, 103, 107]);
    assert_eq!(ledger.lag(&owner, 0), Some(100..108));
    assert_eq!(ledger.commit_of(&owner), None);
    assert!(take_back(&mut ledger, &owner, 100) && !take_back(&mut ledger, &owner, 100), "once");
    ledger.catch_up(&owner, 0, 103);
    settle(&mut ledger, &owner, 100, 0);
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 103);
    assert!(!take_back(&mut ledger, &owner, 100), "it is settled");
    assert!(take_back(&mut ledger, &owner, 103) && take_back(&mut ledger, &owner, 107));
    assert!(!take_back(&mut ledger, &owner, 108), "nobody has seen it");
    ledger.catch_up(&owner, 0, 108);
    assert_eq!(ledger.lag(&owner, 0), None);
    settle(&mut ledger, &owner, 107, 0);
    settle(&mut ledger, &owner, 103, 0);
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 108);
}

#[test]
fn nothing_is_said_of_what_lies_between_two_that_were_taken_in_out_of_turn() {
    let (mut ledger, owner) = ledger();
    let_go(&mut ledger, &owner, 100..120);
    for offset in [105, 110] {
        assert!(take_back(&mut ledger, &owner, offset));
    }
    // Both are settled together, as those of one row.
    ledger.regroup(&owner, 0, &(110..=110), Group(110), Group(105));
    ledger.settle(&owner, 0, &(105..=110), Group(105));
    let (next, commit) = resumed(&mut ledger, &owner, &["a", "b", "c"]);
    assert_eq!(commit.offset, 100);
    let owed: Vec<_> = (100..120).filter(|offset| !next.is_posted(&owner, 0, *offset)).collect();
    assert_eq!(owed, (100..120).filter(|offset| ![105, 110].contains(offset)).collect::<Vec<_>>());
    // Once everything before was read again, there is nothing in between any more.
    ledger.catch_up(&owner, 0, 110);
    ledger.catch_up(&owner, 0, 115);
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 115);
}

#[test]
fn out_of_turn_no_more_is_taken_in_than_can_be_told() {
    let (mut ledger, owner) = ledger();
    let_go(&mut ledger, &owner, 100..40_000);
    let mut taken = 0;
    for offset in (100..40_000).step_by(2) {
        if ledger.room(&owner, 0) == 0 {
            break;
        }
        assert!(take_back(&mut ledger, &owner, offset));
        settle(&mut ledger, &owner, offset, 0);
        taken += 1;
    }
    assert_eq!(taken, lane::RUNS_MAX);
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 100, "read again it goes on");
    ledger.catch_up(&owner, 0, 40_000);
    assert_eq!((ledger.commit_of(&owner).unwrap().offset, ledger.room(&owner, 0)), (40_000, lane::RUNS_MAX));
}

#[test]
fn what_is_given_up_is_settled_as_a_whole() {
    let (mut ledger, owner) = ledger();
    let_go(&mut ledger, &owner, 100..200);
    assert!(take_back(&mut ledger, &owner, 150));
    assert_eq!(ledger.give_up_lag(&owner, 0, Group(7)), Some(100..=199));
    settle(&mut ledger, &owner, 150, 0);
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 100);
    ledger.settle(&owner, 0, &(100..=199), Group(7));
    assert_eq!(ledger.commit_of(&owner).unwrap().offset, 200);
}

/// What happens to a lane of a partition, as the property below makes it up.
#[derive(Debug, Clone)]
enum Deed {
    Skip(u8),
    Owe,
    LetGo,
    OweNothing,
    TakeBack(u8),
    Settle(u8, u8),
    CatchUp(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        1 => (1..4_u8).prop_map(Deed::Skip),
        1 => Just(Deed::Owe),
        3 => Just(Deed::LetGo),
        1 => Just(Deed::OweNothing),
        2 => any::<u8>().prop_map(Deed::TakeBack),
        2 => (any::<u8>(), 1..4_u8).prop_map(|(which, count)| Deed::Settle(which, count)),
        1 => (1..9_u8).prop_map(Deed::CatchUp),
    ];
    prop::collection::vec(deed, 0..200)
}

proptest! {
    #[test]
    fn however_a_lane_lags_what_is_said_is_what_was_settled(deeds in deeds()) {
        let (mut before, owner) = (empty(&["a", "b"], BYTES), owner(1));
        before.assign(&owner, 0, None).unwrap();
        before.owe(&owner, 1, 0, Group(0));
        owe(&mut before, &owner, 1, &[0]);
        owe(&mut before, &owner, 20, &[0]);
        settle(&mut before, &owner, 20, 0);
        let (mut ledger, _) = resumed(&mut before, &owner, &["a", "b"]);
        ledger.owe(&owner, 1, 0, Group(0));
        let (mut let_go, mut owed, mut settled) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::from([20]));
        let mut next = 1;
        for deed in deeds {
            match deed {
                Deed::Skip(count) => next += i64::from(count),
                Deed::Owe | Deed::LetGo if ledger.is_posted(&owner, 0, next) => next += 1,
                Deed::Owe => {
                    ledger.owe(&owner, 0, next, Group(next as u64));
                    owed.insert(next);
                    next += 1;
                }
                Deed::LetGo => {
                    ledger.let_go(&owner, 0, next);
                    let_go.insert(next);
                    next += 1;
                }
                Deed::OweNothing => {
                    ledger.owes_nothing(&owner, next);
                    next += 1;
                }
                Deed::TakeBack(which) => {
                    let Some(offset) = let_go.iter().nth(which as usize % let_go.len().max(1)).copied() else { continue };
                    prop_assert!(ledger.owe_again(&owner, 0, offset, Group(offset as u64)), "{}", offset);
                    prop_assert!(!ledger.owe_again(&owner, 0, offset, Group(9_999)), "{} twice", offset);
                    let_go.remove(&offset);
                    owed.insert(offset);
                }
                Deed::Settle(which, count) => {
                    // Some of a row, folded, and settled together.
                    let first = which as usize % owed.len().max(1);
                    let all: Vec<_> = owed.iter().skip(first).step_by(2).take(count as usize).copied().collect();
                    let (Some(first), Some(last)) = (all.first(), all.last()) else { continue };
                    for offset in &all {
                        ledger.regroup(&owner, 0, &(*offset..=*offset), Group(*offset as u64), Group(*first as u64));
                    }
                    ledger.settle(&owner, 0, &(*first..=*last), Group(*first as u64));
                    all.iter().for_each(|offset| assert!(owed.remove(offset)));
                    settled.extend(all);
                }
                Deed::CatchUp(count) => {
                    let Some(lag) = ledger.lag(&owner, 0) else { continue };
                    let position = (lag.start + i64::from(count)).min(lag.end);
                    for offset in let_go.clone().range(..position) {
                        prop_assert!(ledger.owe_again(&owner, 0, *offset, Group(*offset as u64)));
                        let_go.remove(offset);
                        owed.insert(*offset);
                    }
                    ledger.catch_up(&owner, 0, position);
                    let rest = ledger.lag(&owner, 0);
                    prop_assert_eq!(rest.is_none(), position == lag.end);
                }
            }
            if next % 3 == 0 {
                ledger.read(&owner, next);
            }
            let first = owed.union(&let_go).min().copied();
            let lowest = ledger.lag(&owner, 0).map(|lag| lag.start);
            prop_assert!(let_go.first().is_none_or(|first| lowest.is_some_and(|lowest| lowest <= *first)));
            prop_assert!(first.is_none_or(|first| !ledger.is_posted(&owner, 0, first)));
        }
        ledger.read(&owner, next);
        let Some(commit) = ledger.commit_of(&owner) else {
            prop_assert_eq!(settled.len(), 1, "what was settled before");
            return Ok(());
        };
        prop_assert_eq!(commit.offset, 0, "the other lane holds it");
        let mut again = empty(&["a", "b"], BYTES);
        again.assign(&owner, 0, Some(&commit.metadata)).unwrap();
        for offset in owed.union(&let_go) {
            prop_assert!(!again.is_posted(&owner, 0, *offset), "{} is owed", offset);
        }
        for offset in &settled {
            prop_assert!(again.is_posted(&owner, 0, *offset), "{} was posted", offset);
        }
        prop_assert!(next == 20 || !again.is_posted(&owner, 0, next), "nobody has seen it");
    }
}
