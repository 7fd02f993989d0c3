//! What goes wrong, how often it did, and what is made to go wrong on purpose.

use std::fmt;

/// A mistake that a service could make, planted between Kafka, the outbox and the destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Commits how far was read, whatever is settled.
    CommitPastFailure,
    /// A revoked partition is committed as far as it was read.
    DropOnRevoke,
    /// Every change counts as a row of its own.
    ReorderRow,
    /// `Retry-After` is not handed on.
    IgnoreRetryAfter,
    /// Beyond the limit of pending notices, records are read and not offered.
    LoseWhenFull,
    /// The metadata of the last commit is not read.
    ForgetMetadata,
    /// Posts do not wait for commits: each counts as made at once.
    PretendCommits,
    /// Dead letters count before they are acknowledged.
    LettersUnawaited,
    /// Urgency is not handed on.
    ForgetUrgency,
    /// An answer that never came counts as acceptance.
    TrustSilence,
    /// What a removed destination had pending is settled without its dead letters.
    DropRemoved,
    /// A reload takes every destination for another one.
    ForgetRetryAfterOnReload,
    /// A record that is read again is left out.
    LoseOnReread,
    /// Reading again ends early and says that it did not.
    PretendToReadOn,
    /// What the source sent before is not remembered as that.
    ForgetRepeats,
    /// Each replica takes all of a rate for its own.
    KeepTheRate,
}

impl Bug {
    pub const ALL: [Bug; 16] = [
        Bug::CommitPastFailure,
        Bug::DropOnRevoke,
        Bug::ReorderRow,
        Bug::IgnoreRetryAfter,
        Bug::LoseWhenFull,
        Bug::ForgetMetadata,
        Bug::PretendCommits,
        Bug::LettersUnawaited,
        Bug::ForgetUrgency,
        Bug::TrustSilence,
        Bug::DropRemoved,
        Bug::ForgetRetryAfterOnReload,
        Bug::LoseOnReread,
        Bug::PretendToReadOn,
        Bug::ForgetRepeats,
        Bug::KeepTheRate,
    ];
}

macro_rules! counts {
    ($($name:ident)*) => {
        /// How often each thing was met.
        #[derive(Debug, Clone, Copy, Default)]
        pub struct Counts { $(pub $name: u64),* }

        impl Counts {
            pub fn add(&mut self, other: &Counts) {
                $(self.$name += other.$name;)*
            }

            /// What was met less often than so.
            pub fn below(&self, least: u64) -> Vec<&'static str> {
                let mut below = Vec::new();
                $(if self.$name < least { below.push(stringify!($name)); })*
                below
            }
        }

        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(write!(f, "{} {}, ", stringify!($name), self.$name)?;)*
                Ok(())
            }
        }
    };
}

counts! {
    steps posts repeats crashes crashes_with_posts_on_the_wire crashes_before_a_commit revokes revokes_past_their_deadline
    losses commits_failed commits_failed_but_made commits_late answers_lost told_when_to_retry told_to_retry server_errors
    blocked slow rejected simplified letters letters_late expired digests critical_digests folds undone skipped_by_metadata
    overflows waits_for_commits full resumed_replicas added removed renamed changed moved_elsewhere leftovers paused
    let_go rereads reread_ahead rereads_failed taken_back source_repeats cuts posts_of_a_shared_rate
}
