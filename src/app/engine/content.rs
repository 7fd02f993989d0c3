//! What a notice carries through its lane.

use crate::app::intake::Held;
use crate::app::render::Counted;
use crate::change::{Op, RowChange};
use crate::config::Table;
use crate::outbox::{Content, Folded};
use std::sync::Arc;

/// A change, who wants it told, and its record for as long as it may become a dead letter.
#[derive(Debug)]
pub struct Payload {
    pub(crate) change: Arc<RowChange>,
    /// The record as it was; a line of a digest does without.
    pub(crate) held: Option<Arc<Held>>,
    pub(crate) table: Option<Arc<Table>>,
    /// The rules that matched, the most urgent and then the first in the file leading.
    pub(crate) rules: Vec<usize>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Content for Payload {
    type Tally = Counted;

    /// Changes are told apart until there is a net change of two.
    fn fold(&mut self, later: Self) -> Folded<Self> {
        Folded::Apart(later)
    }

    /// A row that came or went says more than one that changed; then the one with more columns.
    fn weight(&self) -> u32 {
        let columns = u32::try_from(self.change.changes.len()).unwrap_or(u32::MAX);
        match self.change.op {
            Op::Truncate => u32::MAX,
            Op::Create | Op::Delete | Op::Message => 1_000_000,
            Op::Update | Op::Read => columns.min(999_999),
        }
    }

    fn slim(&mut self) {
        self.held = None;
    }
}
