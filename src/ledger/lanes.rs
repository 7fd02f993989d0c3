//! Lanes that come and go while partitions are ours, as a reload of the config wants it.

use super::lane::LaneLog;
use super::metadata::LaneKey;
use super::{LaneId, Ledger};
use std::time::Duration;

impl Ledger {
    /// A new lane. It begins where each partition is: what was judged before owes it nothing.
    pub fn add_lane(&mut self, key: LaneKey) -> LaneId {
        let lane = self.free.pop().unwrap_or(self.keys.len());
        match self.keys.get_mut(lane) {
            Some(known) => *known = Some(key),
            None => self.keys.push(Some(key)),
        }
        for log in self.logs.values_mut() {
            let begun = LaneLog::resumed(log.position, &[]);
            match log.lanes.get_mut(lane) {
                Some(free) => *free = begun,
                None => log.lanes.push(begun),
            }
            // To be committed soon: whoever comes after us would let it begin at a commit that may be days old.
            log.settlements += 1;
        }
        lane
    }

    /// Commits say nothing of this lane any more, as if it never was; what it still owes goes on holding them.
    pub fn drop_lane(&mut self, lane: LaneId) {
        if let Some(key) = self.keys.get_mut(lane) {
            *key = None;
        }
    }

    /// True while a partition of ours owes this lane anything.
    pub fn owes(&self, lane: LaneId) -> bool {
        let owes = |log: &super::log::Log| log.lanes.get(lane).is_some_and(|lane| lane.first_owed().is_some());
        self.logs.values().any(owes)
    }

    /// Commits are at least `interval` apart and have at most `metadata_bytes` of metadata from now on.
    pub fn set_commits(&mut self, interval: Duration, metadata_bytes: usize) {
        (self.interval, self.metadata_bytes) = (interval, metadata_bytes);
    }

    /// A dropped lane that owes nothing: its number may be given to another.
    pub fn free_lane(&mut self, lane: LaneId) {
        self.free.push(lane);
    }
}
