//! How much may be pending before reading pauses.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of records that were read and not settled yet; the poller pauses at the limit.
#[derive(Debug)]
pub struct Budget {
    pending_bytes: AtomicU64,
    limit_bytes: AtomicU64,
}

impl Budget {
    /// An empty budget with this limit.
    pub fn new(limit_bytes: u64) -> Self {
        Self { pending_bytes: AtomicU64::new(0), limit_bytes: AtomicU64::new(limit_bytes) }
    }

    /// Another limit.
    pub fn set_limit(&self, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    /// Something of this size is pending from now on.
    pub fn add(&self, bytes: u64) {
        self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something of this size is settled.
    pub fn sub(&self, bytes: u64) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes pending now.
    pub fn pending_bytes(&self) -> u64 {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        let pending_bytes = self.pending_bytes();
        // With nothing pending, nothing could settle and free the budget, however small it is.
        pending_bytes > 0 && pending_bytes >= self.limit_bytes.load(Ordering::Relaxed)
    }

    /// Reading resumes at three quarters, so that pauses do not flutter (each throws away what was fetched ahead).
    pub(super) fn has_room(&self) -> bool {
        let (pending_bytes, limit_bytes) = (self.pending_bytes(), self.limit_bytes.load(Ordering::Relaxed));
        pending_bytes == 0 || pending_bytes < limit_bytes - limit_bytes / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_budget_has_room_however_small_it_is() {
        for limit_bytes in [0, 1, 2, 3, 4, 1024] {
            let budget = Budget::new(limit_bytes);
            assert!(budget.has_room() && !budget.is_full(), "{limit_bytes}");
            budget.add(5_000);
            assert!(!budget.has_room() && budget.is_full(), "{limit_bytes}");
            budget.sub(5_000);
            assert!(budget.has_room() && !budget.is_full(), "{limit_bytes}");
        }
    }

    #[test]
    fn reading_resumes_well_below_the_limit() {
        let budget = Budget::new(1000);
        budget.add(1000);
        assert!(budget.is_full());
        budget.sub(200);
        assert!(!budget.is_full() && !budget.has_room());
        budget.sub(100);
        assert!(budget.has_room());
    }
}
