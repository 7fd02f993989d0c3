//! Changes as the simulation sees them: each knows which records it stands for, so that nothing can get lost unseen.

use rowbell::outbox::{Content, Folded, Tally};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// A change: its partition and offset.
pub type Id = (i32, i64);

/// What happened to changes of one lane besides being posted.
#[derive(Debug, Default)]
pub struct Notes {
    /// They undid each other.
    pub undone: HashSet<Id>,
    /// They did so once, perhaps before a crash.
    pub were_undone: HashSet<Id>,
    /// They stood in a digest's counts at least once.
    pub counted: HashSet<Id>,
    /// Their dead letter was begun; their row goes on.
    pub given_up: HashSet<Id>,
    pub folds: u64,
}

impl Notes {
    /// A later change of the row may have been shown before this one: an earlier digest only counted it, its dead
    /// letter was not written when its replica died, or there was nothing to say of it then.
    pub fn may_be_late(&self, id: &Id) -> bool {
        self.counted.contains(id) || self.given_up.contains(id) || self.were_undone.contains(id)
    }
}

/// Counts what of a lane's changes is in memory.
#[derive(Debug, Default)]
pub struct Memory(Rc<Cell<usize>>);

impl Memory {
    pub fn count(&self) -> usize {
        self.0.get()
    }

    /// One more, until it is dropped.
    pub fn take(&self) -> Self {
        self.0.set(self.0.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// The net change of some changes of one row.
pub struct Net {
    pub ids: Vec<Id>,
    pub from: u32,
    pub to: u32,
    pub keyless: bool,
    pub notes: Rc<RefCell<Notes>>,
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub memory: Memory,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}->{}", self.ids, self.from, self.to)
    }
}

impl Content for Net {
    type Tally = Counted;

    fn fold(&mut self, later: Self) -> Folded<Self> {
        if self.keyless {
            return Folded::Apart(later);
        }
        assert!(self.ids.last() < later.ids.first(), "{:?} is not before {:?}", self.ids, later.ids);
        self.ids.extend(&later.ids);
        self.to = later.to;
        let mut notes = self.notes.borrow_mut();
        notes.folds += 1;
        if self.from == self.to {
            notes.undone.extend(self.ids.iter().copied());
            notes.were_undone.extend(self.ids.iter().copied());
            Folded::Nothing
        } else {
            Folded::Kept
        }
    }

    fn weight(&self) -> u32 {
        self.to % 3
    }
}

/// What a digest counts.
#[derive(Debug, Default)]
pub struct Counted {
    pub ids: Vec<Id>,
    pub changes: u64,
    pub undone: u64,
}

impl Tally<Net> for Counted {
    fn count(&mut self, content: Net, changes: u64) {
        assert_eq!(content.ids.len() as u64, changes);
        content.notes.borrow_mut().counted.extend(content.ids.iter().copied());
        self.ids.extend(&content.ids);
        self.changes += changes;
    }

    fn undone(&mut self, changes: u64) {
        self.undone += changes;
    }

    fn expired(&mut self, content: Net, changes: u64) {
        self.count(content, changes);
    }
}
