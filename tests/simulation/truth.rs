//! What really happened, and whether it may.

use crate::change::{Id, Notes};
use crate::kafka::Partition;
use rowbell::ledger::Owner;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A row of a partition.
pub type Row = (i32, u8);

/// A post that a destination accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Replica and its life.
    pub by: (usize, u64),
    /// Its destination.
    pub lane: usize,
    /// Changes that it shows, by row.
    pub shown: Vec<(Row, Vec<Id>)>,
    pub counted: Vec<Id>,
    /// The replica learnt that it was accepted.
    pub known: bool,
    /// The assignments of its partitions when it was started.
    pub owners: Vec<Owner>,
    /// Partitions whose part no commit covers.
    pub uncovered: Vec<i32>,
    /// Partitions whose part may be made again.
    pub excused: Vec<i32>,
}

impl Accepted {
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.shown.iter().flat_map(|(_, ids)| ids).chain(&self.counted).copied()
    }

    /// All of it may be made again.
    pub fn excuse_all(&mut self) {
        self.excused = self.ids().map(|id| id.0).collect();
    }

    /// What no commit covers of a partition may be made again.
    pub fn excuse(&mut self, partition: i32) {
        if self.uncovered.contains(&partition) && !self.excused.contains(&partition) {
            self.excused.push(partition);
        }
    }
}

/// One lane's history.
#[derive(Debug)]
pub struct LaneTruth {
    pub accepted: Vec<Accepted>,
    /// By change, the last post that told it.
    told: HashMap<Id, usize>,
    /// The newest change of a row that was shown.
    shown: HashMap<Row, i64>,
    pub lettered: HashSet<Id>,
    /// Their records are gone from the log.
    pub gone: HashSet<Id>,
    pub notes: Rc<RefCell<Notes>>,
    pub repeats: u64,
    /// By partition: what lies before owes the destination nothing, for it came later.
    pub begins: HashMap<i32, i64>,
    /// Metadata was cut: then everything may be made again.
    pub overflowed: bool,
}

impl LaneTruth {
    pub fn new() -> Self {
        Self {
            accepted: Vec::new(),
            told: HashMap::new(),
            shown: HashMap::new(),
            lettered: HashSet::new(),
            gone: HashSet::new(),
            notes: Rc::default(),
            repeats: 0,
            begins: HashMap::new(),
            overflowed: false,
        }
    }

    /// Its destination goes: should it come back, what it got may come again, in whatever order.
    pub fn begin_anew(&mut self) {
        for post in &mut self.accepted {
            post.excuse_all();
        }
        self.shown.clear();
    }

    /// Does it owe the destination anything, by where that began?
    pub fn is_owed(&self, id: Id) -> bool {
        self.begins.get(&id.0).is_none_or(|begin| *begin <= id.1)
    }

    pub fn is_settled(&self, id: Id) -> bool {
        let told = self.told.contains_key(&id) || self.lettered.contains(&id);
        told || self.notes.borrow().undone.contains(&id) || self.gone.contains(&id)
    }

    /// A post was accepted: is it in order, and may it repeat what it repeats?
    pub fn accept(&mut self, post: Accepted) -> Result<usize, String> {
        let index = self.accepted.len();
        let mut repeated = HashSet::new();
        for id in post.ids() {
            if let Some(before) = self.told.insert(id, index) {
                let before = &self.accepted[before];
                let excused = before.excused.contains(&id.0) || post.excused.contains(&id.0);
                if !excused && !self.overflowed {
                    return Err(format!("{id:?} was posted again although {before:?} was accepted"));
                }
                repeated.insert(id);
            }
        }
        let notes = self.notes.borrow();
        for (row, ids) in &post.shown {
            for id in ids {
                let newest = self.shown.entry(*row).or_insert(-1);
                // Where it began may have been left out.
                let before_its_time = self.overflowed && self.begins.get(&id.0).is_some_and(|begin| id.1 < *begin);
                if id.1 <= *newest && !repeated.contains(id) && !notes.may_be_late(id) && !before_its_time {
                    return Err(format!("row {row:?}: {} came after {newest}", id.1));
                }
                *newest = (*newest).max(id.1);
            }
        }
        drop(notes);
        let repeats = !repeated.is_empty();
        self.repeats += u64::from(repeats);
        self.accepted.push(post);
        Ok(index)
    }
}

/// Does the commit of a partition at this offset pass anything that is not settled? `there` says which
/// destinations are in the config.
pub fn check_commit(
    lanes: &[LaneTruth],
    letters: &HashSet<Id>,
    partition: &Partition,
    number: i32,
    offset: i64,
    there: impl Fn(usize) -> bool,
) -> Result<(), String> {
    // What an earlier commit passed was looked at then.
    for record in partition.from(partition.committed).take_while(|record| record.offset < offset) {
        let id = (number, record.offset);
        if record.broken {
            if !letters.contains(&id) {
                return Err(format!("commit at {offset} passes {id:?}, whose dead letter is not written"));
            }
            continue;
        }
        if record.repeat {
            continue;
        }
        for (lane, wanted) in record.wanted.iter().enumerate() {
            let owed = wanted.is_some() && there(lane) && lanes[lane].is_owed(id);
            if owed && !lanes[lane].is_settled(id) {
                return Err(format!("commit at {offset} passes {id:?}, which lane {lane} has not settled"));
            }
        }
    }
    Ok(())
}
