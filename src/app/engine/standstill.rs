//! Notices when this process stood still: stopped by a signal, frozen with its container, suspended with its host.

use crate::destination::POST_TIMEOUT;
use std::time::{Duration, Instant, SystemTime};

/// Session timeout of the group, unless the config sets another; a longer one is more patient than this takes it for.
const SESSION: Duration = Duration::from_secs(6);

/// Standing still for longer than this, a replica may have lost its partitions while it slept, and a post that it then
/// starts would come beside another's. What began before has ended with its timeout by then (design section 2).
const STANDSTILL: Duration = SESSION.saturating_sub(POST_TIMEOUT);

/// The clocks as they were when somebody looked last.
///
/// Two of them: the monotonic clock of this platform stands still while the host is suspended, the wall clock does not. That
/// one may be set forward while nobody sleeps, which costs a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    monotonic: Instant,
    wall: SystemTime,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// How long ago the last look was, if that is longer than this process may stand still unseen.
    pub(super) fn look(&mut self) -> Option<Duration> {
        self.look_at(Instant::now(), SystemTime::now())
    }

    fn look_at(&mut self, monotonic: Instant, wall: SystemTime) -> Option<Duration> {
        let passed = monotonic.saturating_duration_since(self.monotonic);
        // Set back, it says nothing.
        let passed_outside = wall.duration_since(self.wall).unwrap_or_default();
        *self = Self { monotonic, wall };
        Some(passed.max(passed_outside)).filter(|longest| *longest > STANDSTILL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_process_that_was_stopped_and_a_host_that_was_suspended_are_noticed_once() {
        let mut watch = Watch::start();
        let (monotonic, wall) = (watch.monotonic, watch.wall);
        assert_eq!(watch.look_at(monotonic + TICK, wall + TICK), None);
        assert_eq!(watch.look_at(monotonic + TICK + LONG, wall + TICK + LONG), Some(LONG), "stopped");
        assert_eq!(watch.look_at(monotonic + 2 * TICK + LONG, wall + 2 * TICK + LONG), None);
        assert_eq!(watch.look_at(monotonic + 2 * TICK + LONG, wall + 2 * TICK + 2 * LONG), Some(LONG), "suspended");
    }

    #[test]
    fn a_wall_clock_that_is_set_back_hides_no_standstill() {
        let mut watch = Watch::start();
        let (monotonic, wall) = (watch.monotonic, watch.wall);
        assert_eq!(watch.look_at(monotonic + TICK, wall - LONG), None);
        assert_eq!(watch.look_at(monotonic + TICK + LONG, wall - 2 * LONG), Some(LONG));
    }
}
