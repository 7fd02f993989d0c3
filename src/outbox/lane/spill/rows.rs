//! Rows that may be among those let go, in a fixed amount of memory.

use crate::outbox::notice::RowKey;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Bits of a generation: 16 KiB. With 10,000 rows in it, one row in fifty is taken for one of them wrongly; then an
/// urgent notice waits until the partition was read again for its row.
const BITS: u64 = 1 << 17;

/// A Bloom filter of two generations, so that it does not fill up while a lane lags for ever.
#[derive(Debug)]
pub(super) struct Rows {
    old: Box<[u64]>,
    young: Box<[u64]>,
    /// Where the young generation begins.
    young_from: i64,
}

impl Rows {
    pub(super) fn new(from: i64) -> Self {
        Self { old: Box::default(), young: empty(), young_from: from }
    }

    pub(super) fn add(&mut self, row: &RowKey) {
        for (word, bit) in places(row) {
            self.young[word] |= bit;
        }
    }

    /// False only where nothing of the row was let go.
    pub(super) fn may_hold(&self, row: &RowKey) -> bool {
        let holds = |bits: &[u64]| places(row).iter().all(|(word, bit)| bits.get(*word).is_some_and(|w| w & bit > 0));
        holds(&self.young) || holds(&self.old)
    }

    /// Everything below `position` was taken in again; the next to come stands at `end`.
    pub(super) fn passed(&mut self, position: i64, end: i64) {
        if position >= self.young_from {
            self.old = std::mem::replace(&mut self.young, empty());
            self.young_from = end;
        }
    }
}

fn empty() -> Box<[u64]> {
    vec![0; (BITS / 64) as usize].into()
}

fn places(row: &RowKey) -> [(usize, u64); 2] {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    let hash = hasher.finish();
    [hash, hash >> 32].map(|hash| ((hash % BITS / 64) as usize, 1 << (hash % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32) -> RowKey {
        RowKey(number.to_be_bytes().as_slice().into())
    }

    #[test]
    fn what_was_let_go_is_known_until_it_is_read_again() {
        let mut rows = Rows::new(0);
        (0..10_000).for_each(|number| rows.add(&row(number)));
        assert!((0..10_000).all(|number| rows.may_hold(&row(number))));
        let wrong = (10_000..20_000).filter(|number| rows.may_hold(&row(*number))).count();
        assert!(wrong < 400, "{wrong}");
        rows.passed(0, 10_000);
        (20_000..20_100).for_each(|number| rows.add(&row(number)));
        rows.passed(9_999, 10_100);
        assert!((0..10_000).chain(20_000..20_100).all(|number| rows.may_hold(&row(number))));
        rows.passed(10_000, 10_100);
        let left = (0..10_000).filter(|number| rows.may_hold(&row(*number))).count();
        assert!(left < 10, "{left}");
        assert!((20_000..20_100).all(|number| rows.may_hold(&row(number))));
    }
}
