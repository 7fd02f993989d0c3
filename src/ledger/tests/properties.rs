//! What holds of every history: what metadata says, and what it leaves out.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What happens to a lane of a partition, as the tests below make it up.
#[derive(Debug, Clone)]
enum Deed {
    Skip(u8),
    Owe(u8),
    Settle(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed =
        prop_oneof![(1..4_u8).prop_map(Deed::Skip), (0..6_u8).prop_map(Deed::Owe), any::<u8>().prop_map(Deed::Settle)];
    prop::collection::vec(deed, 0..200)
}

/// A ledger with one lane, the offsets it owes and those it settled, and the next offset.
fn done(deeds: &[Deed], bytes: usize) -> (Ledger, Owner, BTreeSet<i64>, BTreeSet<i64>, i64) {
    let mut ledger = empty(&["a", "b"], bytes);
    let owner = owner(1);
    ledger.assign(&owner, 0, None).unwrap();
    ledger.owe(&owner, 1, 0, Group(0));
    let (mut groups, mut settled, mut next) = (Vec::<(u64, BTreeSet<i64>)>::new(), BTreeSet::new(), 1);
    for deed in deeds {
        match deed {
            Deed::Skip(count) => next += i64::from(*count),
            Deed::Owe(group) => {
                // A group that exists, or a new one.
                let group = match groups.get(*group as usize) {
                    Some((group, _)) => *group,
                    None => {
                        let fresh = next as u64;
                        groups.push((fresh, BTreeSet::new()));
                        fresh
                    }
                };
                ledger.owe(&owner, 0, next, Group(group));
                groups.iter_mut().find(|(known, _)| *known == group).unwrap().1.insert(next);
                next += 1;
            }
            Deed::Settle(_) if groups.is_empty() => {}
            Deed::Settle(which) => {
                let (group, owed) = groups.remove(*which as usize % groups.len());
                ledger.settle(&owner, 0, &(*owed.first().unwrap()..=*owed.last().unwrap()), Group(group));
                settled.extend(owed);
            }
        }
    }
    ledger.read(&owner, next);
    (ledger, owner, groups.into_iter().flat_map(|(_, owed)| owed).collect(), settled, next)
}

proptest! {
    #[test]
    fn metadata_says_exactly_what_was_settled(deeds in deeds()) {
        let (mut ledger, owner, owed, settled, next) = done(&deeds, BYTES);
        let Some(commit) = ledger.commit_of(&owner) else {
            prop_assert!(settled.is_empty());
            return Ok(());
        };
        prop_assert_eq!(commit.offset, 0, "the other lane holds it");
        let mut again = empty(&["a", "b"], BYTES);
        again.assign(&owner, 0, Some(&commit.metadata)).unwrap();
        for offset in &owed {
            prop_assert!(!again.is_posted(&owner, 0, *offset), "{} is owed", offset);
        }
        for offset in &settled {
            prop_assert!(again.is_posted(&owner, 0, *offset), "{} was posted", offset);
        }
        prop_assert!(!again.is_posted(&owner, 0, next), "nobody has seen it");
        prop_assert!(!again.is_posted(&owner, 1, 0));
    }

    #[test]
    fn metadata_keeps_its_limit_and_leaves_out_only_what_was_settled(deeds in deeds(), bytes in 0..120_usize) {
        let (mut ledger, owner, owed, settled, _) = done(&deeds, bytes);
        let Some(commit) = ledger.commits(Duration::ZERO).pop() else { return Ok(()) };
        prop_assert!(commit.metadata.len() <= bytes && commit.metadata.is_ascii(), "{}", commit.metadata);
        let mut again = empty(&["a", "b"], bytes);
        again.assign(&owner, 0, Some(&commit.metadata)).unwrap();
        prop_assert!(owed.iter().all(|offset| !again.is_posted(&owner, 0, *offset)));
        let missing = settled.iter().filter(|offset| !again.is_posted(&owner, 0, **offset)).count() as u64;
        let beyond = owed.first().is_none_or(|first| settled.iter().any(|offset| offset < first));
        prop_assert!(missing <= ledger.overflow() || beyond, "{} missing, {} counted", missing, ledger.overflow());
    }

    #[test]
    fn no_text_breaks_the_reader(text in "(rb1\\.)?.{0,60}", base in 0..i64::MAX) {
        let mut ledger = empty(&["a"], BYTES);
        let _ = ledger.assign(&owner(1), base, Some(&text));
        prop_assert!(ledger.owns(&owner(1)));
    }

    #[test]
    fn no_body_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        // With the right checksum, so that it is read.
        let _ = metadata::read(&metadata::sealed(&bytes));
    }
}
