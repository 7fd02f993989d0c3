//! The rate that a destination gives all replicas together.

use crate::world::{LanePlan, REPLICAS};
use std::time::Duration;

/// What may be posted to a destination: by its rate, and besides what was saved, in any replica no more than a burst.
#[derive(Debug)]
pub struct Allowance {
    interval: Duration,
    burst: u32,
    /// Saved until then, in time of the rate.
    saved: Duration,
    at: Duration,
    /// Posts that replicas have saved since they began: what the world had saved before, others may have used.
    begun: u32,
}

impl Allowance {
    pub fn new(plan: &LanePlan, now: Duration) -> Self {
        let (interval, burst) = (plan.rate.interval(), plan.burst);
        Self { interval, burst, saved: interval * burst * REPLICAS as u32, at: now, begun: 0 }
    }

    /// A replica began, with all that it may save.
    pub fn begin(&mut self) {
        self.begun += self.burst;
    }

    /// Is there room for one more post?
    pub fn take(&mut self, now: Duration) -> bool {
        let most = self.interval * self.burst * REPLICAS as u32;
        self.saved = (self.saved + (now - self.at)).min(most);
        self.at = now;
        match self.saved.checked_sub(self.interval) {
            Some(rest) => self.saved = rest,
            None if self.begun > 0 => self.begun -= 1,
            None => return false,
        }
        true
    }
}
