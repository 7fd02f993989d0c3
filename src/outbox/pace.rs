//! Pacing: token buckets over a clock that is handed in, and the delays between attempts.

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many posts in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    posts: NonZeroU32,
    per: Duration,
}

impl Rate {
    /// `None` where either is zero.
    pub fn new(posts: u32, per: Duration) -> Option<Self> {
        let posts = NonZeroU32::new(posts)?;
        // A bucket that fills faster than once a nanosecond is no bucket.
        (per / posts.get() > Duration::ZERO).then_some(Self { posts, per })
    }

    /// Time between two posts at this rate.
    pub fn interval(&self) -> Duration {
        self.per / self.posts.get()
    }

    /// Posts per second.
    pub fn per_second(&self) -> f64 {
        f64::from(self.posts.get()) / self.per.as_secs_f64()
    }
}

/// The time as the outbox was last told it: governor's own clocks would make the simulation lie.
#[derive(Debug, Clone, Default)]
struct ToldClock(Arc<AtomicU64>);

impl Clock for ToldClock {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

/// A destination's token bucket; destinations that share a limit share one.
#[derive(Debug)]
pub struct Bucket {
    interval: Duration,
    clock: ToldClock,
    limiter: RateLimiter<NotKeyed, InMemoryState, ToldClock, NoOpMiddleware<Nanos>>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        // why: `Rate` guarantees a period above zero, the one thing `with_period` refuses.
        let quota = Quota::with_period(rate.interval()).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let clock = ToldClock::default();
        Self { interval: rate.interval(), limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock }
    }

    /// Time between two posts.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Takes a token, or says how long until there is one. `now` counts from any fixed start.
    pub fn take(&self, now: Duration) -> Result<(), Duration> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.clock.0.store(now, Ordering::Relaxed);
        self.limiter.check().map_err(|not_until| not_until.wait_time_from(Nanos::from(now)))
    }
}

/// Delay before the first repeated attempt, at most.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);

/// Longest delay between attempts: a destination that comes back is noticed within a minute.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Full jitter: anywhere between nothing and the exponential step, so that many lanes do not march in step.
pub fn backoff(attempts: u32, random: &mut fastrand::Rng) -> Duration {
    let step = BACKOFF_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    step.mul_f64(random.f64())
}

/// Pause of a whole lane, which must not be none by chance: half the step and up to as much again.
pub(super) fn pause(failures: u32, random: &mut fastrand::Rng) -> Duration {
    let step = BACKOFF_FIRST.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX);
    step / 2 + (step / 2).mul_f64(random.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = Bucket::new(Rate::new(1, Duration::from_secs(1)).unwrap(), 2);
        let at = |ms: u64| Duration::from_millis(5_000 + ms);
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert_eq!(bucket.take(at(0)), Err(Duration::from_millis(1000)));
        assert_eq!(bucket.take(at(400)), Err(Duration::from_millis(600)));
        assert_eq!(bucket.take(at(1000)), Ok(()));
        assert_eq!(bucket.take(at(1000)), Err(Duration::from_millis(1000)));
    }

    #[test]
    fn twenty_five_in_five_minutes_is_one_every_twelve_seconds() {
        let bucket = Bucket::new(Rate::new(25, Duration::from_secs(300)).unwrap(), 1);
        assert_eq!(bucket.take(Duration::from_secs(1)), Ok(()));
        assert_eq!(bucket.take(Duration::from_secs(1)), Err(Duration::from_secs(12)));
    }

    #[test]
    fn backoff_grows_to_its_ceiling_and_never_beyond() {
        let mut random = fastrand::Rng::with_seed(1);
        for attempts in 1..100 {
            assert!(backoff(attempts, &mut random) <= BACKOFF_MAX);
        }
        let longest = |attempts, random: &mut fastrand::Rng| (0..200).map(|_| backoff(attempts, random)).max().unwrap();
        assert!(longest(1, &mut random) <= BACKOFF_FIRST);
        assert!(longest(6, &mut random) > longest(1, &mut random));
    }
}
