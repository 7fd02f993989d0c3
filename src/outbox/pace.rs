//! Pacing: token buckets over a clock that is handed in, and the delays between attempts.

use std::num::NonZeroU32;
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

/// A destination's token bucket; destinations that share a limit share one.
///
/// Its rate can be shared with other replicas and change in place, which governor's cannot. One task uses it: atomics, in
/// nanoseconds, so that lanes may share it without a lock.
#[derive(Debug)]
pub struct Bucket {
    rate: Rate,
    burst: u64,
    /// Time between two posts.
    interval: AtomicU64,
    /// Posts at once.
    capacity: AtomicU64,
    /// When it is full again.
    full_at: AtomicU64,
    /// Since when no part of the rate is ours; for ever in the future where some is.
    idle_since: AtomicU64,
}

impl Bucket {
    /// A full bucket, all of it ours.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let burst = u64::from(burst.max(1));
        Self {
            rate,
            burst,
            interval: AtomicU64::new(nanos(rate.interval())),
            capacity: AtomicU64::new(burst),
            full_at: AtomicU64::new(0),
            idle_since: AtomicU64::new(u64::MAX),
        }
    }

    /// Time between two posts.
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.load(Ordering::Relaxed))
    }

    /// Takes a token, or says how long until there is one. `now` counts from any fixed start.
    pub fn take(&self, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let (interval, capacity) = (self.interval.load(Ordering::Relaxed), self.capacity.load(Ordering::Relaxed));
        let full_at = self.full_at.load(Ordering::Relaxed).max(now).saturating_add(interval);
        match full_at.saturating_sub(interval.saturating_mul(capacity).saturating_add(now)) {
            0 => {
                self.full_at.store(full_at, Ordering::Relaxed);
                Ok(())
            }
            wait => Err(Duration::from_nanos(wait)),
        }
    }

    /// This replica may post `part` of `whole` of the rate from now on, and as much of the burst, but one post at least.
    /// Tokens that were there stay, those that are missing stay missing; with no part of it, none are saved meanwhile.
    pub fn share(&self, part: u32, whole: u32, now: Duration) {
        let now = nanos(now);
        if part == 0 {
            self.idle_since.fetch_min(now, Ordering::Relaxed);
            return;
        }
        let (part, whole) = (u64::from(part), u64::from(whole.max(part)));
        let interval = nanos(self.rate.interval()).saturating_mul(whole).div_ceil(part);
        let capacity = (self.burst * part / whole).max(1);
        let before = (self.interval.swap(interval, Ordering::Relaxed), self.capacity.swap(capacity, Ordering::Relaxed));
        let until = self.idle_since.swap(u64::MAX, Ordering::Relaxed).min(now);
        // In nanoseconds of their interval, so that parts of a token count.
        let missing = self.full_at.load(Ordering::Relaxed).saturating_sub(until);
        let there = (before.0.saturating_mul(before.1)).saturating_sub(missing);
        let there = u128::from(there) * u128::from(interval) / u128::from(before.0.max(1));
        let full = interval.saturating_mul(capacity);
        let missing = full.saturating_sub(u64::try_from(there).unwrap_or(u64::MAX));
        self.full_at.store(now.saturating_add(missing), Ordering::Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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

    /// Posts within so many seconds, as many as there are tokens for.
    fn posts(bucket: &Bucket, from_s: u64, to_s: u64) -> usize {
        let ms = from_s * 1000..to_s * 1000;
        ms.filter(|ms| bucket.take(Duration::from_millis(*ms)).is_ok()).count()
    }

    #[test]
    fn replicas_together_keep_the_rate_whoever_owns_what() {
        let at = Duration::from_secs;
        let buckets = [(); 3].map(|()| Bucket::new(Rate::new(10, at(1)).unwrap(), 6));
        let share = |parts: [u32; 3], now: u64| {
            for (bucket, part) in buckets.iter().zip(parts) {
                bucket.share(part, 8, at(now));
            }
        };
        let all = |from, to| buckets.iter().map(|bucket| posts(bucket, from, to)).sum::<usize>();
        share([2, 2, 4], 100);
        // The first token of each is the rate's own; a burst of 6 leaves 1, 1 and 3.
        assert_eq!(all(100, 200), 1000 + 2, "the rate for 100 s, and once what was saved");
        // One is gone, another has its partitions.
        share([4, 4, 0], 200);
        let two = || buckets[..2].iter().map(|bucket| posts(bucket, 200, 300)).sum::<usize>();
        let posted = two();
        assert!((990..=1000).contains(&posted), "{posted}: a larger share brings no tokens of its own");
    }

    #[test]
    fn a_share_that_changes_keeps_what_is_missing() {
        let bucket = Bucket::new(Rate::new(1, Duration::from_secs(1)).unwrap(), 1);
        let at = |ms: u64| Duration::from_millis(10_000 + ms);
        assert_eq!(bucket.take(at(0)), Ok(()));
        // Half a token is missing; at a quarter of the rate it takes two seconds.
        bucket.share(1, 4, at(500));
        bucket.share(2, 8, at(500));
        assert_eq!(bucket.take(at(500)), Err(Duration::from_secs(2)));
        assert_eq!(bucket.interval(), Duration::from_secs(4));
        bucket.share(4, 4, at(1500));
        assert_eq!(bucket.take(at(1500)), Err(Duration::from_millis(250)), "a quarter of one is missing now");
        assert_eq!(bucket.take(at(1750)), Ok(()));
    }

    #[test]
    fn nothing_is_saved_where_no_part_of_the_rate_is_ours() {
        // A partition that goes to and fro between two replicas, twice a second, at a post a second.
        let at = |ms: u64| Duration::from_millis(10_000 + ms);
        let buckets = [(); 2].map(|()| Bucket::new(Rate::new(1, Duration::from_secs(1)).unwrap(), 1));
        let mut posts = 0;
        for ms in 0..100_000 {
            let owner = ms as usize / 500 % 2;
            if ms % 500 == 0 {
                buckets[owner].share(1, 1, at(ms));
                buckets[1 - owner].share(0, 1, at(ms));
            }
            posts += usize::from(buckets[owner].take(at(ms)).is_ok());
        }
        assert_eq!(posts, 100, "one a second");
    }

    #[test]
    fn a_share_is_never_less_than_a_post_nor_more_than_all() {
        let bucket = Bucket::new(Rate::new(25, Duration::from_secs(300)).unwrap(), 3);
        bucket.share(1, 1000, Duration::ZERO);
        assert_eq!(bucket.interval(), Duration::from_secs(12_000));
        assert_eq!(bucket.take(Duration::from_secs(1)), Ok(()));
        assert!(bucket.take(Duration::from_secs(1)).is_err());
        for (part, whole) in [(7, 3), (5, 0)] {
            bucket.share(part, whole, Duration::from_secs(2));
            assert_eq!(bucket.interval(), Duration::from_secs(12), "{part} of {whole}");
        }
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
