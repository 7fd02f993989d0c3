//! How much may be pending before reading pauses.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of records that were read and not settled yet; the poller pauses at the limit.
#[derive(Debug)]
pub struct Budget {
    pending_bytes: AtomicU64,
    limit_bytes: u64,
}

impl Budget {
    /// An empty budget with this limit.
    pub fn new(limit_bytes: u64) -> Self {
        Self { pending_bytes: AtomicU64::new(0), limit_bytes }
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
        self.pending_bytes() >= self.limit_bytes
    }

    /// Reading resumes at three quarters, so that pauses do not flutter (each throws away what was fetched ahead).
    pub(super) fn has_room(&self) -> bool {
        self.pending_bytes() < self.limit_bytes / 4 * 3
    }
}
