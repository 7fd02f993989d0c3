//! Where a record's posts are, for whoever asks.

use super::content::Content;
use super::lane::Lane;
use super::{LaneId, Outbox};
use crate::ledger::{Due, Group, Partition};

/// Where the post of a record is in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// The record was not judged yet.
    Unread,
    /// It owes nothing, or nothing any more.
    Settled,
    /// Its notice is pending, or on the wire.
    Alone(Single),
    /// It is in a digest.
    Digest(Many),
    /// It was let go for want of memory, and is read again in its turn.
    LetGo,
    /// Its dead letter is being written.
    Letter,
}

/// A notice of one change, or of several of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Single {
    /// Offset of its first change.
    pub first: i64,
    /// Changes that it stands for.
    pub changes: u64,
    /// Posts tried so far.
    pub attempts: u32,
    /// A post is on the wire.
    pub in_flight: bool,
    /// An earlier notice of its row, or a digest that shows its row, comes first.
    pub behind: bool,
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Many {
    /// Changes that it stands for.
    pub changes: u64,
    /// Posts tried so far.
    pub attempts: u32,
    /// A post is on the wire.
    pub in_flight: bool,
    /// Its row is shown; else it is counted.
    pub shown: bool,
}

impl<C: Content> Outbox<C> {
    /// Where the posts of a record are, by lane; `None` where its partition is not ours. The lane of dead letters is among
    /// them, without a destination.
    pub fn whereabouts(&self, partition: &Partition, offset: i64) -> Option<Vec<(LaneId, Whereabouts)>> {
        let dues = self.ledger.dues(partition, offset)?.into_iter().enumerate();
        let there = dues.filter(|(number, _)| *number == self.letters || self.has_lane(*number));
        let found = there.map(|(number, due)| {
            let place = match (due, self.lanes.get(number)) {
                (Due::Unread, _) => Whereabouts::Unread,
                (Due::Settled, _) => Whereabouts::Settled,
                (Due::LetGo, _) => Whereabouts::LetGo,
                (Due::Owed(group), Some(Some(lane))) => lane.whereabouts(group),
                (Due::Owed(_), _) => Whereabouts::Letter,
            };
            (number, place)
        });
        Some(found.collect())
    }

    /// Is this the lane of the dead letters of what cannot be read?
    pub fn is_letters(&self, lane: LaneId) -> bool {
        lane == self.letters
    }
}

impl<C: Content> Lane<C> {
    fn whereabouts(&self, group: Group) -> Whereabouts {
        if let Some(single) = self.single(group) {
            return Whereabouts::Alone(single);
        }
        // What was given up is owed until its letter is written, and is in no queue.
        self.digest_of(group).map_or(Whereabouts::Letter, Whereabouts::Digest)
    }
}
