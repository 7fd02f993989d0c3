//! What a group's commit says of a partition, for whoever looks at it or moves it while no replica runs.

use super::lane::LaneLog;
use super::log::Log;
use super::metadata::{self, LaneKey, MetadataError};
use super::{Owner, Partition};

/// A partition's commit: below its offset everything is settled, beyond it each lane says for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The partition.
    pub partition: Partition,
    /// The committed offset.
    pub committed: i64,
    /// Those that the metadata names, and those that were asked for besides.
    pub lanes: Vec<LaneStanding>,
}

/// How far one lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStanding {
    /// The hash of its destination's name.
    pub key: LaneKey,
    /// Everything below is settled.
    pub watermark: i64,
    /// Settled beyond it, in order: first and last offset.
    pub runs: Vec<(i64, i64)>,
    /// The metadata names it; else it is where it would begin.
    pub told: bool,
}

impl Standing {
    /// What a commit says of these lanes, and of others that it names. What the metadata says is not known where it is
    /// not ours, or damaged: then every lane is at the commit, as it would be at a start.
    pub fn read(
        partition: Partition,
        committed: i64,
        metadata: &str,
        keys: &[LaneKey],
    ) -> (Self, Option<MetadataError>) {
        let (told, error) = match metadata {
            "" => (None, None),
            text => match metadata::read(text) {
                Ok(told) => (Some(told).filter(|told| told.base <= committed), None),
                Err(error) => (None, Some(error)),
            },
        };
        let named = told.iter().flat_map(|told| &told.lanes);
        let mut lanes: Vec<_> = named
            .map(|lane| LaneStanding {
                key: lane.key,
                watermark: lane.watermark.max(committed),
                runs: lane.runs.iter().copied().filter(|(_, last)| *last >= committed).collect(),
                told: true,
            })
            .collect();
        let begins = match &told {
            Some(told) if told.complete => lanes.iter().map(|lane| lane.watermark).max().unwrap_or(committed),
            _ => committed,
        };
        for key in keys {
            if !lanes.iter().any(|lane| lane.key == *key) {
                lanes.push(LaneStanding { key: *key, watermark: begins, runs: Vec::new(), told: false });
            }
        }
        (Self { partition, committed, lanes }, error)
    }

    /// A lane's standing.
    pub fn lane(&self, key: LaneKey) -> Option<&LaneStanding> {
        self.lanes.iter().find(|lane| lane.key == key)
    }

    /// Everything below `to` counts as settled for one lane, or for all; what it settled beyond stays.
    pub fn skip(&mut self, only: Option<LaneKey>, to: i64) {
        for lane in self.lanes.iter_mut().filter(|lane| only.is_none_or(|key| key == lane.key)) {
            lane.watermark = lane.watermark.max(to);
            lane.runs.retain(|(_, last)| *last >= to);
            for (first, _) in &mut lane.runs {
                *first = (*first).max(to);
            }
            if let Some(&(first, last)) = lane.runs.first()
                && first <= lane.watermark
            {
                lane.watermark = last + 1;
                lane.runs.remove(0);
            }
        }
        let watermarks = self.lanes.iter().map(|lane| lane.watermark);
        self.committed = watermarks.min().unwrap_or(to).max(self.committed);
    }

    /// The metadata that says so, of at most `bytes` characters, and how many settled runs it leaves out.
    pub fn metadata(&self, bytes: usize) -> (String, u64) {
        let keys: Vec<_> = self.lanes.iter().map(|lane| Some(lane.key)).collect();
        let mut log = Log::new(0, self.committed, &[], None);
        log.lanes = self.lanes.iter().map(|lane| LaneLog::resumed(lane.watermark, &lane.runs)).collect();
        let owner = Owner { partition: self.partition.clone(), epoch: 0 };
        let (commit, left_out) = log.commit(&owner, &keys, bytes);
        (commit.metadata, left_out)
    }
}

impl LaneStanding {
    /// Has the lane settled the record at this offset, or was it spared it?
    pub fn is_settled(&self, offset: i64) -> bool {
        offset < self.watermark || self.runs.iter().any(|(first, last)| (*first..=*last).contains(&offset))
    }
}
