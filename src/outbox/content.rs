//! What the outbox asks of what it carries. It never looks inside.

/// What became of two contents of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded<C> {
    /// The earlier one stands for both now.
    Kept,
    /// The two undid each other: there is nothing left to say.
    Nothing,
    /// They must be told apart; the later one is given back.
    Apart(C),
}

/// What a notice carries through its lane.
pub trait Content: Sized {
    /// Counts any number of contents in bounded memory.
    type Tally: Tally<Self>;

    /// Takes in a later change of the same row: this one becomes the net change.
    fn fold(&mut self, later: Self) -> Folded<Self>;

    /// How much it is worth to be shown in a digest, beside others of its priority.
    fn weight(&self) -> u32 {
        0
    }

    /// Lets go what only a post of its own would need, because it stands in a digest now.
    fn slim(&mut self) {}

    /// Memory that it takes in a digest, in bytes, roughly.
    fn bytes(&self) -> u64 {
        0
    }
}

/// The part of a digest that is counted and not shown.
pub trait Tally<C>: Default + std::fmt::Debug {
    /// Counts a content, which stands for so many changes.
    fn count(&mut self, content: C, changes: u64);

    /// So many changes undid each other.
    fn undone(&mut self, changes: u64);

    /// Counts a content, of so many changes, that was older than its rules allow when the digest was made: the digest
    /// says that it leaves them out.
    fn expired(&mut self, content: C, changes: u64);
}
