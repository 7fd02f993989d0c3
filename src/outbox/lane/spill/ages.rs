//! When what was let go was offered first, roughly, in a fixed amount of memory.

use std::collections::VecDeque;
use std::time::Duration;

/// Marks that are kept.
const MARKS_MAX: usize = 512;

/// Time between two marks, at first.
const APART: Duration = Duration::from_secs(1);

/// Marks: from this offset on, what was let go was offered at this time or later.
#[derive(Debug)]
pub(super) struct Ages {
    marks: VecDeque<(i64, Duration)>,
    apart: Duration,
}

impl Ages {
    pub(super) fn new() -> Self {
        Self { marks: VecDeque::new(), apart: APART }
    }

    pub(super) fn add(&mut self, offset: i64, now: Duration) {
        if self.marks.back().is_some_and(|(_, last)| now < *last + self.apart) {
            return;
        }
        if self.marks.len() == MARKS_MAX {
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
            self.apart *= 2;
        }
        self.marks.push_back((offset, now));
    }

    /// When it was offered, or a little earlier.
    pub(super) fn of(&self, offset: i64) -> Option<Duration> {
        let after = self.marks.partition_point(|(first, _)| *first <= offset);
        Some(self.marks.get(after.checked_sub(1)?)?.1)
    }

    pub(super) fn oldest(&self) -> Option<Duration> {
        self.marks.front().map(|(_, offered)| *offered)
    }

    /// Everything below `position` was taken in again.
    pub(super) fn passed(&mut self, position: i64) {
        while self.marks.get(1).is_some_and(|(first, _)| *first <= position) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_known_to_a_fraction_of_the_whole() {
        let mut ages = Ages::new();
        let second = |offset: i64| Duration::from_secs(offset.unsigned_abs());
        (0..100_000).for_each(|offset| ages.add(offset, second(offset)));
        for offset in [0, 7, 4_711, 99_999] {
            let age = ages.of(offset).unwrap();
            assert!(age <= second(offset) && age + Duration::from_secs(1_024) >= second(offset), "{offset}: {age:?}");
        }
        ages.passed(50_000);
        assert!(ages.marks.len() <= MARKS_MAX && ages.oldest() == ages.of(50_000));
    }
}
