//! The rate of a destination, shared by the replicas without a word between them: each has the part of it that its
//! partitions are of all.

use super::Outbox;
use super::content::Content;
use super::notice::Page;
use std::time::Duration;

impl<C: Content> Outbox<C> {
    /// How many partitions the subscribed topics have, whoever owns them. Until it is said, this replica is alone.
    pub fn set_partitions(&mut self, count: usize) {
        self.partitions = u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// Lanes have other buckets: they are to be told their share.
    pub(super) fn share_anew(&mut self) {
        self.shared = None;
    }

    pub(super) fn share_rates(&mut self, now: Duration) {
        let owned = u32::try_from(self.ledger.owned()).unwrap_or(u32::MAX);
        if self.shared.replace((owned, self.partitions)) == Some((owned, self.partitions)) {
            return;
        }
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            if let Some(lane) = lane {
                let mut page = Page { ledger: &mut self.ledger, lane: number };
                lane.share_rate((owned, self.partitions), now, &mut page);
            }
        }
    }
}
