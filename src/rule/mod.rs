//! Rules: which changes matter to whom.
//!
//! Pure. A rule looks at the table, the operation, the watched columns and its condition, in this
//! order: from the cheapest to the dearest.

mod expr;
mod filters;
mod nearest;
mod outlook;
mod parts;
mod scope;
mod syntax;
mod table;
mod template;
mod vocabulary;
mod wording;

#[cfg(test)]
mod tests;

pub use expr::{Condition, ExprError, NAMES};
pub use nearest::nearest;
pub use outlook::{Contradiction, Outlook, outlook};
pub use parts::{Comparison, Misuse, Parts};
pub use scope::Sample;
pub use syntax::{ColumnUse, Image, Literal};
pub use table::TablePattern;
pub use template::{PayloadTemplate, Seen, Template, UrlTemplate};
pub use wording::{ButtonTemplate, Wording};

use crate::change::{Op, RowChange};
use crate::message::{Mention, Priority, Tone};
use std::sync::Arc;
use std::time::Duration;

/// What a rule may ask for in `on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ops(u8);

impl Ops {
    /// create, update, delete
    pub const CHANGES: Ops = Ops(0b111);

    fn bit(op: Op) -> u8 {
        match op {
            Op::Create => 0b1,
            Op::Update => 0b10,
            Op::Delete => 0b100,
            Op::Truncate => 0b1000,
            Op::Read => 0b1_0000,
            Op::Message => 0b10_0000,
        }
    }

    /// Adds an operation.
    pub fn with(self, op: Op) -> Self {
        Self(self.0 | Self::bit(op))
    }

    /// True when the operation is asked for.
    pub fn contains(self, op: Op) -> bool {
        self.0 & Self::bit(op) != 0
    }
}

/// A rule, compiled.
#[derive(Debug)]
pub struct Rule {
    /// Unique name.
    pub name: Arc<str>,
    /// Which tables.
    pub table: TablePattern,
    /// Which operations.
    pub on: Ops,
    /// Only when one of these changed; empty: any.
    pub columns: Vec<Arc<str>>,
    /// Only when this is true.
    pub when: Option<Condition>,
    /// How urgent.
    pub priority: Priority,
    /// Indices into the config's destinations.
    pub to: Vec<usize>,
    /// The rule's own words; a part that it leaves out is the table's.
    pub wording: Wording,
    /// Whom to ping.
    pub mention: Option<Mention>,
    /// Good news or bad.
    pub tone: Tone,
    /// Not posted when older than this.
    pub expires: Option<Duration>,
}

/// What one rule says of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing to post, for this reason.
    No(Miss),
    /// To be posted.
    Yes,
    /// The condition failed to evaluate, which counts as no.
    Failed(ExprError),
}

/// The first thing about a change that a rule does not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The old half of a primary-key change: the new half is judged.
    OldKey,
    /// `on`
    On,
    /// `columns`, or nothing changed but ignored columns
    Columns,
    /// `when`
    When,
}

impl Rule {
    /// Judges a change of a table that this rule is about, in the form of [`RowChange::judged`] (a primary-key change is
    /// an update). `ignored` columns neither match nor count as a change.
    pub fn judge(&self, change: &Arc<RowChange>, ignored: &[String]) -> Judgement {
        // The other half of a primary-key change says it all.
        if change.op == Op::Delete && change.rekeyed_to.is_some() {
            return Judgement::No(Miss::OldKey);
        }
        if !self.on.contains(change.op) {
            return Judgement::No(Miss::On);
        }
        if change.op == Op::Update && !self.touched(change, ignored) {
            return Judgement::No(Miss::Columns);
        }
        match &self.when {
            None => Judgement::Yes,
            Some(condition) => match condition.holds(change) {
                Ok(true) => Judgement::Yes,
                Ok(false) => Judgement::No(Miss::When),
                Err(error) => Judgement::Failed(error),
            },
        }
    }

    /// A create or delete changes every column; an update must have changed a watched one.
    fn touched(&self, change: &RowChange, ignored: &[String]) -> bool {
        let counts = |name: &str| !ignored.iter().any(|column| column == name);
        if self.columns.is_empty() {
            return change.changes.iter().any(|c| counts(&c.name));
        }
        self.columns.iter().any(|name| counts(name) && change.changed(name).is_some())
    }
}
