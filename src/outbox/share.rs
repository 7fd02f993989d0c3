//! The rate of a destination, shared by the replicas without a word between them: each has the part of it that its
//! partitions are of all.

use super::Outbox;
use super::content::Content;
use std::time::Duration;

impl<C: Content> Outbox<C> {
    /// How many partitions the subscribed topics have, whoever owns them. Until it is said, this replica is alone.
    pub fn set_partitions(&mut self, count: usize) {
        self.partitions = u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// Lanes have other buckets: they are to be told their share.
    pub(super) fn share_anew(&mut self) {
        self.shared = (0, 0);
    }

    pub(super) fn share_rates(&mut self, now: Duration) {
        let owned = u32::try_from(self.ledger.owned()).unwrap_or(u32::MAX);
        // Without a partition there is nothing to post, and nothing to save for later.
        if owned == 0 || self.shared == (owned, self.partitions) {
            return;
        }
        self.shared = (owned, self.partitions);
        for lane in self.lanes.iter_mut().flatten() {
            lane.share_rate(owned, self.partitions, now);
        }
    }
}
