//! A destination, as it answers.

use crate::change::Id;
use crate::faults::Counts;
use fastrand::Rng;
use rowbell::outbox::Outcome;
use std::time::Duration;

/// What it does for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    Slow,
    Limited,
    LimitedWithoutSaying,
    Failing,
    Blocked,
    /// Accepts, and the answer gets lost.
    Silent,
}

/// What becomes of one post.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    pub accepted: bool,
    pub outcome: Outcome,
    /// From its start to its arrival, and to its answer.
    pub arrives: Duration,
    pub answers: Duration,
}

#[derive(Debug)]
pub struct Destination {
    pub mood: Mood,
    /// One post in so many is silently accepted whatever the mood.
    pub drops_one_in: u32,
    /// Offsets that it refuses: those that leave this rest.
    pub refuses: Option<i64>,
}

impl Destination {
    pub fn new(random: &mut Rng) -> Self {
        let drops_one_in = if random.u8(..4) == 0 { random.u32(5..40) } else { 0 };
        let refuses = (random.u8(..3) == 0).then(|| random.i64(0..17));
        Self { mood: Mood::Well, drops_one_in, refuses }
    }

    pub fn change_mood(&mut self, random: &mut Rng) {
        self.mood = match random.u8(..10) {
            0 => Mood::Slow,
            1 => Mood::Limited,
            2 => Mood::LimitedWithoutSaying,
            3 => Mood::Failing,
            4 => Mood::Blocked,
            5 => Mood::Silent,
            _ => Mood::Well,
        };
    }

    /// Only the mood is over; what it refuses it refuses for ever.
    pub fn heal(&mut self) {
        self.mood = Mood::Well;
        self.drops_one_in = 0;
    }

    /// Decides about a post of these changes; a digest is refused by none of them.
    pub fn take(&mut self, single: Option<(Id, bool)>, random: &mut Rng, counts: &mut Counts) -> Fate {
        let ms = |range| Duration::from_millis(range);
        let arrives = ms(random.u64(1..40));
        let answers = arrives + ms(random.u64(1..60));
        let fate = |accepted, outcome| Fate { accepted, outcome, arrives, answers };
        let silent = self.drops_one_in > 0 && random.u32(..self.drops_one_in) == 0;
        match self.mood {
            _ if silent => {
                counts.answers_lost += 1;
                Fate { answers: ms(5_000), ..fate(true, Outcome::Unknown) }
            }
            Mood::Silent => {
                counts.answers_lost += 1;
                let answers = if random.bool() { ms(5_000) } else { answers };
                Fate { answers, ..fate(random.u8(..4) > 0, Outcome::Unknown) }
            }
            Mood::Limited => {
                counts.told_when_to_retry += 1;
                fate(false, Outcome::Retry { after: Some(ms(random.u64(0..5) * 1_000)) })
            }
            Mood::LimitedWithoutSaying => {
                counts.told_to_retry += 1;
                fate(false, Outcome::Retry { after: None })
            }
            Mood::Failing => {
                counts.server_errors += 1;
                fate(false, Outcome::Retry { after: None })
            }
            Mood::Blocked => {
                counts.blocked += 1;
                fate(false, Outcome::Blocked)
            }
            Mood::Well | Mood::Slow => match single {
                // Some are accepted when they are plain and short, others never.
                Some(((_, offset), simple)) if self.refuses == Some(offset % 17) && !(simple && offset % 2 == 0) => {
                    counts.rejected += 1;
                    fate(false, Outcome::Rejected)
                }
                _ if self.mood == Mood::Slow => {
                    counts.slow += 1;
                    Fate { answers: answers + ms(random.u64(0..4_000)), ..fate(true, Outcome::Delivered) }
                }
                _ => fate(true, Outcome::Delivered),
            },
        }
    }
}
