//! When to learn again what the records of a topic have in common, and when to leave it.

/// Records that are learnt before those of a topic that do not fit are only walked: they take turns.
pub(crate) const MISSES_MAX: u32 = 8;

/// Records in a row that fit before it is believed that the topic's look alike again.
const FITS_MIN: u32 = 8;

/// One record of so many that do not fit is learnt even so: the topic may have settled on another shape.
pub(crate) const LEARN_EVERY: u32 = 1024;

/// Counts guesses that were right and wrong.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Wrong since the topic's records last looked alike.
    misses: u32,
    /// Right in a row.
    fits: u32,
}

impl Patience {
    /// The guess was right.
    #[inline]
    pub fn fitted(&mut self) {
        self.fits = self.fits.saturating_add(1);
        self.misses = if self.fits < FITS_MIN { self.misses } else { 0 };
    }

    /// The guess was wrong, or there was none yet. Is another to be learnt?
    pub fn missed(&mut self) -> bool {
        self.fits = 0;
        self.misses = self.misses.wrapping_add(1);
        self.misses <= MISSES_MAX || self.misses.is_multiple_of(LEARN_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_take_turns_are_learnt_a_few_times_and_then_seldom() {
        let mut patience = Patience::default();
        // Every third fits: what was learnt is one of three shapes.
        let learnt = |patience: &mut Patience, rounds: u32| {
            (0..rounds)
                .filter(|at| {
                    if at % 3 == 0 {
                        patience.fitted();
                        false
                    } else {
                        patience.missed()
                    }
                })
                .count()
        };
        assert_eq!(learnt(&mut patience, 300), MISSES_MAX as usize);
        assert!(learnt(&mut patience, 3 * LEARN_EVERY) <= 2);
    }

    #[test]
    fn a_topic_that_settles_is_learnt_again_at_once() {
        let mut patience = Patience::default();
        assert!((0..100).filter(|_| patience.missed()).count() == MISSES_MAX as usize);
        (0..FITS_MIN).for_each(|_| patience.fitted());
        assert!(patience.missed());
    }
}
